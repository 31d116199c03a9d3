"""Element maps of a part of the section: which images they are, where they lie, their pixels."""

from napari_olivine.readers.submaps.described_maps import maps_beside
from napari_olivine.readers.submaps.hand_placed import FIELDS_FILE, HandPlaced, read_hand_placed
from napari_olivine.readers.submaps.registration import register_fields
from napari_olivine.readers.submaps.submap import (
    Field,
    Found,
    Unlaid,
    at_stage,
    find_fields,
    table_of,
    without_fields,
)
from napari_olivine.readers.submaps.submap_signal import FieldSignal

__all__ = [
    "FIELDS_FILE",
    "Field",
    "FieldSignal",
    "Found",
    "HandPlaced",
    "Unlaid",
    "at_stage",
    "find_fields",
    "maps_beside",
    "read_hand_placed",
    "register_fields",
    "table_of",
    "without_fields",
]
