"""An image of one crystal: BSE with its outline, and its mg# map, with scales."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from napari_olivine.catalogue.drawing import viridis
from napari_olivine.crystals import CLASS_TITLES, crystal_classes, rgb
from napari_olivine.job import Job
from napari_olivine.section import Raster, Section

PANEL_PX = 520
"""Longer side of a panel."""

EDGE_PX = 24
INK = (0, 0, 0)
OFF = (255, 255, 255)
"""Colour of the mg# panel off the crystal."""
UNKNOWN = (190, 190, 190)
"""Colour of pixels of the crystal without mg#."""


@dataclass(frozen=True)
class View:
    """Images of a crystal and its surroundings, all of one shape."""

    inside: NDArray[np.bool_]
    grey: NDArray[Any] | None
    mg: NDArray[np.float32] | None
    pixel_um: float


def write_cutouts(
    section: Section,
    product: str,
    table: pd.DataFrame,
    folder: Path,
    mg_range: tuple[float, float],
    margin_um: float,
    job: Job,
) -> None:
    """Write ``CLASS/crystal_000123.png`` of each phenocryst.

    Parameters
    ----------
    section
        Section with the crystals; BSE and, of olivine, mg# are drawn where there are any.
    product
        Product that holds them.
    table
        Crystals.
    folder
        Parent of the folders of the classes.
    mg_range
        mg# at the ends of the colour bar, the same for all so that they can be compared.
    margin_um
        Surroundings shown.
    job
        Running job.
    """
    large = table[table["size_class"] == "phenocryst"]
    names = crystal_classes(large)
    labels = section.raster(product, "crystals")
    grey = section.raster("images", "BSE") if "BSE" in section.record.signals else None
    has_mg = product == "crystals" and section.product("mg") is not None
    mg = section.raster("mg", "mg") if has_mg else None
    for done, (crystal, name) in enumerate(zip(large.to_dict("records"), names, strict=True)):
        job.progress(done, len(large), "Cutting out phenocrysts")
        view = _view(crystal, labels, grey, mg, margin_um)
        image = draw_crystal(view, crystal, str(name), mg_range)
        (folder / name).mkdir(parents=True, exist_ok=True)
        image.save(folder / name / f"crystal_{crystal['id']:06d}.png", compress_level=1)
    job.progress(len(large), len(large), "Cutting out phenocrysts")


def draw_crystal(
    view: View, crystal: dict[Any, Any], name: str, mg_range: tuple[float, float]
) -> Image.Image:
    """Draw one crystal.

    Parameters
    ----------
    view
        Images of the crystal and its surroundings.
    crystal
        Row of the table of crystals.
    name
        Class of the crystal.
    mg_range
        mg# at the ends of the colour bar.

    Returns
    -------
    PIL.Image.Image
        RGB image with panels, scale bar and colour bar.
    """
    rows, columns = view.inside.shape
    zoom = PANEL_PX / max(rows, columns)
    size = max(1, round(columns * zoom)), max(1, round(rows * zoom))
    panels = [_bse_panel(view, size, rgb(name))]
    titles = ["BSE"] if view.grey is not None else ["Outline"]
    if view.mg is not None:
        panels.append(_mg_panel(view, size, mg_range))
        titles.append("mg#")
    heading, facts = _words(crystal, name)
    needed = max(_width(heading, 22), _width(facts, 16)) + 2 * EDGE_PX
    wide = len(panels) * (size[0] + EDGE_PX) + EDGE_PX + (90 if view.mg is not None else 0)
    canvas = Image.new("RGB", (int(max(wide, needed)), size[1] + 160), OFF)
    draw = ImageDraw.Draw(canvas)
    draw.text((EDGE_PX, 14), heading, INK, _font(22))
    draw.text((EDGE_PX, 46), facts, INK, _font(16))
    top, left = 104, EDGE_PX
    for panel, title in zip(panels, titles, strict=True):
        draw.text((left, top - 24), title, INK, _font(16))
        canvas.paste(Image.fromarray(panel), (left, top))
        draw.rectangle((left - 1, top - 1, left + size[0], top + size[1]), outline=(120, 120, 120))
        left += size[0] + EDGE_PX
    if view.mg is not None:
        _colour_bar(draw, canvas, left, top, size[1], mg_range)
    _scale_bar(draw, EDGE_PX, top + size[1] + 14, zoom / view.pixel_um, size[0])
    return canvas


