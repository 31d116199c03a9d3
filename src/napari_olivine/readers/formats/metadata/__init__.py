"""What the makers of instruments write into or beside an image, one module a maker."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
