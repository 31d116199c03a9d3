"""Rasters at size: what is written is what is read, by whichever way it came to the disk."""

from __future__ import annotations

import json
import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp
from ome_zarr_models.v05.image import Image
from zarr.codecs import ZstdCodec

from napari_olivine.errors import SectionError
from napari_olivine.job import Job
from napari_olivine.section import Raster, Strips, create_raster
from napari_olivine.section.check.images import inspect
from napari_olivine.section.downsample import halve
from napari_olivine.section.raster import CHUNK, PIECE, SHARD_COLUMNS
from napari_olivine.section.shards import fills_shards, is_ours

EVERYTHING = slice(0, 1 << 30)
RANDOM = np.random.default_rng(7)


def noise(shape: tuple[int, int], dtype: str = "uint8") -> np.ndarray:
    if np.dtype(dtype).kind == "f":
        return RANDOM.normal(0, 1, shape).astype(dtype)
    return RANDOM.integers(0, min(np.iinfo(dtype).max, 1 << 20), shape).astype(dtype)


def files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and file.name != "zarr.json"]


# -------------------------------------------------------------------- shards


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "float32", "bool", ">u2"])
def test_shards_are_read_by_zarr_as_they_were_written(tmp_path, dtype):
    image = noise((1300, 700), "uint8") > 9 if dtype == "bool" else noise((1300, 700), dtype)
    raster = create_raster(tmp_path / "a", image.shape, dtype, 1.0, reduction="mean")
    assert is_ours(raster.levels[0])
    raster.write(0, 0, image)
    np.testing.assert_array_equal(zarr.open_group(tmp_path / "a", mode="r")["0"][:], image)


def test_a_shard_is_to_the_byte_what_zarr_decodes_and_zarr_may_write_into_it(tmp_path):
    image = noise((CHUNK, 1100))
    raster = create_raster(tmp_path / "a", image.shape, "uint8", 1.0, reduction="mean")
    raster.write(0, 0, image)
    patch = noise((300, 500))
    raster.write(400, 450, patch)  # cuts chunks and fills no shard
    image[400:700, 450:950] = patch
    np.testing.assert_array_equal(raster.read(EVERYTHING, EVERYTHING), image)


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(1, 2300), columns=st.integers(1, 1300),
    high=st.sampled_from([64, 500, 512, 1000, 1024, 2048]),
    wide=st.sampled_from([300, 512, 1024, 2000]),
)  # fmt: skip
def test_blocks_of_any_alignment_make_the_same_image(tmp_path_factory, rows, columns, high, wide):
    image = np.arange(rows * columns, dtype=np.uint32).reshape(rows, columns) % 251
    folder = tmp_path_factory.mktemp("raster") / "a"
    raster = create_raster(folder, image.shape, "uint8", 1.0, reduction="mean")
    places = list(product(range(0, rows, high), range(0, columns, wide)))
    for row, column in reversed(places):
        raster.write(row, column, image[row : row + high, column : column + wide].astype(np.uint8))
    np.testing.assert_array_equal(raster.read(EVERYTHING, EVERYTHING), image)
    shutil.rmtree(folder)


def test_a_section_has_few_files(tmp_path):
    shape = (3 * CHUNK, SHARD_COLUMNS + 10)
    raster = create_raster(tmp_path / "a", shape, "uint8", 1.0, reduction="mean")
    strips = Strips(raster, [].append)
    for row in range(0, shape[0], CHUNK):
        strips.write(row, np.full((CHUNK, shape[1]), 3, np.uint8))
    assert len(files(tmp_path / "a" / "0")) == 3 * 2
    assert len(files(tmp_path / "a" / "1")) == 3


