"""A spreading step fitted to a profile: how far it has spread, and how surely that is known.

The step lies where it was when diffusion began (`position_um`), between two plateaus. Its spread s
= D_ref t is scanned from a step that is sharper than the points can tell to one that has reached
the end. At each s position and plateaus are those that fit best (a profile likelihood), so that
what they leave open is part of the error.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from napari_olivine.diffusion.problem import STOPS, Model, Problem, lay_cells
from napari_olivine.diffusion.profile import FoProfile
from napari_olivine.errors import InputError

Floats = NDArray[np.float64]
Kind = Literal["time", "upper limit", "lower limit"]

NODES = 15
"""Spreads at which position and plateaus are fitted anew for the likelihood."""

ROUNDS, NODE_ROUNDS = 12, 3

STEPS = (1.0, 0.5, 0.25, 0.1)
"""Shares of a step of Gauss and Newton that are tried, until one is better."""

TOLD = 12.0
"""Difference of chi-square up to which the likelihood is worked out."""

END_SHARE = 0.15
"""Share of the points at each end that give the first guess of the plateaus."""

PLACES = 8
"""Places of the step that are tried at first."""

CLOSER = 4
"""How often the cells are laid closer about the front, at most."""

CELLS_A_FRONT = 4
"""Cells that the width of the front, the root of the spread, has at least."""

REACH = 8.0
"""Widths of the front on each side of the step that cells are laid over."""

OPEN = 0.6
"""Likelihood of an end of the scan, beside the best, from which there is no limit on that side."""

STANDS_OUT = 16.0
"""Gain of chi-square over a constant from which there is a step."""


@dataclass(frozen=True)
class Fit:
    """A fitted profile.

    Parameters
    ----------
    spread_um2
        D_ref t of the best fit; D_ref is D along the traverse at `reference`.
    reference
        Fo at which D is D_ref: the middle between both plateaus.
    position_um, left, right
        Where the step was, and Fo of both plateaus.
    chi2_reduced
        Misfit; errors are enlarged by it where it is above 1.
    spreads_um2, likelihood
        Spreads that were tried, and the likelihood of each beside that of the best,
        shape (stops,).
    x_um, fo
        The fitted curve.
    fo_se
        Standard error of the points that was used.
    kind
        ``"time"``, or ``"upper limit"``, ``"lower limit"`` where the profile tells no more.
    """

    spread_um2: float
    reference: float
    position_um: float
    left: float
    right: float
    chi2_reduced: float
    spreads_um2: Floats
    likelihood: Floats
    x_um: Floats
    fo: Floats
    fo_se: Floats
    kind: Kind


def fit_profile(profile: FoProfile, model: Model) -> tuple[Fit, Problem]:
    """Fit a spreading step to a profile.

    Parameters
    ----------
    profile
        Fo along the traverse. Without errors, the scatter about the fit gives them.
    model
        What is assumed.

    Returns
    -------
    tuple of Fit and Problem
        Best spread and likelihood of others; and the cells that it was fitted on.

    Raises
    ------
    InputError
        If the profile has no step that stands out of its scatter.
    """
    error = profile.fo_se if profile.fo_se is not None else _scatter(profile)
    guess = _first_guess(profile, model)
    problem = lay_cells(profile, model, error, float(guess[1:].mean()))
    parameters, best, lowest = _optimum(problem, _best_place(problem, guess))
    for _ in range(CLOSER):
        front = float(np.sqrt(problem.spreads[best]))
        if problem.line.cell_um <= front / CELLS_A_FRONT:
            break
        around = float(parameters[0]), REACH * front
        problem = lay_cells(profile, model, error, problem.reference, around)
        parameters, best, lowest = _optimum(problem, problem.bound(parameters))
    _refuse_nothing(problem, lowest)
    freedom = max(1, len(profile.fo) - len(problem.free()) - 1)
    reduced = lowest / freedom
    nodes, chi2, at_node = _likelihood(problem, parameters, best, max(1.0, reduced))
    place = int(np.argmin(chi2))
    best, parameters, lowest = int(nodes[place]), at_node[place], min(lowest, float(chi2[place]))
    logs = np.log(problem.spreads)
    difference = _between(logs[nodes], chi2 - lowest, logs)
    likelihood = np.exp(-np.clip(np.nan_to_num(difference), 0, None) / (2 * max(1.0, reduced)))
    likelihood[: nodes[0]] = likelihood[nodes[-1] + 1 :] = 0.0
    curve = problem.curves(parameters, best + 1)[best]
    position = parameters[0] if model.start != "rim" else problem.origin
    middle = float(parameters[1:].mean())
    scale = float(np.exp(-model.slope * (middle - problem.reference)))  # D there / D_ref
    fit = Fit(
        scale * _lowest_between(problem, parameters, best), middle, float(position),
        float(parameters[1]), float(parameters[2]), float(reduced), scale * problem.spreads,
        likelihood, problem.centres, curve, error, _kind(likelihood),
    )  # fmt: skip
    return fit, problem


def _between(at: Floats, values: Floats, wanted: Floats) -> Floats:
    """Interpolate without overshooting."""
    if len(at) < 2:
        return np.full(len(wanted), values[0])
    return np.asarray(PchipInterpolator(at, values, extrapolate=False)(wanted))


def _lowest_between(problem: Problem, parameters: Floats, best: int) -> float:
    """Spread at the lowest point of a parabola through the best stop and those beside it."""
    chi2, _ = problem.linearised(parameters, min(best + 2, STOPS))
    logs = np.log(problem.spreads)
    if not 0 < best < len(chi2) - 1:
        return float(problem.spreads[best])
    before, here, after = chi2[best - 1 : best + 2]
    bend = before - 2 * here + after
    shift = 0.5 * (before - after) / bend if bend > 0 else 0.0
    return float(np.exp(logs[best] + np.clip(shift, -1, 1) * (logs[1] - logs[0])))


def _first_guess(profile: FoProfile, model: Model) -> Floats:
    count = max(2, round(END_SHARE * len(profile.fo)))
    left, right = float(np.median(profile.fo[:count])), float(np.median(profile.fo[-count:]))
    if model.start == "rim":
        left = float(profile.fo[0])
    left = left if model.fo_left is None else model.fo_left
    right = right if model.fo_right is None else model.fo_right
    if model.position_um is not None:
        return np.array([model.position_um, left, right])
    middle = (left + right) / 2
    beyond = (profile.fo - middle) * np.sign(right - left) > 0
    # Where points before and beyond are parted with the fewest on the wrong side.
    wrong = np.cumsum(beyond) + (~beyond)[::-1].cumsum()[::-1]
    return np.array([profile.distance_um[int(np.argmin(wrong))], left, right])


def _best_place(problem: Problem, guess: Floats) -> Floats:
    """Try the step at many places, with the plateaus that fit best there."""
    if 0 not in problem.free():
        return guess
    length = problem.cells * problem.line.cell_um
    places = problem.origin + length * np.linspace(0.02, 0.98, PLACES)
    best, lowest = guess, np.inf
    for place in (guess[0], *places):
        tried = np.array([place, *guess[1:]])
        change, stop = problem.promising(tried, place=False)
        moved = problem.bound(tried + change[stop])
        reached = float(problem.chi2(moved).min())
        if reached < lowest:
            best, lowest = moved, reached
    return best


def _refuse_nothing(problem: Problem, stepped: float) -> None:
    """Refuse a profile that a constant describes as well.

    Raises
    ------
    InputError
        If the step does not stand out of the scatter.
    """
    fo, weights = problem.profile.fo, problem.error**-2
    flat = float(np.sum(weights * (fo - np.average(fo, weights=weights)) ** 2))
    if flat - stepped < STANDS_OUT * max(1.0, stepped / max(1, len(fo) - 4)):
        raise InputError(
            f"The profile says nothing: a constant Fo describes it as well as a step, with a "
            f"scatter of {float(np.median(problem.error)):.4f}.",
            remedy="Choose a traverse through a zoned part.",
        )


def _optimum(problem: Problem, parameters: Floats) -> tuple[Floats, int, float]:
    """Gauss and Newton's steps; the best spread is looked for among all at each.

    Returns
    -------
    tuple of ndarray, int and float
        Parameters, place of the best spread, and its chi-square.
    """
    at_first = problem.chi2(parameters)
    best, lowest = int(np.argmin(at_first)), float(at_first.min())
    for _ in range(ROUNDS):
        change, promised = problem.promising(parameters)
        before = lowest
        for stop, shorter in product((promised, best), STEPS):
            tried = problem.bound(parameters + shorter * change[stop])
            reached = problem.chi2(tried)
            if reached.min() < lowest:
                parameters, best, lowest = tried, int(np.argmin(reached)), float(reached.min())
                break
        if before - lowest < 1e-3:
            break
    return parameters, best, lowest


def _likelihood(
    problem: Problem, parameters: Floats, best: int, scale: float
) -> tuple[NDArray[np.intp], Floats, list[Floats]]:
    """Chi-square at some spreads about the best, with position and plateaus fitted to each."""
    chi2, change = problem.linearised(parameters)
    within = np.flatnonzero(chi2 <= chi2[best] + TOLD * scale)
    first, last = int(within.min()), int(within.max())
    nodes = np.unique(np.linspace(first, last, NODES).round().astype(int))
    nodes = np.unique(np.append(nodes, best))
    found, at_node = [], []
    for node in nodes:
        own = parameters if node == best else problem.bound(parameters + change[node])
        lowest = float(problem.chi2(own, node + 1)[node])
        for _ in range(NODE_ROUNDS):
            _, more = problem.linearised(own, node + 1)
            tried = problem.bound(own + more[node])
            reached = float(problem.chi2(tried, node + 1)[node])
            if reached >= lowest - 1e-3:
                break
            own, lowest = tried, reached
        found.append(lowest)
        at_node.append(own)
    return nodes, np.array(found), at_node


def _scatter(profile: FoProfile) -> Floats:
    """Estimate the standard error of a point from the second differences of neighbours."""
    second = np.diff(profile.fo, 2)
    sigma = 1.4826 * np.median(np.abs(second - np.median(second))) / np.sqrt(6)
    return np.full(len(profile.fo), max(float(sigma), 2e-4))


def _kind(likelihood: Floats) -> Kind:
    told = likelihood / likelihood.max()
    if told[0] > OPEN:
        return "upper limit"
    return "lower limit" if told[-1] > OPEN else "time"
