"""The corrections of a section on disk: one line a correction, the last one taken back first."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from hashlib import sha256

import filelock
import numpy as np
from numpy.typing import NDArray
from psygnal import Signal
from pydantic import ValidationError

from napari_olivine.errors import EditError, SectionError
from napari_olivine.history import now, user_name
from napari_olivine.masks.corrections.correction import NOTHING, Correction
from napari_olivine.section import (
    MASK_CORRECTIONS,
    PIECE,
    WORK,
    Section,
    fingerprint_of_bytes,
    lock_of,
    sync,
    write_atomically,
)

Tile = tuple[int, int]
"""Row and column of a tile of `PIECE` px, which is a chunk of the mask's images."""

PATIENCE_S = 5.0
"""How long a writer waits for another one, which needs milliseconds."""


class MaskCorrections:
    """Corrections in the order in which they were made; later ones lie over earlier ones.

    The file holds what counts now and nothing else: to take a correction back is to take its line
    away, which gives back the bytes of before. Without corrections there is no file.

    Parameters
    ----------
    section
        The section.

    Raises
    ------
    SectionError
        If a line of the file other than a last one that a crash cut off is damaged.
    """

    changed = Signal()
    """After corrections were added, taken back or replaced."""
    reread = Signal()
    """After somebody else's corrections were read: edits of before cannot be taken back."""

    def __init__(self, section: Section) -> None:
        self._path, self.shape = section.path, section.shape
        self.file = section.path / "annotations" / f"{MASK_CORRECTIONS}.jsonl"
        self.edits: list[Correction] = []
        self._of_tile: dict[Tile, list[int]] = {}
        self.read()

    def read(self) -> None:
        """Read the file again."""
        self.edits, self._of_tile = [], {}
        try:
            content = self.file.read_bytes()
        except FileNotFoundError:
            content = b""
        except OSError as error:
            raise SectionError(f"{self.file} cannot be read: {error}", file=self.file) from error
        lines = content.split(b"\n")[:-1]
        for number, line in enumerate(lines, 1):
            try:
                self._take(Correction.model_validate_json(line))
            except ValidationError as error:
                raise SectionError(
                    f"Line {number} of {self.file} is damaged ({error.errors()[0]['msg']}).",
                    remedy="Mend it, or move the file away to go on without the corrections.",
                    file=self.file,
                    row=number,
                ) from error
        self._known = b"".join(line + b"\n" for line in lines)
        self._fingerprint = ""

    def copy(self) -> MaskCorrections:
        """Return the corrections as they are now, for a thread that looks at them."""
        copied = copy(self)
        copied.edits = [*self.edits]
        copied._of_tile = {tile: [*numbers] for tile, numbers in self._of_tile.items()}
        return copied

    def __len__(self) -> int:
        return len(self.edits)

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the corrections as they are here; empty for none."""
        if self.edits and not self._fingerprint:
            self._fingerprint = fingerprint_of_bytes(self._known)
        return self._fingerprint

    # ------------------------------------------------------------------ editing

    def add(self, corrections: Sequence[Correction]) -> None:
        """Add corrections; when this returns, all of them are on the disk, or none is.

        Raises
        ------
        EditError
            If the file was changed by somebody else; the corrections are then read anew.
        SectionError
            If the disk is full or cannot be written.
        """
        text = "".join(one.model_dump_json() + "\n" for one in corrections)
        with self._alone():
            self.file.parent.mkdir(exist_ok=True)
            size = len(self._known)
            try:
                with self.file.open("ab") as stream:
                    stream.write(text.encode())
                    sync(stream)
            except OSError:
                with suppress(OSError):
                    os.truncate(self.file, size)
                raise
            self._known += text.encode()
            self._fingerprint = ""
        for one in corrections:
            self._take(one)
        self.changed.emit()

    def take_back(self) -> Correction:
        """Take the last correction away, and return it.

        Raises
        ------
        EditError, SectionError
            See :meth:`add`; and if there is none.
        """
        if not self.edits:
            raise EditError("There is no correction of the mask to take back.")
        with self._alone():
            left = self._known[: self._known.rstrip(b"\n").rfind(b"\n") + 1]
            if left:
                with self.file.open("r+b") as stream:
                    stream.truncate(len(left))
                    sync(stream)
            else:
                self.file.unlink()
            self._known, self._fingerprint = left, ""
        gone = self.edits.pop()
        for tile in gone.tiles(PIECE, self.shape):
            self._of_tile[tile].pop()
            if not self._of_tile[tile]:
                del self._of_tile[tile]
        self.changed.emit()
        return gone

    def replace(self, corrections: Sequence[Correction]) -> None:
        """Put these in place of all corrections, all or nothing.

        Raises
        ------
        EditError, SectionError
            See :meth:`add`.
        """
        text = "".join(one.model_dump_json() + "\n" for one in corrections)
        with self._alone():
            self.file.parent.mkdir(exist_ok=True)
            if text:
                write_atomically(self.file, text)
            else:
                self.file.unlink(missing_ok=True)
        self.read()
        self.changed.emit()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from writing; refuse if one of them has written."""
        (self._path / WORK).mkdir(exist_ok=True)
        try:
            with lock_of(self._path, MASK_CORRECTIONS).acquire(timeout=PATIENCE_S):
                now = self.file.read_bytes() if self.file.exists() else b""
                if now[: now.rfind(b"\n") + 1] != self._known:
                    self.read()
                    self.reread.emit()
                    raise EditError(
                        "The corrections of the mask were changed by another program.",
                        remedy="They were read again: look at them, and do it once more.",
                    )
                if len(now) > len(self._known):  # a line that a crash cut off
                    os.truncate(self.file, len(self._known))
                yield
        except filelock.Timeout as error:
            raise SectionError(f"{self.file} is being written by another program.") from error
        except OSError as error:
            raise SectionError(
                f"The correction could not be written to {self.file}: {error}", file=self.file
            ) from error

    def _take(self, correction: Correction) -> None:
        for tile in correction.tiles(PIECE, self.shape):
            self._of_tile.setdefault(tile, []).append(len(self.edits))
        self.edits.append(correction)

    # ------------------------------------------------------------------ looking

    def labels(
        self, rows: slice, columns: slice, codes: Mapping[str, int] | None = None
    ) -> NDArray[np.uint8]:
        """Return what a person said of a window: 0 other, 1 olivine, 255 nothing.

        Only corrections near the window are looked at; nothing of the section's size is held.

        Parameters
        ----------
        rows, columns
            The window.
        codes
            Codes of phases other than olivine, by the keys of their names (`phase_key`), which
            stand in place of 0 where a person named one of these phases.
        """
        said = np.full((rows.stop - rows.start, columns.stop - columns.start), NOTHING, np.uint8)
        near = {
            number
            for row in range(rows.start // PIECE, -(-rows.stop // PIECE))
            for column in range(columns.start // PIECE, -(-columns.stop // PIECE))
            for number in self._of_tile.get((row, column), ())
        }
        for number in sorted(near):
            one = self.edits[number]
            said[one.pixels(rows, columns)] = one.code(codes or {})
        return said

    def phases(self) -> dict[str, int]:
        """Return the names of phases other than olivine that a person gave, with how often."""
        return Counter(one.phase for one in self.edits if one.phase)

    def marks(self) -> dict[Tile, str]:
        """Return the tiles in which there may be corrections, with a short hash of these."""
        return {
            tile: sha256("".join(self.edits[n].digest for n in numbers).encode()).hexdigest()[:16]
            for tile, numbers in self._of_tile.items()
        }


def make_correction(**values: object) -> Correction:
    """Make a correction with the time and the user of the computer."""
    return Correction.model_validate({"at": now(), "who": user_name()} | values)
