"""Counting olivine pixels and mg# errors against the truth, session by session."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.scoring.results import MgScores, PhaseScores


class PhaseCounts:
    """Confusion of olivine with the rest, by group of pixels.

    Parameters
    ----------
    groups
        Number of groups (sessions, with one more for pixels outside all).
    """

    def __init__(self, groups: int) -> None:
        self.counts = np.zeros((groups, 3, 2), np.int64)
        """Pixels by group, truth (other, orthopyroxene, olivine) and prediction."""

    def add(
        self,
        group: NDArray[np.integer[Any]],
        olivine: NDArray[np.bool_],
        orthopyroxene: NDArray[np.bool_],
        predicted: NDArray[np.bool_],
    ) -> None:
        """Count some pixels.

        Parameters
        ----------
        group
            Group of each pixel, any shape.
        olivine, orthopyroxene
            Truth, same shape.
        predicted
            Pixels classified as olivine, same shape.
        """
        truth = np.where(olivine, 2, orthopyroxene)
        key = (group.astype(np.int32) * 3 + truth) * 2 + predicted
        counts = np.bincount(key.ravel(), minlength=self.counts.size)
        self.counts += counts.reshape(self.counts.shape)

    def scores(self, group: int | None = None) -> PhaseScores:
        """Scores of one group, or of all together."""
        counts = self.counts.sum(axis=0) if group is None else self.counts[group]
        hit, missed = int(counts[2, 1]), int(counts[2, 0])
        wrong, right = int(counts[:2, 1].sum()), int(counts[:2, 0].sum())
        opx = _ratio(int(counts[1, 1]), int(counts[1].sum()))
        return PhaseScores(
            iou=_ratio(hit, hit + missed + wrong),
            overall_accuracy=_ratio(hit + right, hit + missed + wrong + right),
            precision=_ratio(hit, hit + wrong),
            recall=_ratio(hit, hit + missed),
            orthopyroxene_percent=None if opx is None else 100 * opx,
        )


class MgErrors:
    """Sums of mg# errors by group of pixels.

    Parameters
    ----------
    groups
        Number of groups, as for :class:`PhaseCounts`.
    """

    def __init__(self, groups: int) -> None:
        self.pixels = np.zeros(groups, np.int64)
        self.total = np.zeros(groups)
        self.squares = np.zeros(groups)

    def add(
        self,
        group: NDArray[np.integer[Any]],
        mg: NDArray[np.float32],
        truth: NDArray[np.float32],
    ) -> None:
        """Add the errors of some pixels; those without mg# or truth are left out.

        Parameters
        ----------
        group
            Group of each pixel, any shape.
        mg, truth
            mg# and true mg#, NaN where unknown, same shape.
        """
        error = (mg - truth).astype(np.float64)
        there = np.isfinite(error)
        of, error = group[there], error[there]
        groups = len(self.pixels)
        self.pixels += np.bincount(of, minlength=groups)
        self.total += np.bincount(of, error, groups)
        self.squares += np.bincount(of, error**2, groups)

    def scores(self, group: int | None = None) -> MgScores:
        """Scores of one group, or of all together."""
        chosen = slice(None) if group is None else slice(group, group + 1)
        pixels = int(self.pixels[chosen].sum())
        if not pixels:
            return MgScores(rmse=None, bias=None, pixels=0)
        return MgScores(
            rmse=float(np.sqrt(self.squares[chosen].sum() / pixels)),
            bias=float(self.total[chosen].sum() / pixels),
            pixels=pixels,
        )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
