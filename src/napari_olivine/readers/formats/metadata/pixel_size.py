"""The size of a pixel by every source that states one: which is taken, and which contradict it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from napari_olivine.readers.formats.metadata.quantities import pixel_um

AGREEING = 0.01
"""Sizes that differ by less than this fraction agree: instruments state three or four digits."""

OBLONG = 0.02
"""The height of a pixel may differ from its width by this fraction: pixels count as square."""


@dataclass(frozen=True)
class PixelSize:
    """One statement of how large a pixel is.

    Parameters
    ----------
    size_um
        Side of a pixel, um.
    source
        What states it, in words that go on from "by ...".
    within
        How far it may differ from another statement, as a fraction: the rounding of what it is
        computed from.
    """

    size_um: float
    source: str
    within: float = AGREEING


PixelSizes = tuple[PixelSize, ...]


def stated(*candidates: tuple[float | None, str] | tuple[float | None, str, float]) -> PixelSizes:
    """Return the statements that an electron microscope can have made, in their order.

    Parameters
    ----------
    *candidates
        Size (um, `None` where the source is silent), source, and `PixelSize.within` if it is not
        the usual one; the most trusted source first.

    Returns
    -------
    tuple of PixelSize
        Without those that are silent or impossible.
    """
    return tuple(
        PixelSize(possible, source, *within)
        for size, source, *within in candidates
        if (possible := pixel_um(size)) is not None
    )


def preferred(sizes: Sequence[PixelSize]) -> dict[str, Any]:
    """Return the first statement as values of an `Acquisition`."""
    if not sizes:
        return {"pixel_size_um": None, "pixel_source": ""}
    return {"pixel_size_um": sizes[0].size_um, "pixel_source": sizes[0].source}


def contradictions(sizes: Sequence[PixelSize]) -> list[str]:
    """Say which statements contradict the first one, in words that go on from "FILE: ...".

    Parameters
    ----------
    sizes
        Statements, the one that is taken first.

    Returns
    -------
    list of str
        A sentence, or nothing where all agree.
    """
    if not (others := _differing(sizes)):
        return []
    listed = ", ".join(f"{one.size_um:.4g} um by {one.source}" for one in others)
    return [
        f"a pixel is {sizes[0].size_um:.4g} um wide by {sizes[0].source}, which is taken, but "
        f"{listed}; measure a scale bar, and set the pixel size if that is wrong"
    ]


def _differing(sizes: Sequence[PixelSize]) -> list[PixelSize]:
    return [
        one
        for one in sizes[1:]
        if abs(one.size_um / sizes[0].size_um - 1) > max(one.within, sizes[0].within)
    ]
