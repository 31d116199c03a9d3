"""What the makers of instruments write into or beside an image, one module a maker."""

from napari_olivine.readers.formats.metadata.embedded import Told, read_beside, read_embedded

__all__ = ["Told", "read_beside", "read_embedded"]
