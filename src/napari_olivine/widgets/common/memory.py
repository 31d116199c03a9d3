"""The memory budget of the steps: one number for all docks, stored in the person's settings."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

from psygnal import Signal

from napari_olivine.widgets.common.connections import Connections
from napari_olivine.widgets.common.number_box import NumberBox
from napari_olivine.widgets.common.preferences import stored_preferences

KEY = "memory_gb"
LOWEST_GB = 0.5
USUAL_GB = 4
"""Budget of a step if nothing is set."""


class MemoryBudget:
    """The memory that a person allows to each step."""

    changed = Signal()

    @property
    def gigabytes(self) -> float | None:
        """Gigabytes, `None` for the usual budget."""
        try:
            value = float(stored_preferences().value(KEY))
        except (TypeError, ValueError):
            return None
        return value if value >= LOWEST_GB else None

    @gigabytes.setter
    def gigabytes(self, value: float | None) -> None:
        if value == self.gigabytes:
            return
        if value is None:
            stored_preferences().remove(KEY)
        else:
            stored_preferences().setValue(KEY, float(value))
        self.changed.emit()

    def options(self) -> list[str]:
        """Return the options of the command line."""
        gigabytes = self.gigabytes
        return [] if gigabytes is None else ["--memory", f"{gigabytes:g}GB"]


@cache
def memory_budget() -> MemoryBudget:
    """Return the budget that all docks share."""
    return MemoryBudget()


def memory_box(connections: Connections) -> NumberBox:
    """Make a box that shows and sets the budget.

    Parameters
    ----------
    connections
        Connections of the dock.
    """
    budget = memory_budget()
    box = NumberBox(float, budget.gigabytes, optional=True, low=LOWEST_GB, unit="GB")
    box.native.setToolTip(
        f"<p>Memory that a step may use for its data, in all docks; auto: {USUAL_GB} GB. Less if "
        "other programs need it: the result is the same.</p>"
    )

    def set_budget(value: float | None) -> None:
        budget.gigabytes = value

    def show() -> None:
        with suppress(RuntimeError):  # a window that was closed took the box with it
            box.value = budget.gigabytes

    box.changed.connect(set_budget)
    connections.connect(budget.changed, show)
    return box
