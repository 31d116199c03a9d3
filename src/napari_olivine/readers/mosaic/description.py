"""A mosaic that is described by ``section.json``: equal tiles, one folder per signal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_olivine.errors import InputError
from napari_olivine.readers.base import raise_if_any
from napari_olivine.readers.mosaic.layout import Layout, in_a_grid, lay_out
from napari_olivine.readers.signals import ImageRef

MOST_TILES = 10_000_000
"""More places than any section has; a grid beyond it is a slip of the pen."""


class MosaicDescription(BaseModel):
    """The ``section.json`` that stands beside the tiles."""

    model_config = ConfigDict(extra="ignore")

    name: str = ""
    pixel_size_um: float | None = Field(None, gt=0)
    tile_shape: tuple[int, int]
    tile_overlap_px: int = Field(0, ge=0)
    grid: tuple[int, int]
    tile_pattern: str
    signals: list[str] = Field(min_length=1)
    accelerating_voltage_kV: float | None = Field(None, gt=0)
    maps: list[str] = Field(default_factory=list)
    """Folders or files, beside the tiles, with maps of parts of the section."""


def read_description(file: Path) -> MosaicDescription:
    """Read and judge a mosaic's ``section.json``.

    Raises
    ------
    InputError
        If a key is missing or wrong.
    """
    try:
        description = MosaicDescription.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise_if_any(
            [f"{'.'.join(map(str, p['loc'])) or 'the file'}: {p['msg']}" for p in error.errors()],
            f"{file} does not describe a mosaic of tiles",
            file=file,
        )
        raise
    if min(*description.grid, *description.tile_shape) < 1:
        raise InputError(f"{file}: grid and tile_shape must be numbers from 1.", file=file)
    if description.grid[0] * description.grid[1] > MOST_TILES:
        raise InputError(
            f"{file}: a grid of {description.grid[0]} x {description.grid[1]} is more than "
            f"{MOST_TILES} tiles; count them again.",
            file=file,
        )
    if description.tile_overlap_px >= min(description.tile_shape):
        raise InputError(
            f"{file}: tiles of {description.tile_shape[0]} x {description.tile_shape[1]} px cannot "
            f"overlap by {description.tile_overlap_px} px (tile_overlap_px).",
            file=file,
        )
    return description


def described_layout(description: MosaicDescription) -> Layout:
    """Lay the tiles out as ``section.json`` says; a tile's name is its ``ROW_COLUMN``."""
    rows, columns = description.grid
    cells = np.argwhere(np.ones((rows, columns), bool)).astype(np.int64)
    overlap = description.tile_overlap_px
    return lay_out(
        "described",
        f"{rows} rows of {columns} tiles as section.json says"
        + (f", neighbours sharing {overlap} px." if overlap else ", side by side."),
        [_name(row, column) for row, column in cells],
        in_a_grid(cells, description.tile_shape, (overlap, overlap)),
        cells,
        description.tile_shape,
    )


def described_tiles(folder: Path, description: MosaicDescription, signal: str) -> list[ImageRef]:
    """Return the image of each tile of a signal; the files may be missing.

    Parameters
    ----------
    folder
        Folder of the ``section.json``.
    description
        What it says.
    signal
        The signal, by the name that the description uses.

    Returns
    -------
    list of ImageRef
        Row by row.

    Raises
    ------
    InputError
        If `tile_pattern` cannot be used.
    """
    pattern = description.tile_pattern
    try:
        return [
            ImageRef(
                _name(row, column), folder / pattern.format(signal=signal, row=row, col=column)
            )
            for row in range(description.grid[0])
            for column in range(description.grid[1])
        ]
    except (KeyError, ValueError, IndexError, AttributeError, TypeError) as error:
        file = folder / "section.json"
        raise InputError(
            f"{file}: the tile_pattern {pattern!r} cannot be used; it may hold {{signal}}, {{row}} "
            f"and {{col}}, as in tiles/{{signal}}/r{{row:02d}}_c{{col:02d}}.tif ({error}).",
            file=file,
        ) from error


def _name(row: int, column: int) -> str:
    return f"{row}_{column}"
