"""The review as a spreadsheet that a colleague fills: written, and read back as edits."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd

from napari_olivine.crystals.edits import Classify, Edit, Judge, Merge, Note, Verdict, ZoneClass
from napari_olivine.errors import EditError, InputError
from napari_olivine.review.session import Review
from napari_olivine.tabular import (
    SEPARATORS,
    Sheet,
    is_spreadsheet,
    read_spreadsheet,
    read_text,
    split_text,
)

TOLD = [
    "id", "x_um", "y_um", "size_class", "area_um2", "mg_core", "mg_rim", "zone_class",
    "zone_probability", "doubt", "because",
]  # fmt: skip
"""Columns that tell of a crystal."""

ASKED = ["verdict", "class", "merge_with", "note", "reviewer"]
"""Columns that a person fills; empty cells and those that were not changed say nothing."""

VERDICTS: tuple[Verdict, ...] = ("accepted", "rejected")
CLASSES: tuple[ZoneClass, ...] = get_args(ZoneClass)

PLACE_UM = 1.0
"""A crystal whose centre is further from that in the sheet is not the same any more."""

MOST_TOLD = 10
"""Problems that one error names."""


@dataclass(frozen=True)
class Asked:
    """What one row asks for."""

    row: int
    """Row of the sheet, the heading being row 1."""
    crystal: int
    verdict: Verdict
    zone_class: ZoneClass | None
    merge_with: tuple[int, ...]
    note: str
    reviewer: str


@dataclass(frozen=True)
class Imported:
    """What came of a sheet."""

    edits: int
    crystals: int
    """Crystals that were answered."""
    problems: tuple[str, ...] = ()
    """Rows that could not be carried out, and why."""


def write_sheet(
    review: Review,
    file: Path,
    *,
    sizes: Collection[str] | None = None,
    most: int | None = None,
    open_only: bool = False,
) -> int:
    """Write crystals as rows to be filled, the most doubtful first.

    Parameters
    ----------
    review
        Review of a section.
    file
        ``.xlsx``, with choices to click in the cells of verdict and class, or ``.csv``.
    sizes
        Size classes that are written; all if not given.
    most
        Rows, at most.
    open_only
        Leave out what has been reviewed.

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    InputError
        If the file has another ending or cannot be written.
    """
    table = review.table
    if sizes is not None:
        table = table[table["size_class"].isin(list(sizes))]
    if open_only:
        table = table[table["id"].isin(review.queue.ids)]
    doubt = review.ranking.reindex(table.index)
    because = review.doubts["because"].reindex(table.index).fillna("")
    table = table.assign(doubt=doubt.round(3), because=because, merge_with="")
    table = table.sort_values(["doubt", "id"], ascending=[False, True]).iloc[:most]
    table["class"] = table["reviewed_class"]
    rounded = {"x_um": 2, "y_um": 2, "area_um2": 1, "mg_core": 4, "mg_rim": 4}
    sheet = table[[*TOLD, *ASKED]].round(rounded | {"zone_probability": 3})
    partial = file.with_name(f".{file.name}")
    try:
        if file.suffix.lower() == ".csv":
            sheet.to_csv(partial, index=False)
        elif file.suffix.lower() == ".xlsx":
            _write_workbook(sheet, partial)
        else:
            raise InputError(f"{file} must end in .xlsx or .csv.")
        partial.replace(file)
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return len(sheet)


def import_sheet(review: Review, file: Path, *, who: str = "") -> Imported:
    """Carry out what a filled sheet asks for.

    The sheet is read and checked wholly before anything changes. What it asks for and is so
    already is left out: a sheet can be imported again.

    Parameters
    ----------
    review
        Review of the section that the sheet was written from, open for edits.
    file
        ``.xlsx``, ``.ods`` or ``.csv``.
    who
        Reviewer where the sheet names none.

    Raises
    ------
    InputError
        If the sheet cannot be read, asks for what there is not, or tells of other crystals;
        names the rows. Nothing has changed.
    """
    asked = list(_read(review, file))
    answered: set[int] = set()
    problems: list[str] = []
    edits = 0
    for one in asked:
        for edit in _edits(review, one):
            try:
                review.do(edit, who=one.reviewer or who)
            except EditError as error:
                problems.append(f"row {one.row}: {error}")
                continue
            edits += 1
            answered.add(one.crystal)
    return Imported(edits, len(answered), tuple(problems))


# ---------------------------------------------------------------------- reading


def _read(review: Review, file: Path) -> Iterator[Asked]:
    table = _table(file)
    problems: list[str] = []
    found: list[Asked] = []
    for place, values in enumerate(table.to_dict("records")):
        row = place + 2
        cells = {str(name): str(value).strip() for name, value in values.items()}
        try:
            found.append(_asked(review, row, cells))
        except (ValueError, InputError) as error:
            problems.append(f"row {row}: {error}")
    if problems:
        more = f"\n  and {len(problems) - MOST_TOLD} more" if len(problems) > MOST_TOLD else ""
        told = "\n  ".join(problems[:MOST_TOLD])
        raise InputError(f"{file} cannot be imported; nothing has changed:\n  {told}{more}")
    yield from found


def _table(file: Path) -> pd.DataFrame:
    """Read the cells, all as text."""
    if not file.is_file():
        raise InputError(f"There is no file {file}.")
    if is_spreadsheet(file):
        sheets = read_spreadsheet(file)
    else:
        text = read_text(file)
        ways = ("comma", "semicolon", "tab")
        sheets = [split_text(file, text, way) for way in ways if SEPARATORS[way] in text]
    for sheet in sheets:
        heading = [name.strip().lower() for name in (sheet.rows or [[]])[0]]
        if {"id", "verdict"} <= set(heading):
            return _frame(sheet, heading)
    raise InputError(
        f"{file} has no columns 'id' and 'verdict' in its first row: fill a sheet that 'review "
        "--export' wrote."
    )


def _frame(sheet: Sheet, heading: list[str]) -> pd.DataFrame:
    wide = len(heading)
    rows = [[*row, *[""] * wide][:wide] for row in sheet.rows[1:]]
    table = pd.DataFrame(rows, columns=heading)
    return table.loc[:, ~table.columns.duplicated()].reindex(
        columns=[*dict.fromkeys(["id", "x_um", "y_um", *ASKED])], fill_value=""
    )


def _asked(review: Review, row: int, cells: dict[str, str]) -> Asked:
    crystal = _number(cells["id"], "id")
    _require_same(review, crystal, cells)
    told = cells["verdict"].lower()
    verdict = next((known for known in VERDICTS if known == told), None)
    if told and verdict is None:
        raise InputError(f"verdict {cells['verdict']!r} is none of {', '.join(VERDICTS)}.")
    wanted = cells["class"].lower().replace(" ", "_")
    zone_class = next((known for known in CLASSES if known == wanted), None)
    if wanted and zone_class is None:
        raise InputError(f"class {cells['class']!r} is none of {', '.join(CLASSES)}.")
    others = tuple(
        _number(word, "merge_with") for word in cells["merge_with"].replace(",", " ").split()
    )
    for other in others:
        if other not in review.table.index:
            raise InputError(f"merge_with: there is no crystal {other}.")
    return Asked(row, crystal, verdict or "", zone_class, others, cells["note"], cells["reviewer"])


def _number(text: str, name: str) -> int:
    """Read the number of a crystal; spreadsheets write 12 as 12.0 too."""
    whole = text.removesuffix(".0")
    if not whole.isdecimal():
        raise InputError(f"{name} {text!r} is no number of a crystal.")
    return int(whole)


def _require_same(review: Review, crystal: int, cells: dict[str, str]) -> None:
    """Refuse a row whose crystal is another one by now."""
    if crystal not in review.table.index:
        raise InputError(f"there is no crystal {crystal} any more.")
    if not cells["x_um"] or not cells["y_um"]:
        return
    told = np.array([float(cells[name].replace(",", ".")) for name in ("x_um", "y_um")])
    there = review.table.loc[crystal, ["x_um", "y_um"]].to_numpy(np.float64)
    if np.abs(told - there).max() > PLACE_UM:
        raise InputError(
            f"crystal {crystal} lies at {there[0]:.0f}, {there[1]:.0f} um now, not at "
            f"{told[0]:.0f}, {told[1]:.0f}: the crystals have changed since the sheet was written; "
            "write a new one."
        )


# ---------------------------------------------------------------------- carrying out


def _edits(review: Review, asked: Asked) -> Iterator[Edit]:
    """Give the edits that make a crystal what its row says; merging last, it may take it away."""
    if asked.crystal in review.table.index:
        now = review.table.loc[asked.crystal]
        if asked.zone_class and asked.zone_class != now["reviewed_class"]:
            yield Classify(crystals=(asked.crystal,), zone_class=asked.zone_class)
        if asked.note and asked.note != now["note"]:
            yield Note(crystals=(asked.crystal,), text=asked.note[:2000])
        if asked.verdict and asked.verdict != now["verdict"]:
            yield Judge(crystals=(asked.crystal,), verdict=asked.verdict)
    others = tuple(other for other in asked.merge_with if other in review.table.index)
    crystals = tuple(dict.fromkeys((asked.crystal, *others)))
    if len(crystals) > 1 and asked.crystal in review.table.index:
        yield Merge(crystals=crystals)


# ---------------------------------------------------------------------- writing


def _write_workbook(sheet: pd.DataFrame, file: Path) -> None:
    """Write a workbook with a fixed heading and choices in the cells."""
    from openpyxl import Workbook
    from openpyxl.styles import Font, PatternFill
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    book = Workbook()
    page = book.active
    page.title = "review"
    page.append(list(sheet.columns))
    for row in sheet.astype(object).where(sheet.notna(), None).itertuples(index=False):
        page.append([value.item() if isinstance(value, np.generic) else value for value in row])
    page.freeze_panes = "B2"
    last = len(sheet) + 1
    for place, name in enumerate(sheet.columns, 1):
        letter = get_column_letter(place)
        page[f"{letter}1"].font = Font(bold=True)
        page.column_dimensions[letter].width = {"because": 60, "note": 30}.get(name, 14)
        if name in ASKED:
            page[f"{letter}1"].fill = PatternFill("solid", fgColor="FFF2CC")
        choices = {"verdict": VERDICTS, "class": CLASSES}.get(name)
        if choices and last > 1:
            rule = DataValidation("list", formula1=f'"{",".join(choices)}"', allow_blank=True)
            page.add_data_validation(rule)
            rule.add(f"{letter}2:{letter}{last}")
    with file.open("wb") as stream:
        book.save(stream)
