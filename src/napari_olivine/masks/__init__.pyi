from .rules import (
    NAMED_RULES as NAMED_RULES,
    OLIVINE as OLIVINE,
    OLIVINE_PAPER as OLIVINE_PAPER,
    Rule as Rule,
    parse_rule as parse_rule,
)
from .step import (
    IGNORE as IGNORE,
    MaskSettings as MaskSettings,
    make_mask as make_mask,
    phase_of as phase_of,
)
