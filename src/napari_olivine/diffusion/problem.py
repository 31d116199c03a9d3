"""What is assumed of a profile, and the curves that a spreading step gives under it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from napari_olivine.diffusion.profile import FoProfile
from napari_olivine.diffusion.solver import Boundary, Line, spread

Floats = NDArray[np.float64]
Start = Literal["step", "rim", "ramp"]

STOPS = 140
"""Values of the spread that are scanned, evenly by their logarithm."""

CELLS = (120, 320)
"""Fewest and most cells of a profile."""

CELLS_A_POINT = 4

BEYOND = 0.5
"""How far plateaus may lie beyond the Fo that was measured, a share of its range."""


@dataclass(frozen=True)
class Model:
    """What is assumed of the beginning and of the ends.

    Parameters
    ----------
    slope
        -d ln D / d Fo of the law.
    start
        ``"step"``: a step somewhere in the profile. ``"rim"``: the crystal was homogeneous, and its
        rim changed at once. ``"ramp"``: a step that was `ramp_um` wide at first.
    ramp_um
        Width of a ramp.
    position_um, fo_left, fo_right
        Where the step was, and Fo on both sides of it; each is fitted if not given.
    left, right
        Ends, see `solver.Line`.
    blur_um
        Standard deviation of the beam and pixel, um.
    """

    slope: float
    start: Start = "step"
    ramp_um: float = 0.0
    position_um: float | None = None
    fo_left: float | None = None
    fo_right: float | None = None
    left: Boundary = "fixed"
    right: Boundary = "free"
    blur_um: float = 0.0


@dataclass(frozen=True)
class Problem:
    """Points, cells and model of one fit; parameters are position, left and right plateau.

    Parameters
    ----------
    profile, model
        What is fitted, and what is assumed.
    error
        Standard error of each point, a fraction, shape (points,).
    origin
        Where the cells begin, um.
    cells, line
        How many cells, and how they are laid.
    spreads
        D_ref t that are scanned, um2, shape (stops,).
    reference
        Fo at which D is D_ref.
    """

    profile: FoProfile
    model: Model
    error: Floats
    origin: float
    cells: int
    line: Line
    spreads: Floats
    reference: float

    @property
    def centres(self) -> Floats:
        """Centres of the cells, um."""
        return np.asarray(
            self.origin + self.line.cell_um * (np.arange(self.cells) + 0.5), np.float64
        )

    def start(self, parameters: Floats) -> Floats:
        """Fo of the cells at first; a cell that the step cuts holds the mean of both sides.

        `parameters` has the shape (..., 3), the result (..., cells).
        """
        position, left, right = (parameters[..., k, np.newaxis] for k in range(3))
        width = max(self.model.ramp_um if self.model.start == "ramp" else 0.0, self.line.cell_um)
        share = np.clip((self.centres - position) / width + 0.5, 0, 1)
        if self.model.start == "rim":
            share = np.ones_like(share)
        return np.asarray(left + (right - left) * share)

    def curves(self, parameters: Floats, stops: int | None = None) -> Floats:
        """Fo of the cells at each spread, blurred, shape (stops, ..., cells)."""
        found = spread(
            self.start(parameters), self.line, self.spreads[:stops], self.model.slope,
            self.reference, parameters[..., 1:],
        )  # fmt: skip
        if self.model.blur_um > 0:
            found = gaussian_filter1d(
                found, self.model.blur_um / self.line.cell_um, axis=-1, mode="nearest"
            )
        return found

    def at_points(self, curves: Floats) -> Floats:
        """Fo where the points lie, shape (..., points)."""
        place = np.clip(
            (self.profile.distance_um - self.origin) / self.line.cell_um - 0.5, 0, self.cells - 1.0
        )
        low = np.minimum(place.astype(int), self.cells - 2)
        share = place - low
        return np.asarray(curves[..., low] * (1 - share) + curves[..., low + 1] * share)

    def free(self) -> list[int]:
        """Which parameters are fitted."""
        model = self.model
        given = [model.start == "rim" or model.position_um is not None]
        given += [model.fo_left is not None, model.fo_right is not None]
        return [place for place, known in enumerate(given) if not known]

    def bound(self, parameters: Floats) -> Floats:
        """Keep the step within the profile, and plateaus near the Fo that was measured."""
        least, most = float(self.profile.fo.min()), float(self.profile.fo.max())
        beyond = BEYOND * (most - least)
        low = self.origin, max(1e-3, least - beyond), max(1e-3, least - beyond)
        high = (
            self.origin + self.cells * self.line.cell_um,
            min(0.999, most + beyond), min(0.999, most + beyond),
        )  # fmt: skip
        free = np.array([place in self.free() for place in range(3)])
        return np.where(free, np.clip(parameters, low, high), parameters)

    def linearised(
        self, parameters: Floats, stops: int | None = None, place: bool = True
    ) -> tuple[Floats, Floats]:
        """Chi-square that the best small change of the parameters reaches, and that change.

        Parameters
        ----------
        parameters
            Position, left and right plateau.
        stops
            How many spreads; all if not given.
        place
            Whether the position may change.

        Returns
        -------
        tuple of ndarray
            At each spread: shape (stops,) and (stops, 3).
        """
        small = np.array([self.line.cell_um / 2, 1e-4, 1e-4])
        free = [one for one in self.free() if one or place]
        moved = np.repeat(np.asarray(parameters)[np.newaxis], len(free) + 1, axis=0)
        moved[np.arange(1, len(free) + 1), free] += small[free]
        base, *others = np.moveaxis(self.at_points(self.curves(moved, stops)), 1, 0)
        if not free:
            return self._chi2_of(base), np.zeros((len(base), 3))
        slopes = [(one - base) / small[k] for k, one in zip(free, others, strict=True)]
        away = (self.profile.fo - base) / self.error  # (stops, points)
        matrix = np.stack(slopes, axis=-1) / self.error[:, np.newaxis]  # (stops, points, free)
        normal = np.einsum("spi,spj->sij", matrix, matrix)
        scale = np.einsum("sii->si", normal).max(axis=1)[:, np.newaxis, np.newaxis]
        normal = normal + 1e-9 * scale * np.eye(len(free)) + 1e-30 * np.eye(len(free))
        change = np.linalg.solve(normal, np.einsum("spi,sp->si", matrix, away)[..., np.newaxis])
        left = away - np.einsum("spi,si->sp", matrix, change[..., 0])
        whole = np.zeros((len(base), 3))
        whole[:, free] = change[..., 0]
        return np.einsum("sp,sp->s", left, left), whole

    def promising(self, parameters: Floats, place: bool = True) -> tuple[Floats, int]:
        """Small changes of the parameters at each spread, and where they promise most.

        A change that would leave the bounds promises nothing.

        Returns
        -------
        tuple of ndarray and int
            Changes, shape (stops, 3), and the place of the best spread.
        """
        chi2, change = self.linearised(parameters, place=place)
        moved = self.bound(parameters + change)
        inside = (np.abs(moved - parameters - change) < 1e-12).all(axis=1)
        return change, int(np.argmin(np.where(inside, chi2, np.inf)))

    def chi2(self, parameters: Floats, stops: int | None = None) -> Floats:
        """Chi-square at each spread."""
        return self._chi2_of(self.at_points(self.curves(parameters, stops)))

    def _chi2_of(self, at_points: Floats) -> Floats:
        away = (self.profile.fo - at_points) / self.error
        return np.asarray(np.einsum("sp,sp->s", away, away))


def lay_cells(
    profile: FoProfile,
    model: Model,
    error: Floats,
    reference: float,
    around: tuple[float, float] | None = None,
) -> Problem:
    """Lay cells over the profile, or over the surroundings of the step alone.

    A long profile with a short front would have cells as wide as the front: then only what lies
    within some widths of it is worked out, and beyond are plateaus.

    Parameters
    ----------
    profile, model, error, reference
        See `Problem`.
    around
        Place of the step, um, and how far the cells reach on each side of it; over the whole
        profile if not given.

    Returns
    -------
    Problem
        With spreads from a step that is sharper than a cell to one that fills the profile.
    """
    distance = profile.distance_um
    spacing = float(np.median(np.diff(distance)))
    near = distance[0] >= 0 and distance[0] <= 2 * spacing
    first, last = 0.0 if near else float(distance[0]), float(distance[-1])
    origin, end = first, last
    if around is not None:
        place, reach = around
        reach = max(reach, 3 * spacing)
        origin, end = max(first, place - reach), min(last, place + reach)
    length = end - origin
    cells = int(np.clip(round(CELLS_A_POINT * length / spacing), *CELLS))
    shortest = max(length / cells, float(np.diff(distance).min()) / 4) / 4
    spreads = np.geomspace(shortest**2, 4 * (last - first) ** 2, STOPS)
    line = Line(
        length / cells,
        model.left if origin == first else "free",
        model.right if end == last else "free",
    )
    return Problem(profile, model, error, origin, cells, line, spreads, reference)
