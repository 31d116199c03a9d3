from .picked_part import PickedPart as PickedPart
