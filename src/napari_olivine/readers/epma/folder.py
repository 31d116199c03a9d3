"""All tables of an EPMA folder, with the mappings and positions that lie beside them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from napari_olivine.errors import InputError, about
from napari_olivine.readers.epma.column_headers import OXIDES
from napari_olivine.readers.epma.infer_columns import choose_sheet, completed, suggest_all
from napari_olivine.readers.epma.layout import find_header, open_sheets
from napari_olivine.readers.epma.mapping import (
    FILE,
    ColumnMapping,
    in_words,
    load_mappings,
    mapping_for,
)
from napari_olivine.readers.epma.positions import (
    Positions,
    belongs_to,
    place,
    read_positions,
)
from napari_olivine.readers.epma.profiles import (
    Profile,
    clean_name,
    distinct,
    joined,
    split_profiles,
)
from napari_olivine.readers.epma.repeats import SheetProfiles, each_once, shared
from napari_olivine.readers.epma.table import PLACES, RECALCULATE, Points, read_points
from napari_olivine.readers.epma.verdicts import LeftOut
from napari_olivine.tabular import Sheet

USUAL = ("SiO2", "FeO", "MgO", "CaO", "MnO", "Total")
"""Columns of the table of a section without analyses."""

EXTRA = ("stage_x_um", "stage_y_um", "comment")
"""Columns at the end of the table, where a file has them."""

SUFFIXES = (".csv", ".txt", ".tsv", ".xlsx", ".xlsm", ".xls", ".ods", ".dat", ".asc", ".pos")
"""Files that are looked at; what they are is found out from their content."""

NOTES = (".txt", ".dat", ".asc")
"""Files that may be no table at all: notes, the settings of the microprobe."""


@dataclass
class TableRead:
    """One file of analyses.

    Parameters
    ----------
    file
        The file.
    sheets
        What its sheets hold.
    refused
        Sheets that could not be read, with the reason.
    problems
        What the person should know, in plain sentences.
    positions
        Files of stage positions that were used.
    """

    file: Path
    sheets: list[SheetProfiles] = field(default_factory=list)
    refused: list[tuple[str, InputError]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    positions: set[Path] = field(default_factory=set)

    @property
    def analyses(self) -> pd.DataFrame:
        """Analyses of all sheets."""
        return joined([profile for sheet in self.sheets for profile in sheet.profiles])

    def all_problems(self) -> list[str]:
        """Everything that the person should know, in sentences."""
        said = list(self.problems)
        for sheet in self.sheets:
            said += sheet.said
            left_out = [left for profile in sheet.profiles for left in profile.left_out]
            said += _rejections(self.file, sheet.sheet, left_out)
            said += [line for profile in sheet.profiles for line in profile.said]
        return said


@dataclass
class TablesRead:
    """All tables of a folder.

    Parameters
    ----------
    tables
        One for each file of analyses, in the order of their names.
    asides
        Files that hold none, with what was made of them.
    files
        All files that were used.
    """

    tables: list[TableRead] = field(default_factory=list)
    asides: list[tuple[Path, str]] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)

    @property
    def analyses(self) -> pd.DataFrame:
        """Analyses of all tables, with their columns in the agreed order."""
        parts = [table.analyses for table in self.tables if table.sheets]
        return in_order(pd.concat(parts) if parts else pd.DataFrame())

    @property
    def problems(self) -> list[str]:
        """What was read as missing, converted or left out, in plain sentences."""
        said = [line for _, line in self.asides]
        return [line for table in self.tables for line in table.all_problems()] + said


def read_profiles(folder: Path) -> tuple[pd.DataFrame, list[Path], list[str]]:
    """Read every table of an EPMA folder; a table may hold several profiles.

    Parameters
    ----------
    folder
        Its file ``placements.csv`` is no table and is left out; ``columns.toml`` says what the
        columns hold where they are not recognised.

    Returns
    -------
    analyses
        Columns profile, point, distance_um, oxides in wt%, Total, x_um, y_um, and where the files
        have them stage_x_um, stage_y_um, comment.
    files
        Files that were read.
    problems
        What was read as missing, converted or left out, in plain sentences.

    Raises
    ------
    InputError
        If a table cannot be understood, or two tables have one name.
    """
    read = read_tables(folder)
    return read.analyses, read.files, read.problems


def read_tables(folder: Path, *, refuse: bool = True) -> TablesRead:
    """Read every table of an EPMA folder, with the profiles of each.

    Parameters
    ----------
    folder
        See `read_profiles`.
    refuse
        Whether a table that cannot be read is an error; else it stands among the `refused`.

    Returns
    -------
    tables
        Empty if the folder does not exist.

    Raises
    ------
    InputError
        If a table cannot be understood, or two tables have one name.
    """
    if not folder.is_dir():
        return TablesRead()
    candidates = sorted(file for file in folder.iterdir() if _is_candidate(file))
    mappings = load_mappings(folder)
    positions = {
        file: found
        for file in candidates
        if not mapping_for(file, mappings) and (found := _positions(file)) is not None
    }
    read = TablesRead()
    stems: set[str] = set()
    for file in candidates:
        if file in positions:
            continue
        chosen = mapping_for(file, mappings)
        if not chosen and file.suffix.lower() in NOTES and is_note(file):
            read.asides.append((file, f"{file.name} holds no analyses and is left out"))
            continue
        if file.stem in stems:
            raise InputError(
                f"{folder} has two tables called {file.stem!r}; rename one of them.", file=file
            )
        stems.add(file.stem)
        try:
            read.tables.append(read_table(file, chosen, list(positions.values())))
        except InputError as error:
            if refuse:
                raise
            read.tables.append(TableRead(file, refused=[("", error)]))
    used = {file for table in read.tables for file in table.positions}
    read.asides += [
        (
            file,
            f"{file.name} holds stage positions that fit no table of this folder; it is left out",
        )
        for file in positions
        if file not in used
    ]
    _tell_files_apart(read.tables)
    _report_copies(read.tables)
    read.files = [table.file for table in read.tables if table.sheets] + sorted(used)
    if mappings:
        read.files.append(folder / FILE)
    return read


def _is_candidate(file: Path) -> bool:
    named = file.suffix.lower() in SUFFIXES and not file.name.startswith((".", "~"))
    return named and file.stem.lower() != "placements" and file.is_file()


def read_profile(
    file: Path, mapping: ColumnMapping | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Read one EPMA table of any maker.

    Parameters
    ----------
    file
        CSV, text, .xlsx or .ods.
    mapping
        What its columns hold; guessed without it.

    Returns
    -------
    table
        Columns profile, point, distance_um, oxides in wt%, Total, and where the file has them
        x_um, y_um, stage_x_um, stage_y_um, comment.
    problems
        What was read as missing, converted or left out, in plain sentences.

    Raises
    ------
    InputError
        If the table has no MgO or FeO, or nothing that says where its points lie.
    """
    table = read_table(file, [mapping] if mapping is not None else [], [])
    return table.analyses, table.all_problems()


