"""A question in a dock: what would be lost, and buttons to decide; nothing waits for the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qtpy.QtWidgets import QFrame, QPushButton, QVBoxLayout

from napari_olivine.widgets.common import push_button, row_layout, wrapped


class Question(QFrame):
    """Hidden until something is asked; every button closes it."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("question")
        self.setStyleSheet(
            "#question { border: 1px solid #56b4e9; border-radius: 4px;"
            " background: rgba(86, 180, 233, 40); }"
        )
        self.text = wrapped()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.addWidget(self.text)
        self._row = row_layout()
        layout.addLayout(self._row)
        self.buttons: dict[str, QPushButton] = {}
        self.hide()

    def ask(self, text: str, answers: Mapping[str, Callable[[], object]]) -> None:
        """Show a question.

        Parameters
        ----------
        text
            What is to be decided, and what each answer means.
        answers
            By the text of its button: what is done. "Cancel" is added.
        """
        self.close_question()
        self.text.setText(text)
        for name, answer in {**answers, "Cancel": lambda: None}.items():
            button = push_button(name, lambda _=False, answer=answer: self._decide(answer))
            self.buttons[name] = button
            self._row.addWidget(button)
        self.show()

    def close_question(self) -> None:
        """Take the question away, unanswered."""
        for button in self.buttons.values():
            self._row.removeWidget(button)
            button.deleteLater()
        self.buttons = {}
        self.hide()

    def _decide(self, answer: Callable[[], object]) -> None:
        self.close_question()
        answer()
