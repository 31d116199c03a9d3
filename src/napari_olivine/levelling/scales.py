"""The scales that reconcile what was seen of the same materials in several sessions.

One robust least-squares fit finds each session's scale, each material's grey and,
where tie points belong to tiles, each tile's own level:

    grey = G_s (t_m - pivot) + C_s + L_tile + D_sm

with priors on G_s (about 1), C_s (about the pivot), L_tile and D_sm (about 0). They are Gaussian
but for that of G_s, which is Student's: contrast that was set anew is not pulled back. D_sm is what
a material whose composition varies may itself differ by from one session to the next. The fit knows
no reference session; that is chosen afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csc_matrix, diags
from scipy.sparse.linalg import splu

from napari_olivine.job import Job
from napari_olivine.levelling.tie_points import TiePoints

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TILE_GREY = 1.0
"""Prior standard deviation of a tile's own level, in levels of an 8-bit image."""

HUBER = 1.345
"""Standard errors beyond which a tie point is weighted down (Huber 1964)."""

TUKEY = 4.7
"""Standard errors beyond which a tie point counts for nothing in the end (Beaton & Tukey 1974)."""

FEWEST_TO_SCATTER = 6
"""TiePoints of a material from which its own scatter is known."""

SETTLED = 1e-5
"""Share of a prior's spread by which a step changes nothing any more."""

FREEDOM = 3.0
"""Degrees of freedom of the Student prior of a gain."""

GROUPS = 10
"""Parts of each session of which one is left out in turn, for the standard errors."""


@dataclass(frozen=True)
class Scales:
    """Scales of all sessions, free of a reference.

    Parameters
    ----------
    pivot
        Grey in the middle of the range.
    gain, centre
        grey = gain (t - pivot) + centre, shape (sessions,).
    covariance
        Of gains, then centres, shape (2 sessions, 2 sessions).
    material
        Grey t of each material.
    tile_level
        Own level of the tiles that were seen.
    """

    pivot: float
    gain: Floats
    centre: Floats
    covariance: Floats
    material: Floats
    tile_level: dict[int, float] = field(default_factory=dict)

    def relative(self, reference: int) -> tuple[Floats, Floats, Floats]:
        """Scales against one session: grey = gain x (grey in the reference) + offset.

        Returns
        -------
        gain, offset, covariance
            Shapes (sessions,), (sessions,), (sessions, 2, 2).
        """
        gain, centre = self.gain, self.centre
        relative = gain / gain[reference]
        offset = centre - relative * centre[reference]
        count = gain.size
        covariance = np.zeros((count, 2, 2))
        for one in range(count):
            if one == reference:
                continue
            jacobian = np.zeros((2, 2 * count))
            jacobian[0, one] = 1 / gain[reference]
            jacobian[0, reference] = -relative[one] / gain[reference]
            jacobian[1] = -centre[reference] * jacobian[0]
            jacobian[1, count + one] += 1
            jacobian[1, count + reference] -= relative[one]
            covariance[one] = jacobian @ self.covariance @ jacobian.T
        return relative, offset, covariance


@dataclass(frozen=True)
class Priors:
    """Prior standard deviations.

    Parameters
    ----------
    gain
        Of a session's gain about 1.
    centre
        Of its grey about the others', grey.
    tile
        Of a tile's own level, grey.
    """

    gain: float
    centre: float
    tile: float


def solve_session_scales(
    tie_points: TiePoints,
    sessions: int,
    pivot: float,
    priors: Priors,
    job: Job,
    *,
    errors: bool = True,
) -> Scales:
    """Reconcile all tie points; standard errors by leaving out parts of the tiles in turn.

    Parameters
    ----------
    tie_points
        Of every source.
    sessions
        Number of sessions; those without a tie point stay as they are, with the prior's error.
    pivot
        Grey in the middle of the range.
    priors
        What is likely beforehand.
    job
        Running job.
    errors
        Whether the standard errors are wanted: leaving out parts costs ten fits more.

    Returns
    -------
    Scales
        Free of a reference.

    References
    ----------
    Huber (1964), doi 10.1214/aoms/1177703732.
    Beaton & Tukey (1974), doi 10.1080/00401706.1974.10489171.
    """
    seen = tie_points.shared()
    if not len(seen):
        spread = np.concatenate([np.full(sessions, priors.gain), np.full(sessions, priors.centre)])
        count = int(tie_points.material.max(initial=-1)) + 1
        ones = np.ones(sessions)
        return Scales(pivot, ones, pivot * ones, np.diag(spread**2), np.full(count, np.nan))
    whole = _Fit(seen, sessions, pivot, priors)
    whole.run(20, job)
    covariance = whole.covariance()
    jackknife = _jackknife(seen, whole, sessions, pivot, priors, job) if errors else None
    if jackknife is not None:
        # Neighbouring tie points share crystals, which single ones do not know: the larger counts.
        ratio = np.sqrt(np.maximum(np.diag(jackknife) / np.diag(covariance), 1))
        covariance = covariance * ratio[:, None] * ratio[None, :]
    levels = dict(zip(whole.tiles.tolist(), whole.level.tolist(), strict=True))
    return Scales(pivot, whole.gain, whole.centre, covariance, whole.material, levels)