def test_what_was_never_written_takes_no_room(tmp_path):
    shape = (2 * CHUNK, 1500)
    for name, dtype, fill in (("grey", "uint8", 0), ("mg", "float32", np.nan)):
        raster = create_raster(tmp_path / name, shape, dtype, 1.0, reduction="nanmean", fill=fill)
        raster.write(0, 0, np.full(shape, fill, dtype))
        assert files(tmp_path / name) == []
        np.testing.assert_array_equal(raster.read(EVERYTHING, EVERYTHING), np.full(shape, fill))
        raster.write(0, 0, np.ones((CHUNK, 1500), dtype))
        assert len(files(tmp_path / name)) == 1
        raster.write(0, 0, np.full((CHUNK, 1500), fill, dtype))
        assert files(tmp_path / name) == [], "a shard that is empty again goes away"


@settings(max_examples=50, deadline=None)
@given(row=st.integers(0, 4), column=st.integers(0, 3), high=st.integers(1, 3))
def test_whole_shards_are_known(tmp_path_factory, row, column, high):
    folder = tmp_path_factory.mktemp("shards") / "a"
    array = create_raster(folder, (4000, 20_000), "uint8", 1.0, reduction="mean").levels[0]
    rows = slice(row * 512, min(row * 512 + high * 512, 4000))
    columns = slice(column * 4096, min((column + 2) * 4096, 20_000))
    whole = row % 2 == 0 and column % 2 == 0 and (high == 2 or rows.stop == 4000)
    assert fills_shards(array, rows, columns) == whole
    shutil.rmtree(folder)


def test_a_rotten_chunk_is_told_and_not_shown(tmp_path):
    raster = create_raster(tmp_path / "a", (CHUNK, 1200), "uint8", 1.0, reduction="mean")
    raster.write(0, 0, noise((CHUNK, 1200)))
    (file,) = files(tmp_path / "a")
    content = bytearray(file.read_bytes())
    content[1000] ^= 1
    file.write_bytes(content)
    with pytest.raises(SectionError, match=r"damaged at level 0, rows 0 to .*the step 'check'"):
        raster.read(EVERYTHING, EVERYTHING)
    assert raster.read(slice(PIECE, CHUNK), slice(0, PIECE)).any(), "the other chunks are whole"


def test_a_truncated_shard_is_told(tmp_path):
    raster = create_raster(tmp_path / "a", (CHUNK, 1200), "uint8", 1.0, reduction="mean")
    raster.write(0, 0, noise((CHUNK, 1200)))
    (file,) = files(tmp_path / "a")
    for size in (file.stat().st_size - 1, 10, 0):
        file.write_bytes(file.read_bytes()[:size])
        with pytest.raises(SectionError, match="is damaged"):
            raster.read(slice(0, 10), slice(0, 10))


def test_a_section_with_plain_chunks_opens_and_is_written(tmp_path):
    """Sections of version 0.1 had chunks of 1024 without shards, and overviews by the nearest."""
    image = noise((1500, 1100))
    group = zarr.open_group(tmp_path / "a", mode="w", zarr_format=3)
    for level, side in ((0, (1500, 1100)), (1, (750, 550)), (2, (375, 275))):
        group.create_array(
            str(level), shape=side, dtype="uint8", chunks=(min(1024, side[0]), min(1024, side[1])),
            compressors=ZstdCodec(level=1), fill_value=0, dimension_names=("y", "x"),
        )  # fmt: skip
    new = create_raster(tmp_path / "new", image.shape, "uint8", 1.5, reduction="nearest")
    group.attrs["ome"] = json.loads((new.folder / "zarr.json").read_text())["attributes"]["ome"]
    old = Raster(tmp_path / "a")
    assert (old.shape, old.pixel_size_um, old.reduction) == (image.shape, 1.5, "nearest")
    assert not is_ours(old.levels[0])
    strips = Strips(old, [].append)
    strips.write(0, image[:CHUNK])
    strips.write(CHUNK, image[CHUNK:])
    np.testing.assert_array_equal(old.read(EVERYTHING, EVERYTHING), image)
    np.testing.assert_array_equal(old.read(EVERYTHING, EVERYTHING, 2), image[::2, ::2][::2, ::2])


# -------------------------------------------------------------------- overviews


