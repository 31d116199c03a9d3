"""The laboratory's own verdict on an analysis: which rows it rejected, and in which words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.readers.epma.mapping import Column
from napari_olivine.readers.epma.rows import DATASET, cell_of
from napari_olivine.tabular import Sheet, is_blank

LONGEST_WORDS = 60

_BAD = re.compile(
    r"(?<!\w)(?:bad|reject(?:ed|s)?|ignored?|outliers?|exclud(?:e|ed|es)|discard(?:ed)?|omit(?:ted)?|"
    r"deleted?|do\s?n[o']?t\s+use|not\s+used?|unus(?:ed|able)|fail(?:ed|s)?|invalid|remove[d]?|"
    r"schlecht|verworfen|ungültig|ausreißer|ausreisser|ignorieren|mauvaise?|rejetée?|exclu|"
    r"aberrante?)(?!\w)"
)
_NOT_BAD = re.compile(r"(?:not|non?|never|nicht|kein|pas)[\s-]+(?:an?\s+|so\s+|too\s+)?$")
_POOR = re.compile(r"(?<!\w)(?:poor|no\s?good|ng|low quality|nicht ok|not ok)(?!\w)")
_YES = {"yes", "y", "true", "t", "1", "x", "ok", "ja", "j", "oui", "o", "si", "sì", "sí", "good",
        "use", "used", "keep", "include", "included", "accept", "accepted", "valid", "\u2713",
        "\u2714", "gut", "+"}  # fmt: skip
_NO = {"no", "n", "false", "f", "0", "nein", "non", "nope", "not", "\u2717", "\u2718", "exclude"}

_REJECTING = re.compile(
    r"ignor|bad|reject|exclu|outlier|discard|omit|delete|remov|skip|invalid|unus|verworfen|ausrei|"
    r"schlecht|(?:not|non|nicht|n't|dont)\b"
)
_ACCEPTING = re.compile(r"\b(?:use|keep|kept|include|accept|valid|good|ok)|verwend|benutz|gültig")
_KNOWN = {"ok", "good", "gut", "+"}


@dataclass(frozen=True)
class LeftOut:
    """An analysis that the laboratory rejected.

    Parameters
    ----------
    row
        Row in the sheet, from 1.
    why
        Column and words, for a person.
    label
        Crystal, profile and DataSet of the row, as the table names them.
    """

    row: int
    why: str
    label: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """Row and reason."""
        return f"row {self.row}: {self.why}"


def rejected(
    columns: Sequence[tuple[Column, Sequence[str]]],
) -> tuple[dict[int, str], list[str]]:
    """Find the analyses that the laboratory rejected.

    A column called ``Ignore``, ``Bad`` or ``Reject`` rejects where its cell says yes or gives a
    reason; one called ``Use``, ``Keep`` or ``Valid`` where it says no. Any other (``Quality``,
    ``Flag``, a comment) rejects by a word that means it: bad, rejected, ignore, outlier, ...

    Parameters
    ----------
    columns
        Columns of verdicts and comments (`Column.quantity`), with the cells of all analyses.

    Returns
    -------
    why
        Column and words of each rejected analysis, by its number from 0.
    problems
        Cells that cannot be understood, in sentences.
    """
    why: dict[int, str] = {}
    problems: list[str] = []
    for column, cells in columns:
        header = column.header or f"column {column.column}"
        comment = column.quantity == "comment"
        judge = _by_words(poor=False) if comment else _judge(header, cells)
        found = {k: cell for k, cell in enumerate(cells) if judge(cell.strip().lower())}
        if _rejects(header) is None and 2 * len(found) > len(cells) > 1:
            first = next(iter(found.values()))[:LONGEST_WORDS]
            problems.append(
                f"most cells of {header!r} hold a word such as in {first!r}: it is taken for a "
                "name, and no row is left out for it"
            )
            continue
        for k, cell in found.items():
            words = f"{header!r} says {cell.strip()[:LONGEST_WORDS]!r}" if cell.strip() else (
                f"{header!r} is empty"
            )  # fmt: skip
            why[k] = f"{why[k]}, {words}" if k in why else words
        if not comment and _rejects(header) is None:
            problems += _unclear(header, cells)
    return why, problems


def rows_used(
    file: Path, sheet: Sheet, columns: Sequence[tuple[int, Column]], rows: list[int]
) -> tuple[list[int], list[LeftOut], list[str]]:
    """Leave out the rows that the laboratory rejected.

    Parameters
    ----------
    file
        For the messages.
    sheet, columns
        The sheet, with the number (from 0) of each column.
    rows
        Rows of analyses, from 0.

    Returns
    -------
    used
        The other rows.
    left_out
        The rejected analyses.
    problems
        Cells that cannot be understood, in sentences.

    Raises
    ------
    InputError
        If no row is left.
    """
    verdicts = [
        (column, [cell_of(sheet, row, number) for row in rows])
        for number, column in columns
        if column.quantity in ("verdict", "comment")
    ]
    why, problems = rejected(verdicts)
    left_out = [
        LeftOut(rows[k] + 1, reason, label_of(sheet, columns, rows[k]))
        for k, reason in sorted(why.items())
    ]
    if len(left_out) == len(rows):
        raise InputError(
            f"{file}: all {len(rows)} analyses are marked as rejected ({left_out[0].words}).",
            remedy="If the mark means something else, give its column another name.",
            row=left_out[0].row,
        )
    used = [row for k, row in enumerate(rows) if k not in why]
    return used, left_out, [f"{file.name}: {problem}" for problem in problems]


def label_of(sheet: Sheet, columns: Sequence[tuple[int, Column]], row: int) -> tuple[str, ...]:
    """Name the crystal, profile and DataSet of a row.

    Parameters
    ----------
    sheet, columns
        The sheet, with the number (from 0) of each column.
    row
        From 0.

    Returns
    -------
    label
        Cells of these columns, without numbers of points.
    """
    cells = [
        cell_of(sheet, row, number).strip()
        for number, column in columns
        if column.quantity in ("group", "profile", "dataset")
    ]
    return tuple(DATASET.sub(r"\1", cell) for cell in cells)


def means_rejected(cells: Sequence[str]) -> bool:
    """Tell whether a text says of some analyses, and not of most, that they are rejected."""
    judge = _by_words(poor=False)
    return 0 < 2 * sum(judge(cell.strip().lower()) for cell in cells) <= len(cells)


def _rejects(header: str) -> bool | None:
    """Tell whether yes in a column rejects (or accepts) an analysis; `None` if it says neither."""
    name = header.lower()
    if _REJECTING.search(name):
        return True
    return False if _ACCEPTING.search(name) else None


def _judge(header: str, cells: Sequence[str]) -> Callable[[str], bool]:
    rejects, by_words = _rejects(header), _by_words(poor=True)
    if rejects is None:
        return by_words
    if rejects:
        return lambda cell: not is_blank(cell) and cell not in _NO | _KNOWN
    filled = [cell.strip().lower() for cell in cells if not is_blank(cell)]
    if filled and all(cell in _YES for cell in filled):
        return is_blank  # only what is used has a mark
    return lambda cell: cell in _NO or by_words(cell)


def _by_words(*, poor: bool) -> Callable[[str], bool]:
    def judge(cell: str) -> bool:
        found = list(_BAD.finditer(cell)) + (list(_POOR.finditer(cell)) if poor else [])
        return any(not _NOT_BAD.search(cell[: each.start()]) for each in found)

    return judge


def _unclear(header: str, cells: Sequence[str]) -> list[str]:
    """Report marks in a column whose name does not say whether they accept or reject."""
    means_bad = _by_words(poor=True)
    marks = {cell.strip() for cell in cells if not is_blank(cell) and len(cell.strip()) <= 2}
    marks = {mark for mark in marks if mark.lower() not in _KNOWN and not means_bad(mark.lower())}
    if not marks or len(set(cells)) < 2:
        return []
    return [
        f"{header!r} holds {', '.join(map(repr, sorted(marks)[:5]))}, which say nothing certain: "
        "no row is left out for it. If it marks rows to leave out, call it 'Ignore'; if rows to "
        "use, 'Use'"
    ]
