"""A synthetic thin section with known truth, for the demo, for practice and for tests."""

from napari_olivine.phantom.make import make_phantom
from napari_olivine.phantom.settings import PhantomSettings

__all__ = ["PhantomSettings", "make_phantom"]
