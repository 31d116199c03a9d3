"""The shape of a crystal as it was when a person edited it, and where it is now."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from napari_olivine.errors import InputError
from napari_olivine.section import Raster

SIDE_PX = 256
"""Longest side of a shape that serves to find a crystal again; larger ones are kept reduced."""

SAME = 0.5
"""Share of the union of two shapes in common from which on they are the same crystal (our choice:
from here on a shape matches one crystal at most)."""


class Shape(BaseModel):
    """Pixels of a crystal in its box, small enough for a line of text.

    Parameters
    ----------
    id
        Number of the crystal at that time, 0 for none.
    row0, col0
        First row and column of the box, px of its level.
    rows, columns
        Size of the box, px of its level.
    level
        Level of the pyramid.
    bits
        The pixels: packed to bits, compressed (zlib), base64.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: int = 0
    row0: int = Field(ge=0)
    col0: int = Field(ge=0)
    rows: int = Field(gt=0, le=1 << 16)
    columns: int = Field(gt=0, le=1 << 16)
    level: int = Field(default=0, ge=0, le=32)
    bits: str

    @classmethod
    def of_mask(
        cls, mask: NDArray[np.bool_], row0: int, col0: int, level: int = 0, crystal: int = 0
    ) -> Shape:
        """Keep the pixels of a mask.

        Parameters
        ----------
        mask
            Pixels of the crystal, shape (rows, columns).
        row0, col0
            Its first row and column, px of its level.
        level
            Level of the pyramid.
        crystal
            Number of the crystal, 0 for none.
        """
        bits = base64.b64encode(zlib.compress(np.packbits(mask).tobytes(), 6)).decode()
        return cls(
            id=crystal, row0=row0, col0=col0, rows=mask.shape[0], columns=mask.shape[1],
            level=level, bits=bits,
        )  # fmt: skip

    @classmethod
    def of_crystal(cls, labels: Raster, crystal: int, box: NDArray[np.int64]) -> Shape:
        """Keep the pixels of a crystal.

        Parameters
        ----------
        labels
            Ids of the crystals.
        crystal
            Its number.
        box
            row0, row1, col0, col1, px of full resolution.
        """
        level = 0
        longest = max(box[1] - box[0], box[3] - box[2])
        while longest >> level > SIDE_PX and level + 1 < len(labels.levels):
            level += 1
        step = 1 << level
        rows = slice(int(box[0]) // step, -(-int(box[1]) // step))
        columns = slice(int(box[2]) // step, -(-int(box[3]) // step))
        mask = labels.read(rows, columns, level) == crystal
        return cls.of_mask(mask, rows.start, columns.start, level, crystal)

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The pixels, shape (rows, columns).

        Raises
        ------
        InputError
            If they do not fill the box.
        """
        wanted = self.rows * self.columns
        try:
            unpack = zlib.decompressobj()
            packed = unpack.decompress(base64.b64decode(self.bits), -(-wanted // 8) + 1)
        except (ValueError, zlib.error) as error:
            raise InputError(f"The shape of crystal {self.id} is damaged ({error}).") from error
        bits = np.unpackbits(np.frombuffer(packed, np.uint8))
        if not wanted <= bits.size < wanted + 8:
            raise InputError(f"The shape of crystal {self.id} does not fill its box.")
        return bits[:wanted].reshape(self.rows, self.columns).astype(bool)

    def find(self, labels: Raster, table: pd.DataFrame) -> int:
        """Find the crystal that has this shape now.

        Parameters
        ----------
        labels
            Ids of the crystals as they are now.
        table
            Columns ``id`` and ``area_px``, with ``id`` as index.

        Returns
        -------
        int
            Its id, 0 if none shares at least :data:`SAME` of the union with it.
        """
        best, shared, drawn = self._most(labels)
        if best not in table.index:
            return 0
        area = int(table["area_px"].to_numpy()[table.index.get_loc(best)]) / 4**self.level
        return best if shared >= SAME * (drawn + area - shared) else 0

    def lies_in(self, labels: Raster) -> int:
        """Return the crystal that more than half of the shape's pixels belong to, 0 for none."""
        best, shared, drawn = self._most(labels)
        return best if shared > drawn / 2 else 0

    def _most(self, labels: Raster) -> tuple[int, int, int]:
        """Crystal that has most of the pixels, how many it has, and how many there are."""
        mask = self.mask
        if self.level >= len(labels.levels):
            return 0, 0, int(mask.sum())
        window = labels.read(
            slice(self.row0, self.row0 + self.rows), slice(self.col0, self.col0 + self.columns),
            self.level,
        )  # fmt: skip
        under = window[mask[: window.shape[0], : window.shape[1]]]
        ids, counts = np.unique(under[under > 0], return_counts=True)
        if not len(ids):
            return 0, 0, int(mask.sum())
        return int(ids[counts.argmax()]), int(counts.max()), int(mask.sum())
