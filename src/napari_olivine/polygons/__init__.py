"""Polygons: the pixels inside, what is wrong with one, the outline of pixels, GeoJSON files."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
