"""Films of other minerals between crystals, too thin for any pixel to hold the mineral alone.

An outline is put where half of a pixel is the phase, by the mean counts of what lies outside
nearby. In a film of 1 to 3 px no pixel is free of the phase, so nothing says what lies outside, and
the film would be taken 1 to 2 px too wide on both sides. Which mineral it is shows by the direction
in which the counts leave those of the phase; how much of it there is then follows from what this
mineral has elsewhere in the section.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.masks.applying import phases_of
from napari_olivine.masks.coverage import Coverage
from napari_olivine.masks.patches import go_on
from napari_olivine.masks.rules import Rule
from napari_olivine.masks.sampling import Wide

WITHIN_PX = 3
"""Pixels from the outline of a mineral to what is surely it alone."""

FEWEST_PX = 200
"""Pixels from which the mean of a mineral is known."""

LIMY = 0.3
"""(Ca + Al)/Si from which a mineral is told from altered olivine: an orthopyroxene of a third of a
pixel has the counts of serpentine."""

SERPENTINE = {"Si": 0.93, "Mg": 0.68, "Fe": 0.6}
"""Counts of serpentine over those of the olivine beside it."""

MOST, LEAST = 1.5, -0.3
"""Shares of the phase beyond which the counts lie beside every line to a mineral."""

_TINY = np.float32(1e-9)

Counts = Mapping[str, NDArray[np.float32]]
"""Counts of some pixels, by signal."""


@dataclass(frozen=True)
class Mineral:
    """A mineral beside the phase.

    Parameters
    ----------
    name
        Its name.
    counts
        Its mean counts, by signal.
    """

    name: str
    counts: Mapping[str, float]

    @property
    def is_limy(self) -> bool:
        """Whether it has so much Ca and Al that no altered olivine looks like it."""
        of = self.counts
        return of.get("Ca", 0.0) + of.get("Al", 0.0) > LIMY * max(of.get("Si", 0.0), 1.0)


def minerals_of(
    rules: Mapping[str, Rule],
    sampled: Sequence[Wide],
    coverage: Coverage,
    smoothing_px: float,
    check: Callable[[], None] = go_on,
) -> tuple[Mineral, ...]:
    """Return the minerals that a sample of a section shows, with their mean counts.

    Parameters
    ----------
    rules
        Rules of minerals, by name.
    sampled
        Some blocks of the maps.
    coverage
        Where the maps were measured.
    smoothing_px
        See `napari_olivine.masks.applying.phase_of`.
    check
        Called again and again; what it raises stops the work.

    Returns
    -------
    tuple of Mineral
        Those with enough pixels, in the order of the rules.
    """
    square = np.ones((2 * WITHIN_PX + 1,) * 2, np.uint8)
    pixels = dict.fromkeys(rules, 0)
    sums: dict[str, dict[str, float]] = {name: {} for name in rules}
    for wide in sampled:
        check()
        measured = coverage.measured(wide.rows, wide.columns)
        for name, taken in zip(
            rules, phases_of([*rules.values()], wide.values, smoothing_px, check), strict=True
        ):
            core = cv2.erode((taken & measured).view(np.uint8), square, borderValue=0) > 0
            pixels[name] += int(np.count_nonzero(core))
            for signal, image in wide.values.items():
                total = float(image[core].sum(dtype=np.float64))
                sums[name][signal] = sums[name].get(signal, 0.0) + total
    return tuple(
        Mineral(name, {signal: total / pixels[name] for signal, total in sums[name].items()})
        for name in rules
        if pixels[name] >= FEWEST_PX
    )


@dataclass(frozen=True)
class FilmShares:
    """What films say of some pixels.

    Parameters
    ----------
    is_film
        Whether the pixel lies on the line to a mineral with Ca or Al, rather than on another.
    share, error, misfit
        See `napari_olivine.masks.unmixing.Shares`.
    """

    is_film: NDArray[np.bool_]
    share: NDArray[np.float32]
    error: NDArray[np.float32]
    misfit: NDArray[np.float32]


def unmix_films(
    inside: Counts,
    counts: Counts,
    minerals: Sequence[Mineral],
    variance: np.float32,
    noise_floor: float,
) -> FilmShares:
    """Unmix pixels between the phase and the mineral on whose line their counts lie best.

    Parameters
    ----------
    inside
        Mean counts of the phase around each pixel.
    counts
        Counts of the pixels.
    minerals
        Minerals that the section has.
    variance
        Variance of the counts, in units of those of single pixels.
    noise_floor
        What is added to the mean of a map for the variance of a pixel.

    Returns
    -------
    FilmShares
        Of the same pixels.
    """
    size = len(next(iter(inside.values())))
    best = np.full(size, np.inf, np.float32)
    share, error = np.zeros((2, size), np.float32)
    is_film = np.zeros(size, bool)
    ends: list[tuple[bool, Mapping[str, NDArray[np.float32] | np.float32]]] = [
        (one.is_limy, {s: np.float32(one.counts[s]) for s in inside}) for one in minerals
    ]
    altered = {s: a * np.float32(SERPENTINE.get(s, 1.0)) for s, a in inside.items()}
    for is_limy, outside in [*ends, (False, altered)]:
        above, below, square = np.zeros((3, size), np.float32)
        for signal, a in inside.items():
            b = outside[signal]
            weight = 1 / (np.maximum(a + b, 0) / 2 + np.float32(noise_floor))
            off, line = counts[signal] - b, a - b
            above += weight * off * line
            below += weight * line * line
            square += weight * off * off
        np.maximum(below, _TINY, out=below)
        here = above / below
        on_line = np.clip(here, LEAST, MOST)
        misfit = (square - 2 * on_line * above + on_line**2 * below) / variance
        better = misfit < best
        best[better], share[better] = misfit[better], here[better]
        error[better] = np.sqrt(variance / below[better])
        is_film[better] = is_limy
    return FilmShares(is_film, share, error, best)
