"""The size of a pixel from a line along the scale bar of an image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication

from napari_olivine.readers import ImportSettings, read_first_image
from napari_olivine.readers.assemble import first_image
from napari_olivine.widgets.section.scale_bar import ScaleBarWindow

LEFT, SHIFT = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An image without a size, with a bar of 200 px; and a map that is not to be measured."""
    image = np.full((300, 400), 40, np.uint8)
    image[280:284, 20:220] = 255
    tifffile.imwrite(tmp_path / "BSE.tif", image)
    tifffile.imwrite(tmp_path / "Mg.tif", image[::2, ::2])
    return tmp_path


def draw(window: ScaleBarWindow, places: list[tuple[float, float]], keys: Any) -> None:
    """Press at the first place of the image, go to the others, release."""
    view, port = window.view, window.view.viewport()
    kinds = [QEvent.Type.MouseButtonPress, *[QEvent.Type.MouseMove] * (len(places) - 1)]
    for kind, place in zip(
        [*kinds, QEvent.Type.MouseButtonRelease], [*places, places[-1]], strict=True
    ):
        pixel = QPointF(view.mapFromScene(QPointF(*place)))
        event = QMouseEvent(kind, pixel, QPointF(port.mapToGlobal(pixel)), LEFT, LEFT, keys)
        QApplication.sendEvent(port, event)


@pytest.mark.gui
def test_a_line_and_its_length_are_the_size_of_a_pixel(qtbot: Any, folder: Path) -> None:
    window = ScaleBarWindow(folder, ImportSettings())
    qtbot.addWidget(window)
    window.show()
    qtbot.waitUntil(lambda: window.image is not None, timeout=10_000)
    assert window.title.text() == "BSE: BSE.tif, 400 x 300 px"
    assert not window.use.isEnabled()
    draw(window, [(20, 282), (100, 282), (220, 290)], SHIFT)  # level, where the hand is not
    assert window.line_px == pytest.approx(200, abs=1)
    draw(window, [(50, 50), (51, 50)], SHIFT)  # a slip of the mouse
    assert window.line_px == pytest.approx(200, abs=1)
    window.length.setValue(0.1)
    window.unit.setCurrentText("mm")
    assert window.size_text.text().startswith(f"{window.line_px:.1f} px: a pixel is 0.")
    with qtbot.waitSignal(window.measured) as measured:
        qtbot.mouseClick(window.use, LEFT)
    assert measured.args[0] == pytest.approx(0.5, rel=0.01)


def test_a_large_image_is_read_coarser_and_measured_in_its_own_pixels(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_image, "LONGEST_PX", 150)
    monkeypatch.setattr(first_image, "STRIP_BYTES", 5000)
    found = read_first_image(folder)
    assert (found.signal, found.step, found.shape) == ("BSE", 3, (300, 400))
    assert found.grey.shape == (100, 134)
    assert (found.grey[94] == 255).sum() == pytest.approx(200 / 3, abs=1)
    assert found.grey[50].max() == 0


def test_a_source_without_images_is_told(qtbot: Any, tmp_path: Path) -> None:
    window = ScaleBarWindow(tmp_path, ImportSettings())
    qtbot.addWidget(window)
    qtbot.waitUntil(lambda: "Reading" not in window.title.text(), timeout=10_000)
    assert str(tmp_path) in window.title.text()
