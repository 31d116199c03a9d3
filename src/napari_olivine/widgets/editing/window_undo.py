"""Undo and redo of a window: one history, the same keys wherever the focus is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QShortcut,
    QTextEdit,
    QWidget,
)
from typing_extensions import override

from napari_olivine.errors import OlivineError
from napari_olivine.history import HistoryStep
from napari_olivine.widgets.common import Connections, in_words
from napari_olivine.widgets.editing.shapes_view import HalfDrawn
from napari_olivine.widgets.editing.toast import Toast
from napari_olivine.widgets.layers import LAYER_KEY
from napari_olivine.widgets.state import OpenSection

UNDO_KEYS, REDO_KEYS = ("Ctrl+Z",), ("Ctrl+Shift+Z", "Ctrl+Y")

PAINTING = ("paint", "erase", "fill", "polygon")
"""Modes of a layer of labels in which the person changes it."""

DOCK_MARK = "napari_olivine_dock"
"""Property of a widget whose fields and buttons belong to the plugin."""


class WindowUndo(QObject):
    """Takes back the last edit of the open section, whatever it was, and says which.

    Text fields keep their own undo while the focus is in them, and so does a layer of labels
    that the person paints. A polygon that is half drawn is dropped alone. Get it by :meth:`of`.

    Parameters
    ----------
    window
        Main window of the viewer.
    canvas
        Widget over which messages are shown.
    session
        Open section of the viewer.
    """

    def __init__(self, window: QWidget, canvas: QWidget, session: OpenSection) -> None:
        super().__init__(window)
        self._session = session
        self.toast = Toast(canvas)
        self._shortcuts: list[Any] = []
        for keys, action in ((UNDO_KEYS, self._on_undo_key), (REDO_KEYS, self._on_redo_key)):
            for key in keys:
                shortcut = QShortcut(QKeySequence(key), window)
                shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
                shortcut.activated.connect(action)
                self._shortcuts.append(shortcut)
        app: Any = QApplication.instance()
        app.focusChanged.connect(self._on_focus)
        session.section_opened.connect(self._enable)
        session.history.moved.connect(self._on_moved)
        self._enable()

    @classmethod
    def of(cls, session: OpenSection) -> WindowUndo:
        """Return the one of a viewer's window; it is made when first asked for."""
        window: Any = session.viewer.window._qt_window
        found = window.findChild(cls)
        return found or cls(window, window._qt_viewer.canvas.native, session)

    def undo(self) -> None:
        """Take back the last edit; a problem is shown over the canvas."""
        self._move(self._session.history.undo)

    def redo(self) -> None:
        """Do again what was taken back last."""
        self._move(self._session.history.redo)

    def follow(self, button: QPushButton, connections: Connections, *, redo: bool = False) -> None:
        """Let a button take back the last edit, and let its tooltip name that edit.

        Parameters
        ----------
        button
            The button.
        connections
            Connections of its dock.
        redo
            Whether the button does again what was taken back.
        """
        history = self._session.history
        words = "Do again what was taken back last" if redo else "Take back the last edit"
        key = "Ctrl-Shift-Z" if redo else "Ctrl-Z"

        def show() -> None:
            edit = history.next_redo if redo else history.next_undo
            button.setEnabled(bool(edit))
            button.setToolTip(f"{words}{': ' * bool(edit)}{edit} ({key})")

        button.clicked.connect(self.redo if redo else self.undo)
        connections.connect(history.changed, show)
        show()

    # ------------------------------------------------------------------ helpers

    def _move(self, step: Callable[[], HistoryStep]) -> None:
        try:
            step()
        except OlivineError as error:
            self.toast.say(in_words(error), wrong=True)

    def _on_moved(self, step: HistoryStep) -> None:
        self.toast.say(step.describe())

    def _on_undo_key(self) -> None:
        (self._other_undo() or self).undo()

    def _on_redo_key(self) -> None:
        (self._other_undo() or self).redo()

    def _on_focus(self, old: Any, new: Any) -> None:
        """Watch the widget that has the keys: a text field takes those of undo before us."""
        with suppress(RuntimeError):  # it was closed
            if old is not None:
                old.removeEventFilter(self)
        if new is not None and new.window() is self.parent():
            new.installEventFilter(self)

    @override
    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:
        if not isinstance(a1, QKeyEvent) or a1.type() != QEvent.Type.ShortcutOverride:
            return False
        undo_keys = (QKeySequence.StandardKey.Undo, QKeySequence.StandardKey.Redo)
        if not any(a1.matches(key) for key in undo_keys) or self._other_undo() is not None:
            return False
        a1.ignore()  # nothing was typed that could be taken back: the keys are the window's
        return True

    def _enable(self, _section: Any = None) -> None:
        """Without a section the keys are napari's."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(self._session.section is not None)

    def _other_undo(self) -> Any:
        """Return the field, half polygon or layer that has the keys for itself, `None` if ours."""
        focus = QApplication.focusWidget()
        active = self._session.viewer.layers.selection.active
        return _text_field(focus) or HalfDrawn.on(active) or self._painted_layer(focus)

    def _painted_layer(self, focus: Any) -> Any:
        """Return the layer of labels that the person paints, `None` for none.

        napari keeps strokes on a layer apart. Ours is a brush, whose strokes are no edits yet;
        a layer of the person's own has the keys while the focus is outside of our docks.
        """
        from napari.layers import Labels

        layer = self._session.viewer.layers.selection.active
        if not isinstance(layer, Labels) or not layer.editable:
            return None
        mark = layer.metadata.get(LAYER_KEY)
        if mark is not None:
            return layer if mark["product"] == "overlay" else None
        painted = layer._undo_history or layer._redo_history or str(layer.mode) in PAINTING
        return layer if painted and not _in_our_dock(focus) else None


def _text_field(widget: Any) -> Any:
    """Return the field with something that a person typed and may take back, `None` for none."""
    if isinstance(widget, QAbstractSpinBox | QComboBox):
        widget = widget.lineEdit()
    if not isinstance(widget, QLineEdit | QTextEdit | QPlainTextEdit) or widget.isReadOnly():
        return None
    text = widget if isinstance(widget, QLineEdit) else widget.document()
    return widget if text.isUndoAvailable() or text.isRedoAvailable() else None


def _in_our_dock(widget: Any) -> bool:
    while widget is not None and not widget.property(DOCK_MARK):
        widget = widget.parentWidget()
    return widget is not None
