from .image_set import (
    DrawnImage as DrawnImage,
    ImageSetSettings as ImageSetSettings,
    draw_images as draw_images,
    make_image_set as make_image_set,
)
from .make import make_phantom as make_phantom
from .settings import PhantomSettings as PhantomSettings, RockName as RockName
