from .compare_part import ComparePart as ComparePart
from .compare_part import draw_as_mask as draw_as_mask
from .compare_part import draw_as_probability as draw_as_probability
from .live_segmentation import LiveSegmentation as LiveSegmentation
from .threshold_numbers import crystals_in as crystals_in
from .threshold_numbers import share_of as share_of
