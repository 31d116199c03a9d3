"""The threshold of the probability where a person sets none."""

from __future__ import annotations

from napari_olivine.job import Job
from napari_olivine.networks import ModelCard

PUBLISHED_THRESHOLD = 0.1
"""Leichter et al. (2022), doi 10.3389/feart.2022.740638."""

WORTH_IT = 0.02
"""Gain in IoU from which another threshold is taken."""


def threshold_of(card: ModelCard) -> float:
    """Return the threshold for a model.

    Parameters
    ----------
    card
        Its card.

    Returns
    -------
    float
        That which was best on the validation session, if the model's outlines follow the grey:
        the filter spreads a low probability over some pixels beyond an outline. Else
        `PUBLISHED_THRESHOLD`, unless another was better by more than `WORTH_IT`.
    """
    gain = card.scores.get("iou_best", 0.0) - card.scores.get("iou_0.1", 0.0)
    if card.outlines_from == "bse" or gain > WORTH_IT:
        return round(card.best_threshold, 2)
    return PUBLISHED_THRESHOLD


def automatic_threshold(card: ModelCard, job: Job) -> float:
    """Return the threshold for a model, and tell if it is not the published one.

    Parameters
    ----------
    card
        Its card.
    job
        Running job.
    """
    threshold = threshold_of(card)
    if threshold != PUBLISHED_THRESHOLD:
        job.say(
            f"The threshold is {threshold:g}, the best on the model's validation session: IoU "
            f"{card.scores['iou_best']:.2f}, and {card.scores.get('iou_0.1', 0.0):.2f} at the "
            f"published {PUBLISHED_THRESHOLD:g}."
        )
    return threshold
