"""Places of all tiles at once from the measured shifts of neighbours, wrong shifts cast out.

The places minimise the weighted squares of (place of b - place of a - measured shift) over all
pairs, with two weak ties to the stage: between neighbours without a trusted shift, and of every
tile to its own stage position. Wrong shifts are cast out by graduated non-convexity [1]_:
Geman-McClure weights whose width shrinks from the stage error to a pixel.

References
----------
.. [1] Yang et al. 2020, doi:10.1109/LRA.2020.2965893.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

Floats = NDArray[np.float64]

FLOOR_PX = 0.05
"""No shift is trusted more than this."""

NARROWEST_PX = 0.5
"""Deviation from the common solution, in each direction, at which a shift loses most weight."""

START, FACTOR = 2.0, 1.6
"""Robust width to begin with, in stage errors, and by which it shrinks; a wider one lets wrong
shifts carry whole groups of tiles away."""

WITHOUT_WITNESS = 6.0
"""A tile's only shift must agree with the stage within this many stage errors."""

CAST_OUT = 0.25
"""Shifts whose robust weight ends below this (1.7 times the width away) are wrong."""

LEAST_JITTER_PX = 0.5
"""No stage is better than this."""

FEW = 8
"""Shifts that are needed to judge the scale and direction of the stage."""


@dataclass(frozen=True)
class Solution:
    """Where the tiles lie.

    Parameters
    ----------
    positions
        Row and column of each tile, px, shape (tiles, 2); the largest group of tiles has the same
        mean as by the stage.
    trusted
        Whether each pair's shift was used.
    group
        Number of the group of tiles that hang together by trusted shifts; 0 is the largest.
    stage_matrix
        Stage displacement (rows, columns, px) to true displacement, shape (2, 2).
    jitter_px
        Robust standard deviation of one tile's stage error, px a direction.
    """

    positions: Floats
    trusted: NDArray[np.bool_]
    group: NDArray[np.int64]
    stage_matrix: Floats
    jitter_px: float


def solve_places(
    stage: Floats,
    pairs: NDArray[np.int64],
    shifts: Floats,
    errors: Floats,
    measured: NDArray[np.bool_],
) -> Solution:
    """Find the places of all tiles.

    Parameters
    ----------
    stage
        Row and column of each tile as the stage or the grid says, px, shape (tiles, 2).
    pairs
        Tile a and tile b of each pair, shape (pairs, 2).
    shifts
        Row and column of b minus a as measured, px, shape (pairs, 2).
    errors
        Their standard errors, px, shape (pairs,).
    measured
        Pairs whose shift stands out from chance.

    Returns
    -------
    Solution
        The places, and which shifts were used.
    """
    by_stage = stage[pairs[:, 1]] - stage[pairs[:, 0]]
    matrix, jitter = _stage_model(by_stage[measured], shifts[measured])
    stage = stage @ matrix.T
    by_stage = by_stage @ matrix.T
    sigma = np.hypot(np.nan_to_num(errors, nan=1.0, posinf=1.0), FLOOR_PX)
    tie = (FLOOR_PX / jitter) ** 2 / 2
    system = _System(len(stage), pairs, stage, anchor=tie / 50)
    trust = np.where(measured, (FLOOR_PX / sigma) ** 2, 0.0)
    robust = measured.astype(np.float64)
    wanted = np.where(measured[:, None], shifts, by_stage)
    # The first solution trusts every shift as much as the stage: nothing can pull far.
    width = max(START * jitter, 4 * NARROWEST_PX)
    places = stage
    while True:
        for _ in range(3):
            away = places[pairs[:, 1]] - places[pairs[:, 0]] - wanted
            robust = np.where(measured, _geman_mcclure(away, np.maximum(width, 3 * sigma)), 0.0)
            weights = robust * trust
            places = system.solve(weights, wanted, tie, by_stage)
        if width <= NARROWEST_PX:
            break
        width = max(width / FACTOR, NARROWEST_PX)
    trusted = measured & (robust >= CAST_OUT)
    trusted &= ~_lone_and_odd(pairs, trusted, np.hypot(*(shifts - by_stage).T), jitter)
    places = system.solve(np.where(trusted, weights, 0.0), wanted, tie, by_stage)
    group = groups(len(stage), pairs[trusted])
    largest = group == 0
    places = places + (stage[largest] - places[largest]).mean(axis=0)
    return Solution(places, trusted, group, matrix, jitter)


