"""Full-resolution rasters as tiled BigTIFF with pyramids, written strip by strip."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.section import Raster

TILE = 512


def write_tiff(raster: Raster, file: Path, compression: str, job: Job) -> None:
    """Write a raster with its pyramid as tiled OME-BigTIFF.

    The pixel size stands in the TIFF tags (pixels per centimetre) and in the OME-XML, where
    QuPath, Bio-Formats and tifffile find it. Memory holds one row of tiles at a time.

    Parameters
    ----------
    raster
        Image to write.
    file
        TIFF to write.
    compression
        ``"zlib"`` or ``"zstd"``.
    job
        Running job; can stop the work between rows of tiles.
    """
    import tifffile

    levels = raster.levels
    with tifffile.TiffWriter(file, bigtiff=True, ome=True) as tiff:
        for level, array in enumerate(levels):
            pixel_um = raster.pixel_size_um * 2**level
            tiff.write(
                _tiles(array, f"Writing {file.name}" if level == 0 else "", job),
                shape=array.shape,
                dtype=np.dtype(array.dtype),
                tile=(TILE, TILE),
                photometric="minisblack",
                compression=compression,
                resolution=(1e4 / pixel_um, 1e4 / pixel_um),
                resolutionunit="CENTIMETER",
                subifds=len(levels) - 1 if level == 0 else None,
                subfiletype=0 if level == 0 else 1,
                metadata=_ome(raster) if level == 0 else None,
            )


def _ome(raster: Raster) -> dict[str, Any]:
    return {
        "axes": "YX",
        "Name": raster.name,
        "PhysicalSizeX": raster.pixel_size_um,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": raster.pixel_size_um,
        "PhysicalSizeYUnit": "µm",
    }


def _tiles(array: zarr.Array[Any], message: str, job: Job) -> Iterator[NDArray[Any]]:
    """Yield the tiles of an image in reading order; those at its end are padded."""
    rows, columns = array.shape
    for row in range(0, rows, TILE):
        if message:
            job.progress(row, rows, message)
        job.check()
        strip = np.asarray(array[row : row + TILE])
        for column in range(0, columns, TILE):
            tile = strip[:, column : column + TILE]
            short = TILE - tile.shape[0], TILE - tile.shape[1]
            if any(short):
                tile = np.pad(tile, ((0, short[0]), (0, short[1])))
            yield np.ascontiguousarray(tile)
    if message:
        job.progress(rows, rows, message)
