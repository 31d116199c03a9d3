"""Atomic writing of a folder: it appears when it is complete, or not at all."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from napari_olivine.errors import InputError, SectionError

MARKER = "catalogue.json"
"""File by which an earlier catalogue is recognised."""


@contextmanager
def write_folder(folder: Path, record: dict[str, Any]) -> Iterator[Path]:
    """Yield a hidden folder beside `folder` to write into, and put it in place at the end.

    If the block fails or is stopped, nothing of it stays, and the earlier catalogue is untouched.

    Parameters
    ----------
    folder
        Folder of the catalogue; an earlier catalogue in it is replaced.
    record
        Provenance of the catalogue, written to :data:`MARKER`.

    Raises
    ------
    InputError
        If the folder holds other things.
    SectionError
        If the disk is full.
    """
    raise_if_foreign(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
    unfinished.mkdir()
    try:
        yield unfinished
        (unfinished / MARKER).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        _replace(unfinished, folder)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise SectionError(
                f"The disk of {folder} is full.",
                remedy="Free some space and export again.",
                file=folder,
                step="export",
            ) from error
        raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def raise_if_foreign(folder: Path) -> None:
    """Raise `InputError` if a folder holds anything but an earlier catalogue."""
    if folder.is_file():
        raise InputError(
            f"{folder} is a file.", remedy="Choose a folder for the catalogue.", file=folder
        )
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARKER).is_file():
        raise InputError(
            f"{folder} is not empty and holds no catalogue.",
            remedy="Choose another folder or empty it.",
            file=folder,
        )


def _replace(new: Path, place: Path) -> None:
    if not place.exists():
        new.rename(place)
        return
    old = place.with_name(f".{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    place.rename(old)
    try:
        new.rename(place)
    except OSError:
        old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)
