"""Which column of a table holds what: the mapping that is guessed, edited and kept in a file."""

from __future__ import annotations

import fnmatch
import json
import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from napari_olivine.errors import InputError
from napari_olivine.readers.epma.column_headers import (
    ELEMENTS,
    LENGTHS_UM,
    OXIDES,
    SHARES_PERCENT,
    kind_of,
)
from napari_olivine.readers.epma.elements import ALL_IRON
from napari_olivine.settings import Settings, setting
from napari_olivine.tabular import SEPARATORS, require_size

FILE = "columns.toml"
"""Name of the file, beside the tables, that keeps the mappings."""

QUANTITIES = (
    *OXIDES, *ELEMENTS, "Total", "point", "dataset", "distance", "x", "y", "stage_x", "stage_y",
    "stage_z", "beam_x", "beam_y", "profile", "group", "comment", "verdict",
    "Fo", *ALL_IRON,
)  # fmt: skip
"""What a column can hold. Fo is compared with MgO and FeO, from which mg# comes, and not used."""

SEVERAL = ("comment", "group", "verdict", "Fo")
"""Quantities that several columns may hold."""

LARGEST_MAPPINGS = 4 * 2**20


def units_of(quantity: str) -> tuple[str, ...]:
    """Units that a quantity can be given in; empty for names and numbers of points."""
    kind = kind_of(quantity)
    if kind in ("oxide", "element", "total"):
        return tuple(SHARES_PERCENT)
    return tuple(LENGTHS_UM) if kind == "place" else ()


class Column(Settings):
    """What one column of a table holds."""

    column: int = setting(1, "Column", "Number of the column, from 1.", ge=1)
    header: str = setting("", "Header", "Its name as it stands in the table.")
    quantity: str = setting(
        "", "Quantity", "What it holds (see `QUANTITIES`). Empty: it is left out."
    )
    unit: str = setting("", "Unit", "wt%, ppm or fraction; um, mm, nm, cm or m. Empty: none.")
    confidence: float = setting(
        1.0, "Confidence", "How sure the guess is, 0 to 1; 1 where a person set it.", ge=0, le=1
    )
    why: str = setting("", "Why", "What the guess rests on.")
    note: str = setting(
        "",
        "Note",
        "What a person must know of the guess; the import says it. Not kept in the file.",
    )


class ColumnMapping(Settings):
    """How to read one table, or all tables of one layout."""

    file: str = setting(
        "*", "File", "Name of the file, or a pattern (``ol*.xlsx``), beside the mapping's file."
    )
    sheet: str = setting("", "Sheet", "Sheet of a spreadsheet. Empty: the one that fits best.")
    separator: Literal["", "tab", "semicolon", "comma", "spaces", "space"] = setting(
        "", "Separator", "What stands between the cells of a text file. Empty: found out."
    )
    decimal: Literal["", ".", ","] = setting(
        "", "Decimal mark", "Empty: found out from the numbers."
    )
    header_row: int = setting(
        1, "Header row", "Row that holds the names of the columns, from 1.", ge=1
    )
    units_row: int = setting(
        0, "Units row", "Row that holds the units, from 1. 0: there is none.", ge=0
    )
    skip_rows: tuple[int, ...] = setting(
        (), "Rows to skip", "Rows that are no analyses, from 1, beside averages and blank rows."
    )
    skip_columns: tuple[int, ...] = setting(
        (), "Columns to skip", "Columns that are not looked at when the others are guessed, from 1."
    )
    split: Literal["auto", "column", "none"] = setting(
        "auto",
        "Several traverses",
        "auto: a new profile begins where the name, the DataSet, the comment or the direction "
        "changes, or after a jump. column: only where the column 'profile' changes. none: one "
        "profile.",
    )
    places: Literal["auto", "line", "spots"] = setting(
        "auto",
        "Stage positions",
        "What points with stage positions and without distances are. line: a traverse, its "
        "distances run along the points. spots: single points. auto: a line if they follow one.",
    )
    columns: tuple[Column, ...] = Field(
        default=(), title="Columns", description="What the columns hold. None: found out."
    )

    def column_of(self, quantity: str) -> Column | None:
        """Return the first column of a quantity."""
        return next((c for c in self.columns if c.quantity == quantity), None)


def in_words(mapping: ColumnMapping) -> str:
    """Say which column became what, and which are not used."""
    used, spare = [], []
    for column in mapping.columns:
        if not column.quantity:
            spare.append(repr(column.header))
            continue
        words = column.quantity
        if column.header != column.quantity:
            words += f" = {column.header or f'column {column.column}'!r}"
        if column.unit not in ("", "wt%"):
            guessed = ", guessed" if column.why.startswith("no unit") else ""
            words += f" ({column.unit}{guessed})"
        used.append(words)
    rest = f"; not used: {', '.join(spare[:20])}{', ...' if len(spare) > 20 else ''}"
    return f"columns: {', '.join(used)}{rest if spare else ''}"


