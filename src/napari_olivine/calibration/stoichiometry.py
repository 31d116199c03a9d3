"""Microprobe analyses: mg#, forsterite, cations per formula unit, and flags of bad rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from napari_olivine.errors import InputError

Floats = NDArray[np.float64]

MOLAR_MASS = {
    "SiO2": 60.0843,
    "TiO2": 79.866,
    "Al2O3": 101.961,
    "Cr2O3": 151.998,
    "FeO": 71.8464,
    "MnO": 70.9375,
    "MgO": 40.3044,
    "NiO": 74.692,
    "ZnO": 81.38,
    "CaO": 56.0774,
    "Na2O": 61.979,
    "K2O": 94.196,
    "P2O5": 141.94,
}
"""g/mol, as in Thermobar (Wieser et al. 2022, doi 10.30909/vol.05.02.349384); TiO2 and ZnO from the
standard atomic masses."""

CATIONS_OXYGENS = {
    "SiO2": (1, 2),
    "TiO2": (1, 2),
    "Al2O3": (2, 3),
    "Cr2O3": (2, 3),
    "FeO": (1, 1),
    "MnO": (1, 1),
    "MgO": (1, 1),
    "NiO": (1, 1),
    "ZnO": (1, 1),
    "CaO": (1, 1),
    "Na2O": (2, 1),
    "K2O": (2, 1),
    "P2O5": (2, 5),
}
"""Cations and oxygens in one formula unit of each oxide."""

OLIVINE_OXYGENS = 4.0


def mg_number(mgo_percent: ArrayLike, feo_percent: ArrayLike) -> Floats:
    """Molar Mg/(Mg + Fe), all iron as FeO.

    Parameters
    ----------
    mgo_percent, feo_percent
        wt%, of one shape.

    Returns
    -------
    NDArray
        Fraction 0-1 of that shape; NaN where an oxide is missing, negative, or both are zero.
    """
    mg = np.asarray(mgo_percent, float) / MOLAR_MASS["MgO"]
    fe = np.asarray(feo_percent, float) / MOLAR_MASS["FeO"]
    total = mg + fe
    good = (mg >= 0) & (fe >= 0) & (total > 0)
    return np.where(good, mg / np.where(good, total, 1.0), np.nan)


def forsterite(mgo_percent: ArrayLike, feo_percent: ArrayLike) -> Floats:
    """Forsterite content in mol%, 100 mg#."""
    return 100.0 * mg_number(mgo_percent, feo_percent)


def cations(table: pd.DataFrame, oxygens: float = OLIVINE_OXYGENS) -> pd.DataFrame:
    """Cations per formula unit from oxides in wt%.

    n_i = wt_i / M_i; f = oxygens / sum(n_i o_i); cations_i = n_i c_i f.

    Parameters
    ----------
    table
        Analyses, one row each; the oxides it has among `MOLAR_MASS` are used.
    oxygens
        Oxygens of the formula: 4 for olivine.

    Returns
    -------
    DataFrame
        One column a cation (``"Si"``, ``"Mg"``, ...) and their ``"sum"``; NaN for empty rows.

    References
    ----------
    Deer, W. A., Howie, R. A. and Zussman, J. (2013). An Introduction to the Rock-Forming Minerals,
    3rd ed., appendix 1 (mineral formula from a chemical analysis). doi 10.1180/DHZ
    """
    oxides = [oxide for oxide in MOLAR_MASS if oxide in table.columns]
    weights = table[oxides].apply(pd.to_numeric, errors="coerce").clip(lower=0)
    moles = weights.fillna(0.0) / pd.Series({o: MOLAR_MASS[o] for o in oxides})
    oxygen = (moles * pd.Series({o: CATIONS_OXYGENS[o][1] for o in oxides})).sum(axis=1)
    factor = oxygens / oxygen.where(oxygen > 0)
    result = pd.DataFrame(
        {
            oxide.split("O")[0].rstrip("23"): moles[oxide] * CATIONS_OXYGENS[oxide][0] * factor
            for oxide in oxides
        },
        index=table.index,
    )
    result["sum"] = result.sum(axis=1, min_count=1)
    return result


def totals(table: pd.DataFrame) -> pd.Series:
    """Total of each analysis in wt%: its column Total, else the sum of its oxides."""
    oxides = [oxide for oxide in MOLAR_MASS if oxide in table.columns]
    numbers = table[oxides].apply(pd.to_numeric, errors="coerce")
    summed: pd.Series = numbers.sum(axis=1, min_count=1)
    if "Total" not in table.columns:
        return summed
    total: pd.Series = pd.to_numeric(table["Total"], errors="coerce").fillna(summed)
    return total


