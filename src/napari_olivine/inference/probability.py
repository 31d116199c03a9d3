"""The product `probability`: the draft that a runner fills, and how it is finished."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from napari_olivine.errors import SectionError
from napari_olivine.inference.cell_pixels import mask_gaps
from napari_olivine.inference.cell_store import CellStore
from napari_olivine.inference.models import OLIVINE
from napari_olivine.inference.plan import Plan
from napari_olivine.inference.windows import CELL
from napari_olivine.job import Job
from napari_olivine.section import (
    SHARD_COLUMNS,
    Draft,
    Raster,
    Section,
    Tiles,
    blocks,
    create_raster,
    image_name,
)


@dataclass
class ProbabilityDraft:
    """An unfinished probability in its draft.

    Parameters
    ----------
    folder
        Folder of the draft.
    rasters
        One image a class.
    engines
        Names of the engines that filled it; noted by the runner.
    """

    folder: Path
    rasters: Sequence[Raster]
    engines: list[str] = field(default_factory=list)

    @cached_property
    def cells(self) -> CellStore:
        """Cells that are finished."""
        return CellStore(self.folder)


Runner = Callable[[Section, Plan, Mapping[str, ProbabilityDraft], Job], None]
"""Fills all cells of some drafts, by the name of the probability."""


@contextmanager
def open_probabilities(
    section: Section, plan: Plan, job: Job
) -> Iterator[dict[str, ProbabilityDraft]]:
    """Make the probabilities of a plan that are not up to date.

    Parameters
    ----------
    section
        Section with ``images``.
    plan
        Windows, models and recipes.
    job
        Running job.

    Returns
    -------
    context manager of dict
        By name: the drafts with unfinished cells, for a runner to fill inside the block.

    Raises
    ------
    SectionError
        If the images change meanwhile.
    InputError
        If the overlap of the windows is not smaller than a window.
    """
    every = plan.grid.shape[0] * plan.grid.shape[1]
    names = [name for name, r in plan.recipes.items() if not section.finished(name, r, job)]
    with ExitStack() as stack:
        drafts = [stack.enter_context(section.draft(n, plan.recipes[n], job)) for n in names]
        probabilities = {
            draft.name: ProbabilityDraft(draft.path, _create_rasters(section, draft, plan))
            for draft in drafts
        }
        unfinished = {k: one for k, one in probabilities.items() if len(one.cells.done) < every}
        for name, one in unfinished.items():
            job.report("growing", product=name, folder=str(one.folder))
        yield unfinished
        for draft in drafts:
            if engines := probabilities[draft.name].engines:
                draft.notes["engine"] = ", ".join(engines)
            _finalize(section, draft, plan, job)


def _create_rasters(section: Section, draft: Draft, plan: Plan) -> list[Raster]:
    """Create the images of a probability, one a class; open those that are there."""
    models = plan.models[draft.name]
    networks = " and ".join(model.card.network for model in models)
    return [
        create_raster(
            draft.path / image_name(name),
            section.shape,
            "uint8",
            section.pixel_size_um,
            reduction="mean",
            origin=f"probability of {name} by {networks}, 255 is 1.0",
            sharded=False,
        )
        for name in models[0].classes
    ]


def _finalize(section: Section, draft: Draft, plan: Plan, job: Job) -> None:
    """Complete a probability whose cells are all there: overviews and notes.

    Raises
    ------
    SectionError
        If what it was made from has changed meanwhile.
    """
    models = plan.models[draft.name]
    for raster in _create_rasters(section, draft, plan):
        raster.build_pyramid(job)
    changed = [
        name
        for name, fingerprint in draft.recipe.inputs.items()
        if not name.startswith("source") and section.fingerprint(name) != fingerprint
    ]
    if changed:
        raise SectionError(
            f"{' and '.join(changed)} of {section.path} changed while it was segmented.",
            remedy="Run {step:segment} again.",
            step="segment",
        )
    draft.notes.update(
        model=", ".join(model.name for model in models),
        network=", ".join(model.card.network for model in models),
        classes=list(models[0].classes),
        window_px=plan.grid.window[0],
        windows=plan.grid.windows,
        histogram=CellStore(draft.path).close().tolist(),
    )
    others = [name for name in models[0].classes if name != OLIVINE]
    if others:
        colours = {phase.name: phase.colour for phase in models[0].card.phases}
        draft.notes["colours"] = {name: colours[name] for name in others if name in colours}
        draft.notes["histograms"] = {
            name: _count(Raster(draft.path / image_name(name)), section.tiles(), job)
            for name in others
        }


def _count(raster: Raster, tiles: Tiles | None, job: Job) -> list[int]:
    """Return the histogram of a probability, without the gaps of the mosaic."""
    counts = np.zeros(256, np.int64)
    for rows, columns in blocks(raster.shape, CELL, SHARD_COLUMNS):
        job.check()
        stored = raster.read(rows, columns)[np.newaxis]
        counts += mask_gaps(tiles, rows, columns, stored)[1]
    return [int(count) for count in counts]
