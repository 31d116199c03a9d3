"""Calibration: microprobe profiles and BSE grey -> mg# with its error, and the mg# map."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
