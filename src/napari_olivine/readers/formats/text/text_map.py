"""Maps of numbers as text, one file a signal: Oxford's CSV exports, XMapTools and others.

Rows of numbers separated by tabs, spaces, commas or semicolons, with decimal commas where no comma
separates. A few lines may stand before them (``Mg K series``, ``Pixel size: 2 um``). A table with
the name of each column above it is no map.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.readers.base import Acquisition, Image, Unreadable, signal_of, unit_of
from napari_olivine.readers.formats.metadata import (
    OBLONG,
    PixelSizes,
    contradictions,
    preferred,
    stated,
)
from napari_olivine.readers.formats.text.jeol_conditions import conditions_beside
from napari_olivine.readers.formats.text.text_matrix import NumberRows, find_rows, numbers_of
from napari_olivine.readers.formats.text.xmaptools import map_frame

SUFFIXES = (".txt", ".csv", ".tsv", ".asc", ".dat")

HEADER_BYTES = 4096
"""Lines before the numbers end within this much of the file."""

LEAST_COLUMNS = 8
"""Rows that stand under a header must be as long as this: shorter ones are a table."""

HEADER_WORDS = re.compile(
    r"\b(?:(?i:map|image|width|height|columns?|rows?|lines?|pixels?|resolution|step|series|counts|"
    r"cps)|[A-Z][a-z]?[ _-]?[KLM](?:[a\u03b1b]\d?)?)\b"
)
"""Words by which the lines before the numbers of a map are known."""

PIXEL_SIZE = re.compile(
    r"(?:pixel|step)[^\n\d]{0,30}?[\s:=,;]([\d.,]+)\s*[,;\t]?\s*\(?(nm|um|µm|μm|mm|microns?)\b",
    re.IGNORECASE,
)
PIXEL_SIZE_UNIT_FIRST = re.compile(
    r"(?:pixel|step)[^\n\d]{0,30}?[(\[](nm|um|µm|μm|mm|microns?)[)\]][\s:=,;]*([\d.]+)",
    re.IGNORECASE,
)
_WIDTH = r"(?:^\W*|\b(?:image|map|field|scan)[ _-]?)width"
WIDTH = re.compile(
    _WIDTH + r"[^\n\d]{0,30}?[\s:=,;(]([\d.,]+)\s*\(?(nm|um|µm|μm|mm|microns?)\b", re.IGNORECASE
)
WIDTH_UNIT_FIRST = re.compile(
    _WIDTH + r"[^\n\d]{0,30}?[(\[](nm|um|µm|μm|mm|microns?)[)\]][\s:=,;]*([\d.]+)", re.IGNORECASE
)
UM = {"nm": 1e-3, "mm": 1e3}

FEWEST_COLUMNS, MOST_ROWS = 4, 64
"""Many rows of a few numbers are a list (x, y, counts), not a map."""

UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Beginning:
    """Beginning of a text map.

    Parameters
    ----------
    header
        Lines before the first row of numbers.
    begin
        Byte at which the numbers begin.
    """

    header: tuple[str, ...]
    begin: int


def recognises(file: Path, head: bytes) -> bool:
    """Tell whether a text file's first lines are rows of numbers, or a map's header and those."""
    if file.suffix.lower() not in SUFFIXES:
        return False
    return beginning(head) is not None or beginning(_from_utf_16(head)) is not None


def _from_utf_16(head: bytes) -> bytes:
    """Return the text of an UTF-16 file in UTF-8, nothing of other files."""
    if not head.startswith(UTF_16):
        return b"\0"
    return head[: len(head) // 2 * 2].decode("utf-16", "replace").encode("utf-8", "replace")


def open_images(file: Path) -> list[Image]:
    """Return the one image of a text map.

    Its pixel size and place come from its header, from an XMapTools standard file or from condition
    files of JEOL for maps of its shape in its folder.
    All numbers are read once, to find their type and what is no number.

    Raises
    ------
    Unreadable
        If the file is missing or cut short.
    InputError
        If it holds what is no number, rows of different lengths, or negative numbers.
    """
    try:
        with file.open("rb") as stream:
            head = stream.read(HEADER_BYTES)
    except OSError as error:
        raise Unreadable(f"{file} cannot be read ({error}).") from error
    found = beginning(head)
    if found is None and head.startswith(UTF_16):
        raise InputError(
            f"{file} is written in UTF-16 (Unicode text).", remedy="Save it as plain text."
        )
    if found is None:
        raise InputError(f"{file} is no map of numbers.")
    rows = find_rows(
        file, found.begin, signed=unit_of(file, signal_of(file.stem) or "") != "counts"
    )
    if rows.columns <= FEWEST_COLUMNS and rows.shape[0] >= MOST_ROWS:
        raise InputError(
            f"{file} is a list of {rows.shape[0]} x {rows.columns} numbers, not a map.",
            remedy="Export the map as a matrix, a line of the image in each row.",
        )
    frame = map_frame(file.parent, rows.shape)
    sizes = _sizes(found.header, rows.columns)
    if frame is not None:
        sizes += stated((frame.pixel_size_um, f"the corners in {frame.file.name}", OBLONG))
    conditions = conditions_beside(file, rows.shape)
    for one, taken in conditions:
        sizes += stated((taken.pixel_size_um, f"the step in {one.name}"))
    acquisition = replace(
        conditions[0][1] if conditions else Acquisition(), **preferred(sizes), detector=""
    )
    if frame is not None:
        acquisition = replace(acquisition, stage_um=frame.stage_um)
    files = (*((frame.file,) if frame else ()), *(one for one, _ in conditions))
    image = image_of(rows, _signal(found.header), acquisition, files)
    return [replace(image, remarks=tuple(contradictions(sizes)))]


def image_of(
    rows: NumberRows, signal: str, acquisition: Acquisition, files: tuple[Path, ...] = ()
) -> Image:
    """Return rows of numbers as an image.

    Parameters
    ----------
    rows
        Place and type of the numbers.
    signal
        Signal that the file names, or nothing.
    acquisition
        Settings that the instrument wrote.
    files
        Other files that these were read from.

    Returns
    -------
    image
        Nothing of its numbers is in memory.
    """
    return Image(rows.file, rows.shape, rows.dtype, rows.read, signal, acquisition, files)


def beginning(head: bytes) -> Beginning | None:
    """Find the first row of numbers of a map; `None` if the file is none.

    Parameters
    ----------
    head
        The file's first bytes; the last line may be cut off.
    """
    if b"\0" in head:
        return None
    place = 3 if head.startswith(b"\xef\xbb\xbf") else 0
    header: list[str] = []
    for line in re.findall(rb"[^\r\n]*[\r\n]*", head[place:]):
        whole = line.endswith((b"\r", b"\n")) or place + len(line) == len(head) < HEADER_BYTES
        numbers = numbers_of(line if whole else _without_last_cell(line))
        if numbers is None:
            if line.strip():
                header.append(_decode(line).strip())
        elif len(numbers) > 1 and not header:
            return Beginning((), place)
        elif len(numbers) >= LEAST_COLUMNS:
            return Beginning(tuple(header), place) if _heads_a_map(header, len(numbers)) else None
        else:
            header.append(_decode(line).strip())
        place += len(line)
    return None


def _decode(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _without_last_cell(line: bytes) -> bytes:
    return re.sub(rb"[^\s,;]*$", b"", line)


def _heads_a_map(header: list[str], columns: int) -> bool:
    if any(line.startswith((">", "%", "!")) for line in header):  # files of XMapTools
        return False
    if any(len(re.split(r"[\t,;]", line.rstrip(",;\t"))) >= columns for line in header):
        return False  # a name over each column: a table
    return any(HEADER_WORDS.search(line) for line in header)


def _sizes(header: tuple[str, ...], columns: int) -> PixelSizes:
    """Size of a pixel by the lines before the numbers: by itself, and by the map's width."""
    width = _length_um(header, WIDTH, WIDTH_UNIT_FIRST)
    return stated(
        (_length_um(header, PIXEL_SIZE, PIXEL_SIZE_UNIT_FIRST), "the lines before the numbers"),
        (width / columns if width else None, f"the width in the file over {columns} columns"),
    )


def _length_um(
    header: tuple[str, ...], number_first: re.Pattern[str], unit_first: re.Pattern[str]
) -> float | None:
    for line in header:
        if found := number_first.search(line):
            number, unit = found[1], found[2]
        elif found := unit_first.search(line):
            number, unit = found[2], found[1]
        else:
            continue
        try:
            size = float(number.strip(",.").replace(",", "."))
        except ValueError:
            continue
        if 0 < size < 1e6:
            return size * UM.get(unit.lower(), 1.0)
    return None


def _signal(header: tuple[str, ...]) -> str:
    """Signal that a line of the header names (``Mg K series``, ``Element: Mg``)."""
    for line in header:
        for cell in (line, *re.split(r"[,;:=\t]", line)):
            if cell.strip() and (signal := signal_of(cell.strip(' "'))):
                return signal
    return ""
