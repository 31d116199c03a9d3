"""The product `probability`: what it is made from, where it grows, and how it is finished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from napari_olivine.errors import InputError, SectionError
from napari_olivine.inference.cell_store import Cells
from napari_olivine.inference.models import Chosen, choose_models, fingerprint_of_model
from napari_olivine.inference.settings import SegmentSettings
from napari_olivine.inference.windows import CELL, Grid, make_grid
from napari_olivine.job import Job
from napari_olivine.networks import network_spec
from napari_olivine.section import Draft, Raster, Recipe, Section, create_raster
from napari_olivine.settings import Settings

METHOD = 2
"""Number of the way in which windows are laid and blended."""

Wanted = tuple[str, Sequence[Chosen]]
"""Name of a probability, and the models whose mean it is."""


@dataclass(frozen=True)
class Growing:
    """A probability that grows in its draft.

    Parameters
    ----------
    models
        Models whose mean it is.
    draft
        Folder of the draft.
    rasters
        One image a class.
    """

    models: Sequence[Chosen]
    draft: Path
    rasters: Sequence[Raster]

    @cached_property
    def cells(self) -> Cells:
        """What is finished."""
        return Cells(self.draft)


def make_probabilities(
    section: Section, models: Sequence[Chosen], settings: SegmentSettings, job: Job
) -> None:
    """Make ``probability``, and ``compare/MODEL`` if asked for, unless they are up to date.

    Raises
    ------
    SectionError
        If the images are missing, or change meanwhile.
    InputError
        If not even a small window fits in the memory.
    """
    wanted: list[Wanted] = [("probability", models)]
    if settings.compare:
        other = choose_models(section, settings.compare)
        wanted.append((compared(other), other))
    window = choose_window([model for _, m in wanted for model in m], settings, job)
    grid = make_grid(section.shape, window, settings.overlap_px, settings.blend)
    recipes = {name: recipe_of(section, m, window, settings) for name, m in wanted}
    wanted = [(name, m) for name, m in wanted if not section.finished(name, recipes[name], job)]
    if not wanted:
        return

    with ExitStack() as stack:
        drafts = {
            name: stack.enter_context(section.draft(name, recipes[name], job)) for name, _ in wanted
        }
        growing = {
            name: Growing(m, drafts[name].path, create_rasters(section, drafts[name], m))
            for name, m in wanted
        }
        every = grid.shape[0] * grid.shape[1]
        left = {name: one for name, one in growing.items() if len(one.cells.done) < every}
        for name in left:
            job.report("growing", product=name, folder=str(drafts[name].path))
        if left:
            if settings.scheduler:
                from napari_olivine.inference.cluster import fill_on_cluster

                engines = fill_on_cluster(section, left, grid, settings, window, job)
            else:
                engines = _fill_here(section, left, grid, settings, window, job)
            for name, used in engines.items():
                drafts[name].notes["engine"] = ", ".join(used)
        for name, m in wanted:
            finalize(section, drafts[name], recipes[name], m, grid, job)


def _fill_here(
    section: Section,
    growing: Mapping[str, Growing],
    grid: Grid,
    settings: SegmentSettings,
    window: int,
    job: Job,
) -> dict[str, list[str]]:
    """Fill probabilities in this process; return the engine of each."""
    from napari_olivine.inference.local_runner import Filling, Target
    from napari_olivine.inference.predictor import make_predictor

    batch = settings.batch or default_batch(job)
    targets = []
    for name, one in growing.items():
        job.progress(len(one.cells.done), grid.shape[0] * grid.shape[1], "Loading the network")
        predictor = make_predictor(section, one.models, (batch, *grid.window), settings, job)
        job.say(f"{name}: {' + '.join(predictor.engines)}, windows of {window} px.")
        targets.append(Target(name, predictor, one.rasters, one.cells))
    image = section.raster("images", "BSE")
    Filling(image, section.tiles(), grid, targets, batch, settings.live, job).run()
    return {target.name: [" + ".join(target.predictor.engines)] for target in targets}


def recipe_of(
    section: Section, models: Sequence[Chosen], window: int, settings: SegmentSettings
) -> Recipe:
    """Write what a probability is made from."""
    inputs = ["images"] + [model.product for model in models if model.product]
    if any(model.card.normalisation.align == "session" for model in models):
        inputs.append("annotations/sessions")
    outside = [model for model in models if not model.product]
    return section.recipe(
        "segment",
        _Probability(
            models=tuple(model.name for model in models),
            window_px=window,
            overlap_px=settings.overlap_px,
            blend=settings.blend,
            augment=settings.augment,
        ),
        inputs,
        method=METHOD,
        extra={
            f"source/model {k}": fingerprint_of_model(model.folder)
            for k, model in enumerate(outside)
        },
    )


def create_rasters(section: Section, draft: Draft, models: Sequence[Chosen]) -> list[Raster]:
    """Create the images of a probability, one a class; open those that are there."""
    card = models[0].card
    words = " and ".join(model.card.network for model in models)
    return [
        create_raster(
            draft.path / name,
            section.shape,
            "uint8",
            section.pixel_size_um,
            reduction="mean",
            origin=f"probability of {name} by {words}, 255 is 1.0",
            sharded=False,
        )
        for name in card.classes
    ]


def finalize(
    section: Section, draft: Draft, recipe: Recipe, models: Sequence[Chosen], grid: Grid, job: Job
) -> None:
    """Complete a probability whose cells are all there.

    Raises
    ------
    SectionError
        If what it was made from has changed meanwhile.
    """
    for raster in create_rasters(section, draft, models):
        raster.build_pyramid(job)
    changed = [
        name
        for name, fingerprint in recipe.inputs.items()
        if not name.startswith("source") and section.fingerprint(name) != fingerprint
    ]
    if changed:
        raise SectionError(
            f"{' and '.join(changed)} of {section.path} changed while it was segmented: run "
            "'napari-olivine segment' again."
        )
    draft.notes.update(
        model=", ".join(model.name for model in models),
        network=", ".join(model.card.network for model in models),
        classes=models[0].card.classes,
        window_px=grid.window[0],
        windows=grid.windows,
        histogram=Cells(draft.path).close().tolist(),
    )


def choose_window(models: Sequence[Chosen], settings: SegmentSettings, job: Job) -> int:
    """Choose the side of the windows, px: as set, or less where the memory does not hold one.

    Raises
    ------
    InputError
        If there is no memory for the smallest.
    """
    together = settings.batch or 1
    per_pixel = together * sum(network_spec(model.card.network).window_bytes for model in models)
    largest = (job.memory_bytes / per_pixel) ** 0.5
    asked = settings.window_px or settings.overlap_px + CELL
    fits = [asked, *(settings.overlap_px + side for side in (CELL, CELL // 2, CELL // 4))]
    fits = [side // 32 * 32 for side in fits if side <= min(asked, largest)]
    if not fits:
        need = per_pixel * min(asked, settings.overlap_px + CELL // 4) ** 2 / 1e9
        raise InputError(
            f"A window of the network needs {need:.1f} GB: give more memory, or a smaller "
            "window_px, overlap_px and batch."
        )
    if settings.window_px is not None and fits[0] < settings.window_px:
        job.warn(f"A window of {asked} px does not fit in the memory; taking {fits[0]} px.")
    return fits[0]


def default_batch(job: Job) -> int:
    """Windows that go through the network together, unless set."""
    from napari_olivine.networks import choose_device

    return 4 if choose_device(job.device).type == "cuda" else 1


def compared(models: Sequence[Chosen]) -> str:
    """Name of the product of a model that another one is compared with."""
    return "compare/" + "+".join(model.folder.name for model in models)


class _Probability(Settings):
    """The settings that decide on a probability."""

    models: tuple[str, ...]
    window_px: int
    overlap_px: int
    blend: str
    augment: str