def flags(
    table: pd.DataFrame,
    *,
    oxygens: float = OLIVINE_OXYGENS,
    total_range_percent: tuple[float, float] = (97.5, 102.0),
    olivine: bool = True,
) -> list[list[str]]:
    """Flag each analysis that is not one of good olivine; no row is dropped here.

    The limits on cations are those of good olivine analyses: sum 3.00 +- 0.03, Si 0.97-1.03,
    CaO below 0.6 and Al2O3 below 0.3 wt%.

    Parameters
    ----------
    table
        Analyses with oxides in wt%.
    oxygens
        Oxygens of the formula.
    total_range_percent
        Lowest and highest good total, wt%.
    olivine
        Whether to check total and cations as olivine's.

    Returns
    -------
    list of list of str
        For each row its flags, empty for a good one.
    """
    words: list[list[str]] = [[] for _ in range(len(table))]
    mg = mg_number(_column(table, "MgO"), _column(table, "FeO"))
    formula = cations(table, oxygens)
    total = totals(table).to_numpy(float)
    cracked = _says_crack(table)
    lowest, highest = total_range_percent
    for row, flag in enumerate(words):
        if cracked[row]:
            flag.append("crack")
        if not np.isfinite(mg[row]):
            flag.append("no MgO and FeO")
            continue
        if not olivine:
            continue
        if np.isfinite(total[row]) and not lowest <= total[row] <= highest:
            flag.append(f"total {total[row]:.1f} wt%")
        flag.extend(_olivine_flags(table.iloc[row], formula.iloc[row]))
    return words


@dataclass(frozen=True)
class TotalLimits:
    """Limits of good totals of one traverse.

    Parameters
    ----------
    lowest, highest
        In wt%.
    moved
        Whether they follow the totals of the whole traverse.
    middle
        Median total of the analyses with the cations of olivine, wt%; NaN without any.
    outside, analyses
        How many of these analyses lie outside the limits as set, and how many there are.
    """

    lowest: float
    highest: float
    moved: bool
    middle: float
    outside: int
    analyses: int


def total_limits(
    table: pd.DataFrame,
    set_percent: tuple[float, float],
    *,
    oxygens: float = OLIVINE_OXYGENS,
) -> TotalLimits:
    """Let the limits follow totals that are low, or high, throughout a traverse.

    A thick coat or a wrong beam current scales every oxide by the same factor: the cations stay
    olivine's, and mg# is right. So where at least half of such analyses lie outside the limits,
    these move with the median total (ours).

    Parameters
    ----------
    table
        Analyses of one traverse, oxides in wt%.
    set_percent
        Lowest and highest total as set, wt%.
    oxygens
        Oxygens of the formula.

    Returns
    -------
    TotalLimits
        The limits as set, or moved.
    """
    lowest, highest = set_percent
    words = flags(table, oxygens=oxygens, total_range_percent=(0.0, np.inf))
    total = totals(table).to_numpy(float)[[not flag for flag in words]]
    total = total[np.isfinite(total)]
    middle = float(np.median(total)) if total.size else float("nan")
    outside = int(((total < lowest) | (total > highest)).sum())
    moved = 2 * outside >= max(total.size, 1) and LOWEST_MEDIAN < middle < HIGHEST_MEDIAN
    if moved:
        lowest = min(lowest, middle - (100.0 - lowest))
        highest = max(highest, middle + (highest - 100.0))
    return TotalLimits(lowest, highest, moved, middle, outside, int(total.size))


LOWEST_MEDIAN, HIGHEST_MEDIAN = 90.0, 108.0
"""wt%; with totals beyond, something else is wrong than the coat or the current."""


def require_oxides(table: pd.DataFrame, profiles: Sequence[str]) -> None:
    """Make sure that each profile has MgO and FeO.

    Raises
    ------
    InputError
        If one lacks them; names the profile and the oxides of its table.
    """
    for profile in profiles:
        rows = table[table["profile"] == profile]
        if rows.empty:
            raise InputError(
                f"Profile {profile!r} is placed on the section but has no microprobe analyses.",
                remedy="Import its table, or set its use to 'ignore'.",
                step="import",
            )
        for oxide in ("MgO", "FeO"):
            if not np.isfinite(_column(rows, oxide)).any():
                there = [c for c in rows.columns if c in MOLAR_MASS and rows[c].notna().any()]
                raise InputError(
                    f"The microprobe table of {profile!r} has no {oxide}, so it has no mg#. It "
                    f"holds {', '.join(there) or 'no oxides'}.",
                    remedy=f"Name its column {oxide} (wt%) and import again.",
                    step="import",
                    expected=oxide,
                )


def _column(table: pd.DataFrame, oxide: str) -> Floats:
    if oxide not in table.columns:
        return np.full(len(table), np.nan)
    return pd.to_numeric(table[oxide], errors="coerce").to_numpy(float)


def _says_crack(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Rows in which a person typed 'crack' into a cell."""
    found = np.zeros(len(table), bool)
    for column in table.columns:
        if not pd.api.types.is_numeric_dtype(table[column]):
            found |= table[column].astype(str).str.contains("crack", case=False).to_numpy(bool)
    return found


def _olivine_flags(row: pd.Series, formula: pd.Series) -> list[str]:
    words = []
    if "SiO2" in row.index and np.isfinite(formula["sum"]):
        if abs(formula["sum"] - 3.0) > 0.03:
            words.append(f"{formula['sum']:.3f} cations")
        if not 0.97 <= formula["Si"] <= 1.03:
            words.append(f"Si {formula['Si']:.3f}")
    for oxide, limit in (("CaO", 0.6), ("Al2O3", 0.3)):
        if oxide in row.index and pd.to_numeric(row[oxide], errors="coerce") > limit:
            words.append(f"{oxide} {float(row[oxide]):.2f} wt%")
    return words
