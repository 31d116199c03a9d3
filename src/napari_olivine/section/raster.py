"""Multiscale images on disk (OME-Zarr 0.5): written in blocks, read in windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import zarr
from numpy.typing import DTypeLike, NDArray
from zarr.codecs import ZstdCodec

from napari_olivine.errors import SectionError
from napari_olivine.job import Job

CHUNK = 1024
"""Rows and columns of a chunk."""

SMALLEST = 512
"""A pyramid ends with the first level whose longer side is at most this."""

Reduction = Literal["mean", "nanmean", "nearest"]
Block = tuple[slice, slice]


class Raster:
    """One multiscale image of a section.

    Level 0 has full resolution; each further level halves rows and columns.

    Parameters
    ----------
    folder
        Folder of the OME-Zarr image.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            group = zarr.open_group(folder, mode="r+")
            self._ome: dict[str, Any] = dict(group.attrs["ome"])  # type: ignore[arg-type]
            datasets = self._ome["multiscales"][0]["datasets"]
            self.levels: list[zarr.Array[Any]] = [group[d["path"]] for d in datasets]  # type: ignore[misc]
        except (OSError, KeyError, ValueError, IndexError) as error:
            raise SectionError(f"{folder} is not a readable OME-Zarr image ({error}).") from error

    @property
    def name(self) -> str:
        """Name of the image."""
        return str(self._ome["multiscales"][0]["name"])

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns at full resolution."""
        rows, columns = self.levels[0].shape
        return rows, columns

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a pixel."""
        return np.dtype(self.levels[0].dtype)

    @property
    def pixel_size_um(self) -> float:
        """Side of a pixel at full resolution, um."""
        transformations = self._ome["multiscales"][0]["datasets"][0]["coordinateTransformations"]
        return float(transformations[0]["scale"][0])

    @property
    def reduction(self) -> Reduction:
        """How a level is made from the one below it."""
        return self._ome["multiscales"][0]["metadata"]["reduction"]  # type: ignore[no-any-return]

    def read(self, rows: slice, columns: slice, level: int = 0) -> NDArray[Any]:
        """Read a window; parts of it beyond the image are left out.

        Parameters
        ----------
        rows, columns
            Window in pixels of that level, start not negative.
        level
            0 for full resolution.
        """
        return np.asarray(self.levels[level][rows, columns])

    def write(self, row: int, column: int, block: NDArray[Any]) -> None:
        """Write a block at full resolution with its top left pixel at (row, column)."""
        height, width = block.shape
        self.levels[0][row : row + height, column : column + width] = block

    def build_pyramid(self, job: Job, done: Callable[[str], bool] | None = None) -> None:
        """Make every level above the first, block by block of 1024 rows and 8192 columns.

        Parameters
        ----------
        job
            It can stop the work between two blocks.
        done
            Tells whether a block, by its name, was already made; asked before each block.
        """
        for level in range(1, len(self.levels)):
            finer, coarser = self.levels[level - 1], self.levels[level]
            for rows, columns in blocks(coarser.shape, CHUNK, 8 * CHUNK):
                job.check()
                if done is not None and done(f"{self.name} {level} {rows.start} {columns.start}"):
                    continue
                fine = finer[2 * rows.start : 2 * rows.stop, 2 * columns.start : 2 * columns.stop]
                coarser[rows, columns] = halve(np.asarray(fine), self.reduction)


