"""File formats of instruments: each turns a file into images, found by what is in the file."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
