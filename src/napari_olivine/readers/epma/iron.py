"""All iron as FeO, whatever columns a table gives it in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.readers.epma.column_headers import IRON_OXIDES, OXIDES
from napari_olivine.readers.epma.elements import ALL_IRON, FEO_IN_FE2O3

Floats = NDArray[np.float64]

SAME = 0.06
"""wt%: two ways to give one iron, each rounded to a decimal or two."""

SAME_TOTAL = 0.3
"""wt%: a sum of rounded oxides and the total of the program that rounded them."""


def all_iron_as_feo(file: Path, table: dict[str, Any], rows: Sequence[int]) -> list[str]:
    """Put all iron of a table into FeO: FeO + 0.8998 Fe2O3, or what the table calls all iron.

    A column of all iron is taken where it is consistent: not less than the parts that stand beside
    it, and equal to them where both parts are given. FeO alone is taken where Fe2O3 is the same
    iron again, or where the total of the table is the sum without Fe2O3.

    Parameters
    ----------
    file
        For the messages.
    table
        Columns, shape (n,) each: oxides and Total in wt%. Afterwards it has FeO, and no other
        iron.
    rows
        Row of each analysis in the sheet, from 0.

    Returns
    -------
    problems
        What was converted and why, in plain sentences.

    Raises
    ------
    InputError
        If the columns contradict each other and the totals do not decide.
    """
    given = {name: table[name] for name in table if name in IRON_OXIDES}
    given = {name: values for name, values in given.items() if not np.isnan(values).all()}
    if not given:
        return []
    iron, said = _all_iron(file, table, given, rows)
    columns = list(table.items())
    table.clear()
    for name, values in columns:
        if name not in IRON_OXIDES:
            table[name] = values
        elif "FeO" not in table:
            table["FeO"] = iron
    return [f"{file.name}: {text}" for text in said]


def _all_iron(
    file: Path, table: Mapping[str, Any], given: Mapping[str, Floats], rows: Sequence[int]
) -> tuple[Floats, list[str]]:
    stated = [(name, given[name] * factor) for name, factor in ALL_IRON.items() if name in given]
    parts, said = _parts(table, given)
    if not stated:
        assert parts is not None
        return parts, said
    name, iron = stated[0]
    ways = [(each, values) for each, values in stated[1:]]
    if parts is not None:
        ways.append((" and ".join(n for n in ("FeO", "Fe2O3") if n in given), parts))
    both_parts = "FeO" in given and "Fe2O3" in given
    for way, values in ways:
        part_only = values is parts and not both_parts
        differs = values > iron + SAME if part_only else np.abs(values - iron) > SAME
        differs &= ~(np.isnan(values) | np.isnan(iron))
        if differs.any():
            return _by_total(file, table, (name, iron), (way, values), rows)
    if len(given) == 1 and name == "FeOt":
        return iron, []
    blank = np.isnan(iron)
    for _, values in ways:
        iron = np.where(np.isnan(iron), values, iron)
    filled = int((blank & ~np.isnan(iron)).sum())
    others = ", ".join(each for each in given if each != name)
    told = f"the iron is taken from {_named(name)}"
    if name == "Fe2O3t":
        told += f", converted to FeO (x {FEO_IN_FE2O3:.4f})"
    told += f", which holds that of {others} as well" if others else ""
    if filled:
        told += f"; {filled} analyses have none there, and theirs is taken from {ways[-1][0]}"
    return iron, [told]


def _parts(
    table: Mapping[str, Any], given: Mapping[str, Floats]
) -> tuple[Floats | None, list[str]]:
    """FeO + 0.8998 Fe2O3; `None` where neither is given."""
    ferrous, ferric = given.get("FeO"), given.get("Fe2O3")
    if ferric is None:
        return ferrous, []
    converted = ferric * FEO_IN_FE2O3
    if ferrous is None:
        return converted, [
            f"the iron is given as Fe2O3; it is converted to FeO (x {FEO_IN_FE2O3:.4f})"
        ]
    if not np.nansum(np.abs(ferric)):
        return ferrous, []
    alone, both = (_misfit(table, iron) for iron in (ferrous, ferrous + np.nan_to_num(ferric)))
    alike = np.abs(ferrous - converted)[~np.isnan(ferrous - converted)]
    if alike.size and (alike <= SAME).all() and not both <= SAME_TOTAL:
        return ferrous, [
            f"FeO and Fe2O3 are the same iron twice (FeO = {FEO_IN_FE2O3:.4f} Fe2O3), which "
            "counts once"
        ]
    if alone <= SAME_TOTAL < both:
        return ferrous, [
            "Fe2O3 is left out: the total of the table is the sum with FeO alone, which is then "
            "all iron"
        ]
    said = [f"all iron is taken as FeO: FeO + {FEO_IN_FE2O3:.4f} Fe2O3"]
    for name, values in (("Fe2O3", ferric), ("FeO", ferrous)):
        blank = int((np.isnan(values) & ~(np.isnan(ferric) & np.isnan(ferrous))).sum())
        if blank:
            said.append(f"{blank} analyses have no {name}, which counts as 0 there")
    neither = np.isnan(ferric) & np.isnan(ferrous)
    return np.where(neither, np.nan, np.nan_to_num(ferrous) + np.nan_to_num(converted)), said


def _by_total(
    file: Path,
    table: Mapping[str, Any],
    one: tuple[str, Floats],
    other: tuple[str, Floats],
    rows: Sequence[int],
) -> tuple[Floats, list[str]]:
    """Decide between two irons by the total of the table; refuse where it does not."""
    row = int(np.nanargmax(np.abs(one[1] - other[1])))
    text = (
        f"{_named(one[0])} is {one[1][row]:.2f} and {other[0]} come to {other[1][row]:.2f} wt% FeO "
        f"in row {rows[row] + 1}"
    )
    fits = [_misfit(table, values) <= SAME_TOTAL for _, values in (one, other)]
    if fits[0] == fits[1]:
        raise InputError(
            f"{file}: the columns of iron contradict each other: {text}.",
            remedy="Say which of them is not to be read {place:columns.toml}: skip_columns = [...] "
            "with its number, from 1.",
            file=file,
            row=rows[row] + 1,
        )
    name, iron = one if fits[0] else other
    return iron, [f"{text}; {_named(name)} is taken, with which the oxides sum to the total"]


def _misfit(table: Mapping[str, Any], iron: Floats) -> float:
    """Median difference of the oxides' sum and the total, wt%; NaN without totals."""
    if "Total" not in table:
        return np.nan
    differences = np.abs(sum_of_oxides(table) + iron - table["Total"])
    differences = differences[~np.isnan(differences)]
    return float(np.median(differences)) if differences.size else np.nan


def sum_of_oxides(table: Mapping[str, Any]) -> Floats:
    """Sum of the oxides in every row but those of iron, wt%; what was not measured counts as 0."""
    oxides = [table[name] for name in table if name in OXIDES and name not in IRON_OXIDES]
    return np.nansum(oxides, axis=0) if oxides else np.zeros(1)


def _named(name: str) -> str:
    return {"FeOt": "FeO(total)", "Fe2O3t": "Fe2O3(total)"}.get(name, name)
