"""ZEISS SmartSEM: tag 34118 of a TIFF, ``AP_IMAGE_PIXEL_SIZE`` and its kin."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from napari_olivine.readers.base import Acquisition
from napari_olivine.readers.formats.metadata.embedded import EmbeddedMetadata
from napari_olivine.readers.formats.metadata.pixel_size import PixelSizes, preferred, stated
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
"""Pixels across the screen, which ``AP_PIXEL_SIZE`` and the nameless value refer to."""


def read_tag(tag: Any, shape: tuple[int, int]) -> EmbeddedMetadata | None:
    """Read the tag as tifffile parses it: ``{"ap_actualkv": ("EHT", 15.0, "kV"), ...}``."""
    if not isinstance(tag, dict):
        return None
    values = {key: value[1:] for key, value in tag.items() if key and isinstance(value, tuple)}
    sizes = _sizes(tag, values, shape[1])
    acquisition = Acquisition(
        instrument="ZEISS",
        **preferred(sizes),
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
        acquisition, sizes, scanned=rows_and_columns(_word(values, "dp_image_store"), "*")
    )


def _sizes(tag: dict[str, Any], values: dict[str, tuple[Any, ...]], columns: int) -> PixelSizes:
    """Sizes of a stored pixel by the image's own size, the screen's, and the width of the field.

    ``AP_PIXEL_SIZE`` and the nameless value count pixels of a screen 1024 px wide, whatever width
    is stored. Where the image's own size or the field contradicts that, they count stored pixels.
    """
    if not columns:
        return ()
    named = pixel_um(in_units(values.get("ap_image_pixel_size"), LENGTHS_UM))
    width = in_units(values.get("ap_width"), LENGTHS_UM)
    by_width = width / columns if width else None

    def stored(size_um: float | None) -> float | None:
        if not size_um or size_um < 0:
            return None
        scaled, known = size_um * SCREEN_WIDTH / columns, named or by_width
        if known and abs(math.log(size_um / known)) < abs(math.log(scaled / known)):
            return size_um
        return scaled

    nameless = tag.get("", ())
    metres = number(nameless[3]) if isinstance(nameless, tuple) and len(nameless) > 3 else None
    exact = metres * 1e6 * SCREEN_WIDTH / columns if metres else None
    screen = "scaled from a screen of 1024 px"
    own = (named, "AP_IMAGE_PIXEL_SIZE of ZEISS")
    unnamed = (stored(metres * 1e6 if metres else None), f"the nameless size of ZEISS, {screen}")
    # The named value is rounded to four digits; the other one counts where it is the same.
    first = (unnamed, own) if exact and named and abs(exact / named - 1) < 0.005 else (own, unnamed)
    return stated(
        *first,
        (
            stored(in_units(values.get("ap_pixel_size"), LENGTHS_UM)),
            f"AP_PIXEL_SIZE of ZEISS, {screen}",
        ),
        (by_width, f"AP_WIDTH of ZEISS over {columns} columns"),
    )


def _rotation_deg(values: dict[str, tuple[Any, ...]]) -> float | None:
    if values.get("dp_scan_rot", (None,))[0] is False:
        return 0.0
    return number(values.get("ap_scanrotation"))


def _word(values: dict[str, tuple[Any, ...]], key: str) -> str:
    value = values.get(key, ("",))
    return str(value[0]).strip()[:200] if value else ""
