"""Registration of a traverse to the image: a person places its ends some pixels off.

The line is moved so that the mg# along it follows the grey best. A Gaussian prior on the move and
on the length (the one that the microprobe measured) is part of the cost. A line that was drawn
longer or shorter than it is slides along what was drawn. The new line must earn its place: it has
to predict points that it was not fitted to better than the placed one does, so that the traverse
of an unzoned crystal stays where it was placed (ours).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats.qmc import Sobol

from napari_olivine.calibration.downhill_simplex import downhill_simplex
from napari_olivine.calibration.traverse import Line, Patch
from napari_olivine.calibration.traverse_fit import TraverseFit

Floats = NDArray[np.float64]

STRETCH = 0.007
"""Standard deviation of lengths between the microprobe's stage and the image, a fraction."""

DRAWN_APART = 0.05
"""Share of the measured length by which a drawn one may differ without a word."""

FAR_OFF = 10.0
"""Ratio of drawn to measured length from which the distances are in another unit."""

LEAST_POINTS = 12
LEAST_CORRELATION = 0.6

FOLDS = 8
"""Parts of the points that are held out in turn."""


LEFT_OUT = 0.1
"""Share of the held-out points, the worst, that do not count."""


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
        Correlation of mg# with -grey over all usable points whose grey can be read.
    reason
        Why it was refused, empty if accepted.
    held_out
        RMSE of mg# of the points that were held out, at the placed and at the refined line.
    """

    line: Line
    accepted: bool
    shift_um: tuple[float, float]
    correlation_before: float
    correlation_after: float
    reason: str = ""
    held_out: tuple[float, float] = (float("nan"), float("nan"))


@dataclass(frozen=True)
class SearchRange:
    """How far a line may lie from where it was placed.

    Parameters
    ----------
    placed_within_um
        Standard deviation of a placed coordinate.
    largest_shift_um
        No end lies further from the placed line, or beyond its ends, than this.
    slide_um
        How far a line of the measured length may slide either way within what was drawn.
    """

    placed_within_um: float
    largest_shift_um: float
    slide_um: float

    @property
    def margin_um(self) -> float:
        """Surroundings of the placed line that the search reads."""
        return self.largest_shift_um + self.slide_um


def search_range(
    line: Line,
    measured_um: float,
    pixel_size_um: float,
    *,
    placed_within_um: float = 5.0,
    largest_shift_um: float = 25.0,
) -> SearchRange:
    """Set how far to search: at least some pixels, since a person places an end by its pixel.

    Parameters
    ----------
    line
        Placed ends, um.
    measured_um
        Length of the line as the microprobe measured it; NaN where it did not.
    pixel_size_um
        Side of a pixel.
    placed_within_um, largest_shift_um
        As set by the person.

    Returns
    -------
    SearchRange
        How far to search.
    """
    drawn = length_of(line)
    length = measured_um if is_believed(measured_um, drawn) else drawn
    apart = abs(drawn - length) / 2
    slide = apart if 2 * apart > DRAWN_APART * length else 0.0
    within = max(placed_within_um, min(PLACED_WITHIN_PX * pixel_size_um, length / 4))
    largest = max(largest_shift_um, min(LARGEST_SHIFT_PX * pixel_size_um, length))
    return SearchRange(within, largest, slide)


PLACED_WITHIN_PX, LARGEST_SHIFT_PX = 6.0, 25.0


def length_of(line: Line) -> float:
    """Length of a line, um."""
    return float(np.hypot(line[2] - line[0], line[3] - line[1]))


def is_believed(measured_um: float, drawn_um: float) -> bool:
    """Whether a measured length can be that of a drawn line, however badly it was drawn."""
    return 1 / FAR_OFF < measured_um / max(drawn_um, 1e-9) < FAR_OFF


def refine_traverse(
    patch: Patch,
    distance_um: Floats,
    mg: Floats,
    line: Line,
    pixel_size_um: float,
    *,
    measured_um: float = float("nan"),
    within: SearchRange | None = None,
    sigma_px: float = 1.0,
) -> RefinedTraverse:
    """Find the line along which mg# follows the grey.

    Parameters
    ----------
    patch
        Window of the image that holds the line and the margin of `within` around it.
    distance_um, mg
        Distance and measured mg# of the points, shape (n,); NaN for points not to be used.
    line
        Placed ends, um.
    pixel_size_um
        Side of a pixel.
    measured_um
        Length of the line as the microprobe measured it; the drawn one if it did not.
    within
        How far to search; see `search_range`.
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
    used = np.isfinite(mg)
    if used.sum() < LEAST_POINTS:
        return _refused(line, f"fewer than {LEAST_POINTS} usable points")
    within = within or search_range(line, measured_um, pixel_size_um)
    measured = measured_um if is_believed(measured_um, length_of(line)) else length_of(line)
    fit = TraverseFit.of_points(patch, distance_um, mg, pixel_size_um, sigma_px)
    search = _Search(fit, line, measured, within)
    folds = [np.arange(int(used.sum())) % FOLDS == k for k in range(FOLDS)]
    best, *of_folds = search.run([np.ones(folds[0].size, bool), *(~fold for fold in folds)])
    placed = np.array(line)
    before, after = correlation(fit, placed), correlation(fit, best)
    held_out = _held_out(fit, folds, [placed] * FOLDS), _held_out(fit, folds, of_folds)
    moved = tuple(float(v) for v in np.hypot(*(best - placed).reshape(2, 2).T))
    reason = ""
    if after < LEAST_CORRELATION:
        reason = f"mg# does not follow the grey (correlation {after:.2f}): the crystal is unzoned?"
    elif search.is_at_bound(best):
        reason = f"it would move by {max(moved):.0f} um or more"
    elif held_out[1] >= held_out[0]:
        reason = "no other place predicts points better that it was not fitted to"
    if reason:
        return RefinedTraverse(line, False, (0.0, 0.0), before, after, reason, held_out)
    x0, y0, x1, y1 = (float(v) for v in best)
    return RefinedTraverse(
        (x0, y0, x1, y1), True, (moved[0], moved[1]), before, after, "", held_out
    )


