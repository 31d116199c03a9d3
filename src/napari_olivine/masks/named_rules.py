"""Named rules, for maps in counts and in wt%, and rules over elements where maps are oxides.

References
----------
Leichter et al. (2022), doi 10.3389/feart.2022.740638, section 3.5: the rule for counts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

from napari_olivine.errors import InputError
from napari_olivine.masks.rule_parser import parse_rule, parse_value
from napari_olivine.masks.rules import COUNTS, WEIGHT, Condition, Rule, Sum

OLIVINE_PAPER = "Ca/Mg < 0.1 and Al/Mg < 0.1 and Mg > 30"
"""The published rule for counts (Leichter et al. 2022)."""

OLIVINE = "Ca/Mg < 0.1 and Al/Mg < 0.1 and 0.3 < Si/(Mg + Fe) < 0.85"
"""The published ratios, and one that keeps orthopyroxene and oxides out.

Si/(Mg + Fe) in counts is 0.43-0.84 for olivine down to Fo50 and 0.9-1.5 for orthopyroxene (15 kV):
detectors move both together, so `napari_olivine.masks.limits.beside_olivine` moves the limit closer
to the olivine of the maps. Oxides have next to no Si. With ratios alone the rule depends on no
dwell time, as the published Mg > 30 does.
"""

PICKED_PAPER = "Ca/Mg < 0.1 and Al/Mg < 0.1 and Mg > 0.7 ref"
"""The published rule where an olivine was picked.

Its 30 counts are 0.7 of the Mg of olivine on maps for which they part olivine from orthopyroxene.
"""

PICKED = "Ca/Mg < 0.1 and Al/Mg < 0.1 and Mg > 0.5 ref and Si/(Mg + Fe) < 1.4 ref"
"""Our rule where an olivine was picked.

At the same mg# orthopyroxene has twice the Si per Mg and Fe of olivine, whatever the detector: 1.4
is the middle of 1 and 2 on a scale of ratios. Half of the Mg is half a pixel of the picked olivine.
"""

OLIVINE_WEIGHT = (
    "Ca < 2 and Al < 2 and Mg > 6 and Mg + Fe > 25 and "
    "Si/(1.156*Mg + 0.503*Fe) < 0.75 and Si/(1.156*Mg + 0.503*Fe) > 0.3"
)
"""The rule for wt%, by stoichiometry.

