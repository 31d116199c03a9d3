from .classes import (
    MOST_CLASSES as MOST_CLASSES,
    LabelClass as LabelClass,
    LabelClasses as LabelClasses,
)
from .label_image import LabelImage as LabelImage, open_labels as open_labels
from .label_keys import COLOURS as COLOURS, words_of as words_of
from .settings import ImportLabelsSettings as ImportLabelsSettings
from .step import import_labels as import_labels
