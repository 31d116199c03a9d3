"""File formats of instruments: each turns a file into images, found by what is in the file."""

from napari_olivine.readers.formats.registry import FORMATS, Format, format_of, open_images

__all__ = ["FORMATS", "Format", "format_of", "open_images"]
