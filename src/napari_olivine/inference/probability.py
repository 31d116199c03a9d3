"""The product `probability`: where it grows, who fills it, and how it is finished."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from napari_olivine.errors import SectionError
from napari_olivine.inference.cell_store import CellStore
from napari_olivine.inference.models import SelectedModel
from napari_olivine.inference.plan import Plan
from napari_olivine.job import Job
from napari_olivine.section import Draft, Raster, Section, create_raster


@dataclass(frozen=True)
class ProbabilityDraft:
    """An unfinished probability in its draft.

    Parameters
    ----------
    folder
        Folder of the draft.
    rasters
        One image a class.
    """

    folder: Path
    rasters: Sequence[Raster]

    @cached_property
    def cells(self) -> CellStore:
        """Cells that are finished."""
        return CellStore(self.folder)


Runner = Callable[[Section, Plan, Mapping[str, ProbabilityDraft], Job], dict[str, list[str]]]
"""Fills all cells of the drafts, by name; returns the names of the engines of each."""


def make_probabilities(section: Section, plan: Plan, run: Runner, job: Job) -> None:
    """Make the probabilities of a plan that are not up to date.

    Parameters
    ----------
    section
        Section with ``images``.
    plan
        Windows, models and recipes.
    run
        Fills those that have unfinished cells.
    job
        Running job.

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
        drafts = {
            name: stack.enter_context(section.draft(name, plan.recipes[name], job))
            for name in names
        }
        unfinished = {}
        for name, draft in drafts.items():
            one = ProbabilityDraft(draft.path, _create_rasters(section, draft, plan.models[name]))
            if len(one.cells.done) < every:
                unfinished[name] = one
                job.report("growing", product=name, folder=str(draft.path))
        if unfinished:
            for name, engines in run(section, plan.only(unfinished), unfinished, job).items():
                drafts[name].notes["engine"] = ", ".join(engines)
        for name, draft in drafts.items():
            _finalize(section, draft, plan, job)


def _create_rasters(
    section: Section, draft: Draft, models: Sequence[SelectedModel]
) -> list[Raster]:
    """Create the images of a probability, one a class; open those that are there."""
    card = models[0].card
    networks = " and ".join(model.card.network for model in models)
    return [
        create_raster(
            draft.path / name,
            section.shape,
            "uint8",
            section.pixel_size_um,
            reduction="mean",
            origin=f"probability of {name} by {networks}, 255 is 1.0",
            sharded=False,
        )
        for name in card.classes
    ]


def _finalize(section: Section, draft: Draft, plan: Plan, job: Job) -> None:
    """Complete a probability whose cells are all there: overviews and notes.

    Raises
    ------
    SectionError
        If what it was made from has changed meanwhile.
    """
    models = plan.models[draft.name]
    for raster in _create_rasters(section, draft, models):
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
        classes=models[0].card.classes,
        window_px=plan.grid.window[0],
        windows=plan.grid.windows,
        histogram=CellStore(draft.path).close().tolist(),
    )
