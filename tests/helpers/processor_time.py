"""How long a process works, however busy the machine is: processor time instead of the clock's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


def worked_s(pid: int) -> float:
    """Return the processor time of a running process, s."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


@contextmanager
def ends_within(pid: int, seconds: float) -> Iterator[None]:
    """Check that a child works this long at most until it ends, which it does in the block."""
    before, others = worked_s(pid), _ended_s()
    yield
    assert _ended_s() - others - before < seconds


def _ended_s() -> float:
    """Return the processor time of all children that ended, s; 0 on Windows."""
    times = os.times()
    return times.children_user + times.children_system
