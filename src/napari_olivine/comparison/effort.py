"""Time and memory that a part of a run takes."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import TracebackType

from napari_olivine.comparison.record import Effort

STATUS = Path("/proc/self/status")
"""Where Linux tells the memory of a process."""


class Meter:
    """Adds up the time of blocks: ``with meter: ...``."""

    def __init__(self) -> None:
        self.clock_s = self.processor_s = 0.0
        reset_gpu_peak()

    def __enter__(self) -> None:
        self._clock, self._processor = time.monotonic(), time.process_time()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Add the time since the block began."""
        self.clock_s += time.monotonic() - self._clock
        self.processor_s += time.process_time() - self._processor

    def effort(self) -> Effort:
        """Return the time so far, and the peaks of the memory."""
        return Effort(
            clock_s=self.clock_s,
            processor_s=self.processor_s,
            peak_mb=peak_mb(),
            gpu_peak_mb=gpu_peak_mb(),
        )


def peak_mb() -> float | None:
    """Return the largest resident memory of this process so far, MB; `None` on Windows.

    On Linux it is read from the process itself: what the system tells of a child can be the memory
    of the process that started it.
    """
    if STATUS.is_file():
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1024)


def reset_gpu_peak() -> None:
    """Forget how much tensors held on the graphics card before."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def gpu_peak_mb() -> float | None:
    """Return the most that tensors held on the graphics card, MB; `None` without one."""
    import torch

    return torch.cuda.max_memory_allocated() / (1 << 20) if torch.cuda.is_available() else None
