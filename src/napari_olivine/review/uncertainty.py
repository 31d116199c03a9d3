"""How much each crystal is to be doubted, and why, in a petrologist's words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from napari_olivine.crystals import CrystalsSettings
from napari_olivine.review import criteria
from napari_olivine.review.criterion import Criterion, column

CRITERIA = [
    "doubt_probability", "doubt_boundary", "doubt_shape", "doubt_composition", "doubt_class",
    "doubt_pieces", "doubt_disagreement", "doubt_size",
]  # fmt: skip
"""Grounds of doubt, columns from 0 to 1."""

SPOKEN = 3
"""Most features that are named."""

WORTH = 0.08
"""Doubt from which a feature is named (ours)."""

SHARE = 0.3
"""Further features are named that bring at least this share of the doubt of the first (ours)."""

NOTHING = "nothing unusual"
"""Said of a crystal that no feature speaks against."""


def doubts(
    table: pd.DataFrame,
    cuts: pd.DataFrame | None = None,
    gaps: pd.DataFrame | None = None,
    *,
    second_opinion: pd.Series | None = None,
    settings: CrystalsSettings | None = None,
) -> pd.DataFrame:
    """Tell how much each crystal is to be doubted, from rules alone.

    Every feature that speaks against a crystal brings a doubt of its own, and they are put
    together as independent ones: 1 - (1 - d1)(1 - d2)... (noisy or, Pearl 1988, section 4.3.2).
    Weights and limits are ours; what is not measured speaks neither way.

    Parameters
    ----------
    table
        Crystals (:data:`~napari_olivine.crystals.table.COLUMNS`); all columns but ``id`` may be
        missing or empty.
    cuts, gaps
        Decisions to part and to join, from the same product.
    second_opinion
        Share of each crystal (0 to 1) that something else than what made the crystals takes for
        olivine, such as the mask of element maps; by id, NaN or missing where unknown. The column
        ``agreement`` of the table if not given.
    settings
        Thresholds of the classes; the defaults if not given.

    Returns
    -------
    pandas.DataFrame
        ``id``, ``doubt`` (0 to 1), ``because`` (one to three features that decided), and
        :data:`CRITERIA`, one row a crystal in the order of the table.
    """
    if second_opinion is None and "agreement" in table:
        second_opinion = pd.Series(column(table, "agreement"), table["id"].to_numpy())
    reasons = [
        *criteria.network(table),
        *criteria.boundary(table),
        *criteria.shape(table),
        *criteria.composition(table),
        *criteria.threshold(table, settings or CrystalsSettings()),
        *criteria.pieces(table),
        *criteria.disagreement(table, cuts, gaps, second_opinion),
        *criteria.size(table),
    ]
    found = pd.DataFrame({"id": table["id"].to_numpy(), "doubt": 0.0, "because": NOTHING})
    for ground in CRITERIA:
        sure = np.ones(len(table))
        for reason in reasons:
            if reason.ground == ground:
                sure *= 1 - reason.doubt
        found[ground] = 1 - sure
    found["doubt"] = 1 - np.prod(1 - found[CRITERIA].to_numpy(), axis=1)
    found["because"] = _because(reasons, len(table))
    return found


def _because(reasons: Sequence[Criterion], count: int) -> list[str]:
    """Words for each crystal, the strongest feature first."""
    brought = np.stack([reason.doubt for reason in reasons], axis=1)
    order = np.argsort(-brought, axis=1, kind="stable")[:, :SPOKEN]
    of = np.take_along_axis(brought, order, axis=1)
    spoken = (of >= WORTH) & (of >= SHARE * of[:, :1])
    said: list[list[str]] = [[] for _ in range(count)]
    for which, aloud in zip(order.T, spoken.T, strict=True):
        for place, reason in enumerate(reasons):
            for row in np.flatnonzero(aloud & (which == place)).tolist():
                said[row].append(reason.words(row))
    return ["; ".join(words) or NOTHING for words in said]
