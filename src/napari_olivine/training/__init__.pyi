from .files import CHECKPOINT as CHECKPOINT
from .settings import TrainSettings as TrainSettings
from .step import train as train, training_recipe as training_recipe
from .synthesis_settings import SynthesiseSettings as SynthesiseSettings
from .synthesis_step import synthesise as synthesise
