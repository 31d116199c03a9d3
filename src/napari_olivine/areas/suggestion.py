"""What is suggested: areas with their roles and reasons, as a table and as sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_olivine.section import WITHIN, Section, write_atomically

if TYPE_CHECKING:
    import pandas as pd

BOUNDS = ("row0", "row1", "col0", "col1")


@dataclass(frozen=True)
class Area:
    """A rectangle that is suggested.

    Parameters
    ----------
    name
        Name of the session that it becomes.
    role
        ``"train"`` or ``"val"``.
    row0, row1, col0, col1
        Pixels of the section, half open.
    within
        Session that it lies in, empty for none.
    place
        Which tile or square it is.
    why
        What it shows, in words.
    """

    name: str
    role: str
    row0: int
    row1: int
    col0: int
    col1: int
    within: str
    place: str
    why: str

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """row0, row1, col0, col1."""
        return self.row0, self.row1, self.col0, self.col1


@dataclass(frozen=True)
class Suggestion:
    """All areas, and what they show together.

    Parameters
    ----------
    areas
        The areas in the order of choice.
    looked_at
        Sessions that were looked at.
    words
        What they are and show, sentences.
    """

    areas: Sequence[Area]
    looked_at: Sequence[str]
    words: Sequence[str]


def sessions_with_areas(
    table: pd.DataFrame, areas: Sequence[Area], looked_at: Sequence[str]
) -> pd.DataFrame:
    """Return the sessions of a section once areas have become sessions.

    Parameters
    ----------
    table
        The annotation ``sessions``.
    areas
        Areas, none of which touches a session for test.
    looked_at
        Sessions that were looked at: they get the role none, and areas of an earlier time within
        them are left out, unless these are for test.

    Returns
    -------
    pandas.DataFrame
        Sessions, then areas, with the column ``within``.
    """
    import pandas as pd

    table = table.copy()
    if WITHIN not in table:
        table[WITHIN] = ""
    table[WITHIN] = table[WITHIN].fillna("").astype(str)
    if "role" not in table:
        table["role"] = "none"
    kept = table["role"] == "test"
    table = table[kept | ~table[WITHIN].isin([*looked_at])]
    table.loc[table["session"].isin([*looked_at]) & (table["role"] != "test"), "role"] = "none"
    taken = {str(name) for name in table["session"]}
    rows = []
    for one in areas:
        name = one.name
        while name in taken:
            name += "a"
        taken.add(name)
        rows.append({
            "session": name, **dict(zip(BOUNDS, one.bounds, strict=True)), "role": one.role,
            WITHIN: one.within,
        })  # fmt: skip
    new = pd.DataFrame(rows, columns=["session", *BOUNDS, "role", WITHIN])
    return pd.concat([table, new], ignore_index=True) if rows else table


def areas_table(section: Section, areas: Sequence[Area]) -> pd.DataFrame:
    """Return areas as a table, a row an area, places in px and in um from the top left corner.

    Parameters
    ----------
    section
        Their section.
    areas
        The areas.
    """
    import pandas as pd

    size = section.pixel_size_um
    return pd.DataFrame(
        [
            {
                "area": one.name, "role": one.role, **dict(zip(BOUNDS, one.bounds, strict=True)),
                "x0_um": one.col0 * size, "x1_um": one.col1 * size,
                "y0_um": one.row0 * size, "y1_um": one.row1 * size,
                "within": one.within, "place": one.place, "why": one.why,
            }
            for one in areas
        ]
    ).round(3)  # fmt: skip


def write_areas(section: Section, areas: Sequence[Area], file: Path) -> None:
    """Write areas to a CSV file, whole or not at all; see `areas_table`.

    Parameters
    ----------
    section
        Their section.
    areas
        The areas.
    file
        The file.
    """
    write_atomically(file, areas_table(section, areas).to_csv(index=False))
