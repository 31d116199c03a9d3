"""A coarser mineral map is laid on an SEM image: how exactly, and when that is doubted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_olivine.errors import InputError
from napari_olivine.job import Event, Job
from napari_olivine.labelled.registration import RegisterLabelsSettings, register_labels
from napari_olivine.labelled.registration.placing import Placing

COLOURS = np.array([[255, 255, 255], [255, 192, 192], [0, 255, 255], [90, 60, 160]], np.uint8)
GREYS = np.array([20.0, 90.0, 130.0, 200.0])
SEM_SHAPE = (460, 620)
TRUE = Placing.of_similarity(3.9, 1.7, (-21.3, -14.8))


def grains(x: NDArray[np.float64], y: NDArray[np.float64], seed: int) -> NDArray[np.int64]:
    """Mineral at places of one section, in SEM pixels: grains of some 30 px."""
    random = np.random.default_rng(seed)
    centres = random.uniform(-100, 760, (900, 2))
    nearest = cKDTree(centres).query(np.stack([x, y], axis=-1))[1]
    return np.asarray(random.integers(0, 4, 900)[nearest])


def write_pair(folder: Path, map_seed: int = 1, noise: float = 12.0) -> tuple[Path, Path]:
    random = np.random.default_rng(5)
    x, y = np.meshgrid(np.arange(SEM_SHAPE[1]), np.arange(SEM_SHAPE[0]))
    grey = GREYS[grains(x, y, 1)] + random.normal(0, noise, SEM_SHAPE)
    tifffile.imwrite(folder / "sem.tif", np.clip(grey, 1, 255).astype(np.uint8))
    u, v = np.meshgrid(np.arange(165), np.arange(122))
    along, down = (a * u + b * v + c for a, b, c in TRUE.inverse)
    codes = grains(along, down, map_seed)
    wrong = random.random(codes.shape) < 0.05
    codes[wrong] = random.integers(0, 4, int(wrong.sum()))
    tifffile.imwrite(folder / "map.tif", COLOURS[codes], photometric="rgb")
    return folder / "sem.tif", folder / "map.tif"


def test_a_map_finds_its_place_to_less_than_a_pixel_without_pixel_sizes(tmp_path: Path) -> None:
    sem, mineral_map = write_pair(tmp_path)
    out = tmp_path / "mask.tif"
    near = RegisterLabelsSettings(rotation_deg=3, scale_percent=5)
    found = register_labels(sem, mineral_map, out, near)
    corners = np.array([[x, y, 1] for x in (0, 619) for y in (0, 459)], float)
    apart = corners @ (found.placing.matrix - TRUE.matrix).T * TRUE.scale
    assert np.hypot(*apart.T).max() < 1
    assert found.doubts == ()
    assert found.after.ratio > 4 * found.before.ratio
    mask = tifffile.imread(out)
    assert mask.shape == (*SEM_SHAPE, 3)
    x, y = np.meshgrid(np.arange(SEM_SHAPE[1]), np.arange(SEM_SHAPE[0]))
    truth = COLOURS[grains(x, y, 1)]
    covered = (mask != (255, 0, 255)).any(-1)
    assert covered.mean() == pytest.approx(found.after.overlap, abs=0.02)
    assert (mask == truth).all(-1)[covered].mean() > 0.85  # 5 % are wrong, outlines are coarse
    record = json.loads((tmp_path / "mask.json").read_text())
    np.testing.assert_allclose(record["map_from_sem"], found.placing.matrix)
    assert record["sem_pixels_a_map_pixel"] == pytest.approx(3.9, abs=0.02)
    assert record["rotation_deg"] == pytest.approx(1.7, abs=0.1)
    assert record["residual_px"]["median"] < 2


def test_a_map_of_another_sample_is_doubted(tmp_path: Path) -> None:
    sem, mineral_map = write_pair(tmp_path, map_seed=2)
    told: list[Event] = []
    settings = RegisterLabelsSettings(sem_pixel_um=1, map_pixel_um=3.9, rotation_deg=1)
    found = register_labels(
        sem, mineral_map, tmp_path / "mask.tif", settings, Job(listen=told.append)
    )
    assert found.doubts
    (warning,) = (event for event in told if event["event"] == "warning")
    assert "may be wrong: the map explains only" in warning["message"]


def test_what_cannot_be_registered_is_refused(tmp_path: Path) -> None:
    sem, mineral_map = write_pair(tmp_path)
    finer = RegisterLabelsSettings(sem_pixel_um=4, map_pixel_um=1)
    with pytest.raises(InputError, match="the map must be the coarser one"):
        register_labels(sem, mineral_map, tmp_path / "mask.tif", finer)
    smooth = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "smooth.tif", smooth, photometric="rgb")
    with pytest.raises(InputError, match=r"smooth\.tif has \d+ colours; a mineral map has"):
        register_labels(sem, tmp_path / "smooth.tif", tmp_path / "mask.tif")
    with pytest.raises(InputError, match=r"must be a new \.tif file"):
        register_labels(sem, mineral_map, mineral_map)
    assert not (tmp_path / "mask.tif").exists()


def test_placings_between_reduced_images_are_the_same_places() -> None:
    placing = Placing.of_similarity(4.4, -3.0, (12.0, -7.0))
    assert placing.scale == pytest.approx(4.4)
    assert placing.rotation_deg == pytest.approx(-3.0)
    np.testing.assert_allclose(placing.inverse[:, 2], (12, -7))
    reduced = placing.reduced(6, 2)
    np.testing.assert_allclose(reduced.enlarged(6, 2).matrix, placing.matrix)
    # The centre of the reduced pixel (5, 3) is the SEM pixel (32.5, 20.5).
    x, y = placing.matrix @ (32.5, 20.5, 1)
    np.testing.assert_allclose(reduced.matrix @ (5, 3, 1), ((x - 0.5) / 2, (y - 0.5) / 2))
