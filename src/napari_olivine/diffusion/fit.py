"""A spreading step fitted to a profile: how far it has spread, and how surely that is known.

The step lies where it was when diffusion began (`position_um`), between two plateaus. Its spread s
= D_ref t is scanned from a step that is sharper than the points can tell to one that has reached
the end. At each s position and plateaus are those that fit best (a profile likelihood), so that
what they leave open is part of the error.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d

from napari_olivine.diffusion.profile import FoProfile
from napari_olivine.diffusion.solver import Boundary, Line, spread
from napari_olivine.errors import InputError

Floats = NDArray[np.float64]
Start = Literal["step", "rim", "ramp"]

STOPS = 140
"""Values of the spread that are scanned, evenly by their logarithm."""

CELLS = (120, 320)
"""Fewest and most cells of a profile."""

CELLS_A_POINT = 4

NODES = 15
"""Spreads at which position and plateaus are fitted anew for the likelihood."""

ROUNDS, NODE_ROUNDS = 12, 3

STEPS = (1.0, 0.5, 0.25, 0.1)
"""Shares of a step of Gauss and Newton that are tried, until one is better."""

TOLD = 12.0
"""Difference of chi-square up to which the likelihood is worked out."""

END_SHARE = 0.15
"""Share of the points at each end that give the first guess of the plateaus."""

STEEP = 3.0
"""Standard errors of a slope from which an end is no plateau."""

BEYOND = 0.5
"""How far plateaus may lie beyond the Fo that was measured, a share of its range."""

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

BAD_FIT = 3.0
"""Reduced chi-square from which the model does not describe the profile."""


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
    flags
        What may be wrong with it, in words.
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
    kind: Literal["time", "upper limit", "lower limit"] = "time"
    flags: tuple[str, ...] = field(default=())


@dataclass
class _Problem:
    """Points, cells and model of one fit; parameters are position, left and right plateau."""

    profile: FoProfile
    model: Model
    error: Floats
    origin: float
    cells: int
    line: Line
    spreads: Floats
    reference: float
    whole: tuple[bool, bool] = (True, True)
    """Whether its ends are those of the profile."""

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

    def chi2(self, parameters: Floats, stops: int | None = None) -> Floats:
        """Chi-square at each spread."""
        return self._chi2_of(self.at_points(self.curves(parameters, stops)))

    def _chi2_of(self, at_points: Floats) -> Floats:
        away = (self.profile.fo - at_points) / self.error
        return np.asarray(np.einsum("sp,sp->s", away, away))


def fit_profile(profile: FoProfile, model: Model) -> Fit:
    """Fit a spreading step to a profile.

    Parameters
    ----------
    profile
        Fo along the traverse. Without errors, the scatter about the fit gives them.
    model
        What is assumed.

    Returns
    -------
    Fit
        Best spread, likelihood of others, and what may be wrong.

    Raises
    ------
    InputError
        If the profile has no step that stands out of its scatter.
    """
    error = profile.fo_se if profile.fo_se is not None else _scatter(profile)
    problem = _problem(profile, model, error)
    parameters = _first_guess(problem)
    problem.reference = float(parameters[1:].mean())
    parameters, best = _optimum(problem, _best_place(problem, parameters))
    for _ in range(CLOSER):
        front = float(np.sqrt(problem.spreads[best]))
        if problem.line.cell_um <= front / CELLS_A_FRONT:
            break
        reference = problem.reference
        problem = _problem(profile, model, error, (float(parameters[0]), REACH * front))
        problem.reference = reference
        parameters, best = _optimum(problem, problem.bound(parameters))
    _refuse_nothing(problem, parameters, best)
    freedom = max(1, len(profile.fo) - len(problem.free()) - 1)
    lowest = float(problem.chi2(parameters, best + 1)[best])
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
        likelihood, problem.centres, curve, error,
    )  # fmt: skip
    fit = replace(fit, kind=_kind(fit))
    return replace(fit, flags=_flags(problem, fit, model))


def _between(at: Floats, values: Floats, wanted: Floats) -> Floats:
    """Interpolate without overshooting."""
    if len(at) < 2:
        return np.full(len(wanted), values[0])
    return np.asarray(PchipInterpolator(at, values, extrapolate=False)(wanted))


def _lowest_between(problem: _Problem, parameters: Floats, best: int) -> float:
    """Spread at the lowest point of a parabola through the best stop and those beside it."""
    chi2, _ = problem.linearised(parameters, min(best + 2, STOPS))
    logs = np.log(problem.spreads)
    if not 0 < best < len(chi2) - 1:
        return float(problem.spreads[best])
    before, here, after = chi2[best - 1 : best + 2]
    bend = before - 2 * here + after
    shift = 0.5 * (before - after) / bend if bend > 0 else 0.0
    return float(np.exp(logs[best] + np.clip(shift, -1, 1) * (logs[1] - logs[0])))


def _problem(
    profile: FoProfile,
    model: Model,
    error: Floats,
    around: tuple[float, float] | None = None,
) -> _Problem:
    """Lay cells over the profile, or over the surroundings of the step alone.

    A long profile with a short front would have cells as wide as the front: then only what lies
    within some widths of it is worked out, and beyond are plateaus.
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
    whole = origin == first, end == last
    length = end - origin
    cells = int(np.clip(round(CELLS_A_POINT * length / spacing), *CELLS))
    shortest = max(length / cells, float(np.diff(distance).min()) / 4) / 4
    spreads = np.geomspace(shortest**2, 4 * (last - first) ** 2, STOPS)
    line = Line(
        length / cells, model.left if whole[0] else "free", model.right if whole[1] else "free"
    )
    return _Problem(profile, model, error, origin, cells, line, spreads, 0.85, whole)