def by_hand(image: np.ndarray, combine) -> np.ndarray:
    """Halve an image pixel by pixel with the given rule for the four."""
    rows, columns = image.shape
    padded = np.pad(image, ((0, rows % 2), (0, columns % 2)), mode="edge")
    half = np.empty(((rows + 1) // 2, (columns + 1) // 2), image.dtype)
    for row, column in np.ndindex(half.shape):
        four = padded[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].ravel()
        half[row, column] = combine(four)
    return half


IMAGES = {
    dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=2, max_dims=2, max_side=7))
    for dtype in ("uint8", "uint16", "int16", "uint32", "int32", "uint64")
}


@pytest.mark.parametrize("dtype", IMAGES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_mean_is_rounded_half_up(dtype, data):
    image = data.draw(IMAGES[dtype])
    expected = by_hand(image, lambda four: (sum(int(v) for v in four) + 2) // 4)
    np.testing.assert_array_equal(halve(image, "mean"), expected)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_a_mean_is_the_same_in_wide_images(dtype):
    """OpenCV has other code for wide images and for every type."""
    image = noise((6, 70_001), dtype)
    padded = np.pad(image, ((0, 0), (0, 1)), mode="edge").astype(np.float64)
    quarters = (padded[::2, ::2] + padded[1::2, ::2] + padded[::2, 1::2] + padded[1::2, 1::2]) / 4
    if dtype == "float32":
        np.testing.assert_allclose(halve(image, "mean"), quarters, rtol=1e-5, atol=1e-6)
    else:
        np.testing.assert_array_equal(halve(image, "mean"), np.floor(quarters + 0.5))


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        "float32", hnp.array_shapes(min_dims=2, max_dims=2, max_side=7),
        elements=st.one_of(st.floats(0, 1, width=32), st.just(float("nan"))),
    )
)  # fmt: skip
def test_a_mean_of_values_that_exist(image):
    def mean(four):
        there = four[np.isfinite(four)].astype(np.float64)
        return there.mean() if there.size else np.nan

    half = halve(image, "nanmean")
    np.testing.assert_allclose(half, by_hand(image, mean), rtol=1e-6, atol=1e-37)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "bool"])
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_mode_is_the_most_frequent_label_and_ties_go_to_the_crystal(dtype, data):
    top = 1 if dtype == "bool" else data.draw(st.sampled_from([1, 3, np.iinfo(dtype).max]))
    image = data.draw(
        hnp.arrays(
            "uint32" if dtype == "bool" else dtype,
            hnp.array_shapes(min_dims=2, max_dims=2, max_side=7),
            elements=st.sampled_from([0, 1, top, max(0, top - 1)]),
        )
    ).astype(dtype)

    def mode(four):
        counts = {int(v): int((four == v).sum()) for v in four}
        return min(counts, key=lambda v: (-counts[v], v == 0, v))

    np.testing.assert_array_equal(halve(image, "mode"), by_hand(image, mode))


def test_a_thin_crystal_is_seen_in_every_overview():
    image = np.zeros((64, 64), np.uint32)
    image[:, 33] = 7  # a lath one pixel wide
    image[np.arange(30), np.arange(30)] = 9  # and one along the diagonal
    for _ in range(4):
        image = halve(image, "mode")
        assert {7, 9} <= set(image.ravel())


def test_labels_are_no_numbers_to_calculate_with():
    with pytest.raises(ValueError, match="whole numbers from 0"):
        halve(np.zeros((2, 2), np.float32), "mode")


