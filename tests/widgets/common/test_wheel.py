"""The wheel over a box: it scrolls, and changes nothing that nobody has clicked into."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QScrollBar, QWidget

from napari_olivine.registry import DOCKS
from napari_olivine.section import Section
from napari_olivine.widgets.common.wheel import CHANGED_BY_WHEEL, WheelFilter
from napari_olivine.widgets.state.open_section import OpenSection
from tests.helpers.widget_sections import active_window, copy_of, imported_section

pytestmark = pytest.mark.gui


def turn_wheel(widget: QWidget | None) -> None:
    """Turn the wheel towards the person over a widget; what ignores it hands it on, as in Qt."""
    while widget is not None:
        middle = widget.rect().center()
        event = QWheelEvent(
            QPointF(middle),
            QPointF(widget.mapToGlobal(middle)),
            QPoint(),
            QPoint(0, -120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        if QApplication.sendEvent(widget, event) and event.isAccepted():
            return
        widget = widget.parentWidget()


def test_a_role_changes_by_the_wheel_only_after_a_click(
    qtbot: Any, make_napari_viewer: Any, tmp_path: Path
) -> None:
    viewer = make_napari_viewer(show=True)
    path = copy_of(imported_section(), tmp_path)
    roles = list(Section(path).annotation("sessions")["role"])
    OpenSection.of(viewer).open(path)
    widget = viewer.window.add_plugin_dock_widget("napari-olivine", "Section")[1]
    viewer.window.resize(1000, 500)
    widget.import_part.set_expanded(True)
    active_window(qtbot, viewer)
    box = widget.sessions.table.cellWidget(0, 3)
    qtbot.wait(200)
    bar = widget.scroll_area.verticalScrollBar()
    bar.setValue(0)
    turn_wheel(box)
    assert list(Section(path).annotation("sessions")["role"]) == roles
    assert bar.value() > 0, "the dock scrolls"
    box.setFocus(Qt.FocusReason.MouseFocusReason)
    turn_wheel(box)
    assert list(Section(path).annotation("sessions")["role"]) != roles


def test_every_box_of_every_dock(qtbot: Any, make_napari_viewer: Any) -> None:
    viewer = make_napari_viewer()
    OpenSection.of(viewer).open(imported_section())
    for name in DOCKS:
        dock = viewer.window.add_plugin_dock_widget("napari-olivine", name)[1]
        boxes = [part for kind in CHANGED_BY_WHEEL for part in dock.findChildren(kind)]
        boxes = [box for box in boxes if not isinstance(box, QScrollBar)]
        assert boxes
        assert [box for box in boxes if box.findChild(WheelFilter) is None] == [], name
