"""The product `segmentation`: where the probability of each phase reaches its threshold."""

from __future__ import annotations

import numpy as np

from napari_olivine.inference.encoding import stored_threshold
from napari_olivine.inference.models import OLIVINE
from napari_olivine.inference.windows import CELL
from napari_olivine.job import Job
from napari_olivine.section import Draft, Product, Section, blocks, create_raster, image_name
from napari_olivine.settings import Settings


class _Threshold(Settings):
    """The setting that decides on a segmentation of olivine."""

    threshold: float


class _Thresholds(_Threshold):
    """The settings that decide on a segmentation of several phases."""

    phase_threshold: float


def make_segmentation(
    section: Section, threshold: float, phase_threshold: float, job: Job
) -> Product:
    """Make the segmentation: an image a phase of the probability, 1 where it reaches its threshold.

    Each image stands for itself. The threshold of olivine is low as published, so that a pixel may
    be olivine and another phase; of two others, a threshold of 0.5 and more lets it be one.

    Parameters
    ----------
    section
        Section with ``probability``.
    threshold
        Probability from which a pixel is olivine.
    phase_threshold
        Probability from which it is another phase.
    job
        Running job.

    Returns
    -------
    Product
        ``segmentation``, with the share of each phase in its notes, percent.
    """
    probability = section.require("probability")
    histograms = _histograms(probability)
    decisive = _Threshold(threshold=threshold)
    if len(histograms) > 1:
        decisive = _Thresholds(threshold=threshold, phase_threshold=phase_threshold)
    recipe = section.recipe("segment", decisive, ["probability"])
    if done := section.finished("segmentation", recipe, job):
        return done
    least = dict.fromkeys(histograms, phase_threshold) | {OLIVINE: threshold}
    with section.draft("segmentation", recipe, job) as draft:
        _apply_thresholds(section, draft, least, job)
        percent = {phase: percent_from(n, least[phase]) for phase, n in histograms.items()}
        draft.notes["olivine_percent"] = percent.pop(OLIVINE)
        if percent:
            draft.notes["other_percent"] = percent
    return section.require("segmentation")


def _apply_thresholds(section: Section, draft: Draft, least: dict[str, float], job: Job) -> None:
    """Write an image a phase."""
    stored = {phase: section.raster("probability", image_name(phase)) for phase in least}
    written = {
        phase: create_raster(
            draft.path / image_name(phase),
            section.shape,
            "uint8",
            section.pixel_size_um,
            reduction="mode",
            origin=f"1 where the probability of {phase} is at least {threshold:g}",
        )
        for phase, threshold in least.items()
    }
    parts = [(phase, strip) for phase in least for strip in blocks(section.shape, CELL)]
    for phase, (rows, columns) in draft.pending(parts, "Thresholding"):
        there = stored[phase].read(rows, columns) >= stored_threshold(least[phase])
        written[phase].write(rows.start, 0, there.astype(np.uint8))
    for raster in written.values():
        raster.build_pyramid(job)


def _histograms(probability: Product) -> dict[str, list[int]]:
    """Return how often each stored probability occurs, by phase."""
    others: dict[str, list[int]] = probability.notes.get("histograms", {})
    return {OLIVINE: probability.notes["histogram"]} | others


def percent_from(histogram: list[int], threshold: float) -> float:
    """Return the share of the pixels from a threshold on, percent."""
    counts = np.array(histogram)
    share = counts[stored_threshold(threshold) :].sum() / max(1, counts.sum())
    return round(100 * float(share), 3)
