"""What the web map colours and filters crystals by: columns, their colours and ranges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from napari_olivine.catalogue.web.data_scripts import plain_column, plain_number
from napari_olivine.crystals import (
    CLASS,
    CLASS_COLOURS,
    CLASS_TITLES,
    KIND_COLUMNS,
    PALETTE,
    ROBUST,
    VERDICT_COLOURS,
    ZONE_COLOURS,
    ZONE_TITLES,
    crystal_classes,
    kind_colours,
)

NO_COLOUR = "#9a9a9a"
"""Colour of crystals without a value."""

TEXTS = {
    "zone_class": ("Radial profile", ZONE_COLOURS, ZONE_TITLES),
    "kind": ("Kind, given", {}, {}),
    "recognised_kind": ("Kind, recognised", {}, {}),
    "verdict": ("Review", VERDICT_COLOURS, {}),
    "session": ("Session", {}, {}),
}
"""Columns of text: title, colours, words of their values."""


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers: title, unit, decimals worth telling, how its scale runs."""

    title: str
    unit: str
    decimals: int
    logarithmic: bool = False


NUMBERS = {
    "area_um2": NumberColumn("Area", "µm²", 1, True),
    "equivalent_diameter_um": NumberColumn("Diameter of equal area", "µm", 2, True),
    "mg_mean": NumberColumn("mg#, mean", "", 4),
    "mg_core": NumberColumn("mg#, core", "", 4),
    "mg_rim": NumberColumn("mg#, rim", "", 4),
    "mg_difference": NumberColumn("mg#, core less rim", "", 4),
    "time_days": NumberColumn("Diffusion time", "days", 2, True),
    "aspect_ratio": NumberColumn("Aspect ratio", "", 2),
    "recognised_probability": NumberColumn("Kind, probability", "", 3),
    "mean_probability": NumberColumn("Probability of the phase", "", 3),
}
"""Columns of numbers that crystals can be coloured and filtered by."""


def choices(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Describe the columns to colour and filter by, for the page.

    Parameters
    ----------
    table
        Crystals of the page.

    Returns
    -------
    list of dict
        ``name, title, kind`` of each; of texts ``values`` (title and colour of each) and
        ``codes`` (the place of each crystal's value, -1 for none); of numbers ``unit``, ``log``,
        ``low`` and ``high`` of the colour scale, and ``numbers``.
    """
    found = [_class_choice(table)]
    for name, (title, colours, words) in TEXTS.items():
        if name in table and (table[name].astype("object").fillna("") != "").any():
            own = kind_colours(table) if name in KIND_COLUMNS else colours
            found.append(_text_choice(table[name], name, title, own, words))
    for name, column in NUMBERS.items():
        if name in table and np.isfinite(table[name].to_numpy(np.float64)).any():
            found.append(_number_choice(table[name], name, column))
    return found


def _class_choice(table: pd.DataFrame) -> dict[str, Any]:
    return _text_choice(crystal_classes(table), CLASS, "Class", CLASS_COLOURS, CLASS_TITLES)


def _text_choice(
    column: pd.Series, name: str, title: str, colours: dict[str, str], words: dict[str, str]
) -> dict[str, Any]:
    texts = column.astype("object").fillna("").astype(str)
    there = [str(text) for text in texts.value_counts().index if text]
    values = [text for text in colours if text in there]
    values += [text for text in there if text not in colours]
    spare = iter(PALETTE)
    shown = [(words.get(v, v), colours.get(v) or next(spare, NO_COLOUR)) for v in values]
    place = {text: code for code, text in enumerate(values)}
    codes = [place.get(text, -1) for text in texts]
    return {"name": name, "title": title, "kind": "text", "values": shown, "codes": codes}


def _number_choice(column: pd.Series, name: str, told: NumberColumn) -> dict[str, Any]:
    numbers = column.to_numpy(np.float64)
    known = numbers[np.isfinite(numbers) & ((numbers > 0) | (not told.logarithmic))]
    low, high = np.percentile(known, ROBUST) if known.size else (0.0, 1.0)
    return {
        "name": name, "title": told.title, "kind": "number", "unit": told.unit,
        "log": told.logarithmic, "decimals": told.decimals,
        "low": plain_number(low, 6), "high": plain_number(high, 6),
        "numbers": plain_column(column, told.decimals),
    }  # fmt: skip
