"""The selected crystal: its cut-out and numbers, its radial profile, its histogram of mg#."""

from __future__ import annotations

from typing import Any

import pandas as pd
from qtpy.QtWidgets import QHBoxLayout

from napari_olivine.section import Section
from napari_olivine.widgets.common import Collapsible
from napari_olivine.widgets.crystals.histogram import HistogramPart
from napari_olivine.widgets.crystals.radial_part import RadialPart
from napari_olivine.widgets.crystals.summary import CrystalSummary


class SelectedCrystalPart(Collapsible):
    """Cut-out, numbers and plots of one crystal; collapsible to give the table its room."""

    def __init__(self) -> None:
        super().__init__("Selected crystal", expanded=True)
        self.summary = CrystalSummary()
        self.radial = RadialPart()
        self.histogram = HistogramPart()
        plots = QHBoxLayout()
        plots.setSpacing(4)
        plots.addWidget(self.radial, 1)
        plots.addWidget(self.histogram, 1)
        self.inside.setContentsMargins(0, 0, 0, 0)
        self.inside.addWidget(self.summary)
        self.inside.addLayout(plots)

    def stop(self) -> None:
        """Stop making cut-out and histogram."""
        self.summary.stop()
        self.histogram.stop()

    def show_crystal(
        self,
        section: Section | None,
        record: dict[str, Any] | None,
        profiles: pd.DataFrame | None,
    ) -> None:
        """Show a crystal, or none.

        Parameters
        ----------
        section
            Open section.
        record
            Row of the crystal's table.
        profiles
            Radial profiles of the crystals, `None` if there are none.
        """
        self.summary.show_crystal(section, record)
        self.radial.show_crystal(record, profiles)
        self.histogram.show_crystal(record)
