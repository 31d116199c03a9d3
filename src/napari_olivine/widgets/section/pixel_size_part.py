"""How large is a pixel? Asked in the import where the files contradict each other or are silent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QButtonGroup, QFrame, QRadioButton, QVBoxLayout

from napari_olivine.errors import Choice
from napari_olivine.widgets.common import push_button, wrapped

CONTRADICTION = (
    "<b>How large is a pixel?</b> The files contradict each other, and nothing tells which is "
    "right. Every length and area goes by it: choose one, or measure a scale bar."
)
SILENCE = (
    "<b>How large is a pixel?</b> The files do not say. Type it under Settings (Pixel size), or "
    "measure a scale bar."
)


class PixelSizePart(QFrame):
    """A question with its choices; hidden until it is asked."""

    chosen = Signal(float)
    """Side of a pixel, um."""
    measure = Signal()
    """The person wants to measure a scale bar."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("pixelSize")
        self.setStyleSheet(
            "#pixelSize { border: 1px solid #56b4e9; border-radius: 4px;"
            " background: rgba(86, 180, 233, 40); }"
        )
        self.text = wrapped(rich=True)
        self.choices: list[QRadioButton] = []
        self._group = QButtonGroup(self)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(8, 6, 8, 6)
        self._column.addWidget(self.text)
        self._radios = QVBoxLayout()
        self._column.addLayout(self._radios)
        self.button = push_button(
            "Measure a scale bar...",
            self.measure.emit,
            "Draw a line along the scale bar of the image and type how long it is",
        )
        self._column.addWidget(self.button)
        self.hide()

    def ask(self, choices: Sequence[Choice]) -> None:
        """Ask for the size of a pixel.

        Parameters
        ----------
        choices
            What the files say; empty if they say nothing.
        """
        self.close_question()
        self.text.setText(CONTRADICTION if choices else SILENCE)
        for choice in choices:
            size, _, why = choice.words.partition(" um ")
            radio = QRadioButton(f"{size} µm")
            radio.clicked.connect(partial(self._choose, float(choice.value)))
            label = wrapped(why)
            label.setIndent(22)
            self._group.addButton(radio)
            self._radios.addWidget(radio)
            self._radios.addWidget(label)
            self.choices.append(radio)
        self.show()

    def close_question(self) -> None:
        """Take the question away."""
        while item := self._radios.takeAt(0):
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        self.choices = []
        self.hide()

    def _choose(self, size_um: float) -> None:
        self.chosen.emit(size_um)
