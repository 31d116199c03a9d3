"""Training: samples from a section, the loop, validation."""

from napari_olivine.training.settings import TrainSettings
from napari_olivine.training.train import train

__all__ = ["TrainSettings", "train"]
