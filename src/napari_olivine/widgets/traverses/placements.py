"""Placements of EPMA profiles while a person edits them, with undo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from typing_extensions import override

from napari_olivine.history import EditedTable
from napari_olivine.section import LEFT_OUT, points_of

COLUMNS = ["profile", "kind", "x0_um", "y0_um", "x1_um", "y1_um", "use", LEFT_OUT]
ENDS = ["x0_um", "y0_um", "x1_um", "y1_um"]
WORDS = ["profile", "kind", "use", LEFT_OUT]
USES = ("calibrate", "test", "ignore")

Line = tuple[float, float, float, float]
"""x0, y0, x1, y1 in um; the first end is where the first analysis is."""


class Traverses(EditedTable):
    """Where the EPMA profiles lie and what each is used for.

    The table is the annotation ``placements``; a profile that lies nowhere yet has empty ends.
    """

    target_kind = "traverse"

    @override
    @staticmethod
    def ordered(table: pd.DataFrame) -> pd.DataFrame:
        table = table.reindex(columns=COLUMNS, fill_value="").reset_index(drop=True)
        table[LEFT_OUT] = table[LEFT_OUT].astype(object).fillna("")
        return table.astype(
            dict.fromkeys(ENDS, float) | {"profile": str, "use": str, "kind": str, LEFT_OUT: str}
        )

    # ------------------------------------------------------------------ looking

    @property
    def profiles(self) -> list[str]:
        """Names of all profiles."""
        return [str(name) for name in self.table["profile"]]

    def lines(self) -> dict[str, Line]:
        """Lines of the profiles that are placed."""
        rows = self.table[(self.table["kind"] == "line") & self.table[ENDS].notna().all(axis=1)]
        return {str(row["profile"]): _line(row) for _, row in rows.iterrows()}

    def line(self, profile: str) -> Line | None:
        """Line of one profile, `None` if it is not placed."""
        return self.lines().get(profile)

    def use(self, profile: str) -> str:
        """Return what a profile is used for."""
        return str(self.table.loc[self._row(profile), "use"])

    def kind(self, profile: str) -> str:
        """``"line"`` or ``"spots"``."""
        return str(self.table.loc[self._row(profile), "kind"])

    def left_out(self, profile: str) -> set[int]:
        """Return the numbers of the analyses of a profile that are left out."""
        return points_of(self.table.loc[self._row(profile), LEFT_OUT])

    def to_store(self) -> pd.DataFrame:
        """Return the table as the annotation is stored: without what says nothing."""
        said = (self.table["kind"] == "spots") | self.table["x0_um"].notna()
        table = self.table[said | (self.table[LEFT_OUT] != "")]
        return table if (table[LEFT_OUT] != "").any() else table.drop(columns=LEFT_OUT)

    def same_as(self, table: pd.DataFrame) -> bool:
        """Tell whether another table says the same."""
        other = self.ordered(table)
        return (
            len(other) == len(self.table)
            and bool((other[WORDS].to_numpy() == self.table[WORDS].to_numpy()).all())
            and np.allclose(other[ENDS], self.table[ENDS], atol=5e-3, equal_nan=True)
        )

    # ------------------------------------------------------------------ editing

    def place(self, lines: Mapping[str, Line], done: str = "moved") -> None:
        """Lay profiles along lines; one that was not placed before is used to calibrate.

        Parameters
        ----------
        lines
            New line of each profile that moves.
        done
            What the history says of it.
        """
        table = self.table.copy()
        for profile, line in lines.items():
            row = self._row(profile)
            if table.loc[row, ENDS].isna().any():
                done = "placed"
                table.loc[row, "use"] = "calibrate"
            table.loc[row, ENDS] = np.round(line, 2)
            table.loc[row, "kind"] = "line"
        self._edit(table, *lines, done=done)

    def remove(self, profile: str) -> None:
        """Take a profile off the section."""
        table = self.table.copy()
        table.loc[self._row(profile), ENDS] = np.nan
        table.loc[self._row(profile), "use"] = "ignore"
        self._edit(table, profile, done="taken off")

    def set_use(self, profile: str, use: str) -> None:
        """Set what a profile is used for, one of :data:`USES`."""
        table = self.table.copy()
        table.loc[self._row(profile), "use"] = use
        self._edit(table, profile, done=f"set to {use}")

    def leave_out(self, profile: str, point: int) -> None:
        """Leave an analysis out of the calibration, or take one in again that was left out."""
        table, before = self.table.copy(), self.left_out(profile)
        after = before ^ {point}
        table.loc[self._row(profile), LEFT_OUT] = " ".join(map(str, sorted(after)))
        done = "left out" if point in after else "taken in again"
        self.edit(table, f"analysis {point} of {profile} {done}", profile, profile)

    def flip(self, profile: str) -> None:
        """Swap the ends of a profile: it was measured the other way."""
        line = self.line(profile)
        if line is not None:
            self.place({profile: (line[2], line[3], line[0], line[1])}, "flipped")

    def assign(self, profile: str, other: str) -> None:
        """Give a profile's line to another, which gives its own in exchange."""
        table = self.table.copy()
        here, there = self._row(profile), self._row(other)
        swapped = [*ENDS, "use"]
        table.loc[[here, there], swapped] = self.table.loc[[there, here], swapped].to_numpy()
        self.edit(table, f"line of {profile} given to {other}", profile, other)

    def _edit(self, table: pd.DataFrame, *profiles: str, done: str) -> None:
        noun = "traverses" if len(profiles) > 1 else "traverse"
        self.edit(table, f"{noun} {', '.join(profiles)} {done}", profiles[0], profiles[0])

    def _row(self, profile: str) -> int:
        return self.profiles.index(profile)


def with_all_profiles(placements: pd.DataFrame, analyses: pd.DataFrame) -> pd.DataFrame:
    """Add the EPMA profiles that nobody has placed yet, to be ignored until then."""
    there = set(placements["profile"].astype(str))
    new = [name for name in analyses["profile"].astype(str).unique() if name not in there]
    rows = [{"profile": n, "kind": "line", "use": "ignore"} for n in new]
    added = pd.DataFrame(rows, columns=COLUMNS)
    return pd.concat([placements, added], ignore_index=True) if new else placements


def _line(row: Any) -> Line:
    x0, y0, x1, y1 = (float(row[name]) for name in ENDS)
    return x0, y0, x1, y1
