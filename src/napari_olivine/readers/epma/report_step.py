"""The report of the EPMA tables of a source: a table, a folder of tables, or a section."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from napari_olivine.errors import InputError, OlivineError, SectionError
from napari_olivine.job import Job
from napari_olivine.readers.epma.folder import TablesRead, read_table, read_tables
from napari_olivine.readers.epma.mapping import load_mappings, mapping_for
from napari_olivine.readers.epma.report import REPORT_FILE, read_report, report_of
from napari_olivine.section import Section


def report_source(source: Path | str, job: Job | None = None) -> pd.DataFrame:
    """Report what is made of EPMA tables.

    Parameters
    ----------
    source
        A table; a folder of tables, or one with a folder ``epma``; or a section, whose report was
        kept by its import.
    job
        Running job.

    Returns
    -------
    report
        A row a profile, see `napari_olivine.readers.epma.report.report_of`. A table of a folder
        that cannot be read has a row with the reason.

    Raises
    ------
    InputError
        If there is no such source, or the table cannot be read.
    SectionError
        If the section has no report.
    """
    job, path = job or Job(), Path(source)
    job.check()
    if path.is_file():
        mappings = mapping_for(path, load_mappings(path.parent))
        return report_of(TablesRead([read_table(path, mappings, [])]))
    if not path.is_dir():
        raise InputError(
            f"{path} does not exist.",
            remedy="Give a table, a folder of tables, or a section.",
            file=path,
        )
    if (section := _section_at(path)) is not None:
        return _report_of_section(section)
    folder = path / "epma" if (path / "epma").is_dir() else path
    return report_of(read_tables(folder, refuse=False))


def refusals(report: pd.DataFrame) -> list[str]:
    """Return the reason for each file of a report of which no sheet can be read."""
    found = []
    for file, part in report.groupby("file", sort=False):
        refused = part["notes"].str.startswith("refused: ")
        if refused.any() and not (part["profile"] != "").any():
            found.append(f"{file}: {part['notes'][refused].iloc[0]}")
    return found


def kept_report(section: Section) -> pd.DataFrame | None:
    """Read the report that the import of a section kept; `None` if it kept none."""
    product = section.product("epma")
    file = product.path / REPORT_FILE if product is not None else None
    return read_report(file) if file is not None and file.is_file() else None


def _section_at(folder: Path) -> Section | None:
    try:
        return Section(folder)
    except OlivineError:  # a source may have a section.json too, which says how its tiles lie
        return None


def _report_of_section(section: Section) -> pd.DataFrame:
    report = kept_report(section)
    if report is not None:
        return report
    if section.product("epma") is None:
        raise SectionError(f"{section.path} has no EPMA analyses.", step="import")
    raise SectionError(
        f"{section.path} was imported before reports were kept.",
        remedy="Import its source again ({step:import}), or name the tables themselves.",
        step="import",
    )
