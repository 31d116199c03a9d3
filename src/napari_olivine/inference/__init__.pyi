from .cell_store import CellStore as CellStore
from .dask_array import predict_cells as predict_cells
from .encoding import FULL as FULL, stored_threshold as stored_threshold
from .models import (
    SelectedModel as SelectedModel,
    choose_models as choose_models,
    find_model as find_model,
    fingerprint_of_model as fingerprint_of_model,
)
from .out_of_distribution import (
    OUT_OF_DISTRIBUTION as OUT_OF_DISTRIBUTION,
    compare_with_training as compare_with_training,
    difference_in_words as difference_in_words,
    is_far as is_far,
)
from .plan import Plan as Plan, make_plan as make_plan
from .settings import SegmentSettings as SegmentSettings
from .step import segment as segment
from .threshold import PUBLISHED_THRESHOLD as PUBLISHED_THRESHOLD, threshold_of as threshold_of
from .windows import CELL as CELL, Place as Place
from .worker_cache import loaded as loaded
