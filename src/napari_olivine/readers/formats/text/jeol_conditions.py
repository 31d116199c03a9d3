"""Condition files (.cnd) of JEOL microprobes: what they state of the maps beside them.

Keys as read by XMapTools (https://github.com/xmaptools), jxmap (https://github.com/misasa/jxmap)
and qntmap (Yasumoto et al. 2018, American Mineralogist 103, 1690-1698, doi:10.2138/am-2018-6323).
"""

from __future__ import annotations

import re
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.readers.base import Acquisition, Unreadable
from napari_olivine.readers.formats.metadata import first_that_fits, square_pixel_um

LARGEST = 1 << 20
"""A larger file is no condition file, bytes."""

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


POINTS = ("XM_AP_SA_PIXELS", "XM_AP_BSA_PIXELS", "XM_POINTS")
"""Keys of columns and rows."""


def conditions_beside(file: Path, shape: tuple[int, int]) -> list[tuple[Path, Acquisition]]:
    """Return the condition files of a folder whose map has the shape of a map there.

    Maps that another program exported have other names than the condition files of the instrument;
    all maps of a measurement share points and steps.

    Parameters
    ----------
    file
        A map.
    shape
        Its rows and columns.

    Returns
    -------
    list of tuple
        File and what it states, in the order of their names, without those that cannot be read.
    """
    found = []
    for conditions in sorted(one for one in file.parent.glob("*.[cC][nN][dD]") if one.is_file()):
        try:
            keys = keys_of(conditions, conditions)
            stated = shape_of(conditions, numbers(keys, *POINTS))
            acquisition = acquisition_of(conditions, keys, {})
        except InputError:
            continue
        if stated == shape:
            found.append((conditions, acquisition))
    return found


def keys_of(conditions: Path, file: Path) -> dict[str, str]:
    """Values of a condition file's keys, without the number behind a key's ``%``."""
    if conditions == file.with_name("0.cnd"):
        return listed(conditions, file)
    keys: dict[str, str] = {}
    for line in _text(conditions).splitlines():
        found = re.match(r"\$([A-Z0-9_$]+)(?:%(\w+))?\s+(\S.*)", line)
        if found:
            name = found[1] if (found[2] or "0") == "0" else f"{found[1]}%{found[2]}"
            keys.setdefault(name, found[3].rstrip())
    return keys


def listed(whole: Path, file: Path) -> dict[str, str]:
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


def whole_measurement(file: Path) -> dict[str, float]:
    """Return the values of ``0.cnd``, by the names of `WHOLE_MEASUREMENT`."""
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


def numbers(keys: dict[str, str], *names: str) -> list[float]:
    """Numbers that the first of several keys holds."""
    for name in names:
        cells = [_float(cell) for cell in keys.get(name, "").split()]
        found = [cell for cell in cells if cell is not None]
        if found:
            return found
    return []


def shape_of(file: Path, points: list[float]) -> tuple[int, int] | None:
    """Return rows and columns by the points of a condition file, `None` if it states none."""
    if len(points) < 2:
        return None
    columns, rows = points[0], points[1]
    if not (
        1 <= columns < 1e9 and 1 <= rows < 1e9 and columns == int(columns) and rows == int(rows)
    ):
        raise InputError(f"{file} says that the map has {columns:g} x {rows:g} points.")
    return int(rows), int(columns)


def acquisition_of(file: Path, keys: dict[str, str], values: dict[str, float]) -> Acquisition:
    """Return what a condition file states of the acquisition.

    Parameters
    ----------
    file
        The condition file.
    keys
        Its keys.
    values
        Those of ``0.cnd``, where there is one.

    Returns
    -------
    Acquisition
        Pixel size, stage position, beam, dwell time, crystal and time.

    Raises
    ------
    InputError
        If pixels are oblong.
    """
    step = numbers(keys, "XM_AP_SA_PIXEL_SIZE", "XM_AP_BSA_PIXEL_SIZE", "XM_STEP_SIZE")
    dwell = numbers(keys, "XM_AP_SA_DWELL_TIME", "XM_AP_BSA_DWELL_TIME", "XM_DWELL_TIME")
    step, dwell = step or _one(values, "step_um"), dwell or _one(values, "dwell_ms")
    current = numbers(keys, "XM_DATA_PROBE_CURRENT", "CM_CURRENT") or _one(values, "current_a")
    voltage = numbers(keys, "XM_EC_ACCEL_VOLT", "CM_ACCEL_VOLT")
    rotation = numbers(keys, "XM_AP_SA_ROTATION_ANGLE")
    stage = numbers(keys, "XM_AP_SA_STAGE_POS%0_0", "XM_AP_BSA_STAGE_POS")
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


def beam_scan_um(keys: dict[str, str], columns: int) -> float | None:
    """Side of a pixel of a beam scan, um; the file gives its magnification only."""
    magnification = numbers(keys, "XM_AP_BSA_MAGNIFICATION")
    coefficient = numbers(keys, "XM_AP_BSA_SCAN_COEFFICIENT") or [1.0]
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


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return stream.read(LARGEST).decode("latin-1")
    except OSError as error:
        raise Unreadable(f"{file} cannot be read ({error}).") from error


def _float(cell: str) -> float | None:
    return float(cell) if re.fullmatch(r"[+-]?\d+(\.\d*)?([eE][+-]?\d{1,3})?", cell) else None
