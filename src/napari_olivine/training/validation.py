"""Validation: a network's scores on an even sample of the validation sessions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from napari_olivine.job import Job
from napari_olivine.networks import Network, autocast, normalise, stoppable
from napari_olivine.training.confusion import Confusion
from napari_olivine.training.guided import olivine_logit
from napari_olivine.training.losses import SegmentationScores
from napari_olivine.training.plan import Plan
from napari_olivine.training.samples import Samples

SIDE_PX = 512
MOST_PIXELS = 3 << 20


@dataclass(frozen=True)
class ValidatedSection:
    """A section on whose validation sessions a network is scored.

    Parameters
    ----------
    name
        Of the section.
    samples
        Crops of its validation windows, with their labels.
    plan
        Where validation is done.
    """

    name: str
    samples: Samples
    plan: Plan


def validate(
    network: Network, sections: Sequence[ValidatedSection], device: torch.device, job: Job
) -> list[SegmentationScores]:
    """Score a network on the validation sessions, the same crops every time.

    Parameters
    ----------
    network
        In training or not; it is left in the mode it was in.
    sections
        Where; each gives as many pixels at most as another.
    device
        Where to compute.
    job
        Running job.

    Returns
    -------
    list of SegmentationScores
        Of each section, over all its validation crops.
    """
    most = MOST_PIXELS // len(sections)
    return [_validate_one(network, one, most, device, job) for one in sections]


def _validate_one(
    network: Network, section: ValidatedSection, most: int, device: torch.device, job: Job
) -> SegmentationScores:
    samples, plan = section.samples, section.plan
    confusion = Confusion(len(plan.phases), plan.olivine) if plan.phases else None
    scores = SegmentationScores(confusion)
    training = network.training
    network.eval()
    try:
        with torch.inference_mode(), stoppable(network, job), autocast(device):
            side = _side(plan)
            for place, row, column in _crops(plan, side, most):
                grey, label = samples.read(place, row, column, side)
                image = torch.from_numpy(normalise(grey, samples.normalisation)[None])
                logits = network(image.to(device, memory_format=torch.channels_last))
                olivine = olivine_logit(logits, plan.olivine, image, plan.preset.outlines_from)
                labels = torch.from_numpy(label).to(device)
                scores.add(olivine, labels)
                if confusion is not None:
                    confusion.add(logits[0], labels)
    finally:
        network.train(training)
    return scores


def _side(plan: Plan) -> int:
    """Side of a validation crop: no larger than the windows, and a multiple of 32."""
    longest = max(s.stop - s.start for window in plan.validation_windows for s in window)
    return min(SIDE_PX, -(-int(longest) // 32) * 32)


def _crops(plan: Plan, side: int, most_px: int) -> Iterator[tuple[int, int, int]]:
    """Window, row and column of each crop: all there are, or evenly chosen ones of many."""
    every = [
        (place, row, column)
        for place, (rows, columns) in enumerate(plan.validation_windows)
        for row in range(rows.start, rows.stop, side)
        for column in range(columns.start, columns.stop, side)
    ]
    most = max(1, most_px // side**2)
    chosen = np.linspace(0, len(every) - 1, min(most, len(every))).round().astype(int)
    return (every[k] for k in chosen)
