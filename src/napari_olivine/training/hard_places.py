"""Where network and mask disagree in the training sessions: there more crops are laid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_olivine.job import Job
from napari_olivine.networks import Network, autocast, logit_of_phase, normalise, stoppable
from napari_olivine.training.samples import HardPlaces, Samples
from napari_olivine.training.windows import BY_HAND, IGNORE, Window

SIDE_PX = 512
MOST_PIXELS = 4 << 20
"""Pixels of a section that are looked at after an epoch, chosen at random anew."""

BLOCK_PX = 32
LEAST_DISAGREEMENT = 0.1
"""Mean of |p - t| in a block, p the probability of olivine and t the mask, from which it is hard:
outlines that are a pixel off stay below (ours)."""


def find_hard_places(
    network: Network,
    samples: Samples,
    olivine: int,
    random: np.random.Generator,
    device: torch.device,
    job: Job,
) -> HardPlaces | None:
    """Compare the network with the mask in some of the training windows.

    Parameters
    ----------
    network
        In training or not; it is left in the mode it was in.
    samples
        Crops of the training windows of a section.
    olivine
        Number of olivine among the outputs.
    random
        Chooses which parts are looked at.
    device
        Where to compute.
    job
        Running job.

    Returns
    -------
    HardPlaces or None
        Centres of blocks of `BLOCK_PX`, drawn in proportion to the disagreement in them; `None`
        where there is no such block.
    """
    places, chances = [], []
    training = network.training
    network.eval()
    try:
        with torch.inference_mode(), stoppable(network, job), autocast(device):
            for place, row, column, side in _chosen(samples.windows, random):
                grey, label = samples.read(place, row, column, side)
                image = torch.from_numpy(normalise(grey, samples.normalisation)[None])
                logits = network(image.to(device, memory_format=torch.channels_last))
                p = logit_of_phase(logits, olivine)[0, 0].float().sigmoid().cpu().numpy()
                wrong = _by_blocks(p, label)
                down, along = np.nonzero(wrong >= LEAST_DISAGREEMENT)
                rows, columns = (at * BLOCK_PX + BLOCK_PX // 2 for at in (down, along))
                found = [rows + row, columns + column, np.full(len(down), place)]
                places.append(np.stack(found, axis=1))
                chances.append(wrong[down, along])
    finally:
        network.train(training)
    if not sum(len(some) for some in chances):
        return None
    return HardPlaces(np.concatenate(places).astype(np.int64), np.concatenate(chances))


def _chosen(
    windows: Sequence[Window], random: np.random.Generator
) -> list[tuple[int, int, int, int]]:
    """Window, row, column and side of the parts that are looked at."""
    every = []
    for place, (rows, columns) in enumerate(windows):
        side = min(SIDE_PX, rows.stop - rows.start, columns.stop - columns.start)
        every += [
            (place, row, column, side)
            for row in range(rows.start, rows.stop - side + 1, side)
            for column in range(columns.start, columns.stop - side + 1, side)
        ]
    random.shuffle(every)
    most = max(1, MOST_PIXELS // SIDE_PX**2)
    return every[:most]


def _by_blocks(p: NDArray[np.float32], label: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean of |p - t| in blocks; 0 where less than half of a block has a label."""
    known = label != IGNORE
    truth = (label == 1) | (label == BY_HAND + 1)
    rows, columns = (size // BLOCK_PX for size in p.shape)

    def sums(values: NDArray[Any]) -> NDArray[np.float64]:
        inside = values[: rows * BLOCK_PX, : columns * BLOCK_PX]
        blocks = inside.reshape(rows, BLOCK_PX, columns, BLOCK_PX)
        return np.asarray(blocks.sum((1, 3)), np.float64)

    counts = sums(known.astype(float))
    wrong = sums(np.abs(p - truth) * known)
    return np.where(counts >= BLOCK_PX**2 / 2, wrong / np.maximum(counts, 1), 0.0)


def hard_places_to_tensors(places: HardPlaces | None) -> list[Tensor]:
    """Turn places into what a checkpoint keeps; none into an empty list."""
    if places is None:
        return []
    return [torch.from_numpy(places.positions), torch.from_numpy(places.chances)]


def hard_places_from_tensors(tensors: Sequence[Tensor]) -> HardPlaces | None:
    """Turn what a checkpoint kept back into places."""
    if not tensors:
        return None
    positions, chances = tensors
    return HardPlaces(positions.cpu().numpy(), chances.cpu().numpy())
