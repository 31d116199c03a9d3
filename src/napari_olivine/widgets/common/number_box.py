"""A box for a number with its unit, or for "auto"."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, Signal
from qtpy.QtGui import QValidator
from qtpy.QtWidgets import QDoubleSpinBox, QSizePolicy
from typing_extensions import override

from napari_olivine.widgets.common.wheel import keep_from_wheel

HUGE = 1e9


class NumberBox(QObject):
    """Editor of one number; it has the interface of magicgui's editors.

    magicgui's own boxes show a fixed number of decimals and know neither units nor "auto".

    Parameters
    ----------
    kind
        ``int`` or ``float``.
    value
        Number to begin with.
    optional
        Whether it may be `None`, shown as "auto" one step below the smallest number.
    low, high
        Bounds.
    unit
        Shown behind the number.
    """

    changed = Signal(object)

    def __init__(
        self,
        kind: type,
        value: float | None,
        *,
        optional: bool = False,
        low: float | None = None,
        high: float | None = None,
        unit: str = "",
    ) -> None:
        super().__init__()
        self.kind = kind
        self.field_kind: Any = kind
        self.field_optional = optional
        self.native = keep_from_wheel(_Box(kind))
        high = HUGE if high is None else float(high)
        low = (0.0 if optional else -HUGE) if low is None else float(low)
        self.native.setSingleStep(_step(kind, value, low, high))
        if optional:
            low -= self.native.singleStep()
            self.native.setSpecialValueText("auto")
        self.native.setRange(low, high)
        if unit:
            self.native.setSuffix(f" {unit.replace('um2', 'µm²').replace('um', 'µm')}")
        self.value = value
        self.native.valueChanged.connect(lambda _: self.changed.emit(self.value))

    @property
    def value(self) -> float | int | None:
        """The number, `None` where the box says "auto"."""
        number = self.native.value()
        if self.field_optional and number == self.native.minimum():
            return None
        return round(number) if self.kind is int else number

    @value.setter
    def value(self, value: float | None) -> None:
        self.native.setValue(self.native.minimum() if value is None else float(value))


class _Box(QDoubleSpinBox):
    """Shows as many digits as the number has, so that 0.1 is not 0.100000."""

    def __init__(self, kind: type) -> None:
        super().__init__()
        self._whole = kind is int
        self.setDecimals(0 if self._whole else 9)
        self.setKeyboardTracking(False)
        self.setMinimumWidth(90)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @override
    def textFromValue(self, value: float) -> str:
        return f"{value:.0f}" if self._whole else f"{value:.6g}"

    @override
    def valueFromText(self, text: str | None) -> float:
        bare = (text or "").removesuffix(self.suffix()).strip().replace(",", ".")
        if bare == self.specialValueText():
            return self.minimum()
        try:
            return float(bare)
        except ValueError:
            return self.value()

    @override
    def validate(self, text: str | None, position: int) -> Any:
        bare = (text or "").removesuffix(self.suffix()).strip().replace(",", ".")
        if bare == self.specialValueText():
            return QValidator.State.Acceptable, text, position
        try:
            good = self.minimum() <= float(bare) <= self.maximum()
        except ValueError:
            good = False
        state = QValidator.State.Acceptable if good else QValidator.State.Intermediate
        return state, text, position


def _step(kind: type, value: float | None, low: float, high: float) -> float:
    """Return a step of the arrows: about a tenth of the number itself."""
    if kind is int:
        return 1.0
    size = abs(value) if value else min(high, 1.0) if high < HUGE else max(abs(low), 1.0)
    step = 1.0
    while step > size / 2 and step > 1e-6:
        step /= 10
    while step * 100 <= size:
        step *= 10
    return step
