"""Phases of a mask that a person can name in a correction, and how names are compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from napari_olivine.masks import ALTERED, ALTERED_COLOUR, ALTERED_NAME, UNKNOWN

OLIVINE_CODE = 1
"""Code of olivine in the images of a mask."""


@dataclass(frozen=True)
class NamedPhase:
    """A phase of a mask other than olivine.

    Parameters
    ----------
    code
        Its value in the image ``phases``.
    name
        Its name.
    colour
        ``#rrggbb``.
    """

    code: int
    name: str
    colour: str


def phase_key(name: str) -> str:
    """Return what two spellings of a phase have in common, e.g. of ``"Plagioclase "``."""
    return " ".join(name.split()).casefold()


def phases_of(notes: Mapping[str, Any]) -> list[NamedPhase]:
    """Return the phases other than olivine that a mask can show.

    Parameters
    ----------
    notes
        Notes of the mask.

    Returns
    -------
    list of NamedPhase
        In the order of the rule book, altered olivine last; none if the mask was made without a
        rule book.
    """
    modes = [mode for mode in notes.get("modes") or () if mode["code"] != UNKNOWN]
    if not modes:
        return []
    found = [NamedPhase(one["code"], one["name"], one["colour"]) for one in modes]
    if ALTERED not in [one.code for one in found]:
        found.append(NamedPhase(ALTERED, ALTERED_NAME, ALTERED_COLOUR))
    return [one for one in found if one.code != OLIVINE_CODE]


def codes_of(phases: Iterable[NamedPhase]) -> dict[str, int]:
    """Return the codes of phases by the keys of their names, see `phase_key`."""
    return {phase_key(one.name): one.code for one in phases}
