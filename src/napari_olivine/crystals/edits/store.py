"""The crystals of a section, open for a person's edits."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_olivine.crystals import (
    CrystalsSettings,
    complete_columns,
    crystal_images,
    in_order,
    summary,
)
from napari_olivine.crystals.edits.change import (
    CRYSTALS,
    TABLES,
    Change,
    Changes,
    by_id,
    replace_rows,
)
from napari_olivine.crystals.edits.commands import Edit, Entry, Merge, Redo, Redraw, Undo
from napari_olivine.crystals.edits.footprints import Shape
from napari_olivine.crystals.edits.journal import Journal
from napari_olivine.crystals.edits.planning import Planner
from napari_olivine.crystals.instances import BOX
from napari_olivine.crystals.measure import inclusion_table
from napari_olivine.errors import EditError, OlivineError, SectionError
from napari_olivine.history import now, user_name
from napari_olivine.job import Job
from napari_olivine.regions import copied_region
from napari_olivine.section import (
    Draft,
    Product,
    Raster,
    Recipe,
    Section,
    write_atomically,
    write_table,
)

EDITS = "edits"
APPLIED = "applied.json"
FOUND = "found.parquet"

PATIENCE_S = 10.0
"""How long a reader waits for whoever edits to write the table."""


@dataclass(frozen=True)
class SkippedEdit:
    """An edit that could not be carried out on the crystals as they are now."""

    entry: Entry
    reason: str


class CrystalStore:
    """Crystals of a section with every edit of the journal carried out.

    An edit is on disk (:class:`~napari_olivine.crystals.edits.journal.Journal`) before anything
    changes; then the pixels change; the table is written by :meth:`flush`. A process that is
    killed in between loses nothing: the next one goes on where it stopped.

    Parameters
    ----------
    section
        Section with crystals.
    write
        Whether edits are wanted; if another process holds the journal, the store is open for
        reading only and :attr:`held_by` names that process.
    job
        Memory and seed for measuring.

    Raises
    ------
    SectionError
        If there are no crystals, or the journal is damaged.
    """

    def __init__(self, section: Section, *, write: bool = True, job: Job | None = None) -> None:
        product = section.require("crystals", stale_ok=True)
        self._open(section, product.path, product.recipe, product.notes, job or Job())
        self._product: Product | None = product
        if product.content != content(self.applied):  # stopped between its table and its record
            self._saved = -1
        self.held_by = self.journal.hold() if write else "nobody"
        if not self.held_by:
            self.catch_up()

    @classmethod
    def of_draft(cls, section: Section, draft: Draft) -> CrystalStore:
        """Open crystals that have just been found, before they are a product."""
        store = cls.__new__(cls)
        store._open(section, draft.path, draft.recipe, draft.notes, draft.job)
        store._product, store.held_by = None, ""
        return store

    def _open(
        self, section: Section, folder: Path, recipe: Recipe, notes: dict[str, Any], job: Job
    ) -> None:
        self.section, self.folder, self.job = section, folder, job
        self.settings = _settings(recipe)
        self.labels = Raster(folder / "crystals")
        self.tables = {name: _read(folder / f"{name}.parquet") for name in TABLES}
        self.tables[CRYSTALS] = in_order(complete_columns(self.tables[CRYSTALS]))
        if "host" not in self.tables["inclusions"]:  # made before there were any
            self.tables["inclusions"] = by_id(inclusion_table([]))
        self.journal = Journal(section.path)
        self.changes = Changes(folder / EDITS)
        self.applied = applied(folder)
        self._saved = self.applied
        phase = str(notes.get("phase_from", "segmentation"))
        region = copied_region(section, folder)
        images = crystal_images(section, self.labels, phase, recipe.inputs, region)
        vesicle_grey = notes.get("vesicle_grey")
        self._planner = Planner(section, images, self.settings, vesicle_grey, job)

    # ------------------------------------------------------------------ editing

    def do(self, edit: Edit, *, who: str = "") -> tuple[Entry, Change]:
        """Carry out an edit.

        Parameters
        ----------
        edit
            The edit.
        who
            The person; the user of the computer if empty.

        Returns
        -------
        entry, change
            The entry of the journal, and the change.

        Raises
        ------
        EditError
            If it cannot be carried out; nothing has changed.
        SectionError
            If the store is read-only, or the crystals have been found anew meanwhile.
        """
        self._require_writable()
        change = self._plan(edit, who or user_name(), now())
        entry = self.journal.append(edit, self._shapes(edit), who)
        self.changes.keep(entry.n, change)
        self._apply(change, entry.n)
        return entry, change

    def undo(self) -> tuple[Entry, Change | None]:
        """Take back the last edit.

        Returns
        -------
        entry, change
            The edit, and the inverse of its change; `None` if it had been set aside.

        Raises
        ------
        EditError
            If there is nothing to take back.
        """
        self._require_writable()
        active = self.journal.active()
        if not active:
            raise EditError("There is no edit to take back.")
        entry = active[-1]
        change = self.changes.get(entry.n)
        taken_back = self.journal.append(Undo(of=entry.n), ())
        back = change.inverse() if change else None
        self._apply(back, taken_back.n)
        return entry, back

    def redo(self) -> tuple[Entry, Change | None]:
        """Do again the edit that was taken back last.

        Returns
        -------
        entry, change
            The edit, and its change; `None` if it cannot be carried out any more.

        Raises
        ------
        EditError
            If there is nothing to do again.
        """
        self._require_writable()
        undone = self.journal.undone()
        if not undone:
            raise EditError("There is no edit to do again.")
        entry = undone[-1]
        again = self.journal.append(Redo(of=entry.n), ())
        change = self.changes.get(entry.n) or self._replay(entry)
        self._apply(change, again.n)
        return entry, change

    @property
    def table(self) -> pd.DataFrame:
        """Crystals (:data:`~napari_olivine.crystals.table.COLUMNS`), with ``id`` as index."""
        return self.tables[CRYSTALS]

    @property
    def profiles(self) -> pd.DataFrame:
        """Radial profiles, with ``id`` as index."""
        return self.tables["profiles"]

    @property
    def writable(self) -> bool:
        """Whether edits are possible."""
        return not self.held_by

    def found(self) -> pd.DataFrame:
        """Return the crystals as the program found them, before any edit, with ``id`` as index."""
        file = self.folder / FOUND
        if not file.exists():
            return self.table
        return by_id(in_order(complete_columns(pd.read_parquet(file))))

    def aside(self) -> list[SkippedEdit]:
        """Return the edits that could not be carried out on the crystals as they are now."""
        reasons = ((entry, self.changes.aside(entry.n)) for entry in self.journal.active())
        return [SkippedEdit(entry, reason) for entry, reason in reasons if reason]

    # ------------------------------------------------------------------ after a crash or a rerun

    def catch_up(self) -> None:
        """Carry out the edits of the journal that these crystals have not seen."""
        pending = [entry for entry in self.journal.entries if entry.n > self.applied]
        active = {entry.n for entry in self.journal.active()}
        for place, entry in enumerate(pending):
            self.job.progress(place, len(pending), "Carrying out edits")
            edit = entry.edit
            if isinstance(edit, Undo):
                done = self.changes.get(edit.of)
                self._apply(done.inverse() if done else None, entry.n)
                continue
            again = self.journal.entry(edit.of) if isinstance(edit, Redo) else entry
            change = self.changes.get(again.n)
            if change is None and again.n in active and not self.changes.aside(again.n):
                change = self._replay(again)
            self._apply(change, entry.n)
        if pending:
            self.flush()

    def _replay(self, entry: Entry) -> Change | None:
        """Carry out an edit on crystals that may have been found anew."""
        assert not isinstance(entry.edit, Undo | Redo)
        try:
            edit = self._found_again(entry, entry.edit)
            change = self._plan(edit, entry.who, entry.at)
        except EditError as error:
            self.changes.set_aside(entry.n, str(error))
            return None
        lost = len(entry.edit.crystals) - len(edit.crystals)
        missing = f"{lost} of {len(entry.shapes)} crystals are there no more." if lost > 0 else ""
        self.changes.keep(entry.n, change, "" if isinstance(edit, Merge) else missing)
        return change

    def _found_again(self, entry: Entry, edit: Edit) -> Edit:
        """Return the same edit of the crystals that now are where those of the edit were."""
        if isinstance(edit, Redraw) and not edit.crystals:
            there = edit.drawn.find(self.labels, self.table)
            return edit.model_copy(update={"crystals": (there,) if there else ()})
        merging = isinstance(edit, Merge)
        found = [
            shape.lies_in(self.labels) if merging else shape.find(self.labels, self.table)
            for shape in entry.shapes
        ]
        lost = [shape.id for shape, now in zip(entry.shapes, found, strict=True) if not now]
        if len(lost) == len(found) or (merging and lost):
            raise EditError(f"Where crystal {lost[0]} was, there is none of that shape any more.")
        ids = tuple(dict.fromkeys(now for now in found if now))
        if merging and len(ids) == 1:
            raise EditError(f"They have been found as one crystal, {ids[0]}.")
        return edit.model_copy(update={"crystals": ids})

    # ------------------------------------------------------------------ saving

    def flush(self) -> None:
        """Write the tables, so that other programs see the edits; quick.

        Crystals that were found anew meanwhile are left alone: they get the edits from the journal.
        """
        if self._saved == self.applied or self._found_anew():
            return
        for name, table in self.tables.items():
            write_table(table, self.folder / f"{name}.parquet")
        write_atomically(self.folder / EDITS / APPLIED, json.dumps({"applied": self.applied}))
        self._saved = self.applied
        if self._product is not None:
            notes = self._product.notes | summary(self.table)
            notes["edits"] = len(self.journal.active())
            self._product = replace(self._product, content=content(self.applied), notes=notes)
            self._product.write()

    def close(self) -> None:
        """Write the tables and let others edit."""
        if self.writable:
            self.flush()
        self.journal.release()

    # ------------------------------------------------------------------ inside

    def _plan(self, edit: Edit, who: str, at: str) -> Change:
        return self._planner.plan(edit, self.tables, who, at)

    def _shapes(self, edit: Edit) -> list[Shape]:
        boxes = self.table.loc[list(edit.crystals), BOX].to_numpy(np.int64)
        return [
            Shape.of_crystal(self.labels, crystal, box)
            for crystal, box in zip(edit.crystals, boxes, strict=True)
        ]

    def _apply(self, change: Change | None, n: int) -> None:
        if change is not None:
            if change.patch is not None:
                change.patch.write(self.labels)
            for name, rows in change.rows.items():
                self.tables[name] = replace_rows(self.tables[name], rows)
        self.applied = n

    def _require_writable(self) -> None:
        if self.held_by:
            raise SectionError(
                f"The crystals of {self.section.path} are being edited elsewhere ({self.held_by}): "
                "here they can only be looked at."
            )
        if not self.journal.held:
            raise SectionError(
                f"The crystals of {self.section.path} are closed for edits.",
                remedy="Start the review again.",
            )
        if self._found_anew():
            raise SectionError(
                "The crystals have been found anew meanwhile.", remedy="Open them again."
            )

    def _found_anew(self) -> bool:
        """Whether another product stands in the place of these crystals."""
        if self._product is None:  # of a draft
            return False
        product = self.section.product("crystals")
        return product is None or product.created != self._product.created


def applied(folder: Path) -> int:
    """Return the number of the last entry of the journal that the table of a product has seen."""
    try:
        return int(json.loads((folder / EDITS / APPLIED).read_text())["applied"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def content(applied: int) -> str:
    """Return the part of the product's fingerprint that tells which edits it holds."""
    return f"edit{applied}" if applied else ""


def bring_up_to_date(section: Section, job: Job | None = None) -> None:
    """Make sure that the crystals on disk hold every edit; call it before reading them.

    Raises
    ------
    SectionError
        If another process edits them and does not write its table.
    """
    product = section.product("crystals")
    if product is None:
        return
    deadline = time.monotonic() + PATIENCE_S
    while Journal(section.path).last > applied(product.path):
        store = CrystalStore(section, job=job)
        store.close()
        if not store.writable:
            if time.monotonic() > deadline:
                raise SectionError(
                    f"The crystals of {section.path} are being edited ({store.held_by}).",
                    remedy="Close that window, or wait a moment.",
                )
            time.sleep(0.2)


def _read(file: Path) -> pd.DataFrame:
    """Read a table with its ids as index; an empty one where there is none."""
    none = pd.DataFrame({"id": pd.Series(dtype=np.uint32)})
    return by_id(pd.read_parquet(file) if file.exists() else none)


def _settings(recipe: Recipe) -> CrystalsSettings:
    known = CrystalsSettings.model_fields
    values = {name: value for name, value in recipe.settings.items() if name in known}
    with suppress(OlivineError):
        return CrystalsSettings(**values)
    return CrystalsSettings()
