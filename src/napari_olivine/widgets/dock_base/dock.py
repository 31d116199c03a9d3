"""What every dock of the plugin is: a scrolled column that knows the open section."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtWidgets import QFrame, QPushButton, QScrollArea, QVBoxLayout, QWidget
from typing_extensions import override

from napari_olivine.widgets.common import Connections, wrapped
from napari_olivine.widgets.dock_base.dock_tabs import dock_around, join_tabs
from napari_olivine.widgets.editing import DOCK_MARK, WindowUndo
from napari_olivine.widgets.state import OpenSection

NARROWEST = 360
"""Width in which no part of any dock is cut off, px."""


class Dock(QWidget):
    """Dock of the plugin; a subclass adds to :attr:`body`, and below it to :attr:`outer`.

    Parameters
    ----------
    napari_viewer
        Viewer that the dock belongs to.
    """

    explanation = ""
    """One sentence on top of the dock."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.session = OpenSection.of(napari_viewer)
        self.connections = Connections()
        self._joined = False
        self.setProperty(DOCK_MARK, True)
        WindowUndo.of(self.session)  # from now on the keys are there
        self.setMinimumWidth(NARROWEST)
        self.outer = QVBoxLayout(self)
        self.outer.setContentsMargins(6, 6, 6, 6)
        self.outer.setSpacing(6)
        inside = QWidget()
        self.body = QVBoxLayout(inside)
        self.body.setContentsMargins(0, 0, 6, 0)
        self.body.setSpacing(8)
        self.scroll_area = QScrollArea()
        self.scroll_area.setWidgetResizable(True)
        self.scroll_area.setFrameShape(QFrame.Shape.NoFrame)
        self.scroll_area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroll_area.setWidget(inside)
        self.outer.addWidget(self.scroll_area, 1)
        self.body.addWidget(wrapped(self.explanation))

    def button_of(self, step: str) -> QPushButton | None:
        """Return the button that starts a step, brought into view; `None` if there is none."""
        return None

    def field_of(self, setting: str, step: str) -> QWidget | None:
        """Return the field of a setting of a step; `None` if the dock does not show it."""
        return None

    def on_front(self, front: bool) -> None:
        """Come to the front of the other docks, or go behind one of them."""

    @override
    def event(self, a0: QEvent | None) -> bool:
        if a0 is not None and a0.type() == QEvent.Type.ParentChange:
            if self.parent() is None:
                self.connections.close()  # napari has closed the dock
            else:
                QTimer.singleShot(0, self._join_tabs)
        return bool(super().event(a0))

    def _join_tabs(self) -> None:
        with suppress(RuntimeError):  # closed again already
            dock = dock_around(self)
            if dock is not None and not self._joined:
                self._joined = True
                join_tabs(dock)
                self.connections.connect(dock.visibilityChanged, self.on_front)
