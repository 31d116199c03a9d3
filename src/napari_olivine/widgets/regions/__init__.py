"""The region of study that a person draws: the table, the layer, the part of the dock."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
