"""Summary plots of the crystals.

Leichter et al. (2022) is doi 10.3389/feart.2022.740638.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_olivine.catalogue.drawing import overview_level
from napari_olivine.catalogue.histograms import BINS, MgHistogram
from napari_olivine.crystals import (
    CLASS_COLOURS,
    CLASS_TITLES,
    class_codes,
    counted,
    crystal_classes,
    phase_of_product,
    rgb,
)
from napari_olivine.section import Section

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LONGEST_PX = 3000
"""Longer side of the overview's image, at most."""

STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "legend.frameon": False,
    "savefig.dpi": 200,
}


@contextmanager
def figure(file: Path, width: float, height: float) -> Iterator[Figure]:
    """Yield a figure and write it to a PNG when the block ends; no window is needed.

    Parameters
    ----------
    file
        PNG to write.
    width, height
        Inches.

    Returns
    -------
    iterator of matplotlib.figure.Figure
        For a ``with`` statement.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        drawn = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(drawn)
        yield drawn
        drawn.savefig(file)


def plot_overview(section: Section, product: str, table: pd.DataFrame, file: Path) -> None:
    """Draw a map of the section with each crystal in the colour of its class.

    Parameters
    ----------
    section
        Section with the crystals.
    product
        Product that holds them.
    table
        Crystals and their classes.
    file
        PNG to write.
    """
    from matplotlib.patches import Patch

    labels = section.raster(product, "crystals")
    of = "" if product == "crystals" else f" of {phase_of_product(product)}"
    level = overview_level(labels, LONGEST_PX)
    codes = class_codes(table)[labels.read(slice(0, None), slice(0, None), level)]
    image = _backdrop(section, level, codes.shape)
    colours = np.array([(0, 0, 0), *(rgb(name) for name in CLASS_COLOURS)], np.float32)
    on = codes > 0
    image[on] = 0.25 * image[on] + 0.75 * colours[codes[on]]
    height_mm, width_mm = (side * section.pixel_size_um / 1000 for side in section.shape)
    classes = crystal_classes(counted(table)).value_counts()
    width = 11.0 if width_mm >= height_mm else 8.0
    tall = min(max(0.93 * width * height_mm / width_mm, 2.0), 14.0) + 1.3
    with figure(file, width, tall) as drawn:
        axes = drawn.add_subplot()
        axes.imshow(image.astype(np.uint8), extent=(0, width_mm, height_mm, 0))
        axes.set(xlabel="x (mm)", ylabel="y (mm)", title=f"Crystals{of} in {section.record.name}")
        axes.spines[:].set_visible(True)
        _draw_sessions(section, axes)
        handles = [
            Patch(color=CLASS_COLOURS[name], label=f"{CLASS_TITLES[name]} ({classes[name]})")
            for name in CLASS_COLOURS
            if name in classes
        ]
        if handles:
            drawn.legend(handles=handles, loc="outside lower center", ncols=3)


def plot_sizes(table: pd.DataFrame, bounds_um2: tuple[float, float], file: Path) -> None:
    """Draw the histogram of the crystals' areas, stacked by class (Leichter et al. 2022, Fig. 11).

    Parameters
    ----------
    table
        Crystals and their classes.
    bounds_um2
        Areas between the size classes.
    file
        PNG to write.
    """
    from matplotlib.ticker import MaxNLocator

    with figure(file, 6.5, 4.2) as drawn:
        axes = drawn.add_subplot()
        names = [n for n in CLASS_COLOURS if (crystal_classes(table) == n).any()]
        if names:
            areas = np.log10(table["area_um2"].to_numpy(float))
            edges = np.arange(np.floor(areas.min() * 10), np.ceil(areas.max() * 10) + 2) / 10
            axes.hist(
                [areas[(crystal_classes(table) == name).to_numpy()] for name in names],
                bins=edges.tolist(),
                stacked=True,
                color=[CLASS_COLOURS[name] for name in names],
                label=[CLASS_TITLES[name] for name in names],
                edgecolor="white",
                linewidth=0.4,
            )
            for bound in bounds_um2:
                axes.axvline(np.log10(bound), color="0.4", ls="--", lw=0.8)
            powers = np.arange(np.floor(edges[0]), np.ceil(edges[-1]) + 1)
            axes.set_xticks(powers, [f"$10^{{{power:.0f}}}$" for power in powers])
            axes.set_xlim(edges[0] - 0.1, edges[-1] + 0.1)
            axes.yaxis.set_major_locator(MaxNLocator(integer=True))  # no quarters of a crystal
            axes.legend(fontsize=8, frameon=True, edgecolor="none", framealpha=0.9)
        else:
            _say_empty(axes, "no crystals")
        axes.set(xlabel="Area (µm²)", ylabel="Crystals", title="Crystal sizes")


def plot_mg(histogram: MgHistogram, table: pd.DataFrame, file: Path) -> None:
    """Draw the histograms of the pixels' mg# by class (Leichter et al. 2022, Fig. 12).

    Parameters
    ----------
    histogram
        Pixels by class and mg#.
    table
        Crystals and their classes.
    file
        PNG to write.
    """
    names = [name for name in CLASS_COLOURS if histogram.of(name).any()]
    counts = crystal_classes(table).value_counts()
    low, high = histogram.range(names, 0.5)
    with figure(file, 6.5, 1.0 + 1.25 * max(len(names), 2)) as drawn:
        if not names:
            axes = drawn.add_subplot()
            _say_empty(axes, "no mg#")
            return
        panels = drawn.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
        width = 5  # bins drawn together: 0.005 of mg#
        centres = (np.arange(0, BINS, width) + width / 2) / BINS
        for panel, name in zip(panels, names, strict=True):
            pixels = histogram.of(name).reshape(-1, width).sum(axis=1)
            share = 100 * pixels / pixels.sum()
            panel.fill_between(centres, share, step="mid", color=CLASS_COLOURS[name], lw=0)
            panel.step(centres, share, where="mid", color="0.25", lw=0.5)
            panel.set_ylim(0)
            panel.set_title(f"{CLASS_TITLES[name]} (n = {counts[name]})", loc="left")
        panels[-1].set(xlabel="mg#", xlim=(low - 0.01, high + 0.01))
        drawn.supylabel("Pixels (% of the class, per 0.005)", fontsize=9)


def _backdrop(section: Section, level: int, shape: tuple[int, ...]) -> Any:
    """BSE in pale grey behind the crystals."""
    if "BSE" not in section.record.signals:
        return np.full((*shape, 3), 235, np.float32)
    grey = section.raster("images", "BSE").read(slice(0, None), slice(0, None), level)
    low, high = np.percentile(grey, [1, 99])
    shown = 90 + 150 * np.clip((grey.astype(np.float32) - low) / max(high - low, 1), 0, 1)
    return np.repeat(shown[..., np.newaxis], 3, axis=2)


def _draw_sessions(section: Section, axes: Axes) -> None:
    """Frames of the sessions, where there is more than one."""
    sessions = section.measured_sessions() if section.fingerprint("annotations/sessions") else []
    if len(sessions) < 2:
        return
    from matplotlib.patches import Rectangle

    mm = section.pixel_size_um / 1000
    for session in sessions:
        corner = (session.col0 * mm, session.row0 * mm)
        sides = (session.col1 - session.col0) * mm, (session.row1 - session.row0) * mm
        axes.add_patch(Rectangle(corner, *sides, fill=False, ec="black", lw=0.8, ls=":"))
        axes.annotate(
            f"session {session.session}",
            corner,
            xytext=(4, -4),
            textcoords="offset points",
            va="top",
            fontsize=7,
            bbox={"fc": "white", "ec": "none", "alpha": 0.75, "pad": 1.5},
        )


def _say_empty(axes: Axes, words: str) -> None:
    axes.text(0.5, 0.5, words, ha="center", va="center", transform=axes.transAxes, color="0.4")
