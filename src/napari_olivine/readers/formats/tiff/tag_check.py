"""Size limits on the directories of a TIFF, checked before tifffile reads what they point to."""

from __future__ import annotations

import struct
from pathlib import Path

from tifffile import TIFF, TiffFormat

from napari_olivine.errors import InputError
from napari_olivine.readers.base import Unreadable

VARIANTS: dict[bytes, TiffFormat] = {
    b"II*\0": TIFF.CLASSIC_LE, b"MM\0*": TIFF.CLASSIC_BE,
    b"II+\0": TIFF.BIG_LE, b"MM\0+": TIFF.BIG_BE,
}  # fmt: skip
"""First bytes of a TIFF, and how its directories are laid out."""

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


def check_tags(file: Path) -> int:
    """Refuse directories that would take much memory or time to read.

    Returns
    -------
    int
        Pages of the file, as far as they are there.

    Raises
    ------
    Unreadable
        If the pages run in a circle, or a tag is larger than any program writes.
    InputError
        If there are too many pages.
    """
    with file.open("rb") as stream:
        form = VARIANTS.get(stream.read(4))
        if form is None:
            return 0  # no TIFF: tifffile says so

        def number(pattern: str) -> int:
            content = stream.read(struct.calcsize(pattern))
            whole = len(content) == struct.calcsize(pattern)
            return int(struct.unpack(pattern, content)[0]) if whole else 0

        stream.seek(form.offsetsize)
        header = form.tagformat1 + form.tagformat2[1:]
        seen: set[int] = set()
        while offset := number(form.offsetformat):
            if offset in seen:
                raise Unreadable(f"{file} is damaged: its pages run in a circle")
            seen.add(offset)
            if len(seen) > MOST_PAGES:
                raise InputError(
                    f"{file} is a stack of images, not one: it has more than {MOST_PAGES} pages"
                )
            stream.seek(min(offset, 2**62))
            count = number(form.tagnoformat)
            if count > MOST_TAGS:
                raise Unreadable(f"{file} is damaged: a page of it has {count} tags")
            tags = stream.read(count * form.tagsize)
            if len(tags) < count * form.tagsize:
                break  # truncated: tifffile says so
            for code, kind, values, _ in struct.iter_unpack(header, tags):
                size = values * struct.calcsize(TIFF.DATA_FORMATS.get(kind, "q"))
                if values > MOST_PIECES if code in PIECES else size > MOST_BYTES:
                    raise Unreadable(
                        f"{file} is damaged: tag {code} of it is said to hold {size} bytes"
                    )
        return len(seen)
