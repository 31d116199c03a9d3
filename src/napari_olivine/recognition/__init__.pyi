from .classifier import (
    NETWORK_ARRAYS as NETWORK_ARRAYS,
    Classifier as Classifier,
    CurvePoint as CurvePoint,
    ModelCard as ModelCard,
    refuse_damaged as refuse_damaged,
)
from .commands import (
    compare_classifiers as compare_classifiers,
    predict_classes as predict_classes,
    suggest_examples as suggest_examples,
    train_classifier as train_classifier,
)
from .cutouts import Frame as Frame, images_of_section as images_of_section
from .description import principal_axes as principal_axes
from .explanation import explain_classes as explain_classes
from .explanation_settings import RecogniseExplainSettings as RecogniseExplainSettings
from .folder import images_of_folder as images_of_folder
from .images import (
    NONE_OF_THESE as NONE_OF_THESE,
    ImageSet as ImageSet,
    RecognitionImage as RecognitionImage,
)
from .measures import grey_of as grey_of
from .metrics import (
    Interval as Interval,
    Performance as Performance,
    measure_performance as measure_performance,
)
from .registry import (
    CLASSIFIERS as CLASSIFIERS,
    ClassifierRow as ClassifierRow,
    load_classifier as load_classifier,
    make_classifier as make_classifier,
)
from .settings import (
    RecogniseCompareSettings as RecogniseCompareSettings,
    RecognisePredictSettings as RecognisePredictSettings,
    RecogniseSuggestSettings as RecogniseSuggestSettings,
    RecogniseTrainSettings as RecogniseTrainSettings,
)
from .small_images import has_colours as has_colours, squared as squared
from .splits import folds as folds, hold_out as hold_out, join_copies as join_copies
