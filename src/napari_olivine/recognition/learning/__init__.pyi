from .augmentation import augment as augment
from .backbones import (
    BACKBONES as BACKBONES,
    Backbone as Backbone,
    build_backbone as build_backbone,
    start_backbone as start_backbone,
)
from .crops import (
    CropPlace as CropPlace,
    cut as cut,
    draw_place as draw_place,
    log_resolution as log_resolution,
    resized as resized,
    with_channels as with_channels,
)
from .held_out import LOOKED_AT as LOOKED_AT, learned_and_chosen as learned_and_chosen
from .learning_rate import warm_cosine as warm_cosine
