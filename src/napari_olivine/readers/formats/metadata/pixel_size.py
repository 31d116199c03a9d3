"""The size of a pixel by every source that states one: which is taken, and which contradict it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from napari_olivine.readers.base import PixelSize
from napari_olivine.readers.formats.metadata.quantities import pixel_um

OBLONG = 0.02
"""The height of a pixel may differ from its width by this fraction: pixels count as square."""


ASKED = 0.02
"""Measured sizes that differ by more than this fraction are asked for, not chosen."""

PixelSizes = tuple[PixelSize, ...]


Candidate = (
    tuple[float | None, str]
    | tuple[float | None, str, float]
    | tuple[float | None, str, float, bool]
)


def stated(*candidates: Candidate) -> PixelSizes:
    """Return the statements that an electron microscope can have made, in their order.

    Parameters
    ----------
    *candidates
        Size (um, `None` where the source is silent), source, and `PixelSize.within` and
        `PixelSize.measured` if they are not the usual ones; the most trusted source first.

    Returns
    -------
    tuple of PixelSize
        Without those that are silent or impossible.
    """
    found = []
    for candidate in candidates:
        possible, more = pixel_um(candidate[0]), candidate[1:]
        if possible is not None:
            found.append(PixelSize(possible, *more))
    return tuple(found)


def preferred(sizes: Sequence[PixelSize]) -> dict[str, Any]:
    """Return the first statement as values of an `Acquisition`."""
    if not sizes:
        return {"pixel_size_um": None, "pixel_source": "", "pixel_sizes": ()}
    return {
        "pixel_size_um": sizes[0].size_um,
        "pixel_source": sizes[0].source,
        "pixel_sizes": tuple(sizes),
    }


def undecided(sizes: Sequence[PixelSize]) -> list[PixelSize]:
    """Return the measured sizes of which only a person can tell which is right.

    Parameters
    ----------
    sizes
        Statements, the most trusted first.

    Returns
    -------
    list of PixelSize
        The first of each group that agrees, of two groups or more; empty where all agree, or
        where but one was measured.
    """
    apart: list[PixelSize] = []
    for one in sizes:
        if one.measured and all(
            abs(one.size_um / other.size_um - 1) > max(ASKED, one.within, other.within)
            for other in apart
        ):
            apart.append(one)
    return apart if len(apart) > 1 else []


def contradictions(sizes: Sequence[PixelSize], *, taken: bool = False) -> list[str]:
    """Say which statements contradict the first one, in words that go on from "FILE: ...".

    Parameters
    ----------
    sizes
        Statements, the most trusted first.
    taken
        Whether the first one is the size of the section's pixels.

    Returns
    -------
    list of str
        A sentence, or nothing where all agree.
    """
    if not (others := _differing(sizes)):
        return []
    listed = ", ".join(f"{one.size_um:.4g} um by {one.source}" for one in others)
    which = ", which is taken" if taken else ""
    return [
        f"a pixel is {sizes[0].size_um:.4g} um wide by {sizes[0].source}{which}, but "
        f"{listed}; measure a scale bar, and set the pixel size if that is wrong"
    ]


def _differing(sizes: Sequence[PixelSize]) -> list[PixelSize]:
    return [
        one
        for one in sizes[1:]
        if abs(one.size_um / sizes[0].size_um - 1) > max(one.within, sizes[0].within)
    ]
