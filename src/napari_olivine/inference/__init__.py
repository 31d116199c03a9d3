"""Inference: a trained network over a whole section."""

from napari_olivine.inference.settings import SegmentSettings
from napari_olivine.inference.step import segment

__all__ = ["SegmentSettings", "segment"]
