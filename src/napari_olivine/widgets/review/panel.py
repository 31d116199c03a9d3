"""The panel of the Review dock: the crystal under review, and a button for each answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_olivine.crystals import ZONE_TITLES
from napari_olivine.review import Review
from napari_olivine.widgets.common import Message, combo, reserve_lines, wrapped
from napari_olivine.widgets.review.history import HistoryPart

SIZES = {
    "Phenocrysts": ("phenocryst",),
    "Phenocrysts and microphenocrysts": ("phenocryst", "microphenocryst"),
    "All crystals": None,
}
"""Which crystals are looked at."""

BUTTONS = (
    ("A", "Accept", "This is a crystal of olivine with the right outline"),
    ("R", "Reject", "This is no olivine, or no crystal"),
    ("Space", "Next", "Look at the next one without an answer"),
    ("Backspace", "Back", "Look at the one before"),
    ("M", "Merge...", "Press, then click the neighbour that belongs to this crystal"),
    ("S", "Split...", "Press, then drag a line across"),
    ("K", "Markers...", "Press, click once in each of the crystals, then Enter"),
    ("P", "Pieces", "Make each loose piece a crystal of its own"),
    ("D", "Redraw...", "Paint the outline by a brush, then Enter"),
    ("C", "New crystal...", "Paint a crystal that was not found, then Enter"),
    ("N", "Note...", "Write a remark"),
    ("T", "Kind...", "Name its kind, which a classifier can learn: xenocryst, skeletal, artefact"),
    ("Ctrl+Z", "Undo", ""),
    ("Ctrl+Shift+Z", "Redo", ""),
)
"""Key, words and explanation of each button."""

LINES = 4
"""Lines that tell why a crystal is doubted; the rare longer text is in the tooltip."""

HISTORY = ("Ctrl+Z", "Ctrl+Shift+Z")
"""Keys of the window's history."""

NAMES = {"Backspace": "⌫", "Ctrl+Shift+Z": "Ctrl+⇧+Z"}


