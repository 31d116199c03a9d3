"""One statement of how large a pixel is."""

from __future__ import annotations

from dataclasses import dataclass

AGREEING = 0.01
"""Sizes that differ by less than this fraction agree: instruments state three or four digits."""


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
    measured
        Whether the instrument or a person measured it, so that no other statement overrules it. A
        resolution in dots an inch is not measured, and the height of a pixel is not its width.
    """

    size_um: float
    source: str
    within: float = AGREEING
    measured: bool = True
