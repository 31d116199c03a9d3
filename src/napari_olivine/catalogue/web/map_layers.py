"""The images that the web map shows, and how each of them is drawn."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

from napari_olivine.catalogue import Exported, overview_level, viridis
from napari_olivine.catalogue.web.tiles import Picture, TileSource
from napari_olivine.crystals import OLIVINE
from napari_olivine.masks import UNKNOWN
from napari_olivine.section import Raster, Section

JPEG_QUALITY = 85
GREY_PERCENT = (0.2, 99.8)
"""Share of the pixels below the grey that is drawn black, and white."""

COUNTS_PERCENT = 99.5
"""Share of the pixels of an element map below what is drawn brightest."""

COMPOSITE = ("Fe", "Mg", "Ca", "Al", "Si", "Na", "K", "Ti", "Cr")
"""Elements of the composite, the first three that there are: red, green and blue."""

OVERVIEW_PX = 2000
"""Longer side of the level by which the greys are stretched, at most."""


@dataclass(frozen=True)
class MapLayer:
    """An image of the web map.

    Parameters
    ----------
    title
        Its name on the page.
    tiles
        What its pictures are made of.
    shown
        Whether it is on at first.
    legend
        Names and ``#rrggbb`` of what its colours mean.
    scale
        Ends of its colour scale, `None` where it has none.
    """

    title: str
    tiles: TileSource
    shown: bool = False
    legend: list[tuple[str, str]] = field(default_factory=list)
    scale: tuple[float, float] | None = None


def map_layers(
    section: Section, exported: Exported, mg_range: tuple[float, float]
) -> list[MapLayer]:
    """Choose the images: BSE, composite of elements, minerals, mg#, as the section has them.

    Parameters
    ----------
    section
        Section of the catalogue.
    exported
        What the catalogue is of.
    mg_range
        mg# at the ends of its colour scale.

    Returns
    -------
    list of MapLayer
        From the lowest to the uppermost.
    """
    layers = []
    signals = section.record.signals
    if "BSE" in signals:
        layers.append(_grey(section.raster("images", "BSE")))
    names = [name for name in COMPOSITE if name in signals][:3]
    if len(names) == 3:
        layers.append(_composite(names, tuple(section.raster("images", n) for n in names)))
    modes = section.require("mask").notes.get("modes") if "mask" in exported.there else None
    if modes:
        layers.append(_phases(section.raster("mask", "phases"), modes))
    if exported.phase == OLIVINE and "mg" in exported.there:
        layers.append(_mg(section.raster("mg", "mg"), mg_range))
    return layers


def _grey(image: Raster) -> MapLayer:
    low, high = np.percentile(_overview(image), GREY_PERCENT)
    stretch = _stretch(float(low), float(high))

    def render(windows: Sequence[NDArray[Any]]) -> Picture | None:
        return _jpeg(stretch(windows[0])) if windows[0].any() else None

    return MapLayer("BSE", TileSource("bse", (image,), render), shown=True)


def _composite(names: Sequence[str], images: tuple[Raster, ...]) -> MapLayer:
    stretches = []
    for image in images:
        counts = _overview(image)
        there = counts[counts > 0]
        high = np.percentile(there, COUNTS_PERCENT) if there.size else 1.0
        stretches.append(_stretch(0.0, float(high)))

    def render(windows: Sequence[NDArray[Any]]) -> Picture | None:
        if not any(window.any() for window in windows):
            return None  # no maps there
        drawn = [stretch(window) for stretch, window in zip(stretches, windows, strict=True)]
        return _jpeg(np.stack(drawn[::-1], axis=-1))  # OpenCV takes blue first

    legend = list(zip(names, ("#ff0000", "#00ff00", "#0000ff"), strict=True))
    return MapLayer(
        f"Elements ({', '.join(names)})", TileSource("elements", images, render), legend=legend
    )


def _phases(image: Raster, modes: Sequence[dict[str, Any]]) -> MapLayer:
    palette, known = np.zeros((256, 3), np.uint8), np.zeros(256, np.uint8)
    named = [mode for mode in modes if mode["code"] != UNKNOWN]
    for mode in named:
        code = int(mode["code"])
        palette[code], known[code] = ImageColor.getrgb(mode["colour"]), code

    def render(windows: Sequence[NDArray[Any]]) -> Picture | None:
        return _indexed(known[windows[0]], palette)

    legend = [(str(mode["name"]), str(mode["colour"])) for mode in named]
    return MapLayer("Minerals", TileSource("minerals", (image,), render), legend=legend)


def _mg(image: Raster, mg_range: tuple[float, float]) -> MapLayer:
    palette = np.concatenate([np.zeros((1, 3), np.uint8), viridis(255)])
    low, high = mg_range

    def render(windows: Sequence[NDArray[Any]]) -> Picture | None:
        there = np.isfinite(windows[0])
        if not there.any():
            return None
        place = (np.where(there, windows[0], low) - low) / max(high - low, 1e-9)
        index = 1 + np.clip(place * 255, 0, 254).astype(np.uint8)
        return _indexed(np.where(there, index, np.uint8(0)), palette)

    return MapLayer("mg#", TileSource("mg", (image,), render), scale=mg_range)


def _overview(image: Raster) -> NDArray[Any]:
    level = overview_level(image, OVERVIEW_PX)
    return image.read(slice(0, None), slice(0, None), level)


def _stretch(low: float, high: float) -> Callable[[NDArray[Any]], NDArray[np.uint8]]:
    factor = 255 / max(high - low, 1e-9)

    def stretch(window: NDArray[Any]) -> NDArray[np.uint8]:
        scaled = (window.astype(np.float32) - np.float32(low)) * np.float32(factor)
        return np.clip(scaled, 0, 255, out=scaled).astype(np.uint8)

    if (low, high) == (0.0, 255.0):
        return lambda window: np.asarray(window, np.uint8)
    return stretch


def _jpeg(picture: NDArray[np.uint8]) -> Picture:
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    return cv2.imencode(".jpg", picture, quality)[1].tobytes(), "jpg"


def _indexed(index: NDArray[np.uint8], palette: NDArray[np.uint8]) -> Picture | None:
    """Make a PNG with a palette, of which the first colour is transparent."""
    if not index.any():
        return None
    picture = Image.fromarray(index, "P")
    picture.putpalette(palette.tobytes())
    file = io.BytesIO()
    picture.save(file, "PNG", transparency=0, compress_level=3)
    return file.getvalue(), "png"
