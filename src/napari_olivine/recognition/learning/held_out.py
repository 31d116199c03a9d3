"""Which images a network learns from, and which choose thresholds and the moment to stop."""

from __future__ import annotations

import numpy as np

from napari_olivine.job import Job
from napari_olivine.recognition import ImageSet, hold_out

LOOKED_AT = 20
"""Images that are looked at to tell whether a set has colours."""

HELD_OUT = 0.2
"""Share of the images that is held out where none are named for that (ours)."""


def learned_and_chosen(images: ImageSet, job: Job) -> tuple[ImageSet, ImageSet]:
    """Divide labelled images into those that are learned from and those that choose.

    Parameters
    ----------
    images
        Labelled images. Those of the split ``"val"`` choose where there are any; else a fifth of
        each class is held out, by source.
    job
        Running job, for its seed.

    Returns
    -------
    learned, chosen
        Their classes are those that have images. `chosen` is empty where a class has one source.
    """
    there = tuple(name for name, count in images.counts().items() if count)
    images = ImageSet(images.images, there)
    chosen = images.of_split("val")
    if len(chosen):
        return images.select(np.array([one.split != "val" for one in images.images])), chosen
    fold = hold_out(images, HELD_OUT, job.seed)
    return images.select(fold.train), images.select(fold.test)
