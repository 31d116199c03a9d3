"""Analytical sessions and placements of traverses, as tables of a source say them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
