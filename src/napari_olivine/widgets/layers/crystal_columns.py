"""The columns of the crystal table as a person reads them: titles, formats, explanations."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals import REVIEW


@dataclass(frozen=True)
class Column:
    """One column of the table.

    Parameters
    ----------
    name
        In the table of crystals, and in the filter.
    title
        At its head, with its unit.
    pattern
        Format of a value.
    explanation
        What it holds.
    group
        Part of the menu of columns that it is in.
    scale
        How its values become colours: evenly, by their logarithm, on both sides of 0, or round
        a circle of 180 degrees.
    """

    name: str
    title: str
    pattern: str
    explanation: str
    group: str = "Other"
    scale: str = "even"


USUAL = (
    "id", "zoning_class", "unlike", "verdict", "kind", "recognised_kind",
    "mg_difference", "area_um2", "size_class",
    "zone_class", "zone_probability", "mg_core", "mg_rim", "mg_mean", "core_rim_ratio",
    "mean_probability", "habit", "aspect_ratio", "fragment", "touches_edge", "region_share",
    "session", "x_um",
    "y_um",
)  # fmt: skip
"""Columns that are shown where nobody chose, in their order; all others follow."""

_TABLE = """
[Classes]
zoning_class | Zoning | {} | | Zoning class of a phenocryst
unlike | Unlike | {:.1f} | | How unlike its profile is to the chosen crystal's
size_class | Size | {} | | Size class
zone_class | Profile | {} | | Class of the radial profile
zone_probability | Sure | {:.2f} | | Probability of that class
habit | Habit | {} | | Habit
fragment | Broken | {} | | A fragment: zones end at a straight side
zone_second | Or | {} | | Next likely class of the radial profile
zone_because | Because | {} | | What decided its class
mantled | Mantled | {} | | A phenocryst with a mantle
off_centre | Off centre | {} | | The section cuts it off its centre
[Review]
verdict | Verdict | {} | | What the reviewer found: accepted or rejected
doubt | Doubt | {:.2f} | | How doubtful the crystal is, 0 to 1
reviewed_class | Class set | {} | | Class of the radial profile that a person set
kind | Kind | {} | | Kind that a person gave
recognised_kind | Recognised | {} | | Kind that a classifier recognised
recognised_probability | Sure of kind | {:.2f} | probability | Probability of that kind
corrected | Redrawn | {} | | A person changed the outline
note | Note | {} | | Note of the reviewer
reviewer | Reviewer | {} | | Who reviewed it
reviewed_at | Reviewed | {} | | When it was reviewed
[mg#]
mg_difference | Core - rim | {:+.3f} | signed | mg# of the core minus that of the rim
mg_core | mg# core | {:.3f} | | Median mg# of the core
mg_rim | mg# rim | {:.3f} | | Median mg# of the rim
mg_mean | mg# mean | {:.3f} | | Mean mg#
mg_core_se | ± core | {:.4f} | log | Standard error of mg# of the core
mg_rim_se | ± rim | {:.4f} | log | Standard error of mg# of the rim
mg_mantle | mg# mantle | {:.3f} | | mg# of the strongest mantle
mg_mantle_se | ± mantle | {:.4f} | log | Standard error of mg# of the mantle
mg_q05 | mg# 5 % | {:.3f} | | 5 % of its pixels have less mg#
mg_q25 | mg# 25 % | {:.3f} | | 25 % of its pixels have less mg#
mg_q50 | mg# median | {:.3f} | | Median mg#
mg_q75 | mg# 75 % | {:.3f} | | 75 % of its pixels have less mg#
mg_q95 | mg# 95 % | {:.3f} | | 95 % of its pixels have less mg#
mg_difference_se | ± core - rim | {:.4f} | log | Standard error of core - rim
mg_centre | mg# centre | {:.3f} | | mg# of the innermost eighth of the area
mg_outer | mg# outer | {:.3f} | | mg# of the outermost bin of the profile
centre_outer | Centre - outer | {:+.3f} | signed | mg# of the centre minus that of the outermost bin
centre_outer_se | ± centre - outer | {:.4f} | log | Its standard error, by bootstrap
[Zones]
zones | Zones | {:.0f} | | Parts of unlike mg# from rim to centre
extrema | Extrema | {:.0f} | | Mantles and bands
mantle_excess | Mantle excess | {:+.3f} | signed | mg# of the strongest mantle beyond both its sides
mantle_chord | Mantle chord | {:+.3f} | signed | Its deviation from a line from rim to centre
mantle_depth_um | Mantle depth, µm | {:.0f} | | Depth of the strongest mantle below the outline
rim_width_um | Rim width, µm | {:.0f} | | Depth at which mg# is half-way to the plateau
rim_extent_um | Rim extent, µm | {:.0f} | | Depth at which the plateau begins
gradient_max_per_um | Gradient, /µm | {:.4f} | log | Steepest change of mg#
coherence | Coherence | {:.2f} | | Variance of mg# that depth explains
patchiness | Patchiness | {:.4f} | | Scatter of mg# at equal depth
asymmetry | Asymmetry | {:.4f} | | Largest difference of mg# between opposite halves
slenderness | Slenderness | {:.2f} | | Largest depth over the radius of an equal disc
core_gradient | Core gradient | {:.2f} | | Share of the change of mg# in the inner third
fragment_score | Broken, score | {:.2f} | | How strongly a straight side cuts zones, 0 to 1
p_unzoned | p unzoned | {:.2f} | | Probability: unzoned
p_quench_rim | p quench rim | {:.2f} | | Probability: unzoned with a quench rim
p_normal | p normal | {:.2f} | | Probability: normal zoning
p_reversed | p reversed | {:.2f} | | Probability: reversed zoning
p_mg_rich_mantle | p Mg mantle | {:.2f} | | Probability: mantle rich in Mg
p_fe_rich_mantle | p Fe mantle | {:.2f} | | Probability: mantle rich in Fe
p_oscillatory | p oscillatory | {:.2f} | | Probability: oscillatory zoning
p_patchy | p patchy | {:.2f} | | Probability: patchy zoning
[Size and shape]
area_um2 | Area, µm² | {:,.0f} | log | Area of its olivine pixels
aspect_ratio | Aspect | {:.2f} | | Major over minor axis
filled_area_um2 | Filled area, µm² | {:,.0f} | log | Area with its holes filled
equivalent_diameter_um | Diameter, µm | {:.0f} | log | Diameter of a disc of equal filled area
perimeter_um | Perimeter, µm | {:,.0f} | log | Length of its outline
major_axis_um | Major axis, µm | {:.0f} | log | Of the ellipse with equal moments
minor_axis_um | Minor axis, µm | {:.0f} | log | Of the ellipse with equal moments
long_axis_angle_deg | Axis angle, ° | {:.0f} | angle | Of the major axis, counter-clockwise from x
feret_max_um | Feret max, µm | {:.0f} | log | Largest caliper diameter
feret_max_angle_deg | Feret angle, ° | {:.0f} | angle | Of the largest caliper diameter
feret_min_um | Feret min, µm | {:.0f} | log | Smallest caliper diameter
box_length_um | Box length, µm | {:.0f} | log | Of the smallest rectangle round it
box_width_um | Box width, µm | {:.0f} | log | Of the smallest rectangle round it
hull_area_um2 | Hull, µm² | {:,.0f} | log | Area of its convex hull
circularity | Circularity | {:.2f} | | 4π area / perimeter², 1 for a disc
solidity | Solidity | {:.2f} | | Share of its convex hull
rounding | Rounding | {:.2f} | | 0 for straight faces, 1 for an ellipse
hole_fraction | Holes | {:.3f} | | Share of the filled crystal that is holes
crack_fraction | Cracks | {:.3f} | | Share of the filled crystal that is cracks
area_px | Area, px | {:,.0f} | log | Pixels of olivine
[Images]
core_rim_ratio | Grey ratio | {:.3f} | | Mean BSE grey of the core over that of the rim
mean_probability | Probability | {:.2f} | | Mean probability of olivine
agreement | Agreement | {:.2f} | | Share of it that a second opinion calls olivine
boundary_grey_step | Grey step | {:+.1f} | signed | BSE grey inside minus outside of the outline
boundary_contrast | Contrast | {:+.1f} | signed | That step in units of the noise
boundary_probability_step | Prob. step | {:+.2f} | | Probability inside minus outside of the outline
[Place]
id | Id | {:.0f} | | Number of the crystal
touches_edge | Cut | {} | | Cut by the edge of the section, or of the region of study
region_share | In region | {:.2f} | | Share inside the region of study; below 0.5 it does not count
session | Session | {} | | Analytical session
x_um | x, µm | {:.0f} | | Centre, from the left edge
y_um | y, µm | {:.0f} | | Centre, from the top edge
edge_contact | On the edge | {:.2f} | | Share of its outline on the section's edge
gap_contact | On gaps | {:.2f} | | Share of its outline on gaps of the mosaic
rock_area_um2 | Rock, µm² | {:,.0f} | | Area around it without vesicles and gaps
vesicle_fraction | Vesicles | {:.3f} | | Share of vesicles around it
seen_fraction | Seen | {:.2f} | | Share of its surroundings that was imaged
row0 | Row from | {:.0f} | | First row of its box, px
row1 | Row to | {:.0f} | | Row after its box, px
col0 | Column from | {:.0f} | | First column of its box, px
col1 | Column to | {:.0f} | | Column after its box, px
"""
"""Groups of the menu; in each: name, title, format, scale of its colours, explanation."""


def _read(table: str) -> dict[str, Column]:
    found, group = {}, ""
    for line in table.strip().splitlines():
        if line.startswith("["):
            group = line.strip("[]")
            continue
        name, title, pattern, scale, words = (part.strip() for part in line.split("|"))
        found[name] = Column(name, title, pattern, words, group, scale or "even")
    return {name: found[name] for name in (*USUAL, *found)}


KNOWN = _read(_TABLE)
"""Columns by name, in the order of the table."""

_GROUPS = list(dict.fromkeys(re.findall(r"^\[(.+)\]$", _TABLE, re.MULTILINE)))

VERBATIM = ("note", "reviewer", "reviewed_at", "zone_because")
"""Columns of text that is shown as it was written; other texts are names of classes."""


def column_of(name: str, values: NDArray[Any] | None = None) -> Column:
    """Describe a column, also one that this version does not know."""
    if name in KNOWN:
        return KNOWN[name]
    numbers = values is not None and values.dtype.kind in "iuf"
    title = name.replace("_", " ")
    return Column(name, title, "{:.4g}" if numbers else "{}", title.capitalize())


def place_in_menu(group: str) -> int:
    """Place of a group in the menu of columns, unknown ones last."""
    return _GROUPS.index(group) if group in _GROUPS else len(_GROUPS)


def ordered(names: list[str]) -> list[str]:
    """Put columns in the order of the table, unknown ones last."""
    return [name for name in KNOWN if name in names] + [n for n in names if n not in KNOWN]


def usual_of(table: pd.DataFrame) -> set[str]:
    """Columns that are shown where nobody chose; those of the review only once there is one."""
    empty = {
        name
        for name in REVIEW
        if name in table.columns and not table[name].astype("str").str.len().gt(0).any()
    }
    return set(USUAL) - empty


def text_of(value: Any, pattern: str) -> str:
    """Write a value for a person; empty where it is unknown or no."""
    if value is None or value is pd.NA:
        return ""
    if isinstance(value, (float, np.floating)) and np.isnan(value):
        return ""
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else ""
    text = pattern.format(value)
    return text.replace("_", " ") if isinstance(value, str) else text
