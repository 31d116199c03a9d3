"""The radial profile of the selected crystal, and the search for similar crystals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_olivine.widgets.common import Axis, Curve, Plot, push_button
from napari_olivine.widgets.layers import ZONES

COLOUR, BAND = "#009E73", "#8fbfae"

PLOT_HEIGHT = 135

SURE = 2
"""Standard errors on each side of the curve that its band shows."""


class RadialPart(QWidget):
    """mg# from the outline to the centre, and a button that searches for similar crystals."""

    similar_wanted = Signal(int)
    """The crystal to which similar ones are wanted."""

    def __init__(self) -> None:
        super().__init__()
        self.plot = Plot(Axis("outline 0 to centre 1", limits=(0.0, 1.0)), Axis("mg#"))
        self.plot.setFixedHeight(PLOT_HEIGHT)
        self.button = push_button(
            "Crystals like this one",
            lambda: self.similar_wanted.emit(self._crystal),
            "Show the crystals whose radial profiles are the most like this one",
        )
        self._crystal = 0
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.plot)
        column.addWidget(self.button)
        self.hide()

    def show_crystal(self, record: dict[str, Any] | None, profiles: pd.DataFrame | None) -> None:
        """Show a crystal's profile; nothing where it has none."""
        row = pd.DataFrame()
        if record is not None and profiles is not None:
            row = profiles[profiles["id"] == record["id"]]
        self.setVisible(len(row) == 1)
        if len(row) != 1:
            return
        self._crystal = int(row["id"].iloc[0])
        depths, mg, error = depths_of(profiles), *curves_of(row)
        self.plot.show_curves([
            Curve("", depths, mg[0] - SURE * error[0], BAND),
            Curve("", depths, mg[0] + SURE * error[0], BAND),
            Curve("", depths, mg[0], COLOUR),
        ])  # fmt: skip


def depths_of(profiles: Any) -> Any:
    """Return the relative depths of the columns of a table of profiles."""
    return np.array([int(name[3:]) / 100 for name in profiles.columns if name.startswith("mg_")])


def curves_of(profiles: pd.DataFrame) -> tuple[Any, Any]:
    """Return mg# and its standard error on the common grid, shape (crystals, depths) each."""
    kinds = ([name for name in profiles.columns if name.startswith(k)] for k in ("mg_", "se_"))
    mg, error = (profiles[names].to_numpy(np.float64) for names in kinds)
    return mg, error


def words_of(record: dict[str, Any]) -> str:
    """Describe the class of a crystal's radial profile and its probability; empty without one."""
    name = ZONES.get(record.get("zone_class", ""), "")
    if not name:
        return ""
    text = f"{name} ({record['zone_probability']:.0%})"
    flags = {"fragment": "a fragment", "off_centre": "cut off its centre"}
    return ", ".join([text, *(words for flag, words in flags.items() if record.get(flag))])
