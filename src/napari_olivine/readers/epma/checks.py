"""What a table says of itself against what was read: its totals, its mg#."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.readers.epma.column_headers import IRON_OXIDES
from napari_olivine.readers.epma.elements import CATIONS
from napari_olivine.readers.epma.iron import sum_of_oxides
from napari_olivine.readers.epma.mapping import FILE

Floats = NDArray[np.float64]

TOTAL_DIFFERS = 1.0
"""wt%, in the median: more than oxides that nobody lists (Rb2O, F = O) come to."""

POSSIBLE_TOTAL = (60.0, 115.0)
"""wt%, median of a table with SiO2, MgO and FeO: an analysis of a silicate, even a poor one."""

MG_DIFFERS = 0.01
"""mg#, in the median: more than a Fo in whole per cent is rounded by."""


def check_totals(file: Path, table: Mapping[str, Any]) -> list[str]:
    """Compare the sum of the oxides with the total of the table, and with what a silicate has.

    Parameters
    ----------
    file
        For the messages.
    table
        Columns, shape (n,) each: oxides (iron as the table gives it) and Total in wt%.

    Returns
    -------
    problems
        One sentence, or nothing.
    """
    irons = [table[name] for name in IRON_OXIDES if name in table]
    if "MgO" not in table or not irons:
        return []
    if "FeO" in table and "Fe2O3" in table:
        irons.append(np.nansum(irons[:2], axis=0))
    others = sum_of_oxides(table)
    # A cell that holds no number is said elsewhere; its row has no sum.
    others[np.isnan(table["MgO"]) | np.isnan(table.get("SiO2", others))] = np.nan
    sums = [others + iron for iron in irons]
    median = _median(sums[-1])
    low, high = POSSIBLE_TOTAL
    remedy = f"check which columns are read, and name them in {FILE}"
    if median > high or (median < low and "SiO2" in table):
        return [f"{file.name}: the oxides sum to {median:.1f} wt% (median); {remedy}"]
    if "Total" not in table:
        return []
    total = table["Total"]
    if min(_median(np.abs(each - total)) for each in sums) > TOTAL_DIFFERS:
        return [
            f"{file.name}: the oxides that are read sum to {median:.2f} wt% (median), but the "
            f"total of the table is {_median(total):.2f}; {remedy}"
        ]
    return []


def check_mg_number(file: Path, table: Mapping[str, Any], given: dict[str, Floats]) -> list[str]:
    """Compare the mg# or Fo that a table gives with its MgO and FeO.

    Parameters
    ----------
    file
        For the messages.
    table
        Columns MgO and FeO in wt%, all iron as FeO.
    given
        Columns of mg# or Fo by their headers, as fractions or per cent.

    Returns
    -------
    problems
        A sentence for each column that differs.
    """
    mg = table["MgO"] / CATIONS["MgO"][2]
    mg = mg / (mg + table["FeO"] / CATIONS["FeO"][2])
    problems = []
    for header, values in given.items():
        fraction = values / 100.0 if _median(values) > 1.5 else values
        if _median(np.abs(fraction - mg)) > MG_DIFFERS:
            problems.append(
                f"{file.name}: {header!r} is {_median(fraction):.3f} (median), but MgO and all "
                f"iron as FeO make mg# {_median(mg):.3f}, which is used; perhaps a column is "
                "misread, or it counts the iron otherwise"
            )
    return problems


def _median(values: Floats) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else np.nan
