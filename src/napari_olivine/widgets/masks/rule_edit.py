"""A field for a rule: words are completed, and the character where it goes wrong is marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qtpy.QtCore import QEvent, QMimeData, QStringListModel, Qt, Signal
from qtpy.QtGui import QColor, QTextCharFormat, QTextCursor
from qtpy.QtWidgets import QCompleter, QPlainTextEdit, QSizePolicy, QTextEdit
from typing_extensions import override

from napari_olivine.masks import completions

MOST_LINES = 5
"""Lines that are shown without scrolling."""

WRONG = "#d55e00"

_ENDS = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab, Qt.Key.Key_Backtab)


class RuleEdit(QPlainTextEdit):
    """One text of several lines, without line breaks of its own.

    Parameters
    ----------
    signals
        Returns the signals of the section, to complete.
    """

    edited = Signal()
    """The text changed by a person."""

    def __init__(self, signals: Callable[[], Sequence[str]]) -> None:
        super().__init__()
        self._signals = signals
        self._setting = False
        self._start = 0
        self.setTabChangesFocus(True)
        self.setStyleSheet("QPlainTextEdit { background: rgba(128, 128, 128, 70); }")
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._words = QStringListModel(self)
        self._completer = QCompleter(self._words, self)
        self._completer.setWidget(self)
        self._completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self._completer.activated.connect(self._complete)
        self.textChanged.connect(self._on_text)
        self._fit()

    def text(self) -> str:
        """Return what is written."""
        return self.toPlainText()

    def setText(self, text: str) -> None:
        """Write another text, which is no edit by a person."""
        self._setting = True
        self.setPlainText(text)
        self._setting = False

    def mark(self, position: int | None) -> None:
        """Mark a character, the last one where the position is behind it; `None` marks nothing."""
        marks = []
        if position is not None and self.text():
            place = min(position, len(self.text().rstrip()) - 1)
            mark, look = QTextEdit.ExtraSelection(), QTextCharFormat()
            look.setUnderlineStyle(QTextCharFormat.UnderlineStyle.WaveUnderline)
            look.setUnderlineColor(QColor(WRONG))
            ground = QColor(WRONG)
            ground.setAlpha(110)
            look.setBackground(ground)
            cursor = QTextCursor(self.document())
            cursor.setPosition(max(place, 0))
            cursor.movePosition(
                QTextCursor.MoveOperation.NextCharacter, QTextCursor.MoveMode.KeepAnchor
            )
            mark.cursor, mark.format = cursor, look
            marks.append(mark)
        self.setExtraSelections(marks)

    @property
    def marked(self) -> int | None:
        """Place of the marked character."""
        marks = self.extraSelections()
        return int(marks[0].cursor.selectionStart()) if marks else None

    @property
    def offered(self) -> list[str]:
        """Words that are offered to go on with."""
        return list(self._words.stringList()) if self._popup.isVisible() else []

    @property
    def _popup(self) -> Any:
        return self._completer.popup()

    @override
    def keyPressEvent(self, e: Any) -> None:
        if self._popup.isVisible() and e.key() in (*_ENDS, Qt.Key.Key_Escape):
            e.ignore()  # these are for the list
            return
        asked = e.key() == Qt.Key.Key_Space and e.modifiers() & Qt.KeyboardModifier.ControlModifier
        if asked:
            self._offer(every=True)
        elif e.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            e.accept()  # a rule is one line
        else:
            super().keyPressEvent(e)
            if e.text().strip() and e.text().isprintable():
                self._offer()
            elif e.key() != Qt.Key.Key_Backspace or not self._popup.isVisible():
                self._popup.hide()
            else:
                self._offer()

    @override
    def focusNextPrevChild(self, next: bool) -> bool:
        # Tab is for the list while it is there.
        return not self._popup.isVisible() and bool(super().focusNextPrevChild(next))

    @override
    def insertFromMimeData(self, source: QMimeData | None) -> None:
        if source is not None:
            self.insertPlainText(" ".join(source.text().split()))

    @override
    def resizeEvent(self, e: Any) -> None:
        super().resizeEvent(e)
        self._fit()

    @override
    def changeEvent(self, e: QEvent | None) -> None:
        super().changeEvent(e)
        if e is not None and e.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    @override
    def showEvent(self, a0: Any) -> None:
        super().showEvent(a0)
        self._fit()

    def _offer(self, *, every: bool = False) -> None:
        """Offer the words that may go on here."""
        cursor = self.textCursor().position()
        self._start, words = completions(self.text(), cursor, self._signals())
        if not words or (self._start == cursor and not every):
            self._popup.hide()
            return
        self._words.setStringList(words)
        self._completer.setCompletionPrefix("")
        popup = self._popup
        palette = self.palette()  # the list is a window of its own, without the theme of napari
        popup.setStyleSheet(
            f"QListView {{ background: {palette.base().color().name()};"
            f" color: {palette.text().color().name()}; }}"
            f"QListView::item:selected {{ background: {palette.highlight().color().name()}; }}"
        )
        popup.setCurrentIndex(self._words.index(0, 0))
        place = self.cursorRect()
        place.setWidth(popup.sizeHintForColumn(0) + popup.verticalScrollBar().sizeHint().width())
        self._completer.complete(place)

    def _complete(self, word: str) -> None:
        cursor = self.textCursor()
        end = cursor.position()
        cursor.setPosition(self._start)
        cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(word)
        self.setTextCursor(cursor)

    def _on_text(self) -> None:
        self._fit()
        if not self._setting:
            self.edited.emit()

    def _fit(self) -> None:
        """Be as high as the text."""
        document = self.document()
        lines = max(1, min(int(document.size().height()), MOST_LINES))
        room = 2 * (document.documentMargin() + self.frameWidth()) + 4
        self.setFixedHeight(round(lines * self.fontMetrics().lineSpacing() + room))
