"""The review as a spreadsheet that a colleague fills: written, and read back as edits."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd

from napari_olivine.crystals import outside
from napari_olivine.crystals.edits import (
    Classify,
    Edit,
    GiveKind,
    Judge,
    Merge,
    Note,
    Verdict,
    ZoneClass,
    give_kind,
)
from napari_olivine.errors import EditError, InputError, OlivineError
from napari_olivine.review.session import Review
from napari_olivine.section import atomic_path
from napari_olivine.tabular import (
    SEPARATORS,
    Sheet,
    is_spreadsheet,
    read_spreadsheet,
    read_text,
    split_text,
)

CRYSTAL_COLUMNS = [
    "id", "x_um", "y_um", "size_class", "area_um2", "mg_core", "mg_rim", "zone_class",
    "zone_probability", "doubt", "because",
]  # fmt: skip
"""Columns that describe a crystal."""

REVIEW_COLUMNS = ["verdict", "class", "kind", "merge_with", "note", "reviewer"]
"""Columns that a person fills; empty and unchanged cells change nothing."""

VERDICTS: tuple[Verdict, ...] = ("accepted", "rejected")
CLASSES: tuple[ZoneClass, ...] = get_args(ZoneClass)

PLACE_UM = 1.0
"""A crystal whose centre is further from that in the sheet has changed."""

MOST_PROBLEMS = 10
"""Problems that one error names."""


@dataclass(frozen=True)
class SheetRow:
    """Review of one crystal, as a row of the sheet has it."""

    row: int
    """Row of the sheet, the heading being row 1."""
    crystal: int
    verdict: Verdict
    zone_class: ZoneClass | None
    kind: str
    merge_with: tuple[int, ...]
    note: str
    reviewer: str


@dataclass(frozen=True)
class SheetImport:
    """Result of reading a sheet."""

    edits: int
    crystals: int
    """Crystals that were edited."""
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

    Those outside the region of study are not written.

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
    table = review.table[~outside(review.table)]
    if sizes is not None:
        table = table[table["size_class"].isin(list(sizes))]
    if open_only:
        table = table[table["id"].isin(review.queue.ids)]
    doubt = review.ranking.reindex(table.index)
    because = review.uncertainty["because"].reindex(table.index).fillna("")
    table = table.assign(doubt=doubt.round(3), because=because, merge_with="")
    table = table.sort_values(["doubt", "id"], ascending=[False, True]).iloc[:most]
    table["class"] = table["reviewed_class"]
    rounded = {"x_um": 2, "y_um": 2, "area_um2": 1, "mg_core": 4, "mg_rim": 4}
    sheet = table[[*CRYSTAL_COLUMNS, *REVIEW_COLUMNS]].round(rounded | {"zone_probability": 3})
    try:
        with atomic_path(file) as partial:
            if file.suffix.lower() == ".csv":
                sheet.to_csv(partial, index=False)
            elif file.suffix.lower() == ".xlsx":
                _write_workbook(sheet, partial)
            else:
                raise InputError(
                    f"{file} must end in .xlsx or .csv.", file=file, expected=".xlsx or .csv"
                )
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error}", file=file) from error
    return len(sheet)


def import_sheet(review: Review, file: Path, *, who: str = "") -> SheetImport:
    """Carry out the review in a filled sheet.

    The whole sheet is read and checked before anything changes. Rows that are carried out already
    are left out: a sheet can be imported again.

    Parameters
    ----------
    review
        Review of the section that the sheet was written from, open for edits.
    file
        ``.xlsx``, ``.ods`` or ``.csv``.
    who
        Reviewer where the sheet names none.

    Returns
    -------
    SheetImport
        Edits that were carried out, and rows that could not be.

    Raises
    ------
    InputError
        If the sheet cannot be read, has invalid cells, or describes other crystals; names the
        rows. Nothing has changed.
    """
    rows = list(_read(review, file))
    edited: set[int] = set()
    problems: list[str] = []
    edits = 0
    for row in rows:
        for edit in _edits(review, row):
            try:
                review.do(edit, who=row.reviewer or who)
            except EditError as error:
                problems.append(f"row {row.row}: {error}")
                continue
            edits += 1
            edited.add(row.crystal)
    return SheetImport(edits, len(edited), tuple(problems))


# ---------------------------------------------------------------------- reading


def _read(review: Review, file: Path) -> Iterator[SheetRow]:
    table = _table(file)
    problems: list[str] = []
    found: list[SheetRow] = []
    for place, values in enumerate(table.to_dict("records")):
        row = place + 2
        cells = {str(name): str(value).strip() for name, value in values.items()}
        try:
            found.append(_row(review, row, cells))
        except (ValueError, OlivineError) as error:
            problems.append(f"row {row}: {error}")
    if problems:
        more = (
            f"\n  and {len(problems) - MOST_PROBLEMS} more" if len(problems) > MOST_PROBLEMS else ""
        )
        listed = "\n  ".join(problems[:MOST_PROBLEMS])
        raise InputError(
            f"{file} cannot be imported; nothing has changed:\n  {listed}{more}", file=file
        )
    yield from found


def _table(file: Path) -> pd.DataFrame:
    """Read the cells, all as text."""
    if not file.is_file():
        raise InputError(f"There is no file {file}.", file=file)
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
        f"{file} has no columns 'id' and 'verdict' in its first row.",
        remedy="Fill a sheet that {step:review} with {setting:export} wrote.",
        file=file,
        row=1,
        expected="columns id, verdict",
    )


def _frame(sheet: Sheet, heading: list[str]) -> pd.DataFrame:
    wide = len(heading)
    rows = [[*row, *[""] * wide][:wide] for row in sheet.rows[1:]]
    table = pd.DataFrame(rows, columns=heading)
    return table.loc[:, ~table.columns.duplicated()].reindex(
        columns=[*dict.fromkeys(["id", "x_um", "y_um", *REVIEW_COLUMNS])], fill_value=""
    )


def _row(review: Review, row: int, cells: dict[str, str]) -> SheetRow:
    crystal = _number(cells["id"], "id")
    _require_same(review, crystal, cells)
    given = cells["verdict"].lower()
    verdict = next((known for known in VERDICTS if known == given), None)
    if given and verdict is None:
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
    return SheetRow(
        row, crystal, verdict or "", zone_class, give_kind((crystal,), cells["kind"]).kind, others,
        cells["note"], cells["reviewer"],
    )  # fmt: skip


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
    given = np.array([float(cells[name].replace(",", ".")) for name in ("x_um", "y_um")])
    there = review.table.loc[crystal, ["x_um", "y_um"]].to_numpy(np.float64)
    if np.abs(given - there).max() > PLACE_UM:
        raise InputError(
            f"crystal {crystal} lies at {there[0]:.0f}, {there[1]:.0f} um now, not at "
            f"{given[0]:.0f}, {given[1]:.0f}: the crystals have changed since the sheet was "
            "written; write a new one."
        )


# ---------------------------------------------------------------------- carrying out


def _edits(review: Review, row: SheetRow) -> Iterator[Edit]:
    """Give the edits of one row; the merge last, because it may remove the crystal."""
    if row.crystal in review.table.index:
        now = review.table.loc[row.crystal]
        if row.zone_class and row.zone_class != now["reviewed_class"]:
            yield Classify(crystals=(row.crystal,), zone_class=row.zone_class)
        if row.kind and row.kind != now["kind"]:
            yield GiveKind(crystals=(row.crystal,), kind=row.kind)
        if row.note and row.note != now["note"]:
            yield Note(crystals=(row.crystal,), text=row.note[:2000])
        if row.verdict and row.verdict != now["verdict"]:
            yield Judge(crystals=(row.crystal,), verdict=row.verdict)
    others = tuple(other for other in row.merge_with if other in review.table.index)
    crystals = tuple(dict.fromkeys((row.crystal, *others)))
    if len(crystals) > 1 and row.crystal in review.table.index:
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
        if name in REVIEW_COLUMNS:
            page[f"{letter}1"].fill = PatternFill("solid", fgColor="FFF2CC")
        choices = {"verdict": VERDICTS, "class": CLASSES}.get(name)
        if choices and last > 1:
            rule = DataValidation("list", formula1=f'"{",".join(choices)}"', allow_blank=True)
            page.add_data_validation(rule)
            rule.add(f"{letter}2:{letter}{last}")
    with file.open("wb") as stream:
        book.save(stream)
