from .correct_part import CorrectPart as CorrectPart
from .live_rule import LiveRule as LiveRule
from .picked_part import PickedPart as PickedPart
from .preview_part import PreviewPart as PreviewPart
from .rule_part import OWN as OWN, RulePart as RulePart
from .scatter_part import ScatterPart as ScatterPart
