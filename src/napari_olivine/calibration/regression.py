"""The calibration law: mg# from BSE grey, with a gain and an offset of each session.

mg# = c0 + c1 x (+ c2 x^2) + a_s + b_s x, where x is the grey above a pivot, a_s and b_s the offset
and the gain term of session s. The session terms have Gaussian priors (Bayesian ridge regression),
so a session with few points leans on the others and one with none gets the common law with
a wider error. A random term of each profile, with a spread estimated from the data, stands for
errors that all points of one crystal share (shading, contamination); it widens the error and is
left out of predictions. Points that do not fit are weighted down (Huber 1964).
The straight line is that of Leichter et al. (2022), doi 10.3389/feart.2022.740638.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_olivine.errors import InputError

Floats = NDArray[np.float64]
SessionTerms = Literal["gain+offset", "offset", "pooled"]

HUBER = 1.345
"""Robust deviations beyond which a point is weighted down (95 % efficiency, Huber 1964)."""

FLAT = 1e4
"""Prior variance of the common law's terms, mg#: as good as none."""

LEAST_SD = 1e-5
"""mg#; points never fit better, which keeps the equations well conditioned."""


@dataclass(frozen=True)
class Calibration:
    """A fitted law.

    Parameters
    ----------
    degree
        1 for a straight line, 2 for a parabola.
    session_terms
        Which terms sessions have.
    sessions
        Names of the sessions, in the order of their terms.
    pivot, scale
        x = (grey - pivot) / scale.
    coefficients
        Common law (degree + 1 values), then offset and gain of each session.
    covariance
        Posterior covariance of the coefficients.
    profile_sd
        Spread between profiles, mg#.
    residual_sd
        Robust spread of single points about the law, mg#.
    grey_range
        Lowest and highest grey of the points fitted.
    points_of_session
        Number of points fitted in each session.
    """

    degree: int
    session_terms: SessionTerms
    sessions: list[str]
    pivot: float
    scale: float
    coefficients: Floats
    covariance: Floats
    profile_sd: float
    residual_sd: float
    grey_range: tuple[float, float]
    points_of_session: dict[str, int]

    def predict(
        self, grey: ArrayLike, session: ArrayLike | None = None, noise_grey: float = 0.0
    ) -> tuple[Floats, Floats]:
        """Predict mg# and its standard error.

        Parameters
        ----------
        grey
            BSE grey (levelled as it was for the fit), any shape.
        session
            Place of each grey's session in `sessions`, -1 for none; broadcasts with `grey`.
        noise_grey
            Standard deviation of the grey itself.

        Returns
        -------
        mg, sigma
            mg# and its standard error from the law's covariance, the spread between profiles and
            the noise of the grey.
        """
        grey = np.asarray(grey, float)
        index = np.broadcast_to(-1 if session is None else np.asarray(session, int), grey.shape)
        flat, places = grey.ravel(), index.ravel()
        x = (flat - self.pivot) / self.scale
        design = _design(x, places, len(self.sessions), self.degree)
        mg = design @ self.coefficients
        variance = np.einsum("ij,jk,ik->i", design, self.covariance, design)
        variance += self.profile_sd**2 + (self.slope(flat, places) * noise_grey) ** 2
        if (places < 0).any() and self.session_terms != "pooled":
            variance = variance + np.where(places < 0, self._between_sessions(x), 0.0)
        return mg.reshape(grey.shape), np.sqrt(variance).reshape(grey.shape)

    def mg(self, grey: NDArray[np.floating], session: NDArray[np.integer]) -> NDArray[np.float32]:
        """Predict mg# alone, fast, for whole images: shapes as in `predict`."""
        table = self.polynomials()
        c = table[session + 1].astype(np.float32)
        x = ((grey - self.pivot) / self.scale).astype(np.float32)
        result = c[..., -1]
        for power in range(self.degree - 1, -1, -1):
            result = result * x + c[..., power]
        return np.asarray(result, np.float32)

    def polynomials(self) -> Floats:
        """Coefficients of 1, x, (x^2): first row the common law, then one row a session."""
        table = np.tile(self.coefficients[: self.degree + 1], (len(self.sessions) + 1, 1))
        table[1:, 0] += self.coefficients[self.degree + 1 :: 2]
        table[1:, 1] += self.coefficients[self.degree + 2 :: 2]
        return table

    def slope(self, grey: ArrayLike, session: ArrayLike) -> Floats:
        """Change of mg# with one grey level."""
        grey, index = np.asarray(grey, float), np.asarray(session, int)
        table = self.polynomials()[index + 1]
        slope = table[..., 1]
        if self.degree == 2:
            slope = slope + 2 * table[..., 2] * (grey - self.pivot) / self.scale
        return np.asarray(slope / self.scale)

    def as_dict(self) -> dict[str, Any]:
        """Return the law as JSON values, with the line of each session in grey levels."""
        sigma = np.sqrt(np.diag(self.covariance))
        first = self.degree + 1
        lines = {}
        for place, session in enumerate(self.sessions):
            at = first + 2 * place
            lines[session] = {
                "offset_mg": float(self.coefficients[at]),
                "offset_mg_sd": float(sigma[at]),
                "gain_mg_per_grey": float(self.coefficients[at + 1] / self.scale),
                "gain_mg_per_grey_sd": float(sigma[at + 1] / self.scale),
                "points": self.points_of_session.get(session, 0),
            }
        return {
            "degree": self.degree,
            "session_terms": self.session_terms,
            "formula": "mg# = sum(c_k x^k) + offset_s + gain_s x, x = (grey - pivot) / scale",
            "pivot_grey": self.pivot,
            "scale_grey": self.scale,
            "session_names": self.sessions,
            "coefficients": self.coefficients.tolist(),
            "covariance": self.covariance.tolist(),
            "sessions": lines,
            "profile_sd_mg": self.profile_sd,
            "residual_sd_mg": self.residual_sd,
            "grey_range": list(self.grey_range),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Calibration:
        """Read what `as_dict` wrote."""
        low, high = values["grey_range"]
        return cls(
            degree=values["degree"],
            session_terms=values["session_terms"],
            sessions=list(values["session_names"]),
            pivot=values["pivot_grey"],
            scale=values["scale_grey"],
            coefficients=np.array(values["coefficients"], float),
            covariance=np.array(values["covariance"], float),
            profile_sd=values["profile_sd_mg"],
            residual_sd=values["residual_sd_mg"],
            grey_range=(low, high),
            points_of_session={k: v["points"] for k, v in values["sessions"].items()},
        )

    def _between_sessions(self, x: Floats) -> Floats:
        """Variance of a law of an unknown session: the spread of the sessions."""
        terms = self.coefficients[self.degree + 1 :].reshape(-1, 2)
        if not len(terms):
            return np.zeros_like(x)
        return np.asarray(np.var(terms[:, :1] + terms[:, 1:] * x, axis=0))


def fit_calibration(
    grey: ArrayLike,
    mg: ArrayLike,
    session: ArrayLike,
    profile: ArrayLike,
    sessions: list[str],
    *,
    degree: int = 1,
    session_terms: SessionTerms = "gain+offset",
    offset_prior_grey: float = 15.0,
    gain_prior: float = 0.03,
    robust: bool = True,
) -> Calibration:
    """Fit the law to calibration points.

    Parameters
    ----------
    grey, mg
        Grey and measured mg# of the points, shape (n,).
    session
        Place of each point's session in `sessions`, -1 for none, shape (n,).
    profile
        Name of each point's profile, shape (n,).
    sessions
        Names of all sessions.
    degree
        1 or 2.
    session_terms
        ``"gain+offset"``, ``"offset"``, or ``"pooled"`` for one law of all sessions as in the
        paper.
    offset_prior_grey
        How far the grey of a session may lie from the others', one standard deviation.
    gain_prior
        How far its gain may, a fraction.
    robust
        Weight points down that do not fit.

    Returns
    -------
    Calibration
        The fitted law.

    Raises
    ------
    InputError
        If there are fewer than three points or their grey is all the same.

    References
    ----------
    Huber, P. J. (1964). Robust estimation of a location parameter. Annals of Mathematical
    Statistics 35, 73-101. doi 10.1214/aoms/1177703732
    Dempster, A. P., Laird, N. M. and Rubin, D. B. (1977). Maximum likelihood from incomplete data
    via the EM algorithm. Journal of the Royal Statistical Society B 39, 1-38.
    doi 10.1111/j.2517-6161.1977.tb01600.x
    """
    all_grey, all_mg = np.asarray(grey, float), np.asarray(mg, float)
    good = np.isfinite(all_grey) & np.isfinite(all_mg)
    g, y, place = all_grey[good], all_mg[good], np.asarray(session, int)[good]
    # A profile that crosses into another session counts there as one more profile: its few
    # points on the far side, often a rim, would otherwise settle the step between the two.
    pieces = [f"{p} {s}" for p, s in zip(np.asarray(profile)[good], place, strict=True)]
    _, profile_place = np.unique(pieces, return_inverse=True)
    _require_points(g, y, degree)
    pivot, scale = float(np.mean(g)), max(float(np.std(g)), 1e-6)
    x = (g - pivot) / scale
    slope = abs(float(np.polyfit(x, y, 1)[0])) / scale
    n_session = 0 if session_terms == "pooled" else len(sessions)
    fixed = _design(x, place, len(sessions), degree)[:, : degree + 1 + 2 * n_session]
    profiles = np.eye(int(profile_place.max()) + 1)[profile_place]
    prior = np.full(fixed.shape[1], FLAT)
    if n_session:
        gain_variance = (gain_prior * slope * scale) ** 2
        prior[degree + 1 :: 2] = (offset_prior_grey * slope) ** 2
        prior[degree + 2 :: 2] = gain_variance if session_terms == "gain+offset" else 1e-10
    state = _mixed_fit(fixed, profiles, y, prior, robust)
    size = degree + 1 + 2 * len(sessions)
    coefficients, covariance = np.zeros(size), np.zeros((size, size))
    coefficients[: fixed.shape[1]] = state.coefficients
    covariance[: fixed.shape[1], : fixed.shape[1]] = state.covariance
    return Calibration(
        degree=degree,
        session_terms=session_terms,
        sessions=list(sessions),
        pivot=pivot,
        scale=scale,
        coefficients=coefficients,
        covariance=covariance,
        profile_sd=state.profile_sd,
        residual_sd=state.residual_sd,
        grey_range=(float(g.min()), float(g.max())),
        points_of_session={s: int((place == k).sum()) for k, s in enumerate(sessions)},
    )


@dataclass(frozen=True)
class _Fit:
    coefficients: Floats
    covariance: Floats
    profile_sd: float
    residual_sd: float


def _mixed_fit(fixed: Floats, profiles: Floats, mg: Floats, prior: Floats, robust: bool) -> _Fit:
    """Weighted ridge regression with a random term of each profile, by expectation-maximisation."""
    design = np.hstack([fixed, profiles])
    n_fixed, n_profiles = fixed.shape[1], profiles.shape[1]
    weight = np.ones(mg.size)
    profile_variance = 1e-3**2
    residual_sd = float(np.std(mg - fixed @ np.linalg.lstsq(fixed, mg, rcond=None)[0]))
    residual_sd = max(residual_sd, LEAST_SD)
    solution = np.zeros(design.shape[1])
    covariance: Floats = np.eye(design.shape[1])
    for _ in range(30):
        variance = np.concatenate([prior, np.full(n_profiles, max(profile_variance, LEAST_SD**2))])
        precision = weight / residual_sd**2
        normal = (design * precision[:, None]).T @ design + np.diag(1.0 / variance)
        covariance = np.asarray(np.linalg.inv(normal), float)
        solution = covariance @ (design.T @ (precision * mg))
        residual = mg - design @ solution
        residual_sd = max(1.4826 * float(np.median(np.abs(residual))), LEAST_SD)
        if robust:
            weight = np.minimum(1.0, HUBER * residual_sd / np.maximum(np.abs(residual), 1e-15))
        if n_profiles > 1:
            of_profiles = np.diag(covariance)[n_fixed:] + solution[n_fixed:] ** 2
            profile_variance = float(np.mean(of_profiles))
    if n_profiles == 1:
        profile_variance = 0.0
    return _Fit(
        solution[:n_fixed],
        covariance[:n_fixed, :n_fixed],
        float(np.sqrt(profile_variance)),
        residual_sd,
    )


def _design(x: Floats, session: NDArray[np.int_], sessions: int, degree: int) -> Floats:
    columns = [x**power for power in range(degree + 1)]
    for place in range(sessions):
        inside = (session == place).astype(float)
        columns += [inside, inside * x]
    return np.column_stack(columns)


def _require_points(grey: Floats, mg: Floats, degree: int) -> None:
    needed = max(3, degree + 2)
    if grey.size < needed:
        raise InputError(
            f"Only {grey.size} usable point{'s' * (grey.size != 1)} to calibrate with, {needed} "
            "are needed.",
            remedy="Set more profiles to 'calibrate', or widen {setting:lowest_total_percent} and "
            "{setting:highest_total_percent}.",
            expected=f"{needed} points",
        )
    spread = float(np.ptp(grey))
    if spread < 1e-6 or float(np.ptp(mg)) < 1e-6:
        quantity = "grey" if spread < 1e-6 else "mg#"
        raise InputError(
            f"All {grey.size} points to calibrate with have the same {quantity}.",
            remedy="Calibrate on a zoned crystal, or check that the profiles are placed where they "
            "were measured.",
        )
