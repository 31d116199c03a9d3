"""Check of rasters: every pixel can be read, and every overview agrees with the level below it.

A chunk that rots is found by its checksum. A chunk whose file is gone would read as empty, so
every overview is made again in memory and compared with the one on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import SectionError
from napari_olivine.job import Job
from napari_olivine.section import CHUNK, SHARD_COLUMNS, Block, Raster, blocks, halve

Progress = Callable[[float], None]
"""Called with the share of a raster that is done, 0 to 1."""


@dataclass
class Damage:
    """Damaged parts of one raster.

    Parameters
    ----------
    windows
        Windows of level 0 that cannot be read, or whose file is gone.
    overviews
        Blocks of overviews, by level, that cannot be read or do not show the level below.
    """

    windows: list[Block] = field(default_factory=list)
    overviews: list[tuple[int, Block]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.windows or self.overviews)


def pyramid_mismatch(raster: Raster, shape: tuple[int, int], pixel_size_um: float) -> str:
    """Compare the description of a raster with its section.

    A raster may be coarser by a whole number, with a pixel for so many of the section.

    Parameters
    ----------
    raster
        The raster.
    shape
        Rows and columns of the section.
    pixel_size_um
        Side of a pixel of the section.

    Returns
    -------
    str
        The first difference, empty if there is none.
    """
    coarser = max(round(raster.pixel_size_um / pixel_size_um), 1)
    if raster.shape == (-(-shape[0] // coarser), -(-shape[1] // coarser)):
        shape, pixel_size_um = raster.shape, pixel_size_um * coarser
    if raster.shape != shape:
        return f"it has {_by(raster.shape)} px, the section {_by(shape)}"
    if not np.isclose(raster.pixel_size_um, pixel_size_um):
        return f"its pixels are {raster.pixel_size_um:g} um, the section's {pixel_size_um:g}"
    if raster.reduction not in ("mean", "nanmean", "mode", "nearest"):
        return f"its overviews are made by {raster.reduction!r}, which is unknown"
    expected = raster.shape
    for level, array in enumerate(raster.levels):
        if array.shape != expected or array.dtype != raster.dtype:
            return f"level {level} has {_by(array.shape)} px of {array.dtype}"
        expected = ((expected[0] + 1) // 2, (expected[1] + 1) // 2)
    return ""


def inspect(raster: Raster, job: Job, progress: Progress) -> Damage:
    """Read every pixel of every level and compare each overview with the level below.

    Parameters
    ----------
    raster
        Raster for which `pyramid_mismatch` finds nothing.
    job
        Running job; bounds the memory.
    progress
        Called with the share that is done.

    Returns
    -------
    Damage
        False if there is none.
    """
    damage = Damage()
    total = sum(array.size for array in raster.levels)
    done = 0
    if len(raster.levels) == 1:
        for block in _blocks(raster, 0, job):
            job.check()
            damage.windows += _unreadable(raster, 0, block)
    for level in range(1, len(raster.levels)):
        for block in _blocks(raster, level, job):
            job.check()
            progress(done / total)
            _inspect_block(raster, level, block, damage)
            done += 4 * _size(block)
    progress(1.0)
    return damage


def rebuild(raster: Raster, overviews: list[tuple[int, Block]], job: Job) -> None:
    """Make blocks of overviews again, and the levels above them.

    Parameters
    ----------
    raster
        The raster.
    overviews
        Level and block of each part to make.
    job
        Running job.

    Raises
    ------
    SectionError
        If the level below cannot be read.
    """
    todo: dict[int, set[tuple[int, int]]] = {}
    for level, (rows, columns) in overviews:
        todo.setdefault(level, set()).add((rows.start // CHUNK, columns.start // SHARD_COLUMNS))
    for level in range(1, len(raster.levels)):
        for row, column in sorted(todo.get(level, set())):
            job.check()
            rows, columns = (
                slice(place * side, min((place + 1) * side, extent))
                for place, side, extent in zip(
                    (row, column), (CHUNK, SHARD_COLUMNS), raster.levels[level].shape, strict=True
                )
            )
            raster.forget(level, rows, columns)
            raster.write(rows.start, columns.start, raster.reduced(level, rows, columns), level)
            todo.setdefault(level + 1, set()).add((row // 2, column // 2))


def rewrite(raster: Raster, windows: list[Block], read: Callable[[int, int], NDArray[Any]]) -> None:
    """Write the strips of an image again in which some windows are damaged.

    Parameters
    ----------
    raster
        The image.
    windows
        What is damaged.
    read
        Gives the rows from start to stop, shape (stop - start, columns).
    """
    starts = {
        row for rows, _ in windows for row in range(rows.start // CHUNK * CHUNK, rows.stop, CHUNK)
    }
    for row in sorted(starts):
        stop = min(row + CHUNK, raster.shape[0])
        strip = read(row, stop)
        raster.forget(0, slice(row, stop), slice(0, raster.shape[1]))
        raster.write(row, 0, strip)


def above(raster: Raster, windows: list[Block]) -> list[tuple[int, Block]]:
    """Blocks of the first overview that show the given windows of level 0."""
    if len(raster.levels) == 1:
        return []
    starts = {
        row for rows, _ in windows for row in range(rows.start // CHUNK * CHUNK, rows.stop, CHUNK)
    }
    return [
        (1, block)
        for block in blocks(raster.levels[1].shape, CHUNK, SHARD_COLUMNS)
        if any(block[0].start <= row // 2 < block[0].stop for row in starts)
    ]


def _inspect_block(raster: Raster, level: int, block: Block, damage: Damage) -> None:
    """Compare one block of an overview with the level below it."""
    rows, columns = block
    below = (
        slice(2 * rows.start, min(2 * rows.stop, raster.levels[level - 1].shape[0])),
        slice(2 * columns.start, min(2 * columns.stop, raster.levels[level - 1].shape[1])),
    )
    coarse = _read(raster, level, block)
    fine = _read(raster, level - 1, below)
    if level == 1:
        if fine is None:
            damage.windows += _unreadable(raster, 0, below)
        elif coarse is not None:
            damage.windows += _lost(raster, below, coarse)
    if coarse is None or (fine is not None and not _same(halve(fine, raster.reduction), coarse)):
        damage.overviews.append((level, block))


def _lost(raster: Raster, window: Block, coarse: NDArray[Any]) -> list[Block]:
    """Find files of level 0 that are gone: their overview still shows their content."""
    fill = raster.levels[0].fill_value
    lost = []
    for file, (rows, columns) in raster.files(0, *window):
        # zarr takes an empty file, as a power cut leaves it, for one that is not there.
        if file.exists() and file.stat().st_size:
            continue
        shown = coarse[
            tuple(
                _shown(part, inside.start, extent)
                for part, inside, extent in zip(
                    (rows, columns), window, raster.levels[0].shape, strict=True
                )
            )
        ]
        if not _same(shown, np.full_like(shown, fill)):
            lost.append((rows, columns))
    return lost


def _shown(part: slice, begin: int, extent: int) -> slice:
    """Where a part of level 0 is shown, in an overview that begins at `begin` of level 0.

    Without the rim that it shares with a neighbour; at the image's end there is none, and the last
    pixel of an odd side is shown by itself.
    """
    stop = part.stop - begin + (1 if part.stop == extent else 0)
    return slice(max(0, (part.start - begin + 1) // 2), max(0, stop // 2))


def _blocks(raster: Raster, level: int, job: Job) -> Iterator[Block]:
    """Blocks of an overview whose pixels below fit into the memory."""
    high, wide = CHUNK, SHARD_COLUMNS
    # Four pixels below, their halves and comparisons.
    while wide > 512 and high * wide * 4 * raster.dtype.itemsize * 4 > job.memory_bytes:
        high, wide = (high // 2, wide) if high > 512 else (high, wide // 2)
    yield from blocks(raster.levels[level].shape, high, wide)


def _read(raster: Raster, level: int, block: Block) -> NDArray[Any] | None:
    try:
        return raster.read(*block, level=level)
    except SectionError:
        return None


def _unreadable(raster: Raster, level: int, window: Block) -> list[Block]:
    """Chunks of a window that cannot be read."""
    if _read(raster, level, window) is not None:
        return []
    high, wide = raster.levels[level].chunks
    top, left = window[0].start // high * high, window[1].start // wide * wide
    return [
        (slice(row, min(row + high, raster.levels[level].shape[0])),
         slice(column, min(column + wide, raster.levels[level].shape[1])))
        for row in range(top, window[0].stop, high)
        for column in range(left, window[1].stop, wide)
        if _read(raster, level, (slice(row, row + high), slice(column, column + wide))) is None
    ]  # fmt: skip


def _same(made: NDArray[Any], found: NDArray[Any]) -> bool:
    if made.dtype.kind == "f":
        # Processors differ in the last digits of a mean.
        digits = 1e-6 * np.abs(made, where=np.isfinite(made), out=np.zeros_like(made)).max(
            initial=0
        )
        return bool(np.allclose(made, found, rtol=1e-5, atol=digits, equal_nan=True))
    return bool(np.array_equal(made, found))


def _size(block: Block) -> int:
    rows, columns = block
    return int((rows.stop - rows.start) * (columns.stop - columns.start))


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def is_raster(folder: Path) -> bool:
    """Tell whether a folder is, or was, a raster."""
    return folder.is_dir() and any(
        one.name == "zarr.json" or one.name.isdecimal() for one in folder.iterdir()
    )
