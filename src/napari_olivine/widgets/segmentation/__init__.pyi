from .compare_part import (
    ComparePart as ComparePart,
    draw_as_mask as draw_as_mask,
    draw_as_probability as draw_as_probability,
    threshold_slider as threshold_slider,
)
from .live_segmentation import LiveSegmentation as LiveSegmentation
from .threshold_numbers import crystals_in as crystals_in, share_of as share_of
from .training_part import TrainingPart as TrainingPart
