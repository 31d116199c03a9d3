"""A product that a person deletes, and what was made from it."""

from __future__ import annotations

import filelock

from napari_olivine.errors import SectionError
from napari_olivine.section.draft import MOMENT_S, draft_folder, lock_of, old_of, remove
from napari_olivine.section.store import Section


def made_from(section: Section, name: str) -> list[str]:
    """Return the products of a section that were made from a product of it.

    Parameters
    ----------
    section
        The section.
    name
        Name of the product.
    """
    return [one.name for one in section.products() if name in one.recipe.inputs]


def remove_product(section: Section, name: str) -> None:
    """Delete a product. What was made from it stays, and is out of date from then on.

    Parameters
    ----------
    section
        The section.
    name
        Name of the product; nothing happens if there is none.

    Raises
    ------
    SectionError
        If a process is making it now, or the folder cannot be written.
    """
    place, old = section.path / name, old_of(draft_folder(section.path, name))
    try:
        old.parent.mkdir(exist_ok=True)
        with lock_of(section.path, name).acquire(timeout=MOMENT_S):
            remove(old)
            if place.exists():
                place.rename(old)  # nobody ever sees half of it
            remove(old)
    except filelock.Timeout:
        raise SectionError(
            f"{name!r} of {section.path} is being made now.", remedy="Wait for it or stop it."
        ) from None
    except OSError as error:
        raise SectionError(
            f"{name!r} of {section.path} cannot be deleted ({error.strerror})."
        ) from error
