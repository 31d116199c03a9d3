"""JEOL SEM: a ``.txt`` beside the image, lines of ``$CM_KEY value``."""

from __future__ import annotations

from pathlib import Path

from napari_olivine.readers.base import AGREEING, Acquisition
from napari_olivine.readers.formats.metadata.embedded import EmbeddedMetadata
from napari_olivine.readers.formats.metadata.pixel_size import (
    PixelSizes,
    preferred,
    stated,
)
from napari_olivine.readers.formats.metadata.quantities import (
    CURRENTS_NA,
    LENGTHS_UM,
    VOLTAGES_KV,
    in_units,
    moment,
    number,
    pixel_um,
    positive,
    rows_and_columns,
    scaled,
    stage_um,
)
from napari_olivine.readers.formats.metadata.sidecar import text_beside

PHOTO_WIDTH_UM = 120_000.0
"""Width of the photograph that the magnification refers to."""


def read_beside(file: Path, shape: tuple[int, int]) -> EmbeddedMetadata | None:
    """Read ``NAME.txt`` if it is JEOL's."""
    beside = text_beside(file, ".txt")
    if beside is None or "$CM_" not in beside[1]:
        return None
    values = _lines(beside[1])
    # Both are the size without the banner; newer programs write the second.
    named = values.get("CM_FULL_SIZE") or values.get("CM_IMAGE_SIZE") or ""
    stage = values.get("CM_STAGE_POSITION", values.get("CM_STAGE_POS", "")).split()
    x, y = (scaled(word, 1e3) for word in (*stage[:2], "", "")[:2])
    sizes = _sizes(values, shape[1])
    return EmbeddedMetadata(
        Acquisition(
            instrument=f"JEOL {values.get('CM_INSTRUMENT', '')[:200]}".strip(),
            **preferred(sizes),
            stage_um=stage_um(x, y),
            rotation_deg=number(values.get("SM_SCAN_ROTATION")),
            accelerating_voltage_kv=positive(
                in_units(values.get("CM_ACCEL_VOLT"), VOLTAGES_KV, "kV")
            ),
            probe_current_na=positive(in_units(values.get("CM_PROBE_CURRENT"), CURRENTS_NA)),
            detector=(values.get("CM_SIGNAL") or values.get("FE_DETECTOR_NAME") or "")[:200],
            taken=moment(values.get("CM_DATE", ""), values.get("CM_TIME", "")),
        ),
        sizes,
        scanned=rows_and_columns(named),
        files=(beside[0],),
    )


def _sizes(values: dict[str, str], columns: int) -> PixelSizes:
    """Sizes of a pixel by the field of view, the micron bar and the magnification.

    The bar's length is a whole number of pixels, good to a percent; the magnification is exact
    where it refers to a photograph 120 mm wide, which the bar proves within its rounding.
    """
    fields = values.get("CM_FIELD_OF_VIEW", "").split()  # "256.0µm 192.0µm", "1.28 mm 0.96 mm"
    apart = len(fields) > 1 and number(fields[1]) is None
    width_um = in_units(" ".join(fields[: 1 + apart]), LENGTHS_UM, "um")
    by_field = width_um / columns if width_um else None
    bar, marker = number(values.get("SM_MICRON_BAR")), values.get("SM_MICRON_MARKER")
    rounding = max(AGREEING, 0.75 / bar) if bar and bar > 0 else AGREEING
    by_bar = None
    if bar and bar > 0 and (length := in_units(marker, LENGTHS_UM)):
        by_bar = pixel_um(length / bar)
    magnification = number(values.get("CM_MAG"))
    by_photo = None
    if magnification and magnification > 0:
        by_photo = pixel_um(PHOTO_WIDTH_UM / magnification / columns)
    if not (bar and by_bar and by_photo and abs(by_photo / by_bar - 1) <= 0.75 / bar):
        by_photo = None
    return stated(
        (by_field, f"CM_FIELD_OF_VIEW of JEOL over {columns} columns"),
        (by_photo, "CM_MAG of JEOL, which the micron bar confirms"),
        (by_bar, f"the micron bar of JEOL ({marker} over {bar or 0:g} px)", rounding),
        (in_units(values.get("CM_PIXEL_SIZE"), LENGTHS_UM), "CM_PIXEL_SIZE of JEOL"),
    )


def _lines(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.splitlines():
        words = line.lstrip("$").split(maxsplit=1)
        if line.startswith("$") and words:
            found.setdefault(words[0], "".join(words[1:]).strip())
    return found
