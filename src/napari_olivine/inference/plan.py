"""What a segmentation computes: its windows, and the models and recipe of each probability."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.inference.models import SelectedModel, fingerprint_of_model
from napari_olivine.inference.settings import SegmentSettings
from napari_olivine.inference.windows import CELL, Grid, make_grid
from napari_olivine.job import Job
from napari_olivine.networks import network_spec
from napari_olivine.section import Recipe, Section
from napari_olivine.settings import Settings

METHOD = 2
"""Number of the way in which windows are laid and blended."""


@dataclass(frozen=True)
class Plan:
    """All that a process needs to predict a section: small, and the same in every process.

    Parameters
    ----------
    section
        Folder of the section, as every process sees it.
    shape
        Rows and columns of the section, px.
    settings
        Windows, engine and scheduler.
    window_px
        Side of a window, px.
    models
        By the name of each probability: the models whose mean it is.
    recipes
        By the name of each probability.
    device
        Device of the job.
    memory_bytes
        Memory of the job, or of each worker of a cluster.
    """

    section: Path
    shape: tuple[int, int]
    settings: SegmentSettings
    window_px: int
    models: Mapping[str, Sequence[SelectedModel]]
    recipes: Mapping[str, Recipe]
    device: str
    memory_bytes: int

    @cached_property
    def grid(self) -> Grid:
        """Windows, and the cells that their results are kept in."""
        settings = self.settings
        return make_grid(self.shape, self.window_px, settings.overlap_px, settings.blend)

    @property
    def network_part(self) -> Plan:
        """The same plan without the settings that do not decide on a probability.

        A worker keeps its networks loaded as long as this part stays the same.
        """
        plain = {"threshold": 0.1, "phase_threshold": 0.5, "scheduler": "", "live": False}
        return replace(self, settings=self.settings.model_copy(update=plain))

    def only(self, names: Collection[str]) -> Plan:
        """Return the plan of some of the probabilities."""
        return replace(
            self,
            models={name: models for name, models in self.models.items() if name in names},
            recipes={name: recipe for name, recipe in self.recipes.items() if name in names},
        )


def make_plan(
    section: Section,
    models: Mapping[str, Sequence[SelectedModel]],
    settings: SegmentSettings,
    job: Job,
) -> Plan:
    """Choose the windows, and write the recipe of each probability.

    Parameters
    ----------
    section
        Section with ``images``.
    models
        By the name of each probability: the models whose mean it is.
    settings
        Windows, blending, engine and scheduler.
    job
        Its device and memory are used.

    Returns
    -------
    Plan
        What all runners share.

    Raises
    ------
    SectionError
        If the images are missing or out of date.
    InputError
        If not even a small window fits in the memory.
    """
    window = choose_window([model for each in models.values() for model in each], settings, job)
    if not job.force:
        models = {
            name: _with_stored_phases(section, name, each, window, settings)
            for name, each in models.items()
        }
    return Plan(
        section=section.path,
        shape=section.shape,
        settings=settings,
        window_px=window,
        models=models,
        recipes={name: recipe_of(section, m, window, settings) for name, m in models.items()},
        device=job.device,
        memory_bytes=job.memory_bytes,
    )


def choose_window(models: Sequence[SelectedModel], settings: SegmentSettings, job: Job) -> int:
    """Choose the side of the windows: as set, or less where the memory does not hold one.

    Parameters
    ----------
    models
        All models that go over the section together.
    settings
        Window, overlap and batch.
    job
        Its memory is used.

    Returns
    -------
    int
        Side of a window, px, a multiple of 32.

    Raises
    ------
    InputError
        If there is no memory for the smallest.
    """
    per_pixel = (settings.batch or 1) * sum(
        network_spec(model.card.network).window_bytes for model in models
    )
    largest = (job.memory_bytes / per_pixel) ** 0.5
    wanted = settings.window_px or settings.overlap_px + CELL
    sides = [wanted, *(settings.overlap_px + side for side in (CELL, CELL // 2, CELL // 4))]
    fitting = [side // 32 * 32 for side in sides if side <= min(wanted, largest)]
    if not fitting:
        need = per_pixel * min(wanted, settings.overlap_px + CELL // 4) ** 2 / 1e9
        raise InputError(
            f"A window of the network needs {need:.1f} GB.",
            remedy="Raise {setting:memory}, or lower {setting:window_px}, {setting:overlap_px} "
            "and {setting:batch}.",
            setting="window_px",
        )
    if settings.window_px is not None and fitting[0] < settings.window_px:
        job.warn(f"A window of {wanted} px does not fit in the memory; taking {fitting[0]} px.")
    return fitting[0]


def recipe_of(
    section: Section, models: Sequence[SelectedModel], window: int, settings: SegmentSettings
) -> Recipe:
    """Write what a probability is made from.

    Parameters
    ----------
    section
        Section with ``images``.
    models
        Models whose mean it is.
    window
        Side of a window, px.
    settings
        Overlap, blending and test-time augmentation.

    Returns
    -------
    Recipe
        Settings and fingerprints of the inputs.
    """
    decisive = _Probability(
        models=tuple(model.name for model in models),
        window_px=window,
        overlap_px=settings.overlap_px,
        blend=settings.blend,
        augment=settings.augment,
    )
    if models[0].classes != tuple(models[0].card.classes):
        decisive = _ProbabilityOfPhases(**decisive.model_dump(), phases=models[0].classes)
    return section.recipe(
        "segment",
        decisive,
        inputs_of(models),
        method=METHOD,
        extra=outside_models(models),
    )


def _with_stored_phases(
    section: Section,
    name: str,
    models: Sequence[SelectedModel],
    window: int,
    settings: SegmentSettings,
) -> Sequence[SelectedModel]:
    """Let models give all phases that are stored of them, where these are more than is asked.

    So another threshold of olivine runs no network again, and takes no phase away.
    """
    product = section.product(name)
    stored = product.recipe.settings.get("phases", ()) if product is not None else ()
    if product is None or not set(models[0].classes) < set(stored):
        return models
    more = [replace(model, classes=tuple(stored)) for model in models]
    same = recipe_of(section, more, window, settings).fingerprint == product.recipe.fingerprint
    return more if same else models


def inputs_of(models: Sequence[SelectedModel]) -> list[str]:
    """Name what models read of a section, and those that lie in it.

    Parameters
    ----------
    models
        The models.

    Returns
    -------
    list of str
        Names of products and annotations.
    """
    inputs = ["images"] + [model.product for model in models if model.product]
    if any(model.card.normalisation.align != "none" for model in models):
        inputs.append("annotations/sessions")
    return inputs


def outside_models(models: Sequence[SelectedModel]) -> dict[str, str]:
    """Return the fingerprints of the models that lie outside the section.

    Parameters
    ----------
    models
        The models.

    Returns
    -------
    dict
        By a name that starts with ``source``.
    """
    outside = [model for model in models if not model.product]
    return {
        f"source/model {k}": fingerprint_of_model(model.folder) for k, model in enumerate(outside)
    }


class _Probability(Settings):
    """The settings that decide on a probability."""

    models: tuple[str, ...]
    window_px: int
    overlap_px: int
    blend: str
    augment: str


class _ProbabilityOfPhases(_Probability):
    """Of other phases than the model's card gives."""

    phases: tuple[str, ...]
