"""A scatter plot of many pixels: the cloud is one image, so that drawing takes milliseconds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPalette, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from napari_olivine.masks import LimitLine, Scatter, Span
from napari_olivine.widgets.common import round_ticks
from napari_olivine.widgets.masks.view_overlay import MARKED, TAKEN

CLICK_PX = 4.0
"""A drag that is shorter than this is a click."""

Outline = NDArray[np.float32]
"""Corners on the plot, x to the right and y upwards, 0 to 1, shape (n, 2)."""


class ScatterPlot(QWidget):
    """Draws the pixels of a view, the limits of the rule, and what a person outlines.

    A drag outlines a rectangle; with Shift it follows the mouse. A click takes the outline away.
    """

    outlined = Signal(object)
    """`Outline` that was drawn; `None` when it was taken away."""

    def __init__(self) -> None:
        super().__init__()
        self.scatter: Scatter | None = None
        self.outline: Outline | None = None
        self.marked: NDArray[np.float32] = np.zeros((0, 2), np.float32)
        self.empty_text = ""
        self._path: list[QPointF] = []
        self._lasso = False
        self.setFixedHeight(250)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setToolTip(
            "Drag a rectangle, or with Shift any outline, to see its pixels in the image; click to "
            "take it away. What lies beyond an axis is drawn at its end"
        )

    def show_scatter(
        self,
        scatter: Scatter | None,
        outline: Outline | None,
        marked: NDArray[np.float32],
    ) -> None:
        """Show other pixels.

        Parameters
        ----------
        scatter
            The pixels; `None` shows a text.
        outline
            The person's outline on this plot.
        marked
            Places of the pixels that are marked in the image, shape (n, 2), 0 to 1.
        """
        self.scatter, self.outline, self.marked = scatter, outline, marked
        self.update()

    @property
    def area(self) -> QRectF:
        """Where the points are, px of the widget."""
        line = QFontMetricsF(self.font()).height()
        left = QFontMetricsF(self.font()).horizontalAdvance("0.0000")
        return QRectF(left, 1.5 * line, self.width() - left - 10, self.height() - 4 * line)

    def place_of(self, x: float, y: float) -> QPointF:
        """Return where a place of the plot, 0 to 1, is on the widget."""
        area = self.area
        return QPointF(area.left() + x * area.width(), area.bottom() - y * area.height())

    # ------------------------------------------------------------------ the mouse

    @override
    def mousePressEvent(self, a0: Any) -> None:
        if self.scatter is not None and a0.button() == Qt.MouseButton.LeftButton:
            self._path = [a0.position()]
            self._lasso = bool(a0.modifiers() & Qt.KeyboardModifier.ShiftModifier)

    @override
    def mouseMoveEvent(self, a0: Any) -> None:
        if self._path:
            self._path.append(a0.position())
            self.update()

    @override
    def mouseReleaseEvent(self, a0: Any) -> None:
        if not self._path:
            return
        self._path.append(a0.position())
        corners = self._drawn()
        self._path = []
        xs, ys = [one.x() for one in corners], [one.y() for one in corners]
        if max(max(xs) - min(xs), max(ys) - min(ys)) < CLICK_PX:
            self.outlined.emit(None)
        else:
            area = self.area
            shares = [
                (
                    (one.x() - area.left()) / area.width(),
                    (area.bottom() - one.y()) / area.height(),
                )
                for one in corners
            ]
            self.outlined.emit(np.clip(np.array(shares, np.float32), 0, 1))
        self.update()

    def _drawn(self) -> list[QPointF]:
        """Return the corners of what is being drawn."""
        if self._lasso:
            return self._path
        first, last = self._path[0], self._path[-1]
        return [first, QPointF(last.x(), first.y()), last, QPointF(first.x(), last.y())]

    # ------------------------------------------------------------------ drawing

    @override
    def sizeHint(self) -> QSize:
        return QSize(320, 250)

    @override
    def paintEvent(self, a0: Any) -> None:
        painter = QPainter(self)
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        painter.setPen(ink)
        scatter = self.scatter
        if scatter is None:
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(QRectF(self.rect()).adjusted(10, 10, -10, -10), flags, self.empty_text)
            return
        area = self.area
        painter.drawImage(area.topLeft(), self._cloud(scatter, ink))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw_axes(painter, scatter)
        painter.setClipRect(area.adjusted(-1, -1, 1, 1))
        painter.setPen(QPen(QColor("#e69f00"), 1.4))
        for line in scatter.lines:
            self._draw_limit(painter, scatter, line)
        corners = self._drawn() if self._path else []
        if not corners and self.outline is not None:
            corners = [self.place_of(float(x), float(y)) for x, y in self.outline]
        if corners:
            painter.setPen(QPen(QColor(MARKED), 1.6))
            painter.drawPolygon(QPolygonF(corners))

    def _cloud(self, scatter: Scatter, ink: QColor) -> QImage:
        """Draw all points: those that the rule takes above the others, the marked ones on top."""
        width, height = max(int(self.area.width()), 2), max(int(self.area.height()), 2)
        image = np.zeros((height, width, 4), np.uint8)
        places = scatter.places(scatter.points)
        for points, colour in (
            (places[~scatter.taken], ink),
            (places[scatter.taken], QColor(TAKEN)),
            (self.marked, QColor(MARKED)),
        ):
            across = (points[:, 0] * (width - 2)).astype(np.intp)
            down = ((1 - points[:, 1]) * (height - 2)).astype(np.intp)
            counts = np.bincount(down * width + across, minlength=width * height)
            counts = counts.reshape(height, width)
            spread = counts.copy()  # each point is 2 x 2 pixels
            spread[1:] += counts[:-1]
            spread[:, 1:] += spread[:, :-1].copy()
            here = spread > 0
            image[here, :3] = (colour.red(), colour.green(), colour.blue())
            # Where points lie on each other it is brighter: a population shows its middle.
            image[here, 3] = 255 - 165 * np.exp(-0.25 * (spread[here] - 1.0))
        return QImage(
            image.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888
        ).copy()

    def _draw_axes(self, painter: QPainter, scatter: Scatter) -> None:
        area, metrics = self.area, QFontMetricsF(painter.font())
        line = metrics.height()
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.drawLine(area.bottomLeft(), area.topLeft())
        end = -math.inf
        for value, text in marks(scatter.x_span):
            x = self.place_of(_share(scatter.x_span, value), 0).x()
            painter.drawLine(QPointF(x, area.bottom()), QPointF(x, area.bottom() + 3))
            half = metrics.horizontalAdvance(text) / 2
            if x - half > end + 4 and x + half < self.width():
                end = x + half
                painter.drawText(QPointF(x - half, area.bottom() + 4 + metrics.ascent()), text)
        for value, text in marks(scatter.y_span):
            y = self.place_of(0, _share(scatter.y_span, value)).y()
            painter.drawLine(QPointF(area.left() - 3, y), QPointF(area.left(), y))
            box = QRectF(0, y - line / 2, area.left() - 5, line)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        painter.drawText(QPointF(2, metrics.ascent()), scatter.y_axis.text)
        below = QRectF(area.left(), self.height() - line - 2, area.width(), line)
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, scatter.x_axis.text)

    def _draw_limit(self, painter: QPainter, scatter: Scatter, line: LimitLine) -> None:
        ends = limit_ends(scatter, line)
        painter.drawLine(*(self.place_of(x, y) for x, y in ends))


def limit_ends(scatter: Scatter, line: LimitLine) -> tuple[tuple[float, float], ...]:
    """Return two places of the plot, 0 to 1 within its axes, that a limit goes through.

    Parameters
    ----------
    scatter
        What is drawn.
    line
        The limit.

    Returns
    -------
    tuple of (float, float)
        Its ends, at the rim of the plot or beyond.
    """
    x_span, y_span = scatter.x_span, scatter.y_span
    if line.b == 0:
        x = _share(x_span, line.c / line.a)
        return (x, 0.0), (x, 1.0)
    if line.a == 0:
        y = _share(y_span, line.c / line.b)
        return (0.0, y), (1.0, y)
    # Oblique ones stand on linear axes only.
    high = y_span.high - y_span.low
    first, last = (
        ((line.c - line.a * x) / line.b - y_span.low) / high for x in (x_span.low, x_span.high)
    )
    return (0.0, first), (1.0, last)


def marks(span: Span) -> list[tuple[float, str]]:
    """Return the numbers that are written along an axis: round ones, or 1, 2, 5 of each decade."""
    if not span.log:
        return round_ticks(span.low, span.high, 4)
    first, last = math.floor(math.log10(span.low)), math.ceil(math.log10(span.high))
    steps = (1, 2, 5) if last - first <= 2 else (1,)
    values = [step * 10.0**decade for decade in range(first, last + 1) for step in steps]
    return [(value, f"{value:g}") for value in values if span.low <= value <= span.high]


def _share(span: Span, value: float) -> float:
    return float(span.share(np.array([value], np.float32))[0])
