"""Slopes of tiles and steps of sessions are found from the seams of the mosaic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_olivine.job import Job
from napari_olivine.levelling import LevelledGrey, Levelling, estimate_levelling
from napari_olivine.section import Session
from napari_olivine.section.raster import create_raster

TILE = (128, 160)
GRID = (12, 6)
SESSIONS = [
    Session(session="a", row0=0, row1=1536, col0=0, col1=480),
    Session(session="b", row0=0, row1=1536, col0=480, col1=960),
]


@pytest.fixture
def mosaic(tmp_path: Path):
    """A rock of patches, its mosaic with planted slopes and a step of 9 between sessions."""
    random = np.random.default_rng(4)
    shape = GRID[0] * TILE[0], GRID[1] * TILE[1]
    coarse = gaussian_filter(random.normal(0, 1, shape), 6)
    rock = np.select([coarse > 0.03, coarse < -0.04], [170.0, 90.0], 120.0)
    planes = np.zeros((*GRID, 3), np.float32)
    planes[..., 1:] = random.normal(0, 3, (*GRID, 2))
    planted = Levelling(TILE, planes, {"a": -4.5, "b": 4.5})
    surface = planted.surface(slice(0, shape[0]), slice(0, shape[1]), SESSIONS)
    grey = rock + surface + random.normal(0, 2.5, shape)
    raster = create_raster(tmp_path / "BSE", shape, "uint8", 1.0, reduction="mean")
    raster.write(0, 0, np.rint(grey).astype(np.uint8))
    return raster, planted, surface


def test_planted_slopes_and_steps_are_recovered(mosaic):
    raster, planted, surface = mosaic
    found = estimate_levelling(raster, TILE, SESSIONS, Job())
    assert found is not None
    assert found.session_steps["b"] - found.session_steps["a"] == pytest.approx(9, abs=0.6)
    everywhere = slice(0, raster.shape[0]), slice(0, raster.shape[1])
    left = found.surface(*everywhere, SESSIONS) - surface
    steps = np.where(np.arange(raster.shape[1]) < 480, -4.5, 4.5)
    assert np.std(left) < 0.5 * np.std(surface - steps)
    assert np.std(found.planes[..., 1:] - planted.planes[..., 1:]) < 0.5 * 3


def test_strips_of_any_height_give_the_same(mosaic):
    raster, *_ = mosaic
    whole = estimate_levelling(raster, TILE, SESSIONS, Job())
    strips = estimate_levelling(raster, TILE, SESSIONS, Job(memory_bytes=1))
    assert whole is not None and strips is not None
    assert np.array_equal(whole.planes, strips.planes)


def test_a_window_is_levelled_like_the_whole(mosaic):
    raster, planted, _ = mosaic
    grey = LevelledGrey(raster, SESSIONS, planted)
    whole = grey.window(slice(0, 400), slice(0, 700))
    part = grey.window(slice(130, 300), slice(450, 600))
    assert np.array_equal(whole[130:300, 450:600], part)


def test_levelling_survives_json(mosaic):
    _, planted, surface = mosaic
    again = Levelling.from_dict(planted.as_dict())
    everywhere = slice(0, surface.shape[0]), slice(0, surface.shape[1])
    assert np.allclose(again.surface(*everywhere, SESSIONS), surface, atol=0.002)


def test_an_image_that_is_no_grid_of_tiles_is_left_alone(mosaic):
    raster, *_ = mosaic
    assert estimate_levelling(raster, (100, 160), SESSIONS, Job()) is None
    assert estimate_levelling(raster, raster.shape, SESSIONS, Job()) is None
