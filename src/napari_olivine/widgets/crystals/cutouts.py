"""Cut-outs of crystals for a contact sheet: BSE, BSE with the outline, or mg#."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_olivine.section import Raster, Section

Picture = Literal["BSE", "BSE with outline", "mg#"]

PICTURES: tuple[Picture, ...] = ("BSE with outline", "BSE", "mg#")

AROUND = 1.25
"""Side of a cut-out over that of the crystal's box."""

OUTLINE = (240, 228, 66)

CONTRAST = 0.6
"""Range of grey on each side of the crystal's own, as a part of it (ours): zoning is seen."""

LEAST_GREY = 0.12
"""Smallest range of grey, as a part of the largest value: noise does not become zoning (ours)."""


@dataclass(frozen=True)
class Sources:
    """Images of a section that cut-outs are made of; `None` where there is none."""

    labels: Raster
    grey: Raster | None
    mg: Raster | None
    mg_limits: tuple[float, float] = (0.0, 1.0)
    """mg# at the ends of its colours, the same for all crystals."""

    @classmethod
    def of(cls, section: Section, product: str = "crystals") -> Sources:
        """Open the images of a section that has the crystals of a product."""
        from napari_olivine.widgets.layers import contrast_limits

        grey = section.raster("images", "BSE") if "BSE" in section.record.signals else None
        has_mg = product == "crystals" and section.product("mg") is not None
        mg = section.raster("mg", "mg") if has_mg else None
        limits = contrast_limits(mg, (1.0, 99.0)) if mg is not None else (0.0, 1.0)
        return cls(section.raster(product, "crystals"), grey, mg, limits)


def cut_out(
    sources: Sources, record: dict[str, Any], picture: Picture, side: int, field_px: float
) -> NDArray[np.uint8]:
    """Cut out one crystal, centred on its box.

    Parameters
    ----------
    sources
        Images of the section.
    record
        Row of the crystal's table: id and box.
    picture
        Kind of picture; mg# is drawn in viridis inside the crystal, over dim grey.
    side
        Rows and columns of the cut-out.
    field_px
        Side of its field of view, pixels at full resolution.

    Returns
    -------
    uint8 array, shape (side, side, 3)
        Grey is stretched to the crystal's own range; black beyond the section.
    """
    import cv2

    level = 0
    while field_px / 2 ** (level + 1) >= side and level + 1 < len(sources.labels.levels):
        level += 1
    step = 2**level
    centre = [(int(record[f"{k}0"]) + int(record[f"{k}1"])) / 2 / step for k in ("row", "col")]
    size = max(round(field_px / step), 2)
    first = [round(middle - size / 2) for middle in centre]

    def read(raster: Raster) -> NDArray[Any]:
        window = [slice(max(k, 0), max(k + size, 0)) for k in first]
        found = raster.read(window[0], window[1], level)
        edges = [
            (cut.start - k, size - (cut.start - k) - length)
            for cut, k, length in zip(window, first, found.shape, strict=True)
        ]
        return np.pad(found, edges)

    def fit(image: NDArray[Any]) -> NDArray[np.float32]:
        way = cv2.INTER_AREA if size > side else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(image.astype(np.float32), (side, side), interpolation=way))

    labels = read(sources.labels)
    inside = labels == int(record["id"])
    shown = fit(inside) >= 0.5
    if sources.grey is None:
        grey = np.where(fit(labels > 0) >= 0.5, 90.0, 20.0)
    else:
        grey = fit(stretch(read(sources.grey), inside))
    rgb = np.repeat(grey[..., np.newaxis], 3, axis=2)
    if picture == "mg#" and sources.mg is not None:
        mg = read(sources.mg)
        known = inside & np.isfinite(mg)
        share = fit(known)
        value = fit(np.where(known, mg, 0)) / np.maximum(share, 1e-6)
        painted = share >= 0.5
        rgb *= 0.4
        rgb[painted] = _viridis(value[painted], *sources.mg_limits)
    elif picture == "BSE with outline":
        ring = cv2.morphologyEx(
            np.pad(shown.astype(np.uint8), 1), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)
        )[1:-1, 1:-1]
        rgb[ring > 0] = OUTLINE
    return np.clip(rgb, 0, 255).astype(np.uint8)


def field_of(record: dict[str, Any]) -> float:
    """Side of a cut-out that shows a crystal and a margin, px at full resolution."""
    rows = int(record["row1"]) - int(record["row0"])
    columns = int(record["col1"]) - int(record["col0"])
    return max(rows, columns) * AROUND + 4


def stretch(grey: NDArray[Any], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Stretch grey to 0-255 so that the inside of a crystal has contrast.

    Parameters
    ----------
    grey
        Image, shape (rows, columns).
    inside
        Pixels of the crystal.
    """
    values = grey[inside] if inside.any() else grey
    low, high = (float(v) for v in np.percentile(values, (5, 95)))
    largest = float(np.iinfo(grey.dtype).max) if grey.dtype.kind == "u" else float(grey.max())
    extra = max(CONTRAST * (high - low), (LEAST_GREY * largest - (high - low)) / 2)
    low, high = low - extra, high + extra
    found = (grey.astype(np.float32) - low) * (255 / max(high - low, 1e-6))
    return np.asarray(np.clip(found, 0, 255), np.float32)


def _viridis(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    from napari.utils.colormaps import AVAILABLE_COLORMAPS

    colours = AVAILABLE_COLORMAPS["viridis"].colors[:, :3] * 255
    places = (values - low) / max(high - low, 1e-9) * len(colours)
    return np.asarray(colours[np.clip(places, 0, len(colours) - 1).astype(np.intp)], np.float32)


def scale_bar_um(field_um: float) -> float:
    """Length of a scale bar: the largest of 1, 2, 5, 10 ... um within 40 % of a picture's side."""
    power = 10.0 ** np.floor(np.log10(0.4 * field_um))
    return float(max(step * power for step in (1, 2, 5) if step * power <= 0.4 * field_um * 1.0001))
