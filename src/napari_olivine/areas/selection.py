"""The choice of areas: greedy, under two measures with diminishing returns.

What a set S of cells is worth is the weighted mean over the kinds k of crystals of
``log(1 + n_k(S)) / log(1 + n_k(all))``, with the crystals n_k in the set, and the mean over all
cells of their likeness to the cell of S that is most alike. Both are monotone and submodular: a
cell adds less to a larger set. The greedy choice is then worth at least 1 - 1/e of the best one
(Nemhauser, Wolsey and Fisher 1978, doi 10.1007/BF01588971); the second measure is that of facility
location.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TEXTURE = 0.25
"""Worth of all textures beside that of all kinds of crystals. Chosen on the phantoms 101 to 105:
with 0.5 and 1 fewer kinds of true crystals are shown by three to six tiles."""

HALF = 0.5
"""So much of a kind is enough where there are few of it: crystals are cut by the edges of cells."""

MOST_ALIKE = 1e-12
"""Gains closer than this are equal; the first cell is taken."""


@dataclass(frozen=True)
class Objective:
    """What sets of cells are worth.

    Parameters
    ----------
    counts
        Crystals of each kind in each cell, shape (cells, kinds); a crystal that is cut counts in
        each cell by the share of its area.
    likeness
        How far a cell stands for a part of the section, 0 to 1, shape (parts, cells).
    weights
        How much each part counts, shape (parts,).
    importance
        How much each kind counts, shape (kinds,); 1 in all, if there is a kind.
    """

    counts: Floats
    likeness: Floats
    weights: Floats
    importance: Floats

    @property
    def totals(self) -> Floats:
        """Crystals of each kind in all cells."""
        total: Floats = self.counts.sum(axis=0)
        return total

    def value(self, chosen: Sequence[int]) -> float:
        """Return what a set is worth."""
        start = Chosen.of(self)
        for cell in chosen:
            start.add(cell)
        return start.value

    def shown(self, chosen: Sequence[int], pieces: float) -> NDArray[np.bool_]:
        """Tell of which kinds a set shows so many crystals, or half of all that there are."""
        have = self.counts[list(chosen)].sum(axis=0)
        return np.asarray(have >= np.minimum(pieces, HALF * self.totals) - MOST_ALIKE)


@dataclass
class Chosen:
    """A set of cells that grows.

    Parameters
    ----------
    objective
        What it is worth.
    have
        Crystals of each kind in it.
    nearest
        Likeness of each part of the section to the most alike cell of the set.
    """

    objective: Objective
    have: Floats
    nearest: Floats
    cells: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, objective: Objective) -> Chosen:
        """Begin with no cell."""
        return cls(objective, np.zeros(objective.counts.shape[1]), np.zeros(len(objective.weights)))

    @property
    def value(self) -> float:
        """What the set is worth."""
        worth = np.log1p(self.have) / np.log1p(self.objective.totals)
        return float(worth @ self.objective.importance) + self._texture_share() * float(
            self.nearest @ self.objective.weights / max(self.objective.weights.sum(), 1e-9)
        )

    def gains(self) -> tuple[Floats, Floats]:
        """Return what each cell would add: by kinds (cells, kinds), and by texture (cells,)."""
        one = self.objective
        more = np.log1p(self.have + one.counts) - np.log1p(self.have)
        by_kind = more / np.log1p(one.totals) * one.importance
        nearer = np.maximum(one.likeness - self.nearest[:, None], 0)
        texture = one.weights @ nearer / max(one.weights.sum(), 1e-9)
        return by_kind, self._texture_share() * texture

    def add(self, cell: int) -> None:
        """Take a cell into the set."""
        self.have = self.have + self.objective.counts[cell]
        self.nearest = np.maximum(self.nearest, self.objective.likeness[:, cell])
        self.cells.append(cell)

    def best(self, free: NDArray[np.bool_]) -> int | None:
        """Return the cell that adds most among some, the first of equals; `None` without any."""
        if not free.any():
            return None
        by_kind, texture = self.gains()
        gain = np.where(free, by_kind.sum(axis=1) + texture, -np.inf)
        return int(np.flatnonzero(gain >= gain.max() - MOST_ALIKE)[0])

    def _texture_share(self) -> float:
        return TEXTURE if self.objective.counts.shape[1] else 1.0


@dataclass(frozen=True)
class Pick:
    """A chosen cell.

    Parameters
    ----------
    cell
        Its number.
    role
        What it is for.
    """

    cell: int
    role: Literal["train", "val"]


def select(objective: Objective, free: NDArray[np.bool_], train: int, val: int) -> list[Pick]:
    """Choose a number of cells for training and for validation.

    Validation takes its turn among the cells for training, so that it too shows what is rare; it
    leaves a cell alone that has the last crystal of a kind that training does not show yet.

    Parameters
    ----------
    objective
        What sets of cells are worth.
    free
        Cells that may be chosen, shape (cells,).
    train, val
        Numbers of cells; fewer are chosen where fewer are free.

    Returns
    -------
    list of Pick
        Disjoint, in the order of choice.
    """
    free = free.copy()
    sets = {"train": Chosen.of(objective), "val": Chosen.of(objective)}
    picks: list[Pick] = []
    while free.any() and (len(sets["train"].cells) < train or len(sets["val"].cells) < val):
        trained, validated = len(sets["train"].cells), len(sets["val"].cells)
        due = validated < val and (2 * validated + 1) * train <= 2 * trained * val
        role: Literal["train", "val"] = "val" if due or trained >= train else "train"
        allowed = free & ~_last_of_a_kind(sets["train"], free) if role == "val" else free
        cell = sets[role].best(allowed if allowed.any() else free)
        assert cell is not None
        sets[role].add(cell)
        free[cell] = False
        picks.append(Pick(cell, role))
    return picks


def smallest(
    objective: Objective, free: NDArray[np.bool_], pieces: float, validation: float
) -> list[Pick]:
    """Choose as few cells as show every kind of crystal, and then some for validation.

    Parameters
    ----------
    objective
        What sets of cells are worth.
    free
        Cells that may be chosen, shape (cells,).
    pieces
        So many crystals of a kind are enough, or half of all that can be chosen.
    validation
        Part of all chosen cells that validates, 0 to 0.5.

    Returns
    -------
    list of Pick
        Disjoint; validation last.
    """
    free = free.copy()
    there = replace(objective, counts=np.where(free[:, None], objective.counts, 0))
    train = Chosen.of(objective)
    while not there.shown(train.cells, pieces).all() or not train.cells:
        missing = ~there.shown(train.cells, pieces)
        helps = free & (objective.counts[:, missing].sum(axis=1) > 0)
        cell = train.best(helps if helps.any() else free)
        if cell is None:
            break
        train.add(cell)
        free[cell] = False
    kept = list(train.cells)
    for cell in reversed(train.cells[:-1]):
        rest = [one for one in kept if one != cell]
        if there.shown(rest, pieces).all():
            kept = rest
            free[cell] = True
    picks = [Pick(cell, "train") for cell in kept]
    val = Chosen.of(objective)
    wanted = max(1, round(len(kept) * validation / (1 - validation))) if validation else 0
    for _ in range(wanted):
        cell = val.best(free)
        if cell is None:
            break
        val.add(cell)
        free[cell] = False
        picks.append(Pick(cell, "val"))
    return picks


def _last_of_a_kind(train: Chosen, free: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which cells have most of what is left of a kind that training has not shown yet."""
    objective = train.objective
    unseen = train.have < 1
    left = objective.counts[free].sum(axis=0)
    most = objective.counts > 0.5 * np.maximum(left, 1e-9)
    return np.asarray((most & unseen).any(axis=1))
