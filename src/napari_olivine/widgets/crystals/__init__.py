"""The parts of the Crystals dock: table, gallery, colours, selected crystal."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
