"""Standards: materials whose grey was noted in each session (Faraday cup, Fe metal, MAN)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from napari_olivine.errors import InputError
from napari_olivine.levelling.sampling import clipping
from napari_olivine.levelling.settings import LevelSettings
from napari_olivine.levelling.tie_points import TiePoints
from napari_olivine.section import Section

NAME = "standards"
"""Table of standards among the annotations."""


def read_standards(section: Section, settings: LevelSettings) -> pd.DataFrame:
    """Gather the standards of the table and of the settings.

    Returns
    -------
    DataFrame
        Columns standard, session, grey, error (NaN where it is not known); the settings count
        where both name a standard.

    Raises
    ------
    InputError
        If a column is missing, a session does not exist, or a grey is no number or clipped.
    """
    columns = ["standard", "session", "grey", "error"]
    table = _of_file(section)
    given = [
        {"standard": name, "session": session, "grey": float(grey), "error": np.nan}
        for name, greys in settings.standards.items()
        for session, grey in greys.items()
    ]
    if given:
        of_settings = pd.DataFrame(given)
        kept = table[~table["standard"].isin(of_settings["standard"])]
        table = pd.concat([kept, of_settings]) if len(kept) else of_settings
    known = {session.session for session in section.measured_sessions()}
    # A spreadsheet writes session 1 as 1.0.
    whole = table["session"].astype(str).str.removesuffix(".0")
    table["session"] = whole.where(whole.isin(known), table["session"].astype(str))
    if unknown := sorted(set(table["session"].astype(str)) - known):
        raise InputError(
            f"Standards name the session {', '.join(unknown)}, which {section.path} does not have; "
            f"it has {', '.join(sorted(known))}.",
            setting="standards",
        )
    if (table["error"] <= 0).any():
        raise InputError("The error of a standard's grey must be more than 0.", setting="standards")
    black, white = clipping(section.raster("images", "BSE").dtype)
    clipped = table[(table["grey"] <= black) | (table["grey"] >= white)]
    for row in clipped.to_dict("records"):
        raise InputError(
            f"The grey {row['grey']:g} of the standard {row['standard']} in session "
            f"{row['session']} is clipped: the image has {black:g} to {white:g}.",
            remedy="Leave it out.",
            setting="standards",
        )
    return table[columns].reset_index(drop=True)


def _of_file(section: Section) -> pd.DataFrame:
    file = section.path / "annotations" / f"{NAME}.csv"
    if not file.exists():
        return pd.DataFrame(columns=["standard", "session", "grey", "error"])
    table = section.annotation(NAME)
    table = table.rename(columns={name: str(name).strip().lower() for name in table})
    if missing := sorted({"standard", "session", "grey"} - set(table)):
        raise InputError(f"{file} lacks the column {', '.join(missing)}.", file=file)
    for column in ("standard", "session"):
        if bad := table.index[table[column].isna()].tolist():
            raise InputError(
                f"{file}, row {bad[0] + 2}: the {column} has no name.", file=file, row=bad[0] + 2
            )
        table[column] = table[column].astype(str)
    if "error" not in table:
        table["error"] = np.nan
    for column in ("grey", "error"):
        number = pd.to_numeric(table[column], errors="coerce")
        wrong = ~np.isfinite(number) & (table[column].notna() | (column == "grey"))
        if bad := table.index[wrong].tolist():
            raise InputError(
                f"{file}, row {bad[0] + 2}: the {column} is no number.", file=file, row=bad[0] + 2
            )
        table[column] = number
    return table


def standard_tie_points(table: pd.DataFrame, sessions: list[str], error: float) -> TiePoints:
    """Standards as tie points; a standard that was measured twice in a session counts twice.

    Parameters
    ----------
    table
        As of `read_standards`.
    sessions
        Names of the sessions.
    error
        Standard error where the table gives none, grey.

    Returns
    -------
    TiePoints
        Of no tile.
    """
    table = table.assign(error=table["error"].astype(float).fillna(error))
    names = {name: place for place, name in enumerate(sorted(set(table["standard"])))}
    places = {name: place for place, name in enumerate(sessions)}
    return TiePoints.of_rows(
        [
            (places[str(row["session"])], names[row["standard"]], -1, row["grey"], row["error"])
            for row in table.to_dict("records")
        ]
    )
