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
from napari_olivine.readers.base import Acquisition, Image, Unreadable, signal_of
from napari_olivine.readers.formats.metadata import first_that_fits, square_pixel_um
from napari_olivine.readers.formats.text.text_map import SUFFIXES, beginning, image_of
from napari_olivine.readers.formats.text.text_matrix import find_rows

LARGEST = 1 << 20
"""A larger file is no condition file, bytes."""

ELECTRON_SIGNALS = {"COM": "BSE", "BSE": "BSE", "SEI": "SE", "TOP": "TOPO", "CLI": "CL"}
"""Electron images by the first letters that the condition file gives them."""

WHOLE_MEASUREMENT = {
    "X-axis Step Number": "columns",
    "Y-axis Step Number": "rows",
    "X Step Size": "step_um",
    "Dwell Time": "dwell_ms",
    "Probe Current Avg": "current_a",
    "Measurement Center Position X": "x_mm",
    "Measurement Center Position Y": "y_mm",
    "EOS Acc. Voltage": "kv",
}
"""Names of the lines of 0.cnd, and our names for their values."""

PHOTO_WIDTH_UM = 120_000.0
"""Width of the photograph that a magnification refers to."""

BY_MAGNIFICATION = "its pixel size follows from the magnification (a field 120 mm wide at 1 x)"


def recognises(file: Path, head: bytes) -> bool:
    """Recognise a map by its numbers and the condition file beside it."""
    if file.suffix.lower() not in SUFFIXES or beginning_of(head) is None:
        return False
    conditions = condition_file(file)
    return conditions is not None and bool(_keys(conditions, file))


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
    keys = _keys(conditions, file)
    whole = file.with_name("0.cnd")
    values = _whole_measurement(whole) if whole.is_file() else {}
    try:
        with file.open("rb") as stream:
            begin = beginning_of(stream.read(4096))
    except OSError as error:
        raise Unreadable(f"{file} cannot be read ({error}).") from error
    if begin is None:
        raise InputError(f"{file} is no map of numbers.")
    points = _numbers(keys, "XM_AP_SA_PIXELS", "XM_AP_BSA_PIXELS", "XM_POINTS")
    if len(points) < 2 and {"columns", "rows"} <= set(values):
        points = [values["columns"], values["rows"]]
    shape = _shape(conditions, points)
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
    acquisition = _acquisition(conditions, keys, values)
    image = image_of(rows, _signal(keys), acquisition, files)
    if acquisition.pixel_size_um is None and (size_um := _beam_scan_um(keys, rows.shape[1])):
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
    return whole if own is None and whole.is_file() and _listed(whole, file) else own


def beginning_of(head: bytes) -> int | None:
    """Byte at which the numbers begin; also where each line holds only one."""
    found = beginning(head)
    if found is not None:
        return found.begin
    single = re.match(rb"(?:\xef\xbb\xbf)?\s*\d+(?:\.\d*)?[ ,;\t]*[\r\n]+\s*\d", head)
    return 0 if single and b"\0" not in head else None


def _keys(conditions: Path, file: Path) -> dict[str, str]:
    """Values of a condition file's keys, without the number behind a key's ``%``."""
    if conditions == file.with_name("0.cnd"):
        return _listed(conditions, file)
    keys: dict[str, str] = {}
    for line in _text(conditions).splitlines():
        found = re.match(r"\$([A-Z0-9_$]+)(?:%(\w+))?\s+(\S.*)", line)
        if found:
            name = found[1] if (found[2] or "0") == "0" else f"{found[1]}%{found[2]}"
            keys.setdefault(name, found[3].rstrip())
    return keys


def _listed(whole: Path, file: Path) -> dict[str, str]:
    """Keys of a map's element in the list of ``0.cnd``, by the number that its name begins with."""
    number = re.match(r"\d{1,4}(?!\d)", file.stem)
    elements = re.split(r"^(?=.*\bElement Name No\.)", _text(whole), flags=re.MULTILINE)[1:]
    if number is None or not 1 <= int(number[0]) <= len(elements):
        return {}
    found = elements[int(number[0]) - 1]
    keys = {"XM_ELEMENT": found.split()[0]}
    if crystal := re.search(r"^[ \t]*(\S+)[ \t]+Crystal Name", found, re.MULTILINE):
        keys["XM_CRYSTAL"] = crystal[1]
    return keys


