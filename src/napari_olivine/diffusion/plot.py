"""A figure of a profile, its fit and its times."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_olivine.diffusion.fit import Fit
from napari_olivine.diffusion.profile import FoProfile
from napari_olivine.diffusion.times import Times

FIGURES = (".png", ".svg", ".pdf")


def plot_fit(profile: FoProfile, fit: Fit, times: Times, file: Path) -> None:
    """Draw points with their errors, the fitted curve, where the step was, and the times.

    Parameters
    ----------
    profile
        The points.
    fit
        The fit.
    times
        Its times.
    file
        PNG, SVG or PDF.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(1.6, 1))
    left.errorbar(
        profile.distance_um, 100 * profile.fo, 100 * fit.fo_se, fmt="o", ms=3, lw=0.8,
        color="#0072B2", label="measured",
    )  # fmt: skip
    left.plot(fit.x_um, 100 * fit.fo, color="#D55E00", label="fit")
    start = np.where(fit.x_um < fit.position_um, fit.left, fit.right)
    left.plot(fit.x_um, 100 * start, color="#666666", ls="--", lw=1, label="at first")
    left.set(xlabel="distance, um", ylabel="Fo, mol%")
    left.legend(frameon=False)
    logs = np.log10(times.draws)
    right.hist(logs, bins=60, color="#56B4E9")
    for value, style in (
        (times.low_days, ":"), (times.best_days, "-"), (times.high_days, ":"),
    ):  # fmt: skip
        right.axvline(np.log10(value), color="#D55E00", ls=style)
    ticks = np.arange(np.floor(logs.min()), np.ceil(logs.max()) + 1)
    right.set_xticks(ticks, [f"{10.0**tick:g}" for tick in ticks])
    right.set(xlabel="days", ylabel="draws")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=200)
