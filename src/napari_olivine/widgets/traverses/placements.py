"""Placements of EPMA profiles while a person edits them, with undo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from psygnal import Signal

COLUMNS = ["profile", "kind", "x0_um", "y0_um", "x1_um", "y1_um", "use"]
ENDS = ["x0_um", "y0_um", "x1_um", "y1_um"]
USES = ("calibrate", "test", "ignore")

Line = tuple[float, float, float, float]
"""x0, y0, x1, y1 in um; the first end is where the first analysis is."""


class Traverses:
    """Where the EPMA profiles lie and what each is used for.

    Parameters
    ----------
    table
        The annotation ``placements``; a profile that lies nowhere yet has empty ends.
    """

    changed = Signal()
    """After every edit, undo and redo."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = _ordered(table)
        self._past: list[pd.DataFrame] = []
        self._future: list[pd.DataFrame] = []

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

    def same_as(self, table: pd.DataFrame) -> bool:
        """Tell whether another table says the same."""
        other = _ordered(table)
        words = ["profile", "kind", "use"]
        return (
            len(other) == len(self.table)
            and bool((other[words].to_numpy() == self.table[words].to_numpy()).all())
            and np.allclose(other[ENDS], self.table[ENDS], atol=5e-3, equal_nan=True)
        )

    # ------------------------------------------------------------------ editing

    def place(self, lines: Mapping[str, Line]) -> None:
        """Lay profiles along lines; one that was not placed before is used to calibrate."""
        table = self.table.copy()
        for profile, line in lines.items():
            row = self._row(profile)
            first_time = table.loc[row, ENDS].isna().any()
            table.loc[row, ENDS] = np.round(line, 2)
            table.loc[row, "kind"] = "line"
            if first_time:
                table.loc[row, "use"] = "calibrate"
        self._do(table)

    def remove(self, profile: str) -> None:
        """Take a profile off the section."""
        table = self.table.copy()
        table.loc[self._row(profile), ENDS] = np.nan
        table.loc[self._row(profile), "use"] = "ignore"
        self._do(table)

    def set_use(self, profile: str, use: str) -> None:
        """Set what a profile is used for, one of :data:`USES`."""
        table = self.table.copy()
        table.loc[self._row(profile), "use"] = use
        self._do(table)

    def flip(self, profile: str) -> None:
        """Swap the ends of a profile: it was measured the other way."""
        line = self.line(profile)
        if line is not None:
            self.place({profile: (line[2], line[3], line[0], line[1])})

    def assign(self, profile: str, other: str) -> None:
        """Give a profile's line to another, which gives its own in exchange."""
        table = self.table.copy()
        here, there = self._row(profile), self._row(other)
        swapped = [*ENDS, "use"]
        table.loc[[here, there], swapped] = self.table.loc[[there, here], swapped].to_numpy()
        self._do(table)

    def undo(self) -> None:
        """Take back the last edit."""
        self._step(self._past, self._future)

    def redo(self) -> None:
        """Do again what was taken back."""
        self._step(self._future, self._past)

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to take back."""
        return bool(self._past)

    def _do(self, table: pd.DataFrame) -> None:
        self._past.append(self.table)
        self._future.clear()
        self.table = table
        self.changed.emit()

    def _step(self, source: list[pd.DataFrame], target: list[pd.DataFrame]) -> None:
        if source:
            target.append(self.table)
            self.table = source.pop()
            self.changed.emit()

    def _row(self, profile: str) -> int:
        return self.profiles.index(profile)


def with_all_profiles(placements: pd.DataFrame, analyses: pd.DataFrame) -> pd.DataFrame:
    """Add the EPMA profiles that nobody has placed yet, to be ignored until then."""
    there = set(placements["profile"].astype(str))
    new = [name for name in analyses["profile"].astype(str).unique() if name not in there]
    rows = [{"profile": n, "kind": "line", "use": "ignore"} for n in new]
    added = pd.DataFrame(rows, columns=COLUMNS)
    return pd.concat([placements, added], ignore_index=True) if new else placements


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    table = table[COLUMNS].reset_index(drop=True)
    return table.astype(dict.fromkeys(ENDS, float) | {"profile": str, "use": str, "kind": str})


def _line(row: Any) -> Line:
    x0, y0, x1, y1 = (float(row[name]) for name in ENDS)
    return x0, y0, x1, y1
