"""Inference: a trained network over a whole section."""

from napari_olivine.inference.segment import segment
from napari_olivine.inference.settings import SegmentSettings

__all__ = ["SegmentSettings", "segment"]
