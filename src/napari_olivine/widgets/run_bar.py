"""What stands below every dock: Run and Cancel, progress, the log line, what went wrong."""

from __future__ import annotations

import time

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from napari_olivine.widgets.parts import wrapped


class RunBar(QWidget):
    """Buttons, progress and messages of a step.

    Parameters
    ----------
    verb
        What the button to start says.
    """

    def __init__(self, verb: str) -> None:
        super().__init__()
        self.error_text = wrapped("")
        self.error_text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.error_text.setStyleSheet("background: transparent;")
        close = QToolButton()
        close.setText("✕")
        close.setToolTip("Close this message")
        close.clicked.connect(self.hide_error)
        self.error_box = QFrame()
        self.error_box.setObjectName("error_box")
        self.error_box.setStyleSheet(
            "#error_box { border: 1px solid #d55e00; border-radius: 4px;"
            " background: rgba(213, 94, 0, 40); }"
        )
        row = QHBoxLayout(self.error_box)
        row.setContentsMargins(8, 6, 4, 6)
        row.addWidget(self.error_text, 1)
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self.error_box.hide()
        self.run_button = QPushButton(verb)
        self.cancel_button = QPushButton("Cancel")
        buttons = QHBoxLayout()
        for button, share in ((self.run_button, 2), (self.cancel_button, 1)):
            button.setMinimumHeight(28)
            buttons.addWidget(button, share)
        self.bar = QProgressBar()
        self.bar.hide()
        self.log = QElidingLabel("")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.error_box)
        layout.addLayout(buttons)
        layout.addWidget(self.bar)
        layout.addWidget(self.log)
        self._started = 0.0

    def begin(self) -> None:
        """Show that the step starts; nobody knows yet how long it takes."""
        self._started = time.monotonic()
        self.bar.setRange(0, 0)
        self.bar.setFormat("")
        self.bar.show()
        self.say("Starting...")

    def progress(self, done: float, total: float) -> None:
        """Show how far the step is, and since when it runs."""
        self.bar.show()
        self.bar.setRange(0, 1000)
        self.bar.setValue(round(1000 * done / total) if total > 0 else 0)
        seconds = int(self.seconds())
        self.bar.setFormat(f"%p %   {seconds // 60}:{seconds % 60:02d}")

    def seconds(self) -> float:
        """Time since the step began."""
        return time.monotonic() - self._started

    def end(self, text: str) -> None:
        """Show how the step ended."""
        self.bar.hide()
        self.say(text)

    def say(self, text: str) -> None:
        """Show a line; all of it as a tooltip where it is too long."""
        self.log.setText(text)
        self.log.setToolTip(text)

    def show_error(self, text: str) -> None:
        """Show what went wrong until the next run or until it is closed."""
        self.error_text.setText(text)
        self.error_box.show()

    def hide_error(self) -> None:
        """Take away the last error."""
        self.error_box.hide()
