"""The mouse wheel over a box scrolls the dock, unless the person has clicked into the box."""

from __future__ import annotations

from typing import Any, TypeVar

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QAbstractSlider, QAbstractSpinBox, QComboBox, QWidget
from typing_extensions import override

Box = TypeVar("Box", bound=QWidget)

CHANGED_BY_WHEEL = (QComboBox, QAbstractSpinBox, QAbstractSlider)
"""Kinds of widgets whose value Qt changes when the wheel turns over them."""


class WheelFilter(QObject):
    """Hands the wheel on to what lies behind a widget that does not have the focus."""

    @override
    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:
        focused = isinstance(a0, QWidget) and a0.hasFocus()
        if a1 is None or a1.type() != QEvent.Type.Wheel or focused:
            return False
        a1.ignore()
        return True


def keep_from_wheel(box: Box) -> Box:
    """Let the wheel change a box, and the boxes inside it, only while they have the focus.

    Parameters
    ----------
    box
        A box of choices or of a number, a slider, or a widget that holds some.

    Returns
    -------
    QWidget
        The same box.
    """
    inside: list[Any] = [part for kind in CHANGED_BY_WHEEL for part in box.findChildren(kind)]
    for part in [box, *inside]:
        if isinstance(part, CHANGED_BY_WHEEL):
            part.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # Qt's own takes it by the wheel too
            part.installEventFilter(WheelFilter(part))
    return box
