"""Maps of JEOL microprobes: a text file of numbers and a condition file (.cnd) of the same name.

On Windows ``data001.csv`` with ``data001.cnd`` (keys ``$XM_AP_SA_PIXELS%0``, ...); on the older SUN
``1_map.txt`` with ``1.cnd`` (``$XM_POINTS``, ...) and ``0.cnd`` for the whole measurement (lines
of a value and what it is), which also lists the elements in the order of the maps' numbers. Keys as
read by XMapTools (https://github.com/xmaptools), jxmap (https://github.com/misasa/jxmap) and qntmap
(Yasumoto et al. 2018, American Mineralogist 103, 1690-1698, doi:10.2138/am-2018-6323).
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.readers.base import Image, Unreadable, signal_of
from napari_olivine.readers.formats.text.jeol_conditions import (
    POINTS,
    acquisition_of,
    beam_scan_um,
    keys_of,
    listed,
    numbers,
    shape_of,
    whole_measurement,
)
from napari_olivine.readers.formats.text.text_map import SUFFIXES, beginning, image_of
from napari_olivine.readers.formats.text.text_matrix import find_rows

ELECTRON_SIGNALS = {"COM": "BSE", "BSE": "BSE", "SEI": "SE", "TOP": "TOPO", "CLI": "CL"}
"""Electron images by the first letters that the condition file gives them."""

BY_MAGNIFICATION = "its pixel size follows from the magnification (a field 120 mm wide at 1 x)"


def recognises(file: Path, head: bytes) -> bool:
    """Recognise a map by its numbers and the condition file beside it."""
    if file.suffix.lower() not in SUFFIXES or beginning_of(head) is None:
        return False
    conditions = condition_file(file)
    return conditions is not None and bool(keys_of(conditions, file))


def open_images(file: Path) -> list[Image]:
    """Return the one image of a map.

    Raises
    ------
    Unreadable
        If the map or its condition file is missing or cut short.
    InputError
        If the map has another size than its condition file says, or holds no counts.
    """
    conditions = condition_file(file)
    if conditions is None:
        raise Unreadable(f"{file} has no condition file ({file.stem}.cnd) beside it.")
    keys = keys_of(conditions, file)
    whole = file.with_name("0.cnd")
    values = whole_measurement(whole) if whole.is_file() else {}
    try:
        with file.open("rb") as stream:
            begin = beginning_of(stream.read(4096))
    except OSError as error:
        raise Unreadable(f"{file} cannot be read ({error}).") from error
    if begin is None:
        raise InputError(f"{file} is no map of numbers.")
    points = numbers(keys, *POINTS)
    if len(points) < 2 and {"columns", "rows"} <= set(values):
        points = [values["columns"], values["rows"]]
    shape = shape_of(conditions, points)
    rows = find_rows(file, begin)
    if shape and rows.shape == (shape[0] * shape[1], 1):
        rows = find_rows(file, begin, lines=shape[1])
    if shape and rows.shape != shape:
        raise Unreadable(
            f"{file} has {rows.shape[0]} x {rows.shape[1]} numbers, {conditions.name} says "
            f"{shape[0]} x {shape[1]} (rows x columns): is it cut short, or of another map?"
        )
    if not shape and rows.shape[1] == 1:
        raise InputError(
            f"{file} has one number a line and {conditions.name} does not say how many make a row.",
            remedy="Export the map as a matrix.",
        )
    files = (conditions, whole) if values and whole != conditions else (conditions,)
    acquisition = acquisition_of(conditions, keys, values)
    image = image_of(rows, _signal(keys), acquisition, files)
    if acquisition.pixel_size_um is None and (size_um := beam_scan_um(keys, rows.shape[1])):
        acquisition = replace(acquisition, pixel_size_um=size_um, pixel_source="the magnification")
        image = replace(image, acquisition=acquisition, remarks=(BY_MAGNIFICATION,))
    return [image]


def condition_file(file: Path) -> Path | None:
    """Return the condition file of a map: ``data001.cnd`` of ``data001.csv``, ``1.cnd`` of
    ``1_map.txt``, else ``0.cnd``, where it lists the element of that number.
    """  # noqa: D205
    stems = dict.fromkeys((file.stem, file.stem.removesuffix("_map"), file.stem.split("_")[0]))
    candidates = (file.with_name(stem + end) for stem in stems for end in (".cnd", ".CND") if stem)
    own = next((one for one in candidates if one.is_file()), None)
    whole = file.with_name("0.cnd")
    return whole if own is None and whole.is_file() and listed(whole, file) else own


def beginning_of(head: bytes) -> int | None:
    """Byte at which the numbers begin; also where each line holds only one."""
    found = beginning(head)
    if found is not None:
        return found.begin
    single = re.match(rb"(?:\xef\xbb\xbf)?\s*\d+(?:\.\d*)?[ ,;\t]*[\r\n]+\s*\d", head)
    return 0 if single and b"\0" not in head else None


def _signal(keys: dict[str, str]) -> str:
    kind = keys.get("XM_ELEM_IMS_SIGNAL_TYPE", "") or keys.get("XM_CRYSTAL", "")
    if electron := ELECTRON_SIGNALS.get(kind[:3].upper()):
        return electron
    name = keys.get("XM_ELEM_NAME") or keys.get("XM_ELEMENT") or ""
    return signal_of(name.split()[0]) or "" if name else ""