def _whole_measurement(file: Path) -> dict[str, float]:
    values: dict[str, float] = {}
    text = _text(file)
    for line in text.splitlines():
        found = re.match(r"\s*(\S+)\s+(\S.*)", line)
        name = found and next((k for k in WHOLE_MEASUREMENT if found[2].startswith(k)), None)
        if found and name:
            number = _float(found[1])
            if number is not None:
                values.setdefault(WHOLE_MEASUREMENT[name], number)
    if re.search(r"^[ \t]*B[ \t]+Stage\[S\]", text, re.MULTILINE):
        values.pop("step_um", None)  # the steps of a beam scan are dots
    return values


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return stream.read(LARGEST).decode("latin-1")
    except OSError as error:
        raise Unreadable(f"{file} cannot be read ({error}).") from error


def _numbers(keys: dict[str, str], *names: str) -> list[float]:
    """Numbers that the first of several keys holds."""
    for name in names:
        cells = [_float(cell) for cell in keys.get(name, "").split()]
        numbers = [cell for cell in cells if cell is not None]
        if numbers:
            return numbers
    return []


def _float(cell: str) -> float | None:
    return float(cell) if re.fullmatch(r"[+-]?\d+(\.\d*)?([eE][+-]?\d{1,3})?", cell) else None


def _shape(file: Path, points: list[float]) -> tuple[int, int] | None:
    if len(points) < 2:
        return None
    columns, rows = points[0], points[1]
    if not (
        1 <= columns < 1e9 and 1 <= rows < 1e9 and columns == int(columns) and rows == int(rows)
    ):
        raise InputError(f"{file} says that the map has {columns:g} x {rows:g} points.")
    return int(rows), int(columns)


def _signal(keys: dict[str, str]) -> str:
    kind = keys.get("XM_ELEM_IMS_SIGNAL_TYPE", "") or keys.get("XM_CRYSTAL", "")
    if electron := ELECTRON_SIGNALS.get(kind[:3].upper()):
        return electron
    name = keys.get("XM_ELEM_NAME") or keys.get("XM_ELEMENT") or ""
    return signal_of(name.split()[0]) or "" if name else ""


def _acquisition(file: Path, keys: dict[str, str], values: dict[str, float]) -> Acquisition:
    step = _numbers(keys, "XM_AP_SA_PIXEL_SIZE", "XM_AP_BSA_PIXEL_SIZE", "XM_STEP_SIZE")
    dwell = _numbers(keys, "XM_AP_SA_DWELL_TIME", "XM_AP_BSA_DWELL_TIME", "XM_DWELL_TIME")
    step, dwell = step or _one(values, "step_um"), dwell or _one(values, "dwell_ms")
    current = _numbers(keys, "XM_DATA_PROBE_CURRENT", "CM_CURRENT") or _one(values, "current_a")
    voltage = _numbers(keys, "XM_EC_ACCEL_VOLT", "CM_ACCEL_VOLT")
    rotation = _numbers(keys, "XM_AP_SA_ROTATION_ANGLE")
    stage = _numbers(keys, "XM_AP_SA_STAGE_POS%0_0", "XM_AP_BSA_STAGE_POS")
    if len(stage) < 2:
        stage = _one(values, "x_mm") + _one(values, "y_mm")
    model = keys.get("XM_ANALYSIS_INSTRUMENT") or keys.get("CM_INSTRUMENT") or ""
    return Acquisition(
        instrument=f"JEOL {model}".strip(),
        pixel_size_um=(size_um := _square_um(file, step)),
        pixel_source=f"the step in {file.name}" if size_um else "",
        stage_um=(stage[0] * 1000, stage[1] * 1000) if len(stage) >= 2 else None,
        rotation_deg=rotation[0] if rotation else None,
        accelerating_voltage_kv=voltage[0] if voltage else values.get("kv"),
        probe_current_na=current[0] * 1e9 if current else None,
        dwell_time_us=dwell[0] * 1000 if dwell else None,
        detector=keys.get("XM_ELEM_WDS_CRYSTAL_NAME") or keys.get("XM_CRYSTAL") or "",
        taken=first_that_fits(keys.get("XM_ANALYSIS_ACQ_DATE", ""), ("%Y/%m/%d %H:%M:%S",)),
    )


def _beam_scan_um(keys: dict[str, str], columns: int) -> float | None:
    """Side of a pixel of a beam scan, um; the file gives its magnification only."""
    magnification = _numbers(keys, "XM_AP_BSA_MAGNIFICATION")
    coefficient = _numbers(keys, "XM_AP_BSA_SCAN_COEFFICIENT") or [1.0]
    if not magnification or magnification[0] <= 0 or coefficient[0] != 1:
        return None
    return PHOTO_WIDTH_UM / magnification[0] / columns


def _one(values: dict[str, float], name: str) -> list[float]:
    return [values[name]] if name in values else []


def _square_um(file: Path, step: list[float]) -> float | None:
    if not step or step[0] <= 0:
        return None
    return square_pixel_um(
        file, step[0], step[1] if len(step) > 1 else step[0], "Resample the map before the export."
    )
