"""Plots of a comparison, as SVG to be put into a page."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "svg.fonttype": "none",
}

FEWEST_PIXELS = 100
"""A bin of the reliability diagram with fewer is left out."""


def learning_chart(table: pd.DataFrame, groups: Sequence[str], by_time: bool) -> str:
    """Draw the IoU of olivine in validation while training went on.

    Parameters
    ----------
    table
        See `napari_olivine.comparison.tables.learning_table`, with the column ``group``.
    groups
        What is drawn, a colour each; a line a run.
    by_time
        Whether the budget was time.

    Returns
    -------
    str
        SVG.
    """
    with _chart("learning") as (axes, drawn):
        for colour, group in enumerate(groups):
            of_group = table[table["group"] == group] if len(table) else table
            for number, (_, run) in enumerate(of_group.groupby("run") if len(table) else ()):
                x = run["processor_s"] / 60 if by_time else run["step"]
                label = group if number == 0 else None
                axes.plot(x, run["val_iou"], "o-", ms=3, lw=1, color=f"C{colour}", label=label)
        axes.set(
            xlabel="Processor time (min)" if by_time else "Steps",
            ylabel="IoU of olivine in validation (at 0.5)", ylim=(0, 1),
        )  # fmt: skip
        _legend(axes)
    return drawn.getvalue()


def reliability_chart(table: pd.DataFrame, groups: Sequence[str]) -> str:
    """Draw how often pixels are olivine by the probability that networks gave.

    Parameters
    ----------
    table
        See `napari_olivine.comparison.tables.calibration_table`, of one role, with ``group``.
    groups
        What is drawn, a colour each; the seeds of a group together.

    Returns
    -------
    str
        SVG.
    """
    with _chart("reliability") as (axes, drawn):
        axes.plot([0, 1], [0, 1], color="0.6", lw=0.8, ls="--")
        for colour, group in enumerate(groups):
            bins = table[(table["group"] == group) & (table["pixels"] >= FEWEST_PIXELS)]
            weighed = bins.assign(
                p=bins["probability"] * bins["pixels"], s=bins["share"] * bins["pixels"]
            )
            sums = weighed.groupby("bin")[["p", "s", "pixels"]].sum()
            x, y = sums["p"] / sums["pixels"], sums["s"] / sums["pixels"]
            axes.plot(x, y, "o-", ms=3, lw=1, color=f"C{colour}", label=group)
        axes.set(
            xlabel="Mean probability of olivine", ylabel="Share that is olivine",
            xlim=(0, 1), ylim=(0, 1),
        )  # fmt: skip
        _legend(axes)
    return drawn.getvalue()


def sizes_chart(table: pd.DataFrame, groups: Sequence[str]) -> str:
    """Draw the share of the crystals that are found, by their size.

    Parameters
    ----------
    table
        See `napari_olivine.comparison.tables.sizes_table`, of all sessions of one role and one
        threshold, with ``group``.
    groups
        What is drawn, a colour each; the mean of the seeds.

    Returns
    -------
    str
        SVG.
    """
    with _chart("sizes") as (axes, drawn):
        there = [one for one in size_classes(table) if one.true]
        places = {one.from_um2: place for place, one in enumerate(there)}
        for colour, group in enumerate(groups):
            of_group = table[(table["group"] == group) & table["from_um2"].isin(places)]
            recall = of_group.groupby("from_um2")["recall"].mean()
            axes.plot(
                [places[low] for low in recall.index], recall, "o-", ms=4, lw=1,
                color=f"C{colour}", label=group,
            )  # fmt: skip
        labels = [one.name.replace(" ", "\n", 1) + f"\nn = {one.true}" for one in there]
        axes.set_xticks(list(places.values()), labels)
        axes.set(xlabel="Area (µm²)", ylabel="Crystals found", ylim=(0, 1.02))
        _legend(axes)
    return drawn.getvalue()


@dataclass(frozen=True)
class SizeClass:
    """A size class, and how many crystals the reference has in it."""

    from_um2: float
    name: str
    true: int


def size_classes(table: pd.DataFrame) -> list[SizeClass]:
    """Return the size classes of a table, the smallest first.

    Parameters
    ----------
    table
        See `napari_olivine.comparison.tables.sizes_table`, of one reference.
    """
    rows = table.drop_duplicates("from_um2").sort_values("from_um2")
    found = []
    for low, high, true in rows[["from_um2", "to_um2", "true"]].to_numpy(float).tolist():
        name = f"{low:g} and more" if math.isnan(high) else f"{low:g} to {high:g}"
        found.append(SizeClass(low, name, int(true)))
    return found


@contextmanager
def _chart(name: str) -> Iterator[tuple[Axes, io.StringIO]]:
    """Yield axes and the text that is their SVG when the block has ended."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    text = io.StringIO()
    # The salt keeps the names inside one picture apart from those of the next on the page.
    with matplotlib.rc_context(STYLE | {"svg.hashsalt": name}):
        figure = Figure(figsize=(6.4, 3.8), layout="constrained")
        FigureCanvasSVG(figure)
        yield figure.add_subplot(), text
        figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    text.seek(0)
    text.truncate()
    text.write(svg[svg.index("<svg") :])


def _legend(axes: Axes) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