def _refused(line: Line, reason: str) -> RefinedTraverse:
    return RefinedTraverse(line, False, (0.0, 0.0), 0.0, 0.0, reason)


def correlation(fit: TraverseFit, ends: Floats) -> float:
    """Return the correlation of mg# with -grey along a line; 0 where it cannot be known."""
    grey = fit.grey(ends[None])[0]
    there = np.isfinite(grey)
    if there.sum() < 4 or np.ptp(grey[there]) == 0 or np.ptp(fit.mg[there]) == 0:
        return 0.0
    return -float(np.corrcoef(grey[there], fit.mg[there])[0, 1])


def _held_out(fit: TraverseFit, folds: list[NDArray[np.bool_]], lines: list[Floats]) -> float:
    """RMSE of each part of the points by the law and line of the others, without the worst.

    The worst are on cracks or contaminated at one place or the other.
    """
    errors = [
        fit.held_out(fit.grey(ends[None])[0], ~fold)
        for fold, ends in zip(folds, lines, strict=True)
    ]
    squares = np.sort(np.concatenate(errors) ** 2)
    kept = squares[: max(int(np.ceil((1 - LEFT_OUT) * squares.size)), 1)]
    return float(np.sqrt(kept.mean()))


class _Search:
    """Coarse search of all places at once, then closer around the best, then downhill.

    A line is described by its shift along the placed one, its stretch, and the shifts of either
    end across it: the first two decide the fit and hardly depend on the others.
    """

    def __init__(
        self, fit: TraverseFit, line: Line, measured_um: float, within: SearchRange
    ) -> None:
        self._fit, self._measured, self._within = fit, measured_um, within
        start = np.array(line)
        along = (start[2:] - start[:2]) / max(length_of(line), 1e-9)
        self._along, self._across = along, np.array([-along[1], along[0]])
        self._middle = (start[:2] + start[2:]) / 2

    def run(self, choices: list[NDArray[np.bool_]]) -> list[Floats]:
        """Return the best ends by each choice of points, shape (4,) each."""
        grid = np.concatenate([*self._grid()])
        grey = self._grey(grid)
        prior = self._prior(grid)
        offsets = self._offsets()
        starts = []
        for chosen in choices:
            cost = self._fit.misfit(grey, chosen) + prior
            best = self._apart(grid[np.argsort(cost, kind="stable")], KEPT[0])
            for kept, shrink in zip(KEPT[1:], SHRINK, strict=True):
                near = (best[:, None] + shrink * offsets).reshape(-1, 4)
                near = np.concatenate([best, near])
                cost = self._fit.misfit(self._grey(near), chosen) + self._prior(near)
                best = self._apart(near[np.argsort(cost, kind="stable")], kept, shrink)
            starts.append(best)
        each = np.arange(len(choices))
        choice = np.repeat(each, [len(best) for best in starts])
        lows, places = self._downhill(choices, choice, np.concatenate(starts))
        lowest = np.array([places[choice == k][lows[choice == k].argmin()] for k in each])
        _, found = self._downhill(choices, each, lowest)  # again: a simplex may stop too early
        return list(self._ends(found))

    def _grey(self, parameters: Floats) -> Floats:
        parts = np.array_split(parameters, len(parameters) // 512 + 1)
        return np.concatenate([self._fit.grey(self._ends(part)) for part in parts])

    def _offsets(self) -> Floats:
        """Places around one of the grid that fill its cell evenly, shape (places, 4)."""
        shift, step = self._steps()
        cell = Sobol(3, scramble=False).random(NEARBY) - 0.5
        shifts, first, last = (cell * 2 * (shift, step, step)).T
        return np.stack([shifts, np.zeros(NEARBY), first, last], axis=1)

    def is_at_bound(self, ends: Floats) -> bool:
        """Tell whether a line is shifted along the placed one as far as the search goes.

        Across it the grey hardly changes, so a line at that bound is as good as any near it.
        """
        middle = (ends[:2] + ends[2:]) / 2 - self._middle
        shift = abs(float(middle @ self._along)) - self._within.slide_um
        return shift > AT_BOUND * self._within.largest_shift_um

    def _ends(self, parameters: Floats) -> Floats:
        shift, stretch, first, last = parameters.T[..., None]
        half = self._measured * (1 + stretch) / 2
        middle = self._middle + shift * self._along
        return np.concatenate(
            [
                middle - half * self._along + first * self._across,
                middle + half * self._along + last * self._across,
            ],
            axis=1,
        )

    def _prior(self, parameters: Floats) -> Floats:
        shift, stretch, first, last = parameters.T
        beyond = np.maximum(0.0, np.abs(shift) - self._within.slide_um)
        squares = 2 * beyond**2 + first**2 + last**2  # a shift along the line moves both ends
        prior = squares / self._within.placed_within_um**2 + (stretch / STRETCH) ** 2
        largest = np.maximum(beyond, np.maximum(np.abs(first), np.abs(last)))
        return np.where(largest > self._within.largest_shift_um, 1e6, 0.5 * prior)

    def _steps(self) -> tuple[float, float]:
        """Return the steps of the coarse search along and across the placed line, um."""
        step = self._within.placed_within_um
        return max(min(step / 2, self._measured / 20), self._fit.pixel_size_um), step

    def _grid(self) -> Iterator[Floats]:
        """Yield the places of the coarse search, some at a time."""
        shift, step = self._steps()
        reach = self._within.largest_shift_um
        whole = reach + self._within.slide_um
        shifts = np.arange(-whole, whole + shift, shift)
        count = int(reach // step)
        sides = np.arange(-count, count + 1) * step
        turned = max(2 * step, TURN * self._measured)
        yield np.zeros((1, 4))
        for first in sides:
            for last in sides[np.abs(sides - first) <= turned]:
                yield np.stack(np.broadcast_arrays(shifts, 0.0, first, last), axis=1)

    def _apart(self, ordered: Floats, count: int, shrink: float = 1.0) -> Floats:
        """Return the first few lines that are apart from each other, best first."""
        shift, step = self._steps()
        least = shrink * np.array([shift, np.inf, step, step]) / 2
        chosen = ordered[:1]
        for parameters in ordered[1:LOOKED_AT]:
            if (np.abs(chosen - parameters) > least).any(axis=1).all():
                chosen = np.vstack([chosen, parameters])
                if len(chosen) == count:
                    break
        return chosen

    def _downhill(
        self, choices: list[NDArray[np.bool_]], choice: NDArray[np.intp], starts: Floats
    ) -> tuple[Floats, Floats]:
        """Return the least costs by the choice of points of each start, and their places."""
        chosen = np.array(choices)

        def cost(parameters: Floats, start: NDArray[np.intp]) -> Floats:
            grey = self._fit.grey(self._ends(parameters))
            return self._fit.misfit(grey, chosen[choice[start]]) + self._prior(parameters)

        step = self._within.placed_within_um
        return downhill_simplex(
            cost,
            starts,
            np.array([step / 8, STRETCH, step / 8, step / 8]),
            place_tolerance=0.05,
            cost_tolerance=1e-2,
            most_rounds=200,
        )


AT_BOUND = 0.98
"""Share of the largest shift from which a line lies at its bound, and the best may lie beyond."""

TURN = 0.15
"""Largest turn of a line in the coarse search, as a slope."""

LOOKED_AT = 2000
"""Places of the coarse search among which those that go on are chosen."""

KEPT = (64, 16, 3)
"""Places that go on after the coarse search, and after each round of places near the best."""

SHRINK = (1.0, 0.35)
"""Reach of each such round, in steps of the coarse search."""

NEARBY = 64
"""Places near each of the best in one round."""
