"""Phase rules over element maps -> reference masks."""

from napari_olivine.masks.mask import IGNORE, MaskSettings, make_mask, phase_of
from napari_olivine.masks.rules import NAMED_RULES, OLIVINE, OLIVINE_PAPER, Rule, parse_rule

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
