from .settings import RegisterLabelsSettings as RegisterLabelsSettings
from .step import Registered as Registered, register_labels as register_labels
