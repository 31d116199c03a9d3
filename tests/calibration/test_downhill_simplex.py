"""The simplex of many starts goes where SciPy's goes from each."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from napari_olivine.calibration.downhill_simplex import downhill_simplex

STEPS = np.array([0.5, 0.3, 0.2])


def rosenbrock(places: np.ndarray, start: np.ndarray) -> np.ndarray:
    """A bent valley, another one for each start, with a step that no simplex goes down."""
    a, b, c = places.T
    bent = 100 * (b - a**2) ** 2 + (1 - a) ** 2 + 10 * (c - 0.1 * start) ** 2
    return bent + np.where(np.abs(a) > 5, 1e6, 0.0)


def test_every_start_ends_where_it_would_alone() -> None:
    starts = np.random.default_rng(0).uniform(-2, 2, (12, 3))
    costs, places = downhill_simplex(
        rosenbrock, starts, STEPS, place_tolerance=1e-3, cost_tolerance=1e-4, most_rounds=200
    )
    for k, start in enumerate(starts):
        alone = minimize(
            lambda place, k=k: rosenbrock(place[None], np.array([k]))[0],
            start,
            method="Nelder-Mead",
            options={
                "initial_simplex": start + np.vstack([np.zeros(3), np.diag(STEPS)]),
                "xatol": 1e-3,
                "fatol": 1e-4,
                "maxiter": 200,
            },
        )
        assert np.allclose(places[k], alone.x, atol=1e-9)
        assert np.isclose(costs[k], alone.fun, atol=1e-12)
