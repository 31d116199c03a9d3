"""Confusion matrix of a network of phases: which phase is taken for which, and the IoU of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_olivine.training.windows import class_of_label


class Confusion:
    """Counts pixels by the phase that the mask says and the phase that is most probable.

    Parameters
    ----------
    phases
        How many phases the network tells.
    olivine
        Number of olivine among them.

    Attributes
    ----------
    counts : ndarray of int64, shape (phases + 1, phases)
        Rows are phases of the mask, columns those of the network. The last row are pixels of which
        is only known that they are no olivine.
    """

    def __init__(self, phases: int, olivine: int) -> None:
        self.olivine = olivine
        self.counts: NDArray[np.int64] = np.zeros((phases + 1, phases), np.int64)
        labels = np.arange(256, dtype=np.uint8)
        numbers = class_of_label(labels, olivine, single=False)
        is_none = class_of_label(labels, 0, single=True) == 0
        self._row = torch.from_numpy(np.where((numbers < 0) & is_none, phases, numbers))

    def add(self, logits: Tensor, labels: Tensor) -> None:
        """Count the pixels of an image.

        Parameters
        ----------
        logits
            Of the phases, shape (phases, rows, columns).
        labels
            uint8 (rows, columns), see `napari_olivine.training.windows`.
        """
        phases = self.counts.shape[1]
        row = self._row.to(labels.device)[labels.long()]
        cell = row * phases + logits.argmax(0)
        found = torch.bincount(cell[row >= 0], minlength=self.counts.size)
        self.counts += found.reshape(self.counts.shape).cpu().numpy()

    @classmethod
    def pooled(cls, parts: Sequence[Confusion]) -> Confusion:
        """Count the pixels of several matrices of the same phases together."""
        whole = cls(parts[0].counts.shape[1], parts[0].olivine)
        for part in parts:
            whole.counts += part.counts
        return whole

    def iou(self, phase: int) -> float | None:
        """Intersection over union of a phase; `None` where the mask has none of it.

        IoU = TP / (TP + FP + FN) (Jaccard 1912, doi 10.1111/j.1469-8137.1912.tb05611.x). Pixels
        that may be any phase but olivine count for olivine alone.
        """
        known = self.counts if phase == self.olivine else self.counts[:-1]
        both, true = int(known[phase, phase]), int(known[phase].sum())
        union = true + int(known[:, phase].sum()) - both
        return both / union if true else None
