"""A contact sheet of the crystals that the filter keeps, in the order of the table."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QPoint, QRect, Qt, Signal
from qtpy.QtGui import (
    QColor,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPixmap,
    QResizeEvent,
)
from qtpy.QtWidgets import QAbstractScrollArea, QFrame, QToolTip
from typing_extensions import override

from napari_olivine.crystals import COUNTED_SHARE, REGION_SHARE
from napari_olivine.section import Section
from napari_olivine.widgets.common import Background
from napari_olivine.widgets.crystals.cutouts import (
    PICTURES,
    Picture,
    Sources,
    cut_out,
    field_of,
)
from napari_olivine.widgets.crystals.focus import SHAPE
from napari_olivine.widgets.crystals.gallery_tile import LINE, SIDE, Tile, paint_tile
from napari_olivine.widgets.crystals.radial_part import words_of
from napari_olivine.widgets.crystals.table_model import CrystalModel
from napari_olivine.widgets.layers import text_of

GAP = 6

CELL = SIDE + LINE + GAP
"""Height of a row of crystals."""

KEPT = 1000
"""Cut-outs in the cache, about 40 kB each; the least recently used goes first."""


class CrystalGallery(QAbstractScrollArea):
    """Cut-outs of the crystals in view, made in a background thread.

    Parameters
    ----------
    model
        Which crystals, and in which order.
    """

    chosen = Signal(int)
    """A crystal was clicked or reached by the arrow keys."""

    def __init__(self, model: CrystalModel) -> None:
        super().__init__()
        self.model = model
        self.picture: Picture = PICTURES[0]
        self.same_scale = False
        self.selected = 0
        self.cut_outs: OrderedDict[Hashable, QPixmap] = OrderedDict()
        self._sources: Sources | None = None
        self._pixel_um = 1.0
        self._colours: dict[int, str] = {}
        self._background = Background()
        self._background.done.connect(self._on_done)
        self._largest = 1.0
        self._making = 0
        model.modelReset.connect(self._on_order)
        model.layoutChanged.connect(self._on_order)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self._on_order()

    # ------------------------------------------------------------------ what is shown

    def set_section(self, section: Section | None, product: str = "crystals") -> None:
        """Open the images of a section, again if it is the same; `None` for none.

        Parameters
        ----------
        section
            The section.
        product
            Product that holds the crystals.
        """
        self._background.want([])
        self.cut_outs.clear()
        self._sources = None
        if section is not None and section.product(product) is not None:
            self._sources = Sources.of(section, product)
            self._pixel_um = section.pixel_size_um
        self.viewport().update()

    @property
    def sources(self) -> Sources | None:
        """Images of the section."""
        return self._sources

    def set_colours(self, ids: NDArray[Any], colours: NDArray[Any]) -> None:
        """Show the colours that the crystals have on the canvas beside their numbers."""
        self._colours = dict(zip(ids.tolist(), colours, strict=True))
        self.viewport().update()

    def show_picture(self, picture: Picture) -> None:
        """Show another kind of picture."""
        self.picture = picture
        self.viewport().update()

    def show_same_scale(self, same: bool) -> None:
        """Show all crystals at one scale, or each as large as it fits."""
        self.same_scale = same
        self.viewport().update()

    def show_selected(self, crystal: int) -> None:
        """Mark a crystal and scroll to it, if it is not in view."""
        self.selected = crystal
        row = self.model.row_of(crystal)
        if row >= 0:
            cell, bar = self.cell(row), self.verticalScrollBar()
            if cell.top() < 0 or cell.bottom() > self.viewport().height():
                middle = cell.center().y() - self.viewport().height() // 2
                bar.setValue(bar.value() + middle)
        self.viewport().update()

    def cell(self, row: int) -> QRect:
        """Place of a crystal, by its row of the table, in the viewport."""
        down, across = divmod(row, self.across)
        left = (self.viewport().width() - self.across * (SIDE + GAP) + GAP) // 2
        top = GAP // 2 + down * CELL - self.verticalScrollBar().value()
        return QRect(left + across * (SIDE + GAP), top, SIDE, SIDE + LINE)

    def row_at(self, place: QPoint) -> int:
        """Row of the crystal at a place of the viewport, -1 for none."""
        first = self.cell(0)
        across = (place.x() - first.left()) // (SIDE + GAP)
        row = (place.y() - first.top()) // CELL * self.across + across
        inside = 0 <= across < self.across and 0 <= row < self.model.rowCount()
        return row if inside and self.cell(row).contains(place) else -1

    @property
    def across(self) -> int:
        """Crystals beside each other."""
        return max(1, (self.viewport().width() + GAP) // (SIDE + GAP))

    def in_view(self) -> range:
        """Rows of the table whose crystals are in view."""
        top = self.verticalScrollBar().value()
        first = max(0, (top - GAP // 2) // CELL) * self.across
        last = ((top + self.viewport().height()) // CELL + 1) * self.across
        return range(min(first, self.model.rowCount()), min(last, self.model.rowCount()))

    @property
    def making(self) -> int:
        """Number of crystals in view whose cut-outs are not made yet."""
        return self._making

    def stop(self) -> None:
        """Stop making cut-outs."""
        self._background.stop()

    # ------------------------------------------------------------------ painting

    @override
    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        if not self.model.rowCount():
            painter.drawText(self.viewport().rect(), Qt.AlignmentFlag.AlignCenter, "No crystals")
            return
        missing = []
        for row in self.in_view():
            record = self.model.record(self.model.id_at(row))
            if record is None or "row0" not in record:
                continue
            field = self._field(record)
            name = self._name(record, field)
            found = self.cut_outs.get(name)
            if found is not None:
                self.cut_outs.move_to_end(name)
            elif self._sources is not None:
                missing.append((name, self._work(record, field)))
            paint_tile(painter, self.cell(row), self._tile(row, record, found, field))
        self._making = len(missing)
        self._background.want(missing)

    def _tile(self, row: int, record: dict[str, Any], found: Any, field: float) -> Tile:
        crystal = int(record["id"])
        by = self.model.sorted_by[0] if self.model.sorted_by else "id"
        sorts = by != "id" and by in self.model.values.columns
        return Tile(
            crystal,
            found,
            field * self._pixel_um,
            self._colours.get(crystal, "#808080")[:7],
            self.model.text_at(row, by) if sorts else "",
            left_out=_why_left_out(record),
            selected=crystal == self.selected,
        )

    # ------------------------------------------------------------------ making

    def _field(self, record: dict[str, Any]) -> float:
        return self._largest if self.same_scale else field_of(record)

    def _name(self, record: dict[str, Any], field: float) -> Hashable:
        """Key of a cut-out; an edit of the crystal's outline changes it."""
        return self.picture, field, *(float(record.get(name, 0)) for name in SHAPE)

    def _work(self, record: dict[str, Any], field: float) -> Any:
        sources, picture = self._sources, self.picture
        assert sources is not None

        def work() -> QImage:
            rgb = cut_out(sources, record, picture, SIDE, field)
            data = rgb.tobytes()
            return QImage(data, SIDE, SIDE, 3 * SIDE, QImage.Format.Format_RGB888).copy()

        return work

    def _on_done(self, name: Hashable, image: QImage | None) -> None:
        self.cut_outs[name] = QPixmap(SIDE, SIDE) if image is None else QPixmap.fromImage(image)
        if image is None:
            self.cut_outs[name].fill(QColor("#402020"))
        while len(self.cut_outs) > KEPT:
            self.cut_outs.popitem(last=False)
        self.viewport().update()

    # ------------------------------------------------------------------ moving about

    def _on_order(self, *_: Any) -> None:
        values, kept = self.model.values, self.model.kept
        if {"row0", "row1", "col0", "col1"} <= set(values.columns) and len(kept):
            box = {name: values.columns[name][kept] for name in ("row0", "row1", "col0", "col1")}
            sides = np.maximum(box["row1"] - box["row0"], box["col1"] - box["col0"])
            place = int(sides.argmax())
            self._largest = field_of({name: side[place] for name, side in box.items()})
        self._lay_out()
        self.viewport().update()

    def _lay_out(self) -> None:
        rows = -(-self.model.rowCount() // self.across)
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, rows * CELL + GAP - self.viewport().height()))
        bar.setSingleStep(CELL // 3)
        bar.setPageStep(max(CELL, self.viewport().height() // CELL * CELL))

    @override
    def resizeEvent(self, a0: QResizeEvent | None) -> None:
        super().resizeEvent(a0)
        self._lay_out()
        self.show_selected(self.selected)

    @override
    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.viewport().update()

    @override
    def mousePressEvent(self, a0: QMouseEvent | None) -> None:
        if a0 is not None and a0.button() == Qt.MouseButton.LeftButton:
            row = self.row_at(a0.pos())
            if row >= 0:
                self._choose(row)

    @override
    def keyPressEvent(self, a0: QKeyEvent | None) -> None:
        if a0 is None:
            return
        row, last = self.model.row_of(self.selected), self.model.rowCount() - 1
        page = max(1, self.viewport().height() // CELL) * self.across
        steps = {
            Qt.Key.Key_Left: row - 1,
            Qt.Key.Key_Right: row + 1,
            Qt.Key.Key_Up: row - self.across,
            Qt.Key.Key_Down: row + self.across,
            Qt.Key.Key_PageUp: max(row - page, 0),
            Qt.Key.Key_PageDown: min(row + page, last),
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }
        key = Qt.Key(a0.key())
        if key not in steps or last < 0:
            super().keyPressEvent(a0)
            return
        target = 0 if row < 0 else steps[key]
        if 0 <= target <= last:
            self._choose(target)

    def _choose(self, row: int) -> None:
        crystal = self.model.id_at(row)
        self.show_selected(crystal)
        self.chosen.emit(crystal)

    @override
    def viewportEvent(self, a0: QEvent | None) -> bool:
        if isinstance(a0, QHelpEvent) and a0.type() == QEvent.Type.ToolTip:
            row = self.row_at(a0.pos())
            record = self.model.record(self.model.id_at(row)) if row >= 0 else None
            if record is not None:
                parts = [f"Crystal {record['id']}", text_of(record.get("size_class"), "{}")]
                parts += [words_of(record), text_of(record.get("verdict"), "{}")]
                QToolTip.showText(a0.globalPos(), ", ".join(filter(None, parts)), self)
            else:
                QToolTip.hideText()
            return True
        return bool(super().viewportEvent(a0))


def _why_left_out(record: dict[str, Any]) -> str:
    """Say in a word why a crystal does not count, empty if it does."""
    if record.get(REGION_SHARE, 1.0) < COUNTED_SHARE:
        return "outside"
    return "rejected" if record.get("verdict") == "rejected" else ""
