"""What a table says of itself against what was read: its totals, its mg#."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.readers.epma.column_headers import IRON_OXIDES, OXIDES
from napari_olivine.readers.epma.elements import CATIONS
from napari_olivine.readers.epma.mapping import FILE

Floats = NDArray[np.float64]

TOTAL_DIFFERS = 1.0
"""wt%, in the median: more than oxides that nobody lists (Rb2O, F = O) come to."""

POSSIBLE_TOTAL = (60.0, 115.0)
"""wt%, median of a table with SiO2, MgO and FeO: an analysis of a silicate, even a poor one."""

MG_DIFFERS = 0.01
"""mg#, in the median: more than a Fo in whole per cent is rounded by."""


def check_totals(file: Path, table: pd.DataFrame) -> list[str]:
    """Compare the sum of the oxides with the total of the table, and with what a silicate has.

    Parameters
    ----------
    file
        For the messages.
    table
        Oxides (iron as the table gives it) and Total in wt%.

    Returns
    -------
    problems
        One sentence, or nothing.
    """
    names = [str(name) for name in table if str(name) in (*OXIDES, *IRON_OXIDES)]
    others = table[[name for name in names if name not in IRON_OXIDES]].sum(axis=1).to_numpy()
    irons = [table[name].fillna(0.0).to_numpy() for name in names if name in IRON_OXIDES]
    if {"FeO", "Fe2O3"} <= set(names):
        irons.append((table["FeO"].fillna(0.0) + table["Fe2O3"].fillna(0.0)).to_numpy())
    if "MgO" not in table or not irons:
        return []
    sums = [others + iron for iron in irons]
    median = _median(sums[-1])
    low, high = POSSIBLE_TOTAL
    remedy = f"check which columns are read, and name them in {FILE}"
    if median > high or (median < low and "SiO2" in table):
        return [f"{file.name}: the oxides sum to {median:.1f} wt% (median); {remedy}"]
    if "Total" not in table:
        return []
    total = table["Total"].to_numpy()
    if min(_median(np.abs(each - total)) for each in sums) > TOTAL_DIFFERS:
        return [
            f"{file.name}: the oxides that are read sum to {median:.2f} wt% (median), but the "
            f"total of the table is {_median(total):.2f}; {remedy}"
        ]
    return []


def check_mg_number(file: Path, table: pd.DataFrame, given: dict[str, Floats]) -> list[str]:
    """Compare the mg# or Fo that a table gives with its MgO and FeO.

    Parameters
    ----------
    file
        For the messages.
    table
        MgO and FeO in wt%, all iron as FeO.
    given
        Columns of mg# or Fo by their headers, as fractions or per cent.

    Returns
    -------
    problems
        A sentence for each column that differs.
    """
    mg = table["MgO"].to_numpy() / CATIONS["MgO"][2]
    mg = mg / (mg + table["FeO"].to_numpy() / CATIONS["FeO"][2])
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
