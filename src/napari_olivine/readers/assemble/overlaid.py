"""What laying the images over each other gives, and what lies beside."""

from __future__ import annotations

from dataclasses import dataclass

from napari_olivine.readers.base import Acquisition, SignalReader
from napari_olivine.readers.submaps import UnplacedSignal

OTHER_FIELDS = (
    "cannot be imported; export all signals of one field (or with the same tiles), or name the "
    "signals to take ({setting:signals})"
)
"""What to do about images that show something else than BSE."""


@dataclass(frozen=True)
class Overlaid:
    """Signals that lie over each other.

    Parameters
    ----------
    signals
        Reader of each signal by its name, BSE first; without BSE the finest map.
    acquisition
        What the files say of the acquisition.
    unplaced
        Signals whose images show another field than BSE.
    remarks
        What the person should know, in sentences.
    """

    signals: dict[str, SignalReader]
    acquisition: Acquisition
    unplaced: list[UnplacedSignal]
    remarks: list[str]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the section: those of the first signal."""
        return next(iter(self.signals.values())).shape
