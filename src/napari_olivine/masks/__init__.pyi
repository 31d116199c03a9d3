from .applying import phase_of as phase_of
from .named_rules import (
    NAMED as NAMED,
    NAMED_PICKED as NAMED_PICKED,
    OLIVINE as OLIVINE,
    OLIVINE_PAPER as OLIVINE_PAPER,
    OLIVINE_WEIGHT as OLIVINE_WEIGHT,
    rule_for as rule_for,
    rule_on_maps as rule_on_maps,
)
from .phase_codes import (
    ALTERED as ALTERED,
    ALTERED_COLOUR as ALTERED_COLOUR,
    ALTERED_NAME as ALTERED_NAME,
    IGNORE as IGNORE,
    UNKNOWN as UNKNOWN,
    UNKNOWN_NAME as UNKNOWN_NAME,
)
from .picked_doubts import MINERAL as MINERAL, doubts as doubts
from .reference import (
    Picked as Picked,
    Spot as Spot,
    pick as pick,
    relative_to as relative_to,
)
from .rule_parser import parse_rule as parse_rule
from .rule_preview import (
    Reading as Reading,
    RulePreview as RulePreview,
    RuleViewer as RuleViewer,
    Share as Share,
    Verdict as Verdict,
)
from .rule_words import completions as completions
from .rules import COUNTS as COUNTS, WEIGHT as WEIGHT, Rule as Rule, area_words as area_words
from .scatter import (
    AxisValue as AxisValue,
    LimitLine as LimitLine,
    Scatter as Scatter,
    Span as Span,
    scatter_of as scatter_of,
)
from .settings import MaskSettings as MaskSettings
from .step import make_mask as make_mask
from .viewed_maps import ViewedMaps as ViewedMaps