def _view(
    crystal: dict[Any, Any],
    labels: Raster,
    grey: Raster | None,
    mg: Raster | None,
    margin_um: float,
) -> View:
    """Read a crystal's surroundings, at the coarsest level that still fills a panel."""
    margin = round(margin_um / labels.pixel_size_um)
    row0, col0 = (max(0, crystal[side] - margin) for side in ("row0", "col0"))
    row1 = min(labels.shape[0], crystal["row1"] + margin)
    col1 = min(labels.shape[1], crystal["col1"] + margin)
    level = 0
    while max(row1 - row0, col1 - col0) >> (level + 1) >= PANEL_PX:
        level += 1
    level = min(level, len(labels.levels) - 1)
    window = slice(row0 >> level, -(-row1 >> level)), slice(col0 >> level, -(-col1 >> level))
    return View(
        labels.read(*window, level) == crystal["id"],
        None if grey is None else grey.read(*window, level),
        None if mg is None else mg.read(*window, level),
        labels.pixel_size_um * 2**level,
    )


def _bse_panel(
    view: View, size: tuple[int, int], colour: tuple[int, int, int]
) -> NDArray[np.uint8]:
    if view.grey is None:
        shown = np.full(view.inside.shape, 230, np.uint8)
    else:
        # Stretched to the crystal's own grey, so that its zoning shows.
        low, high = np.percentile(view.grey[view.inside], [1, 99]).astype(float)
        reach = 0.35 * max(high - low, 1.0)
        stretched = (view.grey - (low - reach)) / (high - low + 2 * reach)
        shown = (np.clip(stretched, 0, 1) * 255).astype(np.uint8)
    panel = cv2.cvtColor(_resize(shown, size), cv2.COLOR_GRAY2RGB)
    cv2.drawContours(panel, _outlines(view, size), -1, colour, 2, cv2.LINE_AA)
    return np.asarray(panel, np.uint8)


def _mg_panel(
    view: View, size: tuple[int, int], mg_range: tuple[float, float]
) -> NDArray[np.uint8]:
    assert view.mg is not None
    low, high = mg_range
    there = view.inside & np.isfinite(view.mg)
    place = np.clip((np.where(there, view.mg, low) - low) / (high - low), 0, 1)
    panel = viridis(256)[(place * 255).astype(np.uint8)]
    panel[~view.inside] = OFF
    panel[view.inside & ~there] = UNKNOWN
    shown = _resize(panel, size)
    cv2.drawContours(shown, _outlines(view, size), -1, (90, 90, 90), 1, cv2.LINE_AA)
    return shown


def _outlines(view: View, size: tuple[int, int]) -> Any:
    inside = cv2.resize(view.inside.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    return cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]


def _resize(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Shrink by averaging; enlarge without interpolation."""
    smaller = size[0] < image.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)


def _words(crystal: dict[Any, Any], name: str) -> tuple[str, str]:
    heading = f"Crystal {crystal['id']}   {CLASS_TITLES[name].replace('Phenocrysts', 'phenocryst')}"
    facts = [f"{crystal['area_um2']:,.0f} µm²".replace(",", " ")]
    facts.append(f"x {crystal['x_um']:.0f}, y {crystal['y_um']:.0f} µm")
    if np.isfinite(crystal.get("mg_core", np.nan)):
        facts.append(f"mg# core {crystal['mg_core']:.3f}, rim {crystal['mg_rim']:.3f}")
    if crystal.get("mantled", False):
        facts.append("mantled")
    if crystal["touches_edge"]:
        facts.append("cut by the edge")
    return heading, "   ".join(facts)


def _scale_bar(
    draw: ImageDraw.ImageDraw, left: int, top: int, px_per_um: float, width: int
) -> None:
    length_um = nice_length(0.4 * width / px_per_um)
    length = round(length_um * px_per_um)
    draw.rectangle((left, top, left + length, top + 5), fill=INK)
    draw.text((left + length + 8, top - 8), f"{length_um:g} µm", INK, _font(16))


def nice_length(longest: float) -> float:
    """Give the largest of 1, 2, 5, 10, 20, 50, ... that is not longer."""
    decade = 10 ** np.floor(np.log10(longest))
    return float(decade * max(step for step in (1, 2, 5) if step * decade <= longest * 1.0001))


def _colour_bar(
    draw: ImageDraw.ImageDraw,
    canvas: Image.Image,
    left: int,
    top: int,
    height: int,
    mg_range: tuple[float, float],
) -> None:
    bar = np.repeat(
        viridis(256)[np.linspace(255, 0, height).astype(np.uint8)][:, np.newaxis], 16, 1
    )
    canvas.paste(Image.fromarray(bar), (left, top))
    low, high = mg_range
    step = nice_length((high - low) / (4 if height > 240 else 2))
    for value in np.arange(np.ceil(low / step - 1e-6), np.floor(high / step + 1e-6) + 1) * step:
        y = top + round((high - value) / (high - low) * (height - 1))
        draw.line((left + 16, y, left + 21, y), INK)
        draw.text((left + 26, y), f"{value:.2f}", INK, _font(16), anchor="lm")
    draw.text((left, top - 24), "mg#", INK, _font(16))


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", size)


def _width(text: str, size: int) -> float:
    return float(_font(size).getlength(text))
