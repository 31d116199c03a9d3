"""Sightings of the same material in several sessions, and the scales that reconcile them.

Whatever ties sessions together comes in one form: a material was seen in a session with a grey and
a standard error. The material may be a standard, a phase, or a piece of rock beside a seam or in an
overlap. One robust least-squares fit finds each session's scale, each material's grey and,
where sightings belong to tiles, each tile's own level:

    grey = G_s (t_m - pivot) + C_s + L_tile

with Gaussian priors on G_s (about 1), C_s (about the pivot) and L_tile (about 0). The fit knows no
reference session; that is chosen afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csc_matrix, diags
from scipy.sparse.linalg import splu

from napari_olivine.job import Job

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TILE_GREY = 1.0
"""Prior standard deviation of a tile's own level, in levels of an 8-bit image."""

HUBER = 1.345
"""Standard errors beyond which a sighting is weighted down (Huber 1964)."""

TUKEY = 4.7
"""Standard errors beyond which a sighting counts for nothing in the end (Beaton & Tukey 1974)."""

GROUPS = 10
"""Parts of each session of which one is left out in turn, for the standard errors."""


@dataclass(frozen=True)
class Sightings:
    """Materials seen in sessions.

    Parameters
    ----------
    session, material, tile
        Numbers, shape (n,); tile -1 where a sighting belongs to none.
    grey, error
        Grey as measured (backgrounds of tiles taken off) and its standard error, shape (n,).
    """

    session: Ints
    material: Ints
    tile: Ints
    grey: Floats
    error: Floats

    @classmethod
    def of_rows(cls, rows: list[tuple[int, int, int, float, float]]) -> Sightings:
        """Make sightings of (session, material, tile, grey, error)."""
        table = np.array(rows, float).reshape(-1, 5)
        session, material, tile = table[:, :3].astype(np.int64).T
        return cls(session, material, tile, table[:, 3], table[:, 4])

    @classmethod
    def joined(cls, parts: list[Sightings]) -> Sightings:
        """Put several sources together; their materials stay apart."""
        shifted, first = [], 0
        for part in parts:
            shifted.append(part.material + first)
            first += int(part.material.max(initial=-1)) + 1
        return cls(
            np.concatenate([part.session for part in parts] or [np.zeros(0, np.int64)]),
            np.concatenate(shifted or [np.zeros(0, np.int64)]),
            np.concatenate([part.tile for part in parts] or [np.zeros(0, np.int64)]),
            np.concatenate([part.grey for part in parts] or [np.zeros(0)]),
            np.concatenate([part.error for part in parts] or [np.zeros(0)]),
        )

    def __len__(self) -> int:
        return self.session.size

    def where(self, chosen: NDArray[np.bool_]) -> Sightings:
        """Keep some of the sightings."""
        return Sightings(
            *(self.session[chosen], self.material[chosen], self.tile[chosen]),
            *(self.grey[chosen], self.error[chosen]),
        )

    def shared(self) -> Sightings:
        """Keep the sightings of materials that two sessions or more have in common."""
        if not len(self):
            return self
        pairs = np.unique(np.stack([self.material, self.session]), axis=1)
        seen = np.bincount(pairs[0], minlength=int(self.material.max()) + 1)
        return self.where(seen[self.material] >= 2)

    def groups(self, sessions: int) -> Ints:
        """Which sessions are tied together: the same number for sessions of one group."""
        group = np.arange(sessions)
        pairs = np.unique(np.stack([self.material, self.session]), axis=1)
        changed = True
        while changed and pairs.size:
            lowest = np.full(int(pairs[0].max()) + 1, sessions)
            np.minimum.at(lowest, pairs[0], group[pairs[1]])
            before = group.copy()
            np.minimum.at(group, pairs[1], lowest[pairs[0]])
            changed = bool((group != before).any())
        return group


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
    """

    pivot: float
    gain: Floats
    centre: Floats
    covariance: Floats
    material: Floats

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


def solve_scales(
    sightings: Sightings, sessions: int, pivot: float, priors: Priors, job: Job
) -> Scales:
    """Reconcile all sightings; standard errors by leaving out parts of the tiles in turn.

    Parameters
    ----------
    sightings
        Of every source.
    sessions
        Number of sessions; those without a sighting stay as they are, with the prior's error.
    pivot
        Grey in the middle of the range.
    priors
        What is likely beforehand.
    job
        Running job.
    """
    seen = sightings.shared()
    if not len(seen):
        spread = np.concatenate([np.full(sessions, priors.gain), np.full(sessions, priors.centre)])
        count = int(sightings.material.max(initial=-1)) + 1
        ones = np.ones(sessions)
        return Scales(pivot, ones, pivot * ones, np.diag(spread**2), np.full(count, np.nan))
    whole = _Fit(seen, sessions, pivot, priors)
    whole.run(20, job)
    covariance = whole.covariance()
    jackknife = _jackknife(seen, whole, sessions, pivot, priors, job)
    if jackknife is not None:
        # Neighbouring sightings share crystals, which single ones do not know: the larger counts.
        ratio = np.sqrt(np.maximum(np.diag(jackknife) / np.diag(covariance), 1))
        covariance = covariance * ratio[:, None] * ratio[None, :]
    return Scales(pivot, whole.gain, whole.centre, covariance, whole.material)


def _jackknife(
    seen: Sightings, whole: _Fit, sessions: int, pivot: float, priors: Priors, job: Job
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
        seen: Sightings,
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
        first_tile = 2 * sessions + self.materials
        self.size = first_tile + count
        self.prior = np.concatenate(
            [
                np.full(sessions, priors.gain),
                np.full(sessions, priors.centre),
                np.full(self.materials, 1e4 * priors.centre),
                np.full(count, priors.tile),
            ]
        )
        self.level = np.zeros(count)
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
        first_tile = 2 * sessions + self.materials
        for step in range(steps):
            job.check()
            values = [
                self.material[seen.material] - self.pivot,
                np.ones(len(seen)),
                self.gain[seen.session],
                np.ones(int(self.has_tile.sum())),
            ]
            rows = [row, row, row, row[self.has_tile]]
            columns = [
                seen.session,
                sessions + seen.session,
                2 * sessions + seen.material,
                first_tile + self.tile,
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
                ]
            )
            self.normal = (design.T @ diags(self.weight) @ design + diags(self.prior**-2.0)).tocsc()
            right = design.T @ (self.weight * self._residual()) - off_prior / self.prior**2
            change = splu(self.normal).solve(right)
            self.gain = np.clip(self.gain + change[:sessions], 0.2, 5.0)
            self.centre = self.centre + change[sessions : 2 * sessions]
            self.material = self.material + change[2 * sessions : first_tile]
            self.level = self.level + change[first_tile:]
            self._reweight(self._residual(), redescend=step >= steps // 2)

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
        return np.asarray(seen.grey - model)

    def _reweight(self, residual: Floats, *, redescend: bool = True) -> None:
        """Weigh each material by its own scatter, and sightings that do not fit less."""
        seen = self.seen
        error = seen.error.copy()
        if self.tiles.size:
            of_tile = np.where(self.has_tile, np.abs(residual), 0.0)
            number = np.bincount(seen.material[self.has_tile], minlength=self.materials)
            scatter = 1.4826 * _medians(of_tile, seen.material, self.materials)
            scatter *= np.sqrt(number / np.maximum(number - 2, 1))
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
