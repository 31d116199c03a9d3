"""Folders of images with masks become a section, and mineral maps are laid on SEM images."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
