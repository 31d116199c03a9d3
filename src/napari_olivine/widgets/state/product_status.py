"""The steps as the docks know them: names in words, settings, and what is out of date and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from napari_olivine.section import STEP_OF, Section

VERBS = {
    "import": "Import",
    "level": "Level the grey",
    "mask": "Make mask",
    "train": "Train",
    "segment": "Segment the whole section",
    "calibrate": "Calibrate",
    "crystals": "Find crystals",
    "corrections": "Teach the network",
    "export": "Export",
    "check": "Check",
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

ELSEWHERE = {
    "level": DOCKS["import"],
    "check": DOCKS["import"],
    "export": DOCKS["crystals"],
    "corrections": "Review",
}
"""The dock of each step that has no dock of its own."""


def dock_of(step: str) -> str:
    """Name of the dock that a step is started from."""
    return DOCKS.get(step) or ELSEWHERE.get(step, step)


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
    step
        Command of the step that does it.
    """

    text: str
    step: str

    @property
    def dock(self) -> str:
        """Name of the dock to do it in."""
        return dock_of(self.step)


def next_step(section: Section) -> NextStep:
    """Tell what to do next: the first step that is possible and not done, then what is stale."""
    if any(section.state(product) == "missing" for product in ("images", "epma")):
        return NextStep("the import was not finished: go on with it", "import")
    for step, text in ROAD:
        if not _done(section, step) and _possible(section, step):
            return NextStep(text, step)
    old = stale_products(section)
    if old:
        titles = ", ".join(title_of(product) for product in old)
        return NextStep(f"out of date: {titles}", mending_step(section, old[0]))
    return NextStep("everything is up to date: export the catalogue", "export")


def _done(section: Section, step: str) -> bool:
    """Tell whether a step of the road has been gone; mask and training lead to the segmentation."""
    if step == "mask":
        return section.state("mask") != "missing" or _done(section, "train")
    if step == "train":
        models = any(name.startswith("models/") for name in products_of(section))
        return models or _done(section, "segment")
    product = {"segment": "segmentation", "calibrate": "mg"}.get(step, step)
    return section.state(product) != "missing"


def _possible(section: Section, step: str) -> bool:
    """Tell whether the section holds what a step of the road begins with."""
    if step in ("mask", "train"):  # else a network of another section is needed
        return any(name != "BSE" for name in section.record.signals)
    return step != "calibrate" or analyses_in_words(section) != NONE


def analyses_in_words(section: Section) -> str:
    """Tell how many EPMA analyses a section has."""
    product = section.product("epma")
    notes = product.notes if product is not None else {}
    count, profiles = int(notes.get("analyses", 0)), int(notes.get("profiles", 0))
    return f"{count} in {several(profiles, 'profile')}" if count else NONE


NONE = "none"


def several(count: int, noun: str) -> str:
    """Write a number with its noun: ``1 profile``, ``2 profiles``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def stale_products(section: Section) -> list[str]:
    """Return the products that are out of date, in the order of the work."""
    return [product for product in products_of(section) if section.state(product) == "stale"]


ROAD = (
    ("mask", "make a reference mask from the element maps"),
    ("train", "train a network on the mask"),
    ("segment", "segment the whole section"),
    ("calibrate", "calibrate grey to mg#"),
    ("crystals", "find and measure the crystals"),
)
"""Steps after the import, in their order."""
