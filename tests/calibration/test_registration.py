"""Refining the placement of a traverse: found on zoned crystals, refused on unzoned ones."""

from __future__ import annotations

import numpy as np

from napari_olivine.calibration.registration import SearchRange, refine_traverse
from napari_olivine.calibration.traverse import Line, Patch, line_positions

TRUE: Line = (42.0, 95.0, 218.0, 131.0)
LENGTH = float(np.hypot(TRUE[2] - TRUE[0], TRUE[3] - TRUE[1]))


def crystal(contrast: float, seed: int = 0) -> tuple[Patch, np.ndarray]:
    """Return the patch of an off-centre, lopsided zoned crystal and its mg# image."""
    rows, columns = np.indices((230, 260))
    away = np.hypot((rows - 105) / 0.8, columns - 120) + 6 * np.sin(columns / 17) + rows / 9
    mg = 0.88 - contrast / (1 + np.exp(-(away - 75) / 7))
    mg -= contrast / 3 * np.exp(-(((columns - 90) / 14.0) ** 2))
    grey = (1.164 - mg) / 0.0024 + np.random.default_rng(seed).normal(0, 2.6, mg.shape)
    return Patch(grey.astype(np.float32), np.ones(mg.shape, bool), 0, 0), mg


def measured(mg: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Distances and mg# along the true line."""
    distance = np.linspace(0, LENGTH, 70)
    x, y = line_positions(distance, TRUE, "line")
    values = mg[np.rint(y).astype(int), np.rint(x).astype(int)]
    return distance, values + np.random.default_rng(seed + 1).normal(0, 0.001, values.size)


def test_planted_shifts_are_recovered_along_the_line():
    direction = np.array([TRUE[2] - TRUE[0], TRUE[3] - TRUE[1]])
    direction /= np.hypot(*direction)
    errors, placed_errors = [], []
    for seed in range(8):
        patch, mg = crystal(0.12, seed)
        distance, values = measured(mg, seed)
        placed = np.array(TRUE) + np.random.default_rng(seed).normal(0, 4, 4)
        result = refine_traverse(patch, distance, values, tuple(placed), 1.0, measured_um=LENGTH)
        assert result.accepted
        assert result.correlation_after > 0.97
        errors.append((np.array(result.line) - np.array(TRUE)).reshape(2, 2) @ direction)
        placed_errors.append((placed - np.array(TRUE)).reshape(2, 2) @ direction)
    assert np.percentile(np.abs(errors), 95) < 1.5
    assert np.std(errors) < 0.4 * np.std(placed_errors)


def test_points_on_a_crack_do_not_mislead():
    patch, mg = crystal(0.12)
    patch.grey[100:106, 60:150] = 50
    patch.good[99:107, 60:150] = False
    distance, values = measured(mg)
    x, y = line_positions(distance, TRUE, "line")
    values[~patch.good[np.rint(y).astype(int), np.rint(x).astype(int)]] = np.nan
    result = refine_traverse(
        patch, distance, values, (44.0, 97.0, 221.0, 129.0), 1.0, measured_um=LENGTH
    )
    assert result.accepted
    assert np.abs(np.array(result.line)[[0, 2]] - np.array(TRUE)[[0, 2]]).mean() < 1.5


def test_an_unzoned_crystal_is_refused_and_stays():
    patch, mg = crystal(0.0)
    distance, values = measured(mg)
    placed = (45.0, 93.0, 220.0, 133.0)
    result = refine_traverse(patch, distance, values, placed, 1.0)
    assert not result.accepted
    assert result.line == placed
    assert result.shift_um == (0.0, 0.0)
    assert "unzoned" in result.reason


def test_no_end_moves_further_than_allowed():
    patch, mg = crystal(0.12)
    distance, values = measured(mg)
    far = (TRUE[0] + 14, TRUE[1] + 3, TRUE[2] + 14, TRUE[3] + 3)
    near = SearchRange(placed_within_um=10, largest_shift_um=6, slide_um=0)
    result = refine_traverse(patch, distance, values, far, 1.0, within=near)
    assert not result.accepted
    assert result.line == far


def test_few_points_are_refused():
    patch, mg = crystal(0.12)
    distance, values = measured(mg)
    values[8:] = np.nan
    assert "fewer than" in refine_traverse(patch, distance, values, TRUE, 1.0).reason
