from .settings import TrainSettings as TrainSettings
from .step import train as train, training_recipe as training_recipe
