"""Whole shards of an image, compressed on every core and put in place in one piece.

zarr-python writes a third as fast, because it takes every chunk through several copies under
Python's lock (``benchmarks/bench_store.py``). The layout is that of the codec
``sharding_indexed``: the chunks one after the other, then for each chunk its offset
and length, then the crc32c of this index.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from napari_olivine.section.atomic_io import PARTIAL, sync_behind

if TYPE_CHECKING:
    import zarr
    from numcodecs.zstd import Zstd  # type: ignore[import-untyped]
    from zarr.codecs import ZstdCodec

LEVEL = 1
"""Of zstd: higher levels make noisy images hardly smaller and take longer."""

MISSING = np.uint64(2**64 - 1)

Place = tuple[int, int]


def is_ours(array: zarr.Array[Any]) -> bool:
    """Tell whether an array is kept in the shards that this module writes."""
    codecs: Any = array.metadata.to_dict()["codecs"]
    if array.shards is None or len(codecs) != 1:
        return False
    inner = codecs[0]["configuration"]
    names = [codec["name"] for codec in inner["codecs"]]
    if names != ["bytes", "zstd"] or inner.get("index_location", "end") != "end":
        return False
    order = inner["codecs"][0].get("configuration", {}).get("endian", "little")
    index = [codec["name"] for codec in inner["index_codecs"]]
    return str(getattr(order, "value", order)) == "little" and index == ["bytes", "crc32c"]


def fills_shards(array: zarr.Array[Any], rows: slice, columns: slice) -> bool:
    """Tell whether a window is made of whole shards (cut only by the image's end).

    Parameters
    ----------
    array
        Array on disk.
    rows, columns
        Window in it.

    Returns
    -------
    bool
        False for an array without shards.
    """
    shard = array.shards
    if shard is None:
        return False
    return all(
        window.start % side == 0 and (window.stop % side == 0 or window.stop == extent)
        for window, side, extent in zip((rows, columns), shard, array.shape, strict=True)
    )


def write_shards(
    folder: Path, array: zarr.Array[Any], row: int, column: int, block: NDArray[Any]
) -> None:
    """Write a block of whole shards; a reader sees each shard as it was or as it is.

    They are brought to the disk in the background, before any later task of `submit_io`.

    Parameters
    ----------
    folder
        Folder of the array.
    array
        Array for which `is_ours` holds.
    row, column
        Where the block's top left pixel goes, a shard's corner.
    block
        Pixels, to the ends of shards or of the image.
    """
    block = block.astype(array.dtype, copy=False)
    (high, wide), (shard_high, shard_wide) = block.shape, array.shards or array.chunks
    places = [
        (top, left) for top in range(0, high, shard_high) for left in range(0, wide, shard_wide)
    ]
    fill = array.dtype.type(array.fill_value)
    parts = [block[r : r + shard_high, c : c + shard_wide] for r, c in places]
    corners = _chunks(array)
    encoded = _pool().map(
        lambda cut: _encode(cut[0], cut[1], array.chunks, fill), product(parts, corners)
    )
    for top, left in places:
        place = (row + top) // shard_high, (column + left) // shard_wide
        _put(shard_file(folder, place), [next(encoded) for _ in corners])


def shard_file(folder: Path, place: Place) -> Path:
    """Return the file of a shard by its place in the grid of shards."""
    return folder / "c" / str(place[0]) / str(place[1])


def _chunks(array: zarr.Array[Any]) -> list[Place]:
    """Corners of the chunks in a shard, in the order of its index."""
    (high, wide), (chunk_high, chunk_wide) = array.shards or array.chunks, array.chunks
    return list(product(range(0, high, chunk_high), range(0, wide, chunk_wide)))


def _encode(shard: NDArray[Any], corner: Place, shape: tuple[int, ...], fill: Any) -> bytes | None:
    """Compress one chunk; `None` if nothing but the fill value is in it."""
    row, column = corner
    chunk = shard[row : row + shape[0], column : column + shape[1]]
    if chunk.size == 0 or _is_only(chunk, fill):
        return None
    if chunk.shape != shape:
        whole = np.full(shape, fill, chunk.dtype)
        whole[: chunk.shape[0], : chunk.shape[1]] = chunk
        chunk = whole
    little = chunk.astype(chunk.dtype.newbyteorder("<"), order="C", copy=False)
    return bytes(_zstd().encode(little))


def _is_only(chunk: NDArray[Any], fill: Any) -> bool:
    first = chunk[0, 0]
    if fill != fill:  # NaN
        return bool(first != first and np.isnan(chunk).all())
    return bool(first == fill and (chunk == fill).all())


def _put(file: Path, chunks: list[bytes | None]) -> None:
    index = np.full((len(chunks), 2), MISSING, "<u8")
    there = [(place, chunk) for place, chunk in enumerate(chunks) if chunk is not None]
    if not there:
        file.unlink(missing_ok=True)
        return
    offset = 0
    for place, chunk in there:
        index[place] = offset, len(chunk)
        offset += len(chunk)
    end = index.tobytes()
    check = np.array([google_crc32c.value(end)], "<u4").tobytes()
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(file.name + PARTIAL)
    try:
        with partial.open("wb") as stream:
            stream.writelines([chunk for _, chunk in there])
            stream.write(end + check)
        partial.replace(file)
        sync_behind(file)
    finally:
        partial.unlink(missing_ok=True)


def codec() -> ZstdCodec:
    """Return the codec of the chunks; each carries a checksum, which shows damage on disk."""
    from zarr.codecs import ZstdCodec

    return ZstdCodec(level=LEVEL, checksum=True)


@cache
def _zstd() -> Zstd:
    from numcodecs.zstd import Zstd

    return Zstd(level=LEVEL, checksum=True)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(2, min(8, os.cpu_count() or 2)), "compress")
