"""Microprobe tables: whatever the columns are called, oxides in wt% and a distance come out."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from napari_olivine.errors import InputError

OXIDES = (
    "SiO2", "TiO2", "Al2O3", "Cr2O3", "V2O3", "Fe2O3", "FeO", "MnO", "NiO", "CoO", "ZnO",
    "MgO", "CaO", "SrO", "BaO", "Na2O", "K2O", "P2O5", "SO3", "F", "Cl",
)  # fmt: skip
"""Oxides (and halogens) that are kept, in wt%."""

USUAL = ("SiO2", "FeO", "MgO", "CaO", "MnO", "Total")
"""Columns of the table of a section without analyses."""

SUFFIXES = (".csv", ".txt", ".tsv", ".xlsx")


def read_profiles(folder: Path) -> tuple[pd.DataFrame, list[Path], list[str]]:
    """Read every table of an EPMA folder, one profile a file.

    Parameters
    ----------
    folder
        Its file ``placements.csv`` is no table and is left out.

    Returns
    -------
    analyses
        Columns profile, point, distance_um, oxides in wt%, Total, x_um, y_um.
    files
        Files that were read.
    problems
        What was read as missing, in plain sentences.
    """
    files = sorted(
        file
        for file in folder.glob("*")
        if file.suffix.lower() in SUFFIXES
        and file.stem.lower() != "placements"
        and not file.name.startswith((".", "~"))
    )
    tables, problems = [], []
    for file in files:
        table, remarks = read_profile(file)
        table.insert(0, "profile", file.stem)
        tables.append(table)
        problems += remarks
    names = [file.stem for file in files]
    for name in {name for name in names if names.count(name) > 1}:
        raise InputError(f"{folder} has two tables called {name!r}; rename one of them.")
    return in_order(pd.concat(tables) if tables else pd.DataFrame()), files, problems


def read_profile(file: Path) -> tuple[pd.DataFrame, list[str]]:
    """Read one EPMA table (CSV, text or Excel), its first row holding the names of the columns.

    Returns
    -------
    table
        Columns point, distance_um, x_um, y_um, oxides in wt%, Total.
    problems
        Cells that hold no number.

    Raises
    ------
    InputError
        If the table has no MgO or FeO, or nothing that says where its points lie.
    """
    raw = _read_cells(file)
    columns: dict[str, str] = {}
    for header in raw.columns:
        name = column_name(header)
        if name is None:
            continue
        if name in columns:
            raise InputError(
                f"{file}: the columns {columns[name]!r} and {header!r} would both be {name}; "
                "delete one of them."
            )
        columns[name] = header
    absent = [oxide for oxide in ("MgO", "FeO") if oxide not in columns]
    if absent:
        raise InputError(
            f"{file} has no column {' and no column '.join(absent)}. mg# needs MgO and FeO (all "
            f"iron as FeO) in wt% of oxides; the columns found are "
            f"{', '.join(map(str, raw.columns))}."
        )
    table = pd.DataFrame(index=raw.index)
    problems = []
    for name, header in columns.items():
        table[name], words = _numbers(raw[header])
        if words:
            problems.append(
                f"{file.name}: {len(words)} cells of {header!r} hold no number "
                f"({', '.join(map(repr, words[:3]))}) and count as not measured"
            )
    table["distance_um"] = _distances_um(file, table, raw)
    table["point"] = _points(table)
    if "Total" not in table:
        total = table[[c for c in table if c in OXIDES]].sum(axis=1)
        table["Total"] = total.where(table["MgO"].notna() & table["FeO"].notna())
    return table.drop(columns=[c for c in table if c in PLACES]), problems


def in_order(analyses: pd.DataFrame) -> pd.DataFrame:
    """Return the table with its columns in the agreed order; empty columns if it has no rows."""
    oxides = [oxide for oxide in OXIDES if oxide in analyses]
    names = ["profile", "point", "distance_um", *(oxides or USUAL[:-1]), "Total", "x_um", "y_um"]
    table = analyses.reindex(columns=names).reset_index(drop=True)
    types: dict[str, str] = dict.fromkeys(names[2:], "float64")
    if table.empty:
        return table.astype({"profile": "str", "point": "int64"} | types)
    return table.astype({"point": "int64"} | types)


def column_name(header: object) -> str | None:
    """Translate the header of a column; `None` for columns that are not needed.

    Examples
    --------
    >>> column_name("FeO* (wt.%)"), column_name("Distance [µm]"), column_name("Comment")
    ('FeO', 'distance_um', None)
    """
    text = str(header).strip().lower().replace("µ", "u").replace("μ", "u")
    plain = re.sub(r"(wt\.?|mass|weight)\s*\.?\s*%|%", "", text)
    plain = re.sub(r"[\s_()\[\]*.,/-]+", "", plain)
    return _NAMES.get(plain)


PLACES = ("x_mm", "y_mm", "distance_mm")


def _names() -> dict[str, str]:
    names = {oxide.lower(): oxide for oxide in OXIDES}
    names |= dict.fromkeys(("feot", "feotot", "feototal", "feoall", "tfeo"), "FeO")
    names |= dict.fromkeys(("total", "sum", "totals", "oxidetotal", "totaloxides"), "Total")
    names |= dict.fromkeys(("point", "no", "#", "pt", "n", "spot", "pointno", "nr"), "point")
    for start in ("distance", "dist", "d", "position"):
        names |= {start: "distance_um", f"{start}um": "distance_um", f"{start}mm": "distance_mm"}
        names |= {f"{start}micron": "distance_um", f"{start}microns": "distance_um"}
    for axis in "xy":
        names |= {f"{axis}um": f"{axis}_um", axis: f"{axis}_mm", f"{axis}mm": f"{axis}_mm"}
        names |= {f"stage{axis}": f"{axis}_mm", f"stage{axis}mm": f"{axis}_mm"}
    return names


_NAMES = _names()


def _read_cells(file: Path) -> pd.DataFrame:
    """Read a table as text, without judging the cells."""
    try:
        if file.suffix.lower() == ".xlsx":
            raw = pd.read_excel(file, dtype=str)
        else:
            text = file.read_text(encoding="utf-8-sig", errors="replace")
            first = next((line for line in text.splitlines() if line.strip()), "")
            separator = next((mark for mark in "\t;," if mark in first), r"\s+")
            raw = pd.read_csv(
                file, sep=separator, dtype=str, encoding="utf-8-sig", encoding_errors="replace",
                skip_blank_lines=True, skipinitialspace=True, index_col=False,
            )  # fmt: skip
            if separator == ";":
                raw = raw.apply(lambda cells: cells.str.replace(",", ".", regex=False))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{file} cannot be read as a table ({error}).") from error
    raw = raw.dropna(how="all").reset_index(drop=True)
    if raw.empty:
        raise InputError(f"{file} holds no analyses.")
    return raw


def _numbers(cells: pd.Series) -> tuple[pd.Series, list[str]]:
    text = cells.fillna("").astype(str).str.strip()
    numbers = pd.to_numeric(text, errors="coerce").astype("float64")
    numbers[~np.isfinite(numbers)] = np.nan
    blank = text.str.lower().isin(("", "nan"))
    return numbers, sorted(set(text[numbers.isna() & ~blank]))


def _distances_um(file: Path, table: pd.DataFrame, raw: pd.DataFrame) -> pd.Series:
    if "distance_um" in table:
        distance = table["distance_um"]
    elif "distance_mm" in table:
        distance = table["distance_mm"] * 1000
    elif {"x_um", "y_um"} <= set(table):
        if table[["x_um", "y_um"]].isna().any(axis=None):
            row = int(np.flatnonzero(table[["x_um", "y_um"]].isna().any(axis=1))[0])
            raise InputError(f"{file}: analysis {row + 1} has no position (x_um, y_um).")
        return pd.Series(np.nan, table.index)
    elif {"x_mm", "y_mm"} <= set(table):
        steps = pd.Series(0.0, table.index)
        steps += np.hypot(table["x_mm"].diff(), table["y_mm"].diff())
        steps.iloc[0] = 0.0
        distance = steps.cumsum() * 1000
        distance[table[["x_mm", "y_mm"]].isna().any(axis=1)] = np.nan
    else:
        raise InputError(
            f"{file} does not say where its points lie: it needs a column 'distance_um' (along "
            "the traverse), or 'x_um' and 'y_um' (in the section), or stage 'X' and 'Y' in mm; the "
            f"columns found are {', '.join(map(str, raw.columns))}."
        )
    if distance.isna().any():
        row = int(np.flatnonzero(distance.isna())[0])
        raise InputError(
            f"{file}: analysis {row + 1} has no distance: fill it in or delete the row"
        )
    return distance


def _points(table: pd.DataFrame) -> pd.Series:
    counted = pd.Series(np.arange(1, len(table) + 1), table.index)
    if "point" not in table:
        return counted
    given = table["point"]
    whole = given.notna().all() and (given % 1 == 0).all() and given.is_unique
    return given.astype("int64") if whole else counted