def groups(tiles: int, links: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of the group of linked tiles that each tile is in, the largest 0."""
    graph = sparse.coo_matrix((np.ones(len(links)), (links[:, 0], links[:, 1])), (tiles, tiles))
    _, label = connected_components(graph, directed=False)
    order = np.argsort(-np.bincount(label), kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return np.asarray(rank[label], np.int64)


def _lone_and_odd(
    pairs: NDArray[np.int64], trusted: NDArray[np.bool_], from_stage: Floats, jitter: float
) -> NDArray[np.bool_]:
    """Find shifts that contradict the stage and are the only one of a tile: without a witness."""
    shares = np.bincount(pairs[trusted].ravel(), minlength=int(pairs.max(initial=0)) + 1)
    lone = (shares[pairs] == 1).any(axis=1)
    return np.asarray(lone & ~(from_stage <= WITHOUT_WITNESS * jitter), np.bool_)


class _System:
    """Normal equations of one mosaic."""

    def __init__(
        self, tiles: int, pairs: NDArray[np.int64], stage: Floats, *, anchor: float
    ) -> None:
        self.tiles, self.pairs, self.stage, self.anchor = tiles, pairs, stage, anchor

    def solve(self, weights: Floats, shifts: Floats, tie: float, by_stage: Floats) -> Floats:
        """Solve for measured shifts with a weight each, and stage shifts with one common weight."""
        a, b = self.pairs.T
        total = weights + tie
        pull = weights[:, None] * shifts + tie * by_stage
        diagonal = np.full(self.tiles, self.anchor)
        np.add.at(diagonal, a, total)
        np.add.at(diagonal, b, total)
        numbers = np.arange(self.tiles)
        matrix = sparse.coo_matrix(
            (
                np.concatenate([diagonal, -total, -total]),
                (np.concatenate([numbers, a, b]), np.concatenate([numbers, b, a])),
            ),
            (self.tiles, self.tiles),
        ).tocsc()
        right = self.anchor * self.stage
        np.add.at(right, a, -pull)
        np.add.at(right, b, pull)
        return np.asarray(splu(matrix).solve(right), np.float64)


def _geman_mcclure(away: Floats, width: Floats) -> Floats:
    square = (away**2).sum(axis=1)
    return np.asarray((width**2 / (width**2 + square)) ** 2, np.float64)


def _stage_model(by_stage: Floats, shifts: Floats) -> tuple[Floats, float]:
    """Fit the stage's scale and direction, and how far it errs by chance (Theil's way, robust).

    The stage may be turned against the image or count another pixel size; each column of the
    matrix is the median shift of neighbours in that direction over their distance.
    """
    matrix = np.eye(2)
    for axis in (0, 1):
        along = np.abs(by_stage[:, axis]) > 4 * np.abs(by_stage[:, 1 - axis])
        if along.sum() >= FEW:
            ratio = shifts[along] / by_stage[along, axis][:, None]
            matrix[:, axis] = np.median(ratio, axis=0)
    if np.abs(matrix - np.eye(2)).max() > 0.1:  # no stage errs so much: the shifts are wrong
        matrix = np.eye(2)
    if not len(shifts):
        return matrix, 10.0
    away = shifts - by_stage @ matrix.T
    centre = np.median(away, axis=0) if len(away) >= FEW else np.zeros(2)
    deviation = 1.4826 * np.median(np.abs(away - centre))
    return matrix, float(max(deviation / np.sqrt(2), LEAST_JITTER_PX))
