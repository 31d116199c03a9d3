"""A product while it is being made: resumable, and invisible until it is whole."""

from __future__ import annotations

import errno
import json
import shutil
import time
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import filelock

from napari_olivine.errors import SectionError
from napari_olivine.job import Job
from napari_olivine.section.atomic_io import (
    half_written,
    submit_io,
    sync_folder,
    sync_tree,
    wait_for_io,
)
from napari_olivine.section.provenance import JOURNAL, RECIPE, RECORD, SECONDS, Product, Recipe

T = TypeVar("T", bound=Hashable)


class Draft:
    """The folder in which a product is made, with a journal of its finished parts.

    Parameters
    ----------
    name
        Name of the product.
    path
        Folder of the draft; children of it become children of the product.
    recipe
        What the product is made from.
    job
        Running job.
    """

    def __init__(self, name: str, path: Path, recipe: Recipe, job: Job) -> None:
        self.name = name
        self.path = path
        self.recipe = recipe
        self.job = job
        self.notes: dict[str, Any] = {}
        self.content = ""
        self._journal = path / JOURNAL
        self._finished = _read_journal(self._journal)

    def is_done(self, part: str) -> bool:
        """Tell whether a part was finished by this or an earlier run."""
        return part in self._finished

    def tick(self, part: str) -> None:
        """Note that a part is finished, as soon as its files are on the disk."""
        submit_io(lambda: self._note(part))
        self._finished.add(part)

    def _note(self, part: str) -> None:
        with self._journal.open("a") as file:
            file.write(json.dumps(part) + "\n")

    def pending(self, parts: Iterable[T], message: str = "") -> Iterator[T]:
        """Go through the parts that no run has finished, and report progress.

        A part counts as finished when the loop comes back for the next one.

        Parameters
        ----------
        parts
            Things whose `repr` names them the same in every run.
        message
            Name of the work, for the person who waits.
        """
        everything = list(parts)
        for done, part in enumerate(everything):
            self.job.progress(done, len(everything), message)
            if not self.is_done(repr(part)):
                yield part
                self.tick(repr(part))
        self.job.progress(len(everything), len(everything), message)


@contextmanager
def open_draft(section: Path, name: str, recipe: Recipe, job: Job) -> Iterator[Draft]:
    """Make a product: yield its draft, and put it in place when the block ends well.

    If the block fails or is stopped, the draft stays for the next run with the same recipe.

    Parameters
    ----------
    section
        Folder of the section.
    name
        Name of the product, its path in the section.
    recipe
        Provenance of the product; a draft of another recipe is thrown away.
    job
        Running job.

    Returns
    -------
    iterator of Draft
        For a ``with`` statement.

    Raises
    ------
    SectionError
        If another process makes the same product now, or the disk is full.
    """
    path = draft_folder(section, name)
    try:
        path.parent.mkdir(exist_ok=True)
        _require_one_disk(section, name)
        held = lock_of(section, name).acquire(timeout=MOMENT_S)
    except filelock.Timeout:
        raise SectionError(
            f"Another process is making {name!r} of {section} now.",
            remedy="Wait for it or stop it.",
        ) from None
    except OSError as error:
        if error.errno in FORBIDDEN:
            raise SectionError(
                f"{section} cannot be written ({error.strerror}): {name!r} cannot be made in it."
            ) from error
        raise
    started = time.monotonic()
    with held:
        try:
            _prepare(path, recipe, job.force)
            draft = Draft(name, path, recipe, job)
            yield draft
            wait_for_io()
            seconds = time.monotonic() - started + _seconds_before(path)
            _commit(section / name, draft, seconds)
        except OSError as error:
            if error.errno in FULL:
                raise SectionError(
                    f"The disk of {section} is full. What was finished of {name!r} is kept.",
                    remedy="Free some space and run the same step again.",
                ) from error
            raise
        finally:
            with suppress(OSError):  # a full disk was reported already
                wait_for_io()
            with suppress(OSError):
                if path.exists():
                    _add_seconds(path, time.monotonic() - started)


def put_in_place(section: Path, name: str, recipe: Recipe) -> None:
    """Put in place a draft that a killed run with the same recipe had completed.

    Parameters
    ----------
    section
        Folder of the section.
    name
        Name of the product.
    recipe
        Recipe that the draft must have.
    """
    path = draft_folder(section, name)
    if not (path / RECORD).exists():
        return
    with suppress(filelock.Timeout, SectionError), lock_of(section, name).acquire(timeout=0):
        if Product.read(path).recipe.fingerprint == recipe.fingerprint:
            take_place(section / name, path)


