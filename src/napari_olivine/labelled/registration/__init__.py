"""A coarser mineral map finds its place on an SEM image, and becomes its mask."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
