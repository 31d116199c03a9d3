"""Maps that Cameca's PeakSight exports as text.

A header of ``Key : value`` lines, then a table of numbers separated by tabs: plain (type 1), or
with the number of each column above it and of each row before it (type 2). Keys after the
documentation of XMapTools (https://xmaptools.github.io, "Data compatibility for EPMA"), which also
takes ``Start`` as the centre of the map.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.readers.base import Acquisition, Image, Unreadable, signal_of
from napari_olivine.readers.formats.metadata import first_that_fits
from napari_olivine.readers.formats.text.text_map import SUFFIXES, image_of
from napari_olivine.readers.formats.text.text_matrix import find_rows, numbers_of

LONGEST_HEADER = 1 << 20
"""Bytes within which the next table begins."""

KEY = re.compile(r"[A-Za-z][A-Za-z ()]*")
NUMBER = r"([+-]?\d+(?:[.,]\d*)?)"
START = re.compile(rf"X\s*=\s*{NUMBER}\s+Y\s*=\s*{NUMBER}")
CONDITION = re.compile(rf"Cond\s*(\d+)\s*:\s*{NUMBER}\s*keV\s*{NUMBER}\s*([pnuµ]A)", re.IGNORECASE)
CURRENT_NA = {"p": 1e-3, "n": 1.0, "u": 1e3, "µ": 1e3}
DATES = (
    "%m/%d/%Y %I:%M:%S %p",
    "%A, %B %d, %Y %I:%M:%S %p",
    "%d-%b-%Y",
    "%b-%d-%Y",
)


@dataclass
class Header:
    """Keys of a header as they stand, and the byte where its table begins."""

    keys: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    begin: int = 0
    numbered: bool = False


def recognises(file: Path, head: bytes) -> bool:
    """Recognise a map of PeakSight by the keys of its header."""
    if file.suffix.lower() not in SUFFIXES or b"\0" in head:
        return False
    text = head.decode("latin-1")
    begins = re.search(r"^\W*FileName\s*:.*\.impDat", text, re.MULTILINE)
    minimal = re.search(r"^\s*Start\s*:\s*X\s*=", text, re.MULTILINE) and re.search(
        r"^\s*(Step|Line) Number\s*:", text, re.MULTILINE
    )
    return bool(begins or minimal)


def open_images(file: Path) -> list[Image]:
    """Return the maps of a file, one for each table.

    Raises
    ------
    Unreadable
        If a table is missing or cut short.
    InputError
        If the header lacks the numbers of steps and lines, or a table holds no counts.
    """
    images: list[Image] = []
    before = Header()
    while header := _next_header(file, before):
        shape = (_whole(file, header, "Line Number"), _whole(file, header, "Step Number"))
        rows = find_rows(file, header.begin, shape[0], shape[1], numbered=header.numbered)
        images.append(image_of(rows, _signal(header), _acquisition(header)))
        before = Header(dict(header.keys), list(header.lines), int(rows.offsets[-1]))
        before.keys.pop("Image", None)
    if not images:
        raise Unreadable(f"{file} is a map of PeakSight that ends before its table of numbers.")
    return images


def _next_header(file: Path, before: Header) -> Header | None:
    """Read on from `before.begin` to the next table."""
    header = Header(dict(before.keys), list(before.lines), before.begin)
    try:
        with file.open("rb") as stream:
            stream.seek(before.begin)
            while True:
                place = stream.tell()
                if place - before.begin > LONGEST_HEADER:
                    raise InputError(
                        f"{file} is a map of PeakSight without a table of numbers in its first "
                        f"{LONGEST_HEADER >> 20} MB."
                    )
                raw = stream.readline(LONGEST_HEADER)
                if not raw:
                    return None
                if _begins_table(raw, header):
                    header.begin = place
                    _skip_column_numbers(header, raw, stream.readline(LONGEST_HEADER), place)
                    return header
                line = raw.decode("latin-1").rstrip()
                header.lines.append(line)
                key, colon, value = line.partition(":")
                if colon and KEY.fullmatch(key.strip()):
                    header.keys[key.strip()] = value.strip()
    except OSError as error:
        raise Unreadable(f"{file} cannot be read ({error}).") from error


def _begins_table(raw: bytes, header: Header) -> bool:
    if ":" in raw[:200].decode("latin-1") or not {"Step Number", "Line Number"} & set(header.keys):
        return False
    numbers = numbers_of(raw)
    return numbers is not None and (len(numbers) > 1 or header.keys.get("Step Number") == "1")


def _skip_column_numbers(header: Header, first: bytes, second: bytes, place: int) -> None:
    """Step over a line of column numbers; the rows then begin with their own."""
    columns, row = numbers_of(first) or [], numbers_of(second) or []
    if columns == list(range(1, len(columns) + 1)) and len(row) == len(columns) + 1:
        header.begin = place + len(first)
        header.numbered = True


def _whole(file: Path, header: Header, key: str) -> int:
    value = header.keys.get(key, "")
    if not re.fullmatch(r"\d{1,9}", value) or int(value) == 0:
        raise InputError(
            f"{file}: the header of this PeakSight map says {key} : {value or 'nothing'}; a whole "
            "number is expected.",
            remedy="Export the map again with its full header.",
            expected="a whole number",
        )
    return int(value)


def _signal(header: Header) -> str:
    """Signal of the line ``Image : Ca Ka``, or the only one that was used."""
    named = header.keys.get("Image", "")
    used = header.keys.get("Signal(s) Used", "").split(",")
    if not named and len(used) == 1:
        named = used[0]
    return signal_of(re.sub(r"\s+", " ", named)) or "" if named.strip() else ""


def _acquisition(header: Header) -> Acquisition:
    start = START.search(header.keys.get("Start", ""))
    kv, current = _beam(header)
    step = _number(header.keys.get("Step Size", ""))
    dwell = _number(header.keys.get("Dwell Time", ""))
    if dwell is not None:
        dwell *= 1e3 if re.search(r"m\s*s", header.keys["Dwell Time"], re.IGNORECASE) else 1e6
    return Acquisition(
        instrument="Cameca",
        pixel_size_um=step or None,
        pixel_source="Step Size of Cameca" if step else "",
        stage_um=(_float(start[1]), _float(start[2])) if start else None,
        accelerating_voltage_kv=kv,
        probe_current_na=current,
        dwell_time_us=dwell,
        detector=header.keys.get("Image", ""),
        taken=first_that_fits(header.keys.get("Analysis Date", ""), DATES)
        or first_that_fits(header.keys.get("Date", ""), DATES),
    )


def _beam(header: Header) -> tuple[float | None, float | None]:
    """Voltage in kV and current in nA of the condition under which the image was taken."""
    text = "\n".join(header.lines)
    found = {
        number: (_float(kv), _float(current) * CURRENT_NA[unit[0].lower()])
        for number, kv, current, unit in CONDITION.findall(text)
    }
    if not found:
        return None, None
    image = re.sub(r"\s+", " ", header.keys.get("Image", ""))
    for number, used in re.findall(r"Cond\s*(\d+)\s*:([^\n]*)", text):
        names = [re.sub(r"\s+", " ", name.strip()) for name in used.split(",")]
        if image and image in names and number in found:
            return found[number]
    voltages = {kv for kv, _ in found.values()}
    currents = {current for _, current in found.values()}
    return (
        voltages.pop() if len(voltages) == 1 else None,
        currents.pop() if len(currents) == 1 else None,
    )


def _number(text: str) -> float | None:
    found = re.match(rf"\s*{NUMBER}", text)
    return _float(found[1]) if found else None


def _float(text: str) -> float:
    return float(text.replace(",", "."))
