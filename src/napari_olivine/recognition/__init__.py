"""Recognition: what an image shows, learned from labelled images and from crystals of a section."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
