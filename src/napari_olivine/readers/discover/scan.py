"""The files of a folder and its folders, without those of imported sections and other stores."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.job import Job

DEPTH = 8
"""Folders within folders that are looked into: AZtec and Thermo's Maps nest five deep."""

MOST_FILES = 500_000
"""More files are refused: somebody has chosen a whole disk."""

TABLE_FOLDERS = ("epma", "wds", "probe", "microprobe")
"""Names of folders that hold microprobe tables, not images (any case)."""

ZARR = frozenset({"zarr.json", ".zgroup", ".zattrs", ".zmetadata"})
"""Files by which a folder is a zarr store: its chunks may be called like images."""


@dataclass
class Listing:
    """Files that were found.

    Parameters
    ----------
    files
        Every file, folder by folder.
    tables
        Folder of microprobe tables, `None` if there is none.
    left_out
        Folders that were not looked into, in words.
    """

    files: list[Path] = field(default_factory=list)
    tables: Path | None = None
    left_out: list[str] = field(default_factory=list)


def walk(folder: Path, job: Job) -> Listing:
    """List the files of a folder and its folders in order, and find the folder of tables.

    Links to other folders are followed, but none twice, and none to a folder that this one lies in.

    Raises
    ------
    InputError
        If the folder cannot be read, or holds more files than a section does.
    """
    found = Listing()
    seen = {_identity(one) for one in (folder, *folder.parents)}
    waiting = deque([(folder, 0)])
    while waiting:
        here, depth = waiting.popleft()
        job.progress(0, 1, "Looking into the folder")
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError as error:
            if here == folder:
                raise InputError(f"{here} cannot be read ({error}).", file=here) from error
            found.left_out.append(f"the folder {here} cannot be read ({error.strerror})")
            continue
        if here != folder and (kind := _kind_of_store(here, entries)):
            found.left_out.append(kind)
            continue
        for entry in entries:
            if entry.name.startswith((".", "~")):
                continue
            path = Path(entry.path)
            if not entry.name.isprintable() and _is_no_text(entry.name):
                found.left_out.append(
                    f"{entry.name.encode('utf-8', 'replace').decode()} in {here.name} has a name "
                    "that is no Unicode text (rename it)"
                )
                continue
            if _is_folder(entry):
                if entry.is_symlink() and _identity(path) in seen:
                    continue
                seen.add(_identity(path))
                if entry.name.lower() in TABLE_FOLDERS:
                    found.tables = found.tables or path
                elif depth + 1 < DEPTH:
                    waiting.append((path, depth + 1))
                else:
                    found.left_out.append(f"the folder {path} lies too deep")
            elif _is_file(entry):
                found.files.append(path)
        if len(found.files) > MOST_FILES:
            raise InputError(
                f"{folder} holds more than {MOST_FILES} files; choose the folder of one section.",
                file=folder,
            )
    return found


def _kind_of_store(folder: Path, entries: list[os.DirEntry[str]]) -> str:
    """Say that a folder is an imported section or another zarr store; empty for other folders."""
    names = {entry.name for entry in entries}
    if not names & ZARR:
        return ""
    if "section.json" in names:
        return f"{folder.name} is an imported section"
    return f"{folder.name} is a zarr store"


def _is_no_text(name: str) -> bool:
    """Tell whether a name is of an older code, as old archives leave it: no table could keep it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return True
    return False


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Tell files from pipes and devices; a link to nothing counts, so that it can be reported."""
    try:
        return entry.is_file() or (entry.is_symlink() and not entry.is_dir())
    except OSError:
        return True


def _identity(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError:
        return (-1, -1)
    return state.st_dev, state.st_ino
