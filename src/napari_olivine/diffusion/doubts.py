"""What may be wrong with a fitted profile, in words."""

from __future__ import annotations

import numpy as np

from napari_olivine.diffusion.fit import END_SHARE, Fit
from napari_olivine.diffusion.problem import Problem

STEEP = 3.0
"""Standard errors of a slope from which an end is no plateau."""

BAD_FIT = 3.0
"""Reduced chi-square from which the model does not describe the profile."""


def doubts_of(fit: Fit, problem: Problem) -> tuple[str, ...]:
    """Tell what may be wrong with a fit.

    Parameters
    ----------
    fit
        The fit.
    problem
        What was fitted.

    Returns
    -------
    tuple of str
        In words; also what was made of the table.
    """
    model = problem.model
    flags = list(problem.profile.notes)
    if problem.profile.fo_se is None:
        flags.append("no errors were given: they are from the scatter of neighbours")
    if fit.kind == "upper limit":
        flags.append("upper limit only: the points do not tell the step from a sharper one")
    if fit.kind == "lower limit":
        flags.append("lower limit only: it may have spread for any longer time")
    if fit.chi2_reduced > BAD_FIT:
        flags.append(
            f"the model does not describe the profile (reduced chi-square {fit.chi2_reduced:.1f})"
        )
    distance = problem.profile.distance_um
    reach = 2.5 * np.sqrt(fit.spread_um2)
    if fit.position_um + reach > distance[-1]:
        flags.append("the front has reached the last end: the time hangs on what lies there")
    if model.start != "rim" and fit.position_um - reach < distance[0]:
        flags.append("the front has reached the first end: the time hangs on what lies there")
    if not _is_flat(problem, fit, slice(-_end_points(problem), None)):
        flags.append("no plateau: Fo goes on rising or falling at the last end")
    if model.start != "rim" and not _is_flat(problem, fit, slice(0, _end_points(problem))):
        flags.append("no plateau: Fo rises or falls at the first end")
    return tuple(flags)


def _end_points(problem: Problem) -> int:
    return max(4, round(END_SHARE * len(problem.profile.fo)))


def _is_flat(problem: Problem, fit: Fit, end: slice) -> bool:
    """Tell whether the points at an end lie on a plateau, as far as their errors tell."""
    x, y, error = problem.profile.distance_um[end], problem.profile.fo[end], fit.fo_se[end]
    length = float(x[-1] - x[0])
    x = x - np.average(x, weights=error**-2)
    variance = 1 / np.sum((x / error) ** 2) * max(1.0, fit.chi2_reduced)
    slope = np.sum(x * y / error**2) / np.sum((x / error) ** 2)
    matters = abs(slope) * length > 0.1 * abs(fit.right - fit.left)
    return not (matters and abs(slope) > STEEP * np.sqrt(variance))
