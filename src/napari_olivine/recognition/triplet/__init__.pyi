from .crop_classifier import CropClassifier as CropClassifier, Votes as Votes
from .mixture import DescriptorMixture as DescriptorMixture, fit_mixture as fit_mixture
from .saliency import crop_saliency as crop_saliency
from .settings import CropSettings as CropSettings, TripletSettings as TripletSettings
from .softmax_classifier import SoftmaxClassifier as SoftmaxClassifier
from .triplet_classifier import TripletClassifier as TripletClassifier
