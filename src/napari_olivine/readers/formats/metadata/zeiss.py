"""ZEISS SmartSEM: tag 34118 of a TIFF, ``AP_IMAGE_PIXEL_SIZE`` and its kin."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from napari_olivine.readers.base import Acquisition
from napari_olivine.readers.formats.metadata.embedded import EmbeddedMetadata
from napari_olivine.readers.formats.metadata.quantities import (
    CURRENTS_NA,
    LENGTHS_UM,
    TIMES_US,
    VOLTAGES_KV,
    in_units,
    moment,
    number,
    pixel_um,
    positive,
    rows_and_columns,
    stage_um,
)

SCREEN_WIDTH = 1024
"""Pixels across the screen, which the pixel size of the nameless values refers to."""


def read_tag(tag: Any, shape: tuple[int, int]) -> EmbeddedMetadata | None:
    """Read the tag as tifffile parses it: ``{"ap_actualkv": ("EHT", 15.0, "kV"), ...}``."""
    if not isinstance(tag, dict):
        return None
    values = {key: value[1:] for key, value in tag.items() if key and isinstance(value, tuple)}
    acquisition = Acquisition(
        instrument="ZEISS",
        pixel_size_um=_pixel_um(tag, values, shape[1]),
        stage_um=stage_um(
            in_units(values.get("ap_stage_at_x"), LENGTHS_UM),
            in_units(values.get("ap_stage_at_y"), LENGTHS_UM),
        ),
        rotation_deg=_rotation_deg(values),
        accelerating_voltage_kv=positive(
            in_units(values.get("ap_actualkv", values.get("ap_manualkv")), VOLTAGES_KV, "kV")
        ),
        probe_current_na=positive(in_units(values.get("ap_iprobe"), CURRENTS_NA)),
        dwell_time_us=positive(in_units(values.get("dp_dwell_time"), TIMES_US)),
        detector=_word(values, "dp_detector_channel") or _word(values, "dp_detector_type"),
        taken=moment(_word(values, "ap_date"), _word(values, "ap_time")),
    )
    if model := _word(values, "dp_sem") or _word(values, "sv_serial_number"):
        acquisition = replace(acquisition, instrument=f"ZEISS {model}")
    return EmbeddedMetadata(
        acquisition, scanned=rows_and_columns(_word(values, "dp_image_store"), "*")
    )


def _pixel_um(
    tag: dict[str, Any], values: dict[str, tuple[Any, ...]], columns: int
) -> float | None:
    named = pixel_um(
        in_units(values.get("ap_image_pixel_size"), LENGTHS_UM)
        or in_units(values.get("ap_pixel_size"), LENGTHS_UM)
    )
    nameless = tag.get("", ())
    exact = None
    if isinstance(nameless, tuple) and len(nameless) > 3 and columns:
        metres = number(nameless[3])
        exact = pixel_um(metres * 1e6 * SCREEN_WIDTH / columns) if metres else None
    if named is None:
        return exact
    # The named value is rounded to four digits; the other one counts where it is the same.
    return exact if exact is not None and abs(exact / named - 1) < 0.005 else named


def _rotation_deg(values: dict[str, tuple[Any, ...]]) -> float | None:
    if values.get("dp_scan_rot", (None,))[0] is False:
        return 0.0
    return number(values.get("ap_scanrotation"))


def _word(values: dict[str, tuple[Any, ...]], key: str) -> str:
    value = values.get(key, ("",))
    return str(value[0]).strip()[:200] if value else ""
