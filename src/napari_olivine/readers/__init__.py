"""Instruments' files become a section: tile mosaics, maps and microprobe tables."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from napari_olivine.readers.settings import ImportSettings

if TYPE_CHECKING:
    from napari_olivine.readers.assemble.identify import read_source
    from napari_olivine.readers.assemble.importer import import_section
    from napari_olivine.readers.assemble.source import Source
    from napari_olivine.readers.base.signal_reader import SignalReader

__all__ = ["ImportSettings", "SignalReader", "Source", "import_section", "read_source"]

_MODULES = {
    "import_section": "importing",
    "read_source": "recognise",
    "SignalReader": "signal_reader",
    "Source": "source",
}


def __getattr__(name: str) -> Any:
    """Load the readers when one is asked for: a window that shows a section needs none."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
