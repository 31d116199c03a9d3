"""How like the real grey a drawn one is, mineral by mineral."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_olivine.networks import Normalisation
from napari_olivine.training.windows import IGNORE

BINS_OF_A_SPREAD = 20
BINS = 2 * 12 * BINS_OF_A_SPREAD
"""Bins of grey, from 12 spreads below the median to 12 above."""


class GreyByLabel:
    """Real and drawn grey of many blocks, by the label of their pixels.

    Parameters
    ----------
    normalisation
        Median and spread of the grey of the training sessions.
    """

    def __init__(self, normalisation: Normalisation) -> None:
        self._scale = normalisation
        self._real = np.zeros((256, BINS))
        self._sums = np.zeros((256, 4))
        """Of the drawn grey and its square, and of the real one and its square."""
        self._off = 0.0

    def add(
        self, made: NDArray[np.float32], real: NDArray[np.float32], label: NDArray[np.uint8]
    ) -> None:
        """Count the pixels of a block that have a label.

        Parameters
        ----------
        made, real
            Drawn and real grey, shape (rows, columns).
        label
            Of the same shape.
        """
        known = label != IGNORE
        numbers = label[known].astype(np.int64)
        pair = made[known].astype(np.float64), real[known].astype(np.float64)
        self._off += float(np.abs(pair[0] - pair[1]).sum())
        squares = [part**power for part in pair for power in (1, 2)]
        for place, values in enumerate(squares):
            self._sums[:, place] += np.bincount(numbers, values, 256)
        bins = (pair[1] - self._scale.median) / self._scale.spread * BINS_OF_A_SPREAD + BINS / 2
        bins = np.clip(bins, 0, BINS - 1).astype(np.int64)
        found = np.bincount(numbers * BINS + bins, minlength=256 * BINS)
        self._real += found.reshape(256, BINS)

    def add_all(self, other: GreyByLabel) -> None:
        """Count what others counted too."""
        self._real += other._real
        self._sums += other._sums
        self._off += other._off

    def compared_with(self, learned: GreyByLabel) -> dict[str, float]:
        """Compare what was drawn with the real grey.

        Parameters
        ----------
        learned
            Greys of the training sessions, which give one grey for each mineral.

        Returns
        -------
        dict
            ``off`` and ``even``: mean absolute difference from the real grey, grey levels, of what
            was drawn and of one grey for each mineral (the median in training). ``texture``: root
            of the ratio of drawn to real variance within minerals, percent. Empty without pixels.
        """
        count = self._real.sum(1)
        if not count.sum():
            return {}
        centres = (np.arange(BINS) + 0.5 - BINS / 2) / BINS_OF_A_SPREAD
        differences = np.abs(centres - learned._medians(centres)[:, None])
        even = float((self._real * differences).sum() / count.sum()) * self._scale.spread
        there = count > 0
        means = self._sums[there] / count[there, None]
        drawn, real = (means[:, k + 1] - means[:, k] ** 2 for k in (0, 2))
        weight = count[there]
        ratio = float((drawn * weight).sum() / max(float((real * weight).sum()), 1e-9))
        return {
            "off": round(self._off / float(count.sum()), 2),
            "even": round(even, 2),
            "texture": round(100 * max(ratio, 0.0) ** 0.5),
        }

    def _medians(self, centres: NDArray[np.float64]) -> NDArray[np.float64]:
        """Median grey of each label in spreads; that of all where a label was not met."""
        half = np.cumsum(self._real, 1)
        places = (half >= half[:, -1:] / 2).argmax(1)
        whole = np.cumsum(self._real.sum(0))
        places[half[:, -1] == 0] = (whole >= whole[-1] / 2).argmax()
        medians: NDArray[np.float64] = centres[places]
        return medians
