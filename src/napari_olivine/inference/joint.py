"""The product `joint`: where element maps lie, network and counts decide together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import SectionError
from napari_olivine.inference.encoding import FULL, stored_threshold
from napari_olivine.inference.evidence import (
    HAND_OLIVINE,
    HAND_OTHER,
    IS_OLIVINE,
    SURE,
    UNMEASURED,
    MapEvidence,
)
from napari_olivine.inference.models import OLIVINE
from napari_olivine.inference.odds import NetworkOdds, calibrated_odds, stored_logits
from napari_olivine.job import Job
from napari_olivine.masks.corrections import correct_mask
from napari_olivine.section import (
    CHUNK,
    SHARD_COLUMNS,
    Draft,
    Product,
    Raster,
    Section,
    blocks,
    create_raster,
    is_of_labels,
    lock_of,
    remove,
)
from napari_olivine.settings import Settings

JOINT = "joint"
"""Product with the segmentation by all evidence."""

SUREST = 0.9999
"""Probability by the counts at most, away from outlines; on phantoms of seed 101 they were right
there in 99.99 % of the pixels and more."""

ALWAYS, NEVER = 0, FULL + 1
"""Limits that every stored probability reaches, and none."""

ROUNDING = 1e-9


class _Joint(Settings):
    """The setting that decides on the joint segmentation."""

    threshold: float


def ready_mask(section: Section, job: Job) -> Product | None:
    """Return the mask whose counts are joined, up to date with its corrections; `None` for none.

    Imported labels are no counts: joined, they would segment the images that they are to test.

    Parameters
    ----------
    section
        The section.
    job
        Running job.

    Raises
    ------
    SectionError
        If the mask is out of date: found before the network has run.
    """
    if section.product("mask") is None or is_of_labels(section):
        return None
    correct_mask(section, job)
    if section.state("mask") == "stale":
        raise SectionError(
            f"The mask of {section.path} is out of date, and its element maps are evidence too.",
            remedy="Run {step:mask} again, or set {setting:evidence} to 'bse'.",
            setting="evidence",
            step="mask",
        )
    return section.require("mask")


def leave_out_joint(section: Section, job: Job) -> None:
    """Take away the joint segmentation of a section that goes by BSE alone from now on.

    Parameters
    ----------
    section
        The section.
    job
        Running job.
    """
    if section.product(JOINT) is None:
        return
    with lock_of(section.path, JOINT):
        remove(section.path / JOINT)
    job.say("The segmentation by BSE and element maps is taken away: BSE alone counts.")


def make_joint(section: Section, threshold: float, job: Job) -> Product:
    """Join the network's probability with what the counts say.

    Makes the product ``joint`` with the image ``olivine`` (uint8, 1 olivine): where the mask knows
    a pixel, its log odds by the network, calibrated, and by the counts are added, and what a person
    corrected in the mask counts alone; elsewhere it is the segmentation. Finished blocks are kept
    when it is stopped.

    Parameters
    ----------
    section
        Section with ``probability`` and ``mask``.
    threshold
        Threshold of the probability where there are no counts.
    job
        Running job.

    Returns
    -------
    Product
        ``joint``.
    """
    inputs = ["probability", "mask", "annotations/sessions"]
    recipe = section.recipe("segment", _Joint(threshold=threshold), inputs)
    if done := section.finished(JOINT, recipe, job):
        return done
    with section.draft(JOINT, recipe, job) as draft:
        _join(section, draft, threshold, job)
        notes = draft.notes
        job.say(
            f"With the element maps, which cover {notes['covered_percent']:.3g} % of the section, "
            f"{notes['added_px']} pixels are olivine that BSE alone leaves out, and "
            f"{notes['removed_px']} are none that it takes."
        )
    return section.require(JOINT)


def _join(section: Section, draft: Draft, threshold: float, job: Job) -> None:
    """Fill the draft, and note how the evidence was weighed."""
    maps = MapEvidence(section)
    probability = section.raster("probability", OLIVINE)
    odds = calibrated_odds(section, maps, job)
    limits = joint_limits(odds, threshold)
    raster = create_raster(
        draft.path / OLIVINE,
        section.shape,
        "uint8",
        section.pixel_size_um,
        reduction="mode",
        origin="1 where the network's probability and the counts together speak for olivine",
    )
    for rows, columns in draft.pending(blocks(section.shape, CHUNK, SHARD_COLUMNS), "Joining"):
        job.check()
        codes, stored = maps.codes(rows, columns), probability.read(rows, columns)
        raster.write(rows.start, columns.start, (stored >= limits[codes]).view(np.uint8))
    raster.build_pyramid(job)
    draft.notes |= {
        "slope": round(odds.slope, 4),
        "offset": round(odds.offset, 4),
        "calibrated_on": list(odds.sessions),
        "calibrated_px": odds.pixels,
    } | _shares(section, raster, maps.mask, job)


def joint_limits(odds: NetworkOdds, threshold: float) -> NDArray[np.int16]:
    """Return from which stored probability a pixel of each code is olivine.

    The log odds of the network, calibrated, and those of the counts are added: where the sum is at
    least 0 is olivine. So two images are joined by one look-up and one comparison a pixel.

    Parameters
    ----------
    odds
        How the network's log odds are to be read on this section.
    threshold
        Threshold where there are no counts.

    Returns
    -------
    ndarray of int16, shape (256,)
        By code of `napari_olivine.inference.evidence`; 256 is reached by no pixel.
    """
    codes = np.arange(SURE + 1)
    share = np.clip(codes / SURE, 1 - SUREST, SUREST)
    total = np.log(share / (1 - share))[:, np.newaxis] + odds.of(stored_logits())
    limits = np.full(256, NEVER, np.int16)
    limits[codes] = (total < -ROUNDING).sum(1)  # they rise with the probability
    limits[HAND_OLIVINE], limits[HAND_OTHER] = ALWAYS, NEVER
    limits[UNMEASURED] = stored_threshold(threshold)
    return limits


def _shares(section: Section, joint: Raster, mask: Raster, job: Job) -> dict[str, Any]:
    """Count the pixels that the maps cover, those of olivine, and those that they changed."""
    alone = section.raster("segmentation", OLIVINE)
    covered = olivine = added = removed = 0
    for rows, columns in blocks(section.shape, CHUNK, SHARD_COLUMNS):
        job.check()
        now, before = joint.read(rows, columns), alone.read(rows, columns)
        covered += int((mask.read(rows, columns) != UNMEASURED).sum())
        olivine += int((now == IS_OLIVINE).sum())
        added += int((now > before).sum())
        removed += int((now < before).sum())
    every = section.shape[0] * section.shape[1]
    return {
        "covered_percent": round(100 * covered / every, 3),
        "olivine_px": olivine,
        "added_px": added,
        "removed_px": removed,
    }
