"""Paint one crystal of the gallery: cut-out, scale bar, caption."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import QRect, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPixmap

from napari_olivine.widgets.crystals.cutouts import scale_bar_um

SIDE = 100
"""Side of a cut-out on the screen."""

LINE = 17
"""Height of the caption."""

EMPTY, SELECTED = "#15181d", "#ffff00"

LEFT_OUT_OPACITY = 0.3


@dataclass(frozen=True)
class Tile:
    """Content of the tile of a crystal.

    Parameters
    ----------
    crystal
        Its id.
    cut_out
        `None` while it is being made.
    field_um
        Side of the cut-out's field of view.
    colour
        Colour of the crystal on the canvas.
    value
        Value of the column that sorts the crystals.
    left_out
        Why it does not count, in a word; then it is faint.
    selected
        Whether it is the selected one, which has a frame.
    """

    crystal: int
    cut_out: QPixmap | None
    field_um: float
    colour: str
    value: str
    left_out: str
    selected: bool


def paint_tile(painter: QPainter, cell: QRect, tile: Tile) -> None:
    """Paint the tile of a crystal; text has the colour of the pen.

    Parameters
    ----------
    painter
        Painter of the gallery.
    cell
        Place of the tile, `SIDE` wide and `SIDE` + `LINE` high.
    tile
        Content.
    """
    ink = painter.pen()
    place = QRect(cell.left(), cell.top(), SIDE, SIDE)
    painter.fillRect(place, QColor(EMPTY))
    if tile.cut_out is not None:
        painter.setOpacity(LEFT_OUT_OPACITY if tile.left_out else 1.0)
        painter.drawPixmap(place, tile.cut_out)
        paint_scale(painter, place, tile.field_um)
        painter.setOpacity(1.0)
    painter.setPen(ink)
    _paint_words(painter, QRectF(cell.left(), place.bottom() + 1, SIDE, LINE), tile)
    if tile.selected:
        painter.setPen(QPen(QColor(SELECTED), 2))
        painter.drawRect(place)
    painter.setPen(ink)


def _paint_words(painter: QPainter, line: QRectF, tile: Tile) -> None:
    painter.fillRect(QRectF(line.left(), line.top() + 4, 9, 9), QColor(tile.colour))
    middle = Qt.AlignmentFlag.AlignVCenter
    left = line.adjusted(13, 0, 0, 0)
    painter.drawText(left, middle | Qt.AlignmentFlag.AlignLeft, str(tile.crystal))
    metrics = painter.fontMetrics()
    right = left.adjusted(metrics.horizontalAdvance(f"{tile.crystal} "), 0, 0, 0)
    words = tile.left_out or tile.value
    words = metrics.elidedText(words, Qt.TextElideMode.ElideRight, int(right.width()))
    painter.drawText(right, middle | Qt.AlignmentFlag.AlignRight, words)


def paint_scale(painter: QPainter, place: QRect, field_um: float) -> None:
    """Paint a scale bar into the lower right corner of a cut-out.

    Parameters
    ----------
    painter
        Painter of the cut-out.
    place
        Place of the cut-out, a square.
    field_um
        Side of its field of view.
    """
    length_um = scale_bar_um(field_um)
    length = round(place.width() * length_um / field_um)
    right, bottom = place.right() - 4, place.bottom() - 4
    text, metrics = f"{length_um:g} µm", painter.fontMetrics()
    width, high = metrics.horizontalAdvance(text), metrics.height()
    wide = max(width, length)
    painter.fillRect(
        QRect(right - wide - 2, bottom - high - 2, wide + 5, high + 5), QColor(0, 0, 0, 120)
    )
    painter.fillRect(QRect(right - length, bottom - 1, length, 2), QColor("white"))
    painter.setPen(QColor("white"))
    painter.drawText(right - wide // 2 - width // 2, bottom - 4, text)
