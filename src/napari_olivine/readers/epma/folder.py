"""All tables of an EPMA folder, with the mappings and positions that lie beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from napari_olivine.errors import InputError, about
from napari_olivine.readers.epma.column_headers import OXIDES
from napari_olivine.readers.epma.infer_columns import choose_sheet, completed, suggest_all
from napari_olivine.readers.epma.layout import find_header, open_sheets
from napari_olivine.readers.epma.mapping import (
    FILE,
    ColumnMapping,
    load_mappings,
    mapping_for,
)
from napari_olivine.readers.epma.positions import (
    Positions,
    belongs_to,
    place,
    read_positions,
)
from napari_olivine.readers.epma.profiles import split_profiles
from napari_olivine.readers.epma.table import PLACES, RECALCULATE, Points, read_points

USUAL = ("SiO2", "FeO", "MgO", "CaO", "MnO", "Total")
"""Columns of the table of a section without analyses."""

EXTRA = ("stage_x_um", "stage_y_um", "comment")
"""Columns at the end of the table, where a file has them."""

SUFFIXES = (".csv", ".txt", ".tsv", ".xlsx", ".xlsm", ".xls", ".ods", ".dat", ".asc", ".pos")
"""Files that are looked at; what they are is found out from their content."""

NOTES = (".txt", ".dat", ".asc")
"""Files that may be no table at all: notes, the settings of the microprobe."""


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
    if not folder.is_dir():
        return in_order(pd.DataFrame()), [], []
    candidates = sorted(file for file in folder.iterdir() if _is_candidate(file))
    mappings = load_mappings(folder)
    positions = {
        file: found
        for file in candidates
        if not mapping_for(file, mappings) and (found := _positions(file)) is not None
    }
    tables, files, problems = [], [], []
    stems: set[str] = set()
    used: set[Path] = set()
    for file in candidates:
        if file in positions:
            continue
        chosen = mapping_for(file, mappings)
        if not chosen and file.suffix.lower() in NOTES and is_note(file):
            problems.append(f"{file.name} holds no analyses and is left out")
            continue
        if file.stem in stems:
            raise InputError(
                f"{folder} has two tables called {file.stem!r}; rename one of them.", file=file
            )
        stems.add(file.stem)
        table, remarks, placed = _read(file, chosen, list(positions.values()))
        used |= placed
        tables.append(table)
        files.append(file)
        problems += remarks
    problems += [
        f"{file.name} holds stage positions that fit no table of this folder; it is left out"
        for file in positions
        if file not in used
    ]
    _tell_apart(tables, [file.stem for file in files])
    files += sorted(used)
    if mappings:
        files.append(folder / FILE)
    return in_order(pd.concat(tables) if tables else pd.DataFrame()), files, problems


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
    table, problems, _ = _read(file, [mapping] if mapping is not None else [], [])
    return table, problems


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
    headers = [find_header(sheet.rows) for sheet in sheets]
    return any(sheet.rows for sheet in sheets) and not any(
        header is not None and header.composition and header.followed for header in headers
    )


def _read(
    file: Path, mappings: Sequence[ColumnMapping], positions: Sequence[Positions]
) -> tuple[pd.DataFrame, list[str], set[Path]]:
    if mappings:
        jobs = [
            (sheet, completed(file, sheet, mapping))
            for mapping in mappings
            for sheet in [choose_sheet(file, open_sheets(file, mapping), mapping.sheet)]
        ]
    else:
        jobs = suggest_all(file)
    tables: list[pd.DataFrame] = []
    problems: list[str] = []
    used: set[Path] = set()
    refused: list[InputError] = []
    for sheet, mapping in jobs:
        stem = file.stem if len(jobs) == 1 else f"{file.stem} {sheet.name}"
        try:
            with about(file, sheet.name):
                points = read_points(file, sheet, mapping)
                if not any(mapping.column_of(name) for name in PLACES):
                    used |= _place(file, points, positions)
                table, remarks = split_profiles(file, stem, points, mapping)
        except InputError as error:
            if sheet.uncalculated:
                error = InputError(
                    f"{str(error).rstrip('.')}. {sheet.uncalculated} formulas come without "
                    f"their results: {RECALCULATE}.",
                    file=file,
                    sheet=sheet.name,
                )
            if mappings or len(jobs) == 1:
                raise error from None
            refused.append(error)
            why = str(error).removeprefix(f"{file}, sheet {sheet.name!r}").removeprefix(f"{file}")
            why = f"it{why}" if why.startswith(" ") else why.strip(" :,")
            problems.append(f"{file.name}: sheet {sheet.name!r} is left out: {why}")
            continue
        if (twin := _twin(tables, table)) is not None:
            problems.append(
                f"{file.name}: sheet {sheet.name!r} holds the analyses of "
                f"{tables[twin].iloc[0].profile!r} again and is left out"
            )
            continue
        tables.append(table)
        problems += [*points.problems, *remarks]
    if not tables:
        raise refused[0]
    return pd.concat(tables, ignore_index=True), problems, used


def _tell_apart(tables: Sequence[pd.DataFrame], stems: Sequence[str]) -> None:
    """Put the file's name before those of profiles that two files call by one name."""
    names = [set(table["profile"]) for table in tables]
    counts: Counter[str] = Counter(name for each in names for name in each)
    for table, stem, own in zip(tables, stems, names, strict=True):
        new = {name: f"{stem} {name}" for name in own if counts[name] > 1 and name != stem}
        table["profile"] = table["profile"].replace(new)


def _place(file: Path, points: Points, positions: Sequence[Positions]) -> set[Path]:
    named = [each for each in positions if belongs_to(file, each.file)]
    for each in named or (positions if len(positions) == 1 else []):
        if place(points, each):
            return {each.file}
    return set()


def _twin(tables: Sequence[pd.DataFrame], table: pd.DataFrame) -> int | None:
    """Sheet read before that holds the same numbers."""
    for number, other in enumerate(tables):
        if len(other) == len(table) and all(
            np.array_equal(other[name], table[name], equal_nan=True) for name in ("MgO", "FeO")
        ):
            return number
    return None


def _positions(file: Path) -> Positions | None:
    if file.suffix.lower() == ".pos":
        return read_positions(file)
    try:
        return read_positions(file)
    except InputError:
        return None
