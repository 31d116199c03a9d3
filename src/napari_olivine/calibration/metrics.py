"""Agreement of predicted mg# with the microprobe.

Leichter et al. (2022) is doi 10.3389/feart.2022.740638.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

ENDS = 10
"""Points left out at each end of a profile by RMSE10 (Leichter et al. 2022)."""


@dataclass(frozen=True)
class FitScores:
    """Agreement of predicted with measured mg#.

    Parameters
    ----------
    points
        Number of points compared.
    r2
        Coefficient of determination (Leichter et al. 2022, Eq. 3).
    rmse
        Root mean squared error (Eq. 4).
    rmse10
        The same without the first and last ten points of each profile (Eq. 5).
    rmse_sh, rmse_sh10
        Both after each predicted profile was shifted by its mean offset, which leaves the
        error that is not systematic. The mean is over the points that the measure compares.
    """

    points: int
    r2: float
    rmse: float
    rmse10: float
    rmse_sh: float
    rmse_sh10: float

    def as_dict(self) -> dict[str, float | int | None]:
        """Return the measures as JSON values: `None` where one is not finite."""
        return {
            key: None if isinstance(value, float) and not np.isfinite(value) else value
            for key, value in asdict(self).items()
        }


def fit_scores(
    measured: ArrayLike, predicted: ArrayLike, profiles: ArrayLike, valid: ArrayLike | None = None
) -> FitScores:
    """Compare profiles.

    Parameters
    ----------
    measured, predicted
        mg#, all points of all profiles in order along each; points with NaN are left out.
    profiles
        Name of each point's profile.
    valid
        Which points to compare; they are left out after the ten end points were counted off.

    Returns
    -------
    Scores
        NaN where too few points are left (for instance rmse10 of profiles up to 20 points).

    References
    ----------
    Leichter, P. et al. (2022), Eqs 3-5. doi 10.3389/feart.2022.740638
    """
    measured, predicted = np.asarray(measured, float), np.asarray(predicted, float)
    names = pd.Series(np.asarray(profiles))
    good = np.isfinite(measured) & np.isfinite(predicted)
    if valid is not None:
        good &= np.asarray(valid, bool)
    from_start = names.groupby(names).cumcount().to_numpy()
    from_end = names.groupby(names).cumcount(ascending=False).to_numpy()
    inner = good & (from_start >= ENDS) & (from_end >= ENDS)
    error = predicted - measured
    return FitScores(
        points=int(good.sum()),
        r2=_r2(measured[good], predicted[good]),
        rmse=_rms(error[good]),
        rmse10=_rms(error[inner]),
        rmse_sh=_rms(_without_offset(error, names, good)),
        rmse_sh10=_rms(_without_offset(error, names, inner)),
    )


def _r2(measured: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    if measured.size < 2 or np.ptp(measured) == 0:
        return float("nan")
    spread = np.sum((measured - measured.mean()) ** 2)
    return float(1.0 - np.sum((measured - predicted) ** 2) / spread)


def _rms(error: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(error**2))) if error.size else float("nan")


def _without_offset(
    error: NDArray[np.float64], names: pd.Series, good: NDArray[np.bool_]
) -> NDArray[np.float64]:
    kept = pd.Series(error[good])
    return (kept - kept.groupby(names[good].to_numpy()).transform("mean")).to_numpy(float)
