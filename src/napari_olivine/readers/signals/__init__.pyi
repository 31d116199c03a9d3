from .image_ref import ImageRef as ImageRef
from .image_signal import (
    SAME_PIXEL as SAME_PIXEL,
    UpsampledSignal as UpsampledSignal,
    WholeImage as WholeImage,
    has_other_size as has_other_size,
    over_section as over_section,
    upsample as upsample,
    upsampling_factor as upsampling_factor,
)
