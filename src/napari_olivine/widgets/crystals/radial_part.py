"""The radial profile of the selected crystal, and the search for similar crystals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_olivine.crystals import ZONE_TITLES
from napari_olivine.widgets.common import Axis, Curve, Plot, push_button

COLOUR, BAND = "#009E73", "#8fbfae"

PLOT_HEIGHT = 135

SURE = 2
"""Standard errors on each side of the curve that its band shows."""


class RadialPlot(Plot):
    """mg# from the outline of a crystal to its centre, with twice its standard error.

    Parameters
    ----------
    below
        Label of the depths.
    """

    def __init__(self, below: str = "outline 0 to centre 1") -> None:
        super().__init__(Axis(below, limits=(0.0, 1.0)), Axis("mg#"))
        self.setFixedHeight(PLOT_HEIGHT)

    def show_crystal(self, record: dict[str, Any] | None, profiles: pd.DataFrame | None) -> bool:
        """Show a crystal's profile; tell whether it has one.

        Parameters
        ----------
        record
            Row of the crystal's table.
        profiles
            Radial profiles of the crystals, `None` if there are none.
        """
        row = pd.DataFrame()
        if record is not None and profiles is not None:
            row = profiles[profiles["id"] == record["id"]]
        if len(row) != 1:
            self.show_curves([])
            return False
        depths, mg, error = depths_of(profiles), *curves_of(row)
        self.show_curves([
            Curve("", depths, mg[0] - SURE * error[0], BAND),
            Curve("", depths, mg[0] + SURE * error[0], BAND),
            Curve("", depths, mg[0], COLOUR),
        ])  # fmt: skip
        return True


class RadialPart(QWidget):
    """The radial profile of a crystal, and a button that searches for similar ones."""

    similar_wanted = Signal(int)
    """The crystal to which similar ones are wanted."""

    def __init__(self) -> None:
        super().__init__()
        self.plot = RadialPlot()
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
        there = self.plot.show_crystal(record, profiles)
        self._crystal = int(record["id"]) if there and record is not None else 0
        self.setVisible(there)


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
    name = ZONE_TITLES.get(record.get("zone_class", ""), "")
    if not name:
        return ""
    text = f"{name} ({record['zone_probability']:.0%})"
    flags = {"fragment": "a fragment", "off_centre": "cut off its centre"}
    return ", ".join([text, *(words for flag, words in flags.items() if record.get(flag))])
