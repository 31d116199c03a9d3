"""What every dock of the plugin is built on: scrolled column, form, run bar, tabs, opening."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
