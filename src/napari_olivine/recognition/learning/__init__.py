"""Common to the networks: backbones, crops, augmentation, images that are held out."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
