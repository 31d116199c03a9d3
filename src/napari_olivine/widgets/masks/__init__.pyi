from .correct_part import CorrectPart as CorrectPart
from .picked_part import PickedPart as PickedPart
