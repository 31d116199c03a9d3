"""The downhill simplex of Nelder and Mead, from many starts at once.

SciPy's `minimize` goes downhill from one start; where a cost is cheap but the call is not, many
starts in step are several times as fast.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Cost = Callable[[Floats, Integers], Floats]
"""Costs of places, shape (places, parameters), each of the start with the given index."""


def downhill_simplex(
    cost: Cost,
    starts: Floats,
    steps: Floats,
    *,
    place_tolerance: float,
    cost_tolerance: float,
    most_rounds: int,
) -> tuple[Floats, Floats]:
    """Go downhill from every start until its simplex is small and flat.

    Parameters
    ----------
    cost
        What is made least; every start may have a cost of its own.
    starts
        Shape (starts, parameters).
    steps
        Step along each parameter of the first simplex, shape (parameters,).
    place_tolerance, cost_tolerance
        A simplex ends when its corners differ from the best by no more than this.
    most_rounds
        Rounds after which a simplex ends in any case.

    Returns
    -------
    NDArray
        Least cost of each start, shape (starts,).
    NDArray
        Its place, shape (starts, parameters).

    References
    ----------
    Nelder, J. A. and Mead, R. (1965). A simplex method for function minimization. The Computer
    Journal 7, 308-313. doi 10.1093/comjnl/7.4.308
    """
    count, parameters = starts.shape
    corners = starts[:, None] + np.vstack([np.zeros(parameters), np.diag(steps)])
    owner = np.repeat(np.arange(count), parameters + 1)
    costs = cost(corners.reshape(-1, parameters), owner).reshape(count, -1)
    corners, costs = _sorted(corners, costs)
    going = np.arange(count)
    for _ in range(most_rounds - 1):
        apart = np.abs(corners[going, 1:] - corners[going, :1]).max(axis=(1, 2))
        higher = costs[going, -1] - costs[going, 0]
        going = going[(apart > place_tolerance) | (higher > cost_tolerance)]
        if not going.size:
            break
        moved = _step(cost, corners[going], costs[going], going)
        corners[going], costs[going] = _sorted(*moved)
    return costs[:, 0], corners[:, 0]


def _sorted(corners: Floats, costs: Floats) -> tuple[Floats, Floats]:
    order = np.argsort(costs, axis=1, kind="stable")
    return np.take_along_axis(corners, order[..., None], 1), np.take_along_axis(costs, order, 1)


def _step(cost: Cost, corners: Floats, costs: Floats, owner: Integers) -> tuple[Floats, Floats]:
    """Move the worst corner of each simplex, or shrink the simplex to its best corner."""
    middle, worst = corners[:, :-1].mean(axis=1), corners[:, -1]
    away = middle - worst
    reflected = middle + away
    of_reflected = cost(reflected, owner)
    is_best, is_better = of_reflected < costs[:, 0], of_reflected < costs[:, -1]
    # One more place is tried: further out, or nearer on this side or on the other.
    factor = np.where(is_best, 2.0, np.where(is_better, 0.5, -0.5))
    again = np.flatnonzero(is_best | (of_reflected >= costs[:, -2]))
    tried, of_tried = reflected.copy(), of_reflected.copy()
    if again.size:
        tried[again] = middle[again] + factor[again, None] * away[again]
        of_tried[again] = cost(tried[again], owner[again])
    limit = np.where(is_best | is_better, of_reflected, costs[:, -1])
    is_contraction = ~is_best & (of_reflected >= costs[:, -2])
    takes_tried = np.where(is_best, of_tried < limit, is_contraction & (of_tried <= limit))
    shrinks = is_contraction & ~takes_tried
    corners[:, -1] = np.where(takes_tried[:, None], tried, reflected)
    costs[:, -1] = np.where(takes_tried, of_tried, of_reflected)
    if shrinks.any():
        small = corners[shrinks]
        small[:, -1] = worst[shrinks]
        small[:, 1:] = (small[:, :1] + small[:, 1:]) / 2
        corners[shrinks] = small
        owners = np.repeat(owner[shrinks], small.shape[1] - 1)
        of_small = cost(small[:, 1:].reshape(-1, small.shape[2]), owners)
        costs[shrinks, 1:] = of_small.reshape(len(small), -1)
    return corners, costs
