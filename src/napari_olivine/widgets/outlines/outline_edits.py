"""Outlines of crystals while a person edits them, with undo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from typing_extensions import override

from napari_olivine.errors import EditError
from napari_olivine.history import EditedTable, History
from napari_olivine.section import OUTLINE_COLUMNS
from napari_olivine.widgets.editing import Corners

DIGITS = 3
"""Decimals of a coordinate in um."""


class OutlineEdits(EditedTable):
    """Outlines that a person edits; wrong ones may stand here, and are described.

    The table is the annotation ``outlines``, a row a corner.
    """

    target_kind = "outline"

    def __init__(self, table: pd.DataFrame, history: History | None = None) -> None:
        super().__init__(table, history)
        self._faults: dict[bytes, str] = {}

    @override
    @staticmethod
    def ordered(table: pd.DataFrame) -> pd.DataFrame:
        table = table[[*OUTLINE_COLUMNS]].reset_index(drop=True)
        table = table.astype({"outline": str, "x_um": float, "y_um": float})
        return table.round({"x_um": DIGITS, "y_um": DIGITS})

    @property
    def names(self) -> list[str]:
        """Names of the outlines."""
        return [str(name) for name in self.table["outline"].unique()]

    def corners(self, name: str) -> Corners:
        """Return the corners of an outline."""
        return self.table.loc[self.table["outline"] == name, ["x_um", "y_um"]].to_numpy(float)

    def faults(self, shape: tuple[int, int], pixel_size_um: float) -> dict[str, str]:
        """Say what is wrong with outlines, by their names.

        Parameters
        ----------
        shape
            Rows and columns of the section.
        pixel_size_um
            Side of a pixel, um.
        """
        from napari_olivine.calibration import polygons_of
        from napari_olivine.polygons import fault_of

        known, self._faults = self._faults, {}  # those that stand still are not looked at again
        found = {}
        for one in polygons_of(self.table, pixel_size_um):
            key = one.rings[0].tobytes()
            self._faults[key] = known[key] if key in known else fault_of(one, shape)
            found[one.name] = self._faults[key]
        return {name: fault for name, fault in found.items() if fault}

    def add(self, corners: Corners) -> str:
        """Add an outline, and return its name."""
        there, number = set(self.names), 1
        while f"crystal {number}" in there:
            number += 1
        name = f"crystal {number}"
        table = pd.concat([self.table, _rows(name, corners)], ignore_index=True)
        self.edit(table, f"outline of {name} drawn", "", name)
        return name

    def take(self, outlines: Sequence[tuple[str, Corners]], origin: str) -> list[str]:
        """Add outlines that were drawn elsewhere, and return their names here.

        Parameters
        ----------
        outlines
            Name and corners of each.
        origin
            Where they come from, for the history.

        Returns
        -------
        list of str
            Their names; one that is taken gets a number.
        """
        names: list[str] = []
        for name, _ in outlines:
            free, number = name, 1
            while free in {*self.names, *names}:
                number += 1
                free = f"{name} ({number})"
            names.append(free)
        rows = [_rows(name, corners) for name, (_, corners) in zip(names, outlines, strict=True)]
        words = (
            f"{len(names)} outlines of {origin} loaded"
            if len(names) > 1
            else (f"outline {names[0]} of {origin} loaded")
        )
        self.edit(pd.concat([self.table, *rows], ignore_index=True), words, "", names[-1])
        return names

    def rename(self, name: str, new: str) -> None:
        """Call an outline by another name.

        Raises
        ------
        EditError
            If the name is empty or another outline has it.
        """
        new = new.strip()
        if new == name:
            return
        if not new or new in self.names:
            why = f"Another outline is called {new}" if new else "An outline needs a name"
            raise EditError(f"{why}: {name} keeps its name.")
        table = self.table.assign(outline=self.table["outline"].replace(name, new))
        self.edit(table, f"outline {name} called {new}", name, new)

    def move(self, moved: Mapping[str, Corners]) -> None:
        """Give outlines other corners."""
        parts = [_rows(name, moved.get(name, self.corners(name))) for name in self.names]
        first = next(iter(moved))
        self.edit(pd.concat(parts), f"outline of {', '.join(moved)} changed", first, first)

    def remove(self, names: Sequence[str]) -> None:
        """Take outlines away."""
        left = self.table[~self.table["outline"].isin(names)]
        self.edit(left, f"outline of {', '.join(names)} deleted", names[0], "")


def _rows(name: str, corners: Corners) -> pd.DataFrame:
    return pd.DataFrame({"outline": name, "x_um": corners[:, 0], "y_um": corners[:, 1]})
