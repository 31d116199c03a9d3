"""The steps as the docks know them: names in words, settings, and what is out of date and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from napari_olivine.registry import PRODUCTS, STEPS, Step, maker_of, product_type
from napari_olivine.section import Section, followed, phase_of_image, place_elsewhere
from napari_olivine.widgets.layers import segmentation_titles


def dock_of(step: str) -> str:
    """Name of the dock that a step is started from, or of the step if it has none."""
    row = STEPS.get(step)
    return row.dock if row is not None and row.dock else step


def verb_of(step: str) -> str:
    """Words of the button that starts a step, or its name if it has none."""
    row = STEPS.get(step)
    return row.verb if row is not None and row.verb else step


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


def title_of(product: str, section: Section | None = None) -> str:
    """Name of a product in words, as its section calls it."""
    row = product_type(product)
    if title := segmentation_titles(section).get(product):
        return title
    if row is None:
        return product
    return f"{row.title} {phase_of_image(product.partition('/')[2])}" if row.several else row.title


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
    for source, fingerprint in followed(found).items() if found else ():
        now = section.fingerprint(source)
        title = _title_of_input(source, section)
        place = place_elsewhere(source)
        if place is not None and not place[0].is_dir():
            reasons.append(f"section {place[0]} no longer there")
        elif now == fingerprint:
            if not section.serves(source):
                reasons.append(f"{title} out of date too")
        else:
            reasons.append(f"{title} {'changed since' if now else 'no longer there'}")
    return list(dict.fromkeys(reasons))


def _title_of_input(source: str, section: Section) -> str:
    """Name an input in words, with its section where that is another one."""
    if place := place_elsewhere(source):
        return f"{title_of(place[1]).lower()} of {place[0]}"
    return title_of(source, section).lower().replace("epma", "EPMA").replace("bse", "BSE")


def step_to_run_first(section: Section, product: str) -> str:
    """Name the step to run first so that a missing or stale product becomes fresh.

    A product may be out of date only because one that it was made from is: then that one comes
    first.
    """
    found = section.product(product)
    for source in found.recipe.inputs if found is not None else ():
        outside = source.startswith("source") or place_elsewhere(source) is not None
        if not outside and not section.serves(source):
            return step_to_run_first(section, source)
    return maker_of(product) or "import"


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
    there = [product.name for product in section.products()]
    names: list[str] = []
    for row in PRODUCTS.values():
        if row.several and (not row.aside or row.layer is not None):
            names += [name for name in there if name.startswith(f"{row.name}/")]
        elif not row.annotation and (row.name in there or not row.aside):
            names.append(row.name)
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
    for step in STEPS.values():
        if step.todo and not _done(section, step) and _possible(section, step):
            return NextStep(step.todo, step.name)
    old = stale_products(section)
    if old:
        titles = ", ".join(title_of(product, section) for product in old)
        return NextStep(f"out of date: {titles}", step_to_run_first(section, old[0]))
    if "BSE" not in section.record.signals:
        return NextStep("a section without BSE has maps and masks alone", "mask")
    return NextStep("everything is up to date: export the catalogue", "export")


def _done(section: Section, step: Step) -> bool:
    """Tell whether the last product of a step is there, or the step that it leads to is done."""
    last = [row for name in step.products if not (row := PRODUCTS[name]).aside][-1]
    if last.several:
        made = any(name.startswith(f"{last.name}/") for name in products_of(section))
    else:
        made = section.state(last.name) != "missing"
    return made or (bool(step.leads_to) and _done(section, STEPS[step.leads_to]))


def _possible(section: Section, step: Step) -> bool:
    """Tell whether a step has what it needs, or the steps before it can make that."""
    if step.given == "maps" and all(name == "BSE" for name in section.record.signals):
        return False  # a network of another section is needed
    if step.bse and "BSE" not in section.record.signals:
        return False
    if step.given == "analyses" and analyses_in_words(section) == NONE:
        return False
    return all(
        section.state(name) != "missing" or _possible(section, STEPS[maker_of(name)])
        for name in step.needs
    )


def analyses_in_words(section: Section) -> str:
    """Tell how many EPMA analyses a section has."""
    product = section.product("epma")
    notes = product.notes if product is not None else {}
    count, profiles = int(notes.get("analyses", 0)), int(notes.get("profiles", 0))
    return f"{count} in {count_noun(profiles, 'profile')}" if count else NONE


NONE = "none"


def count_noun(count: int, noun: str) -> str:
    """Write a number with its noun: ``1 profile``, ``2 profiles``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def stale_products(section: Section) -> list[str]:
    """Return the products that are out of date, in the order of the work."""
    return [product for product in products_of(section) if section.state(product) == "stale"]
