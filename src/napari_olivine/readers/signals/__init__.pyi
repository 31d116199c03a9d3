from .image_ref import Part as Part
from .image_signal import SAME_PIXEL as SAME_PIXEL
from .image_signal import Enlarged as Enlarged
from .image_signal import WholeImage as WholeImage
from .image_signal import another_size as another_size
from .image_signal import repeated as repeated
from .image_signal import times_finer as times_finer