1.156 and 0.503 are the molar mass of Si (28.086) over those of Mg (24.305) and Fe (55.845), so the
ratio is that of atoms: 0.5 for olivine, 1 for pyroxene, 0 for oxides; the limits stand in the
middle. Mg + Fe is 34.5 (Fo100) to 54.8 wt% (Fo0). Mg > 6 wt% leaves out olivine below about Fo20.
"""

NAMED: dict[str, dict[str, str]] = {
    "olivine": {COUNTS: OLIVINE, WEIGHT: OLIVINE_WEIGHT},
    "olivine-paper": {COUNTS: OLIVINE_PAPER},
}
"""Conditions of each named rule, for each unit that it has some for."""

NAMED_PICKED: dict[str, str] = {"olivine": PICKED, "olivine-paper": PICKED_PAPER}
"""Conditions on counts of each named rule where an olivine was picked."""

ELEMENT_IN_OXIDE: dict[str, tuple[tuple[str, float], ...]] = {
    "Si": (("SiO2", 0.4674),), "Ti": (("TiO2", 0.5993),), "Al": (("Al2O3", 0.5293),),
    "Cr": (("Cr2O3", 0.6842),), "Mn": (("MnO", 0.7745),), "Mg": (("MgO", 0.6030),),
    "Ca": (("CaO", 0.7147),), "Na": (("Na2O", 0.7419),), "K": (("K2O", 0.8302),),
    "Ni": (("NiO", 0.7858),), "P": (("P2O5", 0.4364),),
    "Fe": (("FeO", 0.7773), ("FeOt", 0.7773), ("Fe2O3", 0.6994)),
}  # fmt: skip
"""Mass of the element in a gram of its oxide, g (molar masses of IUPAC 2021)."""


def rule_for(text: str, units: Mapping[str, str], *, picked: bool = False) -> Rule:
    """Read a rule for the maps of a section.

    Parameters
    ----------
    text
        Name or conditions, see `parse_rule`.
    units
        Unit of each map of the section, by its signal.
    picked
        Whether an olivine was picked, to which limits in counts are relative.

    Returns
    -------
    Rule
        Of a named rule the conditions for the unit of the maps; elements that have no map are
        computed from the map of their oxide.

    Raises
    ------
    InputError
        If the rule cannot be read, or the maps that it reads have several units, or one that the
        named rule has no conditions for.
    """
    name = text.strip()
    by_unit = NAMED.get(name, {COUNTS: name})
    if picked and name in NAMED:
        by_unit = by_unit | {COUNTS: NAMED_PICKED[name]}
    rules = {unit: _of_oxides(parse_rule(form), units) for unit, form in by_unit.items()}
    read = {signal for rule in rules.values() for signal in rule.signals if signal in units}
    there = {units[signal] for signal in read}
    if len(there) > 1:
        listed = ", ".join(f"{signal} in {units[signal]}" for signal in sorted(read))
        raise InputError(
            f"The rule {name!r} mixes maps of several units: {listed}.",
            remedy="Import maps of one unit ({setting:import.signals}).",
            setting="rule",
        )
    unit = next(iter(there), COUNTS)
    if name not in NAMED:
        return replace(rules[COUNTS], unit=unit)
    if unit not in rules:
        others = " or ".join(repr(other) for other, forms in NAMED.items() if unit in forms)
        raise InputError(
            f"The rule {name!r} is one for {' and '.join(rules)}; these maps are in {unit}.",
            remedy=f"Choose {others} in {{setting:rule}}."
            if others
            else "Write conditions of your own in {setting:rule}.",
            setting="rule",
        )
    return replace(rules[unit], unit=unit)


def rule_on_maps(text: str, units: Mapping[str, str], where: str, *, picked: bool = False) -> Rule:
    """Read a rule for the maps of a section, which must all be there.

    Parameters
    ----------
    text, units, picked
        See `rule_for`.
    where
        What the maps belong to, for the error.

    Returns
    -------
    Rule
        See `rule_for`.

    Raises
    ------
    InputError
        As `rule_for`, and if a map is missing; says at which character it is named first.
    """
    rule = rule_for(text, units, picked=picked)
    missing = [signal for signal in rule.signals if signal not in units]
    if not missing:
        return rule
    named = re.search(rf"(?<!\w)(?:{'|'.join(map(re.escape, missing))})(?!\w)", text.strip())
    raise InputError(
        f"The rule {rule.text!r} needs {', '.join(missing)}, but {where} has only "
        f"{', '.join(units)}.",
        remedy="Import these maps, or change {setting:rule}.",
        setting="rule",
        position=None if named is None else named.start(),
    )


def value_on_maps(text: str, units: Mapping[str, str]) -> tuple[Sum, Sum]:
    """Read a value such as ``"Si/(Mg + Fe)"`` for the maps of a section.

    Parameters
    ----------
    text
        Sum or ratio of signals.
    units
        Unit of each map of the section, by its signal.

    Returns
    -------
    tuple of Sum
        Numerator and denominator, see `parse_value`.

    Raises
    ------
    InputError
        If it cannot be read, or a map is missing.
    """
    numerator, denominator = (_sum_of_oxides(total, units) for total in parse_value(text))
    signals = {signal for total in (numerator, denominator) for signal, _ in total.weights}
    if missing := sorted(signals - set(units)):
        raise InputError(
            f"There is no map of {', '.join(missing)}, only of {', '.join(units)}.",
            remedy="Write a value of these maps, for example Ca/Mg.",
        )
    return numerator, denominator


def _of_oxides(rule: Rule, there: Collection[str]) -> Rule:
    """Put the map of an oxide for an element that has no map of its own."""

    def each(condition: Condition) -> Condition:
        sums = (condition.numerator, condition.denominator)
        numerator, denominator = (_sum_of_oxides(total, there) for total in sums)
        return replace(condition, numerator=numerator, denominator=denominator)

    return replace(rule, conditions=tuple(each(condition) for condition in rule.conditions))


def _sum_of_oxides(total: Sum, there: Collection[str]) -> Sum:
    weights: dict[str, float] = {}
    for element, weight in total.weights:
        signal, share = element, 1.0
        if element not in there:
            oxides = ELEMENT_IN_OXIDE.get(element, ())
            signal, share = next((one for one in oxides if one[0] in there), (element, 1.0))
        weights[signal] = weights.get(signal, 0.0) + weight * share
    return replace(total, weights=tuple(sorted(weights.items())))
