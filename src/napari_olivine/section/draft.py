"""A product while it is being made: resumable, and invisible until it is whole."""

from __future__ import annotations

import errno
import json
import shutil
import time
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import filelock

from napari_olivine.errors import SectionError
from napari_olivine.job import Job
from napari_olivine.section.recipe import Product, Recipe
from napari_olivine.section.shards import PARTIAL

T = TypeVar("T", bound=Hashable)


class Draft:
    """The folder in which a product grows, with a journal of what is finished in it.

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

    @property
    def resumed(self) -> bool:
        """Whether an earlier run left finished parts."""
        return bool(self._finished)

    def is_done(self, part: str) -> bool:
        """Tell whether a part was finished by this or an earlier run."""
        return part in self._finished

    def tick(self, part: str) -> None:
        """Note that a part is finished and on disk."""
        with self._journal.open("a") as file:
            file.write(json.dumps(part) + "\n")
        self._finished.add(part)

    def pending(self, parts: Iterable[T], message: str = "") -> Iterator[T]:
        """Go through the parts that no run has finished, telling progress.

        A part counts as finished when the loop comes back for the next one.

        Parameters
        ----------
        parts
            Things whose `repr` names them the same in every run.
        message
            What is being done, for the person who waits.
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
        What the product is made from; a draft of another recipe is thrown away.
    job
        Running job.

    Raises
    ------
    SectionError
        If another process makes the same product now, or the disk is full.
    """
    work = section / WORK
    work.mkdir(exist_ok=True)
    flat = name.replace("/", "__")
    path = work / flat
    lock = filelock.FileLock(work / f"{flat}.lock")
    try:
        held = lock.acquire(timeout=MOMENT_S)
    except filelock.Timeout:
        raise SectionError(
            f"Another process is making {name!r} of {section} now; wait for it or stop it."
        ) from None
    started = time.monotonic()
    with held:
        try:
            _prepare(path, recipe, job.force)
            draft = Draft(name, path, recipe, job)
            yield draft
            seconds = time.monotonic() - started + _seconds_before(path)
            _commit(section / name, draft, seconds)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise SectionError(
                    f"The disk of {section} is full. What was finished of {name!r} is kept: "
                    "free some space and run the same command again."
                ) from error
            raise
        finally:
            if path.exists():
                _add_seconds(path, time.monotonic() - started)


def unfinished(section: Path, name: str, recipe: Recipe) -> Path | None:
    """Return the folder of a product that an earlier run with the same recipe left unfinished."""
    path = section / WORK / name.replace("/", "__")
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

WORK = "work"
JOURNAL = "finished.jsonl"
RECIPE = "recipe.json"
SECONDS = "seconds.txt"


def _prepare(path: Path, recipe: Recipe, force: bool) -> None:
    """Keep the draft of the same recipe, replace any other."""
    try:
        same = (path / RECIPE).read_text() == recipe.fingerprint
    except OSError:
        same = False
    for half_written in path.rglob(f"*{PARTIAL}"):
        half_written.unlink(missing_ok=True)
    if not same or force:
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        (path / RECIPE).write_text(recipe.fingerprint)


def _commit(place: Path, draft: Draft, seconds: float) -> None:
    product = Product(
        name=draft.name,
        path=draft.path,
        recipe=draft.recipe,
        created=datetime.now().astimezone().isoformat(timespec="seconds"),
        seconds=round(seconds, 1),
        software=software_versions(),
        notes=draft.notes,
        content=draft.content,
    )
    product.write()
    for leftover in (JOURNAL, RECIPE, SECONDS):
        (draft.path / leftover).unlink(missing_ok=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    old = draft.path.with_name(draft.path.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    draft.path.rename(place)
    shutil.rmtree(old, ignore_errors=True)


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
