"""The kind of a crystal: what a person calls it, and what a classifier recognised it as."""

from __future__ import annotations

import numpy as np
import pandas as pd

from napari_olivine.section import Product, Section, followed

KIND = "kind"
"""Column of the kind that a person gave; of olivine alone, as all edits by hand."""

KINDS = "kinds"
"""Product of the kinds that a classifier recognised (`napari_olivine.recognition`)."""

RECOGNISED = ["recognised_kind", "recognised_probability"]
"""Columns of the kind that a classifier recognised and its probability, beside those of the table
of crystals."""

NONE_OF_THESE = "none of these"
"""What a classifier that knows it says of a crystal or image unlike all that it learned from."""


def without_spelling(kind: str) -> str:
    """Return what all spellings of the name of a kind have in common."""
    return " ".join(kind.casefold().replace("_", " ").split())


def recognised_kinds(section: Section) -> pd.DataFrame | None:
    """Return the kinds that a classifier recognised.

    A person's edits of crystals put the product out of date, but say nothing against what was
    recognised of the others: it holds as long as the crystals have not been found anew and its
    other inputs are what they were.

    Returns
    -------
    pandas.DataFrame or None
        Columns ``id``, ``class``, ``probability``, ``area_px``; `None` where there are none of
        these crystals.
    """
    product = section.product(KINDS)
    if product is None or not _holds(section, product):
        return None
    return section.table(KINDS, KINDS)


def with_recognised(table: pd.DataFrame, kinds: pd.DataFrame | None) -> pd.DataFrame:
    """Add the kinds that a classifier recognised to a table of crystals.

    Parameters
    ----------
    table
        Table of crystals.
    kinds
        See `recognised_kinds`.

    Returns
    -------
    pandas.DataFrame
        The table with `RECOGNISED`, empty for crystals whose pixels have changed since; the table
        alone without `kinds`.
    """
    if kinds is None:
        return table
    found = kinds.set_index("id").reindex(table["id"])
    same = found["area_px"].to_numpy(np.float64) == table["area_px"].to_numpy(np.float64)
    return table.assign(
        recognised_kind=np.where(same, found["class"].to_numpy(object), ""),
        recognised_probability=np.where(same, found["probability"].to_numpy(np.float64), np.nan),
    )


def _holds(section: Section, product: Product) -> bool:
    """Tell whether only edits of single crystals have put the kinds out of date, if anything."""
    crystals = section.product("crystals")
    if crystals is None or crystals.created != product.notes.get("crystals"):
        return False
    return all(
        section.fingerprint(name) == mark and section.serves(name)
        for name, mark in followed(product).items()
        if name != "crystals"
    )
