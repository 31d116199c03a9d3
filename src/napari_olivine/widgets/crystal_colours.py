"""Colours of the crystals' labels: a look-up by class, never pixels."""

from __future__ import annotations

from typing import Any

import pandas as pd

from napari_olivine.crystals.classes import CLASS_COLOURS, crystal_classes


def colour_map(table: pd.DataFrame) -> Any:
    """Colours of a label layer, one look-up for all crystals."""
    from napari.utils.colormaps import DirectLabelColormap

    colours = crystal_classes(table).map(CLASS_COLOURS)
    look_up: dict[int | None, Any] = dict(zip(table["id"].tolist(), colours.tolist(), strict=True))
    return DirectLabelColormap(color_dict={None: "transparent", 0: "transparent", **look_up})
