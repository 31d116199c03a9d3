"""The section itself, before any instrument: every pixel's phase, composition and crystal."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Box = tuple[slice, slice]
STEPS_BEFORE_TILES = 10


@dataclass
class Crystal:
    """One olivine crystal as the truth knows it."""

    id: int
    kind: str
    broken: bool
    core: float
    rim: float
    area_px: int
    session: int
    box: Box
    whole: bool


@dataclass
class Scene:
    """The truth, pixel by pixel; all arrays share one shape (rows, columns).

    Parameters
    ----------
    phase
        uint8, codes of `compositions.PHASES`.
    mix
        uint8, where a pixel lies between the two ends of its phase's composition.
    mg
        uint16, mg# x 10000 on olivine, else 0.
    crystals
        uint32, id of the olivine crystal, else 0.
    cracks
        uint8, strength of cracks and cleavage.
    """

    phase: NDArray[np.uint8]
    mix: NDArray[np.uint8]
    mg: NDArray[np.uint16]
    crystals: NDArray[np.uint32]
    cracks: NDArray[np.uint8]
    table: list[Crystal] = field(default_factory=list)

    @classmethod
    def blank(cls, shape: tuple[int, int]) -> Scene:
        """Give a section in which nothing is yet, phase and mix undefined."""
        return cls(
            np.empty(shape, np.uint8),
            np.empty(shape, np.uint8),
            np.zeros(shape, np.uint16),
            np.zeros(shape, np.uint32),
            np.zeros(shape, np.uint8),
        )
