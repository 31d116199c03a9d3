"""Parts of the Recognise dock: the map of the descriptors, where a classifier looks."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
