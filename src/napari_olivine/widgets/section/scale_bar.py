"""A window in which a person draws a line along the scale bar of an image: the size of a pixel."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import QLineF, QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QColor, QImage, QPainter, QPen, QPixmap
from qtpy.QtWidgets import (
    QDialog,
    QDoubleSpinBox,
    QFormLayout,
    QGraphicsScene,
    QGraphicsView,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from napari_olivine.errors import Cancelled, OlivineError
from napari_olivine.job import Job
from napari_olivine.readers import FirstImage, ImportSettings, read_first_image
from napari_olivine.widgets.common import (
    Background,
    combo,
    in_words,
    keep_from_wheel,
    push_button,
    row_layout,
    wrapped,
)

HINT = (
    "Drag a line from one end of the scale bar to the other; draw it again until it fits. The "
    "wheel zooms, the right button moves the image, Shift keeps the line level or upright."
)

UNITS_UM = {"µm": 1.0, "mm": 1000.0, "nm": 0.001}

SHORTEST_PX = 5.0
"""A line shorter than this is a slip of the mouse."""

RECOMMENDED_PX = 100.0
"""Both ends of a line are good to a pixel: of a shorter one the size is off by 1 % and more."""

ZOOM, SMALLEST, LARGEST = 1.25, 0.01, 40.0
LINE = QColor("#ffe000")


class LineView(QGraphicsView):
    """An image on which one line is drawn; places count in its pixels."""

    drawn = Signal()
    """The line is another one."""

    def __init__(self) -> None:
        self._canvas = QGraphicsScene()
        super().__init__(self._canvas)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.setBackgroundBrush(QColor("black"))
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.line = QLineF()
        self._pressed: QPointF | None = None
        self._moved_from: Any = None
        self._fitted = False
        self._pixels: Any = None
        pen = QPen(LINE, 2)
        pen.setCosmetic(True)
        self._item = self._canvas.addLine(self.line, pen)
        self._item.setZValue(1)

    def show_image(self, grey: np.ndarray) -> None:
        """Show a grey image, uint8, shape (rows, columns), as a whole."""
        rows, columns = grey.shape
        self._pixels = np.ascontiguousarray(grey)
        image = QImage(self._pixels.data, columns, rows, columns, QImage.Format.Format_Grayscale8)
        self._canvas.addPixmap(QPixmap.fromImage(image))
        self._canvas.setSceneRect(QRectF(0, 0, columns, rows))
        self._fitted = False
        self._fit()

    def _fit(self) -> None:
        if self.isVisible() and not self._fitted and self._pixels is not None:
            self.fitInView(self._canvas.sceneRect(), Qt.AspectRatioMode.KeepAspectRatio)
            self._fitted = True

    @override
    def showEvent(self, a0: Any) -> None:
        super().showEvent(a0)
        self._fit()

    @override
    def wheelEvent(self, event: Any) -> None:
        times = ZOOM if event.angleDelta().y() > 0 else 1 / ZOOM
        if SMALLEST < self.transform().m11() * times < LARGEST:
            self.scale(times, times)

    @override
    def mousePressEvent(self, event: Any) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._pixels is not None:
            self._pressed = self.mapToScene(event.position().toPoint())
        elif event.button() in (Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton):
            self._moved_from = event.position()

    @override
    def mouseMoveEvent(self, event: Any) -> None:
        if self._pressed is not None:
            end = self.mapToScene(event.position().toPoint())
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                end = _level(self._pressed, end)
            line = QLineF(self._pressed, end)
            if line.length() >= SHORTEST_PX:
                self.line = line
                self._item.setLine(line)
                self.drawn.emit()
        elif self._moved_from is not None:
            by = event.position() - self._moved_from
            self._moved_from = event.position()
            for bar, pixels in (
                (self.horizontalScrollBar(), by.x()), (self.verticalScrollBar(), by.y())
            ):  # fmt: skip
                bar.setValue(bar.value() - round(pixels))

    @override
    def mouseReleaseEvent(self, event: Any) -> None:
        self._pressed = self._moved_from = None

    @override
    def contextMenuEvent(self, event: Any) -> None:
        event.accept()  # the right button moves the image


def _level(start: QPointF, end: QPointF) -> QPointF:
    """Return the end of a line that is level, or upright, whichever is nearer."""
    if abs(end.x() - start.x()) >= abs(end.y() - start.y()):
        return QPointF(end.x(), start.y())
    return QPointF(start.x(), end.y())


class ScaleBarWindow(QDialog):
    """Measure the size of a pixel on the first image of a source.

    Parameters
    ----------
    source
        Folder or file of the instrument.
    settings
        Settings of the import.
    parent
        The widget that opens it.
    """

    measured = Signal(float)
    """Side of a pixel, um."""

    def __init__(
        self, source: Path, settings: ImportSettings, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Scale bar of {source.name}")
        self.resize(900, 760)
        self.image: FirstImage | None = None
        self.view = LineView()
        self.view.drawn.connect(self._show_size)
        self.title = wrapped(f"Reading {escape(source.name)}...")
        self.length = keep_from_wheel(QDoubleSpinBox())
        self.length.setRange(0.0, 1e6)
        self.length.setDecimals(3)
        self.length.setToolTip("What stands beside the bar")
        self.length.valueChanged.connect(lambda _value: self._show_size())
        self.unit = combo(list(UNITS_UM))
        self.unit.currentTextChanged.connect(lambda _unit: self._show_size())
        self.size_text = wrapped("Draw a line, and type how long the bar is.")
        self.use = push_button("Use this size", self._use, "Set the pixel size of the import")
        self.use.setEnabled(False)
        column = QVBoxLayout(self)
        column.addWidget(self.title)
        column.addWidget(wrapped(HINT))
        column.addWidget(self.view, 1)
        form = QFormLayout()
        form.addRow("Length of the bar", row_layout(self.length, self.unit))
        column.addLayout(form)
        column.addWidget(self.size_text)
        column.addLayout(row_layout(self.use, push_button("Close", self.close)))
        self._job = Job()
        self._background = Background()
        self._background.done.connect(self._on_read)
        self._background.want([(source, lambda: _read(source, settings, self._job))])

    @property
    def pixel_size_um(self) -> float | None:
        """Side of a pixel of the file by the line and its length, um; `None` if one is missing."""
        length_um = self.length.value() * UNITS_UM[self.unit.currentText()]
        pixels = self.line_px
        return length_um / pixels if pixels and length_um > 0 else None

    @property
    def line_px(self) -> float:
        """Length of the line, px of the file."""
        return float(self.view.line.length()) * self.image.step if self.image is not None else 0.0

    @override
    def closeEvent(self, a0: Any) -> None:
        self._job.cancel.set()
        self._background.stop()
        super().closeEvent(a0)

    def _on_read(self, _source: Any, found: FirstImage | OlivineError | None) -> None:
        if not isinstance(found, FirstImage):
            self.title.setText(
                in_words(found, "import") if found is not None else "The image cannot be read."
            )
            return
        self.image = found
        rows, columns = found.shape
        self.title.setText(f"{found.signal}: {found.file.name}, {columns} x {rows} px")
        self.view.show_image(found.grey)

    def _show_size(self) -> None:
        size, pixels = self.pixel_size_um, self.line_px
        self.use.setEnabled(size is not None)
        if size is None or self.image is None:
            self.size_text.setText(
                f"The line is {pixels:.1f} px long: type how long the bar is."
                if pixels
                else "Draw a line, and type how long the bar is."
            )
            return
        rows, columns = self.image.shape
        unsure = self.image.step / pixels
        words = (
            f"{pixels:.1f} px: a pixel is {size:.4g} µm wide, this image "
            f"{columns * size / 1000:.3g} x {rows * size / 1000:.3g} mm."
        )
        if pixels < RECOMMENDED_PX * self.image.step:
            words += f" One pixel more or less makes {unsure:.1%}: zoom in, or take a longer bar."
        self.size_text.setText(words)

    def _use(self) -> None:
        if (size := self.pixel_size_um) is not None:
            self.measured.emit(float(f"{size:.5g}"))
            self.close()


def _read(source: Path, settings: ImportSettings, job: Job) -> FirstImage | OlivineError | None:
    try:
        return read_first_image(source, settings, job)
    except OlivineError as error:
        return error
    except Cancelled:  # the window was closed
        return None