def _first_guess(problem: _Problem) -> Floats:
    profile, model = problem.profile, problem.model
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


def _best_place(problem: _Problem, guess: Floats) -> Floats:
    """Try the step at many places, with the plateaus that fit best there."""
    if 0 not in problem.free():
        return guess
    length = problem.cells * problem.line.cell_um
    places = problem.origin + length * np.linspace(0.02, 0.98, PLACES)
    best, lowest = guess, np.inf
    for place in (guess[0], *places):
        tried = np.array([place, *guess[1:]])
        chi2, change = problem.linearised(tried, place=False)
        moved = problem.bound(tried + change)
        inside = (np.abs(moved - tried - change) < 1e-12).all(axis=1)
        stop = int(np.argmin(np.where(inside, chi2, np.inf)))
        reached = float(problem.chi2(moved[stop]).min())
        if reached < lowest:
            best, lowest = moved[stop], reached
    return best


def _refuse_nothing(problem: _Problem, parameters: Floats, best: int) -> None:
    """Refuse a profile that a constant describes as well.

    Raises
    ------
    InputError
        If the step does not stand out of the scatter.
    """
    fo, weights = problem.profile.fo, problem.error**-2
    flat = float(np.sum(weights * (fo - np.average(fo, weights=weights)) ** 2))
    stepped = float(problem.chi2(parameters, best + 1)[best])
    if flat - stepped < STANDS_OUT * max(1.0, stepped / max(1, len(fo) - 4)):
        raise InputError(
            f"The profile says nothing: a constant Fo describes it as well as a step, with a "
            f"scatter of {float(np.median(problem.error)):.4f}.",
            remedy="Choose a traverse through a zoned part.",
        )


def _optimum(problem: _Problem, parameters: Floats) -> tuple[Floats, int]:
    """Gauss and Newton's steps; the best spread is looked for among all at each."""
    at_first = problem.chi2(parameters)
    best, lowest = int(np.argmin(at_first)), float(at_first.min())
    for _ in range(ROUNDS):
        chi2, change = problem.linearised(parameters)
        moved = problem.bound(parameters + change)
        inside = (np.abs(moved - parameters - change) < 1e-12).all(axis=1)
        promised = int(np.argmin(np.where(inside, chi2, np.inf)))
        before = lowest
        for stop, shorter in product((promised, best), STEPS):
            tried = problem.bound(parameters + shorter * change[stop])
            reached = problem.chi2(tried)
            if reached.min() < lowest:
                parameters, best, lowest = tried, int(np.argmin(reached)), float(reached.min())
                break
        if before - lowest < 1e-3:
            break
    return parameters, best


def _likelihood(
    problem: _Problem, parameters: Floats, best: int, scale: float
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


def _flags(problem: _Problem, fit: Fit, model: Model) -> tuple[str, ...]:
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


def _kind(fit: Fit) -> Literal["time", "upper limit", "lower limit"]:
    told = fit.likelihood / fit.likelihood.max()
    if told[0] > OPEN:
        return "upper limit"
    return "lower limit" if told[-1] > OPEN else "time"


def _end_points(problem: _Problem) -> int:
    return max(4, round(END_SHARE * len(problem.profile.fo)))


def _is_flat(problem: _Problem, fit: Fit, end: slice) -> bool:
    """Tell whether the points at an end lie on a plateau, as far as their errors tell."""
    x, y, error = problem.profile.distance_um[end], problem.profile.fo[end], fit.fo_se[end]
    length = float(x[-1] - x[0])
    x = x - np.average(x, weights=error**-2)
    variance = 1 / np.sum((x / error) ** 2) * max(1.0, fit.chi2_reduced)
    slope = np.sum(x * y / error**2) / np.sum((x / error) ** 2)
    matters = abs(slope) * length > 0.1 * abs(fit.right - fit.left)
    return not (matters and abs(slope) > STEEP * np.sqrt(variance))
