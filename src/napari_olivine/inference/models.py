"""Which models go over a section, and whether they fit it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from napari_olivine.errors import InputError, SectionError
from napari_olivine.networks import CARD, PIXEL_SIZE_TOLERANCE, WEIGHTS, ModelCard, read_card
from napari_olivine.section import Section, fingerprint_of_bytes

OLIVINE, ALL = "olivine", "all"

UNCLASSIFIED = 0
"""Code of what no rule takes: a class of the network, but no phase."""


@dataclass(frozen=True)
class SelectedModel:
    """A model that fits the section.

    Parameters
    ----------
    product
        Name of the product, empty for a folder outside the section.
    folder
        Where it lies.
    card
        What it is.
    classes
        Phases whose probability it is to give.
    """

    product: str
    folder: Path
    card: ModelCard
    classes: tuple[str, ...]

    @property
    def name(self) -> str:
        """What the model is called in records."""
        return self.product or str(self.folder)


def choose_models(section: Section, names: str, phases: str = "") -> list[SelectedModel]:
    """Find the models that a person named, and see that they fit.

    Parameters
    ----------
    section
        Section with ``images``.
    names
        Names or folders with commas between; the newest model of the section if empty.
    phases
        Phases beside olivine: names with commas between, or ``"all"``.

    Returns
    -------
    list of SelectedModel
        One for each name, in their order.

    Raises
    ------
    SectionError
        If there is no such model.
    InputError
        If a folder holds no model, or one for other images or other minerals, or a model has not
        learned a phase.
    """
    found = []
    for name in names.split(",") if names else [""]:
        product, folder = find_model(section, name.strip())
        card = read_card(folder)
        check_fits(card, folder, section)
        found.append(SelectedModel(product, folder, card, classes_of(card, folder, phases)))
    if len({one.classes for one in found}) > 1:
        classes = "; ".join(f"{one.name}: {', '.join(one.classes)}" for one in found)
        raise InputError(
            f"Models of different classes cannot be averaged ({classes}).",
            remedy="Name in {setting:phases} what all of them know.",
            setting="model",
        )
    return found


def classes_of(card: ModelCard, folder: Path, phases: str) -> tuple[str, ...]:
    """Return the phases whose probability a model is to give, olivine among them.

    Parameters
    ----------
    card
        Card of the model.
    folder
        Its folder, for the message.
    phases
        Phases beside olivine: names with commas between, or ``"all"``; what its card gives if
        empty.

    Returns
    -------
    tuple of str
        In the order of the card.

    Raises
    ------
    InputError
        If the model has not learned a phase.
    """
    known = known_phases(card)
    wanted = {name.strip() for name in phases.split(",") if name.strip()}
    if not wanted:
        return tuple(card.classes)
    if wanted == {ALL}:
        return known
    if unknown := sorted(wanted - set(known)):
        others = [name for name in known if name != OLIVINE]
        raise InputError(
            f"The model {folder} has not learned {', '.join(unknown)}, but {', '.join(known)}.",
            remedy=f"Set {{setting:phases}} to {', '.join(others)} or to {ALL}."
            if others
            else "Leave {setting:phases} empty, or make a mask of all phases by {step:mask} and "
            "let a network learn them: {step:train} with 'phases' as its target.",
            setting="phases",
            expected=", ".join(known),
        )
    return tuple(name for name in known if name in wanted | {OLIVINE})


def known_phases(card: ModelCard) -> tuple[str, ...]:
    """Return the phases that a model can give, without what no rule takes."""
    return tuple(p.name for p in card.phases if p.code != UNCLASSIFIED) or tuple(card.classes)


def select_models(
    section: Section, model: str, compare: str, phases: str = ""
) -> dict[str, list[SelectedModel]]:
    """Find the models of each probability; see `choose_models`.

    Parameters
    ----------
    section
        Section with ``images``.
    model
        Names or folders with commas between, for the product ``probability``.
    compare
        Others, for the product ``compare/NAME``; none if empty. Of the phases they give those that
        they know.
    phases
        Phases beside olivine, see `choose_models`.

    Returns
    -------
    dict
        By the name of the product: the models whose mean it is.
    """
    models = {"probability": choose_models(section, model, phases)}
    if compare:
        both = set(models["probability"][0].classes)
        for other in choose_models(section, compare):
            both &= set(known_phases(other.card))
        others = choose_models(section, compare, ",".join(sorted(both - {OLIVINE})))
        models["compare/" + "+".join(other.folder.name for other in others)] = others
    return models


def find_model(section: Section, model: str) -> tuple[str, Path]:
    """Find a model by its name in the section, by its folder, or the newest of the section.

    Returns
    -------
    name
        Name of the product, empty for a folder outside the section.
    folder
        Where it lies.

    Raises
    ------
    SectionError
        If there is none.
    """
    if model:
        name = f"models/{model}"
        if section.product(name) is not None:
            return name, section.path / name
        folder = Path(model).expanduser()
        if folder.is_dir():
            return "", folder.resolve()
    models = [product for product in section.products() if product.name.startswith("models/")]
    if not models:
        wanted = f"no model {model!r} and no folder of that name" if model else "no model yet"
        raise SectionError(
            f"{section.path} has {wanted}.",
            remedy="Run {step:train} first, or give a model's folder as {setting:model}.",
            step="train",
            setting="model",
        )
    if model:
        there = ", ".join(product.name.removeprefix("models/") for product in models)
        raise SectionError(
            f"{section.path} has no model {model!r}, and there is no such folder; it has {there}.",
            setting="model",
        )
    newest = max(models, key=lambda product: datetime.fromisoformat(product.created))
    return newest.name, newest.path


def check_fits(card: ModelCard, folder: Path, section: Section) -> None:
    """Refuse a section that looks different from what the model was trained on.

    Parameters
    ----------
    card
        Card of the model.
    folder
        Its folder, for the message.
    section
        Section with ``images``.

    Raises
    ------
    InputError
        If pixel size or type of grey differ, or the model does not know olivine.
    """
    ratio = section.pixel_size_um / card.pixel_size_um
    if abs(ratio - 1) > PIXEL_SIZE_TOLERANCE:
        raise InputError(
            f"The model {folder} was trained at {card.pixel_size_um:g} um a pixel, this section "
            f"has {section.pixel_size_um:g}.",
            remedy="Train a model at this pixel size, or import the section at the model's.",
            setting="model",
        )
    grey_type = str(section.raster("images", "BSE").dtype)
    if grey_type != card.grey_type:
        raise InputError(
            f"The model {folder} was trained on BSE images of type {card.grey_type}, this "
            f"section's are {grey_type}.",
            remedy="Train a model on such images.",
            setting="model",
        )
    if OLIVINE not in card.classes:
        raise InputError(
            f"The model {folder} knows {', '.join(card.classes)}, but no {OLIVINE}.",
            remedy="Choose a model that does.",
            setting="model",
        )


def fingerprint_of_model(folder: Path) -> str:
    """Fingerprint of a model outside the section."""
    return fingerprint_of_bytes((folder / CARD).read_bytes() + (folder / WEIGHTS).read_bytes())
