"""Review of crystals: uncertainty, the queue of a reviewer, and active learning from the review."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
