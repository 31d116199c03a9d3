"""Waits that end as soon as their condition holds, however busy the machine is."""

from __future__ import annotations

from typing import Any

WAIT_MS = 180_000
"""Least time that a window has to do what a test waits for, ms."""


def patient(qtbot: Any) -> Any:
    """Give the waits of a `pytestqt.qtbot.QtBot` more time than a test asks for."""

    def longer(wait: Any) -> Any:
        return lambda *what, timeout=0, **how: wait(*what, timeout=max(timeout, WAIT_MS), **how)

    qtbot.waitUntil, qtbot.waitSignal = longer(qtbot.waitUntil), longer(qtbot.waitSignal)
    return qtbot
