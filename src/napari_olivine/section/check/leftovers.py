"""What stopped and killed runs left behind: swaps half done, drafts, files half written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import filelock

from napari_olivine.section.check.findings import Report
from napari_olivine.section.draft import JOURNAL, RECIPE, WORK
from napari_olivine.section.recipe import RECORD
from napari_olivine.section.shards import PARTIAL
from napari_olivine.section.store import STEP_OF, Section

ASIDE = "aside"
"""Folder of the section for what cannot be repaired."""

OLD = ".old"


@contextmanager
def alone(section: Section, name: str) -> Iterator[bool]:
    """Keep other processes from making a product; yields whether none does now."""
    work = section.path / WORK
    work.mkdir(exist_ok=True)
    lock = filelock.FileLock(work / f"{name.replace('/', '__')}.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def being_made(section: Section, name: str) -> bool:
    """Tell whether another process makes a product now."""
    if not (section.path / WORK / f"{name.replace('/', '__')}.lock").exists():
        return False
    with alone(section, name) as free:
        return not free


def finish_swaps(section: Section, report: Report) -> None:
    """Complete what was stopped while a finished product took the place of an older one."""
    work = section.path / WORK
    for flat in sorted({path.name.removesuffix(OLD) for path in work.glob("*") if path.is_dir()}):
        name = flat.replace("__", "/")
        place, draft, old = section.path / name, work / flat, work / f"{flat}{OLD}"
        with alone(section, name) as free:
            whole = (draft / RECORD).exists() and not (draft / RECIPE).exists()
            if not free or not (whole or old.exists()):
                continue
            if whole:
                what, done = "a run was stopped when all but its place was done", "it is in place"
            elif place.exists():
                what, done = "an older version was left in work/", "it was removed"
            else:
                what, done = "it was taken away by a run that was stopped", "it is back"
            if not report.mendable(name, what, "completes this"):
                continue
            if whole and place.exists():
                shutil.rmtree(old, ignore_errors=True)
                place.rename(old)
            if not place.exists():
                place.parent.mkdir(exist_ok=True)
                (draft if whole else old).rename(place)
            shutil.rmtree(old, ignore_errors=True)
            report.repaired(name, what, done)


def tell_drafts(section: Section, report: Report, *, remove: bool) -> None:
    """Tell which products are unfinished, and remove what no run can go on with."""
    work = section.path / WORK
    for draft in sorted(path for path in work.glob("*") if path.is_dir()):
        if draft.name.endswith(OLD):
            continue
        name = draft.name.replace("__", "/")
        with alone(section, name) as free:
            if not free:
                report.note(name, "another process is making it now")
                continue
            if (draft / RECORD).exists():
                continue  # told by `finish_swaps`
            goes_on = (draft / RECIPE).exists()
            if goes_on and not remove:
                journal = draft / JOURNAL
                parts = len(journal.read_text().splitlines()) if journal.exists() else 0
                report.note(
                    name, f"an unfinished run is kept in work/{draft.name}, {parts} parts finished",
                    f"'{command(name)}' goes on with it, --remove-drafts removes it",
                )  # fmt: skip
                continue
            what = "an unfinished run" if goes_on else "a run that cannot be gone on with"
            if report.mendable(f"{WORK}/{draft.name}", what, "removes it"):
                shutil.rmtree(draft, ignore_errors=True)
                report.repaired(f"{WORK}/{draft.name}", what, "it was removed")


def remove_partials(section: Section, folder: Path, report: Report) -> None:
    """Remove files that a killed process had not finished writing."""
    found = [
        file
        for file in (*folder.rglob(f"*{PARTIAL}"), *folder.glob(".*-*"), *folder.glob(".*.parquet"))
        if file.is_file()
    ]
    if not found:
        return
    where = folder.relative_to(section.path).as_posix()
    what = f"{len(found)} half-written files of a killed run"
    if report.mendable(where, what, "removes them"):
        for file in found:
            file.unlink(missing_ok=True)
        report.repaired(where, what, "they were removed")


def put_aside(section: Section, name: str) -> Path:
    """Move a product that cannot be repaired out of the way; nothing of it is deleted."""
    aside = section.path / ASIDE
    aside.mkdir(exist_ok=True)
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    place = aside / f"{name.replace('/', '__')}-{stamp}"
    (section.path / name).rename(place)
    return place


def command(name: str) -> str:
    """Return the command that makes a product."""
    return f"napari-olivine {STEP_OF.get(name.split('/')[0], 'run')}"
