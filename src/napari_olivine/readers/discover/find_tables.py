"""EPMA tables that lie elsewhere than in a folder called ``epma``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers.epma import SUFFIXES, TablesRead, find_header, open_sheets, read_tables

LARGEST = 4 << 20
"""Bytes of a file that is looked at: tables of analyses are small."""

MOST = 60
"""Files that are looked at."""

OUR_OWN = ("sessions", "placements", "tileconfiguration", "standard")
"""How tables are called that are no analyses of the sample."""


@dataclass(frozen=True)
class TableFolder:
    """A folder of EPMA tables; they are read once, when they are first asked for.

    Parameters
    ----------
    path
        The folder; may be missing.
    """

    path: Path

    @cached_property
    def read(self) -> TablesRead:
        """Its tables, see `napari_olivine.readers.epma.read_tables`."""
        return read_tables(self.path)


def find_tables(
    folder: Path, others: Sequence[Path], images: Sequence[Path], job: Job
) -> tuple[TableFolder | None, list[str]]:
    """Look for tables of analyses among the files that are no images.

    Parameters
    ----------
    folder
        The source.
    others
        Files that are no images.
    images
        Files of images: what is called alike belongs to them, and folders with them are no
        folders of tables.
    job
        Running job.

    Returns
    -------
    tables
        The folder of all tables, if they lie in one that has no images and can all be read.
    remarks
        What the person should know, in sentences.
    """
    found: dict[Path, list[str]] = defaultdict(list)
    for file in _candidates(others, images):
        job.check()
        if _holds_analyses(file):
            found[file.parent].append(file.name)
    if not found:
        return None, []
    with_images = {folder} | {image.parent for image in images}
    apart = [place for place in found if place not in with_images]
    if len(found) == len(apart) == 1:
        tables = TableFolder(apart[0])
        try:
            _ = tables.read
        except InputError as error:
            return None, [f"the EPMA tables in {apart[0].name} are left out: {error}"]
        return tables, [f"the EPMA tables are those in {apart[0].relative_to(folder)}"]
    names = [name for there in found.values() for name in there]
    what = f"{names[0]} looks like an EPMA table and is not read: put it"
    if len(names) > 1:
        more = len(names) - 1
        what = f"{names[0]} and {more} more look like EPMA tables and are not read: put them"
    return None, [f"{what} into a folder called epma in {folder.name}"]


def _candidates(others: Sequence[Path], images: Sequence[Path]) -> list[Path]:
    beside = {image.with_suffix("") for image in images}
    found = []
    for file in others:
        if file.suffix.lower() not in SUFFIXES or file.suffix.lower() == ".pos":
            continue
        if file.with_suffix("") in beside or file.stem.lower().startswith(OUR_OWN):
            continue
        found.append(file)
        if len(found) == MOST:
            break
    return found


def _holds_analyses(file: Path) -> bool:
    """Tell whether magnesium and iron head columns of numbers."""
    try:
        if file.stat().st_size > LARGEST:
            return False
        headers = [find_header(sheet.rows) for sheet in open_sheets(file)]
    except (InputError, OSError):
        return False
    return any(header is not None and header.heads_analyses for header in headers)
