from .picked_part import PickedPart as PickedPart
from .rule_part import OWN as OWN, RulePart as RulePart
