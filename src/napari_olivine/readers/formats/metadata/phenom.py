"""Phenom: tag 34683 of a TIFF, XML whose root is ``FeiImage``."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from napari_olivine.readers.base import Acquisition
from napari_olivine.readers.formats.metadata.embedded import EmbeddedMetadata
from napari_olivine.readers.formats.metadata.pixel_size import OBLONG, preferred, stated
from napari_olivine.readers.formats.metadata.quantities import (
    CURRENTS_NA,
    LENGTHS_UM,
    TIMES_US,
    VOLTAGES_KV,
    in_units,
    iso_moment,
    number,
    positive,
    stage_um,
)
from napari_olivine.readers.formats.metadata.safe_xml import parse


def read_tag(tag: Any, shape: tuple[int, int]) -> EmbeddedMetadata | None:
    """Read the tag; positions without a unit are metres."""
    text = tag.decode("utf-8", "replace") if isinstance(tag, bytes) else tag
    root = parse(text) if isinstance(text, str) else None
    if root is None or root.tag != "FeiImage":
        return None
    bar = number(root.findtext("databarHeight")) or 0
    voltage = _measure(root, "acquisition/scan/highVoltage", VOLTAGES_KV, "kV")
    sizes = stated(
        (_measure(root, "pixelWidth", LENGTHS_UM, "m"), "pixelWidth of Phenom"),
        (_measure(root, "pixelHeight", LENGTHS_UM, "m"), "pixelHeight of Phenom", OBLONG, False),
    )
    return EmbeddedMetadata(
        Acquisition(
            instrument=(root.findtext("instrument/type") or "Phenom").strip()[:200],
            **preferred(sizes),
            stage_um=stage_um(
                _measure(root, "samplePosition/x", LENGTHS_UM, "m"),
                _measure(root, "samplePosition/y", LENGTHS_UM, "m"),
            ),
            rotation_deg=number(root.findtext("acquisition/scan/rotation")),
            accelerating_voltage_kv=positive(None if voltage is None else abs(voltage)),
            probe_current_na=positive(
                _measure(root, "acquisition/scan/beamCurrent", CURRENTS_NA, "A")
            ),
            dwell_time_us=positive(_measure(root, "acquisition/scan/dwellTime", TIMES_US, "ns")),
            detector=(root.findtext("acquisition/scan/detector") or "").strip()[:200],
            taken=iso_moment(root.findtext("time") or ""),
        ),
        sizes,
        scanned=(shape[0] - int(bar), shape[1]) if 0 < bar < shape[0] else None,
    )


def _measure(root: Element, path: str, units: dict[str, float], default: str) -> float | None:
    element = root.find(path)
    if element is None:
        return None
    parent = root.find(path.rpartition("/")[0] or ".")
    unit = element.get("unit") or (parent.get("unit") if parent is not None else None)
    return in_units(f"{element.text} {unit or ''}", units, default)
