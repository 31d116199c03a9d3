"""A point a crystal in the plane of a classifier's features; points are clicked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen, QPixmap, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from napari_olivine.crystals import KIND, NONE_OF_THESE, RECOGNISED

NEAR_PX = 8.0
"""How near to a point a click must be, px of the screen."""

MARGIN_PX = 10.0
GIVEN_PX, RECOGNISED_PX = 7.0, 4.0
"""Diameters of points, px of the screen: crystals whose kind a person gave are larger."""

SIGMAS = 2.0
"""Half axes of the ellipses, standard deviations, as in Fig. 2 of Larmuseau et al. 2021."""

GREY = "#808080"

Doubles = NDArray[np.float64]


def ellipse_outline(mean: Sequence[float], covariance: Sequence[Sequence[float]]) -> Doubles:
    """Return the line at `SIGMAS` standard deviations around a Gaussian of two dimensions.

    Parameters
    ----------
    mean
        x and y.
    covariance
        2 x 2.

    Returns
    -------
    numpy.ndarray
        x and y, shape (points, 2); the last point is the first.
    """
    values, axes = np.linalg.eigh(np.asarray(covariance, np.float64))
    angle = np.linspace(0, 2 * np.pi, 65)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    reach = SIGMAS * np.sqrt(np.maximum(values, 0))
    return np.asarray(np.asarray(mean) + (circle * reach) @ axes.T)


class DescriptorPlot(QWidget):
    """Draws crystals as points in the colours of their kinds; "none of these" is a ring.

    The points are one image that is drawn again when they or the size change: to light another
    crystal takes no longer with 22,000 of them.
    """

    picked = Signal(int)
    """Id of the crystal whose point was clicked."""

    def __init__(self) -> None:
        super().__init__()
        self.empty_text = ""
        self._points = pd.DataFrame({"id": np.zeros(0, np.int64), "x": 0.0, "y": 0.0})
        self._outlines: list[tuple[str, Doubles]] = []
        self._range = (0.0, 1.0), (0.0, 1.0)
        self._selected = 0
        self._drawn: QPixmap | None = None
        self.setMinimumHeight(200)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_crystals(
        self,
        points: pd.DataFrame,
        colours: Mapping[str, str],
        ellipses: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Show other crystals, or the same with other kinds.

        Parameters
        ----------
        points
            ``id``, ``x``, ``y``, ``kind``, ``recognised_kind`` and ``recognised_probability``.
        colours
            Colour by kind; others are grey.
        ellipses
            Of each class ``class``, ``mean`` and ``covariance``.
        """
        kinds = points[KIND].where(points[KIND] != "", points[RECOGNISED[0]])
        self._points = points.assign(
            shown=kinds,
            colour=kinds.map(dict(colours)).fillna(GREY),
            ring=(kinds == NONE_OF_THESE),
            given=(points[KIND] != ""),
        ).reset_index(drop=True)
        self._outlines = [
            (colours.get(one["class"], GREY), ellipse_outline(one["mean"], one["covariance"]))
            for one in ellipses
        ]
        places = [points[["x", "y"]].to_numpy(np.float64), *(line for _, line in self._outlines)]
        low, high = (f(np.concatenate(places), axis=0) for f in (np.min, np.max)) if len(
            points
        ) else (np.zeros(2), np.ones(2))  # fmt: skip
        high = np.where(high > low, high, low + 1)
        self._range = (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))
        self._drawn = None
        self.update()

    def show_selected(self, crystal: int) -> None:
        """Light the point of a crystal; of none if it has no point."""
        if crystal != self._selected:
            self._selected = crystal
            self.update()

    def place_of(self, crystal: int) -> QPointF | None:
        """Return where the point of a crystal is drawn, px of the widget; `None` if nowhere."""
        found = self._points[self._points["id"] == crystal]
        if not len(found):
            return None
        (across, up), *_ = self._on_screen(found[["x", "y"]].to_numpy(np.float64))
        return QPointF(across, up)

    def crystal_at(self, place: QPointF) -> int:
        """Return the crystal whose point is nearest to a place, 0 if none is near."""
        if not len(self._points):
            return 0
        places = self._on_screen(self._points[["x", "y"]].to_numpy(np.float64))
        distance = np.hypot(places[:, 0] - place.x(), places[:, 1] - place.y())
        nearest = int(distance.argmin())
        return int(self._points["id"].iloc[nearest]) if distance[nearest] <= NEAR_PX else 0

    def _on_screen(self, places: Doubles) -> Doubles:
        (left, right), (bottom, top) = self._range
        wide, high = self.width() - 2 * MARGIN_PX, self.height() - 2 * MARGIN_PX
        across = MARGIN_PX + (places[:, 0] - left) / (right - left) * wide
        up = MARGIN_PX + (top - places[:, 1]) / (top - bottom) * high
        return np.stack([across, up], axis=1)

    # ------------------------------------------------------------------ the mouse

    @override
    def mousePressEvent(self, a0: Any) -> None:
        found = self.crystal_at(a0.position())
        if found and a0.button() == Qt.MouseButton.LeftButton:
            self.picked.emit(found)

    @override
    def mouseMoveEvent(self, a0: Any) -> None:
        found = self.crystal_at(a0.position())
        hand = Qt.CursorShape.PointingHandCursor if found else Qt.CursorShape.ArrowCursor
        self.setCursor(hand)
        self.setToolTip(self._words(found) if found else "")

    def _words(self, crystal: int) -> str:
        one = self._points[self._points["id"] == crystal].iloc[0]
        if one["given"]:
            return f"Crystal {crystal}: {one['shown']} (given)"
        if one["shown"]:
            return f"Crystal {crystal}: {one['shown']} ({one[RECOGNISED[1]]:.0%})"
        return f"Crystal {crystal}: edited since it was recognised"

    @override
    def sizeHint(self) -> QSize:
        return QSize(320, 260)

    # ------------------------------------------------------------------ drawing

    @override
    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        if not len(self._points):
            painter.setPen(ink)
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(QRectF(self.rect()).adjusted(10, 10, -10, -10), flags, self.empty_text)
            return
        ratio = self.devicePixelRatioF()
        if self._drawn is None or self._drawn.size() != self.size() * ratio:
            self._drawn = self._draw_points(ratio)
        painter.drawPixmap(0, 0, self._drawn)
        place = self.place_of(self._selected)
        if place is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for colour, wide in ((QColor("#000000"), 4.0), (QColor("#FFFF00"), 2.0)):
                painter.setPen(QPen(colour, wide))
                painter.drawEllipse(place, 7.0, 7.0)

    def _draw_points(self, ratio: float) -> QPixmap:
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        ground = self.palette().color(QPalette.ColorRole.Base)
        picture.fill(ground)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for colour, line in self._outlines:
            painter.setPen(QPen(QColor(colour), 1.2))
            painter.drawPolyline(_polygon(self._on_screen(line)))
        places = self._on_screen(self._points[["x", "y"]].to_numpy(np.float64))
        looks = self._points.groupby(["given", "ring", "colour"]).indices
        for look, rows in sorted(looks.items()):  # given ones above the others
            given, ring, colour = cast("tuple[bool, bool, str]", look)
            size = GIVEN_PX if given else RECOGNISED_PX
            some = _polygon(places[rows])
            for ink, wide in ((QColor(colour), size + 2 * ring), *([(ground, size - 1)] * ring)):
                pen = QPen(ink, wide)
                pen.setCapStyle(Qt.PenCapStyle.RoundCap)
                painter.setPen(pen)
                painter.drawPoints(some)
        painter.end()
        return picture


def _polygon(places: Doubles) -> QPolygonF:
    return QPolygonF([QPointF(across, up) for across, up in places.tolist()])