def take_place(place: Path, draft: Path) -> None:
    """Let a draft that is whole (it has its record) take the place of an older product.

    Parameters
    ----------
    place
        Folder of the product.
    draft
        Folder of the draft, whose lock is held. A run that is killed here is completed by doing
        it again.
    """
    for leftover in (JOURNAL, RECIPE, SECONDS):
        (draft / leftover).unlink(missing_ok=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    old = old_of(draft)
    remove(old)
    if place.exists() or place.is_symlink():
        place.rename(old)
    draft.rename(place)
    sync_folder(place.parent)
    sync_folder(draft.parent)
    remove(old)


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it; of a link to one, the link alone."""
    if folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(folder, ignore_errors=True)


def draft_folder(section: Path, name: str) -> Path:
    """Return the folder in which a product is made."""
    return section / WORK / name.replace("/", "__")


def name_of(draft: Path) -> str:
    """Return the name of the product that is made in a folder: the inverse of `draft_folder`."""
    return draft.name.removesuffix(OLD).replace("__", "/", 1)


def old_of(draft: Path) -> Path:
    """Return where an older product goes while a draft takes its place."""
    return draft.with_name(draft.name + OLD)


def lock_of(section: Path, name: str) -> filelock.BaseFileLock:
    """Return the lock that the process that makes a product holds."""
    folder = draft_folder(section, name)
    # Whoever may write in the folder may take its locks, also those that a colleague left.
    return filelock.FileLock(folder.with_name(f"{folder.name}.lock"), mode=0o666)


def unfinished(section: Path, name: str, recipe: Recipe) -> Path | None:
    """Find the draft that an earlier run with the same recipe left unfinished.

    Parameters
    ----------
    section
        Folder of the section.
    name
        Name of the product.
    recipe
        Recipe that the draft must have.

    Returns
    -------
    Path or None
        Its folder.
    """
    path = draft_folder(section, name)
    try:
        same = (path / RECIPE).read_text() == recipe.fingerprint
    except OSError:
        return None
    return path if same else None


def software_versions() -> dict[str, str]:
    """Versions of the programs that decide a result."""
    versions = {}
    for package in ("napari-olivine", "numpy", "scikit-learn", "scikit-image", "torch", "zarr"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


MOMENT_S = 0.5
"""A check of the section holds a product's lock for a moment; a step that makes it, for long."""

FULL = (errno.ENOSPC, errno.EDQUOT)
"""No room on the disk, or no more for this person."""

FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)
"""The disk, or this folder of it, is for reading only."""

WORK = "work"
OLD = "~"
"""End of the name of an older product that is taken away; no product's name has it."""


def _require_one_disk(section: Path, name: str) -> None:
    """Refuse to begin what could not be moved into its place at the end."""
    work, place = section / WORK, section / name
    place = place.parent if place.parent.exists() else section
    if work.stat().st_dev != place.stat().st_dev:
        raise SectionError(
            f"{work} and {place} lie on two disks: a product that is made in the one cannot be "
            "moved to the other.",
            remedy="Let both be folders, not links to somewhere else.",
        )


def _prepare(path: Path, recipe: Recipe, force: bool) -> None:
    """Keep the draft of the same recipe, replace any other."""
    try:
        same = (path / RECIPE).read_text() == recipe.fingerprint
    except OSError:
        same = False
    # Until the record is there again, the draft is not whole.
    for leftover in (path / RECORD, *half_written(path)):
        leftover.unlink(missing_ok=True)
    if not same or force:
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        (path / RECIPE).write_text(recipe.fingerprint)


def _commit(place: Path, draft: Draft, seconds: float) -> None:
    product = Product(
        name=draft.name,
        path=draft.path,
        recipe=draft.recipe,
        # Milliseconds: two runs within a second are two.
        created=datetime.now().astimezone().isoformat(timespec="milliseconds"),
        seconds=round(seconds, 1),
        software=software_versions(),
        notes=draft.notes,
        content=draft.content,
    )
    sync_tree(draft.path)
    product.write()  # from here on the draft is whole, whatever happens
    take_place(place, draft.path)


def _read_journal(journal: Path) -> set[str]:
    finished = set()
    if journal.exists():
        for line in journal.read_text().splitlines():
            try:
                finished.add(str(json.loads(line)))
            except ValueError:  # the run was killed while it wrote this line
                continue
    return finished


def _seconds_before(path: Path) -> float:
    try:
        return float((path / SECONDS).read_text())
    except (OSError, ValueError):
        return 0.0


def _add_seconds(path: Path, seconds: float) -> None:
    (path / SECONDS).write_text(f"{_seconds_before(path) + seconds:.1f}")
