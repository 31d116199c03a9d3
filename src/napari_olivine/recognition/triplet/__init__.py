"""The triplet network and the softmax beside it: crops of random scale, none of these."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
