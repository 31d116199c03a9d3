"""Levelling: the grey of all tiles and sessions of a mosaic on one scale."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
