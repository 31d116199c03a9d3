"""What speaks against a picked olivine: ratios of its own that olivine does not have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_olivine.masks.limits import FEWEST, Sample
from napari_olivine.masks.reference import Picked
from napari_olivine.masks.rules import COUNTS, Condition, Rule, Sum

MINERAL = ("Si", "Mg", "Fe", "Ca", "Al")
"""Maps that tell olivine from other minerals."""

OLIVINE_SI = (0.35, 0.8)
"""Si/(Mg + Fe) in counts of olivine on the detectors that were seen, EDS and WDS: 0.45 to 0.76."""

PYROXENE_SI = 1.0
"""Si/(Mg + Fe) in counts above which no detector shows olivine; orthopyroxene has 0.84 to 1.5."""

RATIO = Condition(Sum((("Si", 1.0),)), Sum((("Fe", 1.0), ("Mg", 1.0))), True, 1.0, "Si/(Mg + Fe)")

HALF = (0.4, 0.62)
"""Si/(Mg + Fe) of olivine over that of orthopyroxene beside it is one half, about."""

BESIDE = (0.8, 1.25)
SOME = 0.05
"""A mineral is there where it has so many pixels, of those of the picked one."""


def doubts(picked: Sequence[Picked], rule: Rule, *, olivine: bool) -> list[str]:
    """Say what speaks against a picked spot.

    Parameters
    ----------
    picked
        The picked spots.
    rule
        The rule, with limits in counts.
    olivine
        Whether the rule is one for olivine, so that olivine must have been picked.

    Returns
    -------
    list of str
        A sentence a doubt, without its full stop.
    """
    said = []
    for one in picked:
        if one.mixed:
            said.append(
                f"The spot {one.spot} lies on two materials: {one.mixed} differs by half and more "
                "within it"
            )
        against = [
            f"{left} is {value:.3g} there, and the rule has {condition.text}"
            for condition in rule.conditions
            for left, value in [(condition.left, one.value(condition))]
            if not (value < condition.limit if condition.below else value > condition.limit)
        ]
        in_counts = olivine and rule.unit == COUNTS and {"Si", "Mg", "Fe"} <= set(one.levels)
        ratio = one.value(RATIO) if in_counts else 0.0
        if in_counts and not OLIVINE_SI[0] < ratio < PYROXENE_SI:
            against.append(
                f"Si/(Mg + Fe) is {ratio:.3g} there, and olivine has 0.45 to 0.8 in counts"
            )
        if against:
            what = "is no olivine" if olivine else "is not what the rule is for"
            said.append(f"The spot {one.spot} {what}: {'; '.join(against)}")
        elif in_counts and ratio > OLIVINE_SI[1]:
            said.append(
                f"The spot {one.spot} may be no olivine: its Si/(Mg + Fe) is {ratio:.3g}, which "
                "some detectors show for orthopyroxene; these maps alone cannot tell"
            )
    return said


def poorer_in_silicon(picked: Sequence[Picked], rule: Rule, sample: Sample) -> list[str]:
    """Say whether the maps hold a mineral beside which a picked spot looks like orthopyroxene.

    At the same mg# olivine has half the Si per Mg and Fe of orthopyroxene on every detector, so
    this can be said where no number of its own tells them apart.

    Parameters
    ----------
    picked
        The picked spots.
    rule
        The rule, with limits in counts.
    sample
        Values of its signals.

    Returns
    -------
    list of str
        A sentence a spot, without its full stop.
    """
    if not {"Si", "Mg", "Fe"} <= set(sample):
        return []
    among = np.ones(sample["Si"].shape, bool)
    for condition in rule.conditions:
        if {signal for signal, _ in condition.numerator.weights} != {"Si"}:
            among &= condition.holds(sample)
    ratio = sample["Si"][among] / np.maximum(sample["Mg"][among] + sample["Fe"][among], 1e-6)
    said = []
    for one in picked:
        here = one.value(RATIO)
        if here > PYROXENE_SI:
            continue  # `doubts` said so already
        half, same = (
            int(np.count_nonzero((ratio > low * here) & (ratio < high * here)))
            for low, high in (HALF, BESIDE)
        )
        if half >= max(FEWEST, SOME * same):
            said.append(
                f"The spot {one.spot} looks like orthopyroxene: its Si/(Mg + Fe) is {here:.3g}, "
                "and these maps hold another mineral with half of that, as olivine beside it has"
            )
    return said
