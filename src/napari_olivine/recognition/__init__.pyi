from .classifier import Classifier as Classifier, ModelCard as ModelCard
from .images import ImageSet as ImageSet, RecognitionImage as RecognitionImage
from .registry import (
    CLASSIFIERS as CLASSIFIERS,
    ClassifierRow as ClassifierRow,
    load_classifier as load_classifier,
    make_classifier as make_classifier,
)
