"""What stands below every dock: Run and Cancel, progress, the log line, what went wrong."""

from __future__ import annotations

import time
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel
from typing_extensions import override

from napari_olivine.widgets.common import LINK, Problem, in_words, readable, with_links, wrapped

HIGHEST_ERROR = 190
"""Largest height of a message in pixels of the screen: a list of 900 tiles scrolls."""

SETTLED_S = 5.0
"""How long work must go on before anybody can say how long it takes."""


class RemainingTime:
    """How long work that tells its progress may still take."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget what was before."""
        self._first = (0.0, 0.0, 0.0)  # when, done, total

    def left(self, done: float, total: float) -> float | None:
        """Return the seconds that are left, `None` where nobody can say yet."""
        now = time.monotonic()
        since, before, of = self._first
        if of != total or done < before:  # another part of the work, or gone on with after a stop
            self._first = (now, done, total)
            return None
        if now - since < SETTLED_S or done <= before:
            return None
        return (now - since) / (done - before) * (total - done)


def clock(seconds: float) -> str:
    """Write a time as minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class FittedTextArea(QScrollArea):
    """Shows a text in as much height as it needs, and scrolls what is longer than that.

    Parameters
    ----------
    label
        Shows the text; it breaks its lines.
    """

    def __init__(self, label: QLabel) -> None:
        super().__init__()
        self._label = label
        label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setStyleSheet("QScrollArea, QLabel { background: transparent; }")
        self.setWidget(label)

    def fit(self) -> None:
        """Take the height that the text needs."""
        width = self.viewport().width()
        self.setFixedHeight(min(self._label.heightForWidth(width) + 2, HIGHEST_ERROR))

    @override
    def resizeEvent(self, a0: Any) -> None:
        super().resizeEvent(a0)
        self.fit()


class RunBar(QWidget):
    """Buttons, progress and messages of a step.

    Parameters
    ----------
    verb
        What the button to start says.
    """

    followed = Signal(str)
    """A link in the error was clicked: ``setting:STEP.NAME`` or ``step:NAME``."""

    def __init__(self, verb: str) -> None:
        super().__init__()
        self.error_text = wrapped("")
        self.error_text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.LinksAccessibleByMouse
            | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )
        self.error_text.linkActivated.connect(self.followed)
        self.error_area = FittedTextArea(self.error_text)
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
        row.addWidget(self.error_area, 1)
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
        self._remaining_time = RemainingTime()

    def begin(self, since: float | None = None) -> None:
        """Show that the step works; nobody knows yet how long it takes.

        Parameters
        ----------
        since
            When it began, by `time.monotonic`; now if not given.
        """
        self._started = time.monotonic() if since is None else since
        self._remaining_time.begin()
        self.bar.setRange(0, 0)
        self.bar.setFormat("")
        self.bar.show()
        self.say("Starting...")

    def progress(self, done: float, total: float) -> None:
        """Show how far the step is, since when it runs, and how long it may still take."""
        left = self._remaining_time.left(done, total)
        rest = f", {clock(left)} left" if left is not None else ""
        # Qt paints a new value at once, and with it the canvas: that takes tens of milliseconds.
        self.bar.setUpdatesEnabled(False)
        self.bar.show()
        self.bar.setRange(0, 1000)
        self.bar.setValue(round(1000 * done / total) if total > 0 else 0)
        self.bar.setFormat(f"%p %   {clock(self.seconds())}{rest}")
        self.bar.setUpdatesEnabled(True)

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

    def show_error(self, problem: Problem, step: str = "") -> None:
        """Show what went wrong until the next run or until it is closed.

        Parameters
        ----------
        problem
            Error or message; the fields and buttons that it names become connections.
        step
            The step that it comes from.
        """
        rich = with_links(problem, step, readable(LINK, self))
        linked = "<a " in rich
        kind = Qt.TextFormat.RichText if linked else Qt.TextFormat.PlainText
        self.error_text.setTextFormat(kind)
        self.error_text.setText(rich if linked else in_words(problem, step))
        self.error_box.show()
        self.error_area.fit()

    def hide_error(self) -> None:
        """Take away the last error."""
        self.error_box.hide()
