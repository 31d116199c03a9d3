"""Editing in the window: undo by key and button, and shapes on the canvas as views of a model."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
