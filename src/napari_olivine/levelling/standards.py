"""Standards: materials whose grey was noted in each session (Faraday cup, Fe metal, MAN)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from napari_olivine.errors import InputError
from napari_olivine.levelling.settings import LevelSettings
from napari_olivine.levelling.sightings import Sightings
from napari_olivine.section import Section

NAME = "standards"
"""Table of standards among the annotations."""


def read_standards(section: Section, settings: LevelSettings) -> pd.DataFrame:
    """Gather the standards of the table and of the settings.

    Returns
    -------
    DataFrame
        Columns standard, session, grey, error; the settings count where both name a standard.

    Raises
    ------
    InputError
        If a column is missing, a session does not exist or a grey is no number.
    """
    file = section.path / "annotations" / f"{NAME}.csv"
    columns = ["standard", "session", "grey", "error"]
    table = pd.DataFrame(columns=columns)
    if file.exists():
        table = section.annotation(NAME)
        if missing := sorted({"standard", "session", "grey"} - set(table)):
            raise InputError(f"{file} lacks the column {', '.join(missing)}.")
        table["standard"] = table["standard"].astype(str)
        if "error" not in table:
            table["error"] = np.nan
        for column in ("grey", "error"):
            table[column] = pd.to_numeric(table[column], errors="coerce")
        if bad := table.index[~np.isfinite(table["grey"])].tolist():
            raise InputError(f"{file}, row {bad[0] + 2}: the grey is no number.")
    given = [
        {"standard": name, "session": session, "grey": float(grey), "error": np.nan}
        for name, greys in settings.standards.items()
        for session, grey in greys.items()
    ]
    if given:
        of_settings = pd.DataFrame(given)
        kept = table[~table["standard"].isin(of_settings["standard"])]
        table = pd.concat([kept, of_settings]) if len(kept) else of_settings
    known = {session.session for session in section.sessions()}
    if unknown := sorted(set(table["session"].astype(str)) - known):
        raise InputError(
            f"Standards name the session {', '.join(unknown)}, which {section.path} does not have; "
            f"it has {', '.join(sorted(known))}."
        )
    table = table.assign(error=table["error"].fillna(settings.standard_error_grey))
    if (table["error"] <= 0).any():
        raise InputError("The error of a standard's grey must be more than 0.")
    return table[columns].reset_index(drop=True)


def standard_sightings(table: pd.DataFrame, sessions: list[str]) -> Sightings:
    """Standards as sightings; a standard that was measured twice in a session counts twice."""
    names = {name: place for place, name in enumerate(sorted(set(table["standard"])))}
    places = {name: place for place, name in enumerate(sessions)}
    return Sightings.of_rows(
        [
            (places[str(row["session"])], names[row["standard"]], -1, row["grey"], row["error"])
            for row in table.to_dict("records")
        ]
    )
