"""Why a cell is chosen, and what all chosen ones show, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_olivine.areas.selection import Chosen, Objective, Pick

MOST_KINDS = 3
"""Kinds of crystals that a reason names."""


def reason(
    objective: Objective,
    kinds: Sequence[str],
    looks: Sequence[str],
    chosen: Sequence[int],
    before: Sequence[int],
    cell: int,
) -> str:
    """Say why a cell was chosen.

    Parameters
    ----------
    objective
        What sets of cells are worth.
    kinds
        Names of the kinds of crystals.
    looks
        What marks each cell in BSE, empty for nothing.
    chosen
        All chosen cells.
    before
        Cells that were chosen before it for the same role.
    cell
        The cell.

    Returns
    -------
    str
        E.g. ``"olivine, 30-100 um: 2 of 3; fine texture; 20 % of the rock looks most like it"``.
    """
    state = Chosen.of(objective)
    for one in before:
        state.add(one)
    gain = state.gains()[0][cell]
    # What adds most names the groundmass, which is everywhere; a person asks what is rare.
    share = np.where(gain > 0, objective.counts[cell] / objective.totals, 0)
    words = [
        f"{kinds[kind]}: {_count(objective.counts[cell, kind])} of {_count(objective.totals[kind])}"
        for kind in np.argsort(-share, kind="stable")[:MOST_KINDS]
        if share[kind] > 0
    ]
    nearest = np.asarray(chosen)[objective.likeness[:, list(chosen)].argmax(axis=1)]
    stands_for = objective.weights[nearest == cell].sum() / max(objective.weights.sum(), 1e-9)
    if looks[cell]:
        words.append(looks[cell])
    words.append(f"{100 * stands_for:.0f} % of the rock looks most like it")
    return "; ".join(words)


def summary(
    objective: Objective, kinds: Sequence[str], picks: Sequence[Pick], count: int, unit: str
) -> list[str]:
    """Say what the chosen cells show together.

    Parameters
    ----------
    objective
        What sets of cells are worth.
    kinds
        Names of the kinds of crystals.
    picks
        The chosen cells.
    count
        Number of cells that could be chosen.
    unit
        What a cell is called.

    Returns
    -------
    list of str
        Sentences.
    """
    roles = {role: [one.cell for one in picks if one.role == role] for role in ("train", "val")}
    words = ", ".join(f"{len(cells)} {role}" for role, cells in roles.items() if cells)
    said = [f"{len(picks)} of {count} {unit}s ({100 * len(picks) / count:.0f} %): {words}."]
    for role, cells in roles.items():
        if not cells or not kinds:
            continue
        shown = objective.shown(cells, 1)
        missing = [kind for kind, there in zip(kinds, shown, strict=True) if not there]
        lacks = f"; not: {'; '.join(missing)}" if missing else ""
        said.append(
            f"{role} shows {int(shown.sum())} of {len(kinds)} kinds (mineral and size){lacks}."
        )
    return said


def _count(number: float) -> str:
    return f"{number:.0f}" if number >= 0.95 else f"{number:.1f}"
