"""Decisions on pairs of regions: one crystal or two, by weighing the evidence.

Two questions are asked of a section: whether a gap parts one cracked crystal
(:mod:`~napari_olivine.crystals.instances.merging`), and whether a neck joins two crystals that
touch (:mod:`~napari_olivine.crystals.instances.splitting`). Both look at the composition in the
same way, add up log odds in the same way, and write the same kind of table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals.instances.evidence import Floats, Mask, Measurement, step_across
from napari_olivine.settings import Settings, setting

D = TypeVar("D", bound="Decision")


class DecisionSettings(Settings):
    """Settings that merging and splitting share."""

    same_mg: float = setting(
        0.01,
        "Same mg#",
        "Difference of mg# between two sides that counts as none, on top of its standard error "
        "(ours).",
        gt=0,
        lt=0.5,
    )


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Evidence on one pair of regions; one row of a table of decisions.

    NaN stands for evidence that could not be measured; it counts neither way. A subclass adds its
    own evidence and, as its last field, the flag of the decision.
    """

    mg_difference: float = np.nan
    mg_difference_se: float = np.nan
    grey_difference: float = np.nan
    grey_difference_se: float = np.nan
    own_outlines: float = np.nan
    """0: the zoning follows the outline of both together, 1: each part has its own rim."""
    own_outlines_se: float = np.nan
    probability: float = np.nan
    """Of the decision that the flag in the last column stands for (ours)."""

    @classmethod
    def columns(cls) -> list[str]:
        """Columns of the table of decisions, in order; the last is the flag."""
        *own, flag = cls.__annotations__
        return [*own, *Decision.__annotations__, flag]

    @classmethod
    def table(cls: type[D], decisions: Sequence[D]) -> pd.DataFrame:
        """Make the table of decisions, one row a pair."""
        columns = cls.columns()
        rows = [asdict(decision) for decision in decisions]
        return pd.DataFrame(rows, columns=columns).astype({columns[-1]: bool})


def with_composition(
    decision: D,
    images: tuple[NDArray[Any] | None, NDArray[Any] | None],
    sides: tuple[Mask, Mask],
    distances: tuple[Floats, Floats],
    rims: Measurement,
    gap_px: float = 0.0,
) -> D:
    """Add the evidence of the composition: steps of mg# and grey, and whose rims there are.

    Parameters
    ----------
    decision
        Evidence so far.
    images
        mg# and grey, None where unknown. Shape (rows, columns), as all arrays.
    sides
        Pixels of both regions.
    distances
        Distance of each pixel to both regions, px.
    rims
        As from :func:`~napari_olivine.crystals.instances.evidence.own_outlines`.
    gap_px
        Width of the gap between the regions, px.

    Returns
    -------
    Decision
        Of the same class.
    """
    mg, grey = (
        Measurement() if image is None else step_across(image, *sides, *distances, gap_px)
        for image in images
    )
    return replace(
        decision,
        mg_difference=mg.value, mg_difference_se=mg.error,
        grey_difference=grey.value, grey_difference_se=grey.error,
        own_outlines=rims.value, own_outlines_se=rims.error,
    )  # fmt: skip


def decide(probability: float, threshold: float) -> bool:
    """Tell whether a probability reaches a threshold; a threshold of 1 is never reached."""
    return threshold < 1 and probability >= threshold


def own_rims_log_odds(share: float, error: float, scatter: float) -> float:
    """Log odds from the zoning: likelihood of two rims (share 1) over that of one (share 0).

    Parameters
    ----------
    share, error
        As from :func:`~napari_olivine.crystals.instances.evidence.own_outlines`.
    scatter
        How far natural crystals lie from 0 and 1.

    Returns
    -------
    float
        NaN where the share is unknown.
    """
    beyond = max(-share, share - 1, 0.0)  # where neither holds the profiles are no guide
    return (share - 0.5) / (error**2 + scatter**2 + beyond**2) / 2


def clip_log_odds(log_odds: float, low: float, high: float) -> float:
    """Limit the weight of one piece of evidence.

    Parameters
    ----------
    log_odds
        Weight; NaN where there is no evidence.
    low, high
        Limits of the weight.

    Returns
    -------
    float
        0 where there is no evidence.
    """
    return 0.0 if np.isnan(log_odds) else float(min(max(log_odds, low), high))


def expit(log_odds: float) -> float:
    """Probability that has some log odds."""
    return float(1 / (1 + np.exp(-log_odds)))
