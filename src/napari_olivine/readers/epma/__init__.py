"""Microprobe tables of every maker: oxides in wt% and places come out, whatever goes in.

A table is read in two steps: `suggest` guesses a `ColumnMapping` from its content, and the mapping
is applied. A person may edit the mapping (`preview` shows what comes out) and keep it
(`save_mapping`) in ``columns.toml`` beside the tables, where `read_profiles` finds it.
"""

from napari_olivine.readers.epma.column_headers import OXIDES, column_name
from napari_olivine.readers.epma.folder import EXTRA, USUAL, in_order, read_profile, read_profiles
from napari_olivine.readers.epma.infer_columns import suggest
from napari_olivine.readers.epma.mapping import (
    QUANTITIES,
    Column,
    ColumnMapping,
    load_mappings,
    mapping_for,
    save_mapping,
    units_of,
)
from napari_olivine.readers.epma.mapping_preview import Preview, preview

__all__ = [
    "EXTRA",
    "OXIDES",
    "QUANTITIES",
    "USUAL",
    "Column",
    "ColumnMapping",
    "Preview",
    "column_name",
    "in_order",
    "load_mappings",
    "mapping_for",
    "preview",
    "read_profile",
    "read_profiles",
    "save_mapping",
    "suggest",
    "units_of",
]
