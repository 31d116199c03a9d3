"""A step as a newcomer writes it: a function and a model of its settings."""

from __future__ import annotations

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.registry import ProductType, Step
from napari_olivine.section import Product, Section
from napari_olivine.settings import Settings, setting

FINEST = 3
"""The smallest grain size in this section."""

STEP = Step(
    "polish",
    "the surface without scratches",
    "tests.helpers.toy_step:PolishSettings",
    "tests.helpers.toy_step:polish",
    verb="Polish",
    dock="Section",
    needs=("mask",),
    todo="polish the surface",
)
PRODUCT = ProductType("polished", "Polished surface", "polish")


class PolishSettings(Settings):
    """How the surface is polished."""

    grain_um: int = setting(
        9, "Grain", "Grain size of the paste; {setting:rounds} say how often.", unit="um", ge=1
    )
    rounds: int = setting(2, "Rounds", "How often; see also {step:mask}.")


def polish(
    section: Section, settings: PolishSettings | None = None, job: Job | None = None
) -> Product:
    """Polish the surface where the mask says so."""
    settings, job = settings or PolishSettings(), job or Job()
    if settings.grain_um < FINEST:
        raise InputError(
            f"A grain of {settings.grain_um} um is too fine.",
            remedy="Use a larger {setting:grain_um}, or {setting:rounds} below 2.",
            setting="grain_um",
            expected=f"at least {FINEST} um",
        )
    recipe = section.recipe("polish", settings, ["mask"])
    if done := section.finished("polished", recipe, job):
        return done
    job.warn("Water is low.", remedy="Lower {setting:rounds}.", setting="rounds")
    with section.draft("polished", recipe, job) as draft:
        (draft.path / "surface.txt").write_text(f"{settings.grain_um} um\n")
    job.say("Polished; {step:crystals} comes next.")
    return section.require("polished")
