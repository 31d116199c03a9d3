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
from tests.helpers.shared_window import close_docks, take_back_edits
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


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of(imported_section(), tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def opened_viewer(module_viewer: Any, path: Path) -> Any:
    OpenSection.of(module_viewer).open(path)
    return module_viewer


@pytest.fixture
def viewer(opened_viewer: Any) -> Any:
    yield opened_viewer
    take_back_edits(opened_viewer)
    close_docks(opened_viewer)


def test_a_role_changes_by_the_wheel_only_after_a_click(
    qtbot: Any, viewer: Any, path: Path
) -> None:
    roles = list(Section(path).annotation("sessions")["role"])
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


def test_every_box_of_every_dock(viewer: Any) -> None:
    for name in DOCKS:
        dock = viewer.window.add_plugin_dock_widget("napari-olivine", name)[1]
        boxes = [part for kind in CHANGED_BY_WHEEL for part in dock.findChildren(kind)]
        boxes = [box for box in boxes if not isinstance(box, QScrollBar)]
        assert boxes
        assert [box for box in boxes if box.findChild(WheelFilter) is None] == [], name
