"""What is out of date made anew, step by step, with the settings that it was made with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari_olivine.crystals import OLIVINE
from napari_olivine.registry import STEPS, maker_of
from napari_olivine.section import Section
from napari_olivine.settings import Settings
from napari_olivine.widgets.state.product_status import stale_products


@dataclass(frozen=True)
class Rerun:
    """A step that makes a stale product fresh.

    Parameters
    ----------
    product
        The product.
    step
        Command of the step.
    settings
        The settings that the product was made with.
    options
        Further options of the command line.
    arguments
        What the command takes before the section, as the record tells it.
    """

    product: str
    step: str
    settings: Settings
    options: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()


def stale_steps(section: Section) -> list[str]:
    """Return the steps that make everything fresh, in the order of the work."""
    return list(dict.fromkeys(maker_of(product) for product in stale_products(section)))


def next_rerun(section: Section) -> Rerun | None:
    """Return the step to run first: of a product that is stale while what it needs is fresh.

    `None` if nothing is stale, or what it was made from is gone.
    """
    for product in stale_products(section):
        found = section.product(product)
        inputs = found.recipe.inputs if found is not None else {}
        made = [name for name in inputs if not name.startswith("source")]
        if found is None or not all(section.serves(name) for name in made):
            continue
        step = maker_of(product)
        seed = found.recipe.seed
        return Rerun(
            product,
            step,
            STEPS[step].settings(**_settings(section, product, step)),
            () if seed is None else ("--seed", str(seed)),
            tuple(
                str(found.recipe.settings[one.name])
                for one in STEPS[step].own_arguments
                if one.name in found.recipe.settings
            ),
        )
    return None


def _settings(section: Section, product: str, step: str) -> dict[str, Any]:
    """Read the settings of a step from the records of what it made."""
    values: dict[str, Any] = {}
    # A record may hold the settings alone that decide on its product, as those of `segment` do.
    for name in (*STEPS[step].products, product):
        found = section.product(name)
        values |= found.recipe.settings if found is not None else {}
    if "models" in values:
        models = (str(name).removeprefix("models/") for name in values["models"])
        values["model"] = ",".join(models)
    if "phases" in values:
        values["phases"] = ",".join(name for name in values["phases"] if name != OLIVINE)
    if step == "segment" and section.product("joint") is None:
        values["evidence"] = "bse"
    fields = STEPS[step].settings.model_fields
    return {name: value for name, value in values.items() if name in fields}
