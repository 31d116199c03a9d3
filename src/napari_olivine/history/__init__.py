"""One command stack: every edit of a person, of any kind, taken back and done again in order."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
