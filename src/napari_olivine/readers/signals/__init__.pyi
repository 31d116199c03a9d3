from .image_ref import Part as Part
from .image_signal import (
    SAME_PIXEL as SAME_PIXEL,
    UpsampledSignal as UpsampledSignal,
    WholeImage as WholeImage,
    another_size as another_size,
    repeated as repeated,
    times_finer as times_finer,
)
