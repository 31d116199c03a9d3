"""How the learning rate goes during a training."""

from __future__ import annotations

import math

from napari_olivine.networks import Preset

RISE_STEPS = 30
CYCLES = 4
"""Falls of a schedule with restarts (ours)."""

LOWEST = 0.2
"""Lowest rate of a fall, as a part of the largest: 5e-4 to 1e-4 in ddvika/SEM_segmentation."""


def learning_rate(preset: Preset, step: int, part_done: float) -> float:
    """Learning rate of a step.

    ``"constant"``: as in Leichter et al. (2022), doi 10.3389/feart.2022.740638. ``"once"``: a
    linear rise over the first 30 steps, then half a cosine down to zero at the end.
    ``"restarts"``: a cosine from the largest rate to a fifth of it, four times over, batch by batch
    (Loshchilov & Hutter 2017, arXiv 1608.03983).

    Parameters
    ----------
    preset
        How the network is trained.
    step
        Steps that are done.
    part_done
        Part of the training that is done, 0-1.

    Returns
    -------
    float
        Factor of the optimiser's steps.
    """
    largest, part_done = preset.learning_rate, min(1.0, part_done)
    if preset.schedule == "constant":
        return largest
    if preset.schedule == "once":
        rise = min(1.0, (step + 1) / RISE_STEPS)
        return largest * rise * 0.5 * (1 + math.cos(math.pi * part_done))
    of_cycle = part_done * CYCLES % 1.0 if part_done < 1 else 1.0
    fall = 0.5 * (1 + math.cos(math.pi * of_cycle))
    return largest * (LOWEST + (1 - LOWEST) * fall)
