"""Diffusion chronometry: how long a step of Fe-Mg in olivine has been spreading."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
