"""Leftovers of stopped and killed runs: unfinished swaps, drafts, half-written files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path

import filelock

from napari_olivine.errors import SectionError
from napari_olivine.registry import maker_of
from napari_olivine.section import (
    JOURNAL,
    OLD,
    RECIPE,
    RECORD,
    WORK,
    Section,
    draft_folder,
    half_written,
    its_phase,
    lock_of,
    name_of,
    old_of,
    remove,
    take_place,
)
from napari_olivine.section.check.findings import Report

ASIDE = "aside"
"""Folder of the section for what cannot be repaired."""

EDITING, HOLDER = "review/lock", "review/holder.txt"
"""Lock that whoever edits crystals holds, and who that is."""


@contextmanager
def alone(section: Section, name: str) -> Iterator[bool]:
    """Keep others from making a product, or from editing it; yields whether nobody does now."""
    locks = [lock_of(section.path, name)]
    edited = name == "crystals" and (section.path / EDITING).exists()
    if edited:
        locks.append(filelock.FileLock(section.path / EDITING))
    with ExitStack() as stack:
        try:
            (section.path / WORK).mkdir(exist_ok=True)
            for lock in locks:
                stack.enter_context(lock.acquire(timeout=0))
            if edited:
                holder = f"a check of the section, process {os.getpid()}\n"
                (section.path / HOLDER).write_text(holder, encoding="utf-8")
        except filelock.Timeout:
            stack.close()
            yield False
            return
        except OSError as error:
            raise SectionError(
                f"{section.path} cannot be written ({error.strerror}).",
                remedy="Check it without {setting:repair}.",
                setting="repair",
            ) from error
        yield True


def in_use(section: Section, name: str) -> str:
    """Tell what another process does with a product now, in words; empty for nothing."""
    if _is_held(lock_of(section.path, name)):
        return "another process is making it now"
    if name == "crystals" and _is_held(filelock.FileLock(section.path / EDITING)):
        with suppress(OSError):
            holder = (section.path / HOLDER).read_text(encoding="utf-8").strip()
            return f"somebody edits them now ({holder})"
        return "somebody edits them now"
    return ""


def _is_held(lock: filelock.BaseFileLock) -> bool:
    if not Path(lock.lock_file).exists():
        return False
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return True
    except OSError:  # whoever may only read cannot ask
        return False
    lock.release()
    return False


def finish_swaps(section: Section, report: Report) -> None:
    """Complete what was stopped while a finished product took the place of an older one."""
    folders = [path for path in (section.path / WORK).glob("*") if path.is_dir()]
    for name in sorted({name_of(path) for path in folders}):
        if in_use(section, name):
            continue
        place, draft = section.path / name, draft_folder(section.path, name)
        old, whole = old_of(draft), (draft / RECORD).exists()
        if not (whole or old.exists()):
            continue
        if whole:
            what, done = "a run was stopped when all but its place was done", "it is in place"
        elif place.exists():
            what, done = "an older version was left in work/", "it was removed"
        else:
            what, done = "it was taken away by a run that was stopped", "it is back"
        if not report.mendable(name, what, "completes this"):
            continue
        with alone(section, name) as free:
            if not free:
                continue
            if whole:
                take_place(place, draft)
            elif not place.exists():
                place.parent.mkdir(exist_ok=True)
                old.rename(place)
            remove(old)
        report.repaired(name, what, done)


def tell_drafts(section: Section, report: Report, *, remove: bool) -> None:
    """Report unfinished products, and remove drafts that no run can continue.

    Parameters
    ----------
    section
        The section.
    report
        Where findings go.
    remove
        Whether to remove drafts that a run could continue, too.
    """
    work = section.path / WORK
    for draft in sorted(path for path in work.glob("*") if path.is_dir()):
        if draft.name.endswith(OLD) or (draft / RECORD).exists():
            continue  # reported by `finish_swaps`
        name = name_of(draft)
        if user := in_use(section, name):
            report.note(name, user)
            continue
        goes_on = (draft / RECIPE).exists()
        if goes_on and not remove:
            journal = draft / JOURNAL
            parts = len(journal.read_text().splitlines()) if journal.exists() else 0
            report.note(
                name, f"an unfinished run is kept in work/{draft.name}, {parts} parts finished",
                f"{making(name)} goes on with it, {{setting:remove_drafts}} removes it",
            )  # fmt: skip
            continue
        what = "an unfinished run" if goes_on else "a run that cannot be gone on with"
        if not report.mendable(f"{WORK}/{draft.name}", what, "removes it"):
            continue
        with alone(section, name) as free:
            if free:
                shutil.rmtree(draft, ignore_errors=True)
                report.repaired(f"{WORK}/{draft.name}", what, "it was removed")


def remove_partials(section: Section, folder: Path, report: Report) -> None:
    """Remove files that a killed process had not finished writing.

    Parameters
    ----------
    section
        The section.
    folder
        Folder in it, searched with its subfolders.
    report
        Where findings go.
    """
    if not (found := list(half_written(folder))):
        return
    where = folder.relative_to(section.path).as_posix()
    what = f"{len(found)} half-written files of a killed run"
    if report.mendable(where, what, "removes them"):
        for file in found:
            file.unlink(missing_ok=True)
        report.repaired(where, what, "they were removed")


def quarantine(section: Section, name: str) -> Path:
    """Move a product that cannot be repaired out of the way; nothing of it is deleted."""
    aside = section.path / ASIDE
    aside.mkdir(exist_ok=True)
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    place = aside / f"{name.replace('/', '__')}-{stamp}"
    (section.path / name).rename(place)
    return place


def making(name: str) -> str:
    """Return the placeholder of the step that makes a product."""
    return f"{{step:{maker_of(name) or 'run'}}}{its_phase(name)}"
