"""A mineral that a person picked on the maps: limits of a rule relative to what it has itself.

Counts depend on detector, current and dwell time, and so does a limit in counts. What olivine has
on these very maps does not have to be guessed where a person can show one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.masks.rules import Condition, Rule, with_conditions, with_limit
from napari_olivine.section import Section

RADIUS_PX = 3.0
"""Radius of a spot that states none: 29 pixels of some tens of counts know a ratio to a few %."""

LARGEST_PX = 1000.0
"""Largest radius of a spot."""

SIDE_BY_SIDE = 0.6
"""A spot holds two materials where two halves of it differ by so much of their mean."""

ENOUGH = 10.0
"""Mean counts from which the halves of a spot are compared; fewer differ by chance."""


@dataclass(frozen=True)
class Spot:
    """A disc on the section that a person picked.

    Parameters
    ----------
    x_um, y_um
        Its centre, um to the right of the first column's pixels and below the first row's.
    radius_um
        Its radius, um; `None` for `RADIUS_PX` pixels.
    """

    x_um: float
    y_um: float
    radius_um: float | None = None

    @classmethod
    def parse(cls, text: str) -> Spot:
        """Read ``X,Y`` or ``X,Y,RADIUS``, um.

        Raises
        ------
        ValueError
            If it is something else.
        """
        try:
            numbers = [float(part) for part in text.split(",")]
        except ValueError:
            numbers = []
        if (
            len(numbers) not in (2, 3)
            or not np.isfinite(numbers).all()
            or min([*numbers[2:], 1]) <= 0
        ):
            raise ValueError(f"{text!r} is no spot: write X,Y or X,Y,RADIUS in um, e.g. 812,1540,8")
        return cls(*numbers)

    def __str__(self) -> str:
        """Write it as `parse` reads it."""
        numbers = [self.x_um, self.y_um]
        if self.radius_um is not None:
            numbers.append(self.radius_um)
        return ",".join(f"{round(number, 2):.12g}" for number in numbers)

    def radius_px(self, pixel_um: float) -> float:
        """Return its radius in pixels of this size, um."""
        return RADIUS_PX if self.radius_um is None else self.radius_um / pixel_um


@dataclass(frozen=True)
class Picked:
    """What the maps hold at a spot.

    Parameters
    ----------
    spot
        The spot.
    levels
        Mean value of a pixel of each map.
    pixels
        Number of measured pixels in it.
    mixed
        Map that tells that two materials lie in it; empty if none does.
    """

    spot: Spot
    levels: Mapping[str, float]
    pixels: int
    mixed: str = ""

    def value(self, condition: Condition) -> float:
        """Return the left side of a condition here; infinite where the denominator is 0."""
        maps = {signal: np.asarray(level, np.float32) for signal, level in self.levels.items()}
        over = float(condition.denominator.of(maps))
        return float(condition.numerator.of(maps)) / over if over > 0 else np.inf

    @property
    def words(self) -> str:
        """The levels, e.g. ``"Mg 41.4, Fe 20.1"``."""
        return ", ".join(
            f"{signal} {level:.0f}" if level >= 100 else f"{signal} {level:.3g}"
            for signal, level in self.levels.items()
        )


def pick(section: Section, spot: Spot, signals: Sequence[str]) -> Picked:
    """Read the maps at a spot.

    Parameters
    ----------
    section
        Open section.
    spot
        The spot.
    signals
        Maps to read.

    Returns
    -------
    Picked
        Means over the pixels of the spot in which any of these maps holds something.

    Raises
    ------
    InputError
        If the spot lies outside the section, is too large, or nothing was measured there.
    """
    size = section.pixel_size_um
    row, column, radius = spot.y_um / size, spot.x_um / size, spot.radius_px(size)
    height, width = section.shape
    if not (-0.5 <= row < height - 0.5 and -0.5 <= column < width - 0.5):
        raise InputError(
            f"The spot {spot} lies outside the section, which is {width * size:.6g} x "
            f"{height * size:.6g} um.",
            remedy="Give {setting:reference} in um from the upper left corner: x to the right, "
            "then y downwards.",
            setting="reference",
        )
    if radius > LARGEST_PX:
        raise InputError(
            f"The spot {spot} has a radius of {radius:.0f} px.",
            remedy=f"Give it one of at most {LARGEST_PX * size:.6g} um in {{setting:reference}}.",
            setting="reference",
        )
    rows = slice(max(int(row - radius), 0), min(int(row + radius) + 2, height))
    columns = slice(max(int(column - radius), 0), min(int(column + radius) + 2, width))
    down, right = np.ogrid[rows, columns]
    # A small spot holds at least the pixel that it lies in.
    inside = np.hypot(down - row, right - column) <= max(radius, np.sqrt(0.5))
    maps = {
        signal: section.raster("images", signal).read(rows, columns).astype(np.float64)
        for signal in signals
    }
    xrays = [values for signal, values in maps.items() if signal != "BSE"] or [*maps.values()]
    inside &= np.logical_or.reduce([values != 0 for values in xrays])
    if not inside.any():
        raise InputError(
            f"Nothing was measured at the spot {spot}: {', '.join(signals)} are 0 there.",
            remedy="Pick another place for {setting:reference}.",
            setting="reference",
        )
    levels = {signal: float(values[inside].mean()) for signal, values in maps.items()}
    halves = [down - row > 0, right - column > 0]
    mixed = next((s for s, values in maps.items() if _is_mixed(values, inside, halves)), "")
    return Picked(spot, levels, int(inside.sum()), mixed if radius >= RADIUS_PX else "")


def relative_to(picked: Sequence[Picked], rule: Rule) -> Rule:
    """Give the relative conditions of a rule limits in counts.

    Parameters
    ----------
    picked
        The picked spots.
    rule
        The rule.

    Returns
    -------
    Rule
        Of several spots each condition takes the one that makes it the widest, so that all of
        them are in.

    Raises
    ------
    InputError
        If nothing was picked, or the picked mineral has nothing that a limit could be a multiple
        of.
    """
    conditions = []
    for condition in rule.conditions:
        if condition.level != "ref":
            conditions.append(condition)
            continue
        if not picked:
            raise InputError(
                f"The condition {condition.text!r} is relative to a picked mineral, and none is "
                "picked.",
                remedy="Give {setting:reference}.",
                setting="reference",
            )
        values = [one.value(condition) for one in picked]
        level = max(values) if condition.below else min(values)
        if not 0 < level < np.inf:
            worst = picked[values.index(level)]
            raise InputError(
                f"The condition {condition.text!r} cannot be made relative to the spot "
                f"{worst.spot}: the maps hold {worst.words} there.",
                remedy="Pick another place for {setting:reference}, or write this condition of "
                "{setting:rule} with a number.",
                setting="reference",
            )
        conditions.append(with_limit(condition, condition.limit * level))
    return with_conditions(rule, conditions)


def _is_mixed(
    values: NDArray[np.float64],
    inside: NDArray[np.bool_],
    halves: Sequence[NDArray[np.bool_]],
) -> bool:
    """Tell whether two halves of a spot differ as two materials do."""
    if values[inside].mean() < ENOUGH:
        return False
    for half in halves:
        one, other = values[inside & half], values[inside & ~half]
        if one.size and other.size:
            means = one.mean(), other.mean()
            if abs(means[0] - means[1]) > SIDE_BY_SIDE * sum(means) / 2:
                return True
    return False
