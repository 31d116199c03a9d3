"""Training: samples from a section, the loop, validation."""

from napari_olivine.training.settings import TrainSettings
from napari_olivine.training.step import train

__all__ = ["TrainSettings", "train"]
