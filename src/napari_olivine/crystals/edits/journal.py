"""The journal of a person's edits: an edit is on disk before anything changes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import filelock
from pydantic import ValidationError

from napari_olivine.crystals.edits.commands import Edit, Entry, Redo, Undo
from napari_olivine.crystals.edits.footprints import Shape
from napari_olivine.errors import SectionError
from napari_olivine.history import now, user_name

FOLDER = "review"
JOURNAL = "journal.jsonl"
LOCK, HOLDER = "lock", "holder.txt"


class Journal:
    """Edits in the order in which they were made, one JSON object a line.

    It lies beside the products, and so outlives the crystals that were edited.

    Parameters
    ----------
    section
        Folder of the section.

    Raises
    ------
    SectionError
        If a line other than the last one cannot be read.
    """

    def __init__(self, section: Path) -> None:
        self.folder = section / FOLDER
        self.file = self.folder / JOURNAL
        # Whoever may write in the folder may take its lock, also one that a colleague left.
        self._lock = filelock.FileLock(self.folder / LOCK, mode=0o666, thread_local=False)
        self.entries: list[Entry] = []
        self.read()

    # ------------------------------------------------------------------ one writer

    def hold(self) -> str:
        """Try to become the only writer; the lock ends with the process that holds it.

        Returns
        -------
        str
            Empty on success, else who holds the journal.
        """
        try:
            self.folder.mkdir(exist_ok=True)
            self._lock.acquire(timeout=0)
        except filelock.Timeout:
            with suppress(OSError):
                return (self.folder / HOLDER).read_text().strip()
            return "another process"
        except OSError as error:
            return f"nobody can write there: {error.strerror}"
        (self.folder / HOLDER).write_text(f"{user_name()}, process {os.getpid()}\n")
        self.read()
        self._mend()
        return ""

    @property
    def held(self) -> bool:
        """Whether this journal may be written."""
        return self._lock.is_locked

    def release(self) -> None:
        """Let other processes write."""
        self._lock.release()

    # ------------------------------------------------------------------ entries

    @property
    def last(self) -> int:
        """Number of the last entry, 0 for none."""
        return self.entries[-1].n if self.entries else 0

    def append(self, edit: Edit | Undo | Redo, shapes: Sequence[Shape], who: str = "") -> Entry:
        """Write an entry; when this returns, it is on the disk.

        Parameters
        ----------
        edit
            The edit.
        shapes
            Shapes of its crystals before it.
        who
            The person; the user of the computer if empty.

        Raises
        ------
        SectionError
            If the journal is not held, or the disk is full.
        """
        if not self.held:
            raise SectionError(f"{self.file} is open for reading only.", file=self.file)
        entry = Entry(
            n=self.last + 1,
            at=now(),
            who=who or user_name(),
            edit=edit,
            shapes=tuple(shapes),
        )
        size = self.file.stat().st_size if self.file.exists() else 0
        try:
            with self.file.open("a", encoding="utf-8") as stream:
                stream.write(entry.model_dump_json() + "\n")
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            with suppress(OSError):
                os.truncate(self.file, size)
            raise SectionError(
                f"The edit could not be written to {self.file}: {error}", file=self.file
            ) from error
        self.entries.append(entry)
        return entry

    def active(self) -> list[Entry]:
        """Return the edits that have not been taken back, in order."""
        done, _ = self._stacks()
        return done

    def undone(self) -> list[Entry]:
        """Return the edits that can be done again, the next one last."""
        _, undone = self._stacks()
        return undone

    def entry(self, n: int) -> Entry:
        """Return an entry by its number."""
        return self.entries[n - 1]

    def _stacks(self) -> tuple[list[Entry], list[Entry]]:
        done: list[Entry] = []
        undone: list[Entry] = []
        for entry in self.entries:
            if isinstance(entry.edit, Undo):
                undone.append(done.pop())
            elif isinstance(entry.edit, Redo):
                done.append(undone.pop())
            else:
                done.append(entry)
                undone.clear()
        return done, undone

    def read(self) -> None:
        """Read the file again, without a last line that a crash cut off: it was not confirmed."""
        self.entries = []
        if not self.file.exists():
            return
        lines = self.file.read_bytes().split(b"\n")
        for number, line in enumerate(lines[:-1], 1):
            try:
                entry = Entry.model_validate_json(line)
            except ValidationError as error:
                raise SectionError(
                    f"Line {number} of {self.file} is damaged ({error.errors()[0]['msg']}).",
                    remedy="Mend it, or move the file away to go on without the edits.",
                    file=self.file,
                    row=number,
                ) from error
            if entry.n != number:
                raise SectionError(
                    f"Line {number} of {self.file} has the number {entry.n}: a line is missing or "
                    "was added by hand.",
                    file=self.file,
                    row=number,
                )
            self._check_order(entry)
            self.entries.append(entry)

    def _check_order(self, entry: Entry) -> None:
        if isinstance(entry.edit, Undo | Redo):
            stack = self._stacks()[isinstance(entry.edit, Redo)]
            if not stack or stack[-1].n != entry.edit.of:
                raise SectionError(
                    f"Line {entry.n} of {self.file} takes back an edit that is not the last one.",
                    file=self.file,
                    row=entry.n,
                )

    def _mend(self) -> None:
        """Remove a last line that is not whole, so that the next entry begins a line."""
        if not self.file.exists():
            return
        content = self.file.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(self.file, whole)
