"""Metadata that instruments write into or beside an image, one module a vendor."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
