"""Losses and scores of a segmentation of olivine, alone or among phases; pixels to ignore."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, max_pool2d

from napari_olivine.training.confusion import Confusion
from napari_olivine.training.windows import BY_HAND, FIRST_PHASE, IGNORE, PHASE_BY_HAND

OUTLINE_PX = 2
"""Pixels on both sides of an outline of olivine that a loss may weigh more."""


@dataclass(frozen=True)
class LossShape:
    """What a loss is beside its weights.

    Parameters
    ----------
    entropy
        Weight of the cross-entropy, plain or focal.
    focusing
        Exponent g of the focal loss -(1 - p)^g log p (Lin et al. 2017, arXiv 1708.02002), p the
        probability of the right class; 0 for the plain cross-entropy.
    dice_of
        Whose Dice loss is added: that of olivine, or the weighted mean over all phases.
    outlines
        Weight that pixels near an outline of olivine have beside others, added to 1.
    """

    entropy: float = 1.0
    focusing: float = 0.0
    dice_of: Literal["olivine", "all"] = "olivine"
    outlines: float = 0.0

    def focus(self, entropy: Tensor) -> Tensor:
        """Turn cross-entropies -log p of pixels into focal ones."""
        if not self.focusing:
            return entropy
        return (1 - (-entropy).exp()).clamp(min=0) ** self.focusing * entropy

    def near_outlines(self, labels: Tensor) -> Tensor | float:
        """Weight of each pixel by whether it lies within `OUTLINE_PX` of an outline of olivine."""
        if not self.outlines:
            return 1.0
        olivine = _is_olivine(labels).float()[:, None]
        side = 2 * OUTLINE_PX + 1
        most = max_pool2d(olivine, side, 1, OUTLINE_PX)
        least = -max_pool2d(-olivine, side, 1, OUTLINE_PX)
        return 1 + self.outlines * (most - least)[:, 0]


PLAIN = LossShape()


def bce_dice_loss(
    logits: Tensor,
    labels: Tensor,
    dice: float,
    by_hand: float = 1.0,
    shape: LossShape = PLAIN,
) -> Tensor:
    """Weighted mean of the binary cross-entropy of labelled pixels, plus `dice` times Dice loss.

    Parameters
    ----------
    logits
        Shape (batch, 1, rows, columns).
    labels
        uint8 (batch, rows, columns), see `napari_olivine.training.windows`: 1 olivine, 0 and the
        phases not, 2, 3 and some phases by a person, 255 ignore; ignored pixels have no gradient.
    dice
        Weight of 1 - (2 sum(w p t) + 1) / (sum(w p) + sum(w t) + 1) over the batch, w the weights
        of the pixels.
    by_hand
        Weight of pixels with a label by a person; all others have 1.
    shape
        Focal instead of plain cross-entropy, its weight, and that of outlines.

    Returns
    -------
    Tensor
        The loss, a scalar.
    """
    logits = logits[:, 0].float()
    counts = _counts(labels, by_hand) * shape.near_outlines(labels)
    truth = _is_olivine(labels).float()
    entropy = binary_cross_entropy_with_logits(logits, truth, reduction="none")
    entropy = shape.focus(entropy) * counts
    loss = shape.entropy * entropy.sum() / counts.sum().clamp(min=1)
    return loss + dice * _dice_loss(logits.sigmoid(), truth, counts) if dice else loss


def phase_loss(
    logits: Tensor,
    labels: Tensor,
    olivine: int,
    weights: Tensor,
    dice: float,
    by_hand: float = 1.0,
    shape: LossShape = PLAIN,
) -> Tensor:
    """Weighted mean of the cross-entropy over phases, plus `dice` times the Dice loss of olivine.

    Of a pixel that is no olivine and of which nothing else is known, the loss is -log(1 - p), p the
    probability of olivine: any other phase is as good.

    Parameters
    ----------
    logits
        Shape (batch, phases, rows, columns).
    labels
        uint8 (batch, rows, columns), see `napari_olivine.training.windows`.
    olivine
        Number of olivine among the phases.
    weights
        Of the pixels that the mask calls each phase, shape (phases,); others have 1.
    dice, by_hand, shape
        See `bce_dice_loss`; `shape` tells too whose Dice loss it is.

    Returns
    -------
    Tensor
        The loss, a scalar.
    """
    logits = logits.float()
    whole = logits.logsumexp(1)
    others = torch.cat([logits[:, :olivine], logits[:, olivine + 1 :]], 1).logsumexp(1)
    named = (labels >= FIRST_PHASE) & (labels != IGNORE)
    by_mask = named & ~phase_by_hand(labels)
    numbers = labels.long() - FIRST_PHASE - PHASE_BY_HAND * (named & ~by_mask)
    phase = torch.where(named, numbers, olivine)
    counts, truth = _counts(labels, by_hand) * shape.near_outlines(labels), _is_olivine(labels)
    picked = torch.where(named | truth, logits.gather(1, phase[:, None])[:, 0], others)
    weighted = counts * torch.where(by_mask | (labels == 1), weights[phase], 1.0)
    entropy = shape.focus(whole - picked) * weighted
    loss = shape.entropy * entropy.sum() / weighted.sum().clamp(min=1)
    if not dice:
        return loss
    if shape.dice_of == "olivine":
        p = (logits[:, olivine] - whole).exp()
        return loss + dice * _dice_loss(p, truth.float(), counts)
    known, each = counts * (named | truth), []
    for number, weight in enumerate(weights):
        p = (logits[:, number] - whole).exp()
        each.append(weight * _dice_loss(p, (phase == number).float(), known))
    return loss + dice * torch.stack(each).sum() / weights.sum()


def _is_olivine(labels: Tensor) -> Tensor:
    return (labels == 1) | (labels == BY_HAND + 1)


def phase_by_hand(labels: Tensor) -> Tensor:
    """Tell which labels are phases that a person named."""
    return (labels >= FIRST_PHASE + PHASE_BY_HAND) & (labels != IGNORE)


def _counts(labels: Tensor, by_hand: float) -> Tensor:
    """Weight of each pixel: 0 where it is ignored, `by_hand` where a person gave the label."""
    said = (labels == BY_HAND) | (labels == BY_HAND + 1) | phase_by_hand(labels)
    return (labels != IGNORE).float() + (by_hand - 1) * said


def _dice_loss(p: Tensor, truth: Tensor, counts: Tensor) -> Tensor:
    p, every = p * counts, truth * counts
    return 1 - (2 * (p * truth).sum() + 1) / (p.sum() + every.sum() + 1)


class SegmentationScores:
    """Cross-entropy, IoU and what is taken at any threshold, over all pixels that were added.

    Parameters
    ----------
    confusion
        Of a network of phases, the matrix in which the same pixels are counted.
    """

    def __init__(self, confusion: Confusion | None = None) -> None:
        self.confusion = confusion
        self._entropy = 0.0
        self._counts = np.zeros((2, BINS), np.int64)
        self._by_label = np.zeros((IGNORE, BINS), np.int64)

    def add(self, logits: Tensor, labels: Tensor) -> None:
        """Count pixels: logits of olivine of any shape, labels of the same.

        Parameters
        ----------
        logits
            Of olivine.
        labels
            uint8 of the same shape: 1 olivine, other values not, 255 ignore.
        """
        keep = labels != IGNORE
        logits, labels = logits.float()[keep], labels[keep]
        truth = labels == 1
        self._entropy += float(
            binary_cross_entropy_with_logits(logits, truth.float(), reduction="sum")
        )
        bins = (logits.sigmoid() * (BINS - 1)).round().long() + BINS * labels.long()
        counts = torch.bincount(bins, minlength=IGNORE * BINS).reshape(IGNORE, BINS).cpu().numpy()
        self._by_label += counts
        self._counts[1] += counts[1]
        self._counts[0] += counts.sum(0) - counts[1]

    @classmethod
    def pooled(cls, parts: Sequence[SegmentationScores]) -> SegmentationScores:
        """Count the pixels of several scores together."""
        whole = cls()
        for part in parts:
            whole._entropy += part._entropy
            whole._counts += part._counts
            whole._by_label += part._by_label
        matrices = [part.confusion for part in parts if part.confusion is not None]
        whole.confusion = Confusion.pooled(matrices) if matrices else None
        return whole

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

    def taken(self, label: int, threshold: float) -> float | None:
        """Part of the pixels of a label that is taken for olivine; `None` if there are none."""
        of_label = self._by_label[label]
        every = int(of_label.sum())
        return float(of_label[_bin(threshold) :].sum()) / every if every else None

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
