"""The pixels of a mosaic: values as measured, overlaps blended, gaps empty, bad tiles listed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from napari_olivine.errors import Cancelled, InputError
from napari_olivine.job import Job
from napari_olivine.readers.base.image import Acquisition, Image
from napari_olivine.readers.mosaic import Layout, TileMosaic, lay_out
from napari_olivine.readers.signals.image_ref import ImageRef

TILE = (40, 60)


def laid(positions: Sequence[tuple[float, float]], tile: tuple[int, int] = TILE) -> Layout:
    """Lay tiles t0, t1, ... at some rows and columns, each in a place of its own."""
    cells = np.array([(0, number) for number in range(len(positions))])
    names = [f"t{number}" for number in range(len(positions))]
    return lay_out("stage", "", names, np.array(positions, float), cells, tile)


def mosaic(
    layout: Layout, tiles: Sequence[NDArray[np.generic]], **pixel_size_um: float
) -> TileMosaic:
    """Put tiles of any values into a layout."""
    parts = {}
    for name, tile in zip(layout.names, tiles, strict=True):
        image = Image(
            Path(f"{name}.tif"),
            (tile.shape[0], tile.shape[1]),
            tile.dtype,
            lambda start, stop, tile=tile: tile[start:stop],
            acquisition=Acquisition(pixel_size_um=pixel_size_um.get(name)),
        )
        parts[name] = ImageRef(name, image.file, image=image)
    return TileMosaic("BSE", layout, parts, skip_missing=False)


def blended(layout: Layout, tiles: Sequence[NDArray[np.generic]]) -> NDArray[np.float64]:
    """Blend by the definition, the whole section at once; NaN where there is no tile."""
    rows, columns = (np.arange(side) for side in layout.shape)
    total, weights = np.zeros(layout.shape), np.zeros(layout.shape)
    for number, (row0, row1, col0, col1) in enumerate(layout.tiles.bounds):
        share = layout.tiles.weight(number, rows, columns).astype(float)
        grey = np.zeros(layout.shape)
        grey[row0:row1, col0:col1] = tiles[number]
        total += share * grey
        weights += share
    with np.errstate(invalid="ignore"):
        return total / weights


@settings(max_examples=25, deadline=None)
@given(
    positions=st.lists(st.tuples(st.floats(0, 90), st.floats(0, 130)), min_size=1, max_size=7),
    dtype=st.sampled_from(["uint8", "uint16", "uint32", "int16", "float32", "float64"]),
    cuts=st.lists(st.floats(0, 1), max_size=3),
    memory=st.sampled_from([1 << 12, 1 << 18, 4 << 30]),
    seed=st.integers(0, 99),
)
def test_any_strips_of_any_layout_are_the_weighted_mean(positions, dtype, cuts, memory, seed):
    rng = np.random.default_rng(seed)
    layout = laid(positions)
    top = 2**31 if dtype == "uint32" else 200
    tiles = [rng.integers(1, top, TILE).astype(dtype) for _ in positions]
    reader = mosaic(layout, tiles)
    assert reader.check(Job()) == []
    edges = sorted({0, layout.shape[0], *(int(cut * layout.shape[0]) for cut in cuts)})
    strips = [reader.read(a, b, Job(memory_bytes=memory)) for a, b in pairwise(edges)]
    read = np.vstack(strips)
    expected = blended(layout, tiles)
    empty = np.isnan(expected)
    assert read.dtype == dtype
    assert (read[empty] == 0).all()
    tolerance = 0.5001 if read.dtype.kind in "ui" else 1e-4
    assert np.abs(read[~empty].astype(float) - expected[~empty]).max() <= tolerance
    # Where a tile lies alone its values are exactly those that were measured.
    bounds = layout.tiles.bounds
    covers = np.zeros(layout.shape, int)
    for row0, row1, col0, col1 in bounds:
        covers[row0:row1, col0:col1] += 1
    for tile, (row0, row1, col0, col1) in zip(tiles, bounds, strict=True):
        alone = covers[row0:row1, col0:col1] == 1
        assert (read[row0:row1, col0:col1][alone] == tile[alone]).all()


def test_a_pixel_that_was_not_measured_does_not_spoil_the_other_tile() -> None:
    tiles = [np.full(TILE, 5, np.float32), np.full(TILE, 7, np.float32)]
    tiles[0][:, 50] = np.nan
    tiles[0][:, 10] = np.nan
    read = mosaic(laid([(0, 0), (0, 40)]), tiles).read(0, 40, Job())
    assert (read[:, 50] == 7).all()
    assert np.isnan(read[:, 10]).all()
    assert np.isnan(read).sum() == 40


def test_each_tile_is_decoded_once_however_strips_cut_it() -> None:
    layout = laid([(0, 0), (30, 0), (60, 10)])
    loads: list[str] = []
    tile = np.ones(TILE, np.uint8)
    parts = {}
    for name in layout.names:

        def load(start: int, stop: int, name: str = name) -> NDArray[np.uint8]:
            loads.append(name)
            return tile[start:stop]

        image = Image(Path(name), TILE, tile.dtype, load)
        parts[name] = ImageRef(name, image.file, image=image)
    reader = TileMosaic("BSE", layout, parts, skip_missing=False)
    for start in range(0, layout.shape[0], 7):
        reader.read(start, min(start + 7, layout.shape[0]), Job())
    assert sorted(loads) == ["t0", "t1", "t2"]


def test_a_tile_that_is_too_large_for_the_memory_is_read_in_parts() -> None:
    asked: list[int] = []
    pixels = np.arange(400 * 600, dtype=np.uint32).reshape(400, 600)

    def load(start: int, stop: int) -> NDArray[np.uint32]:
        asked.append(stop - start)
        return pixels[start:stop]

    image = Image(Path("t0"), (400, 600), pixels.dtype, load)
    layout = laid([(0, 0)], (400, 600))
    parts = {"t0": ImageRef("t0", image.file, image=image)}
    reader = TileMosaic("BSE", layout, parts, skip_missing=False)
    job = Job(memory_bytes=200_000)
    read = np.vstack([reader.read(start, start + 50, job) for start in range(0, 400, 50)])
    assert (read == pixels).all()
    assert max(asked) == 50


def problems_of(**changes: NDArray[np.generic]) -> tuple[TileMosaic, list[str]]:
    layout = laid([(0, 60 * number) for number in range(6)])
    tiles = [changes.get(name, np.full(TILE, 9, np.uint8)) for name in layout.names]
    reader = mosaic(layout, tiles, t5=0.7, t0=0.5, t1=0.5, t2=0.5)
    return reader, reader.check(Job())


def test_everything_that_is_wrong_is_listed_before_anything_is_read() -> None:
    other = {"t1": np.zeros((40, 61), np.uint8), "t2": np.zeros(TILE, np.uint16)}
    reader, told = problems_of(**other)
    assert len(told) == 3
    assert "t1.tif is 40 x 61 px, expected 40 x 60" in told[0]
    assert "t2.tif is of type uint16, the other tiles of BSE of type uint8" in told[1]
    assert "t5.tif has pixels of 0.7 um, the other tiles of BSE of 0.5 um" in told[2]
    going_on = TileMosaic(
        "BSE",
        reader.layout,
        {name: part for name, part in zip(reader.layout.names, reader._refs, strict=True) if part},
        skip_missing=True,
    )
    assert going_on.check(Job()) == []
    assert going_on.missing == told
    read = going_on.read(0, 40, Job())
    expected = np.full((40, 360), 9)
    for number in (1, 2, 5):
        expected[:, 60 * number : 60 * number + 60] = 0
    assert (read == expected).all()


def test_a_doubled_tile_is_listed_and_the_first_one_taken() -> None:
    cells = np.array([(0, 0), (0, 1), (0, 1)])
    layout = lay_out("names", "", ["a", "b", "b (1)"], cells * [40.0, 60.0], cells, TILE)
    assert layout.doubled == ["b (1)"]
    parts = {}
    for number, name in enumerate(("a", "b", "b (1)")):
        pixels = np.full(TILE, number + 1, np.uint8)
        image = Image(
            Path(f"{name}.tif"), TILE, pixels.dtype, lambda a, b, pixels=pixels: pixels[a:b]
        )
        parts[name] = ImageRef(name, image.file, image=image)
    told = TileMosaic("BSE", layout, parts, skip_missing=False).check(Job())
    assert told == ["b (1).tif claims the place of another tile"]
    reader = TileMosaic("BSE", layout, parts, skip_missing=True)
    assert reader.check(Job()) == []
    assert reader.read(0, 40, Job())[0, [0, 60]].tolist() == [1, 2]


def test_fewer_pixels_than_promised_are_an_error_with_the_name() -> None:
    image = Image(Path("t0.tif"), TILE, np.dtype("uint8"), lambda a, b: np.zeros((3, 3), np.uint8))
    part = {"t0": ImageRef("t0", image.file, image=image)}
    with pytest.raises(InputError, match=r"t0\.tif holds fewer pixels"):
        TileMosaic("BSE", laid([(0, 0)]), part, skip_missing=False).read(0, 40, Job())


def test_reading_stops_within_a_second() -> None:
    layout = laid([(0, 60 * number) for number in range(300)])

    job = Job()
    reads: list[int] = []

    def load(start: int, stop: int) -> NDArray[np.uint8]:
        reads.append(start)
        if len(reads) == 20:
            job.cancel.set()
        return np.zeros((stop - start, 60), np.uint8)

    image = Image(Path("slow.tif"), TILE, np.dtype("uint8"), load)
    parts = {name: ImageRef(name, image.file, image=image) for name in layout.names}
    with pytest.raises(Cancelled):
        TileMosaic("BSE", layout, parts, skip_missing=False).read(0, 40, job)
    assert len(reads) - 20 < 50, "tiles that take 20 ms each"


def test_files_are_read_as_they_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    layout = laid([(0, 0), (0, 50), (35, 3), (33, 52)])
    tiles = [rng.integers(0, 4000, TILE).astype(np.uint16) for _ in range(4)]
    parts = {}
    for name, tile in zip(layout.names, tiles, strict=True):
        tifffile.imwrite(tmp_path / f"{name}.tif", tile, compression="zlib")
        parts[name] = ImageRef(name, tmp_path / f"{name}.tif")
    reader = TileMosaic("BSE", layout, parts, skip_missing=False)
    assert reader.check(Job()) == []
    read = reader.read(0, layout.shape[0], Job())
    expected = blended(layout, tiles)
    there = ~np.isnan(expected)
    assert np.abs(read[there] - expected[there]).max() <= 0.5001


def test_tiles_in_other_places_are_the_same_tiles() -> None:
    """What the check found is kept: no image is opened again, a tile left out stays left out."""
    layout, there = laid([(0, 0), (0, 60), (0, 120)]), laid([(0, 0), (3, 50), (1, 105)])
    tiles = [np.full(TILE, value, dtype) for value, dtype in ((7, "u1"), (8, "u2"), (9, "u1"))]
    parts = mosaic(layout, tiles)._refs
    reader = TileMosaic(
        "BSE", layout, dict(zip(layout.names, parts, strict=True)), skip_missing=True
    )
    assert reader.check(Job()) == []
    moved = reader.over(there)
    reader._refs.clear()  # nothing to open an image from
    assert moved.shape == (43, 165)
    assert moved.missing is reader.missing
    assert "t1.tif is of type uint16" in moved.missing[0]
    strip = moved.read(0, 43, Job())
    assert (strip[:40, :60] == 7).all()
    assert (strip[1:41, 105:] == 9).all()
    assert not strip[:, 60:105].any()


def test_tiles_of_a_part_and_coarser_ones_move_with_those_of_bse() -> None:
    layout, there = laid([(0, 0), (0, 60), (0, 120)]), laid([(0, 0), (4, 50), (2, 106)])
    half = (TILE[0] // 2, TILE[1] // 2)
    own = layout.only({"t0", "t2"}).coarser(half)
    moved = mosaic(own, [np.full(half, value, np.uint8) for value in (7, 9)]).over(there)
    assert moved.shape == (22, 83)
    assert moved.layout.names == ["t0", "t2"]
    assert moved.layout.tiles.bounds.tolist() == [[0, 20, 0, 30], [1, 21, 53, 83]]
