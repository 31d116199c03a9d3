from .description import (
    MosaicDescription as MosaicDescription,
    described_layout as described_layout,
    described_tiles as described_tiles,
    read_description as read_description,
)
from .filename_grid import read_names as read_names
from .layout import Layout as Layout, StageFrame as StageFrame, lay_out as lay_out
from .place_tiles import (
    arrange_tiles as arrange_tiles,
    holes as holes,
    place_mosaic as place_mosaic,
    share_strips as share_strips,
)
from .registration import RegisteredTiles as RegisteredTiles, register as register
from .stage_layout import layout_of_stage as layout_of_stage
from .tile_headers import TileHeaders as TileHeaders, read_headers as read_headers
from .tile_mosaic import TileMosaic as TileMosaic
