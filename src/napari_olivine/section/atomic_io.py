"""What is told to be on disk is there after a power cut, too.

A file that was only written lies in the memory of the operating system for half a minute, and a
power cut then leaves it empty under its final name. So what a journal or a record vouches for is
brought to the disk first (``fsync``); a folder is brought there when its names have changed.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

UNABLE = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)
"""Some network drives cannot be asked to wait for the disk."""


PARTIAL = ".partial"
"""End of the name of a file that is being written."""


HALF_WRITTEN = (f"*{PARTIAL}", ".*.parquet", ".*.npz", ".*-*")
"""Names under which files are written before they get their own."""

MACOS = "._"
"""Begin of the names of what macOS lays beside every file on some drives."""


def half_written(folder: Path) -> Iterator[Path]:
    """Find the files that a killed process had not finished writing."""
    for pattern in HALF_WRITTEN:
        for file in folder.rglob(pattern):
            if file.is_file() and not file.name.startswith(MACOS):
                yield file


def sync(stream: IO[Any]) -> None:
    """Wait until what was written to an open file is on the disk."""
    stream.flush()
    _wait(stream.fileno())


def sync_file(file: Path) -> None:
    """Wait until a file that another library wrote is on the disk."""
    with file.open("r+b") as stream:
        sync(stream)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk; Windows sees to it by itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        _wait(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Wait until everything in a folder is on the disk."""
    for parent, _, files in os.walk(folder, topdown=False):
        for file in files:
            sync_file(Path(parent) / file)
        sync_folder(Path(parent))


def sync_behind(file: Path) -> None:
    """Bring a file to the disk while the work goes on."""
    submit_io(lambda: _sync_if_there(file))


def submit_io(what: Callable[[], None]) -> None:
    """Do something when all that was asked for before is on the disk; not at all if it is not."""
    _disk().submit(_unless_failed, what)


def wait_for_io() -> None:
    """Wait for all that is done behind the work.

    Raises
    ------
    OSError
        If the disk refused some of it.
    """
    _disk().submit(lambda: None).result()
    if _failed:
        error = _failed[0]
        _failed.clear()
        raise error


_failed: list[OSError] = []


def _unless_failed(what: Callable[[], None]) -> None:
    if _failed:
        return
    try:
        what()
    except OSError as error:
        _failed.append(error)


def _sync_if_there(file: Path) -> None:
    with suppress(FileNotFoundError):  # it was replaced meanwhile
        sync_file(file)


@cache
def _disk() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "disk")  # one thread: in the order in which it was asked for


def write_atomically(file: Path, text: str) -> None:
    """Write a small text file so that no reader ever sees half of it."""
    # Not by `tempfile`, whose files nobody else of the group may read.
    temporary = file.with_name(f".{file.name}-{uuid4().hex[:8]}")
    try:
        with temporary.open("x", encoding="utf-8") as stream:
            stream.write(text)
            sync(stream)
        temporary.replace(file)
        sync_folder(file.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _wait(handle: int) -> None:
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in UNABLE:
            raise
