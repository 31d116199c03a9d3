from .image_ref import ImageRef as ImageRef
from .image_signal import (
    SAME_PIXEL as SAME_PIXEL,
    UpsampledSignal as UpsampledSignal,
    WholeImage as WholeImage,
    another_size as another_size,
    over_section as over_section,
    repeated as repeated,
    times_finer as times_finer,
)
