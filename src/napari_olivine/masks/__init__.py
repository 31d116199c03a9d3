"""Phase rules over element maps -> reference masks."""

from napari_olivine.masks.rules import NAMED_RULES, OLIVINE, OLIVINE_PAPER, Rule, parse_rule
from napari_olivine.masks.step import IGNORE, MaskSettings, make_mask, phase_of

__all__ = [
    "IGNORE",
    "NAMED_RULES",
    "OLIVINE",
    "OLIVINE_PAPER",
    "MaskSettings",
    "Rule",
    "make_mask",
    "parse_rule",
    "phase_of",
]
