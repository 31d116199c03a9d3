"""TiePoints of the same material in several sessions.

All sources tie sessions together in one form: a material was seen in a session with a grey and a
standard error. The material may be a standard, a phase, or a piece of rock beside a seam or in an
overlap. `napari_olivine.levelling.scales` finds the scales that reconcile them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class TiePoints:
    """Materials seen in sessions.

    Parameters
    ----------
    session, material, tile
        Numbers, shape (n,); tile -1 where a tie point belongs to none.
    grey, error
        Grey as measured (backgrounds of tiles taken off) and its standard error, shape (n,).
    varies
        Standard deviation by which the material itself differs between sessions, shape (n,).
    """

    session: Ints
    material: Ints
    tile: Ints
    grey: Floats
    error: Floats
    varies: Floats

    @classmethod
    def of_rows(cls, rows: list[tuple[int, int, int, float, float]]) -> TiePoints:
        """Make tie points of (session, material, tile, grey, error); the materials are constant."""
        return cls.of_varying([(*row, 0.0) for row in rows])

    @classmethod
    def of_varying(cls, rows: list[tuple[int, int, int, float, float, float]]) -> TiePoints:
        """Make tie points of (session, material, tile, grey, error, varies)."""
        table = np.array(rows, float).reshape(-1, 6)
        session, material, tile = table[:, :3].astype(np.int64).T
        return cls(session, material, tile, *table[:, 3:].T)

    @classmethod
    def joined(cls, parts: list[TiePoints]) -> TiePoints:
        """Put several sources together; their materials stay apart."""
        shifted, first = [cls.of_rows([])], 0
        for part in parts:
            shifted.append(replace(part, material=part.material + first))
            first += int(part.material.max(initial=-1)) + 1
        columns = zip(*(vars(part).values() for part in shifted), strict=True)
        return cls(*(np.concatenate(column) for column in columns))

    def __len__(self) -> int:
        return self.session.size

    def where(self, chosen: NDArray[np.bool_]) -> TiePoints:
        """Keep some of the tie points."""
        return TiePoints(*(column[chosen] for column in vars(self).values()))

    def shared(self) -> TiePoints:
        """Keep the tie points of materials that two sessions or more have in common."""
        if not len(self):
            return self
        pairs = np.unique(np.stack([self.material, self.session]), axis=1)
        seen = np.bincount(pairs[0], minlength=int(self.material.max()) + 1)
        return self.where(seen[self.material] >= 2)

    def groups(self, sessions: int) -> Ints:
        """Which sessions are tied together: the same number for sessions of one group."""
        group = np.arange(sessions)
        pairs = np.unique(np.stack([self.material, self.session]), axis=1)
        changed = True
        while changed and pairs.size:
            lowest = np.full(int(pairs[0].max()) + 1, sessions)
            np.minimum.at(lowest, pairs[0], group[pairs[1]])
            before = group.copy()
            np.minimum.at(group, pairs[1], lowest[pairs[0]])
            changed = bool((group != before).any())
        return group
