"""What a crystal under review looks like by itself: BSE, mg#, and mg# from outline to centre."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPainter, QPixmap
from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_olivine.section import Section
from napari_olivine.widgets.common import Background
from napari_olivine.widgets.crystals.colour_part import ColourBar
from napari_olivine.widgets.crystals.cutouts import Picture, Sources, cut_out, field_of
from napari_olivine.widgets.crystals.focus import SHAPE
from napari_olivine.widgets.crystals.gallery_tile import EMPTY, paint_scale
from napari_olivine.widgets.crystals.radial_part import RadialPlot
from napari_olivine.widgets.layers import Scale, ramp

SIDE = 108
"""Side of a picture on the screen."""

KEPT = 200
"""Crystals whose pictures are kept, about 70 kB each; the least recently used go first."""

PICTURES: tuple[Picture, ...] = ("BSE with outline", "mg#")

Images = tuple[QImage, ...]

Key = tuple[int, tuple[float, ...]]
"""Which opening of the images, and the shape of the crystal."""


class EvidencePart(QWidget):
    """Pictures and radial profile of one crystal, where they exist.

    The pictures are made in a background thread, those of the crystals that come next in advance.
    All keeps its height, so that nothing below moves from crystal to crystal.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bse, self.mg = (_picture(words) for words in TIPS)
        self.bar = ColourBar()
        self.bar.setFixedWidth(SIDE)
        self.bar.setToolTip("mg#: the 1st to the 99th percentile of the map, for all crystals")
        self.radial = RadialPlot("outline to centre")
        self.radial.empty_text = "no radial profile"
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self.mg_column = QWidget()
        mg_column = QVBoxLayout(self.mg_column)
        mg_column.setContentsMargins(0, 0, 0, 0)
        mg_column.setSpacing(2)
        mg_column.addWidget(self.mg)
        mg_column.addWidget(self.bar)
        top = Qt.AlignmentFlag.AlignTop
        row.addWidget(self.bse, alignment=top)
        row.addWidget(self.mg_column, alignment=top)
        row.addWidget(self.radial, 1, alignment=top)
        self.setFixedHeight(self.radial.height() + 2)
        self._section: Section | None = None
        self._sources: Sources | None = None
        self._opened = 0
        self._wanted: list[dict[str, Any]] = []
        self._made: OrderedDict[Key, Images] = OrderedDict()
        self._background = Background()
        self._background.done.connect(self._on_done)
        self.hide()

    @property
    def made(self) -> list[int]:
        """Crystals whose pictures are there."""
        return [int(shape[0]) for _, shape in self._made]

    def set_section(self, section: Section | None) -> None:
        """Open the images of a section, again if it is the same; `None` for none."""
        self._section, self._sources = section, None
        self._opened += 1  # what is still being made belongs to the images from before
        self._made.clear()
        self._wanted = []
        if section is None:
            self._background.want([])
            self.hide()
        else:
            self._background.want([((self._opened, ()), lambda: Sources.of(section))])

    def stop(self) -> None:
        """Stop making pictures."""
        self._background.stop()

    def show_crystal(
        self,
        record: dict[str, Any] | None,
        profiles: pd.DataFrame | None,
        coming: Sequence[dict[str, Any]] = (),
    ) -> None:
        """Show a crystal, or none.

        Parameters
        ----------
        record
            Row of the crystal's table.
        profiles
            Radial profiles of the crystals, `None` if there are none.
        coming
            Rows of the crystals that are likely to be shown next, with their ids and boxes.
        """
        self.setVisible(record is not None)
        if record is None:
            self._wanted = []
            return
        self._wanted = [record, *coming]
        self.radial.setVisible(profiles is not None)
        self.radial.show_crystal(record, profiles)
        self._show_pictures()
        self._make()

    # ------------------------------------------------------------------ pictures

    def _show_pictures(self) -> None:
        found = self._made.get(self._key(self._wanted[0])) if self._wanted else None
        for label, image in zip((self.bse, self.mg), found or (None, None), strict=True):
            if image is None:
                label.clear()
            else:
                label.setPixmap(QPixmap.fromImage(image))

    def _make(self) -> None:
        sources, section = self._sources, self._section
        if sources is None or section is None:
            return
        missing = [record for record in self._wanted if self._key(record) not in self._made]
        pixel_um = section.pixel_size_um
        self._background.want(
            [(self._key(record), _pictures(sources, record, pixel_um)) for record in missing]
        )

    def _key(self, record: dict[str, Any]) -> Key:
        """Key of a crystal's pictures; an edit of the crystal's outline changes it."""
        return self._opened, tuple(float(record.get(name, 0)) for name in SHAPE)

    def _on_done(self, name: Key, result: Any) -> None:
        if name[0] != self._opened or result is None:  # replaced or damaged: the check reports it
            return
        if isinstance(result, Sources):
            self._sources = result
            self.mg_column.setVisible(result.mg is not None)
            self.bar.show_scale(Scale(*result.mg_limits, False, ramp(""), 0), "{:.2f}")
            self._make()
            return
        self._made[name] = result
        while len(self._made) > KEPT:
            self._made.popitem(last=False)
        if self._wanted and name == self._key(self._wanted[0]):
            self._show_pictures()


TIPS = (
    "BSE; grey is stretched to the range of this crystal",
    "mg# inside the crystal, in one scale of colours for all crystals; grey where it is unknown",
)


def _picture(words: str) -> QLabel:
    label = QLabel()
    label.setFixedSize(SIDE, SIDE)
    label.setStyleSheet(f"background: {EMPTY};")
    label.setToolTip(words)
    return label


def _pictures(sources: Sources, record: dict[str, Any], pixel_um: float) -> Callable[[], Images]:
    field = field_of(record)

    def work() -> Images:
        images = []
        for picture in PICTURES:
            rgb = cut_out(sources, record, picture, SIDE, field)
            data = rgb.tobytes()
            images.append(QImage(data, SIDE, SIDE, 3 * SIDE, QImage.Format.Format_RGB888).copy())
        painter = QPainter(images[0])
        paint_scale(painter, images[0].rect(), field * pixel_um)
        painter.end()
        return tuple(images)

    return work
