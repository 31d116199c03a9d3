"""Windows of the validation sessions: BSE, what the network finds, and where it is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from html import escape
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import QLabel, QSizePolicy, QWidget
from typing_extensions import override

from napari_olivine.widgets.common import Background, Collapsible, wrapped
from napari_olivine.widgets.editing import zoom_to
from napari_olivine.widgets.layers import (
    BOTH,
    COLOURS,
    EXTRA,
    MISSED,
    errors_of,
    probability_look,
)
from napari_olivine.widgets.state import OpenSection

THRESHOLD = 128
"""Stored probability from which a pixel counts as olivine: that of the IoU in the plot, 0.5."""

SHORT = {BOTH: "right", EXTRA: "too much", MISSED: "missed"}
"""What the colours of the errors mean, in a line of a dock."""

OVER_BSE = 0.6
"""Opacity of the colours of the errors, as in the Segment dock."""

GAP_PX = 3
"""Between two windows, px of the screen."""


@dataclass(frozen=True)
class SeenWindows:
    """Windows as images.

    Parameters
    ----------
    step
        Steps of the training, or of its best weights.
    places
        First row and column of each in the section, shape (windows, 2).
    side
        Of a window, px of the section.
    images
        Rows of the part: BSE, prediction and errors of each window, red, green and blue, uint8 of
        shape (windows, side, side, 3).
    phases
        Whether the prediction is a map of phases, not the probability of olivine.
    """

    step: int
    places: NDArray[np.int64]
    side: int
    images: tuple[NDArray[np.uint8], ...]
    phases: bool


def read_windows(file: Path) -> SeenWindows:
    """Read the windows of a training or a model, and colour them.

    Parameters
    ----------
    file
        As `napari_olivine.training` writes it.

    Raises
    ------
    OSError, ValueError, KeyError
        If there is no such file, or it is none of windows.
    """
    try:
        with np.load(file) as arrays:
            found = dict(arrays)
    except BadZipFile as error:
        raise ValueError(f"{file} is damaged: {error}") from error
    bse, probability = found["bse"], found["probability"]
    grey = np.repeat(bse[..., None], 3, axis=-1)
    phases = "phases" in found
    prediction = found["colours"].take(found["phases"], 0) if phases else _magma()[probability]
    errors = errors_of(probability >= THRESHOLD, found["mask"])
    coloured = grey.copy()
    for code, colour in COLOURS.items():
        there = errors == code
        over = np.array(QColor(colour).getRgb()[:3], np.float32) * OVER_BSE
        coloured[there] = grey[there] * np.float32(1 - OVER_BSE) + over
    images = (grey, prediction, coloured)
    return SeenWindows(int(found["step"]), found["places"], bse.shape[1], images, phases)


@cache
def _magma() -> NDArray[np.uint8]:
    """Colours of stored probabilities, those of their layer."""
    from napari.utils.colormaps import ensure_colormap

    steps = ensure_colormap(probability_look()["colormap"]).map(np.linspace(0, 1, 256))
    return np.asarray(np.rint(steps[:, :3] * 255), np.uint8)


def _image(pixels: NDArray[np.uint8]) -> QImage:
    height, width, channels = pixels.shape
    kind = QImage.Format.Format_RGB888
    return QImage(pixels.tobytes(), width, height, channels * width, kind).copy()


class ImageRow(QWidget):
    """Square images side by side in the width that there is, one of which can be clicked."""

    clicked = Signal(int)
    """Number of the image."""

    def __init__(self) -> None:
        super().__init__()
        self._images: list[QImage] = []
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip("Click: the view goes to this place")
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def show_images(self, images: Sequence[NDArray[np.uint8]]) -> None:
        """Show other images, of shape (side, side, 3)."""
        grows = len(images) != len(self._images)
        self._images = [_image(one) for one in images]
        if grows:
            self.updateGeometry()
        self.update()

    def place_of(self, number: int) -> QPointF:
        """Return the middle of an image, px of the widget."""
        return self._boxes()[number].center()

    def _boxes(self) -> list[QRectF]:
        side = self._side(self.width())
        return [QRectF(k * (side + GAP_PX), 0, side, side) for k in range(len(self._images))]

    def _side(self, width: int) -> float:
        count = max(1, len(self._images))
        return (width - GAP_PX * (count - 1)) / count

    @override
    def hasHeightForWidth(self) -> bool:
        return True

    @override
    def heightForWidth(self, a0: int) -> int:
        return round(self._side(a0)) if self._images else 0

    @override
    def sizeHint(self) -> QSize:
        return QSize(320, self.heightForWidth(320))

    @override
    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for box, image in zip(self._boxes(), self._images, strict=True):
            # Smaller by steps: a single one would leave out lines of pixels.
            size = (box.size() * self.devicePixelRatioF()).toSize()
            smooth = Qt.TransformationMode.SmoothTransformation
            painter.drawImage(box, image.scaled(size, transformMode=smooth))

    @override
    def mousePressEvent(self, a0: QMouseEvent | None) -> None:
        for number, box in enumerate(self._boxes()):
            if a0 is not None and box.contains(a0.position()):
                self.clicked.emit(number)


class WindowsPart(Collapsible):
    """Shows the windows of the running training, or of a model; hidden where there are none.

    Parameters
    ----------
    session
        Open section of the viewer.
    """

    def __init__(self, session: OpenSection) -> None:
        super().__init__("Validation windows", expanded=True)
        self._session = session
        self._wanted: Path | None = None
        self._of = ""
        self._seen: SeenWindows | None = None
        self._background = Background()
        self._background.done.connect(self._on_read)
        self.rows = [ImageRow() for _ in range(3)]
        self.titles: list[QLabel] = [wrapped(rich=True) for _ in range(3)]
        self.inside.setSpacing(2)
        for title, row in zip(self.titles, self.rows, strict=True):
            self.inside.addWidget(title)
            self.inside.addWidget(row)
            row.clicked.connect(self.go_to)
        self.hide()

    def show_file(self, file: Path | None, of: str = "") -> None:
        """Show the windows of a file as soon as it is read; nothing if there is none.

        Parameters
        ----------
        file
            In the folder of a model or of a training.
        of
            Name of the model; that of the training that runs need not be told.
        """
        self._wanted, self._of = file, of
        if file is None or not file.exists():
            self._background.want([])
            self._show(None)
        else:
            self._background.want([((file, file.stat().st_mtime_ns), partial(read_windows, file))])

    def stop(self) -> None:
        """Read nothing more: the dock was closed."""
        self._background.stop()

    def go_to(self, number: int) -> None:
        """Bring the view to a window."""
        if self._seen is None or self._session.section is None:
            return
        pixel_um = self._session.section.pixel_size_um
        row, column = (float(first) for first in self._seen.places[number])
        y_um, x_um = (
            ((first - 0.5) * pixel_um, (first + self._seen.side - 0.5) * pixel_um)
            for first in (row, column)
        )
        zoom_to(self._session, y_um, x_um)

    def _on_read(self, name: tuple[Path, int], seen: SeenWindows | None) -> None:
        if name[0] == self._wanted and seen is not None:
            self._show(seen)

    def _show(self, seen: SeenWindows | None) -> None:
        self._seen = seen
        self.setVisible(seen is not None)
        if seen is None:
            return
        for row, images in zip(self.rows, seen.images, strict=True):
            row.show_images(list(images))
        squares = [
            f"<span style='color:{COLOURS[code]}'>■</span> {words}" for code, words in SHORT.items()
        ]
        found = "the most probable phase" if seen.phases else "probability of olivine"
        self.titles[0].setText(
            f"BSE; {escape(self._of or 'the network')} after {seen.step:,} steps"
        )
        self.titles[1].setText(f"What it finds: {found}")
        self.titles[2].setText(f"Olivine from 0.5 on: {' '.join(squares)}")
