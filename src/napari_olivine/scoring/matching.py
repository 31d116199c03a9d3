"""True crystals and the labels that lie on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals import (
    COUNTED_SHARE,
    SIZE_CLASSES,
    ZONING_CLASSES,
    CrystalsSettings,
    classify_sizes,
)
from napari_olivine.scoring.results import CrystalScores, SizeScores, ZoningScores
from napari_olivine.scoring.settings import ScoreSettings

PIECE = 0.05
"""Smallest part of a true crystal that counts as a piece of a split one."""


class Overlaps:
    """Areas of true crystals and of their overlaps with labels, gathered strip by strip."""

    def __init__(self) -> None:
        self._pairs: list[pd.DataFrame] = []
        self._areas: list[pd.DataFrame] = []
        self._studied: list[pd.DataFrame] = []
        self._on_edge: set[int] = set()

    def add(
        self,
        truth: NDArray[np.int64],
        labels: NDArray[np.integer],
        studied: NDArray[np.bool_],
        *,
        first: bool,
        last: bool,
    ) -> None:
        """Count the overlaps of one strip.

        Parameters
        ----------
        truth, labels
            Ids of true crystals and of labels, 0 for none, shape (rows, columns).
        studied
            Pixels in the region of study, of the same shape.
        first, last
            Whether the strip is the first or the last of the section.
        """
        there = truth > 0
        ids, counts = np.unique(truth[there], return_counts=True)
        self._areas.append(pd.DataFrame({"true": ids, "pixels": counts}))
        ids, counts = np.unique(truth[there & studied], return_counts=True)
        self._studied.append(pd.DataFrame({"true": ids, "pixels": counts}))
        both = there & (labels > 0)
        # Ids of both kinds fit in 32 bits.
        keys, counts = np.unique(
            truth[both] << 32 | labels[both].astype(np.int64), return_counts=True
        )
        self._pairs.append(
            pd.DataFrame({"true": keys >> 32, "label": keys & 0xFFFFFFFF, "pixels": counts})
        )
        sides = [truth[:, 0], truth[:, -1]]
        sides += [truth[0]] if first else []
        sides += [truth[-1]] if last else []
        self._on_edge |= set(np.unique(np.concatenate(sides)).tolist()) - {0}

    @classmethod
    def together(
        cls,
        strips: Sequence[Overlaps],
        numbers: Sequence[NDArray[np.integer]],
        true_numbers: Sequence[NDArray[np.integer]] = (),
    ) -> Overlaps:
        """Join the overlaps of strips whose labels were numbered strip by strip.

        Parameters
        ----------
        strips
            Overlaps of each strip.
        numbers
            For each strip the final id of its labels 0, 1, 2, ...
        true_numbers
            The same of its true crystals, where these were numbered strip by strip too.
        """
        whole = cls()
        if true_numbers:
            strips = [one._renumbered(new) for one, new in zip(strips, true_numbers, strict=True)]
        for strip, final in zip(strips, numbers, strict=True):
            whole._areas += strip._areas
            whole._studied += strip._studied
            whole._on_edge |= strip._on_edge
            whole._pairs += [
                pairs.assign(label=final[pairs["label"].to_numpy()]) for pairs in strip._pairs
            ]
        return whole

    def _renumbered(self, final: NDArray[np.integer]) -> Overlaps:
        """Return the same with other ids of the true crystals."""
        new = Overlaps()
        for name in ("_areas", "_studied", "_pairs"):
            tables = [one.assign(true=final[one["true"].to_numpy()]) for one in getattr(self, name)]
            setattr(new, name, tables)
        new._on_edge = {int(final[number]) for number in self._on_edge}
        return new

    def true_crystals(self) -> pd.DataFrame:
        """Columns ``area_px`` and ``touches_edge`` by true id, of those in the region of study.

        As of labels, the larger part of a crystal decides.
        """
        area, studied = (
            pd.concat(parts).groupby("true")["pixels"].sum()
            for parts in (self._areas, self._studied)
        )
        area = area[studied.reindex(area.index, fill_value=0) >= COUNTED_SHARE * area]
        edge = area.index.isin(self._on_edge)
        return pd.DataFrame({"area_px": area, "touches_edge": edge}, index=area.index)

    def pairs(self) -> pd.DataFrame:
        """Columns ``true``, ``label`` and ``pixels`` of their overlap."""
        return pd.concat(self._pairs).groupby(["true", "label"])["pixels"].sum().reset_index()


def score_crystals(
    overlaps: Overlaps, table: pd.DataFrame, pixel_area_um2: float, settings: ScoreSettings
) -> CrystalScores:
    """Count crystals found, missed, merged, split and spurious.

    Parameters
    ----------
    overlaps
        Overlaps of all strips.
    table
        Labels: ``id``, ``area_px``.
    pixel_area_um2
        Area of a pixel.
    settings
        Thresholds.

    Returns
    -------
    CrystalScores
        Counts.
    """
    true, pairs = overlaps.true_crystals(), overlaps.pairs()
    true["size_class"] = _size_classes(true, pixel_area_um2, settings)
    of_true = pairs["true"].map(true["area_px"])
    of_label = pairs["label"].map(table.set_index("id")["area_px"])
    iou = match_iou(true, pairs, table)
    true["found"] = true.index.isin(pairs.loc[iou > settings.found_iou, "true"])
    mostly = pairs.loc[pairs["pixels"] > of_true / 2, "label"]
    pieces = pairs[(pairs["pixels"] > of_label / 2) & (pairs["pixels"] >= PIECE * of_true)]
    covered = pairs.groupby("label")["pixels"].sum().reindex(table["id"], fill_value=0)
    spurious = covered.to_numpy() < table["area_px"].to_numpy() / 2
    by_size = {
        name: SizeScores(true=len(group), found=int(group["found"].sum()))
        for name in SIZE_CLASSES
        for group in [true[true["size_class"] == name]]
    }
    found = int(true["found"].sum())
    return CrystalScores(
        true=len(true),
        found=found,
        missed=len(true) - found,
        by_size=by_size,
        merged=int(mostly.duplicated(keep=False).sum()),
        split=int((pieces["true"].value_counts() > 1).sum()),
        labels=len(table),
        spurious=int(spurious.sum()),
    )


def score_zoning(
    overlaps: Overlaps,
    table: pd.DataFrame,
    kinds: pd.Series,
    pixel_area_um2: float,
    settings: ScoreSettings,
) -> ZoningScores:
    """Compare zoning classes of labels with the true ones.

    Parameters
    ----------
    overlaps
        Overlaps of all strips.
    table
        Labels: ``id``, ``area_px``, ``zoning_class``.
    kinds
        Kind of zoning by true id.
    pixel_area_um2
        Area of a pixel.
    settings
        Thresholds.

    Returns
    -------
    ZoningScores
        Accuracies and the confusion matrix.
    """
    true, pairs = overlaps.true_crystals(), overlaps.pairs()
    iou = match_iou(true, pairs, table)
    label = pairs[iou > settings.found_iou].set_index("true")["label"]
    large = _size_classes(true, pixel_area_um2, settings) == "phenocryst"
    true = true[large & ~true["touches_edge"]].assign(kind=kinds)
    given = label.map(table.set_index("id")["zoning_class"]).replace("", "unclassified")
    given = given.reindex(true.index).fillna("missed")
    confusion = {
        kind: {
            name: int(((true["kind"] == kind) & (given == name)).sum())
            for name in (*ZONING_CLASSES, "unclassified", "missed")
        }
        for kind in [*ZONING_CLASSES, *sorted(set(true["kind"]) - set(ZONING_CLASSES))]
    }
    right = given == true["kind"]
    plain = true["kind"].isin(ZONING_CLASSES)
    right_with_others = right | (~plain & (given == "none"))
    return ZoningScores(
        phenocrysts=int(plain.sum()),
        right=int(right[plain].sum()),
        accuracy=_mean(right[plain]),
        accuracy_of_classified=_mean(right[plain & given.isin(ZONING_CLASSES)]),
        accuracy_with_others=_mean(right_with_others),
        confusion=confusion,
    )


def match_iou(true: pd.DataFrame, pairs: pd.DataFrame, table: pd.DataFrame) -> pd.Series:
    """Return the intersection over union of each pair of a true crystal and a label.

    Parameters
    ----------
    true
        ``area_px`` by true id.
    pairs
        ``true``, ``label`` and ``pixels`` of their overlap.
    table
        Labels: ``id``, ``area_px``.

    Returns
    -------
    Series
        One a pair.
    """
    of_true = pairs["true"].map(true["area_px"])
    of_label = pairs["label"].map(table.set_index("id")["area_px"])
    return pairs["pixels"] / (of_true + of_label - pairs["pixels"])


def _size_classes(true: pd.DataFrame, pixel_area_um2: float, settings: ScoreSettings) -> pd.Series:
    bounds = CrystalsSettings(
        microphenocryst_from_um2=settings.microphenocryst_from_um2,
        phenocryst_from_um2=settings.phenocryst_from_um2,
    )
    return classify_sizes(true["area_px"] * pixel_area_um2, bounds)


def _mean(right: pd.Series) -> float | None:
    return float(right.mean()) if len(right) else None
