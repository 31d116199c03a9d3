"""How well mg# follows the grey along many possible lines of a traverse at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from napari_olivine.calibration.traverse import Patch

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

LEAST_SCALE = 0.003
"""mg#; residuals below it are the microprobe's own error and no misfit."""

LEAST_GOOD = 0.5
"""Share of good pixels about a point, by weight, from which its grey is read."""

INDEPENDENT = 3.0
"""Neighbouring points share shading and texture: so many are worth one independent point."""

LEAST_READ = 4
"""Points whose grey can be read, from which a line of them is judged."""


@dataclass(frozen=True)
class TraverseFit:
    """The points of a traverse and the image on which they lie somewhere.

    Parameters
    ----------
    patch
        Window of the image that holds every line to be judged.
    fraction
        Place of each point along the line, 0 at its first end and 1 at its last, shape (n,).
    mg
        Measured mg# of the points, shape (n,).
    pixel_size_um
        Side of a pixel.
    sigma_px
        Standard deviation of the Gaussian spot with which the grey is read.
    """

    patch: Patch
    fraction: Floats
    mg: Floats
    pixel_size_um: float
    sigma_px: float

    @classmethod
    def of_points(
        cls, patch: Patch, distance_um: Floats, mg: Floats, pixel_size_um: float, sigma_px: float
    ) -> TraverseFit:
        """Take the points that have an mg#, by their distances."""
        used = np.isfinite(mg)
        fraction = (distance_um - distance_um.min()) / np.ptp(distance_um)
        return cls(patch, fraction[used], mg[used], pixel_size_um, sigma_px)

    def __post_init__(self) -> None:
        good = self.patch.good.astype(np.float32)
        share = gaussian_filter(good, self.sigma_px)
        smooth = gaussian_filter(self.patch.grey * good, self.sigma_px) / np.maximum(share, 1e-3)
        object.__setattr__(self, "_share", share)
        object.__setattr__(self, "_smooth", smooth)

    def grey(self, ends: Floats) -> Floats:
        """Read the grey of the points along lines.

        Parameters
        ----------
        ends
            x0, y0, x1, y1 of each line, um, shape (lines, 4).

        Returns
        -------
        NDArray
            Shape (lines, n); NaN off the mineral and on cracks.
        """
        x = ends[:, :1] + (ends[:, 2:3] - ends[:, :1]) * self.fraction
        y = ends[:, 1:2] + (ends[:, 3:4] - ends[:, 1:2]) * self.fraction
        at = y / self.pixel_size_um - self.patch.row, x / self.pixel_size_um - self.patch.column
        grey = map_coordinates(self._smooth, at, order=1, mode="constant")  # type: ignore[attr-defined]
        share = map_coordinates(self._share, at, order=1, mode="constant")  # type: ignore[attr-defined]
        return np.where(share >= LEAST_GOOD, grey, np.nan).astype(float)

    def misfit(self, grey: Floats, chosen: Booleans | None = None) -> Floats:
        """Half the negative log-likelihood of mg# as a falling line of the grey.

        No point counts for more than the variance of mg#: a line that a few points leave, for a
        crack or another mineral, is judged by the others. A point without grey counts that much.

        Parameters
        ----------
        grey
            As `grey` returns it, shape (lines, n).
        chosen
            Points to judge by, shape (n,); all if not given.

        Returns
        -------
        NDArray
            Shape (lines,).
        """
        chosen = np.ones(self.mg.size, bool) if chosen is None else chosen
        grey, mg = grey[:, chosen], self.mg[chosen]
        law = falling_line(grey, mg)
        worst = max(float(np.var(mg)), LEAST_SCALE**2)
        squares = np.minimum((mg - law.mg(grey)) ** 2, worst)
        squares = np.where(np.isfinite(grey), squares, worst).sum(axis=1)
        floor = (LEAST_SCALE / 3) ** 2
        cost = 0.5 * mg.size / INDEPENDENT * np.log(squares / mg.size + floor)
        return np.where(np.isfinite(grey).sum(axis=1) >= LEAST_READ, cost, 1e6)

    def held_out_error(self, grey: Floats, chosen: Booleans) -> float:
        """Sum of squares of the points that are not chosen about the line of those that are.

        Parameters
        ----------
        grey
            Grey of the points along one line, shape (n,).
        chosen
            Points that make the law, shape (n,).
        """
        law = falling_line(grey[None, chosen], self.mg[chosen])
        left = self.mg[~chosen] - law.mg(grey[None, ~chosen])[0]
        worst = float(np.var(self.mg))
        return float(np.where(np.isfinite(left), np.minimum(left**2, worst), worst).sum())


@dataclass(frozen=True)
class FallingLines:
    """mg# as a line of the grey, one for each of many; its slope is never positive.

    Parameters
    ----------
    grey, mean
        Grey and mg# through which each line goes, shape (lines,).
    slope
        mg# a grey level, shape (lines,).
    """

    grey: Floats
    mean: Floats
    slope: Floats

    def mg(self, grey: Floats) -> Floats:
        """Return the mg# of greys, shape (lines, n)."""
        return self.mean[:, None] + self.slope[:, None] * (grey - self.grey[:, None])


def falling_line(grey: Floats, mg: Floats) -> FallingLines:
    """Fit mg# as a line of the grey, robustly, many lines at once.

    More iron is brighter and never darker, so the slope is zero at most.

    Parameters
    ----------
    grey
        Shape (lines, n); NaN where there is none.
    mg
        Shape (n,).

    Returns
    -------
    FallingLines
        One for each row of `grey`.

    References
    ----------
    Huber, P. J. (1964). Robust estimation of a location parameter. Annals of Mathematical
    Statistics 35, 73-101. doi 10.1214/aoms/1177703732
    """
    there = np.isfinite(grey)
    grey = np.where(there, grey, 0.0)
    weight = there.astype(float)
    middle = np.maximum(there.sum(axis=1) - 1, 0) // 2
    rows = np.arange(len(grey))
    for _ in range(ROUNDS):
        total = np.maximum(weight.sum(axis=1), 1e-12)
        at, mean = (weight * grey).sum(axis=1) / total, (weight @ mg) / total
        apart = (grey - at[:, None]) * weight
        spread = (apart * (grey - at[:, None])).sum(axis=1)
        common = (apart * (mg - mean[:, None])).sum(axis=1)
        slope = np.minimum(common / np.maximum(spread, 1e-9), 0.0)
        law = FallingLines(at, mean, slope)
        size = np.where(there, np.abs(mg - law.mg(grey)), np.inf)
        scale = np.maximum(1.4826 * np.sort(size, axis=1)[rows, middle], LEAST_SCALE)
        weight = there / np.maximum(1.0, np.where(there, size, 0.0) / (1.5 * scale[:, None]))
    return law


ROUNDS = 5
"""Rounds of weighting down points that do not fit."""
