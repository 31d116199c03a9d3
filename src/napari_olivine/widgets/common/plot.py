"""A small plot: curves and points against one or two axes, drawn by Qt itself.

Drawing takes a millisecond, needs no second OpenGL context and no further library.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from napari_olivine.widgets.common.controls import readable

NEAR_PX = 8.0
"""How near to a point a click must be, px of the screen."""

Side = Literal["left", "right"]


@dataclass
class Curve:
    """One curve of a plot.

    Parameters
    ----------
    name
        For the legend; empty to leave it out.
    x, y
        Values, shape (n,); the curve is broken where one is NaN.
    colour
        Any colour that Qt knows.
    side
        Axis that `y` belongs to.
    points
        Draw points instead of a line.
    marked
        Draw a point at each value of the line.
    hollow
        Draw points as rings.
    keys
        What each point is, for `Plot.picked`, of length n; without them points cannot be clicked.
    tips
        What is said of each point under the mouse, of length n.
    """

    name: str
    x: ArrayLike
    y: ArrayLike
    colour: str
    side: Side = "left"
    points: bool = False
    marked: bool = False
    hollow: bool = False
    keys: Sequence[Any] = ()
    tips: Sequence[str] = ()


@dataclass
class Axis:
    """Label and range of an axis.

    Parameters
    ----------
    label
        What it shows, with its unit.
    limits
        Range; that of the curves if not given.
    colour
        Of its numbers; that of all text if empty.
    reverse
        Whether it points down.
    whole
        Whether only whole numbers are marked.
    floor
        Value below which its range does not begin.
    """

    label: str = ""
    limits: tuple[float, float] | None = None
    colour: str = ""
    reverse: bool = False
    whole: bool = False
    floor: float = -math.inf
    range: tuple[float, float] = field(default=(0.0, 1.0), init=False)


class Plot(QWidget):
    """A plot with one axis below and one or two at the sides; an axis without values is not drawn.

    Points of curves with `Curve.keys` can be clicked.
    """

    picked = Signal(object)
    """Key of the point that was clicked."""

    def __init__(self, below: Axis, left: Axis, right: Axis | None = None) -> None:
        super().__init__()
        self.below = below
        self.sides: dict[str, Axis] = {"left": left} | ({"right": right} if right else {})
        self.curves: list[Curve] = []
        self.empty_text = ""
        self._area = QRectF()
        self.setMouseTracking(True)
        self.setMinimumHeight(170)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def show_curves(self, curves: Sequence[Curve]) -> None:
        """Replace what is drawn."""
        self.curves = list(curves)
        self.below.range = _range([c.x for c in curves], self.below.limits, margin=0.0)
        for side, axis in self.sides.items():
            low, high = _range([c.y for c in curves if c.side == side], axis.limits)
            axis.range = (max(low, axis.floor), high)
        self.update()

    def place_of(self, key: Any) -> QPointF | None:
        """Return where a point is drawn, px of the widget; `None` if it is not."""
        return next((place for place, one, _ in self._points() if one == key), None)

    def _points(self) -> Iterator[tuple[QPointF, Any, str]]:
        """Places on the screen, keys and tips of the points that can be clicked."""
        for curve in self.curves:
            tips = curve.tips or [""] * len(curve.keys)
            across, up = self._on_screen(self._area, curve)
            for x, y, key, tip in zip(across, up, curve.keys, tips, strict=False):
                if np.isfinite(x) and np.isfinite(y):
                    yield QPointF(x, y), key, tip

    def _point_at(self, place: QPointF) -> tuple[Any, str] | None:
        """Return key and tip of the point nearest to a place, `None` if none is near."""

        def distance(point: QPointF) -> float:
            return math.hypot(point.x() - place.x(), point.y() - place.y())

        near = [(distance(point), key, tip) for point, key, tip in self._points()]
        nearest = min(near, key=lambda found: found[0], default=None)
        return nearest[1:] if nearest is not None and nearest[0] <= NEAR_PX else None

    @override
    def mousePressEvent(self, a0: Any) -> None:
        found = self._point_at(a0.position())
        if found is not None:
            self.picked.emit(found[0])

    @override
    def mouseMoveEvent(self, a0: Any) -> None:
        found = self._point_at(a0.position())
        hand = Qt.CursorShape.PointingHandCursor if found else Qt.CursorShape.ArrowCursor
        self.setCursor(hand)
        self.setToolTip(found[1] if found else "")

    @override
    def sizeHint(self) -> QSize:
        return QSize(320, 210)

    @override
    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        faint = QColor(ink)
        faint.setAlpha(45)
        metrics = QFontMetricsF(painter.font())
        line = metrics.height()
        if not self.curves:
            painter.setPen(ink)
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(QRectF(self.rect()).adjusted(10, 10, -10, -10), flags, self.empty_text)
            return
        ticks = {
            side: round_ticks(*axis.range, whole=axis.whole)
            for side, axis in self.sides.items()
            if any(curve.side == side and np.isfinite(curve.y).any() for curve in self.curves)
        }
        widths = {
            side: max((metrics.horizontalAdvance(text) for _, text in found), default=0.0)
            for side, found in ticks.items()
        }
        legend_rows = self._legend(painter, metrics, draw=False)
        top = legend_rows * line + 4
        if any(axis.label for axis in self.sides.values()):
            top += 1.4 * line  # the uppermost tick reaches half a line above the area
        area = QRectF(
            widths.get("left", 0.0) + 10,
            top,
            self.width() - widths.get("left", 0.0) - 10 - (widths.get("right", 0.0) + 10),
            self.height() - top - 2 * line - 8,
        )
        self._area = area
        self._legend(painter, metrics, draw=True)
        self._draw_axes(painter, area, ticks, ink, faint, line, top)
        painter.setClipRect(area.adjusted(-4, -4, 4, 4))
        for curve in self.curves:
            self._draw_curve(painter, area, curve)

    def _draw_axes(
        self,
        painter: QPainter,
        area: QRectF,
        ticks: dict[str, list[tuple[float, str]]],
        ink: QColor,
        faint: QColor,
        line: float,
        top: float,
    ) -> None:
        for side in ticks:
            axis = self.sides[side]
            colour = QColor(readable(axis.colour, self)) if axis.colour else ink
            near = Qt.AlignmentFlag.AlignRight if side == "left" else Qt.AlignmentFlag.AlignLeft
            for value, text in ticks[side]:
                y = _up(value, axis, area)
                if side == next(iter(ticks)):
                    painter.setPen(QPen(faint, 1))
                    painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
                painter.setPen(colour)
                x = 0.0 if side == "left" else area.right() + 5
                width = area.left() - 5 if side == "left" else self.width() - x
                box = QRectF(x, y - line / 2, width, line)
                painter.drawText(box, near | Qt.AlignmentFlag.AlignVCenter, text)
            painter.setPen(colour)
            toward = Qt.AlignmentFlag.AlignLeft if side == "left" else Qt.AlignmentFlag.AlignRight
            above = top - 1.4 * line - 2
            painter.drawText(QRectF(0, above, self.width(), line), toward, axis.label)
        painter.setPen(ink)
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        metrics = QFontMetricsF(painter.font())
        for value, text in self._ticks_below(area.width(), metrics):
            x = _place(value, self.below.range, area.left(), area.right())
            painter.drawLine(QPointF(x, area.bottom()), QPointF(x, area.bottom() + 3))
            box = QRectF(x - 40, area.bottom() + 4, 80, line)
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, text)
        wide = min(metrics.horizontalAdvance(self.below.label) + 2, self.width())
        start = min(max(area.center().x() - wide / 2, 0.0), self.width() - wide)
        painter.drawText(
            QRectF(start, self.height() - line - 1, wide, line),
            Qt.AlignmentFlag.AlignHCenter,
            self.below.label,
        )

    def _ticks_below(self, width: float, metrics: QFontMetricsF) -> list[tuple[float, str]]:
        """As many marks as there is room for their numbers."""
        found: list[tuple[float, str]] = []
        for about in (5, 3, 2, 1):
            found = round_ticks(*self.below.range, about, whole=self.below.whole)
            widest = max((metrics.horizontalAdvance(text) for _, text in found), default=0.0)
            if len(found) < 2 or width / (len(found) - 1) > widest + 5:
                break
        return found

    def _draw_curve(self, painter: QPainter, area: QRectF, curve: Curve) -> None:
        across, up = self._on_screen(area, curve)
        colour = QColor(readable(curve.colour, self))
        good = np.isfinite(across) & np.isfinite(up)
        if curve.points or curve.marked:
            painter.setPen(QPen(colour, 1.4) if curve.hollow else Qt.PenStyle.NoPen)
            painter.setBrush(Qt.BrushStyle.NoBrush if curve.hollow else colour)
            for px, py in zip(across[good], up[good], strict=True):
                painter.drawEllipse(QPointF(px, py), 2.6, 2.6)
            painter.setBrush(Qt.BrushStyle.NoBrush)
        if curve.points:
            return
        painter.setPen(QPen(colour, 1.6))
        for part in _unbroken(good):
            places = [QPointF(a, b) for a, b in zip(across[part], up[part], strict=True)]
            painter.drawPolyline(QPolygonF(places))
            if len(places) == 1:  # a line of one point would not be seen
                painter.drawEllipse(places[0], 1.5, 1.5)

    def _on_screen(self, area: QRectF, curve: Curve) -> tuple[NDArray[Any], NDArray[Any]]:
        """Places of the values of a curve, px of the widget."""
        x, y = np.asarray(curve.x, float), np.asarray(curve.y, float)
        across = _place(x, self.below.range, area.left(), area.right())
        return across, _up(y, self.sides[curve.side], area)

    def _legend(self, painter: QPainter, metrics: QFontMetricsF, *, draw: bool) -> int:
        """Draw the legend, or only count its rows."""
        x, row, height = 4.0, 0, metrics.height()
        named = [curve for curve in self.curves if curve.name]
        for curve in named:
            width = metrics.horizontalAdvance(curve.name) + 30
            if x + width > self.width() and x > 4:
                x, row = 4.0, row + 1
            if draw:
                middle = row * height + height / 2
                colour = QColor(readable(curve.colour, self))
                painter.setPen(QPen(colour, 2))
                if curve.points:
                    if not curve.hollow:
                        painter.setBrush(colour)
                    painter.drawEllipse(QPointF(x + 8, middle), 2.2, 2.2)
                    painter.setBrush(Qt.BrushStyle.NoBrush)
                else:
                    painter.drawLine(QPointF(x, middle), QPointF(x + 16, middle))
                painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
                painter.drawText(QPointF(x + 20, row * height + metrics.ascent()), curve.name)
            x += width
        return row + 1 if named else 0


def _range(
    values: Sequence[ArrayLike], limits: tuple[float, float] | None, margin: float = 0.06
) -> tuple[float, float]:
    if limits is not None:
        return limits
    together = np.concatenate([np.asarray(v, float).ravel() for v in values] or [np.zeros(0)])
    together = together[np.isfinite(together)]
    if not together.size:
        return 0.0, 1.0
    low, high = float(together.min()), float(together.max())
    room = margin * (high - low) if high > low else max(abs(low) * 0.05, 0.5)
    return low - room, high + room


def round_ticks(
    low: float, high: float, about: int = 5, *, whole: bool = False
) -> list[tuple[float, str]]:
    """Return round numbers between two values, with as many decimals as they need.

    Parameters
    ----------
    low, high
        The two values.
    about
        How many numbers.
    whole
        Whether they must be whole.

    Returns
    -------
    list of (float, str)
        The numbers, and how they are written.
    """
    step = max((high - low) / about, 1.0 if whole else 0.0)
    size = 10.0 ** math.floor(math.log10(step)) if step > 0 else 1.0
    step = next(size * k for k in (1, 2, 5, 10) if size * k >= step * 0.999)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [(k * step, f"{k * step:.{decimals}f}") for k in range(first, last + 1)]


def _place(value: Any, span: tuple[float, float], start: float, end: float) -> Any:
    """Place on the screen of a value within a range."""
    return start + (value - span[0]) / ((span[1] - span[0]) or 1.0) * (end - start)


def _up(value: Any, axis: Axis, area: QRectF) -> Any:
    """Height on the screen of a value of a side axis."""
    ends = (area.top(), area.bottom()) if axis.reverse else (area.bottom(), area.top())
    return _place(value, axis.range, *ends)


def _unbroken(good: NDArray[np.bool_]) -> list[slice]:
    """Stretches without a gap."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(np.int8)))
    return [slice(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)]
