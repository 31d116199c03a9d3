"""The solver against analytical solutions; nothing is lost; the error falls with the square."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.special import erf, erfc

from napari_olivine.diffusion.solver import Line, spread

CONSTANT = 0.0


def stops(last: float, count: int = 400) -> np.ndarray:
    return np.geomspace(last / 1e4, last, count)


def test_step_spreads_as_an_error_function() -> None:
    cells, length = 1600, 400.0
    x = (np.arange(cells) + 0.5) * length / cells
    start = np.where(x < 200, 0.7, 0.9)
    found = spread(start, Line(length / cells, "free", "free"), stops(100.0), CONSTANT, 0.8)[-1]
    exact = 0.8 + 0.1 * erf((x - 200) / (2 * np.sqrt(100.0)))
    assert np.abs(found - exact).max() < 1e-5


def test_crystal_in_a_melt_is_the_plane_sheet() -> None:
    """Crank (1975), eq. 4.17: a sheet whose surface is held, seen to its middle."""
    cells, half = 800, 50.0
    x = (np.arange(cells) + 0.5) * half / cells
    last = 0.3 * half**2
    found = spread(
        np.full(cells, 0.9), Line(half / cells), stops(last, 800), CONSTANT, 0.8, (0.7, 0.9)
    )[-1]
    n = np.arange(60)[:, np.newaxis]
    odd = (2 * n + 1) * np.pi / 2
    series = 2 / odd * np.sin(odd * x / half) * np.exp(-(odd**2) * last / half**2)
    assert np.abs(found - (0.7 + 0.2 * series.sum(axis=0))).max() < 1e-5


@given(st.floats(0.6, 0.8), st.floats(0.82, 0.95), st.floats(0, 8), st.floats(1, 1e4))
def test_nothing_is_lost_between_closed_ends(
    low: float, high: float, slope: float, last: float
) -> None:
    start = np.where(np.arange(80) < 37, low, high)
    found = spread(start, Line(1.5, "free", "free"), stops(last, 60), slope, 0.8)
    np.testing.assert_allclose(found.sum(axis=1), start.sum(), rtol=1e-8 / 80)
    assert found.min() > low - 1e-3 and found.max() < high + 1e-3


def test_error_falls_with_the_square_of_the_cell() -> None:
    def curve(cells: int) -> np.ndarray:
        x = (np.arange(cells) + 0.5) * 100 / cells
        start = 0.8 + 0.1 * erfc((x - 50) / 8) / 2
        found = spread(start, Line(100 / cells, "free", "free"), stops(150.0, 2000), 6.9, 0.85)
        return found[-1].reshape(25, -1).mean(axis=1)  # the same 25 lengths on every grid

    fine = curve(800)
    errors = [np.abs(curve(cells) - fine).max() for cells in (25, 50, 100)]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert (orders > 1.8).all()


def test_iron_rich_side_spreads_further() -> None:
    cells = 400
    start = np.where(np.arange(cells) < 200, 0.7, 0.9)
    found = spread(start, Line(0.5, "free", "free"), stops(200.0), 6.9, 0.8)[-1]
    assert (found[:200] > 0.72).sum() > 1.1 * (found[200:] < 0.88).sum()


def test_fixed_end_stays() -> None:
    found = spread(np.full(50, 0.9), Line(1.0), stops(1e6), 6.9, 0.85, (0.75, 0.9))
    assert found[-1] == pytest.approx(0.75, abs=1e-4)
