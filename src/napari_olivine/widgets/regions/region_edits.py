"""Polygons of the region of study while a person edits them, with undo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from typing_extensions import override

from napari_olivine.history import EditedTable
from napari_olivine.polygons import Polygon, with_own_names
from napari_olivine.regions import DIGITS, polygons_of, table_of
from napari_olivine.section import REGION_COLUMNS
from napari_olivine.widgets.editing import Corners

if TYPE_CHECKING:
    import pandas as pd

Ring = tuple[str, int]
"""Name of a polygon, and number of its ring: 0 the outline, 1 and more the holes."""

USE_WORDS = {"keep": "keep", "leave_out": "leave out"}


class RegionEdits(EditedTable):
    """Polygons that a person edits; wrong ones may stand here, and are described.

    The table is the annotation ``regions``, a row a corner.
    """

    target_kind = "region"

    @override
    @staticmethod
    def ordered(table: pd.DataFrame) -> pd.DataFrame:
        table = table[[*REGION_COLUMNS]].reset_index(drop=True)
        kinds = {"region": str, "use": str, "ring": int, "x_um": float, "y_um": float}
        return table.astype(kinds).round({"x_um": DIGITS, "y_um": DIGITS})

    @property
    def names(self) -> list[str]:
        """Names of the polygons."""
        return [str(name) for name in self.table["region"].unique()]

    @property
    def rings(self) -> list[Ring]:
        """Outlines and holes of all polygons."""
        found = self.table[["region", "ring"]].drop_duplicates()
        return [(str(name), int(ring)) for name, ring in found.to_numpy()]

    def corners(self, ring: Ring) -> Corners:
        """Return the corners of an outline or hole."""
        mine = self._mine(ring)
        return self.table.loc[mine, ["x_um", "y_um"]].to_numpy(float)

    def polygons(self, pixel_size_um: float) -> list[Polygon]:
        """Return the polygons in pixels, their use as their classification."""
        return polygons_of(self.table, pixel_size_um)

    def add(self, use: str, corners: Corners) -> str:
        """Add a polygon, and return its name."""
        import pandas as pd

        there, number = set(self.names), 1
        while f"{USE_WORDS[use]} {number}" in there:
            number += 1
        name = f"{USE_WORDS[use]} {number}"
        rows = _rows(name, use, 0, corners)
        table = pd.concat([self.table, rows], ignore_index=True) if len(self.table) else rows
        self.edit(table, f"region {name!r} drawn", "", name)
        return name

    def take(self, polygons: Sequence[Polygon], pixel_size_um: float, origin: str) -> None:
        """Add polygons that were drawn elsewhere; one whose name is taken gets a number.

        Parameters
        ----------
        polygons
            The polygons, in pixels, their use as their classification.
        pixel_size_um
            Side of a pixel, um.
        origin
            Where they come from, for the history.
        """
        import pandas as pd

        all_of_them = with_own_names([*self.polygons(pixel_size_um), *polygons], "region")
        new = all_of_them[-len(polygons) :]
        rows = table_of(new, pixel_size_um)
        table = pd.concat([self.table, rows], ignore_index=True) if len(self.table) else rows
        words = f"{len(new)} regions" if len(new) > 1 else f"region {new[0].name!r}"
        self.edit(table, f"{words} of {origin} loaded", "", new[-1].name)

    def move(self, moved: Mapping[Ring, Corners]) -> None:
        """Give outlines and holes other corners."""
        import pandas as pd

        parts = [
            _rows(ring[0], self._use(ring), ring[1], moved.get(ring, self.corners(ring)))
            for ring in self.rings
        ]
        names = list(dict.fromkeys(name for name, _ in moved))
        self.edit(pd.concat(parts), f"region {_quoted(names)} changed", names[0], names[0])

    def remove(self, rings: Sequence[Ring]) -> None:
        """Take holes away; without its outline a polygon is gone."""
        whole = {name for name, ring in rings if ring == 0}
        gone = self.table["region"].isin(whole)
        for ring in rings:
            gone |= self._mine(ring)
        names = list(dict.fromkeys(name for name, _ in rings))
        left = names[0] if names[0] not in whole else ""
        self.edit(self.table[~gone], f"region {_quoted(names)} removed", names[0], left)

    def _mine(self, ring: Ring) -> pd.Series:
        return (self.table["region"] == ring[0]) & (self.table["ring"] == ring[1])

    def _use(self, ring: Ring) -> str:
        return str(self.table.loc[self._mine(ring), "use"].iloc[0])


def _rows(name: str, use: str, ring: int, corners: Corners) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({
        "region": name, "use": use, "ring": ring, "x_um": corners[:, 0], "y_um": corners[:, 1],
    })  # fmt: skip


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
