"""The lazy layer: any window at any level is the whole image's, and the correction is undone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from napari_olivine.job import Job
from napari_olivine.levelling.levelled_raster import LevelledRaster
from napari_olivine.levelling.mosaic import Mosaic
from napari_olivine.levelling.result import Levelling
from napari_olivine.levelling.shading import Shading
from napari_olivine.section import Session, create_raster
from napari_olivine.section.raster import Raster
from napari_olivine.section.tiles import Tiles

TILE, GRID = (90, 120), (5, 6)
ZERO = (0.0, 0.0, 0.0)


def bounds_of(overlap: int) -> Tiles:
    table = Tiles.of_grid(GRID, TILE).table.copy()
    for axis, size in (("row", TILE[0]), ("col", TILE[1])):
        table[f"{axis}0"] = table[f"grid_{axis}"] * (size - overlap)
        table[f"{axis}1"] = table[f"{axis}0"] + size
    return Tiles(table)


def levelling_of(overlap: int, kind: str = "add", missing: int | None = None) -> Levelling:
    random = np.random.default_rng(7)
    tiles = bounds_of(overlap)
    if missing is not None:
        tiles = Tiles(tiles.table.drop(index=missing).reset_index(drop=True))
    shape = int(tiles.bounds[:, 1].max()), int(tiles.bounds[:, 3].max())
    half = 3 * (TILE[1] - overlap) + overlap // 2
    sessions = [
        Session(session="a", row0=0, row1=shape[0], col0=0, col1=half),
        Session(session="b", row0=0, row1=shape[0], col0=half, col1=shape[1]),
    ]
    size = 6.0 if kind == "add" else 0.06
    bend = (size, -size, 0.5 * size)
    shading = Shading(kind, bend, ZERO, 0.0, True, len(tiles))  # type: ignore[arg-type]
    return Levelling(
        Mosaic(tiles, shape, sessions),
        np.array([1.0, 0.93]),
        np.array([0.0, 11.0]),
        random.normal(0, 3, (len(tiles), 3)),
        [shading, None],
    )


def measured(levelling: Levelling, truth: np.ndarray) -> np.ndarray:
    """What the instrument would write, tile by tile and pixel by pixel."""
    mosaic = levelling.mosaic
    total, weights = np.zeros((2, *mosaic.shape))
    for tile, (row0, row1, column0, column1) in enumerate(mosaic.tiles.bounds):
        session = mosaic.session_of_tile[tile]
        y = ((np.arange(row0, row1) + 0.5 - row0) / TILE[0] - 0.5)[:, None]
        x = ((np.arange(column0, column1) + 0.5 - column0) / TILE[1] - 0.5)[None, :]
        window = slice(row0, row1), slice(column0, column1)
        grey = truth[window].copy()
        shading = levelling.shading[session]
        bow = 0.0 * x * y
        if shading is not None:
            a, b, c = shading.bend
            bow = a * (x * x - 1 / 12) + b * (y * y - 1 / 12) + c * x * y
            if shading.kind == "multiply":
                grey, bow = grey * (1 + bow), 0.0
        plane = levelling.planes[tile]
        grey = grey + plane[0] + plane[1] * x + plane[2] * y + bow
        grey = levelling.gain[session] * grey + levelling.offset[session]
        weight = mosaic.tiles.weight(tile, np.arange(row0, row1), np.arange(column0, column1))
        total[window] += weight * grey
        weights[window] += weight
    return np.divide(total, weights, out=np.zeros_like(total), where=weights > 0)


def stored(folder: Path, image: np.ndarray) -> Raster:
    raster = create_raster(folder, image.shape, "float32", 1.0, reduction="mean")
    raster.write(0, 0, image.astype("float32"))
    raster.build_pyramid(Job())
    return raster


@pytest.mark.parametrize("overlap", [0, 24])
@pytest.mark.parametrize("kind", ["add", "multiply"])
def test_the_truth_comes_back_exactly(tmp_path: Path, overlap: int, kind: str):
    levelling = levelling_of(overlap, kind)
    truth = np.random.default_rng(1).uniform(40, 220, levelling.mosaic.shape)
    raster = stored(tmp_path / "BSE", measured(levelling, truth))
    found = LevelledRaster(raster, levelling).read(slice(None), slice(None))
    assert found.dtype == np.float32
    assert np.abs(found - truth).max() < 2e-3


@pytest.mark.parametrize("overlap", [0, 24])
def test_every_level_is_the_mean_of_the_levelled_pixels(tmp_path: Path, overlap: int):
    levelling = levelling_of(overlap)
    truth = np.random.default_rng(1).uniform(40, 220, levelling.mosaic.shape)
    levelled = LevelledRaster(stored(tmp_path / "BSE", measured(levelling, truth)), levelling)
    wanted = stored(tmp_path / "truth", truth)
    assert len(levelled.levels) > 1
    for level, fine in enumerate(wanted.levels):
        off = np.abs(levelled.levels[level][:] - np.asarray(fine[:]))
        # Pixels on a border between tiles belong to both; all others are exact.
        assert np.quantile(off, 0.9) < 0.15
        assert off.mean() < 0.1


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[LevelledRaster, np.ndarray]]:
    made = []
    for overlap in (0, 24):
        levelling = levelling_of(overlap, "multiply", missing=8)
        truth = np.random.default_rng(1).uniform(40, 220, levelling.mosaic.shape)
        folder = tmp_path_factory.mktemp("layers") / "BSE"
        levelled = LevelledRaster(stored(folder, measured(levelling, truth)), levelling)
        made.append((levelled, levelled.read(slice(None), slice(None))))
    return made


windows = st.tuples(*[st.integers(0, 420), st.integers(1, 300)] * 2)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(window=windows, which=st.integers(0, 1))
def test_any_window_is_the_whole_images(layers, window, which):
    levelled, whole = layers[which]
    rows = slice(window[0], window[0] + window[1])
    columns = slice(window[2], window[2] + window[3])
    part = levelled.read(rows, columns)
    assert part.shape == whole[rows, columns].shape
    assert np.allclose(part, whole[rows, columns], atol=1e-4)


keys = st.one_of(
    st.integers(-50, 49),
    st.builds(slice, st.integers(-60, 60), st.integers(-60, 60), st.sampled_from([None, 1, 3, -2])),
)


@settings(max_examples=60, deadline=None)
@given(key=st.one_of(keys, st.tuples(keys, keys), st.just(Ellipsis)))
def test_levels_are_indexed_like_arrays(layers, key):
    levelled, whole = layers[0]
    level = levelled.levels[0]
    assert (level.shape, level.ndim, level.dtype) == (whole.shape, 2, np.float32)
    assert np.allclose(level[key], whole[key], atol=1e-4)


def test_wrong_indices_are_refused(layers):
    level = layers[0][0].levels[0]
    with pytest.raises(IndexError):
        level[10_000]
    with pytest.raises(IndexError):
        level[0, 0, 0]
    with pytest.raises(IndexError):
        layers[0][0].read(slice(0, 10, 2), slice(None))
    assert np.asarray(level).shape == level.shape


def test_a_gap_of_the_mosaic_stays_as_it_is(layers):
    _, whole = layers[0]
    gap = slice(TILE[0], 2 * TILE[0]), slice(2 * TILE[1], 3 * TILE[1])
    assert np.array_equal(whole[gap], np.zeros(TILE, np.float32))
