"""Element maps that show a part of the section, each in a grid of its own: where they lie.

A map of a site is seldom measured on the grid of the BSE mosaic: its pixels are coarser, it begins
anywhere, and after the sample was mounted anew it is turned by some degrees.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_olivine.section.tables import read_table, write_table

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

FIELDS = "fields.parquet"
"""File of the product ``images`` that lists the fields."""

MATRIX = ("row_row", "row_col", "row_0", "col_row", "col_col", "col_0")
"""Columns of the table that hold a `SubmapPlace`, row by row."""

SUBMAP_COLUMNS = ("field", "signals", "rows", "columns", *MATRIX)
"""Columns that every table of fields has."""


@dataclass(frozen=True)
class SubmapPlace:
    """Place of a field: section pixel = matrix @ (field row, field column, 1).

    Parameters
    ----------
    matrix
        Shape (2, 3); pixels are counted from their centres, as everywhere.
    """

    matrix: Floats

    @classmethod
    def of(
        cls, scale: float, angle_deg: float, centre: Floats, shape: tuple[int, int]
    ) -> SubmapPlace:
        """Place a field by its centre.

        Parameters
        ----------
        scale
            Pixels of the section in a pixel of the field.
        angle_deg
            Angle from the field's columns to the section's, from columns towards rows.
        centre
            Row and column of the section at the middle of the field.
        shape
            Rows and columns of the field.
        """
        turn = np.deg2rad(angle_deg)
        sine, cosine = np.sin(turn), np.cos(turn)
        linear = scale * np.array([[cosine, sine], [-sine, cosine]])
        return cls.about(linear, centre, shape)

    @classmethod
    def about(cls, linear: Floats, centre: Floats, shape: tuple[int, int]) -> SubmapPlace:
        """Place a field by its centre and its linear map.

        Parameters
        ----------
        linear
            Section pixels a pixel of the field, shape (2, 2).
        centre
            Row and column of the section at the middle of the field.
        shape
            Rows and columns of the field.
        """
        middle = (np.array(shape, np.float64) - 1) / 2
        return cls(np.column_stack([linear, np.asarray(centre) - linear @ middle]))

    @property
    def linear(self) -> Floats:
        """Rows and columns of the section in a row and a column of the field, shape (2, 2)."""
        return self.matrix[:, :2]

    @property
    def scale(self) -> float:
        """Pixels of the section in a pixel of the field."""
        return float(np.sqrt(abs(np.linalg.det(self.linear))))

    @property
    def angle_deg(self) -> float:
        """Angle by which the field is turned against the section, -180 to 180."""
        across = self.linear[:, 1]
        return float(np.rad2deg(np.arctan2(across[0], across[1])))

    def to_section(self, points: Floats) -> Floats:
        """Turn rows and columns of the field, shape (n, 2), into those of the section."""
        return np.asarray(points @ self.linear.T + self.matrix[:, 2])

    def to_field(self, points: Floats) -> Floats:
        """Turn rows and columns of the section, shape (n, 2), into those of the field."""
        return np.asarray((points - self.matrix[:, 2]) @ np.linalg.inv(self.linear).T)

    def centre(self, shape: tuple[int, int]) -> Floats:
        """Row and column of the section at the middle of a field of this shape."""
        return np.asarray(self.to_section((np.array([shape], np.float64) - 1) / 2)[0])

    def of_blocks(self, times: int) -> SubmapPlace:
        """Return the place of the image that is coarser by a factor."""
        first = self.to_section(np.full((1, 2), (times - 1) / 2))[0]
        return SubmapPlace(np.column_stack([self.linear * times, first]))

    def of_parts(self, times: int) -> SubmapPlace:
        """Return the place of the image that is finer by a factor."""
        linear = self.linear / times
        return SubmapPlace(
            np.column_stack([linear, self.matrix[:, 2] - linear.sum(axis=1) * (times - 1) / 2])
        )

    def corners(self, shape: tuple[int, int]) -> Floats:
        """Outer corners of a field of this shape in the section, clockwise, shape (4, 2)."""
        rows, columns = shape
        ends = [(0, 0), (0, columns), (rows, columns), (rows, 0)]
        return self.to_section(np.array(ends, np.float64) - 0.5)

    def window(
        self, shape: tuple[int, int], rows: slice, columns: slice
    ) -> tuple[slice, slice] | None:
        """Return the part of a window of the section that the field may reach into.

        Parameters
        ----------
        shape
            Rows and columns of the field.
        rows, columns
            Window of the section.
        """
        corners = self.corners(shape)
        low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0)) + 1
        down = slice(max(int(low[0]), rows.start), min(int(high[0]), rows.stop))
        right = slice(max(int(low[1]), columns.start), min(int(high[1]), columns.stop))
        return None if down.stop <= down.start or right.stop <= right.start else (down, right)

    def pixels(self, rows: slice, columns: slice) -> tuple[Floats, Floats]:
        """Rows and columns of the field (fractions) under each pixel of a window."""
        inverse = np.linalg.inv(self.linear)
        down = np.arange(rows.start, rows.stop) - self.matrix[0, 2]
        right = np.arange(columns.start, columns.stop) - self.matrix[1, 2]
        of_field = [
            inverse[axis, 0] * down[:, None] + inverse[axis, 1] * right[None, :] for axis in (0, 1)
        ]
        return of_field[0], of_field[1]


@dataclass(frozen=True)
class Submaps:
    """The fields of a section.

    Parameters
    ----------
    table
        One row a field: field (name), signals (joined by commas), rows, columns (pixels of the
        field), and its place as the columns `MATRIX`; others may follow.
    """

    table: pd.DataFrame

    @classmethod
    def read(cls, images: Path) -> Submaps | None:
        """Read the fields of a product ``images``, `None` if it has none."""
        file = images / FIELDS
        return cls(read_table(file)) if file.exists() else None

    def write(self, images: Path) -> None:
        """Write the fields into a product ``images`` that is being made."""
        write_table(self.table, images / FIELDS)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def places(self) -> dict[str, SubmapPlace]:
        """Place of each field by its name."""
        matrices = self.table[list(MATRIX)].to_numpy(np.float64).reshape(-1, 2, 3)
        return {
            str(name): SubmapPlace(m) for name, m in zip(self.table["field"], matrices, strict=True)
        }

    def at_level(self, level: int) -> Submaps:
        """Return the same fields in a level of the section's pyramid."""
        coarse = 2**level
        table = self.table.copy()
        table[list(MATRIX)] = table[list(MATRIX)] / coarse
        # The first pixel of a level has its centre between those of the pixels that it holds.
        table[["row_0", "col_0"]] -= (coarse - 1) / 2 / coarse
        return Submaps(table)

    def covers(
        self, rows: slice, columns: slice, signals: Collection[str], inset_px: float = 0.0
    ) -> NDArray[np.bool_]:
        """Tell where all of some signals were measured, according to the fields.

        Parameters
        ----------
        rows, columns
            Window of the section.
        signals
            Signals; those of no field count as measured everywhere.
        inset_px
            Pixels of the section at the rim of a field that do not count.

        Returns
        -------
        ndarray, shape of the window
            True where every signal was measured.
        """
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        inside = np.ones(shape, bool)
        for signal in signals:
            covered = np.zeros(shape, bool)
            fields = list(self._with(signal))
            for place, size in fields:
                window = place.window(size, rows, columns)
                if window is None:
                    continue
                rim = inset_px / place.scale - 0.5
                down, right = place.pixels(*window)
                within = (down >= rim) & (down < size[0] - 1 - rim)
                within &= (right >= rim) & (right < size[1] - 1 - rim)
                here = tuple(
                    slice(part.start - whole.start, part.stop - whole.start)
                    for part, whole in zip(window, (rows, columns), strict=True)
                )
                covered[here] |= within
            if fields:
                inside &= covered
        return inside

    def _with(self, signal: str) -> Iterator[tuple[SubmapPlace, tuple[int, int]]]:
        """Place, rows and columns of the fields that hold a signal."""
        for place, row in zip(self.places.values(), self.table.to_dict("records"), strict=True):
            if signal in row["signals"].split(","):
                yield place, (int(row["rows"]), int(row["columns"]))
