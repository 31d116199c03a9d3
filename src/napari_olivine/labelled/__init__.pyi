from .classes import (
    EVERYTHING_ELSE as EVERYTHING_ELSE,
    LabelClass as LabelClass,
    LabelClasses as LabelClasses,
)
from .settings import ImportLabelsSettings as ImportLabelsSettings
from .step import import_labels as import_labels
