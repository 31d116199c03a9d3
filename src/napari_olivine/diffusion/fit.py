"""A spreading step fitted to a profile: how far it has spread, and how surely that is known.

The step lies where it was when diffusion began (`position_um`), between two plateaus. Its spread s
= D_ref t is scanned from a step that is sharper than the points can tell to one that has reached
the end. At each s position and plateaus are those that fit best (a profile likelihood), so that
what they leave open is part of the error.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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

TOLD = 12.0
"""Difference of chi-square up to which the likelihood is worked out."""

END_SHARE = 0.15
"""Share of the points at each end that give the first guess of the plateaus."""

STEEP = 3.0
"""Standard errors of a slope from which an end is no plateau."""

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
        Fo at which D is D_ref: the middle between the plateaus.
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

    @property
    def centres(self) -> Floats:
        """Centres of the cells, um."""
        return self.origin + self.line.cell_um * (np.arange(self.cells) + 0.5)

    def start(self, parameters: Floats) -> Floats:
        """Fo of the cells at first; a cell that the step cuts holds the mean of both sides."""
        position, left, right = parameters
        width = max(self.model.ramp_um if self.model.start == "ramp" else 0.0, self.line.cell_um)
        share = np.clip((self.centres - position) / width + 0.5, 0, 1)
        if self.model.start == "rim":
            share = np.ones(self.cells)
        return np.asarray(left + (right - left) * share)

    def curves(self, parameters: Floats, stops: int | None = None) -> Floats:
        """Fo of the cells at each spread, blurred, shape (stops, cells)."""
        ends = float(parameters[1]), float(parameters[2])
        found = spread(
            self.start(parameters), self.line, self.spreads[:stops], self.model.slope,
            self.reference, ends,
        )  # fmt: skip
        if self.model.blur_um > 0:
            found = gaussian_filter1d(
                found, self.model.blur_um / self.line.cell_um, axis=1, mode="nearest"
            )
        return found

    def at_points(self, curves: Floats) -> Floats:
        """Fo where the points lie, shape (stops, points)."""
        place = np.clip(
            (self.profile.distance_um - self.origin) / self.line.cell_um - 0.5, 0, self.cells - 1.0
        )
        low = np.minimum(place.astype(int), self.cells - 2)
        share = place - low
        return np.asarray(curves[:, low] * (1 - share) + curves[:, low + 1] * share)

    def free(self) -> list[int]:
        """Which parameters are fitted."""
        model = self.model
        given = [model.start == "rim" or model.position_um is not None]
        given += [model.fo_left is not None, model.fo_right is not None]
        return [place for place, known in enumerate(given) if not known]

    def bound(self, parameters: Floats) -> Floats:
        """Keep the step within the profile and Fo within 0 to 1."""
        low = self.origin, 1e-3, 1e-3
        high = self.origin + self.cells * self.line.cell_um, 0.999, 0.999
        return np.clip(parameters, low, high)

    def linearised(self, parameters: Floats, stops: int | None = None) -> tuple[Floats, Floats]:
        """Chi-square that the best small change of the parameters reaches, and that change.

        Returns
        -------
        tuple of ndarray
            At each spread: shape (stops,) and (stops, 3).
        """
        small = np.array([self.line.cell_um / 2, 1e-4, 1e-4])
        base = self.at_points(self.curves(parameters, stops))
        free, slopes = self.free(), []
        if not free:
            return self._chi2_of(base), np.zeros((len(base), 3))
        for which in free:
            moved = parameters.copy()
            moved[which] += small[which]
            slopes.append((self.at_points(self.curves(moved, stops)) - base) / small[which])
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
    parameters = _first_guess(profile, model, error)
    problem.reference = float(parameters[1:].mean())
    parameters, best = _optimum(problem, parameters)
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
    fit = Fit(
        _lowest_between(problem, parameters, best), problem.reference, float(position),
        float(parameters[1]),
        float(parameters[2]), float(reduced), problem.spreads, likelihood, problem.centres, curve,
        error,
    )  # fmt: skip
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


def _problem(profile: FoProfile, model: Model, error: Floats) -> _Problem:
    distance = profile.distance_um
    spacing = float(np.median(np.diff(distance)))
    near = distance[0] >= 0 and distance[0] <= 2 * spacing
    origin = 0.0 if near else float(distance[0])
    length = float(distance[-1]) - origin
    cells = int(np.clip(round(CELLS_A_POINT * length / spacing), *CELLS))
    shortest = max(length / cells, float(np.diff(distance).min()) / 4) / 4
    spreads = np.geomspace(shortest**2, 4 * length**2, STOPS)
    line = Line(length / cells, model.left, model.right)
    return _Problem(profile, model, error, origin, cells, line, spreads, 0.85)


def _first_guess(profile: FoProfile, model: Model, error: Floats) -> Floats:
    count = max(2, round(END_SHARE * len(profile.fo)))
    left, right = np.median(profile.fo[:count]), np.median(profile.fo[-count:])
    if model.start == "rim":
        left = profile.fo[0]
    left = left if model.fo_left is None else model.fo_left
    right = right if model.fo_right is None else model.fo_right
    noise = float(np.median(error))
    if abs(right - left) < 3 * noise * np.sqrt(2 / count):
        raise InputError(
            f"The profile says nothing: its ends differ by {abs(right - left):.4f} Fo, which its "
            f"scatter of {noise:.4f} hides.",
            remedy="Choose a traverse through a zoned part.",
        )
    if model.position_um is not None:
        return np.array([model.position_um, left, right])
    middle = (left + right) / 2
    beyond = (profile.fo - middle) * np.sign(right - left) > 0
    # Where points before and beyond are parted with the fewest on the wrong side.
    wrong = np.cumsum(beyond) + (~beyond)[::-1].cumsum()[::-1]
    return np.array([profile.distance_um[int(np.argmin(wrong))], left, right])


def _optimum(problem: _Problem, parameters: Floats) -> tuple[Floats, int]:
    """Gauss and Newton's steps; the best spread is looked for among all at each."""
    best, lowest = 0, np.inf
    for _ in range(ROUNDS):
        chi2, change = problem.linearised(parameters)
        best = int(np.argmin(chi2))
        for shorter in (1.0, 0.5, 0.25, 0.1):
            tried = problem.bound(parameters + shorter * change[best])
            reached = problem.chi2(tried)
            if reached.min() < lowest:
                break
        else:
            break
        gain = lowest - float(reached.min())
        parameters, best, lowest = tried, int(np.argmin(reached)), float(reached.min())
        if gain < 1e-3:
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
    told = fit.likelihood / fit.likelihood.max()
    if told[0] > 0.6 or (told > 0.6).argmax() == 0:
        flags.append("upper limit only: the points do not tell the step from a sharper one")
    if told[-1] > 0.6:
        flags.append("lower limit only: it may have spread for any longer time")
    if fit.chi2_reduced > BAD_FIT:
        flags.append(
            f"the model does not describe the profile (reduced chi-square {fit.chi2_reduced:.1f})"
        )
    reach = 2.5 * np.sqrt(fit.spread_um2)
    if model.right == "free" and fit.position_um + reach > problem.centres[-1]:
        flags.append("the front has reached the far end: the time hangs on what lies there")
    if not _is_flat(problem, fit, reach):
        flags.append("no plateau: Fo goes on rising or falling at the far end")
    return tuple(flags)


def _is_flat(problem: _Problem, fit: Fit, reach: float) -> bool:
    """Tell whether the points at the far end lie on a plateau, as far as their errors tell."""
    distance, fo = problem.profile.distance_um, problem.profile.fo
    count = max(4, round(END_SHARE * len(fo)))
    x, y, error = distance[-count:], fo[-count:], fit.fo_se[-count:]
    x = x - np.average(x, weights=error**-2)
    variance = 1 / np.sum((x / error) ** 2) * max(1.0, fit.chi2_reduced)
    slope = np.sum(x * y / error**2) / np.sum((x / error) ** 2)
    matters = abs(slope) * (distance[-1] - distance[-count]) > 0.05 * abs(fit.right - fit.left)
    return not (matters and abs(slope) > STEEP * np.sqrt(variance))
