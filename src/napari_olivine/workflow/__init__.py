"""Several steps in a row: the whole chain, the demonstration, the check that reads files again."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
