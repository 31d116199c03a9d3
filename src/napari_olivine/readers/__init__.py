"""Instruments' files become a section: tile mosaics, maps and microprobe tables."""

from napari_olivine.readers.importing import import_section
from napari_olivine.readers.recognise import read_source
from napari_olivine.readers.settings import ImportSettings
from napari_olivine.readers.source import SignalReader, Source

__all__ = ["ImportSettings", "SignalReader", "Source", "import_section", "read_source"]
