"""What every reader hands out: images, signals, and the words of instruments."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
