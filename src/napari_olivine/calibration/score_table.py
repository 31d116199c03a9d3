"""Table 4 of Leichter et al. (2022): agreement by profile, by session and of all together.

doi 10.3389/feart.2022.740638.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from napari_olivine.calibration.metrics import fit_scores

FILE = "scores.csv"
"""Name of the table in the product ``calibration``."""


def score_table(filtered: pd.DataFrame, raw: pd.DataFrame) -> pd.DataFrame:
    """Score every profile, every session and all points, with raw and with filtered grey.

    Profiles that calibrate and profiles that test are kept apart in sessions and in all.

    Parameters
    ----------
    filtered, raw
        Points in order along each profile, the same rows in both, with ``profile``, ``session``,
        ``use``, ``good``, ``mg_epma`` and ``mg_predicted``; predicted from filtered and from raw
        grey.

    Returns
    -------
    DataFrame
        Columns ``of`` (profile, session, all), ``name``, ``use``, ``grey`` (raw, filtered),
        ``points`` and the measures of :class:`~napari_olivine.calibration.metrics.FitScores`
        (mg#, fractions); NaN where too few points are left. The ten end points of RMSE10 are
        those of the whole profile, also where it crosses into another session.
    """
    lines: list[dict[str, Any]] = []
    for use in ("calibrate", "test"):
        mine = filtered["use"] == use
        names: dict[str, list[str]] = {
            "profile": list(dict.fromkeys(filtered.loc[mine, "profile"])),
            "session": sorted({name for name in filtered.loc[mine, "session"] if name}),
            "all": ["all"] if mine.any() else [],
        }
        for of, group in names.items():
            for name in group:
                chosen = mine if of == "all" else mine & (filtered[of] == name)
                for grey, table in (("raw", raw), ("filtered", filtered)):
                    scores = fit_scores(
                        table["mg_epma"],
                        table["mg_predicted"],
                        table["profile"],
                        table["good"] & chosen,
                    )
                    lines.append({"of": of, "name": name, "use": use, "grey": grey})
                    lines[-1].update(scores.as_dict())
    return pd.DataFrame(lines)
