"""The choice of what a person marks: olivine, not olivine, or any other phase of the mask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from qtpy.QtCore import QSignalBlocker
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QComboBox

from napari_olivine.masks.corrections import WORDS, Label, NamedPhase
from napari_olivine.widgets.common import narrow
from napari_olivine.widgets.masks.stroke_layer import COLOURS

SWATCH_PX = 12


@dataclass(frozen=True)
class Mark:
    """What is marked.

    Parameters
    ----------
    label, phase
        See `napari_olivine.masks.corrections.Correction`.
    colour
        ``#rrggbb``.
    """

    label: Label
    phase: str
    colour: str

    @property
    def words(self) -> str:
        """What is marked, e.g. ``"not olivine"``."""
        return self.phase or WORDS[self.label]


OLIVINE, OTHER, RULE = (Mark(label, "", COLOURS[label]) for label in ("olivine", "other", "rule"))


class LabelChoice(QComboBox):
    """Lists olivine, not olivine, and the other phases of the mask in their colours."""

    def __init__(self) -> None:
        super().__init__()
        narrow(self)
        self.setToolTip("What it is that you mark; phases are those of the mask's rule book")
        self._marks: list[Mark] = []
        self._swatches: list[str] = []
        self.offer([])
        self.choose(OTHER.words)

    @property
    def mark(self) -> Mark:
        """What is chosen."""
        return self._marks[self.currentIndex()]

    def choose(self, words: str) -> None:
        """Choose what has these words; the first one if nothing has."""
        names = [mark.words for mark in self._marks]
        self.setCurrentIndex(names.index(words) if words in names else 0)

    def offer(self, phases: Iterable[NamedPhase], olivine: str = OLIVINE.colour) -> None:
        """List phases below olivine and not olivine; what is chosen stays, if it is there.

        Parameters
        ----------
        phases
            Phases other than olivine.
        olivine
            Colour of olivine among them, ``#rrggbb``.
        """
        marks = [OLIVINE, OTHER, *(Mark("other", one.name, one.colour) for one in phases)]
        swatches = [olivine, *(mark.colour for mark in marks[1:])]
        if (marks, swatches) == (self._marks, self._swatches):
            return
        chosen = self.mark.words if self._marks else ""
        with QSignalBlocker(self):
            self.clear()
            self._marks, self._swatches = marks, swatches
            for mark, colour in zip(marks, swatches, strict=True):
                self.addItem(_swatch(colour), mark.words.capitalize())
            self.choose(chosen if chosen in [mark.words for mark in marks] else OTHER.words)
        if chosen != self.mark.words:
            self.currentIndexChanged.emit(self.currentIndex())


def _swatch(colour: str) -> QIcon:
    picture = QPixmap(SWATCH_PX, SWATCH_PX)
    picture.fill(QColor(colour))
    return QIcon(picture)
