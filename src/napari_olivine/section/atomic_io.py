"""Atomic and durable writing: a file is whole or absent, also after a power cut.

For half a minute the operating system keeps a written file in memory only; a power cut then leaves
an empty file under its final name. So a file is brought to the disk (``fsync``) before a journal or
a record names it, and a folder after its names have changed.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

UNABLE = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)
"""Errors of network drives that do not support ``fsync``."""

PARTIAL = ".partial"
"""End of the name of a file that is being written."""

HALF_WRITTEN = (f"*{PARTIAL}", ".*.parquet", ".*.npz", ".*-*")
"""Names under which files are written before they get their own."""

MACOS = "._"
"""Beginning of the names of the files that macOS puts beside every file on some drives."""


def half_written(folder: Path) -> Iterator[Path]:
    """Find the files that a killed process had not finished writing."""
    for pattern in HALF_WRITTEN:
        for file in folder.rglob(pattern):
            if file.is_file() and not file.name.startswith(MACOS):
                yield file


def sync(stream: IO[Any]) -> None:
    """Wait until the content of an open file is on the disk."""
    stream.flush()
    _wait(stream.fileno())


def sync_file(file: Path) -> None:
    """Wait until a file that another library wrote is on the disk."""
    with file.open("r+b") as stream:
        sync(stream)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk; Windows does so by itself."""
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
    """Bring a file to the disk in the background."""
    submit_io(lambda: _sync_if_there(file))


def submit_io(task: Callable[[], None]) -> None:
    """Run a task in the background, after all earlier ones; not at all if one of them failed."""
    _disk().submit(_unless_failed, task)


def wait_for_io() -> None:
    """Wait for all background tasks.

    Raises
    ------
    OSError
        The first that a task raised.
    """
    _disk().submit(lambda: None).result()
    if _failed:
        error = _failed[0]
        _failed.clear()
        raise error


_failed: list[OSError] = []


def _unless_failed(task: Callable[[], None]) -> None:
    if _failed:
        return
    try:
        task()
    except OSError as error:
        _failed.append(error)


def _sync_if_there(file: Path) -> None:
    with suppress(FileNotFoundError):  # it was replaced meanwhile
        sync_file(file)


@cache
def _disk() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "disk")  # one thread: tasks run in the order in which they came


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


@contextmanager
def atomic_path(file: Path) -> Iterator[Path]:
    """Yield a hidden name beside a file to write to; put it in place when the block ends well."""
    temporary = file.with_name(f".{file.name}")
    try:
        yield temporary
        sync_file(temporary)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def write_arrays(arrays: Mapping[str, NDArray[Any]], file: Path) -> None:
    """Write arrays by name (``.npz``), all or nothing."""
    with atomic_path(file) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]


def _wait(handle: int) -> None:
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in UNABLE:
            raise
