"""Backgrounds: a slope of its own in every tile, and a shading that all tiles of a session share.

Charging, contamination and a tilted stage lay a gentle slope over single tiles; the detector's
field lays the same shallow bowl over all of them. Both show where the grey of a tile is not what
its material has elsewhere, and where neighbouring tiles meet. One robust least-squares fit finds
all slopes; the shading is the median over many tiles of what is left, place by place, which no
crystal survives, smoothed by a surface of second order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix, diags
from scipy.sparse.linalg import spsolve
from scipy.stats import chi2

from napari_olivine.job import Job
from napari_olivine.levelling.seams import Steps

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SEAM_LEVEL, OWN_LEVEL, SLOPE = 0.3, 1.0, 4.0
"""Prior standard deviations, in levels of an 8-bit image: a tile's own level where seams alone tell
it and where its materials do, its slope from edge to edge.

The first is tight: without overlap a tile's level cannot be separated from a session's drift.
"""

CELLS = (4, 6)
"""Cells of a tile (rows, columns) whose median is one observation of its slope."""

FINE = (6, 9)
"""Cells of a tile for the shading."""

LEAST_SPOTS = 12
"""Spots in a cell that make an observation."""

FLOOR = 0.3
"""Least standard error of a cell, in levels of an 8-bit image."""

FEWEST_TILES = 8
"""Tiles of a session from which its shading is looked for."""

SURE = 1e-3
"""Probability by chance below which a shading counts."""

LEAST_SHADING = 0.1
"""Rise of a shading below which it is left out, in levels of an 8-bit image."""

Kind = Literal["add", "multiply"]


def tile_planes(
    steps: Steps, tiles: int, known: NDArray[np.bool_], unit: float, job: Job
) -> Floats:
    """Level and slopes of all tiles that make the steps vanish.

    Parameters
    ----------
    steps
        Steps at seams and of tiles against their materials, on the common scale.
    tiles
        Number of tiles.
    known
        Whether a tile's own level is known from its materials, shape (tiles,).
    unit
        One level of an 8-bit image.
    job
        Running job.

    Returns
    -------
    ndarray, shape (tiles, 3)
        Grey at the centre, rise from edge to edge along columns and along rows.
    """
    if not len(steps):
        return np.zeros((tiles, 3))
    number = len(steps)
    two = steps.before >= 0
    values, rows, columns = [], [], []
    for tile, at, sign, used in (
        (steps.after, steps.at_after, 1.0, np.ones(number, bool)),
        (steps.before, steps.at_before, -1.0, two),
    ):
        here = np.flatnonzero(used)
        for term, value in enumerate((np.ones(number), at[:, 0], at[:, 1])):
            rows.append(here)
            columns.append(3 * tile[here] + term)
            values.append(sign * value[here])
    design: csr_matrix = coo_matrix(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))),
        (number, 3 * tiles),
    ).tocsr()
    level = np.where(known, OWN_LEVEL, SEAM_LEVEL)
    slope = np.full(tiles, SLOPE)
    prior = (unit * np.stack([level, slope, slope], 1)).ravel()
    precision = steps.error**-2.0
    weight, solution = precision, np.zeros(3 * tiles)
    for _ in range(6):
        job.check()
        normal = design.T @ diags(weight) @ design + diags(prior**-2)
        solution = np.asarray(spsolve(normal.tocsc(), design.T @ (weight * steps.step)))
        residual = (steps.step - design @ solution) * np.sqrt(precision)
        scale = max(1.4826 * float(np.median(np.abs(residual))), 1e-6)
        huber = np.minimum(1.0, 1.345 * scale / np.maximum(np.abs(residual), 1e-12))
        weight = precision * huber / max(scale, 1.0) ** 2
    return solution.reshape(tiles, 3)


def steps_of_cells(tile: Ints, x: Floats, y: Floats, off: Floats, tiles: int, unit: float) -> Steps:
    """Median of what spots are off by in the cells of every tile.

    Parameters
    ----------
    tile, x, y
        Tile and place of each spot, shape (n,).
    off
        Grey above what its material has, shape (n,).
    tiles
        Number of tiles.
    unit
        One level of an 8-bit image.

    Returns
    -------
    Steps
        Of each cell against what it should be.
    """
    cell, median, error, _ = _cell_medians(tile, x, y, off, CELLS, unit)
    place = cell % (CELLS[0] * CELLS[1])
    at = np.stack([_centres(CELLS[1])[place % CELLS[1]], _centres(CELLS[0])[place // CELLS[1]]], 1)
    return Steps(np.full(cell.size, -1), cell // (CELLS[0] * CELLS[1]), at, at, median, error)


@dataclass(frozen=True)
class Shading:
    """A surface of second order that all tiles of a session share.

    Parameters
    ----------
    kind
        Whether it is added to the grey or multiplied with it.
    bend
        Factors of x^2 - 1/12, y^2 - 1/12 and x y, x and y from -0.5 to 0.5; grey (kind add) or
        a fraction (kind multiply).
    error
        Their standard errors.
    chance
        Probability of as much by chance.
    significant
        Whether it is taken off.
    tiles
        Tiles that it was found from.
    """

    kind: Kind
    bend: tuple[float, float, float]
    error: tuple[float, float, float]
    chance: float
    significant: bool
    tiles: int

    def multiplied(self, middle: float) -> Shading:
        """Return the same shading as a fraction of the grey, equal at one grey."""
        if self.kind == "multiply":
            return self
        one, two, three = (value / middle for value in self.bend)
        first, second, third = (value / middle for value in self.error)
        bend, error = (one, two, three), (first, second, third)
        return replace(self, kind="multiply", bend=bend, error=error)

    def surface(self, x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.floating]:
        """Value at places of a tile."""
        return np.asarray(
            self.bend[0] * (x * x - 1 / 12) + self.bend[1] * (y * y - 1 / 12) + self.bend[2] * x * y
        )


def find_shading(
    tile: Ints,
    x: Floats,
    y: Floats,
    off: Floats,
    unit: float,
) -> Shading | None:
    """Find what all tiles of one session share, as a grey that is added.

    Parameters
    ----------
    tile, x, y
        Tile and place of each spot of the session.
    off
        Its grey above what its material has and the tile's background.
    unit
        One level of an 8-bit image.

    Returns
    -------
    Shading or None
        `None` where there are too few tiles to tell.
    """
    number = np.unique(tile).size
    if number < FEWEST_TILES:
        return None
    cell, median, _, _ = _cell_medians(tile, x, y, off, FINE, unit)
    cells = FINE[0] * FINE[1]
    place, values, errors = [], [], []
    for one in range(cells):
        of_cell = median[cell % cells == one]
        if of_cell.size < FEWEST_TILES:
            continue
        middle = float(np.median(of_cell))
        spread = 1.4826 * float(np.median(np.abs(of_cell - middle)))
        place.append(one)
        values.append(middle)
        errors.append(max(1.253 * spread / np.sqrt(of_cell.size), 1e-3 * unit))
    if len(place) < 0.7 * cells:
        return None
    at = np.array(place)
    u, v = _centres(FINE[1])[at % FINE[1]], _centres(FINE[0])[at // FINE[1]]
    design = np.stack([u * u - 1 / 12, v * v - 1 / 12, u * v, np.ones(u.size), u, v], axis=1)
    weight = np.array(errors) ** -2.0
    covariance = np.linalg.inv((design.T * weight) @ design)
    solution = covariance @ (design.T @ (weight * np.array(values)))
    left = np.array(values) - design @ solution
    covariance *= max(1.0, float(weight @ left**2) / max(1, u.size - 6))
    bend, part = solution[:3], covariance[:3, :3]
    chance = float(chi2.sf(bend @ np.linalg.solve(part, bend), 3))
    rise = float(np.ptp(design[:, :3] @ bend))
    significant = chance < SURE and rise > LEAST_SHADING * unit
    error = np.sqrt(np.diag(part))
    return Shading(
        "add",
        (float(bend[0]), float(bend[1]), float(bend[2])),
        (float(error[0]), float(error[1]), float(error[2])),
        chance,
        significant,
        number,
    )


def multiplicative_share(
    shading: Shading, x: Floats, y: Floats, off: Floats, grey: Floats
) -> tuple[float, float]:
    """Measure how far a shading grows with the grey: 0 where it is added, 1 where it multiplies.

    Parameters
    ----------
    shading
        As found, in grey.
    x, y
        Place of each spot in its tile.
    off
        Its grey above what its material has and the tile's background.
    grey
        Its grey on the common scale.

    Returns
    -------
    value, weight
        Least-squares factor, and the inverse of its variance but for a constant, so that
        sessions can be averaged.
    """
    surface = np.asarray(shading.surface(x, y), np.float64)
    middle = float(np.median(grey))
    more = surface * (grey - middle) / middle
    left = off - surface
    near = np.abs(left) <= 3 * 1.4826 * np.median(np.abs(left)) + 1e-9
    weight = float(more[near] @ more[near])
    return (float(more[near] @ left[near]) / weight if weight > 0 else 0.0), weight


def _centres(cells: int) -> Floats:
    return np.asarray((np.arange(cells) + 0.5) / cells - 0.5)


def _cell_medians(
    tile: Ints, x: Floats, y: Floats, off: Floats, cells: tuple[int, int], unit: float
) -> tuple[Ints, Floats, Floats, Ints]:
    """Median, standard error and number of spots of every cell that has enough of them."""
    column = np.clip(np.floor((x + 0.5) * cells[1]).astype(np.int64), 0, cells[1] - 1)
    row = np.clip(np.floor((y + 0.5) * cells[0]).astype(np.int64), 0, cells[0] - 1)
    key = (tile.astype(np.int64) * cells[0] + row) * cells[1] + column
    order = np.lexsort((off, key))
    cell, first, number = np.unique(key[order], return_index=True, return_counts=True)
    ordered = off[order]

    def quantile(share: float) -> Floats:
        return np.asarray(
            ordered[first + np.minimum((share * number).astype(np.int64), number - 1)]
        )

    median = quantile(0.5)
    spread = (quantile(0.75) - quantile(0.25)) / 1.349
    # Spots of one grain are alike: about a fifth of them are independent.
    error = np.hypot(1.253 * spread / np.sqrt(np.maximum(number / 5, 1)), FLOOR * unit)
    enough = number >= LEAST_SPOTS
    return cell[enough], median[enough], error[enough], number[enough]