@pytest.mark.parametrize("reduction", ["mean", "mode"])
@pytest.mark.parametrize("rows", [1, 600, CHUNK, 4 * CHUNK, 6 * CHUNK + 333])
@pytest.mark.parametrize("stopped", [None, 1, 4])
def test_strips_and_blocks_make_the_same_pyramid(tmp_path, rows, stopped, reduction):
    """Also where a run was stopped behind some strips: what is missing is made from the disk."""
    image = noise((rows, 1501)) % 5
    one = create_raster(tmp_path / "one", image.shape, "uint8", 2.0, reduction=reduction)
    made: list[str] = []
    strips = Strips(one, made.append)
    for number, row in enumerate(range(0, image.shape[0], CHUNK)):
        strips = Strips(one, made.append) if number == stopped else strips
        strips.write(row, image[row : row + CHUNK])
    every = [
        one.block_name(level, block[0].start, block[1].start)
        for level in range(1, len(one.levels))
        for block in one.overview_blocks(level)
    ]
    assert len(set(made)) == len(made)
    assert set(made) <= set(every)
    if stopped is None or rows <= CHUNK:
        assert made and set(made) == set(every), "nothing is left to read again"
    one.build_pyramid(Job(), made.__contains__)
    two = create_raster(tmp_path / "two", image.shape, "uint8", 2.0, reduction=reduction)
    two.write(0, 0, image)
    two.build_pyramid(Job())
    expected = image
    for level in range(len(one.levels)):
        for raster in (one, two):
            np.testing.assert_array_equal(raster.read(EVERYTHING, EVERYTHING, level), expected)
        expected = halve(expected, reduction)


SIDES = [1, 2, PIECE - 1, PIECE, PIECE + 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 1]


@settings(max_examples=20, deadline=None)
@given(
    rows=st.sampled_from(SIDES),
    columns=st.sampled_from([*SIDES, SHARD_COLUMNS - 1, SHARD_COLUMNS, SHARD_COLUMNS + 1]),
    kind=st.sampled_from(
        [("uint8", "mean"), ("uint16", "mean"), ("float32", "nanmean"), ("uint32", "mode")]
    ),
    sharded=st.booleans(),
    seed=st.integers(0, 99),
)
def test_pyramids_at_the_borders_of_chunks_and_shards(
    tmp_path_factory, rows, columns, kind, sharded, seed
):
    dtype, reduction = kind
    random = np.random.default_rng(seed)
    image = random.integers(0, 4 if reduction == "mode" else 250, (rows, columns)).astype(dtype)
    fill = 0.0
    if reduction == "nanmean":
        image[random.random(image.shape) < 0.6] = fill = np.nan
    folder = tmp_path_factory.mktemp("borders") / "a"
    raster = create_raster(
        folder, image.shape, dtype, 1.0, reduction=reduction, fill=fill, sharded=sharded
    )
    strips = Strips(raster, [].append)
    for row in range(0, rows, CHUNK):
        strips.write(row, image[row : row + CHUNK])
    raster.build_pyramid(Job(), lambda _: True)
    for level in range(len(raster.levels)):
        np.testing.assert_array_equal(raster.read(EVERYTHING, EVERYTHING, level), image)
        image = halve(image, reduction)
    assert max(raster.level_shapes[-1]) <= 512
    assert not inspect(raster, Job(memory_bytes=1 << 20), lambda share: None)
    Image.from_zarr(zarr.open_group(folder, mode="r"))
    shutil.rmtree(folder)


# -------------------------------------------------------------------- other programs


@pytest.mark.parametrize("reduction", ["mean", "nanmean", "mode", "nearest"])
@pytest.mark.parametrize("shape", [(1, 1), (40, 30), (300, 1700), (2100, 1300)])
def test_every_raster_is_valid_ome_zarr(tmp_path, reduction, shape):
    dtype = "float32" if reduction == "nanmean" else "uint8"
    raster = create_raster(tmp_path / "a", shape, dtype, 1.5, reduction=reduction)
    image = Image.from_zarr(zarr.open_group(tmp_path / "a", mode="r"))
    (multiscale,) = image.ome_attributes.multiscales
    assert len(multiscale.datasets) == len(raster.levels)
    for level, dataset in enumerate(multiscale.datasets):
        scale, shift = dataset.coordinateTransformations
        assert scale.scale == [1.5 * 2**level] * 2
        # The middle of the pixels that a coarse one stands for; `nearest` is its first pixel.
        middle = 0.0 if reduction == "nearest" else 1.5 * (np.arange(2**level).mean())
        assert shift.translation == [middle] * 2
