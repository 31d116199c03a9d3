from .settings import TrainSettings as TrainSettings
from .step import train as train
