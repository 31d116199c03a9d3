"""One colour for each class of crystals, which colour-blind readers can distinguish too."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals.recognised import KIND, NONE_OF_THESE, RECOGNISED
from napari_olivine.crystals.table import counted

UNCLASSIFIED = "unclassified"
"""Phenocrysts without a zoning class, because they have no mg#."""

PHENOCRYST = "phenocryst"
"""Phenocrysts of other minerals than olivine, which have no zoning class."""

PHENOCRYSTS = ("normal", "reversed", "none", UNCLASSIFIED)
"""Classes of phenocrysts of olivine."""

CLASS_COLOURS = {
    "normal": "#D55E00",
    "reversed": "#0072B2",
    "none": "#009E73",
    UNCLASSIFIED: "#999999",
    PHENOCRYST: "#CC79A7",
    "microphenocryst": "#56B4E9",
    "microlite": "#F0E442",
}
"""Colour of each class in napari and in the catalogue (Okabe and Ito 2008)."""

CLASS_TITLES = {
    "normal": "Phenocrysts, normal zoning",
    "reversed": "Phenocrysts, reversed zoning",
    "none": "Phenocrysts, no zoning",
    UNCLASSIFIED: "Phenocrysts, unclassified",
    PHENOCRYST: "Phenocrysts",
    "microphenocryst": "Microphenocrysts",
    "microlite": "Microlites",
}


ZONE_TITLES = {
    "unzoned": "unzoned",
    "quench_rim": "unzoned with a quench rim",
    "normal": "normal zoning",
    "reversed": "reversed zoning",
    "mg_rich_mantle": "mantle rich in Mg",
    "fe_rich_mantle": "mantle rich in Fe",
    "oscillatory": "oscillatory zoning",
    "patchy": "patchy zoning",
}
"""Classes of radial profiles as a person reads them."""

PALETTE = (
    "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#EEEEEE",
)  # fmt: skip
"""Colours of categories, told apart by colour-blind readers (Okabe and Ito 2008)."""

ZONE_COLOURS = {
    "normal": "#D55E00", "reversed": "#0072B2", "unzoned": "#009E73", "quench_rim": "#56B4E9",
    "mg_rich_mantle": "#E69F00", "fe_rich_mantle": "#CC79A7", "oscillatory": "#F0E442",
    "patchy": "#EEEEEE",
}  # fmt: skip
"""Colours of the classes of radial profiles; those of the publication's classes are kept."""

VERDICT_COLOURS = {"accepted": "#009E73", "rejected": "#D55E00"}
"""Colours of what a person said of a crystal."""

CLASS = "class"
"""The class of a crystal as a column, which is none of the table but follows from two."""

ROBUST = (2.0, 98.0)
"""Percentiles at which a scale ends (ours): single outliers would leave one colour to the rest."""

KIND_COLUMNS = (KIND, RECOGNISED[0])
"""Columns of kinds: one kind has the same colour in both."""

NO_KIND_COLOUR = "#9A6324"
"""Colour of crystals that a classifier refuses, which no kind has."""


def crystal_classes(table: pd.DataFrame) -> pd.Series:
    """Class of each crystal: its zoning class for phenocrysts, else its size class.

    A table without zoning classes is of another mineral than olivine: its sizes are the classes.
    """
    size = table["size_class"].astype("str")
    if "zoning_class" not in table:
        return size
    zoning = table["zoning_class"].astype("str")
    zoning = zoning.where(zoning.isin(PHENOCRYSTS), UNCLASSIFIED)
    return zoning.where(size == "phenocryst", size)


def class_codes(table: pd.DataFrame) -> NDArray[np.uint8]:
    """Look-up from crystal id to the place of its class in `CLASS_COLOURS`, from 1.

    It is 0 for no crystal, and for those that a person rejected.
    """
    codes = np.zeros(int(table["id"].max()) + 1 if len(table) else 1, np.uint8)
    place = {name: k + 1 for k, name in enumerate(CLASS_COLOURS)}
    table = counted(table)
    codes[table["id"].to_numpy(np.int64)] = crystal_classes(table).map(place).to_numpy(np.uint8)
    return codes


def rgb(name: str) -> tuple[int, int, int]:
    """Red, green and blue (0-255) of a class."""
    text = CLASS_COLOURS[name]
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def kind_colours(table: pd.DataFrame) -> dict[str, str]:
    """Give the most frequent kinds of a table a colour each.

    Parameters
    ----------
    table
        Table of crystals, with one or both of `KIND_COLUMNS`.

    Returns
    -------
    dict
        Colour by kind, sorted, "none of these" last.
    """
    columns = [
        table[name].astype("object").fillna("").astype(str)
        for name in KIND_COLUMNS
        if name in table
    ]
    counts = pd.concat(columns).value_counts().drop(["", NONE_OF_THESE], errors="ignore")
    names = sorted(str(name) for name in counts.index[: len(PALETTE)])
    return dict(zip(names, PALETTE, strict=False)) | {NONE_OF_THESE: NO_KIND_COLOUR}
