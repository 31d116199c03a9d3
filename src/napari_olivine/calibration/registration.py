"""Registration of a traverse to the image: a person places its ends some pixels off.

The ends are moved so that the mg# along the line follows the grey best. A Gaussian prior on the
move and on the length (near the one that the microprobe measured) is part of the cost; so the
traverse of an unzoned crystal, whose likelihood is flat, stays where it was placed (ours).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.optimize import minimize

from napari_olivine.calibration.traverse import Line, Patch, line_positions

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RefinedTraverse:
    """A refined line.

    Parameters
    ----------
    line
        x0, y0, x1, y1 of the ends, um; the placed ones if it was refused.
    accepted
        Whether the refinement can be trusted.
    shift_um
        How far the first and the last end moved.
    correlation_before, correlation_after
        Robust correlation of mg# with -grey.
    reason
        Why it was refused, empty if accepted.
    """

    line: Line
    accepted: bool
    shift_um: tuple[float, float]
    correlation_before: float
    correlation_after: float
    reason: str = ""


def refine_traverse(
    patch: Patch,
    distance_um: Floats,
    mg: Floats,
    line: Line,
    pixel_size_um: float,
    *,
    placed_within_um: float = 5.0,
    largest_shift_um: float = 20.0,
    sigma_px: float = 1.0,
) -> RefinedTraverse:
    """Find the line along which mg# follows the grey.

    Parameters
    ----------
    patch
        Window of the image that holds the line and `largest_shift_um` around it.
    distance_um, mg
        Distance and measured mg# of the points, shape (n,); NaN for points not to be used.
    line
        Placed ends, um.
    pixel_size_um
        Side of a pixel.
    placed_within_um
        Standard deviation of a placed coordinate.
    largest_shift_um
        Ends are never moved further than this.
    sigma_px
        Standard deviation of the Gaussian spot with which the grey is read.

    Returns
    -------
    RefinedTraverse
        With the placed line where the refined one is not accepted.

    References
    ----------
    Nelder, J. A. and Mead, R. (1965). A simplex method for function minimization. The Computer
    Journal 7, 308-313. doi 10.1093/comjnl/7.4.308
    """
    start = np.array(line)
    measured = float(distance_um.max() - distance_um.min())
    placed = float(np.hypot(line[2] - line[0], line[3] - line[1]))
    if not 1 / FAR_OFF < measured / max(placed, 1e-9) < FAR_OFF:
        measured = placed  # distances in another unit, or points were left out
    score = _Score(patch, sigma_px, distance_um, mg, pixel_size_um)
    usable = int(np.isfinite(mg).sum())

    def cost(move: Floats) -> float:
        if np.hypot(move[:2], move[2:]).max() > 2 * largest_shift_um:
            return 1e9
        ends = start + move
        length = float(np.hypot(ends[2] - ends[0], ends[3] - ends[1]))
        stretch = (length - measured) / (STRETCH * measured)
        return score(ends) + 0.5 * float(np.sum((move / placed_within_um) ** 2)) + 0.5 * stretch**2

    best = _search(cost, start, measured, placed_within_um)
    ends = start + best
    moved = float(np.hypot(best[0], best[1])), float(np.hypot(best[2], best[3]))
    before, after = score.correlation(start), score.correlation(ends)
    reason = ""
    if usable < LEAST_POINTS:
        reason = f"fewer than {LEAST_POINTS} usable points"
    elif after < LEAST_CORRELATION:
        reason = f"mg# does not follow the grey (correlation {after:.2f}): the crystal is unzoned?"
    elif max(moved) > largest_shift_um:
        reason = f"it would move an end by {max(moved):.0f} um"
    accepted = not reason
    x0, y0, x1, y1 = (float(v) for v in (ends if accepted else start))
    return RefinedTraverse(
        (x0, y0, x1, y1), accepted, moved if accepted else (0.0, 0.0), before, after, reason
    )


STRETCH = 0.007
"""Standard deviation of lengths between the microprobe's stage and the image, a fraction."""

LEAST_POINTS = 12
LEAST_CORRELATION = 0.6


