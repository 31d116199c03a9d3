from .card_text import card_in_words as card_in_words, scores_of as scores_of
from .curves import (
    IOU_COLOUR as IOU_COLOUR,
    Rows as Rows,
    curves_of_models as curves_of_models,
    curves_of_training as curves_of_training,
    rows_of as rows_of,
)
from .model_table import (
    ModelTable as ModelTable,
    model_names as model_names,
    paused_trainings as paused_trainings,
    rows_of_models as rows_of_models,
)
from .network_choice import (
    NetworkChoice as NetworkChoice,
    networks_and_headings as networks_and_headings,
)
from .phase_table import ious_in_words as ious_in_words, pieces_in_words as pieces_in_words
from .windows_part import WindowsPart as WindowsPart
