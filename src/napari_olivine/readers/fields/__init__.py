"""Element maps of a part of the section: which images they are, where they lie, their pixels."""

from napari_olivine.readers.fields.beside import maps_beside
from napari_olivine.readers.fields.field import (
    Field,
    Found,
    Unlaid,
    at_stage,
    find_fields,
    table_of,
    without_fields,
)
from napari_olivine.readers.fields.hand_placed import FIELDS_FILE, HandPlaced, read_hand_placed
from napari_olivine.readers.fields.registration import register_fields
from napari_olivine.readers.fields.signal import FieldSignal

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