class ReviewPanel(QWidget):
    """Shows a review, and has a button for each answer.

    Parameters
    ----------
    actions
        Action of each key and its button; the buttons of :data:`HISTORY` are left to the window.
    evidence
        What shows the crystal by itself, below the words about it.
    """

    def __init__(self, actions: Mapping[str, Callable[[], None]], evidence: QWidget) -> None:
        super().__init__()
        self._actions = actions
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(8)
        self.buttons: dict[str, QPushButton] = {}
        self._add_top()
        self._add_crystal()
        self.column.addWidget(evidence)
        self._add_buttons()
        self.go_on = QCheckBox("Go on to the next after an answer")
        self.go_on.setChecked(True)
        self.hint, self.error, self.learned = Message(), Message(), Message()
        self.hint.setStyleSheet("color: #ffe000; font-weight: bold;")
        self.error.setStyleSheet("color: #ff8a80;")
        self.history = HistoryPart()
        self.teach_button = QPushButton("Teach the network")
        self.teach_button.setToolTip(
            "Write what you answered as a training mask; the next training learns from it"
        )
        for part in (self.go_on, self.hint, self.error, self.learned, self.history):
            self.column.addWidget(part)
        self.column.addWidget(self.teach_button)
        self.column.addStretch(1)

    def _add_top(self) -> None:
        self.sizes = combo(list(SIZES))
        self.sizes.setToolTip("Which crystals come up for review")
        self.start_button = QPushButton("Start")
        self.start_button.setToolTip("Begin to review, or stop; what was answered is kept")
        top = QHBoxLayout()
        top.addWidget(self.sizes, 1)
        top.addWidget(self.start_button)
        self.bar = QProgressBar()
        self.bar.setFormat("%v of %m reviewed")
        self.column.addLayout(top)
        self.column.addWidget(self.bar)

    def _add_crystal(self) -> None:
        self.title, self.why = wrapped(""), wrapped("")
        self.title.setTextFormat(Qt.TextFormat.RichText)
        reserve_lines(self.why, LINES)
        self.why.setFixedHeight(self.why.minimumHeight() + 2)
        self.column.addWidget(self.title)
        self.column.addWidget(self.why)

    def _add_buttons(self) -> None:
        grid, classes = QGridLayout(), QGridLayout()
        for place, (key, text, tip) in enumerate(BUTTONS):
            button = self._button(key, f"{text}  ({NAMES.get(key, key)})", tip)
            grid.addWidget(button, place // 2, place % 2)
        for place, words in enumerate(ZONE_TITLES.values()):
            key = str(place + 1)
            button = self._button(key, f"{key} {words}", f"{words}: press {key} to set this class")
            button.setStyleSheet("text-align: left; padding-left: 4px; padding-right: 0px;")
            classes.addWidget(button, place // 2, place % 2)
        for layout in (grid, classes):
            layout.setSpacing(4)
        self.column.addLayout(grid)
        self.column.addWidget(QLabel("Class of the radial profile"))
        self.column.addLayout(classes)

    def _button(self, key: str, text: str, tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.setMinimumWidth(60)  # rather than that the dock is cut off beside a scroll bar
        if key not in HISTORY:
            button.clicked.connect(lambda: self._actions[key]())
        self.buttons[key] = button
        return button

    # ------------------------------------------------------------------ showing

    def enable(self, keys: set[str]) -> None:
        """Let the buttons of these keys be pressed."""
        for key, button in self.buttons.items():
            if key not in HISTORY:
                button.setEnabled(key in keys)

    def show_review(self, review: Review | None, record: dict[str, Any] | None) -> None:
        """Show how far a review is, and the crystal under review.

        Parameters
        ----------
        review
            The review, `None` before it has begun.
        record
            Row of the crystal in the table, `None` for none.
        """
        self.start_button.setText("Stop" if review is not None else "Start")
        self.history.show_edits(review.store if review is not None else None)
        self._say_why("")
        self.teach_button.setEnabled(review is not None and bool(review.store.journal.entries))
        if review is None:
            self.bar.setRange(0, 1)
            self.bar.reset()
            self.title.setText("Press Start to look through the doubtful crystals.")
            self.learned.tell("")
            return
        progress = review.queue.progress
        self.bar.setRange(0, max(progress.total, 1))
        self.bar.setValue(progress.reviewed)
        self.learned.tell(review.learned.describe() if review.learned.answers else "")
        if record is None:
            self.title.setText("" if len(review.queue) else "<b>Every crystal is reviewed.</b>")
            return
        self.title.setText(_title(record))
        kind = ZONE_TITLES.get(record["zone_class"], "")
        sure = f"{kind} ({record['zone_probability']:.0%}). " if kind else ""
        note = f" Note: {record['note']}" if record["note"] else ""
        doubt = float(review.uncertainty["doubt"].get(record["id"], 0.0))
        self._say_why(f"{sure}Doubt {doubt:.0%}: {review.because(record['id'])}.{note}")

    def _say_why(self, text: str) -> None:
        """Show a text, shortened to its lines: the buttons below stay under the mouse."""
        self.why.setToolTip(text)
        self.why.setText(text)
        words = text.split()
        while words and self.why.heightForWidth(self.why.width()) > self.why.height():
            words.pop()
            self.why.setText(" ".join(words) + " ...")


def _title(record: dict[str, Any]) -> str:
    corrected = "corrected" if record["corrected"] else ""
    zoning = ZONE_TITLES.get(record["reviewed_class"], "")
    given = (record["verdict"], zoning, record["kind"], corrected)
    answer = ", ".join(word for word in given if word)
    by = f" - <b>{answer}</b> by {record['reviewer']}" if answer else ""
    return f"<b>Crystal {record['id']}</b>, {record['size_class']}{by}"
