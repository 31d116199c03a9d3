"""What was made of EPMA tables, a row a profile: for a person to see whether it was understood."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_olivine.errors import fill
from napari_olivine.readers.epma.elements import ATOMIC_MASS
from napari_olivine.readers.epma.folder import TableRead, TablesRead
from napari_olivine.readers.epma.profiles import Profile
from napari_olivine.readers.epma.repeats import SheetProfiles

COLUMNS = (
    "file", "sheet", "profile", "points", "used", "left_out", "length_um", "length_by_distance_um",
    "length_by_coordinates_um", "mg_first", "mg_last", "mg_min", "mg_max", "total_min", "total_max",
    "notes",
)  # fmt: skip
"""Columns of a report. Scripts rely on them."""

REPORT_FILE = "report.csv"
"""Name of the report in the product ``epma`` of a section."""

BETWEEN = " | "
"""Stands between the notes of a row."""

_HEADINGS = {
    "profile": "profile", "points": "points", "used": "used", "left_out": "left out",
    "length_um": "length", "length_by_distance_um": "by distance",
    "length_by_coordinates_um": "by coordinates", "mg_first": "mg# first", "mg_last": "last",
    "mg_min": "min", "mg_max": "max", "total_min": "total min", "total_max": "max",
}  # fmt: skip


def report_of(tables: TablesRead) -> pd.DataFrame:
    """Report what was made of the tables of a folder.

    Parameters
    ----------
    tables
        The tables, as `read_tables` returns them.

    Returns
    -------
    report
        Columns `COLUMNS`, a row a profile: ``points`` analyses stand in the table, ``used`` have
        numbers for MgO and FeO and were not rejected; lengths in um, totals in wt%, mg# of the
        used analyses (molar MgO / (MgO + FeO)), NaN where there is none. A file or sheet without
        a profile has a row with the reason in ``notes``.
    """
    rows = [row for table in tables.tables for row in _rows_of_table(table)]
    rows += [_row(file, notes=[words]) for file, words in tables.asides]
    report = pd.DataFrame(rows, columns=list(COLUMNS))
    return report.astype(_TYPES)


_TYPES = dict.fromkeys(COLUMNS[6:15], "float64") | dict.fromkeys(COLUMNS[3:6], "int64")


def write_report(report: pd.DataFrame, file: Path) -> None:
    """Write a report as CSV."""
    report.to_csv(file, index=False, lineterminator="\n")


def read_report(file: Path) -> pd.DataFrame:
    """Read a report that `write_report` wrote."""
    words = dict.fromkeys(("file", "sheet", "profile", "notes"), "str")
    report = pd.read_csv(file, dtype=words).astype(_TYPES)
    return report.fillna(dict.fromkeys(words, ""))


def report_page(report: pd.DataFrame) -> str:
    """Write a report as text: the profiles of each sheet under each other, then its notes."""
    pages = []
    for (file, sheet), part in report.groupby(["file", "sheet"], sort=False):
        lines = [f"{file}, sheet {sheet!r}" if sheet else str(file)]
        profiles = part[part["profile"] != ""]
        if len(profiles):
            lines += _table(profiles)
        lines += [f"  - {note}" for note in notes_of(part)]
        pages.append("\n".join(lines))
    return "\n\n".join(pages) if pages else "There are no EPMA tables."


def notes_of(part: pd.DataFrame) -> list[str]:
    """Return the notes of rows of a report, each once; what the columns became comes last."""
    notes = dict.fromkeys(n for cell in part["notes"] for n in cell.split(BETWEEN) if n)
    return sorted(notes, key=lambda note: note.startswith("columns: "))


def _table(profiles: pd.DataFrame) -> list[str]:
    cells = [list(_HEADINGS.values())]
    cells += [[_cell(row[name], name) for name in _HEADINGS] for _, row in profiles.iterrows()]
    widths = [max(len(row[k]) for row in cells) for k in range(len(_HEADINGS))]
    return [
        "  " + "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
        for row in cells
    ]


def _cell(value: Any, name: str) -> str:
    if isinstance(value, str):
        return value
    if not np.isfinite(value):
        return "-"
    if name.startswith("length"):
        return f"{value:.1f}"
    return f"{value:.4f}" if name.startswith("mg") else f"{value:.2f}" if "total" in name else (
        f"{value:d}"
    )  # fmt: skip


def _rows_of_table(table: TableRead) -> Iterator[dict[str, Any]]:
    for sheet in table.sheets:
        for profile in sheet.profiles:
            yield _row_of_profile(table, sheet, profile)
        if not sheet.profiles:  # a copy of another sheet
            yield _row(table.file, sheet.sheet, notes=[*sheet.said, sheet.columns])
    for name, error in table.refused:
        yield _row(table.file, name, notes=[f"refused: {fill(error.template)}"])


def _row_of_profile(table: TableRead, sheet: SheetProfiles, profile: Profile) -> dict[str, Any]:
    analyses = profile.analyses
    measured = analyses[["MgO", "FeO"]].notna().all(axis=1)
    notes = [*profile.said, *(f"left out: {left.words}" for left in profile.left_out)]
    if lacking := profile.rows[~measured.to_numpy()].tolist():
        listed = ", ".join(map(str, lacking[:8]))
        more = ", ..." if len(lacking) > 8 else ""
        notes.append(f"left out: row {listed}{more}: no number for MgO or FeO")
    used = analyses[measured]
    mg = _mg_number(used)
    row = _row(table.file, sheet.sheet, profile.name)
    row["points"] = len(analyses) + len(profile.left_out)
    row["used"] = len(used)
    row["left_out"] = row["points"] - row["used"]
    row["length_um"] = _extent(used["distance_um"].to_numpy(float))
    row["length_by_distance_um"] = profile.by_distance_um
    row["length_by_coordinates_um"] = profile.by_coordinates_um
    if len(used):
        row |= {"mg_first": mg[0], "mg_last": mg[-1], "mg_min": mg.min(), "mg_max": mg.max()}
        row |= {"total_min": used["Total"].min(), "total_max": used["Total"].max()}
    row |= {key: round(value, 5) for key, value in row.items() if isinstance(value, float)}
    row["notes"] = _joined([*notes, *sheet.said, sheet.columns])
    return row


def _row(
    file: Path, sheet: str = "", profile: str = "", *, notes: list[str] | None = None
) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS, np.nan)
    row |= {"file": file.name, "sheet": sheet, "profile": profile}
    row |= {"points": 0, "used": 0, "left_out": 0, "notes": _joined(notes or [])}
    return row


def _joined(notes: list[str]) -> str:
    clean = (" ".join(fill(note).replace("|", "/").split()) for note in notes if note)
    return BETWEEN.join(dict.fromkeys(clean))


def _mg_number(analyses: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Molar MgO / (MgO + FeO), all iron as FeO."""
    moles = [
        analyses[f"{element}O"].to_numpy(float) / (ATOMIC_MASS[element] + ATOMIC_MASS["O"])
        for element in ("Mg", "Fe")
    ]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(moles[0] / (moles[0] + moles[1]), np.float64)


def _extent(distance: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    known = distance[np.isfinite(distance)]
    return float(np.ptp(known)) if known.size > 1 else np.nan
