"""The check of a section: whether all of it is whole, and what can be mended."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
