"""Colours of the crystals' labels by any column: a look-up by crystal, never pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals import (
    CLASS,
    CLASS_COLOURS,
    KIND_COLUMNS,
    PALETTE,
    ROBUST,
    VERDICT_COLOURS,
    ZONE_COLOURS,
    ZONE_TITLES,
    crystal_classes,
    kind_colours,
    left_out,
)
from napari_olivine.widgets.layers.crystal_columns import VERBATIM, column_of, ordered

UNKNOWN = "#808080"
"""Colour of crystals without a value."""

NEW = "#FFFFFF"
"""Colour of a crystal that an edit has just made, until the table follows."""

FAINT = "38"
"""Opacity of crystals that do not count (hexadecimal, of FF)."""

DIMMED = "1C"
"""Opacity of crystals that a filter leaves out."""

STEPS = 64
"""Colours of a scale: napari draws thousands of different ones twice as slowly."""

OWN: dict[str, dict[str, str]] = {
    CLASS: CLASS_COLOURS,
    "zoning_class": CLASS_COLOURS,
    "size_class": CLASS_COLOURS | {"phenocryst": "#D55E00"},
    "zone_class": ZONE_COLOURS,
    "reviewed_class": ZONE_COLOURS,
    "zone_second": ZONE_COLOURS,
    "verdict": VERDICT_COLOURS,
}
"""Columns whose values have colours of their own."""

EMPTY = {
    "verdict": "not reviewed", "zone_class": "no profile", "reviewed_class": "not set",
    "kind": "not given", "recognised_kind": "not recognised",
}  # fmt: skip
"""What it means that a column is empty."""

FIRST = (
    "zone_class", "verdict", "kind", "recognised_kind", "mg_core", "mg_rim", "mg_mean",
    "mg_difference", "area_um2", "doubt",
    "mean_probability", "zone_probability", "aspect_ratio", "long_axis_angle_deg",
)  # fmt: skip
"""Choices that come before the others."""

NO_COLOURS = (*VERBATIM, "id", "row0", "row1", "col0", "col1", "unlike")


@dataclass(frozen=True)
class Scale:
    """Numbers as colours, from `low` to `high`; what lies beyond has the colour of the end."""

    low: float
    high: float
    logarithmic: bool
    colours: tuple[str, ...]
    unknown: int
    """Crystals without a value."""


@dataclass(frozen=True)
class Colouring:
    """Colours of crystals, and what they mean.

    Parameters
    ----------
    colours
        Of each crystal, ``#RRGGBB`` or ``#RRGGBBAA``, shape (crystals,).
    legend
        Name, colour and number of crystals of each category, those that do not count apart.
    scale
        Of a column of numbers.
    """

    colours: NDArray[Any]
    legend: tuple[tuple[str, str, int], ...] = ()
    scale: Scale | None = None


def colour_choices(table: pd.DataFrame) -> list[str]:
    """Return the columns to colour by, those that are asked for most first."""
    names = [name for name in ordered(list(table.columns)) if name not in NO_COLOURS]
    there = [name for name in FIRST if name in names]
    has_class = "size_class" in table
    return [CLASS] * has_class + there + [name for name in names if name not in there]


def colour_by(table: pd.DataFrame, name: str = CLASS) -> Colouring:
    """Give each crystal a colour by a column.

    Parameters
    ----------
    table
        Table of crystals. Those that a person rejected, or that lie outside the region of study,
        become faint.
    name
        A column, or `CLASS`.

    Returns
    -------
    Colouring
        At most 64 colours for numbers, 10 for words.
    """
    faint = left_out(table).to_numpy(bool)
    if name == CLASS:
        found = _categories(crystal_classes(table), name, ~faint, OWN[name])
    elif pd.api.types.is_numeric_dtype(table[name]) and table[name].dtype != bool:
        found = _numbers(table[name].to_numpy(np.float64), column_of(name).scale)
    else:
        own = kind_colours(table) if name in KIND_COLUMNS else OWN.get(name, {})
        found = _categories(table[name], name, ~faint, own)
    colours = found.colours.copy()
    colours[faint] = [colour + FAINT for colour in colours[faint]]
    return Colouring(colours, found.legend, found.scale)


SURE = ((0.9, ""), (0.7, "B0"), (0.0, "60"))
"""Opacity of a recognised kind (hexadecimal, of FF) from each probability on."""


def colour_by_kind(table: pd.DataFrame) -> Colouring:
    """Give each crystal the colour of its kind: that which a person gave, else the recognised one.

    Parameters
    ----------
    table
        Table of crystals with the column ``kind``, and perhaps what was recognised.

    Returns
    -------
    Colouring
        Colours without a legend; the less sure a classifier is, the fainter they are. Crystals
        without any kind are faint and grey.
    """
    kinds = _words(table[KIND_COLUMNS[0]])
    sure = np.where(kinds != "", 1.0, 0.0)
    if KIND_COLUMNS[1] in table:
        kinds = kinds.where(kinds != "", _words(table[KIND_COLUMNS[1]]))
        probable = table["recognised_probability"].fillna(0.0).to_numpy(np.float64)
        sure = np.maximum(sure, probable)
    opacity = [next(mark for least, mark in SURE if one >= least) for one in sure]
    colours = kinds.map(kind_colours(table)).fillna(UNKNOWN).to_numpy(object) + np.array(
        opacity, object
    )
    return Colouring(colours)


def colour_map(table: pd.DataFrame, name: str = CLASS) -> Any:
    """Colours of a label layer, one look-up for all crystals."""
    return look_up(table["id"].to_numpy(), colour_by(table, name))


def look_up(ids: NDArray[Any], colouring: Colouring, shown: NDArray[np.bool_] | None = None) -> Any:
    """Make napari's look-up of colours by crystal id.

    Parameters
    ----------
    ids
        Of the crystals, shape (crystals,).
    colouring
        Their colours.
    shown
        Which of them a filter leaves as they are, the others are dimmed; all if not given.

    Returns
    -------
    napari.utils.colormaps.DirectLabelColormap
        Colours for the label layer.
    """
    from napari_olivine.widgets.layers.crystal_colormap import CrystalColormap

    codes, distinct = pd.factorize(colouring.colours)
    colours = distinct.tolist()
    if shown is not None and not shown.all():
        codes = np.where(shown, codes, codes + len(colours))
        colours += [colour[:7] + DIMMED for colour in colours]
    return CrystalColormap.of(ids, codes, colours, NEW)


# ---------------------------------------------------------------------- helpers


def _categories(
    column: pd.Series, name: str, counted: NDArray[np.bool_], own: dict[str, str]
) -> Colouring:
    texts = _words(column)
    counts = texts.value_counts()
    numbers = texts[counted].value_counts()
    named = [text for text in counts.index if text]
    if own:
        named = [text for text in own if text in counts.index]
    chosen = named if own else sorted(named[: len(PALETTE)])
    palette = {text: own.get(text, PALETTE[k % len(PALETTE)]) for k, text in enumerate(chosen)}
    colours = texts.map(palette).fillna(UNKNOWN).to_numpy(object)
    readable = ZONE_TITLES if own is ZONE_COLOURS else {"none": "unzoned"} if name in OWN else {}
    legend = [
        (readable.get(text, text.replace("_", " ")), colour, int(numbers[text]))
        for text, colour in palette.items()
        if text in numbers.index
    ]
    empty = int(numbers.get("", 0))
    others = int(counted.sum()) - empty - sum(count for _, _, count in legend)
    faint = int((~counted).sum())
    unknown = EMPTY.get(name, "unknown")
    rest = (("others", others), (unknown, empty), ("faint: do not count", faint))
    legend += [(words, UNKNOWN, count) for words, count in rest if count]
    return Colouring(colours, tuple(legend))


def _words(column: pd.Series) -> pd.Series:
    if column.dtype == bool:
        return column.map({True: "yes", False: "no"})
    return column.astype("object").where(column.notna(), "").astype(str)


def _numbers(values: NDArray[np.float64], kind: str) -> Colouring:
    logarithmic = kind == "log"
    with np.errstate(divide="ignore", invalid="ignore"):
        numbers = np.log10(values) if logarithmic else values
    known = np.isfinite(numbers)
    low, high = _limits(numbers[known], kind)
    span = high - low if high > low else 1.0
    place = np.zeros(len(numbers), np.intp)
    start = low if high > low else low - 0.5
    place[known] = np.clip((numbers[known] - start) / span * STEPS, 0, STEPS - 1).astype(np.intp)
    shades = ramp(kind)
    colours = np.array(shades, dtype=object)[place]
    colours[~known] = UNKNOWN
    ends = (10**low, 10**high) if logarithmic else (low, high)
    return Colouring(colours, (), Scale(*ends, logarithmic, shades, int((~known).sum())))


def _limits(numbers: NDArray[np.float64], kind: str) -> tuple[float, float]:
    if kind == "angle":
        return 0.0, 180.0
    if not numbers.size:
        return 0.0, 1.0 - (kind == "log")
    low, high = (float(v) for v in np.percentile(numbers, ROBUST))
    if kind == "signed":
        limit = max(abs(low), abs(high))
        return -limit, limit
    return low, high


RAMPS = {"angle": "twilight", "probability": "magma"}
"""Colours of numbers by their kind, viridis for all others."""


def ramp(kind: str) -> tuple[str, ...]:
    """Colours from low to high, evenly spaced to the eye."""
    from napari.utils.colormaps import AVAILABLE_COLORMAPS

    places = (np.arange(STEPS) + 0.5) / STEPS
    if kind == "signed":
        rgb = _diverging(places)
    else:
        rgb = AVAILABLE_COLORMAPS[RAMPS.get(kind, "viridis")].map(places)
    return tuple("#" + "".join(f"{round(255 * float(v)):02X}" for v in one[:3]) for one in rgb)


def _diverging(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Blue through pale yellow to orange, straight lines in CIELAB: reversed to normal zoning."""
    from skimage.color import lab2rgb, rgb2lab

    ends = np.array([[0, 114, 178], [255, 247, 188], [213, 94, 0]]) / 255
    lab = rgb2lab(ends[np.newaxis])[0]
    mixed = np.stack([np.interp(places, [0, 0.5, 1], lab[:, k]) for k in range(3)], axis=-1)
    return np.asarray(lab2rgb(mixed[np.newaxis])[0])
