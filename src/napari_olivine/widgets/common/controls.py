"""Small controls and layouts of the docks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qtpy.QtCore import QObject, Qt, QTimer, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_olivine.widgets.common.phrases import Problem, in_words
from napari_olivine.widgets.common.wheel import keep_from_wheel


def wrapped(text: str = "", *, rich: bool = False, selectable: bool = False) -> QLabel:
    """Make a label that breaks its lines.

    Parameters
    ----------
    text
        First text.
    rich
        Whether texts are HTML.
    selectable
        Whether a text can be selected and copied.

    Returns
    -------
    QLabel
    """
    label = QLabel(text)
    label.setWordWrap(True)
    if rich:
        label.setTextFormat(Qt.TextFormat.RichText)
    if selectable:
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def reserve_lines(label: QLabel, lines: int) -> QLabel:
    """Keep the height of some lines free, so that a text that grows moves nothing below it."""
    label.setMinimumHeight(lines * label.fontMetrics().lineSpacing())
    label.setAlignment(Qt.AlignmentFlag.AlignTop)
    return label


def push_button(
    text: str,
    slot: Callable[..., Any] | None = None,
    tooltip: str = "",
    *,
    checkable: bool = False,
) -> QPushButton:
    """Make a button.

    Parameters
    ----------
    text
        Text on the button.
    slot
        Called at a click, or with the new state if the button is checkable.
    tooltip
        What a click does.
    checkable
        Whether the button stays pressed.

    Returns
    -------
    QPushButton
    """
    button = QPushButton(text)
    button.setToolTip(tooltip)
    button.setCheckable(checkable)
    if slot is not None:
        (button.toggled if checkable else button.clicked).connect(slot)
    return button


def single_shot(parent: QObject, pause_ms: int, slot: Callable[..., Any]) -> QTimer:
    """Make a timer that calls a slot once after each start; a new start begins the pause anew.

    Parameters
    ----------
    parent
        Owner of the timer.
    pause_ms
        Pause in milliseconds.
    slot
        Called after the pause.

    Returns
    -------
    QTimer
        Not started yet.
    """
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(pause_ms)
    timer.timeout.connect(slot)
    return timer


def form_layout(*rows: tuple[str, QWidget], parent: QWidget | None = None) -> QFormLayout:
    """Make a form without margins; each row has a title and a widget."""
    form = QFormLayout(parent)
    form.setContentsMargins(0, 0, 0, 0)
    for title, widget in rows:
        form.addRow(title, widget)
    return form


def row_layout(*widgets: QWidget, wide: QWidget | None = None) -> QHBoxLayout:
    """Put widgets beside each other; one of them may take the free width."""
    row = QHBoxLayout()
    for widget in widgets:
        row.addWidget(widget, int(widget is wide))
    return row


def column_layout(parent: QWidget, *parts: QWidget | QHBoxLayout) -> QVBoxLayout:
    """Put widgets and rows of a part of a dock below each other, without margins."""
    column = QVBoxLayout(parent)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(4)
    for part in parts:
        if isinstance(part, QWidget):
            column.addWidget(part)
        else:
            column.addLayout(part)
    return column


def fill_combo(box: QComboBox, choices: Sequence[str], chosen: str) -> None:
    """Replace the choices without a signal.

    Parameters
    ----------
    box
        Box of choices.
    choices
        New choices.
    chosen
        Current choice; the first one if it is not among them.
    """
    with signals_blocked(box):
        box.clear()
        box.addItems(list(choices))
        if chosen in choices:
            box.setCurrentText(chosen)


def make_headings(box: QComboBox, titles: Sequence[str]) -> None:
    """Turn some choices of a box into headings, which cannot be chosen.

    Parameters
    ----------
    box
        Box of choices.
    titles
        Choices that are headings of those below them.
    """
    for title in titles:
        heading = box.model().item(box.findText(title))
        heading.setEnabled(False)
        font = heading.font()
        font.setBold(True)
        heading.setFont(font)


def readable(colour: str, ground: QWidget) -> str:
    """Return a colour of napari's dark theme, darkened where it would be pale on a light theme.

    Pale is a contrast to white of less than 3, the least for graphics (WCAG 2.1, 1.4.11).

    Parameters
    ----------
    colour
        Colour of a text, e.g. ``"#e69f00"``.
    ground
        Widget that the text stands on.
    """
    shown = QColor(colour)
    if ground.palette().window().color().lightness() > 127:
        while 1.05 / (_luminance(shown) + 0.05) < LEAST_CONTRAST:
            shown = shown.darker(115)
    return str(shown.name())


LEAST_CONTRAST = 3.0


def _luminance(colour: QColor) -> float:
    """Relative luminance of a colour, 0 to 1 (WCAG 2.1)."""
    parts = [
        value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4
        for value in (colour.redF(), colour.greenF(), colour.blueF())
    ]
    return float(0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2])


class Message(QLabel):
    """A label that is hidden while its text is empty."""

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
    """Make a box of choices that may be narrow; see `narrow`."""
    box = QComboBox()
    box.addItems(list(choices))
    narrow(box)
    return box


def narrow(box: QComboBox) -> None:
    """Let a box of choices be narrower than its longest choice, and keep it from the wheel."""
    keep_from_wheel(box)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(6)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)


class Collapsible(QWidget):
    """A part that collapses under its title.

    superqt's own fixes the height of its content, which then cannot grow.

    Parameters
    ----------
    title
        Always visible; a click on it expands or collapses the part.
    expanded
        Whether it is expanded at first.
    """

    toggled = Signal(bool)
    """Whether it is expanded now."""

    def __init__(self, title: str, *, expanded: bool) -> None:
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
        self.button.setChecked(expanded)
        self._on_toggled(expanded)

    def set_expanded(self, expanded: bool) -> None:
        """Expand or collapse it."""
        self.button.setChecked(expanded)

    def set_title(self, title: str) -> None:
        """Give it another title."""
        self._title = title
        self._name_button(self.expanded)

    @property
    def expanded(self) -> bool:
        """Whether it is expanded."""
        return bool(self.button.isChecked())

    def _on_toggled(self, expanded: bool) -> None:
        self._name_button(expanded)
        self._content.setVisible(expanded)
        self.toggled.emit(expanded)

    def _name_button(self, expanded: bool) -> None:
        self.button.setText(f"{'▾' if expanded else '▸'}  {self._title}")
