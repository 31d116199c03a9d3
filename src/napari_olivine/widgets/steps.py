"""The steps as the docks know them: names in words, settings, and what is out of date and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from napari_olivine.section import Section
from napari_olivine.section.store import STEP_OF

VERBS = {
    "import": "Import",
    "mask": "Make mask",
    "train": "Train",
    "segment": "Segment the whole section",
    "calibrate": "Calibrate",
    "crystals": "Find crystals",
}
"""What the button of each step says."""

TITLES = {
    "images": "Images",
    "levelling": "BSE levelled",
    "epma": "EPMA analyses",
    "mask": "Phase mask",
    "probability": "Probability",
    "segmentation": "Segmentation",
    "calibration": "Calibration",
    "mg": "mg# map",
    "crystals": "Crystals",
    "corrections": "Corrections by hand",
    "annotations/sessions": "Sessions",
    "annotations/placements": "Traverses",
    "annotations/review": "Review",
}
"""Products and annotations, in the order in which they are made."""

DOCKS = {
    "import": "Section",
    "mask": "Phase masks",
    "train": "Train",
    "segment": "Segment",
    "calibrate": "EPMA profiles",
    "crystals": "Crystals",
}
"""The dock of each step."""


def dock_of(step: str) -> str:
    """Name of the dock that a step is started from."""
    return DOCKS.get(
        {"export": "crystals", "corrections": "crystals", "level": "import", "check": "import"}.get(
            step, step
        ),
        step,
    )


@dataclass(frozen=True)
class ProductState:
    """How a product stands, for the person.

    Parameters
    ----------
    state
        ``"missing"``, ``"fresh"`` or ``"stale"``.
    text
        In words, with the reason where it is stale.
    """

    state: str
    text: str


def title_of(product: str) -> str:
    """Name of a product in words."""
    if product.startswith("models/"):
        return f"Model {product.removeprefix('models/')}"
    if product.startswith("compare/"):
        return f"Probability by {product.removeprefix('compare/')}"
    return TITLES.get(product, product)


def state_of(section: Section, product: str) -> ProductState:
    """Tell how a product stands, and why it is out of date if it is."""
    found = section.product(product)
    state = section.state(product)
    if found is None:
        return ProductState(state, "not made yet")
    when = datetime.fromisoformat(found.created).strftime("%d %b %H:%M")
    if state == "fresh":
        return ProductState(state, f"up to date, made {when}{_duration(found.seconds)}")
    return ProductState(state, f"out of date: {', '.join(_reasons(section, product))}")


def _reasons(section: Section, product: str) -> list[str]:
    found = section.product(product)
    reasons = []
    for source, fingerprint in found.recipe.inputs.items() if found else ():
        if source.startswith("source"):
            continue
        now = section.fingerprint(source)
        title = title_of(source).lower().replace("epma", "EPMA")
        if not now:
            reasons.append(f"{title} no longer there")
        elif now != fingerprint:
            reasons.append(f"{title} changed since")
        elif not source.startswith("annotations/") and section.state(source) != "fresh":
            reasons.append(f"{title} out of date too")
    return reasons


def mending_step(section: Section, product: str) -> str:
    """Name the step to run first so that a missing or stale product becomes fresh.

    A product may be out of date only because one that it was made from is: then that one comes
    first.
    """
    found = section.product(product)
    for source in found.recipe.inputs if found is not None else ():
        if source.startswith(("source", "annotations/")):
            continue
        if section.state(source) != "fresh":
            return mending_step(section, source)
    return STEP_OF.get(product.split("/")[0], "import")


def _duration(seconds: float) -> str:
    if seconds < 1:
        return ""
    if seconds < 90:
        return f" in {seconds:.0f}\N{NO-BREAK SPACE}s"
    if seconds < 5400:
        return f" in {seconds / 60:.0f}\N{NO-BREAK SPACE}min"
    return f" in {seconds / 3600:.1f}\N{NO-BREAK SPACE}h"


def products_of(section: Section) -> list[str]:
    """Return the products that a section has or could have, in the order of the work."""
    models = [product.name for product in section.products() if product.name.startswith("models/")]
    names: list[str] = []
    for title in TITLES:
        if title.startswith("annotations/"):
            continue
        names.append(title)
        if title == "mask":
            names += models
    return names


@dataclass(frozen=True)
class NextStep:
    """What to do next.

    Parameters
    ----------
    text
        In words.
    dock
        Name of the dock to do it in.
    """

    text: str
    dock: str


def next_step(section: Section) -> NextStep:
    """Tell what to do next, and in which dock: the first step not done, then what is stale."""
    has_models = any(name.startswith("models/") for name in products_of(section))
    for command, product, text in ROAD:
        there = has_models if product == "models" else section.state(product) != "missing"
        if not there:
            return NextStep(text, DOCKS[command])
    old = [product for product in products_of(section) if section.state(product) == "stale"]
    if old:
        titles = ", ".join(title_of(product) for product in old)
        return NextStep(f"out of date: {titles}", dock_of(mending_step(section, old[0])))
    return NextStep("everything is up to date: export the catalogue", dock_of("export"))


ROAD = (
    ("mask", "mask", "make a reference mask from the element maps"),
    ("train", "models", "train a network on the mask"),
    ("segment", "segmentation", "segment the whole section"),
    ("calibrate", "mg", "calibrate grey to mg#"),
    ("crystals", "crystals", "find and measure the crystals"),
)
"""What to make after the import, in which order."""
