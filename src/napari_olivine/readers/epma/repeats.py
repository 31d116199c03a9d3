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
from napari_olivine.readers.epma.profiles import Profile, joined
from napari_olivine.readers.epma.verdicts import LeftOut

SAME_WT = 0.011
"""Oxides that differ by no more are the same, wt%: a sheet may be rounded to two decimals, or hold
elements so rounded, of which oxides are up to 2.1 times as much."""

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
        return joined(self.profiles)


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
    kept, twice, unreviewed = [], 0, 0
    for profile, again in zip(sheet.profiles, parts, strict=True):
        twice += int(again.sum())
        if again.all() and again.size:
            continue
        if again.any() and is_reviewed(winner.sheet):
            why = f"sheet {winner.sheet!r} has no such analysis"
            profile.left_out += [LeftOut(int(row), why) for row in profile.rows[~again]]
            unreviewed += int((~again).sum())
            again = np.ones(len(again), bool)
        profile.analyses = profile.analyses[~again].reset_index(drop=True)
        profile.rows = profile.rows[~again]
        kept.append(profile)
    sheet.profiles = kept
    others = sum(len(profile.rows) for profile in kept)
    said = f"{file.name}: sheet {sheet.sheet!r} holds the analyses of sheet {winner.sheet!r} again"
    if not kept:
        said += " and is left out"
    else:
        said += f" ({twice}); they are taken from {winner.sheet!r}"
        said += f", and {unreviewed} that it lacks are left out" if unreviewed else ""
        said += f"; the other {others} of {sheet.sheet!r} are used" if others else ""
    sheet.said = [said, *(sheet.said if others else ())]
