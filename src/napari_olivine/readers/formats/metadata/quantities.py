"""Numbers with units, dates and names as instruments write them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from napari_olivine.errors import InputError

QUANTITY = re.compile(r"\s*([-+]?(?:\d[\d.,]*|[.,]\d+)(?:[eE][-+]?\d{1,3})?)\s*(\S*)")

MICRO = ("µ", "μ", "\x83Ê", "ｵ", "\\u00B5", "\\u00b5", "u")
"""The micro sign: Latin-1, Greek, Shift-JIS read as Latin-1 or as itself, ImageJ's, ASCII."""

MICRONS = ("micron", "microns", "micrometer", "micrometers", "micrometre", "micrometres")

LENGTHS_UM = {"pm": 1e-6, "Å": 1e-4, "nm": 1e-3, "um": 1.0, "mm": 1e3, "cm": 1e4, "m": 1e6}
TIMES_US = {"ps": 1e-6, "ns": 1e-3, "us": 1.0, "ms": 1e3, "s": 1e6, "Secs": 1e6, "min": 6e7}
CURRENTS_NA = {"fA": 1e-6, "pA": 1e-3, "nA": 1.0, "uA": 1e3, "mA": 1e6, "A": 1e9}
VOLTAGES_KV = {"V": 1e-3, "Volt": 1e-3, "kV": 1.0, "KV": 1.0, "keV": 1.0, "MV": 1e3}

SMALLEST_PIXEL_UM, LARGEST_PIXEL_UM = 1e-5, 1e3
"""Side of a pixel that an electron microscope can have, um; anything else is not believed."""

FARTHEST_UM = 1e6
"""A stage position farther than a metre is not believed."""


def number(value: object) -> float | None:
    """Return a finite number, `None` if there is none; ``0,5`` is read as 0.5."""
    found = quantity(value)
    return found[0] if found else None


def quantity(value: object) -> tuple[float, str] | None:
    """Return a number and the unit behind it (``um`` for every way to write the micro sign)."""
    if isinstance(value, tuple):
        value = " ".join(str(part) for part in value)
    match = QUANTITY.match(str(value)[:200])
    if match is None:
        return None
    digits = match[1].replace(",", "" if "." in match[1] else ".")
    try:
        size = float(digits)
    except ValueError:
        return None
    if not math.isfinite(size):
        return None
    unit = match[2].strip("[]();,")
    for sign in MICRO:
        if unit.startswith(sign) and len(unit) > len(sign):
            unit = "u" + unit[len(sign) :]
            break
    return size, "um" if unit.lower() in MICRONS else unit


def in_units(value: object, units: dict[str, float], default: str | None = None) -> float | None:
    """Convert a number with its unit by a table of units.

    Parameters
    ----------
    value
        Text as the file has it.
    units
        Factor of each unit.
    default
        Unit of a bare number; without it a bare number says nothing.

    Returns
    -------
    size
        In the unit whose factor is 1; `None` where number or unit is missing or unknown.
    """
    found = quantity(value)
    if found is None:
        return None
    size, unit = found
    factor = units.get(unit or default or "")
    return None if factor is None else size * factor


def scaled(value: object, factor: float) -> float | None:
    """Return a finite number times a factor, `None` if there is none."""
    size = number(value)
    return None if size is None else size * factor


def rows_and_columns(size: str, mark: str | None = None) -> tuple[int, int] | None:
    """Read a size that is written as width, mark (white space if `None`) and height."""
    width, height = (number(word) for word in (*size.split(mark), "", "")[:2])
    return (int(height), int(width)) if width and height else None


def pixel_um(size_um: float | None) -> float | None:
    """Return the side of a pixel if an electron microscope can have it, um."""
    if size_um is None or not SMALLEST_PIXEL_UM <= size_um <= LARGEST_PIXEL_UM:
        return None
    return size_um


def square_pixel_um(file: Path, along_x: float, along_y: float, remedy: str = "") -> float:
    """Return the side of a pixel, um.

    Parameters
    ----------
    file
        For the message.
    along_x, along_y
        Width and height of a pixel, um.
    remedy
        What to do about oblong pixels.

    Returns
    -------
    side
        The width.

    Raises
    ------
    InputError
        If height and width differ by more than 2 %.
    """
    if abs(along_x - along_y) > 0.02 * abs(along_x):
        raise InputError(
            f"{file}: pixels are {along_x:g} um wide and {along_y:g} um high; only square pixels "
            "can be used.",
            remedy=remedy,
            file=file,
        )
    return along_x


def stage_um(x: float | None, y: float | None) -> tuple[float, float] | None:
    """Return a stage position if both coordinates are there and possible, um."""
    if x is None or y is None or max(abs(x), abs(y)) > FARTHEST_UM:
        return None
    return x, y


def positive(value: float | None) -> float | None:
    """Return a value if it is above zero."""
    return value if value is not None and value > 0 else None


DATES = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y:%m:%d", "%Y%m%d", "%d.%m.%Y", "%d %b %Y", "%d %B %Y",
    "%d-%b-%Y", "%b %d %Y",
)  # fmt: skip
CLOCKS = ("%H:%M:%S", "%I:%M:%S %p", "%H:%M", "%I:%M %p", "%H:%M:%S.%f")


def moment(date: object, time: object = "") -> datetime | None:
    """Return when an image was taken.

    A date such as 03/04/2024, which is another day in Europe than in America, says nothing;
    25/04/2024 can be only one.
    """
    day = _day(str(date).strip()[:40])
    if day is None:
        return None
    clock = str(time).strip()[:40]
    read = first_that_fits(clock, CLOCKS)
    return datetime.combine(day.date(), read.time()) if read else day


def iso_moment(text: str) -> datetime | None:
    """Read a time as ISO 8601 writes it, without its time zone; `None` if it is none."""
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=None)
    except ValueError:
        return None


def first_that_fits(text: str, forms: Iterable[str]) -> datetime | None:
    """Read a time by the first of several forms (of `strptime`) that fits."""
    for form in forms:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None


def _day(text: str) -> datetime | None:
    if found := first_that_fits(text, DATES):
        return found
    if match := re.fullmatch(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})", text):
        first, second, year = (int(part) for part in match.groups())
        possible = {(first, second), (second, first)}
        days = {(d, m) for d, m in possible if m <= 12}
        if len(days) == 1:
            day, month = days.pop()
            try:
                return datetime(year, month, day)
            except ValueError:
                return None
    return None
