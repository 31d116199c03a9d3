"""Which phase is taken for which, counted pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_olivine.training.confusion import Confusion
from napari_olivine.training.windows import FIRST_PHASE, IGNORE

OLIVINE, GLASS, OXIDE = 1, 2, 3
NOT_OLIVINE = 0
LABEL = {OLIVINE: 1, GLASS: FIRST_PHASE + GLASS, OXIDE: FIRST_PHASE + OXIDE}


def counted(*pixels: tuple[int, int]) -> Confusion:
    """Count pixels whose label is the first number and whose most probable phase the second."""
    labels, found = np.array(pixels).T
    logits = torch.nn.functional.one_hot(torch.from_numpy(found), 4).T[:, None].float()
    matrix = Confusion(phases=4, olivine=OLIVINE)
    matrix.add(logits, torch.from_numpy(labels.astype(np.uint8))[None])
    return matrix


def test_the_iou_of_a_phase_is_what_both_have_over_what_either_has() -> None:
    glass = LABEL[GLASS]
    matrix = counted(
        (1, OLIVINE), (1, OLIVINE), (1, GLASS), (glass, GLASS), (glass, OLIVINE), (IGNORE, GLASS)
    )  # fmt: skip
    assert matrix.iou(OLIVINE) == pytest.approx(2 / 4)
    assert matrix.iou(GLASS) == pytest.approx(1 / 3)
    assert matrix.iou(OXIDE) is None, "the sessions do not show it"
    twice = Confusion.pooled([matrix, counted((LABEL[OXIDE], OXIDE), (glass, GLASS))])
    assert twice.iou(GLASS) == pytest.approx(2 / 4)
    assert twice.iou(OXIDE) == 1


def test_what_is_only_known_to_be_no_olivine_counts_for_olivine_alone() -> None:
    """As where the rule book of another section does not tell the phase."""
    matrix = counted((1, OLIVINE), (NOT_OLIVINE, OLIVINE), (NOT_OLIVINE, GLASS), (LABEL[GLASS], 2))
    assert matrix.iou(OLIVINE) == pytest.approx(1 / 2)
    assert matrix.iou(GLASS) == 1
