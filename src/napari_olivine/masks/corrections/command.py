"""A correction of the mask as a command of the history."""

from __future__ import annotations

from dataclasses import dataclass, replace

from napari_olivine.history import History, Target
from napari_olivine.masks.corrections.correction import Correction
from napari_olivine.masks.corrections.journal import MaskCorrections


@dataclass(frozen=True)
class MaskCorrection:
    """One correction that is made, or taken back.

    The order of these commands in a history is that of the file, so that its last line is always
    the one to take back.

    Parameters
    ----------
    corrections
        Corrections of the section.
    correction
        The correction.
    back
        Whether the command takes it back.
    """

    corrections: MaskCorrections
    correction: Correction
    back: bool = False

    @property
    def target(self) -> Target:
        """The correction: its place in the list, from 1."""
        return Target("mask", len(self.corrections))

    def do(self) -> None:
        """Store it, or take it away; see :class:`MaskCorrections` for errors."""
        if self.back:
            self.corrections.take_back()
        else:
            self.corrections.add([self.correction])

    def inverse(self) -> MaskCorrection:
        """Return the command that takes it back, or makes it again."""
        return replace(self, back=not self.back)

    def describe(self) -> str:
        """Return the correction in words, e.g. ``"mask painted: not olivine"``."""
        return self.correction.describe()


def take_over_corrections(history: History, corrections: MaskCorrections) -> None:
    """Put the stored corrections into a history, also those that are older than the history."""
    done = [MaskCorrection(corrections, one) for one in corrections.edits]
    history.take_over("mask", done, [])