def in_order(analyses: pd.DataFrame) -> pd.DataFrame:
    """Return the table with its columns in the agreed order; empty columns if it has no rows."""
    oxides = [oxide for oxide in OXIDES if oxide in analyses]
    names = ["profile", "point", "distance_um", *(oxides or USUAL[:-1]), "Total", "x_um", "y_um"]
    types: dict[str, str] = dict.fromkeys(names[2:], "float64")
    names += [name for name in EXTRA if name in analyses]
    table = analyses.reindex(columns=names).reset_index(drop=True)
    types |= {name: "float64" for name in EXTRA[:2] if name in table}
    if "comment" in table:
        table["comment"] = table["comment"].fillna("").astype("str")
    if table.empty:
        return table.astype({"profile": "str", "point": "int64"} | types)
    return table.astype({"point": "int64"} | types)


def is_note(file: Path) -> bool:
    """Tell whether a text file is no table: no row names an oxide above numbers."""
    try:
        sheets = open_sheets(file)
    except InputError:
        return False
    return any(sheet.rows for sheet in sheets) and not any(map(_heads_numbers, sheets))


def _heads_numbers(sheet: Sheet) -> bool:
    """Tell whether a row names oxides or elements above numbers, and is no sentence of a note."""
    header = find_header(sheet.rows)
    if header is None or not header.composition or not header.followed:
        return False
    words = sum(bool(cell) for cell in sheet.rows[header.row])
    return sheet.separator != "space" or 2 * header.score >= words


