"""Uncertainty of each crystal from rules, and the reasons in a petrologist's words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from napari_olivine.crystals import CrystalsSettings
from napari_olivine.review import criteria
from napari_olivine.review.criterion import Criterion, numbers

CRITERIA = [
    "doubt_probability", "doubt_boundary", "doubt_shape", "doubt_composition", "doubt_class",
    "doubt_pieces", "doubt_disagreement", "doubt_size",
]  # fmt: skip
"""Criteria of doubt, columns from 0 to 1."""

SPOKEN = 3
"""Most features that are named."""

WORTH = 0.08
"""Doubt from which a feature is named (ours)."""

SHARE = 0.3
"""Further features are named from this share of the doubt of the first (ours)."""

NOTHING = "nothing unusual"
"""Reason of a crystal without any named feature."""


def rate_uncertainty(
    table: pd.DataFrame,
    cuts: pd.DataFrame | None = None,
    gaps: pd.DataFrame | None = None,
    *,
    second_opinion: pd.Series | None = None,
    settings: CrystalsSettings | None = None,
) -> pd.DataFrame:
    """Rate the uncertainty of each crystal, from rules alone.

    Every criterion gives a doubt d, and independent doubts are combined by a noisy or:
    1 - (1 - d1)(1 - d2)... Weights and limits are ours; missing measurements give no doubt.

    Parameters
    ----------
    table
        Crystals (:data:`~napari_olivine.crystals.table.COLUMNS`); all columns but ``id`` may be
        missing or empty. With those of :func:`~napari_olivine.crystals.with_recognised`, crystals
        that were recognised as no olivine are doubted.
    cuts, gaps
        Decisions to split and to merge, from the same product.
    second_opinion
        Share of each crystal (0 to 1) that another product, such as the mask of element maps,
        classifies as olivine; by id, NaN or missing where unknown. The column ``agreement`` of the
        table if not given.
    settings
        Thresholds of the classes; the defaults if not given.

    Returns
    -------
    pandas.DataFrame
        ``id``, ``doubt`` (0 to 1), ``because`` (one to three features that decided), and
        :data:`CRITERIA`, one row a crystal in the order of the table.

    References
    ----------
    Pearl, J. (1988). Probabilistic Reasoning in Intelligent Systems, section 4.3.2 (noisy or).
    Morgan Kaufmann. doi 10.1016/C2009-0-27609-4
    """
    if second_opinion is None and "agreement" in table:
        second_opinion = pd.Series(numbers(table, "agreement"), table["id"].to_numpy())
    reasons = [
        *criteria.network(table),
        *criteria.boundary(table),
        *criteria.shape(table),
        *criteria.composition(table),
        *criteria.threshold(table, settings or CrystalsSettings()),
        *criteria.pieces(table),
        *criteria.disagreement(table, cuts, gaps, second_opinion),
        *criteria.size(table),
        *criteria.kinds(table),
    ]
    found = pd.DataFrame({"id": table["id"].to_numpy(), "doubt": 0.0, "because": NOTHING})
    for name in CRITERIA:
        sure = np.ones(len(table))
        for reason in reasons:
            if reason.column == name:
                sure *= 1 - reason.doubt
        found[name] = 1 - sure
    found["doubt"] = 1 - np.prod(1 - found[CRITERIA].to_numpy(), axis=1)
    found["because"] = _because(reasons, len(table))
    return found


def _because(reasons: Sequence[Criterion], count: int) -> list[str]:
    """Words for each crystal, the strongest feature first."""
    doubts = np.stack([reason.doubt for reason in reasons], axis=1)
    order = np.argsort(-doubts, axis=1, kind="stable")[:, :SPOKEN]
    of = np.take_along_axis(doubts, order, axis=1)
    spoken = (of >= WORTH) & (of >= SHARE * of[:, :1])
    said: list[list[str]] = [[] for _ in range(count)]
    for which, aloud in zip(order.T, spoken.T, strict=True):
        for place, reason in enumerate(reasons):
            for row in np.flatnonzero(aloud & (which == place)).tolist():
                said[row].append(reason.words(row))
    return ["; ".join(words) or NOTHING for words in said]
