"""The gallery and the choice of its picture."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox, QWidget

from napari_olivine.section import Section
from napari_olivine.widgets.common import column_layout, combo, row_layout
from napari_olivine.widgets.crystals.colour_part import ColourBar
from napari_olivine.widgets.crystals.cutouts import PICTURES
from napari_olivine.widgets.crystals.gallery import CrystalGallery
from napari_olivine.widgets.crystals.table_model import CrystalModel
from napari_olivine.widgets.layers import Scale, ramp


class GalleryPart(QWidget):
    """Contact sheet with its choices above.

    Parameters
    ----------
    model
        Which crystals, and in which order.
    """

    def __init__(self, model: CrystalModel) -> None:
        super().__init__()
        self.sheet = CrystalGallery(model)
        self.pictures = combo(PICTURES)
        self.pictures.setToolTip("What the cut-outs show")
        self.pictures.currentIndexChanged.connect(self._on_picture)
        self.same_scale = QCheckBox("Same scale")
        self.same_scale.setToolTip("All crystals at one scale; else each as large as it fits")
        self.same_scale.toggled.connect(self.sheet.show_same_scale)
        self.bar = ColourBar()
        self.bar.hide()
        row = row_layout(self.pictures, self.same_scale, wide=self.pictures)
        column = column_layout(self, row, self.bar, self.sheet)
        column.setContentsMargins(0, 4, 0, 0)
        column.setStretchFactor(self.sheet, 1)

    def set_section(self, section: Section | None, product: str = "crystals") -> None:
        """Open the images of a section, again if it is the same; see `Gallery.set_section`."""
        self.sheet.set_section(section, product)
        sources = self.sheet.sources
        for k, picture in enumerate(PICTURES):
            there = sources is not None and (sources.mg is not None or picture != "mg#")
            self.pictures.model().item(k).setEnabled(there)
            if not there and self.pictures.currentIndex() == k:
                self.pictures.setCurrentIndex(0)
        self._on_picture(self.pictures.currentIndex())

    def _on_picture(self, index: int) -> None:
        self.sheet.show_picture(PICTURES[index])
        sources = self.sheet.sources
        scale = None
        if PICTURES[index] == "mg#" and sources is not None:
            scale = Scale(*sources.mg_limits, logarithmic=False, colours=ramp("even"), unknown=0)
        self.bar.show_scale(scale, "{:.3f}")
        self.bar.setToolTip("mg#, the same colours for all crystals")
