"""Files that lie beside an image: found by its name, read in part, never followed elsewhere."""

from __future__ import annotations

import os
import time
from functools import lru_cache
from pathlib import Path

MOST_BYTES = 256 << 10
"""As much is read of a file beside an image; real ones have a few thousand bytes."""


SETTLED_NS = 2_000_000_000
"""A folder that was changed within the last two seconds may change again under the same time."""


def text_beside(file: Path, *endings: str) -> tuple[Path, str] | None:
    """Return the first file beside an image that has one of the endings, and its text.

    Parameters
    ----------
    file
        The image.
    endings
        What follows the image's name without its suffix, e.g. ``"-tif.hdr"``; tried as given, in
        small letters and in capitals.
    """
    start = os.fspath(file.with_suffix(""))
    folder, name = os.path.split(start)
    there = _names_beside(folder or ".")
    for ending in dict.fromkeys(
        form for each in endings for form in (each, each.lower(), each.upper())
    ):
        if there is not None and name + ending not in there:
            continue
        beside = start + ending
        if os.path.isfile(beside):  # a pipe or a device would block
            text = read_text(beside)
            if text is not None:
                return Path(beside), text
    return None


def _names_beside(folder: str) -> frozenset[str] | None:
    """List a folder once for thousands of tiles; `None` if another file may come unnoticed."""
    try:
        changed_ns = os.stat(folder).st_mtime_ns
    except OSError:
        return frozenset()
    if abs(time.time_ns() - changed_ns) < SETTLED_NS:
        return None
    return _names_in(folder, changed_ns)


@lru_cache(maxsize=16)
def _names_in(folder: str, changed_ns: int) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except OSError:
        return frozenset()


def pairs(text: str) -> dict[str, str]:
    """Return the ``key=value`` lines of a text, of whatever section; the first of a key counts."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, sign, value = line.partition("=")
        if sign and len(key) < 100:
            found.setdefault(key.strip(), value.strip())
    return found


def read_text(path: str) -> str | None:
    """Read the beginning of a text in whatever code it is; `None` if it is no text."""
    try:
        with open(path, "rb") as stream:
            content = stream.read(MOST_BYTES)
    except OSError:
        return None
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    if b"\0" in content:
        return None  # not a text
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
