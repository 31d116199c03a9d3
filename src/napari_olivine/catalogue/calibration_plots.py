"""Plots of the calibration: grey against mg#, and measured against predicted traverses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_olivine.catalogue.plots import figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

USES = {"calibrate": ("#0072B2", "o"), "test": ("#D55E00", "^")}
"""Colour and mark of calibration and test points."""

SESSIONS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Colours of sessions in turn (Okabe and Ito's palette)."""


def plot_calibration(profiles: pd.DataFrame, file: Path) -> None:
    """Grey and mg# by session, and predicted against measured mg# by use."""
    good = profiles[profiles["good"] & profiles["mg_predicted"].notna()]
    with figure(file, 9.0, 4.2) as drawn:
        left, right = drawn.subplots(1, 2)
        for place, session in enumerate(sorted(good["session"].unique())):
            points = good[good["session"] == session]
            label = f"session {session}" if session else "no session"
            colour = SESSIONS[place % len(SESSIONS)]
            _scatter(left, points, ("grey_filtered", "mg_epma"), colour, "o", label)
        left.set(xlabel="BSE grey", ylabel="mg# (microprobe)", title="Grey and composition")
        _one_to_one(good, right)
        for axes in (left, right):
            if axes.get_legend_handles_labels()[0]:
                axes.legend(fontsize=8)


def _one_to_one(good: pd.DataFrame, axes: Axes) -> None:
    for use, (colour, mark) in USES.items():
        points = good[good["use"] == use]
        if len(points):
            rmse = np.sqrt(np.mean((points["mg_predicted"] - points["mg_epma"]) ** 2))
            label = f"{use}: {len(points)} points, RMSE {rmse:.4f}"
            _scatter(axes, points, ("mg_epma", "mg_predicted"), colour, mark, label)
    if len(good):
        both = good[["mg_epma", "mg_predicted"]].to_numpy()
        ends = [both.min() - 0.005, both.max() + 0.005]
        axes.plot(ends, ends, color="0.3", lw=0.8)
        axes.set(xlim=ends, ylim=ends)
        axes.locator_params(nbins=6)
    axes.set_aspect("equal", adjustable="box")
    axes.set(xlabel="mg# (microprobe)", ylabel="mg# (from BSE)", title="Predicted and measured")


def _scatter(
    axes: Axes, points: pd.DataFrame, columns: tuple[str, str], colour: str, mark: str, label: str
) -> None:
    x, y = (points[name] for name in columns)
    axes.plot(x, y, ls="", marker=mark, ms=3, mfc=colour, mec="none", alpha=0.7, label=label)


def plot_traverses(profiles: pd.DataFrame, file: Path) -> None:
    """Measured and predicted mg# along each traverse."""
    lines = profiles[profiles["kind"] == "line"] if "kind" in profiles else profiles
    names = lines["profile"].drop_duplicates().tolist()
    columns = min(3, max(1, len(names)))
    rows = max(1, -(-len(names) // columns))
    with figure(file, 3.4 * columns, 2.1 * rows + 0.7) as drawn:
        panels = drawn.subplots(rows, columns, squeeze=False, sharey=True)
        for panel, name in zip(panels.flat, names, strict=False):
            _traverse(lines[lines["profile"] == name], str(name), panel)
        for panel in panels.flat[len(names) :]:
            panel.set_axis_off()
        if names:
            drawn.supxlabel("Distance (µm)", fontsize=9)
            drawn.supylabel("mg#", fontsize=9)
            entries: dict[str, Any] = {}
            for panel in panels.flat:
                handles, words = panel.get_legend_handles_labels()
                entries |= dict(zip(words, handles, strict=True))
            drawn.legend(
                entries.values(), entries.keys(), loc="outside upper center", ncols=4, fontsize=8
            )


def _traverse(points: pd.DataFrame, name: str, axes: Axes) -> None:
    good = points[points["good"]]
    distance = points["distance_um"].to_numpy(float)
    predicted = points["mg_predicted"].to_numpy(float)
    axes.plot(
        good["distance_um"], good["mg_epma"], ls="", marker="o", ms=2.5, color="0.2",
        label="microprobe",
    )  # fmt: skip
    use = str(points["use"].iloc[0])
    colour = USES.get(use, ("#009E73", ""))[0]
    if "mg_sigma" in points:
        sigma = points["mg_sigma"].to_numpy(float)
        axes.fill_between(
            distance, predicted - sigma, predicted + sigma, color=colour, alpha=0.25, lw=0
        )
    axes.plot(distance, predicted, color=colour, lw=1.2, label=f"from BSE, {use} profile, ± 1 s.e.")
    error = (good["mg_predicted"] - good["mg_epma"]).dropna()
    rmse = f", RMSE {np.sqrt(np.mean(error**2)):.4f}" if len(error) else ""
    axes.set_title(f"{name} ({use}{rmse})", fontsize=8, fontweight="normal")
