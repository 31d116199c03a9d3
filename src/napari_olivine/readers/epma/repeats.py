"""Sheets of a workbook that hold the same analyses: each analysis counts once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_olivine.readers.epma.column_headers import OXIDES
from napari_olivine.readers.epma.profiles import Profile

SAME_WT = 0.0051
"""Oxides that differ by no more are the same, wt%: a sheet may be rounded to two decimals."""

SAME_UM = 0.51
"""The same for distances and places, um."""

SHARED = 0.5
"""Sheets repeat each other if they share this part of the smaller one, and two analyses."""

_REVIEWED = re.compile(
    r"(?<![a-z])(?:re-?viewed|final|clean(?:ed)?|checked|selected|filtered|edited|corrected|approved|"
    r"accepted|good|bereinigt|geprüft|endgültig)(?![a-z])"
)
_NOT_REVIEWED = re.compile(r"(?<![a-z])(?:not|un|non|to be|nicht)[\s_-]*$")


@dataclass
class SheetProfiles:
    """The profiles of one sheet.

    Parameters
    ----------
    sheet
        Name of the sheet.
    profiles
        What it holds.
    columns
        What its columns became, a sentence.
    said
        What concerns the whole sheet, in sentences.
    """

    sheet: str
    profiles: list[Profile]
    columns: str = ""
    said: list[str] = field(default_factory=list)

    @property
    def analyses(self) -> pd.DataFrame:
        """Analyses of all profiles."""
        return pd.concat([p.analyses for p in self.profiles], ignore_index=True)


def is_reviewed(name: str) -> bool:
    """Tell whether the name of a sheet says that its analyses were looked through.

    Examples
    --------
    >>> is_reviewed("Reviewed"), is_reviewed("ol final (2)"), is_reviewed("not reviewed")
    (True, True, False)
    """
    lower = name.lower()
    found = _REVIEWED.search(lower)
    return found is not None and not _NOT_REVIEWED.search(lower[: found.start()])


def each_once(file: Path, sheets: Sequence[SheetProfiles]) -> None:
    """Take every analysis from one sheet only.

    A sheet whose name says that it was reviewed wins, and what it lacks of a profile stays out;
    else the longer sheet wins. The profiles are changed in place.

    Parameters
    ----------
    file
        For the messages.
    sheets
        The sheets of a workbook, in its order.
    """
    order = sorted(sheets, key=lambda s: (not is_reviewed(s.sheet), -len(s.analyses)))
    for k, sheet in enumerate(order):
        for winner in order[:k]:
            if winner.profiles and sheet.profiles:
                _take_away(file, sheet, winner)


def shared(one: pd.DataFrame, other: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which analyses stand in another table too.

    Parameters
    ----------
    one, other
        Analyses.

    Returns
    -------
    again
        Of each analysis of `one`; all False unless the tables repeat each other.
    """
    places = ("distance_um", "stage_x_um", "stage_y_um", "x_um", "y_um")
    names = [name for name in (*OXIDES, *places) if name in one and name in other]
    names = [n for n in names if one[n].notna().any() and other[n].notna().any()]
    if not len(one) or not len(other) or not {"MgO", "FeO"} <= set(names):
        return np.zeros(len(one), bool)
    # A traverse may begin at another place once its first point is rejected.
    tied = "stage_x_um" in names or "x_um" in names
    names = [name for name in names if name != "distance_um" or not tied]
    unit = np.array([SAME_UM if name in places else SAME_WT for name in names])
    tree = cKDTree(other[names].fillna(-1).to_numpy(float) / unit)
    near, _ = tree.query(one[names].fillna(-1).to_numpy(float) / unit, p=np.inf)
    again = near <= 1.0
    enough = max(2.0, SHARED * min(len(one), len(other)))
    return again if again.sum() >= enough else np.zeros(len(one), bool)


def _take_away(file: Path, sheet: SheetProfiles, winner: SheetProfiles) -> None:
    both = shared(sheet.analyses, winner.analyses)
    if not both.any():
        return
    parts = np.split(both, np.cumsum([len(p.analyses) for p in sheet.profiles])[:-1])
    kept, twice, lacking = [], 0, list[str]()
    for profile, part in zip(sheet.profiles, parts, strict=True):
        twice += int(part.sum())
        if part.any() and is_reviewed(winner.sheet):
            lacking += [str(row) for row in profile.rows[~part]]
            continue
        if not part.all() or not part.size:
            profile.analyses = profile.analyses[~part].reset_index(drop=True)
            profile.rows = profile.rows[~part]
            kept.append(profile)
    sheet.profiles = kept
    again = f"{file.name}: sheet {sheet.sheet!r} holds the analyses of sheet {winner.sheet!r} again"
    if not kept and not lacking:
        said = f"{again} and is left out"
    else:
        said = f"{again} ({twice}); they are taken from {winner.sheet!r}"
    if lacking:
        said += (
            f"; row {', '.join(lacking[:8])}{', ...' if len(lacking) > 8 else ''} of "
            f"{sheet.sheet!r} is left out, for {winner.sheet!r} has no such analysis"
        )
    if kept:
        said += f"; its other analyses are used ({', '.join(p.name for p in kept[:5])})"
    sheet.said = [said, *(sheet.said if kept else ())]