def _jackknife(
    seen: TiePoints, whole: _Fit, sessions: int, pivot: float, priors: Priors, job: Job
) -> Floats | None:
    """Covariance from fits that leave out one part of every session's tiles."""
    part = np.full(len(seen), -1)
    for session in range(sessions):
        of_session = (seen.session == session) & (seen.tile >= 0)
        tiles, place = np.unique(seen.tile[of_session], return_inverse=True)
        if tiles.size >= 2:
            part[of_session] = place * min(GROUPS, tiles.size) // tiles.size
    groups = int(part.max()) + 1
    if groups < 4:
        return None
    found = []
    for group in range(groups):
        left = seen.where(part != group)
        fit = _Fit(left, sessions, pivot, priors, start=whole)
        fit.run(5, job)
        found.append(np.concatenate([fit.gain, fit.centre]))
    spread = np.array(found) - np.mean(found, axis=0)
    return np.asarray((groups - 1) / groups * spread.T @ spread)


class _Fit:
    """Iteratively reweighted Gauss-Newton steps of the fit in the module's head."""

    def __init__(
        self,
        seen: TiePoints,
        sessions: int,
        pivot: float,
        priors: Priors,
        start: _Fit | None = None,
    ) -> None:
        self.seen, self.sessions, self.pivot = seen, sessions, pivot
        self.materials: int = start.materials if start else int(seen.material.max()) + 1
        self.tiles, self.tile = np.unique(seen.tile[seen.tile >= 0], return_inverse=True)
        self.has_tile = seen.tile >= 0
        count = self.tiles.size
        self.varying = seen.varies > 0
        pair = (seen.material * sessions + seen.session)[self.varying]
        pairs, first, self.pair = np.unique(pair, return_index=True, return_inverse=True)
        self.first_tile = 2 * sessions + self.materials
        self.first_pair = self.first_tile + count
        self.size = self.first_pair + pairs.size
        self.prior = np.concatenate(
            [
                np.full(sessions, priors.gain),
                np.full(sessions, priors.centre),
                np.full(self.materials, 1e4 * priors.centre),
                np.full(count, priors.tile),
                seen.varies[self.varying][first],
            ]
        )
        self.level = np.zeros(count)
        self.differs = np.zeros(pairs.size)
        self.weight = seen.error**-2.0
        if start is None:
            self.gain, self.centre = np.ones(sessions), np.full(sessions, pivot)
            self.material = _medians(seen.grey, seen.material, self.materials)
            self._start_centres()
        else:
            self.gain, self.centre = start.gain.copy(), start.centre.copy()
            self.material = start.material.copy()
            place = np.searchsorted(start.tiles, self.tiles)
            self.level = start.level[place].copy() if count else self.level
            self._reweight(self._residual())
        self.normal: csc_matrix | None = None

    def run(self, steps: int, job: Job) -> None:
        """Take so many steps."""
        seen, sessions = self.seen, self.sessions
        row = np.arange(len(seen))
        first_tile, first_pair = self.first_tile, self.first_pair
        for step in range(steps):
            job.check()
            values = [
                self.material[seen.material] - self.pivot,
                np.ones(len(seen)),
                self.gain[seen.session],
                np.ones(int(self.has_tile.sum())),
                np.ones(int(self.varying.sum())),
            ]
            rows = [row, row, row, row[self.has_tile], row[self.varying]]
            columns = [
                seen.session,
                sessions + seen.session,
                2 * sessions + seen.material,
                first_tile + self.tile,
                first_pair + self.pair,
            ]
            design = coo_matrix(
                (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))),
                (len(seen), self.size),
            ).tocsr()
            off_prior = np.concatenate(
                [
                    self.gain - 1,
                    self.centre - self.pivot,
                    np.zeros(self.materials),
                    self.level,
                    self.differs,
                ]
            )
            stiff = self.prior**-2.0
            away = off_prior[:sessions] / self.prior[:sessions]
            stiff[:sessions] *= np.minimum(1.0, (FREEDOM + 1) / (FREEDOM + away**2))
            self.normal = (design.T @ diags(self.weight) @ design + diags(stiff)).tocsc()
            right = design.T @ (self.weight * self._residual()) - off_prior * stiff
            change = splu(self.normal).solve(right)
            self.gain = np.clip(self.gain + change[:sessions], 0.2, 5.0)
            self.centre = self.centre + change[sessions : 2 * sessions]
            self.material = self.material + change[2 * sessions : first_tile]
            self.level = self.level + change[first_tile:first_pair]
            self.differs = self.differs + change[first_pair:]
            self._reweight(self._residual(), redescend=step >= steps // 2)
            settled = np.abs(change) < SETTLED * self.prior
            if step > steps // 2 and settled.all():
                break

    def covariance(self) -> Floats:
        """Covariance of gains and centres."""
        assert self.normal is not None
        unit = np.zeros((self.size, 2 * self.sessions))
        unit[: 2 * self.sessions] = np.eye(2 * self.sessions)
        return np.asarray(splu(self.normal).solve(unit)[: 2 * self.sessions])

    def _residual(self) -> Floats:
        seen = self.seen
        model = self.gain[seen.session] * (self.material[seen.material] - self.pivot)
        model += self.centre[seen.session]
        if self.tiles.size:
            model[self.has_tile] += self.level[self.tile]
        if self.differs.size:
            model[self.varying] += self.differs[self.pair]
        return np.asarray(seen.grey - model)

    def _reweight(self, residual: Floats, *, redescend: bool = True) -> None:
        """Weigh each material by its own scatter, and tie points that do not fit less."""
        seen = self.seen
        error = seen.error.copy()
        if self.tiles.size:
            of_tile = np.where(self.has_tile, np.abs(residual), 0.0)
            number = np.bincount(seen.material[self.has_tile], minlength=self.materials)
            scatter = 1.4826 * _medians(of_tile, seen.material, self.materials)
            scatter *= np.sqrt(number / np.maximum(number - 2, 1))
            # Of a few tie points, those that happen to agree would seem exact.
            scatter[number < FEWEST_TO_SCATTER] = 0
            error = np.where(self.has_tile, np.maximum(error, scatter[seen.material]), error)
        ratio = np.abs(residual) / error
        if redescend:
            falls = np.where(ratio < TUKEY, (1 - (ratio / TUKEY) ** 2) ** 2, 0.0)
            huber = HUBER / np.maximum(ratio, HUBER)
            robust = np.where(self.has_tile, np.maximum(falls, 1e-6), huber)
        else:
            robust = HUBER / np.maximum(ratio, HUBER)
        self.weight = robust / error**2

    def _start_centres(self) -> None:
        """Begin with the sessions' median distance from the materials."""
        for _ in range(3):
            for session in range(self.sessions):
                of_session = self.seen.session == session
                if of_session.any():
                    off = self.seen.grey - self.material[self.seen.material]
                    self.centre[session] = self.pivot + float(np.median(off[of_session]))
            moved = self.seen.grey - self.centre[self.seen.session] + self.pivot
            self.material = _medians(moved, self.seen.material, self.materials)


def _medians(values: Floats, group: Ints, groups: int) -> Floats:
    """Median of each group's values; NaN-free: 0 for empty groups."""
    order = np.lexsort((values, group))
    number = np.bincount(group, minlength=groups)
    first = np.concatenate([[0], np.cumsum(number)[:-1]])
    ordered = values[order]
    result = np.zeros(groups)
    full = number > 0
    low = first + (number - 1) // 2
    high = first + number // 2
    result[full] = (ordered[low[full]] + ordered[high[full]]) / 2
    return result