def check_mapping(mapping: ColumnMapping, where: str) -> None:
    """Refuse a mapping that means nothing.

    Raises
    ------
    InputError
        If a quantity or unit is unknown, or two columns hold the same quantity.
    """
    wrong = []
    holders: dict[str, list[Column]] = {}
    for column in mapping.columns:
        if not column.quantity:
            continue
        if column.quantity not in QUANTITIES:
            wrong.append(f"{column.header!r} is to be {column.quantity!r}, which is no quantity")
        elif column.unit and column.unit not in units_of(column.quantity):
            wrong.append(
                f"{column.header!r} ({column.quantity}) is given in {column.unit!r}; known: "
                f"{', '.join(units_of(column.quantity)) or 'no unit'}"
            )
        holders.setdefault(column.quantity, []).append(column)
    if wrong:
        raise InputError(
            f"{where} cannot be used: {'; '.join(wrong)}. Known quantities: "
            f"{', '.join(QUANTITIES)}."
        )
    twice = [found for q, found in holders.items() if len(found) > 1 and q not in SEVERAL]
    if twice:
        raise _held_twice(where, twice)


def _held_twice(where: str, twice: Sequence[Sequence[Column]]) -> InputError:
    first, *others = twice[0]
    named = [repr(column.header) for column in (first, *others)]
    numbers = ", ".join(str(column.column) for column in (first, *others))
    more = f" (and {len(twice) - 1} more quantities twice)" if len(twice) > 1 else ""
    why = next((f": {column.why}" for column in others if column.why), "")
    later = sorted(column.column for _, *rest in twice for column in rest)
    earlier = sorted(column.column for column, *_ in twice)
    return InputError(
        f"{where}: the columns {' and '.join(named)} would both be {first.quantity}, columns "
        f"{numbers}{more}{why}.",
        remedy=f"Delete one of them, or say {{place:{FILE}}} which are not to be read: "
        f"skip_columns = {later} or skip_columns = {earlier}.",
    )


def load_mappings(folder: Path) -> list[ColumnMapping]:
    """Read the mappings that are kept beside the tables of a folder; none without the file.

    Raises
    ------
    InputError
        If the file is damaged or says what cannot be.
    """
    file = folder / FILE
    if not file.is_file():
        return []
    require_size(file, LARGEST_MAPPINGS)
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file} is damaged: {error}.") from error
    tables = values.get("table", [])
    unknown = set(values) - {"table"}
    if unknown or not isinstance(tables, list):
        raise InputError(
            f"{file} must hold [[table]] blocks only, not {', '.join(sorted(unknown)) or tables}."
        )
    mappings = []
    for table in tables:
        if not isinstance(table, dict):
            raise InputError(f"{file} must hold [[table]] blocks only.")
        try:
            mapping = ColumnMapping(**table)
        except InputError as error:
            raise InputError(f"{file}: {error}") from error
        check_mapping(mapping, f"{file}, table {mapping.file!r}")
        mappings.append(mapping)
    return mappings


def mapping_for(file: Path, mappings: Sequence[ColumnMapping]) -> list[ColumnMapping]:
    """Return the mappings of a file: those that name it, else the first pattern's that fits."""
    exact = [mapping for mapping in mappings if mapping.file == file.name]
    if exact:
        return exact
    fitting = [mapping for mapping in mappings if fnmatch.fnmatch(file.name, mapping.file)]
    return [mapping for mapping in fitting if mapping.file == fitting[0].file]


def save_mapping(folder: Path, mapping: ColumnMapping) -> Path:
    """Keep a mapping beside the tables; it replaces the one of the same file and sheet.

    Returns
    -------
    file
        ``columns.toml`` of the folder.

    Raises
    ------
    InputError
        If the mapping means nothing, or the file cannot be written.
    """
    check_mapping(mapping, f"The columns of {mapping.file!r}")
    kept = [
        other
        for other in load_mappings(folder)
        if (other.file, other.sheet) != (mapping.file, mapping.sheet)
    ]
    return _write(folder, [*kept, mapping])


def forget_mapping(folder: Path, file: str) -> None:
    """Take out what is kept beside the tables of a folder about one file of them."""
    there = load_mappings(folder)
    kept = [mapping for mapping in there if mapping.file != file]
    if not kept:
        (folder / FILE).unlink(missing_ok=True)
    elif len(kept) < len(there):
        _write(folder, kept)


def _write(folder: Path, mappings: Sequence[ColumnMapping]) -> Path:
    text = _HEAD + "".join(_as_toml(each) for each in mappings)
    file = folder / FILE
    draft = folder / f".{FILE}.{os.getpid()}"
    try:
        draft.write_text(text, encoding="utf-8", newline="\n")
        draft.replace(file)
    except (OSError, UnicodeError) as error:
        draft.unlink(missing_ok=True)
        raise InputError(f"{file} cannot be written ({error}).") from error
    return file


_HEAD = "# What the columns of the EPMA tables hold. Rows and columns count from 1.\n"


def _as_toml(mapping: ColumnMapping) -> str:
    values = mapping.model_dump(exclude={"columns"})
    default = ColumnMapping().model_dump(exclude={"columns"})
    lines = ["", "[[table]]"]
    lines += [
        f"{name} = {_toml(value)}"
        for name, value in values.items()
        if name in ("file", "header_row") or value != default[name]
    ]
    for column in mapping.columns:
        if column.quantity:
            lines += ["[[table.columns]]"]
            given = {"column": column.column, "header": column.header, "quantity": column.quantity}
            if column.unit:
                given["unit"] = column.unit
            lines += [f"{name} = {_toml(value)}" for name, value in given.items()]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    # JSON's strings are TOML's, but for one character that TOML wants escaped as well.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


assert set(SEPARATORS) == {"tab", "semicolon", "comma", "spaces", "space"}