class _Score:
    """Half the negative log-likelihood of mg# as a line of the grey along given ends."""

    def __init__(
        self, patch: Patch, sigma_px: float, distance_um: Floats, mg: Floats, pixel_size_um: float
    ) -> None:
        good = patch.good.astype(float)
        self.share = gaussian_filter(good, sigma_px)
        self.smooth = gaussian_filter(patch.grey * good, sigma_px) / np.maximum(self.share, 1e-3)
        self.patch, self.pixel = patch, pixel_size_um
        self.used = np.isfinite(mg)
        self.distance, self.mg = distance_um, mg[self.used]
        # Neighbouring points share shading and texture: they count for less than their number.
        self.weight = self.mg.size / INDEPENDENT

    def grey(self, ends: Floats) -> Floats:
        """Grey of the points; NaN off the mineral and on cracks."""
        line = (float(ends[0]), float(ends[1]), float(ends[2]), float(ends[3]))
        x, y = line_positions(self.distance, line, "line")
        x, y = x[self.used], y[self.used]
        at = y / self.pixel - self.patch.row, x / self.pixel - self.patch.column
        grey = map_coordinates(self.smooth, at, order=1, mode="constant")
        share = map_coordinates(self.share, at, order=1, mode="constant")
        return np.where(share >= 0.5, grey, np.nan)

    def __call__(self, ends: Floats) -> float:
        grey = self.grey(ends)
        there = np.isfinite(grey)
        if there.sum() < 4:
            return 1e6
        residual, scale = self._fit(grey[there], self.mg[there])
        # A good analysis on a crack or off the mineral counts against the place.
        misses = int((~there).sum())
        lost = misses * max((CAP * scale) ** 2, float(np.var(self.mg)))
        capped = np.minimum(residual**2, (CAP * scale) ** 2).sum() + lost
        return 0.5 * self.weight * float(np.log(capped / self.mg.size + 1e-10))

    def correlation(self, ends: Floats) -> float:
        """Correlation of mg# with -grey over the points that fit."""
        grey = self.grey(ends)
        there = np.isfinite(grey)
        if there.sum() < 4:
            return 0.0
        grey, mg = grey[there], self.mg[there]
        residual, scale = self._fit(grey, mg)
        kept = np.abs(residual) <= CAP * scale
        if kept.sum() < 3 or np.ptp(grey[kept]) == 0 or np.ptp(mg[kept]) == 0:
            return 0.0
        return -float(np.corrcoef(grey[kept], mg[kept])[0, 1])

    @staticmethod
    def _fit(grey: Floats, mg: Floats) -> tuple[Floats, float]:
        weight = np.ones(grey.size)
        residual, scale = mg - mg.mean(), 1.0
        for _ in range(4):
            total = weight.sum()
            g, m = (weight @ grey) / total, (weight @ mg) / total
            spread = weight @ (grey - g) ** 2
            slope = (weight @ ((grey - g) * (mg - m))) / spread if spread > 1e-9 else 0.0
            slope = min(slope, 0.0)  # more iron is brighter, never the other way round
            residual = mg - m - slope * (grey - g)
            scale = max(1.4826 * float(np.median(np.abs(residual))), LEAST_SCALE)
            weight = 1.0 / np.maximum(1.0, (residual / (1.5 * scale)) ** 2)
        return residual, scale


FAR_OFF = 1.2
"""Ratio of measured to placed length from which the measured one is not used."""

CAP = 2.5
"""Robust deviations at which the squared residual of a point is capped."""

LEAST_SCALE = 1e-3
"""mg#; a fit better than the microprobe is chance."""

INDEPENDENT = 3.0
"""Points that are worth one independent point."""


def _search(
    cost: Callable[[Floats], float], start: Floats, measured: float, placed_within_um: float
) -> Floats:
    """Coarse search along and across the line, then downhill from the best few.

    The parameters are shift along the line, lengthening, and shifts of either end across it: the
    first two decide the fit and hardly depend on the others.
    """
    length = float(np.hypot(start[2] - start[0], start[3] - start[1]))
    along = (start[2:] - start[:2]) / max(length, 1e-9)
    across = np.array([-along[1], along[0]])

    def move(parameters: Floats) -> Floats:
        shift, longer, at_start, at_end = parameters
        first = (shift - longer / 2) * along + at_start * across
        last = (shift + longer / 2) * along + at_end * across
        return np.concatenate([first, last])

    def at(parameters: Floats) -> float:
        return cost(move(parameters))

    as_measured = measured - length
    sides = np.array([-1.0, 0.0, 1.0]) * placed_within_um
    begins = [np.zeros(4)]
    for shift in np.arange(-3, 3.01, 0.5) * placed_within_um:
        begins += [np.array([shift, as_measured, a, b]) for a in sides for b in sides]
    begins.sort(key=at)
    steps = np.diag([placed_within_um / 2, STRETCH * measured, placed_within_um, placed_within_um])
    best: list[tuple[float, tuple[float, ...]]] = []
    for begin in begins[:3]:
        point = begin
        for _ in range(RESTARTS):
            result = minimize(
                at,
                point,
                method="Nelder-Mead",
                options={
                    "initial_simplex": point + np.vstack([np.zeros(4), steps]),
                    "xatol": 0.05,
                    "fatol": 1e-2,
                    "maxiter": 300,
                },
            )
            point = result.x
        best.append((float(result.fun), tuple(point)))
    return move(np.array(min(best)[1]))


RESTARTS = 3
"""Nelder-Mead may stop short of the lowest point; a fresh simplex takes it further."""
