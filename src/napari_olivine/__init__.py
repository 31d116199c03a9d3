"""napari-olivine: from BSE mosaics, X-ray maps and microprobe traverses to zoned crystals."""

from importlib.metadata import version

__version__ = version("napari-olivine")
