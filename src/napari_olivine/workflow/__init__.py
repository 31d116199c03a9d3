"""The steps in their order: the list of them, the whole chain, the demonstration."""

from napari_olivine.registry import STEPS, Step

__all__ = ["STEPS", "Step"]
