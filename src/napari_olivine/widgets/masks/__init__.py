"""What a person does on the maps: picks an olivine, and corrects the mask by hand."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
