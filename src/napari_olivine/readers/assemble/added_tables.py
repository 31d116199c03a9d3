"""EPMA tables that a person adds to a section from anywhere: copied into it, kept by a new import.

A table from a colleague or from a later session lies in no source. Its copy in ``annotations/epma``
belongs to the section: the source may be gone, and every import takes the copy in again.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers.epma import (
    REPORT_FILE,
    SUFFIXES,
    TablesRead,
    forget_mapping,
    in_order,
    load_mappings,
    mapping_for,
    read_report,
    read_tables,
    report_of,
    save_mapping,
    shared,
    write_report,
)
from napari_olivine.section import WORK, Product, Recipe, Section, read_table
from napari_olivine.settings import Settings, setting

ADDED = "source added"
"""Input of the product ``epma``: the tables that were added, where there are any."""

OF_SOURCE, REPORT_OF_SOURCE = "source_analyses", "source_report.csv"
"""What the source alone says; kept in the product where tables were added."""


class AddTablesSettings(Settings):
    """Which tables to add to a section."""

    tables: tuple[Path, ...] = setting(
        (),
        "Tables",
        "Files of EPMA analyses, from any folder. A table of the same file name that was added "
        "before is replaced.",
    )
    remove: tuple[str, ...] = setting(
        (),
        "Remove",
        "Names of added files to take away again, with the lines of their profiles.",
    )


def add_tables(
    section: Section,
    settings: AddTablesSettings = AddTablesSettings(),  # noqa: B008 - immutable
    job: Job | None = None,
) -> Product:
    """Add EPMA tables from anywhere to a section; its source is not needed.

    The files are copied to ``annotations/epma`` with what ``columns.toml`` beside them says of
    their columns. Placements that are there stay as they are. Stage positions of added tables are
    not used: their lines are drawn by hand.

    Parameters
    ----------
    section
        Section with ``epma``.
    settings
        The tables to add and to take away; with none of them, the tables that lie in
        ``annotations/epma`` are read anew.
    job
        Running job.

    Returns
    -------
    Product
        ``epma``, with the analyses of the source and of all tables that were added.

    Raises
    ------
    InputError
        If a table cannot be read, is called like another one, or is in the section already, or
        one to take away was not added.
    """
    job = job or Job()
    product = section.require("epma")
    of_source = product.path / f"{OF_SOURCE}.parquet"
    apart = of_source.exists()
    analyses = read_table(of_source) if apart else section.table("epma", "analyses")
    report = product.path / (REPORT_OF_SOURCE if apart else REPORT_FILE)
    before = set(section.table("epma", "analyses")["profile"])
    _take_out(section, settings.remove)
    _take_in(section, settings.tables, analyses, job)
    inputs = {name: mark for name, mark in product.recipe.inputs.items() if name != ADDED}
    recipe = replace(product.recipe, inputs=inputs | added_fingerprint(section))
    kept = read_report(report) if report.exists() else report_of(TablesRead())
    made = keep_analyses(section, recipe, analyses, kept, job)
    _forget_placements(section, before - set(section.table("epma", "analyses")["profile"]))
    place_added_spots(section)
    return made


def added_files(section: Section) -> list[str]:
    """Return the names of the files of added tables."""
    folder = added_folder(section)
    files = folder.iterdir() if folder.is_dir() else ()
    return sorted(file.name for file in files if file.suffix.lower() in SUFFIXES)


def added_folder(section: Section) -> Path:
    """Return the folder of the copies of added tables; it may be missing."""
    return section.path / "annotations" / "epma"


def added_fingerprint(section: Section) -> dict[str, str]:
    """Fingerprint of the added tables as `Section.recipe` takes it; empty if there are none."""
    folder = added_folder(section)
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    files = [file for file in files if file.is_file() and not file.name.startswith(".")]
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\t".encode() + hashlib.sha256(file.read_bytes()).digest())
    return {ADDED: digest.hexdigest()[:16]} if files else {}


def keep_analyses(
    section: Section, recipe: Recipe, analyses: pd.DataFrame, report: pd.DataFrame, job: Job
) -> Product:
    """Make the product ``epma``: what the source says, and what was added to the section.

    Parameters
    ----------
    section
        The section.
    recipe
        What the product is made from.
    analyses, report
        Analyses of the source, and what was made of its tables.
    job
        Running job.

    Returns
    -------
    Product
        ``epma``.
    """
    if done := section.finished("epma", recipe, job):
        return done
    with section.draft("epma", recipe, job) as draft:
        if ADDED in recipe.inputs:
            read = read_tables(added_folder(section))
            analyses.to_parquet(draft.path / f"{OF_SOURCE}.parquet", index=False)
            write_report(report, draft.path / REPORT_OF_SOURCE)
            for problem in read.problems:
                job.warn(problem)
            analyses, report = _joined(analyses, report, read, job)
        analyses.to_parquet(draft.path / "analyses.parquet", index=False)
        write_report(report, draft.path / REPORT_FILE)
        draft.notes |= {
            "profiles": int(analyses["profile"].nunique()),
            "analyses": len(analyses),
        }
    return section.require("epma")


def place_added_spots(section: Section) -> None:
    """Let analyses with a place of their own calibrate, where nobody has said anything of them."""
    if ADDED not in section.require("epma").recipe.inputs:
        return
    placements = section.annotation("placements")
    analyses = section.table("epma", "analyses")
    placed = analyses[["x_um", "y_um"]].notna().all(axis=1).groupby(analyses["profile"]).all()
    names = [str(name) for name in placed.index[placed]]
    new = [name for name in names if name not in set(placements["profile"].astype(str))]
    if new:
        rows = pd.DataFrame({"profile": new, "kind": "spots", "use": "calibrate"})
        section.annotate("placements", pd.concat([placements, rows], ignore_index=True))


# ---------------------------------------------------------------------- inside


def _take_in(section: Section, tables: Iterable[Path], analyses: pd.DataFrame, job: Job) -> None:
    """Copy tables into the section once they have been read with those that are there."""
    homes = _homes(tables)
    if not homes:
        return
    folder = added_folder(section)
    (section.path / WORK).mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".added", dir=section.path / WORK) as temporary:
        stage = Path(temporary)
        if folder.is_dir():
            shutil.copytree(folder, stage, dirs_exist_ok=True)
        for name, home in homes.items():
            job.check()
            if (stage / name).exists():
                job.say(f"{name} was added before: {home} takes its place.")
            shutil.copyfile(home, stage / name)
            for mapping in mapping_for(home, load_mappings(home.parent)):
                save_mapping(stage, mapping.model_copy(update={"file": name}))
        try:
            read = read_tables(stage)
        except InputError as error:
            raise _at_home(error, stage, homes) from error
        _refuse_what_adds_nothing(read, homes, analyses)
        folder.mkdir(parents=True, exist_ok=True)
        for file in sorted(stage.iterdir()):
            file.replace(folder / file.name)


def _take_out(section: Section, names: Iterable[str]) -> None:
    """Delete the copies of added tables, and what is kept of their columns."""
    folder, there = added_folder(section), added_files(section)
    for name in names:
        if name not in there:
            known = f"there are {', '.join(there)}" if there else "there is none"
            raise InputError(
                f"No table {name} was added to {section.path}; {known}.", setting="remove"
            )
    for name in names:
        (folder / name).unlink(missing_ok=True)
        forget_mapping(folder, name)


def _forget_placements(section: Section, gone: Collection[str]) -> None:
    """Take away the lines of profiles whose table is gone: nothing lies along them any more."""
    placements = section.annotation("placements")
    left = placements[~placements["profile"].astype(str).isin(list(gone))]
    if len(left) < len(placements):
        section.annotate("placements", left.reset_index(drop=True))


def _homes(tables: Iterable[Path]) -> dict[str, Path]:
    """Return the files by their names."""
    homes: dict[str, Path] = {}
    for table in tables:
        home = Path(table).expanduser().resolve()
        if not home.is_file():
            raise InputError(f"There is no table {home}.", file=home, setting="tables")
        if homes.setdefault(home.name, home) != home:
            raise InputError(
                f"{home} and {homes[home.name]} have the same name.",
                remedy="Rename one of them.",
                file=home,
                setting="tables",
            )
    return homes


def _at_home(error: InputError, stage: Path, homes: Mapping[str, Path]) -> InputError:
    """Name the file of the person in an error, and not the copy that was read."""
    text, remedy, facts = error.text, error.remedy, error.facts.known()
    for name, home in homes.items():
        text, remedy = (words.replace(str(stage / name), str(home)) for words in (text, remedy))
    text, remedy = (words.replace(str(stage), "annotations/epma") for words in (text, remedy))
    named = homes.get(Path(facts.get("file", "")).name)
    known = {name: value for name, value in facts.items() if name in ("sheet", "row", "expected")}
    return InputError(text, remedy=remedy, **known, file=named or "")


def _refuse_what_adds_nothing(
    read: TablesRead, homes: Mapping[str, Path], analyses: pd.DataFrame
) -> None:
    for file, words in read.asides:
        if file.name in homes:
            raise InputError(f"{homes[file.name]}: {words}.", file=homes[file.name])
    for table in read.tables:
        home = homes.get(table.file.name)
        if home is not None and _is_in_source(table.analyses, analyses):
            raise InputError(
                f"The source of the section has all {len(table.analyses)} analyses of {home}.",
                remedy="Leave this table out.",
                file=home,
                setting="tables",
            )


def _joined(
    analyses: pd.DataFrame, report: pd.DataFrame, read: TablesRead, job: Job
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put added tables behind those of the source; what the source has itself by now is left."""
    read.tables = [table for table in read.tables if not _is_in_source(table.analyses, analyses)]
    added, added_report = read.analyses, report_of(read)
    if not len(added):
        return analyses, report
    taken = {str(name) for name in analyses["profile"]}
    names = {str(name): _free(str(name), taken) for name in added["profile"].unique()}
    for old, new in names.items():
        if old != new:
            job.warn(f"The section has a profile {old!r}: the added one is called {new!r}.")
    added = added.assign(profile=added["profile"].astype(str).map(names))
    added_report["profile"] = added_report["profile"].map(lambda name: names.get(name, name))
    unplaced = added[["x_um", "y_um"]].isna().any(axis=1) & added["distance_um"].isna()
    if unplaced.any():
        profiles = ", ".join(added.loc[unplaced, "profile"].unique())
        job.warn(
            f"{profiles}: the analyses have neither a distance nor a place in the image; stage "
            "positions of added tables are not used. Drawn lines spread them evenly."
        )
    both = [part for part in (analyses, added) if len(part)]
    reports = [part for part in (report, added_report) if len(part)]
    return in_order(pd.concat(both)), pd.concat(reports, ignore_index=True)


def _is_in_source(added: pd.DataFrame, analyses: pd.DataFrame) -> bool:
    again = shared(added, analyses)
    return bool(len(again)) and bool(again.all())


def _free(name: str, taken: set[str]) -> str:
    free, number = name, 1
    while free in taken:
        free = f"{name} (added)" if number == 1 else f"{name} (added {number})"
        number += 1
    taken.add(free)
    return free
