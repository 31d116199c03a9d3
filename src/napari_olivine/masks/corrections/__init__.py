"""Corrections of the mask by hand: kept apart from the rule's mask, and painted over it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
