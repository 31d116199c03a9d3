"""A model over the scored sessions, cell by cell: pixels first, then outlines and crystals."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_olivine.comparison.effort import Meter
from napari_olivine.comparison.pixel_counts import NO_LABEL, OLIVINE, REST, PixelCounts
from napari_olivine.comparison.record import Outlines, Prediction, SessionRecord, SizeCount
from napari_olivine.comparison.reference import Reference, place_of
from napari_olivine.comparison.settings import CompareSettings
from napari_olivine.inference import (
    PUBLISHED_THRESHOLD,
    Plan,
    SegmentSettings,
    SelectedModel,
    loaded,
    make_plan,
    predict_cells,
    stored_threshold,
)
from napari_olivine.job import Job
from napari_olivine.scoring import (
    WIDTH_PX,
    BoundaryCounts,
    RegionOverlaps,
    score_sizes,
)
from napari_olivine.section import Raster, Section, Session, blocks, create_raster, strip_height

BYTES_PER_PIXEL = 96
"""Of a strip whose crystals are matched: ids, labels, masks, and their sorted overlaps."""


def predict_sessions(
    section: Section,
    model: SelectedModel,
    reference: Reference,
    settings: CompareSettings,
    folder: Path,
    job: Job,
) -> tuple[list[SessionRecord], Raster, Prediction]:
    """Segment the scored sessions as the step `segment` does, and count their pixels.

    Parameters
    ----------
    section
        Section with ``images``.
    model
        Model that fits it, with all its phases.
    reference
        What is right.
    settings
        Of the comparison.
    folder
        Gets the probability of olivine.
    job
        Running job.

    Returns
    -------
    sessions : list of SessionRecord
        Pixels of each scored session.
    olivine : Raster
        Probability of olivine, 255 is 1, in the cells of these sessions.
    prediction : Prediction
        What it took.
    """
    how = SegmentSettings(engine=settings.engine, evidence="bse")
    # Nothing of a probability that the section holds is taken over.
    plan = make_plan(section, {"compared": [model]}, how, Job(
        memory_bytes=job.memory_bytes, device=job.device, force=True
    ))  # fmt: skip
    places = [place_of(reference.names, name) for name in model.classes]
    stored = create_raster(
        folder / "olivine", section.shape, "uint8", section.pixel_size_um, reduction="mean",
        sharded=False,
    )  # fmt: skip
    counts = {one.session: PixelCounts.empty(len(reference.names)) for one in reference.sessions}
    engine = _load(plan, job)
    cells = [
        cell for cell in plan.grid.cells()
        if any(_meet(plan.grid.cell(cell), one.window) for one in reference.sessions)
    ]  # fmt: skip
    meter, pixels = Meter(), 0
    for done, cell in enumerate(cells):
        job.progress(done, len(cells), "Segmenting")
        with meter:
            probability = predict_cells(plan, [cell], job)[cell]
        rows, columns = plan.grid.cell(cell)
        pixels += probability[0].size
        stored.write(rows.start, columns.start, probability[model.classes.index("olivine")])
        for one in reference.sessions:
            if _meet((rows, columns), one.window):
                counts[one.session].add(reference.classes(one, rows, columns), probability, places)
    sessions = [
        SessionRecord.of(one.session, one.role, counts[one.session]) for one in reference.sessions
    ]
    return sessions, stored, Prediction(
        effort=meter.effort(), engine=engine, megapixels=pixels / 1e6
    )  # fmt: skip


def measure_outlines(
    stored: Raster,
    session: Session,
    reference: Reference,
    thresholds: list[float],
    settings: CompareSettings,
    job: Job,
) -> list[Outlines]:
    """Measure outlines and crystals of olivine in a session, strip by strip.

    Parameters
    ----------
    stored
        Probability of olivine.
    session
        Where.
    reference
        What is right.
    thresholds
        Least probabilities of olivine.
    settings
        Of the comparison.
    job
        Running job.

    Returns
    -------
    list of Outlines
        One a threshold.
    """
    shape = (session.row1 - session.row0, session.col1 - session.col0)
    columns = slice(session.col0, session.col1)
    connected = reference.crystals(slice(0, 1), columns) is None
    borders = [BoundaryCounts() for _ in thresholds]
    regions = [RegionOverlaps(connected=connected) for _ in thresholds]
    strips = list(blocks(shape, strip_height(job, shape[1] * BYTES_PER_PIXEL)))
    for done, (within, _) in enumerate(strips):
        job.progress(done, len(strips), f"Measuring crystals of session {session.session}")
        rows = slice(session.row0 + within.start, session.row0 + within.stop)
        wide = slice(
            max(rows.start - WIDTH_PX, session.row0), min(rows.stop + WIDTH_PX, session.row1)
        )
        inner = (slice(rows.start - wide.start, rows.stop - wide.start), slice(None))
        classes = reference.classes(session, wide, columns)
        known, olivine = classes != NO_LABEL, classes == OLIVINE
        probability = stored.read(wide, columns)
        ids = reference.crystals(rows, columns)
        true = olivine[inner].astype(np.int64) if ids is None else ids
        for threshold, border, region in zip(thresholds, borders, regions, strict=True):
            predicted = known & (probability >= stored_threshold(threshold))
            border.add(olivine, predicted, inner)
            region.add(
                true, predicted[inner], known[inner], within.start,
                last=within.stop == shape[0],
            )  # fmt: skip
    area_um2 = stored.pixel_size_um**2
    return [
        _outlines(threshold, border, region, area_um2, settings.found_iou)
        for threshold, border, region in zip(thresholds, borders, regions, strict=True)
    ]


def _outlines(
    threshold: float, border: BoundaryCounts, region: RegionOverlaps, area_um2: float, found: float
) -> Outlines:
    sizes = score_sizes(*region.joined(), area_um2, found)
    return Outlines(
        threshold=threshold,
        boundary_shared=border.shared,
        boundary_either=border.either,
        sizes=[
            SizeCount(from_um2=one.from_um2, to_um2=one.to_um2, true=one.true, found=one.found)
            for one in sizes.classes
        ],
        regions=sizes.labels,
        false_regions=sizes.false_labels,
    )


def _load(plan: Plan, job: Job) -> str:
    """Load the network and choose its engine, so that the time of predicting is that alone."""
    job.check()
    with loaded(plan, job) as here:
        return " + ".join(here.predictors["compared"].engines)


def _meet(one: tuple[slice, slice], other: tuple[slice, slice]) -> bool:
    """Tell whether two windows have pixels in common."""
    return all(a.start < b.stop and b.start < a.stop for a, b in zip(one, other, strict=True))


def known_places(model: SelectedModel, reference: Reference) -> list[int]:
    """Return the classes of the reference that a model tells apart."""
    return sorted({place_of(reference.names, name) for name in model.classes} - {REST})


def thresholds_of(best: float) -> list[float]:
    """Return the thresholds at which olivine is scored: the published one, and the best."""
    return list(dict.fromkeys([PUBLISHED_THRESHOLD, best]))
