"""A person's edits of crystals: journalled, undone, and carried out again after a rerun."""

from napari_olivine.crystals.edits.change import Change
from napari_olivine.crystals.edits.commands import (
    Classify,
    Edit,
    Entry,
    Judge,
    Merge,
    Note,
    Redraw,
    Split,
    words_of,
)
from napari_olivine.crystals.edits.footprints import Shape
from napari_olivine.crystals.edits.journal import Journal, reviewer
from napari_olivine.crystals.edits.store import Aside, CrystalStore, bring_up_to_date

__all__ = [
    "Aside",
    "Change",
    "Classify",
    "CrystalStore",
    "Edit",
    "Entry",
    "Journal",
    "Judge",
    "Merge",
    "Note",
    "Redraw",
    "Shape",
    "Split",
    "bring_up_to_date",
    "reviewer",
    "words_of",
]
