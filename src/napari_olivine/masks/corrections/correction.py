"""One correction: what a person painted, drew or filled, and what is there instead."""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_olivine.masks.corrections.named_phases import phase_key
from napari_olivine.polygons import Polygon

Label = Literal["olivine", "other", "rule"]
"""What a person says is there; ``rule`` takes earlier corrections away."""

NOTHING = 255
"""Code of pixels that are not corrected."""

CODES: dict[Label, int] = {"other": 0, "olivine": 1, "rule": NOTHING}
"""Code of each label in the image of the corrections."""

WORDS: dict[Label, str] = {
    "olivine": "olivine", "other": "not olivine", "rule": "as the rule has it",
}  # fmt: skip

DEEDS = {"brush": "painted", "polygon": "polygon", "fill": "piece filled", "file": "from a file"}

Places = tuple[tuple[float, float], ...]

Box = tuple[float, float, float, float]
"""First and last row, first and last column, px."""


class Correction(BaseModel):
    """A stroke of a brush, or a polygon with holes, with its label.

    Parameters
    ----------
    label
        What is there.
    phase
        Name of the phase, of a label ``other`` that says which one it is; else empty.
    tool
        How it was made.
    line
        Middle of the stroke (row, column), px; a single place is a disc.
    radius_px
        Half width of the stroke.
    rings
        Corners (row, column) of the outline, then of its holes, px.
    at, who
        Time and person.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: Label
    # Without a phase a line of the file is what it was before phases had names.
    phase: str = Field("", exclude_if=operator.not_)
    tool: Literal["brush", "polygon", "fill", "file"]
    line: Places = ()
    radius_px: float = Field(0.0, ge=0)
    rings: tuple[Places, ...] = ()
    at: str = ""
    who: str = ""

    @model_validator(mode="after")
    def _has_a_shape(self) -> Correction:
        if bool(self.line) == bool(self.rings):
            raise ValueError("a correction is a line or a polygon")
        if not np.isfinite([value for place in self._places() for value in place]).all():
            raise ValueError("a coordinate is no number")
        if self.phase and self.label != "other":
            raise ValueError("a phase is a phase other than olivine")
        return self

    def _places(self) -> Iterator[tuple[float, float]]:
        yield from self.line
        for ring in self.rings:
            yield from ring

    def code(self, codes: Mapping[str, int]) -> int:
        """Return the code of what it says.

        Parameters
        ----------
        codes
            Codes of phases by the keys of their names; a phase that is not there is not olivine.
        """
        return codes.get(phase_key(self.phase), CODES[self.label]) if codes else CODES[self.label]

    @property
    def says(self) -> str:
        """What is there, in words."""
        return self.phase or WORDS[self.label]

    @property
    def box(self) -> Box:
        """What it lies in; may reach beyond the section."""
        places = np.array([*self._places()])
        (row0, column0), (row1, column1) = places.min(axis=0), places.max(axis=0)
        r = self.radius_px
        return float(row0) - r, float(row1) + r, float(column0) - r, float(column1) + r

    @cached_property
    def digest(self) -> str:
        """Short hash of all that it is."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    def describe(self) -> str:
        """Tell it to a person in a few words."""
        return f"mask {DEEDS[self.tool]}: {self.says}"

    def tiles(self, side: int, shape: tuple[int, int]) -> set[tuple[int, int]]:
        """Return the tiles of a section in which it may have pixels, by their row and column.

        Parameters
        ----------
        side
            Side of a tile, px.
        shape
            Rows and columns of the section.
        """
        boxes = [self.box] if self.rings else [_box(*one, self.radius_px) for one in self._parts]
        found = set()
        for row0, row1, column0, column1 in boxes:
            rows, columns = (
                range(max(int(low) // side, 0), min(int(high) // side, (length - 1) // side) + 1)
                for low, high, length in ((row0, row1, shape[0]), (column0, column1, shape[1]))
            )
            found |= {(row, column) for row in rows for column in columns}
        return found

    def pixels(self, rows: slice, columns: slice) -> NDArray[np.bool_]:
        """Tell which pixels of a window it takes: those whose centres lie in it."""
        if self.rings:
            return self._polygon.pixels(rows, columns)
        inside = np.zeros((rows.stop - rows.start, columns.stop - columns.start), bool)
        for begin, end in self._parts:
            row0, row1, column0, column1 = _box(begin, end, self.radius_px)
            first = max(int(np.ceil(row0)), rows.start), max(int(np.ceil(column0)), columns.start)
            last = min(int(row1) + 1, rows.stop), min(int(column1) + 1, columns.stop)
            if first[0] >= last[0] or first[1] >= last[1]:
                continue
            down = np.arange(first[0], last[0])[:, None] - begin[0]
            along = np.arange(first[1], last[1])[None, :] - begin[1]
            off = end[0] - begin[0], end[1] - begin[1]
            length2 = off[0] ** 2 + off[1] ** 2
            if length2:
                part = np.clip((down * off[0] + along * off[1]) / length2, 0, 1)
                down, along = down - part * off[0], along - part * off[1]
            there = np.s_[
                first[0] - rows.start : last[0] - rows.start,
                first[1] - columns.start : last[1] - columns.start,
            ]
            inside[there] |= down**2 + along**2 <= self.radius_px**2
        return inside

    @cached_property
    def _polygon(self) -> Polygon:
        return Polygon("", tuple(np.array(ring, float) for ring in self.rings))

    @property
    def _parts(self) -> list[tuple[tuple[float, float], tuple[float, float]]]:
        ends = self.line[1:] or self.line
        return list(zip(self.line, ends, strict=False))


def _box(begin: tuple[float, float], end: tuple[float, float], radius: float) -> Box:
    (row0, row1), (column0, column1) = sorted((begin[0], end[0])), sorted((begin[1], end[1]))
    return row0 - radius, row1 + radius, column0 - radius, column1 + radius
