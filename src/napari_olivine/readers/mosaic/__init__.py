"""Mosaics: where each tile lies, found by description, stage, names or overlaps; and its pixels."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
