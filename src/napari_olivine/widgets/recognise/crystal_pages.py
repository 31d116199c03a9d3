"""The crystals of the Recognise dock: as a gallery, and as points of the descriptor map."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pandas as pd
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QTabWidget, QWidget

from napari_olivine.crystals import KIND, KINDS, RECOGNISED, kind_colours
from napari_olivine.section import Section
from napari_olivine.widgets.common import column_layout, wrapped
from napari_olivine.widgets.crystals import CrystalModel, GalleryPart
from napari_olivine.widgets.layers import Colouring, colour_by_kind
from napari_olivine.widgets.recognise.descriptor_plot import DescriptorPlot

NO_MAP = "Press Train and recognise: then each crystal is a point here, near those that are alike."


class CrystalPages(QTabWidget):
    """Two pages that show the same crystals in the same colours."""

    chosen = Signal(int)
    """Id of a crystal that was clicked on either page."""

    def __init__(self) -> None:
        super().__init__()
        self.model = CrystalModel()
        self.gallery = GalleryPart(self.model)
        self.plot = DescriptorPlot()
        self.plot.empty_text = NO_MAP
        self.caption = wrapped("")
        page = QWidget()
        column = column_layout(page, self.plot, self.caption)
        column.setContentsMargins(0, 4, 0, 0)
        column.setStretchFactor(self.plot, 1)
        self.addTab(self.gallery, "Gallery")
        self.addTab(page, "Map")
        self.setDocumentMode(True)
        self.tabBar().setDrawBase(False)
        self.setMinimumHeight(260)
        self.gallery.sheet.chosen.connect(self.chosen)
        self.plot.picked.connect(self.chosen)
        self._notes: dict[str, Any] = {}

    def set_section(self, section: Section | None) -> None:
        """Open the images of a section, and what its map is; `None` for none."""
        self.gallery.set_section(section)
        product = section.product(KINDS) if section is not None else None
        self._notes = dict(product.notes.get("map", {})) if product is not None else {}

    def show_table(self, table: pd.DataFrame, kinds: pd.DataFrame | None) -> Colouring:
        """Show crystals, the least sure ones first in the gallery.

        Parameters
        ----------
        table
            Table of crystals with what was recognised.
        kinds
            Product of what was recognised, `None` where there is none.

        Returns
        -------
        Colouring
            Colours of the crystals by their kinds.
        """
        probable = RECOGNISED[1] in table
        column = RECOGNISED[1] if probable else "area_px"
        ordered = table.sort_values(column, ascending=probable) if column in table else table
        self.model.set_table(ordered.reset_index(drop=True))
        colouring = colour_by_kind(table)
        self.gallery.sheet.set_colours(table["id"].to_numpy(), colouring.colours)
        if kinds is None or "x" not in kinds:
            self.plot.show_crystals(table.iloc[:0].assign(**_NOWHERE), {})
            self.caption.hide()
            return colouring
        places = kinds.set_index("id")[["x", "y"]].reindex(table["id"]).to_numpy()
        shown = table[["id", KIND, *RECOGNISED]].assign(x=places[:, 0], y=places[:, 1])
        shown = shown[shown["x"].notna()]
        ellipses = self._notes.get("ellipses", [])
        self.plot.show_crystals(shown, kind_colours(table), ellipses)
        around = " Ellipses: two standard deviations of each kind." if ellipses else ""
        self.caption.setText(
            f"The {self._notes.get('axes', 'features of the classifier')}. Large points: given "
            f"kinds; rings: none of these.{around} Click a point."
        )
        self.caption.show()
        return colouring

    def show_selected(self, crystal: int) -> None:
        """Light a crystal on both pages."""
        self.gallery.sheet.show_selected(crystal)
        self.plot.show_selected(crystal)


_NOWHERE: dict[str, Any] = {"x": 0.0, "y": 0.0, RECOGNISED[0]: "", RECOGNISED[1]: 0.0}


def next_to_label(
    table: pd.DataFrame, kinds: pd.DataFrame | None, seen: Collection[int] = ()
) -> list[int]:
    """Put the crystals without a given kind into the order in which to look at them.

    It is that of ``recognise suggest``, which ``recognise predict`` stores with what it recognised;
    where nothing was recognised the largest come first.

    Parameters
    ----------
    table
        Table of crystals with what was recognised.
    kinds
        Product of what was recognised, `None` where there is none.
    seen
        Crystals that were shown already: they come again only when all were.

    Returns
    -------
    list of int
        Ids; empty where every crystal has a kind.
    """
    open_ones = table[table[KIND] == ""]
    fresh = open_ones[~open_ones["id"].isin(list(seen))]
    found = fresh if len(fresh) else open_ones
    if kinds is not None and "next" in kinds:
        rank = kinds.set_index("id")["next"].reindex(found["id"]).to_numpy(float)
        # One that is new, or had a kind when the others were ranked, comes last.
        found = found.assign(rank=rank).replace({"rank": {0.0: float("nan")}})
        found = found.sort_values("rank", na_position="last", kind="stable")
    elif RECOGNISED[1] in found:
        found = found.sort_values(RECOGNISED[1], na_position="last")
    elif "area_px" in found:
        found = found.sort_values("area_px", ascending=False)
    return [int(one) for one in found["id"]]
