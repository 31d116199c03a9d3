"""Validation: a network's scores on an even sample of the validation sessions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from napari_olivine.job import Job
from napari_olivine.networks import Network, autocast, logit_of_phase, normalise, stoppable
from napari_olivine.training.losses import SegmentationScores
from napari_olivine.training.plan import Plan
from napari_olivine.training.samples import Samples

SIDE_PX = 512
MOST_PIXELS = 3 << 20


def validate(
    network: Network, samples: Samples, plan: Plan, device: torch.device, job: Job
) -> SegmentationScores:
    """Score a network on the validation sessions, the same crops every time.

    Parameters
    ----------
    network
        In training or not; it is left in the mode it was in.
    samples
        Crops of the validation windows, with their labels.
    plan
        Where validation is done.
    device
        Where to compute.
    job
        Running job.

    Returns
    -------
    Scores
        Over all validation crops.
    """
    scores = SegmentationScores()
    training = network.training
    network.eval()
    try:
        with torch.inference_mode(), stoppable(network, job), autocast(device):
            side = _side(plan)
            for place, row, column in _crops(plan, side):
                grey, label = samples.read(place, row, column, side)
                image = torch.from_numpy(normalise(grey, samples.normalisation)[None])
                logits = network(image.to(device, memory_format=torch.channels_last))
                olivine = logit_of_phase(logits, plan.olivine)[0, 0]
                scores.add(olivine, torch.from_numpy(label).to(device))
    finally:
        network.train(training)
    return scores


def _side(plan: Plan) -> int:
    """Side of a validation crop: no larger than the windows, and a multiple of 32."""
    longest = max(s.stop - s.start for window in plan.validation_windows for s in window)
    return min(SIDE_PX, -(-int(longest) // 32) * 32)


def _crops(plan: Plan, side: int) -> Iterator[tuple[int, int, int]]:
    """Window, row and column of each crop: all there are, or evenly chosen ones of many."""
    every = [
        (place, row, column)
        for place, (rows, columns) in enumerate(plan.validation_windows)
        for row in range(rows.start, rows.stop, side)
        for column in range(columns.start, columns.stop, side)
    ]
    most = max(1, MOST_PIXELS // side**2)
    chosen = np.linspace(0, len(every) - 1, min(most, len(every))).round().astype(int)
    return (every[k] for k in chosen)
