"""Element maps of a part of the section: which images they are, where they lie, their pixels."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
