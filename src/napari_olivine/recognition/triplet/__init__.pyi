from .crop_classifier import CropClassifier as CropClassifier, Votes as Votes
from .crop_saliency import saliency as saliency
from .mixture import DescriptorMixture as DescriptorMixture, fit_mixture as fit_mixture
from .settings import CropSettings as CropSettings, TripletSettings as TripletSettings
from .softmax_classifier import SoftmaxClassifier as SoftmaxClassifier
from .triplet_classifier import TripletClassifier as TripletClassifier
