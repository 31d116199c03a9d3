"""A short message over the canvas that goes away by itself."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QLabel

SHOWN_MS = 4000

STYLE = (
    "background-color: rgba(20, 24, 30, 225); color: {colour}; border: 1px solid {colour};"
    "border-radius: 6px; padding: 6px 12px;"
)
NEUTRAL, WRONG = "#e8eaed", "#ff8a80"


class Toast(QLabel):
    """One line at the bottom of the canvas; the next message takes its place.

    Parameters
    ----------
    canvas
        Widget over which it is shown.
    """

    def __init__(self, canvas: Any) -> None:
        super().__init__(canvas)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SHOWN_MS)
        self._timer.timeout.connect(self.hide)
        self.hide()

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Show a message for some seconds."""
        self.setStyleSheet(STYLE.format(colour=WRONG if wrong else NEUTRAL))
        self.setText(text)
        self.setWordWrap(False)
        widest = max(self.parentWidget().width() - 40, 120)
        if self.sizeHint().width() > widest:
            self.setWordWrap(True)
            self.setFixedSize(widest, self.heightForWidth(widest))
        else:
            self.setFixedSize(self.sizeHint())
        below = self.parentWidget().rect()
        self.move((below.width() - self.width()) // 2, below.height() - self.height() - 24)
        self.show()
        self.raise_()
        self._timer.start()
