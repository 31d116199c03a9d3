"""Steps in child processes: run, progress, cancel, bring up to date."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
