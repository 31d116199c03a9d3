"""The directories of a TIFF, looked through before anything they point to is read."""

from __future__ import annotations

import struct
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.readers.base import Unreadable

MOST_PAGES = 1024
"""A file of more pages is no set of signals."""

MOST_TAGS = 4096
"""Tags of one page; real ones have fewer than a hundred."""

MOST_BYTES = 16 << 20
"""Bytes of one tag: an OME-XML of ten thousand planes has a third of it."""

MOST_PIECES = 2_000_000
"""Strips or tiles of one page: twice as many as 1.5 gigapixels have in tiles of 40 x 40 px."""

PIECES = (273, 279, 324, 325)
"""Tags that list where strips and tiles lie and how long they are."""

TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4, 11: 4, 13: 4}
"""Bytes of a value of each type; of all others 8."""


def check_tags(file: Path) -> None:
    """Refuse directories that would take much memory or time to read.

    Raises
    ------
    Unreadable
        If the pages run in a circle, or a tag is larger than any program writes.
    InputError
        If there are too many pages.
    """
    with file.open("rb") as stream:
        head = stream.read(16)
        order = ">" if head[:2] == b"MM" else "<"
        big = head[2:4] in (b"\0+", b"+\0")
        word = struct.Struct(order + ("Q" if big else "I"))
        number = struct.Struct(order + ("Q" if big else "H"))
        entry = struct.Struct(order + ("HHQ8x" if big else "HHI4x"))
        at = 8 if big else 4
        offset = _whole(head[at : at + word.size], word)
        seen: set[int] = set()
        while offset:
            if offset in seen:
                raise Unreadable(f"{file} is damaged: its pages run in a circle")
            seen.add(offset)
            if len(seen) > MOST_PAGES:
                raise InputError(
                    f"{file} is a stack of images, not one: it has more than {MOST_PAGES} pages"
                )
            stream.seek(min(offset, 2**62))
            count = _whole(stream.read(number.size), number)
            if count > MOST_TAGS:
                raise Unreadable(f"{file} is damaged: a page of it has {count} tags")
            tags = stream.read(count * entry.size)
            if len(tags) < count * entry.size:
                return  # truncated: the reader says so
            _check_sizes(file, entry, tags)
            offset = _whole(stream.read(word.size), word)


def _check_sizes(file: Path, entry: struct.Struct, tags: bytes) -> None:
    for code, kind, count in entry.iter_unpack(tags):
        size = count * TYPE_BYTES.get(kind, 8)
        if count > MOST_PIECES if code in PIECES else size > MOST_BYTES:
            raise Unreadable(f"{file} is damaged: tag {code} of it is said to hold {size} bytes")


def _whole(content: bytes, form: struct.Struct) -> int:
    return int(form.unpack(content)[0]) if len(content) == form.size else 0
