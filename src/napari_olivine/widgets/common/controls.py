"""Small parts that several docks are made of."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QComboBox, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from napari_olivine.widgets.common.phrases import Problem, in_words


def wrapped(text: str) -> QLabel:
    """Make a label that breaks its lines."""
    label = QLabel(text)
    label.setWordWrap(True)
    return label


def readable(colour: str, ground: QWidget) -> str:
    """Return a colour that is chosen for napari's dark theme, darkened where the theme is light.

    Parameters
    ----------
    colour
        Colour of a text, e.g. ``"#e69f00"``.
    ground
        Widget that the text stands on.
    """
    light = ground.palette().window().color().lightness() > 127
    return str(QColor(colour).darker(190).name()) if light else colour


class Message(QLabel):
    """Words that take no room while there are none."""

    def __init__(self) -> None:
        super().__init__("")
        self.setWordWrap(True)
        self.hide()

    def tell(self, problem: Problem) -> None:
        """Show a text or an error in the words of the window; an empty text shows nothing."""
        text = in_words(problem)
        self.setText(text)
        self.setVisible(bool(text))


def heading(text: str) -> QLabel:
    """Make a small heading."""
    return QLabel(f"<b>{text}</b>")


def combo(choices: Sequence[str] = ()) -> QComboBox:
    """Make a box of choices that does not ask for more room than there is."""
    box = QComboBox()
    box.addItems(list(choices))
    narrow(box)
    return box


def narrow(box: QComboBox) -> None:
    """Let a box of choices be narrower than its longest choice."""
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(6)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)


class Folding(QWidget):
    """A part that folds away under its title.

    superqt's own fixes the height of its content, which then cannot grow.

    Parameters
    ----------
    title
        Always visible; a click on it folds and unfolds.
    opened
        Whether it is unfolded at first.
    """

    toggled = Signal(bool)
    """Whether it is unfolded now."""

    def __init__(self, title: str, *, opened: bool) -> None:
        super().__init__()
        self.button = QToolButton()
        self.button.setText(title)
        self.button.setCheckable(True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.button.setStyleSheet(
            "QToolButton { background: transparent; border: none; font-weight: bold; }"
        )
        self._title = title
        self._content = QWidget()
        self.inside = QVBoxLayout(self._content)
        self.inside.setContentsMargins(4, 2, 0, 0)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(2)
        outer.addWidget(self.button)
        outer.addWidget(self._content)
        self.button.toggled.connect(self._on_toggled)
        self.button.setChecked(opened)
        self._on_toggled(opened)

    def unfold(self, opened: bool) -> None:
        """Fold or unfold it."""
        self.button.setChecked(opened)

    @property
    def opened(self) -> bool:
        """Whether it is unfolded."""
        return bool(self.button.isChecked())

    def _on_toggled(self, opened: bool) -> None:
        self.button.setText(f"{'▾' if opened else '▸'}  {self._title}")
        self._content.setVisible(opened)
        self.toggled.emit(opened)
