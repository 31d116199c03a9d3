"""Multiscale images on disk (OME-Zarr 0.5): written in blocks, read in windows."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_olivine.errors import SectionError
from napari_olivine.job import Job
from napari_olivine.section.atomic_io import sync_file
from napari_olivine.section.downsample import Reduction, halve
from napari_olivine.section.shards import codec, fills_shards, is_ours, write_shards

if TYPE_CHECKING:
    import zarr

CHUNK = 1024
"""Rows of a strip, and the step of the sides of blocks: blocks of a multiple of it fill whole
shards from top to bottom."""

PIECE = 512
"""Rows and columns of a chunk of zarr, which is compressed by itself."""

SHARD_COLUMNS = 8192
"""Columns of a file (a shard of zarr); it has `CHUNK` rows at full resolution."""

OVERVIEW_ROWS = CHUNK // 2
"""Rows of a file of an overview: a strip at full resolution fills those of the first overview."""

SMALLEST = 512
"""A pyramid ends with the first level whose longer side is at most this."""

LABELLED = "../../images/{}"
"""The image that masks and labels are of, as seen from them (OME-NGFF 0.5, image-label)."""

PATIENCE_S = 2.0
"""How long a reader waits for a product that is just being replaced."""

TRIES = 5
"""How often a window is read again because its product was replaced meanwhile."""

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
        self._open()

    def _open(self) -> None:
        import zarr

        try:
            self._identity = _identity(self.folder)
            group = zarr.open_group(self.folder, mode="r+")
            self._ome: dict[str, Any] = dict(group.attrs["ome"])  # type: ignore[arg-type]
            datasets = self._ome["multiscales"][0]["datasets"]
            self.levels: list[zarr.Array[Any]] = [group[d["path"]] for d in datasets]  # type: ignore[misc]
            if not all(isinstance(level, zarr.Array) and level.ndim == 2 for level in self.levels):
                raise ValueError("a level is no image")
            _ = self.name, self.pixel_size_um, self.reduction
        except (
            OSError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError,
        ) as error:  # fmt: skip
            raise SectionError(
                f"{self.folder} is not a readable OME-Zarr image ({error}).", file=self.folder
            ) from error

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
    def level_shapes(self) -> list[tuple[int, int]]:
        """Rows and columns of each level of the pyramid."""
        return [(level.shape[0], level.shape[1]) for level in self.levels]

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
        for _ in range(TRIES):
            window = self._read(rows, columns, level)
            if window is not None and self._stayed():
                return window
            # The product was replaced meanwhile: a chunk that was not found would count as empty.
            self._wait_for_replacement()
        raise SectionError(f"{self.folder} is replaced again and again while it is read.")

    def _stayed(self) -> bool:
        return _identity(self.folder) == self._identity

    def _wait_for_replacement(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not _identity(self.folder):
            if time.monotonic() > deadline:
                raise SectionError(f"{self.folder} was taken away while it was read.")
            time.sleep(0.01)
        shape, dtype = self.shape, self.dtype
        self._open()
        if (self.shape, self.dtype) != (shape, dtype):
            raise SectionError(
                f"{self.folder} was replaced while it was read.", remedy="Read it again."
            )

    def _read(self, rows: slice, columns: slice, level: int) -> NDArray[Any] | None:
        try:
            return np.asarray(self.levels[level][rows, columns])
        except (OSError, ValueError, RuntimeError) as error:
            if not self._stayed():
                return None
            raise SectionError(
                f"{self.folder} is damaged at level {level}, rows {rows.start} to {rows.stop}, "
                f"columns {columns.start} to {columns.stop} ({error}).",
                remedy="Run {step:check} with {setting:check.repair}.",
                step="check",
                file=self.folder,
            ) from error

    def write(self, row: int, column: int, block: NDArray[Any], level: int = 0) -> None:
        """Write a block.

        A block of whole shards is compressed on every core; for any other, the rest of the shards
        is read and written again. Either way each file is replaced atomically. Whole shards are
        brought to the disk in the background (`section.atomic_io`), other blocks before this
        returns.

        Parameters
        ----------
        row, column
            Place of its top left pixel.
        block
            Pixels, shape (rows, columns).
        level
            Level of the pyramid.
        """
        height, width = block.shape
        rows, columns = slice(row, row + height), slice(column, column + width)
        array = self.levels[level]
        if fills_shards(array, rows, columns) and is_ours(array):
            write_shards(self.folder / array.basename, array, row, column, block)
        else:
            array[rows, columns] = block
            for file, _ in self.files(level, rows, columns):
                with suppress(FileNotFoundError):  # nothing but the fill value
                    sync_file(file)

    def files(self, level: int, rows: slice, columns: slice) -> Iterator[tuple[Path, Block]]:
        """Give the files that hold a window of a level, and the pixels in each.

        A file does not exist while all its pixels have the fill value.

        Parameters
        ----------
        level
            Level of the pyramid.
        rows, columns
            Window in pixels of that level.
        """
        array = self.levels[level]
        high, wide = array.shards or array.chunks
        for row in range(rows.start // high, -(-min(rows.stop, array.shape[0]) // high)):
            for column in range(
                columns.start // wide, -(-min(columns.stop, array.shape[1]) // wide)
            ):
                key = array.metadata.encode_chunk_key((row, column))
                yield (
                    self.folder / array.basename / key,
                    (
                        slice(row * high, min((row + 1) * high, array.shape[0])),
                        slice(column * wide, min((column + 1) * wide, array.shape[1])),
                    ),
                )

    def forget(self, level: int, rows: slice, columns: slice) -> None:
        """Delete the files that lie wholly in a window, which is written next.

        Parameters
        ----------
        level
            Level of the pyramid.
        rows, columns
            Window in pixels of that level.
        """
        for file, (file_rows, file_columns) in self.files(level, rows, columns):
            inside = rows.start <= file_rows.start and file_rows.stop <= rows.stop
            if inside and columns.start <= file_columns.start and file_columns.stop <= columns.stop:
                file.unlink(missing_ok=True)

    def build_pyramid(self, job: Job, done: Callable[[str], bool] | None = None) -> None:
        """Make every level above the first, block by block.

        Parameters
        ----------
        job
            It can stop the work between two blocks.
        done
            Tells whether a block, by its name, was already made; asked before each block.
        """
        for level in range(1, len(self.levels)):
            for rows, columns in self.overview_blocks(level):
                job.check()
                if done is not None and done(self.block_name(level, rows.start, columns.start)):
                    continue
                self.write(rows.start, columns.start, self.reduced(level, rows, columns), level)

    def overview_blocks(self, level: int, rows: slice | None = None) -> Iterator[Block]:
        """Cut an overview, or those of its blocks that begin in some rows, into its files."""
        for block in blocks(self.levels[level].shape, OVERVIEW_ROWS, SHARD_COLUMNS):
            if rows is None or rows.start <= block[0].start < rows.stop:
                yield block

    def block_name(self, level: int, row: int, column: int) -> str:
        """Name a block of an overview, the same in every run.

        Parameters
        ----------
        level
            Level of the pyramid.
        row, column
            Its top left pixel.
        """
        return f"{self.name} {level} {row} {column}"

    def reduced(self, level: int, rows: slice, columns: slice) -> NDArray[Any]:
        """Compute a window of a level from the level below it.

        Parameters
        ----------
        level
            Level of the pyramid, from 1.
        rows, columns
            Window in pixels of that level.
        """
        fine = self.read(
            slice(2 * rows.start, 2 * rows.stop), slice(2 * columns.start, 2 * columns.stop),
            level - 1,
        )  # fmt: skip
        return halve(fine, self.reduction)

    def update_overviews(self, places: Iterable[tuple[int, int]], job: Job) -> None:
        """Make the parts of every overview that lie above changed pixels.

        Parameters
        ----------
        places
            Row and column of the changed blocks of `CHUNK` px at full resolution, each of which is
            a chunk of the first overview.
        job
            It can stop the work between two blocks.
        """
        changed = set(places)
        for level, (height, width) in enumerate(self.level_shapes[1:], 1):
            if level > 1:
                changed = {(row // 2, column // 2) for row, column in changed}
            for row, column in sorted(changed):
                job.check()
                rows = slice(row * PIECE, min((row + 1) * PIECE, height))
                columns = slice(column * PIECE, min((column + 1) * PIECE, width))
                self.write(rows.start, columns.start, self.reduced(level, rows, columns), level)


def create_raster(
    folder: Path,
    shape: tuple[int, int],
    dtype: DTypeLike,
    pixel_size_um: float,
    *,
    reduction: Reduction,
    fill: float = 0,
    origin: str = "",
    labelled: str = "BSE",
    sharded: bool = True,
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
        ``"mode"`` for masks and labels; see `napari_olivine.section.downsample`.
    fill
        Value of pixels that are never written.
    origin
        Description of the image, for readers in other programs.
    labelled
        Signal whose image a mask or labels are of; a section without BSE has another.
    sharded
        Whether many chunks share a file. An image that grows in any order, or from several
        processes, has a file for each of its chunks of 1024 px (overviews 512 px) instead.

    Returns
    -------
    Raster
        The image, open.
    """
    import zarr

    if (folder / "zarr.json").exists():
        return Raster(folder)
    shapes = [shape]
    while max(shapes[-1]) > SMALLEST:
        rows, columns = shapes[-1]
        shapes.append(((rows + 1) // 2, (columns + 1) // 2))
    if folder.exists():
        shutil.rmtree(folder)  # a killed run was just creating it
    for level, level_shape in enumerate(shapes):
        chunks, shards = (
            _layout(level, level_shape) if sharded else (_chunk(level, level_shape), None)
        )
        zarr.create_array(
            folder / str(level),
            zarr_format=3,
            shape=level_shape,
            dtype=np.dtype(dtype),
            chunks=chunks,
            shards=shards,
            compressors=codec(),
            fill_value=fill,
            dimension_names=("y", "x"),
        )
    # Written last and at once: an image without its zarr.json is not finished being created.
    ome = _ome_metadata(folder.name, len(shapes), pixel_size_um, reduction, origin, labelled)
    zarr.create_group(folder, zarr_format=3, attributes={"ome": ome})
    return Raster(folder)


def blocks(shape: tuple[int, ...], height: int, width: int | None = None) -> Iterator[Block]:
    """Cut an image into blocks from top left to bottom right.

    Parameters
    ----------
    shape
        Rows and columns of the image.
    height, width
        Of a block; the whole width if not given.

    Returns
    -------
    iterator of (slice, slice)
        Rows and columns of each block, cut to the image.
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


def _layout(level: int, shape: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Shapes of a level's chunks and shards."""
    most = (CHUNK if level == 0 else OVERVIEW_ROWS, SHARD_COLUMNS)
    chunks = (min(PIECE, shape[0]), min(PIECE, shape[1]))
    across = [-(-min(m, s) // c) * c for m, s, c in zip(most, shape, chunks, strict=True)]
    return chunks, (across[0], across[1])


def _chunk(level: int, shape: tuple[int, int]) -> tuple[int, int]:
    side = CHUNK if level == 0 else PIECE
    return min(side, shape[0]), min(side, shape[1])


def _identity(folder: Path) -> int:
    """Tell a folder from another that took its place; 0 if there is none."""
    try:
        return folder.stat().st_ino
    except OSError:
        return 0


def _ome_metadata(
    name: str, levels: int, pixel_size_um: float, reduction: str, origin: str, labelled: str
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
    ome: dict[str, Any] = {
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
    if reduction == "mode":
        ome["image-label"] = {"source": {"image": LABELLED.format(labelled)}}
    return ome
