"""One signal of a source, however its files keep it: what the import reads strip by strip."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job


class SignalReader(Protocol):
    """One signal of a source (BSE, Mg, ...), read in strips of rows."""

    name: str
    shape: tuple[int, int]
    files: list[Path]
    missing: list[str]
    """Tiles that are left black, by name; filled by `check` and `read`."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a pixel."""

    def check(self, job: Job) -> list[str]:
        """Look at every file, at its header alone where possible; return what is wrong."""

    def read(self, start: int, stop: int, job: Job) -> NDArray[Any]:
        """Return rows of the signal, shape (stop - start, columns).

        Parameters
        ----------
        start, stop
            First row of the section, and the one behind the last.
        job
            Running job.
        """
