from .crop_classifier import CropClassifier as CropClassifier, Votes as Votes
from .loss import triplet_loss as triplet_loss
from .mixture import DescriptorMixture as DescriptorMixture, fit_mixture as fit_mixture
from .saliency import crop_saliency as crop_saliency
from .settings import CropSettings as CropSettings, TripletSettings as TripletSettings
from .softmax_classifier import SoftmaxClassifier as SoftmaxClassifier
from .threshold import (
    ImageDescriptors as ImageDescriptors,
    mixture_with_threshold as mixture_with_threshold,
)
from .triplet_classifier import TripletClassifier as TripletClassifier