def read_table(
    file: Path, mappings: Sequence[ColumnMapping], positions: Sequence[Positions]
) -> TableRead:
    """Read one file, with the profiles of its sheets.

    Parameters
    ----------
    file
        The table.
    mappings
        What its columns hold, one for each sheet; guessed if there is none.
    positions
        Files of stage positions beside it.

    Returns
    -------
    table
        Each analysis once.

    Raises
    ------
    InputError
        If no sheet can be read, or one that has a mapping.
    """
    if mappings:
        jobs = [
            (sheet, completed(file, sheet, mapping))
            for mapping in mappings
            for sheet in [choose_sheet(file, open_sheets(file, mapping), mapping.sheet)]
        ]
    else:
        jobs = suggest_all(file)
    read = TableRead(file)
    for sheet, mapping in jobs:
        stem = file.stem if len(jobs) == 1 else f"{file.stem} {sheet.name}"
        try:
            found, used = _read_sheet(file, stem, sheet, mapping, positions)
        except InputError as error:
            error = _naming_sheet(file, sheet, error)
            if mappings or len(jobs) == 1:
                raise error from None
            read.refused.append((sheet.name, error))
            why = error.text.removeprefix(str(file)).removeprefix(f", sheet {sheet.name!r}")
            why = re.sub(r"^(has|holds|does|would)\b", r"it \1", why.strip(" :,"))
            read.problems.append(f"{file.name}: sheet {sheet.name!r} is left out: {why}")
            continue
        read.sheets.append(found)
        read.positions |= used
    if not read.sheets:
        raise read.refused[0][1]
    each_once(file, read.sheets)
    _tell_apart([(sheet.sheet, sheet.profiles) for sheet in read.sheets])
    return read


def _read_sheet(
    file: Path, stem: str, sheet: Sheet, mapping: ColumnMapping, positions: Sequence[Positions]
) -> tuple[SheetProfiles, set[Path]]:
    with about(file, sheet.name):
        points = read_points(file, sheet, mapping)
        used: set[Path] = set()
        if not any(mapping.column_of(name) for name in PLACES):
            used = _place(file, points, positions)
        profiles, said = split_profiles(file, stem, points, mapping)
    found = SheetProfiles(sheet.name, profiles, in_words(mapping), [*points.problems, *said])
    return found, used


def _naming_sheet(file: Path, sheet: Sheet, error: InputError) -> InputError:
    """Name the sheet of a spreadsheet in an error, and formulas without results as a cause."""
    text, remedy = error.text, error.remedy
    if sheet.name and repr(sheet.name) not in text:
        text = text.replace(str(file), f"{file}, sheet {sheet.name!r}", 1)
        text = re.sub(f"({re.escape(repr(sheet.name))}) (?=has|holds|does|would)", r"\1, ", text)
    if sheet.uncalculated:
        text = (
            f"{text.rstrip('.')}. {sheet.uncalculated} formulas come without their results: "
            f"{RECALCULATE}."
        )
    row = error.facts.row
    return InputError(text, remedy=remedy, file=file, sheet=sheet.name, row=row)


def _rejections(file: Path, sheet: str, left_out: Sequence[LeftOut]) -> list[str]:
    if not left_out:
        return []
    where = f"{file.name}, sheet {sheet!r}" if sheet else file.name
    words = "; ".join(left.words for left in sorted(left_out, key=lambda left: left.row)[:8])
    return [
        f"{where}: {len(left_out)} analyses that the laboratory rejected are left out: {words}"
        f"{'; ...' if len(left_out) > 8 else ''}"
    ]


def _tell_files_apart(tables: Sequence[TableRead]) -> None:
    _tell_apart([(t.file.stem, [p for sheet in t.sheets for p in sheet.profiles]) for t in tables])


def _tell_apart(homes: Sequence[tuple[str, Sequence[Profile]]]) -> None:
    """Put the name of the sheet or file before those of profiles that two call by one name."""
    counts = Counter(name for _, profiles in homes for name in {p.name for p in profiles})
    wanted = {
        (number, profile.name): f"{home} {profile.name}"
        if counts[profile.name] > 1 and profile.name != home
        else profile.name
        for number, (home, profiles) in enumerate(homes)
        for profile in profiles
    }
    names = distinct({key: clean_name(name) for key, name in wanted.items()})
    for number, (_, profiles) in enumerate(homes):
        for profile in profiles:
            profile.rename(names[number, profile.name])


def _report_copies(tables: Sequence[TableRead]) -> None:
    """Say where a file holds the analyses of another one again."""
    for number, table in enumerate(tables):
        for other in tables[:number]:
            if not table.sheets or not other.sheets:
                continue
            count = int(shared(table.analyses, other.analyses).sum())
            if count > 2:
                table.sheets[0].said.append(
                    f"{count} analyses of {table.file.name} stand in {other.file.name} again and "
                    "count twice: leave one of the two files out"
                )


def _place(file: Path, points: Points, positions: Sequence[Positions]) -> set[Path]:
    named = [each for each in positions if belongs_to(file, each.file)]
    for each in named or (positions if len(positions) == 1 else []):
        if place(points, each):
            return {each.file}
    return set()


def _positions(file: Path) -> Positions | None:
    if file.suffix.lower() == ".pos":
        return read_positions(file)
    try:
        return read_positions(file)
    except InputError:
        return None
