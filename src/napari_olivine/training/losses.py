"""Losses and scores of a binary segmentation with pixels to ignore."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from napari_olivine.training.windows import BY_HAND, IGNORE


def bce_dice_loss(logits: Tensor, labels: Tensor, dice: float, by_hand: float = 1.0) -> Tensor:
    """Weighted mean of the binary cross-entropy of labelled pixels, plus `dice` times Dice loss.

    Parameters
    ----------
    logits
        Shape (batch, 1, rows, columns).
    labels
        uint8 (batch, rows, columns): 0, 1, 2 and 3 the same by a person, 255 ignore; ignored pixels
        have no gradient.
    dice
        Weight of 1 - (2 sum(w p t) + 1) / (sum(w p) + sum(w t) + 1) over the batch, w the weights
        of the pixels.
    by_hand
        Weight of pixels with a label by a person; all others have 1.

    Returns
    -------
    Tensor
        The loss, a scalar.
    """
    logits = logits[:, 0].float()
    counts = (labels != IGNORE).float()
    said = (labels >= BY_HAND) & (labels != IGNORE)
    counts = counts + (by_hand - 1) * said
    truth = ((labels == 1) | (labels == BY_HAND + 1)).float()
    entropy = binary_cross_entropy_with_logits(logits, truth, reduction="none") * counts
    loss = entropy.sum() / counts.sum().clamp(min=1)
    if dice:
        p, every = logits.sigmoid() * counts, truth * counts
        loss = loss + dice * (1 - (2 * (p * truth).sum() + 1) / (p.sum() + every.sum() + 1))
    return loss


class SegmentationScores:
    """Cross-entropy and IoU at any threshold, over all pixels that were added."""

    def __init__(self) -> None:
        self._entropy = 0.0
        self._counts = np.zeros((2, BINS), np.int64)

    def add(self, logits: Tensor, labels: Tensor) -> None:
        """Count pixels: logits of any shape, labels of the same (0, 1, 255 ignore)."""
        keep = labels != IGNORE
        logits, truth = logits.float()[keep], (labels[keep] == 1)
        self._entropy += float(
            binary_cross_entropy_with_logits(logits, truth.float(), reduction="sum")
        )
        bins = (logits.sigmoid() * (BINS - 1)).round().long() + BINS * truth.long()
        self._counts += torch.bincount(bins, minlength=2 * BINS).reshape(2, BINS).cpu().numpy()

    @property
    def cross_entropy(self) -> float:
        """Mean over pixels."""
        return self._entropy / max(1, int(self._counts.sum()))

    def iou(self, threshold: float) -> float:
        """Intersection over union of olivine; 1 where there is none and none was found."""
        return float(self._ious()[_bin(threshold)])

    def overall_accuracy(self, threshold: float) -> float:
        """Part of the pixels that is right."""
        at = _bin(threshold)
        right = self._counts[0, :at].sum() + self._counts[1, at:].sum()
        return float(right / max(1, int(self._counts.sum())))

    def best_threshold(self) -> float:
        """Threshold of the highest IoU, in the middle of equally good ones, 0.05 to 0.95."""
        lowest, highest = _bin(0.05), _bin(0.95)
        ious = self._ious()[lowest : highest + 1]
        best = np.flatnonzero(ious >= ious.max() - 1e-9)
        return float(lowest + best[len(best) // 2]) / (BINS - 1)

    def _ious(self) -> NDArray[np.float64]:
        found = np.cumsum(self._counts[:, ::-1], axis=1)[:, ::-1]
        union = found[0] + self._counts[1].sum()
        return np.where(union > 0, found[1] / np.maximum(union, 1), 1.0)


BINS = 256


def _bin(threshold: float) -> int:
    return int(np.ceil(threshold * (BINS - 1) - 1e-9))
