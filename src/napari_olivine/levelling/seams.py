"""Level the grey of a mosaic: a sloping background in each tile, a step between sessions.

Charging, contamination and a tilted stage lay a gentle slope over single tiles, and the
instrument drifts between sessions. Neither is olivine. Both show where tiles meet: the rock goes
on across a seam, so the step of the grey there is the instrument's. One robust least-squares
fit over all seams finds the slope of every tile and the step of every session from the
BSE image alone. (What every tile of a session shares, such as its gain, does not show at seams and
is left to the calibration.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix, diags
from scipy.sparse.linalg import spsolve

from napari_olivine.job import Job
from napari_olivine.section import Raster, Session, blocks, session_index, strip_height

Floats = NDArray[np.float64]

EDGE = 2
"""Pixels on each side of a seam whose mean is compared."""

BIN = 16
"""Pixels along a seam whose median step is one observation."""

OFFSET_GREY, SLOPE_GREY, SESSION_GREY = 0.3, 4.0, 30.0
"""Prior standard deviations: a tile's own step, its slope from edge to edge, a session's step.

A tile's own step is held tight: without overlap it cannot be told from a session's drift.
"""

FLOOR_GREY = 0.3
"""Least standard error of one observation: the rock itself differs across a seam."""


@dataclass(frozen=True)
class Levelling:
    """What to subtract from the grey of a mosaic.

    Parameters
    ----------
    tile_shape
        Rows and columns of a tile.
    planes
        Grey at a tile's centre and its rise from edge to edge along columns and rows, shape
        (tile rows, tile columns, 3).
    session_steps
        Grey of each session above the mean of all sessions, by name.
    """

    tile_shape: tuple[int, int]
    planes: NDArray[np.float32]
    session_steps: dict[str, float]

    def surface(self, rows: slice, columns: slice, sessions: list[Session]) -> NDArray[np.float32]:
        """Give the grey to subtract in a window, shape of the window."""
        height, width = self.tile_shape
        row, column = np.arange(rows.start, rows.stop), np.arange(columns.start, columns.stop)
        tile_row = np.minimum(row // height, self.planes.shape[0] - 1)
        tile_column = np.minimum(column // width, self.planes.shape[1] - 1)
        down = ((row - tile_row * height + 0.5) / height - 0.5).astype(np.float32)
        right = ((column - tile_column * width + 0.5) / width - 0.5).astype(np.float32)
        plane = self.planes[tile_row[:, None], tile_column[None, :]]
        surface = plane[..., 0] + plane[..., 1] * right[None, :] + plane[..., 2] * down[:, None]
        steps = np.array([self.session_steps.get(s.session, 0.0) for s in sessions] + [0.0])
        index = session_index(sessions, row[:, None], column[None, :])
        return np.asarray(surface + steps[index], np.float32)

    def as_dict(self) -> dict[str, Any]:
        """Values for JSON."""
        return {
            "tile_shape_px": list(self.tile_shape),
            "session_steps_grey": {k: round(v, 4) for k, v in self.session_steps.items()},
            "planes_grey": np.round(self.planes, 3).tolist(),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Levelling:
        """Read what `as_dict` wrote."""
        height, width = values["tile_shape_px"]
        planes = np.asarray(values["planes_grey"], np.float32)
        return cls((height, width), planes, dict(values["session_steps_grey"]))


@dataclass(frozen=True)
class LevelledGrey:
    """The BSE image of a section with the levelling taken off.

    Parameters
    ----------
    raster
        BSE image.
    sessions
        Sessions of the section.
    levelling
        What to subtract; `None` for the image as it is.
    """

    raster: Raster
    sessions: list[Session]
    levelling: Levelling | None

    def window(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        """Read a window that lies within the image."""
        grey = self.raster.read(rows, columns).astype(np.float32)
        if self.levelling is not None:
            grey -= self.levelling.surface(rows, columns, self.sessions)
        return grey


def estimate_levelling(
    raster: Raster, tile_shape: tuple[int, int], sessions: list[Session], job: Job
) -> Levelling | None:
    """Find each tile's slope and each session's step from the seams.

    Parameters
    ----------
    raster
        BSE mosaic.
    tile_shape
        Rows and columns of a tile; tiles lie side by side from the top left corner.
    sessions
        Sessions of the section.
    job
        Running job; its memory bounds the strips that are read.

    Returns
    -------
    Levelling or None
        `None` for an image of fewer than two tiles or one that is no whole number of tiles.
    """
    height, width = tile_shape
    grid = raster.shape[0] // height, raster.shape[1] // width
    whole = raster.shape == (grid[0] * height, grid[1] * width)
    if not whole or grid[0] * grid[1] < 2 or min(tile_shape) < 4 * BIN:
        return None
    steps = _seam_steps(raster, tile_shape, job)
    centres = np.indices(grid).reshape(2, -1)
    tile_session = session_index(
        sessions, centres[0] * height + height // 2, centres[1] * width + width // 2
    ).astype(int)
    if not len(steps):
        return None
    planes, session_steps = _solve(steps, grid, tile_session, len(sessions))
    return Levelling(
        tile_shape,
        planes.astype(np.float32),
        {s.session: float(step) for s, step in zip(sessions, session_steps, strict=True)},
    )


def _seam_steps(raster: Raster, tile_shape: tuple[int, int], job: Job) -> Floats:
    """Measure the steps of the grey across all seams.

    Gives shape (n, 8): tile before, tile after, position (x, y from -0.5 to 0.5) in either, step,
    its standard error.
    """
    height, width = tile_shape
    left, right, above, below = _edges(raster, tile_shape, job)
    tile_rows, tile_columns = raster.shape[0] // height, raster.shape[1] // width
    found: list[tuple[float, ...]] = []
    for row in range(tile_rows):
        down = slice(row * height, (row + 1) * height)
        for column in range(tile_columns):
            tile, across = row * tile_columns + column, slice(column * width, (column + 1) * width)
            if column + 1 < tile_columns:
                for t, step, error in _binned(left[down, column], right[down, column]):
                    found.append((tile, tile + 1, 0.5, t, -0.5, t, step, error))
            if row + 1 < tile_rows:
                for t, step, error in _binned(above[row, across], below[row, across]):
                    found.append((tile, tile + tile_columns, t, 0.5, t, -0.5, step, error))
    return np.array(found, float).reshape(-1, 8)


def _edges(
    raster: Raster, tile_shape: tuple[int, int], job: Job
) -> tuple[NDArray[np.float32], ...]:
    """Grey left and right of all vertical seams, above and below all horizontal ones."""
    height, width = tile_shape
    downs = np.arange(height, raster.shape[0], height)
    acrosses = np.arange(width, raster.shape[1], width)
    left, right = np.zeros((2, raster.shape[0], acrosses.size), np.float32)
    above, below = np.zeros((2, downs.size, raster.shape[1]), np.float32)
    strips = list(blocks(raster.shape, strip_height(job, raster.shape[1] * 8)))
    for done, (rows, columns) in enumerate(strips):
        job.progress(done, len(strips), "Levelling the grey")
        image = raster.read(rows, columns)
        for step in range(EDGE):
            left[rows] += image[:, acrosses - 1 - step] / np.float32(EDGE)
            right[rows] += image[:, acrosses + step] / np.float32(EDGE)
            for side, at in ((above, downs - 1 - step), (below, downs + step)):
                here = (at >= rows.start) & (at < rows.stop)
                side[here] += image[at[here] - rows.start] / np.float32(EDGE)
    return left, right, above, below


def _binned(
    before: NDArray[np.float32], after: NDArray[np.float32]
) -> list[tuple[float, float, float]]:
    """Median steps along one seam: position from -0.5 to 0.5, step, standard error."""
    count = before.size // BIN
    step = (after - before)[: count * BIN].reshape(count, BIN)
    median = np.median(step, axis=1)
    spread = 1.4826 * np.median(np.abs(step - median[:, None]), axis=1)
    error = np.hypot(1.253 * spread / np.sqrt(BIN), FLOOR_GREY)
    position = (np.arange(count) + 0.5) * BIN / before.size - 0.5
    return list(zip(position.tolist(), median.tolist(), error.tolist(), strict=True))


def _solve(
    steps: Floats, grid: tuple[int, int], tile_session: NDArray[np.int_], sessions: int
) -> tuple[Floats, Floats]:
    """Huber fit of all planes and session steps with Gaussian priors."""
    tiles = grid[0] * grid[1]
    before, after = steps[:, 0].astype(int), steps[:, 1].astype(int)
    terms: list[tuple[NDArray[np.int_], Floats]] = []
    for tile, x, y, sign in ((after, 4, 5, 1.0), (before, 2, 3, -1.0)):
        terms += [(3 * tile, np.full(len(steps), sign))]
        terms += [(3 * tile + 1, sign * steps[:, x]), (3 * tile + 2, sign * steps[:, y])]
        session = tile_session[tile]
        inside = np.where(session >= 0, sign, 0.0)
        terms += [(3 * tiles + np.maximum(session, 0), inside)]
    row = np.tile(np.arange(len(steps)), len(terms))
    size = 3 * tiles + max(sessions, 1)
    design: csr_matrix = coo_matrix(
        (np.concatenate([v for _, v in terms]), (row, np.concatenate([c for c, _ in terms]))),
        (len(steps), size),
    ).tocsr()
    prior = np.full(size, SESSION_GREY)
    prior[: 3 * tiles] = np.tile([OFFSET_GREY, SLOPE_GREY, SLOPE_GREY], tiles)
    precision = 1.0 / steps[:, 7] ** 2
    weight, solution = precision, np.zeros(size)
    for _ in range(8):
        normal = design.T @ diags(weight) @ design + diags(prior**-2)
        solution = np.asarray(spsolve(normal.tocsc(), design.T @ (weight * steps[:, 6])))
        residual = (steps[:, 6] - design @ solution) * np.sqrt(precision)
        scale = max(1.4826 * float(np.median(np.abs(residual))), 1e-6)
        huber = np.minimum(1.0, 1.345 * scale / np.maximum(np.abs(residual), 1e-12))
        weight = precision * huber / max(scale, 1.0) ** 2
    planes = solution[: 3 * tiles].reshape(*grid, 3)
    session_steps = solution[3 * tiles : 3 * tiles + sessions]
    return planes, session_steps - (session_steps.mean() if sessions else 0.0)