def create_raster(
    folder: Path,
    shape: tuple[int, int],
    dtype: DTypeLike,
    pixel_size_um: float,
    *,
    reduction: Reduction,
    fill: float = 0,
    origin: str = "",
) -> Raster:
    """Create an empty multiscale image, or open it if it is there already.

    Parameters
    ----------
    folder
        Where; its name becomes the image's name.
    shape
        Rows and columns.
    dtype
        Type of a pixel.
    pixel_size_um
        Side of a pixel, um.
    reduction
        ``"mean"`` for grey, ``"nanmean"`` for values that exist on some pixels only,
        ``"nearest"`` for labels.
    fill
        Value of pixels that are never written.
    origin
        What the image is, for whoever opens it elsewhere.
    """
    if (folder / "zarr.json").exists():
        return Raster(folder)
    shapes = [shape]
    while max(shapes[-1]) > SMALLEST:
        rows, columns = shapes[-1]
        shapes.append(((rows + 1) // 2, (columns + 1) // 2))
    group = zarr.open_group(folder, mode="w", zarr_format=3)
    for level, level_shape in enumerate(shapes):
        group.create_array(
            str(level),
            shape=level_shape,
            dtype=np.dtype(dtype),
            chunks=(min(CHUNK, level_shape[0]), min(CHUNK, level_shape[1])),
            compressors=ZstdCodec(level=1),
            fill_value=fill,
            dimension_names=("y", "x"),
        )
    # Written last: an image without it is not finished being created.
    group.attrs["ome"] = _ome_metadata(folder.name, len(shapes), pixel_size_um, reduction, origin)
    return Raster(folder)


def blocks(shape: tuple[int, ...], height: int, width: int | None = None) -> Iterator[Block]:
    """Cut an image into blocks from top left to bottom right.

    Parameters
    ----------
    shape
        Rows and columns of the image.
    height, width
        Of a block; the whole width if not given.
    """
    width = width or shape[1]
    for row in range(0, shape[0], height):
        for column in range(0, shape[1], width):
            yield (
                slice(row, min(row + height, shape[0])),
                slice(column, min(column + width, shape[1])),
            )


def strip_height(job: Job, bytes_per_row: int) -> int:
    """Rows of a strip that fits in the job's memory, a whole number of chunks.

    Parameters
    ----------
    job
        Running job.
    bytes_per_row
        Memory that the work needs for one row of the image, everything counted.
    """
    rows = job.memory_bytes // (2 * max(1, bytes_per_row))
    return int(max(1, min(rows // CHUNK, 8))) * CHUNK


def block_side(job: Job, bytes_per_pixel: int) -> int:
    """Side of a square block that fits in the job's memory, a whole number of chunks.

    Parameters
    ----------
    job
        Running job.
    bytes_per_pixel
        Memory that the work needs for one pixel, everything counted.
    """
    pixels = job.memory_bytes / (2 * max(1, bytes_per_pixel))
    return int(max(1, min(pixels**0.5 // CHUNK, 8))) * CHUNK


def halve(image: NDArray[Any], reduction: Reduction) -> NDArray[Any]:
    """Halve an image's rows and columns (odd sides: the last row or column counts twice)."""
    if reduction == "nearest":
        return image[::2, ::2]
    rows, columns = image.shape
    if rows % 2 or columns % 2:
        image = np.pad(image, ((0, rows % 2), (0, columns % 2)), mode="edge")
    quarters = np.stack(
        [image[0::2, 0::2], image[1::2, 0::2], image[0::2, 1::2], image[1::2, 1::2]]
    )
    if reduction == "nanmean":
        there = np.isfinite(quarters)
        total = np.where(there, quarters, 0).sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = total / there.sum(axis=0)
    elif np.issubdtype(image.dtype, np.integer):
        wide = np.uint32 if image.dtype.itemsize < 4 else np.uint64
        mean = (quarters.sum(axis=0, dtype=wide) + 2) // 4
    else:
        mean = quarters.mean(axis=0)
    return np.asarray(mean, image.dtype)


def _ome_metadata(
    name: str, levels: int, pixel_size_um: float, reduction: str, origin: str
) -> dict[str, Any]:
    datasets = []
    for level in range(levels):
        factor = 2**level
        # A coarse pixel's centre lies between the centres of the fine pixels it covers.
        shift = (factor - 1) / 2 * pixel_size_um if reduction != "nearest" else 0.0
        scale = {"type": "scale", "scale": [pixel_size_um * factor] * 2}
        translation = {"type": "translation", "translation": [shift] * 2}
        datasets.append({"path": str(level), "coordinateTransformations": [scale, translation]})
    axes = [{"name": n, "type": "space", "unit": "micrometer"} for n in ("y", "x")]
    metadata = {"reduction": reduction, "origin": origin}
    return {
        "version": "0.5",
        "multiscales": [
            {
                "name": name,
                "axes": axes,
                "datasets": datasets,
                "type": reduction,
                "metadata": metadata,
            }
        ],
    }
