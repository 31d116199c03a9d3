"""The histogram of mg# of the selected crystal, made in a background thread."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_olivine.crystals.measure import exact_distance
from napari_olivine.section import Raster, Section
from napari_olivine.widgets.common import Axis, Background, Curve, Plot, wrapped
from napari_olivine.widgets.crystals.radial_part import PLOT_HEIGHT

LARGEST_PX = 4_000_000
"""Pixels of a crystal's box that are read at full resolution; larger ones at a coarser level."""

BINS = (10, 60)
"""Fewest and most bars."""

TAILS = (0.3, 99.7)
"""Percentiles at which the histogram ends (ours)."""

PIXELS, CORE, RIM = "#9aa4b2", "#009E73", "#E69F00"


@dataclass(frozen=True)
class Histogram:
    """mg# of the pixels of a crystal inside its border.

    Parameters
    ----------
    edges
        Edges of the bars, shape (bars + 1,), mg# as a fraction.
    percent
        Percentage of the pixels in each bar, shape (bars,).
    pixels
        Number of pixels, of the level that was read.
    level
        Level of the pyramid; above 0 each value is a mean of 4^level pixels.
    """

    edges: NDArray[np.float64]
    percent: NDArray[np.float64]
    pixels: int
    level: int


def mg_histogram(
    labels: Raster, mg: Raster, record: dict[str, Any], border_px: float
) -> Histogram | None:
    """Make the histogram of mg# of a crystal's pixels inside its border.

    Parameters
    ----------
    labels, mg
        Crystals and mg# (NaN where unknown).
    record
        Row of the crystal's table: id and box.
    border_px
        Pixels at most this far from the outer outline are left out, as in its core and rim.

    Returns
    -------
    Histogram or None
        None where no pixel is left. Bars are 2 IQR / n^(1/3) wide, but 10 to 60 in number.

    References
    ----------
    Freedman and Diaconis (1981), doi 10.1007/BF01025868: width of the bars.
    """
    row0, row1, col0, col1 = (int(record[name]) for name in ("row0", "row1", "col0", "col1"))
    level = 0
    while (row1 - row0) * (col1 - col0) >> 2 * level > LARGEST_PX and level + 1 < len(mg.levels):
        level += 1
    step = 2**level
    window = (slice(row0 // step, -(-row1 // step)), slice(col0 // step, -(-col1 // step)))
    inside = np.pad(labels.read(*window, level) == int(record["id"]), 1)
    values = np.pad(mg.read(*window, level), 1, constant_values=np.nan)
    distance = exact_distance(_filled(inside))
    found = values[inside & (distance > border_px / step) & np.isfinite(values)].astype(np.float64)
    if not found.size:
        return None
    low, lower, upper, high = np.percentile(found, (TAILS[0], 25, 75, TAILS[1]))
    width = 2 * (upper - lower) / found.size ** (1 / 3)
    bars = int(np.clip((high - low) / width, *BINS)) if width > 0 else BINS[0]
    if not high > low:
        low, high = low - 5e-4, high + 5e-4
    counts, edges = np.histogram(found, bars, (low, high))
    return Histogram(edges, 100 * counts / found.size, int(found.size), level)


def _filled(inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Fill the holes of a crystal: its border lies along its outer outline only."""
    import cv2

    mask = inside.astype(np.uint8)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(mask, outlines, -1, 1, cv2.FILLED)
    return mask


class HistogramPart(QWidget):
    """Histogram of one crystal, its medians of core and rim marked."""

    def __init__(self) -> None:
        super().__init__()
        self.plot = Plot(Axis("mg#"), Axis("% of pixels"))
        self.plot.setFixedHeight(PLOT_HEIGHT)
        self.about = wrapped()
        self.about.setToolTip("Pixels inside the border; lines mark the medians of core and rim")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.plot)
        column.addWidget(self.about)
        self.crystal = 0
        """Crystal of the histogram that is drawn."""
        self._background = Background()
        self._background.done.connect(self._on_done)
        self._wanted: tuple[int, float, float] | None = None
        self._rasters: tuple[Raster, Raster, float] | None = None
        self.hide()

    def set_section(self, section: Section | None) -> None:
        """Open the images of a section, again if it is the same."""
        self._background.want([])
        self._rasters, self._wanted = None, None
        if section is None or section.product("mg") is None:
            return
        crystals = section.product("crystals")
        if crystals is not None:
            border = float(crystals.recipe.settings.get("border_px", 0))
            labels = section.raster("crystals", "crystals")
            self._rasters = labels, section.raster("mg", "mg"), border

    def show_crystal(self, record: dict[str, Any] | None) -> None:
        """Show a crystal by its row of the table; nothing where its mg# is unknown."""
        known = record is not None and bool(np.isfinite(record.get("mg_mean", np.nan)))
        self.setVisible(known and self._rasters is not None)
        if record is None or not known or self._rasters is None:
            self._wanted = None
            self._background.want([])
            return
        labels, mg, border = self._rasters
        core, rim = (float(record.get(name, np.nan)) for name in ("mg_core", "mg_rim"))
        name = self._wanted = int(record["id"]), core, rim
        self._background.want([(name, lambda: mg_histogram(labels, mg, record, border))])

    def stop(self) -> None:
        """Stop making the histogram."""
        self._background.stop()

    def _on_done(self, name: Hashable, found: Histogram | None) -> None:
        if self._wanted is None or _unlike(name, self._wanted):
            return
        crystal, core, rim = self._wanted
        self.crystal = crystal
        self.setVisible(found is not None)
        if found is None:
            return
        x = np.repeat(found.edges, 2)
        y = np.concatenate([[0], np.repeat(found.percent, 2), [0]])
        top = float(found.percent.max()) * 1.05
        marks = [
            Curve(words, [value, value], [0, top], colour)
            for words, value, colour in (("core", core, CORE), ("rim", rim, RIM))
            if np.isfinite(value)
        ]
        self.plot.sides["left"].limits = (0.0, top)
        self.plot.show_curves([Curve("", x, y, PIXELS), *marks])
        what = f"means of {4**found.level} pixels" if found.level else "pixels"
        self.about.setText(f"{found.pixels:,} {what}")


def _unlike(name: Hashable, wanted: tuple[int, float, float]) -> bool:
    return not (isinstance(name, tuple) and np.array_equal(name, wanted, equal_nan=True))
