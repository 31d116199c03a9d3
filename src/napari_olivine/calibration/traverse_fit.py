"""How well mg# follows the grey along many possible lines of a traverse at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

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
        """Take the points that have an mg#, by their distances.

        Parameters
        ----------
        patch
            Window of the image.
        distance_um, mg
            Distance and measured mg# of the points, shape (n,); NaN for points not to be used.
        pixel_size_um
            Side of a pixel.
        sigma_px
            Standard deviation of the Gaussian spot with which the grey is read.
        """
        used = np.isfinite(mg)
        fraction = (distance_um - distance_um.min()) / np.ptp(distance_um)
        return cls(patch, fraction[used], mg[used], pixel_size_um, sigma_px)

    @cached_property
    def _smoothed(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Grey of the good pixels as the spot reads it, and their share."""
        good = self.patch.good.astype(np.float32)
        share = gaussian_filter(good, self.sigma_px)
        grey = gaussian_filter(self.patch.grey * good, self.sigma_px) / np.maximum(share, 1e-3)
        return grey, share

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
        grey, share = (map_coordinates(one, at, order=1, mode="constant") for one in self._smoothed)
        return np.where(share >= LEAST_GOOD, grey, np.nan).astype(float)

    def misfit(self, grey: Floats, chosen: Booleans) -> Floats:
        """Negative log-likelihood of mg# as a falling line of the grey, with some points astray.

        Parameters
        ----------
        grey
            As `grey` returns it, shape (lines, n).
        chosen
            Points to judge by, shape (n,) or (lines, n).

        Returns
        -------
        NDArray
            Shape (lines,), for as many points as are independent.
        """
        grey = np.where(chosen, grey, np.nan)
        law = falling_line(grey, self.mg, self.range_mg)
        cost = -(law.log_density(grey, self.mg) * chosen).sum(axis=1) / INDEPENDENT
        return np.where(np.isfinite(grey).sum(axis=1) >= LEAST_READ, cost, 1e6)

    def held_out(self, grey: Floats, chosen: Booleans) -> Floats:
        """Error of the points that are not chosen by the law of those that are.

        Parameters
        ----------
        grey
            Grey of the points along one line, shape (n,).
        chosen
            Points that make the law, shape (n,).

        Returns
        -------
        NDArray
            Measured less predicted mg# of the others; where there is no grey the deviation of all
            mg#, as good as no law.
        """
        law = falling_line(grey[None, chosen], self.mg[chosen], self.range_mg)
        residual = law.residual(grey[None, ~chosen], self.mg[~chosen])[0]
        return np.where(np.isfinite(residual), residual, float(np.std(self.mg)))

    @property
    def range_mg(self) -> float:
        """Range of mg# in which a point that is astray lies anywhere."""
        return float(np.ptp(self.mg)) + 6 * LEAST_SCALE


@dataclass(frozen=True)
class FallingLines:
    """mg# as a line of the grey, one for each of many; its slope is never positive.

    Parameters
    ----------
    grey, mean
        Grey and mg# through which each line goes, shape (lines,).
    slope
        mg# a grey level, shape (lines,).
    scale
        Standard deviation of mg# about the line, shape (lines,).
    range_mg
        Range in which a point that is astray lies anywhere.
    """

    grey: Floats
    mean: Floats
    slope: Floats
    scale: Floats
    range_mg: float

    def residual(self, grey: Floats, mg: Floats) -> Floats:
        """Return measured less predicted mg#, shape (lines, n)."""
        return mg - self.mean[:, None] - self.slope[:, None] * (grey - self.grey[:, None])

    def log_density(self, grey: Floats, mg: Floats) -> Floats:
        """Return the log of the density of each point, shape (lines, n).

        A point without grey is astray.
        """
        astray = ASTRAY / self.range_mg
        return np.log(self._near(self.residual(grey, mg)) + astray)

    def share_near(self, grey: Floats, mg: Floats) -> Floats:
        """Return the probability that each point belongs to the line, shape (lines, n)."""
        near = self._near(self.residual(grey, mg))
        return near / (near + ASTRAY / self.range_mg)

    def _near(self, residual: Floats) -> Floats:
        scale = self.scale[:, None]
        exponent = np.where(np.isfinite(residual), -0.5 * (residual / scale) ** 2, -np.inf)
        return np.asarray((1 - ASTRAY) / (np.sqrt(2 * np.pi) * scale) * np.exp(exponent))


def falling_line(grey: Floats, mg: Floats, range_mg: float) -> FallingLines:
    """Fit mg# as a line of the grey with some points astray, many lines at once.

    The points are a mixture: normal about the line, and a few (cracks, inclusions, contamination)
    anywhere; fitted by expectation and maximisation from the widest scale down. More iron is
    brighter and never darker, so the slope is zero at most.

    Parameters
    ----------
    grey
        Shape (lines, n); NaN where there is none.
    mg
        Shape (n,).
    range_mg
        Range of mg# in which a point that is astray lies anywhere.

    Returns
    -------
    FallingLines
        One for each row of `grey`.

    References
    ----------
    Dempster, A. P., Laird, N. M. and Rubin, D. B. (1977). Maximum likelihood from incomplete data
    via the EM algorithm. Journal of the Royal Statistical Society B 39, 1-38.
    doi 10.1111/j.2517-6161.1977.tb01600.x
    """
    there = np.isfinite(grey)
    known = np.where(there, grey, 0.0)
    weight = there.astype(float)
    for _ in range(ROUNDS):
        total = np.maximum(weight.sum(axis=1), 1e-12)
        at, mean = (weight * known).sum(axis=1) / total, (weight @ mg) / total
        apart = (known - at[:, None]) * weight
        spread = (apart * (known - at[:, None])).sum(axis=1)
        common = (apart * (mg - mean[:, None])).sum(axis=1)
        slope = np.minimum(common / np.maximum(spread, 1e-9), 0.0)
        residual = mg - mean[:, None] - slope[:, None] * (known - at[:, None])
        scale = np.sqrt((weight * residual**2).sum(axis=1) / total)
        law = FallingLines(at, mean, slope, np.maximum(scale, LEAST_SCALE), range_mg)
        weight = law.share_near(grey, mg)
    return law


ROUNDS = 6
"""Rounds of expectation and maximisation."""

ASTRAY = 0.02
"""Share of points that may lie anywhere."""
