"""The import: a folder of instrument files becomes a section on disk."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_olivine.errors import InputError, SectionError
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.assemble.identify import read_source
from napari_olivine.readers.assemble.placement import Placement, place_signals
from napari_olivine.readers.assemble.source import Source
from napari_olivine.section import (
    CHUNK,
    Draft,
    Raster,
    Recipe,
    Section,
    SectionRecord,
    Strips,
    create_raster,
)

SETTINGS = ImportSettings()

STRIPS_AT_ONCE = 5
"""Strips' worth of memory that reading and writing at the same time take."""


def import_section(
    source: Path | str,
    section: Path | str,
    settings: ImportSettings = SETTINGS,
    job: Job | None = None,
) -> Section:
    """Import a folder of instrument files into a section.

    Products: ``images`` (a raster per signal, its type kept) and ``epma`` (``analyses.parquet``).
    The annotations ``sessions`` and ``placements`` are written if they do not exist yet: what a
    person changed there stays. A run that was stopped goes on with the strips that are not
    finished; a finished import is not repeated.

    Parameters
    ----------
    source
        Folder of the instrument files; see `read_source`.
    section
        Folder of the section, new or from an earlier run of the same import.
    settings
        What the files do not say themselves.
    job
        Running job. A strip of 1024 rows is written while the next one is read, where its memory
        allows both.

    Raises
    ------
    InputError
        If the source cannot be used; nothing is written then.
    SectionError
        If the folder holds something else.
    """
    job = job or Job()
    place = Path(section).resolve()
    _keep_apart(Path(source).resolve(), place)
    found = read_source(source, settings, job)
    images_print = found.image_fingerprint
    recipe = Recipe("import", settings.model_dump(mode="json"), {"source": images_print})
    new = not _is_imported(place, recipe, job)
    if new:
        found.check(job)
    settled = place_signals(found, settings, recipe, place, job)
    found = settled.source
    if new and found.layout is not None:
        job.say(found.layout.words)
    for field in found.fields if new else ():
        (job.say if field.sure else job.warn)(f"{field.words}.")
    for problem in found.problems:
        job.warn(problem)
    record = SectionRecord(
        name=found.name,
        pixel_size_um=found.pixel_size_um,
        shape=found.shape,
        signals=list(found.signals),
        tile_shape=found.tile_shape,
        source=str(found.folder),
        accelerating_voltage_kv=found.accelerating_voltage_kv,
    )
    record = _agree(place, record, images_print)
    imported = Section.create(place, record)
    _import_images(imported, settled, recipe, job)
    _import_analyses(imported, found, settings, job)
    for name, table in (("sessions", found.sessions), ("placements", found.placements)):
        if not (place / "annotations" / f"{name}.csv").exists():
            imported.annotate(name, table)
    return imported


def _keep_apart(source: Path, place: Path) -> None:
    if place == source or place in source.parents or source in place.parents:
        raise InputError(
            f"The section {place} would lie in the source {source}, or the other way round; "
            "choose a folder beside it."
        )


def _agree(place: Path, record: SectionRecord, images_print: str) -> SectionRecord:
    """Compare with the section that is there: only the same import may go on in it."""
    if not (place / "section.json").exists():
        return record
    there = Section(place)
    if there.record == record:
        return record
    images = there.product("images")
    moved = there.record.model_copy(update={"source": record.source}) == record
    if moved and images is not None and images.recipe.inputs.get("source") == images_print:
        return there.record  # the same files, now elsewhere
    if there.record.source != record.source:
        raise SectionError(
            f"{place} holds the section {there.record.name!r}, imported from "
            f"{there.record.source or 'elsewhere'}; import {record.source} into another folder."
        )
    if images is not None:
        raise SectionError(
            f"{place} was imported from the same folder with another pixel size, other signals "
            "or another shape; import into another folder, so that what was made from the first "
            "stays valid."
        )
    return record


def _is_imported(place: Path, recipe: Recipe, job: Job) -> bool:
    if job.force or not (place / "section.json").exists():
        return False
    images = Section(place).product("images")
    return images is not None and images.fingerprint == recipe.fingerprint


def _import_images(section: Section, settled: Placement, recipe: Recipe, job: Job) -> None:
    if section.finished("images", recipe, job):
        return
    source = settled.source
    parts = [(name, row) for name in source.signals for row in range(0, source.shape[0], CHUNK)]
    with section.draft("images", recipe, job) as draft:
        settled.write(draft.path)
        rasters = {
            name: create_raster(
                draft.path / name,
                source.shape,
                signal.dtype,
                source.pixel_size_um,
                # Counts per second are not a number where a scan did not reach.
                reduction="nanmean" if signal.dtype.kind == "f" else "mean",
                origin=f"{name} of {source.name}",
            )
            for name, signal in source.signals.items()
        }
        images = {name: Strips(raster, draft.tick) for name, raster in rasters.items()}
        todo = [part for part in parts if not draft.is_done(repr(part))]
        with closing(_read_ahead(source, todo, job)) as strips:
            for name, row in draft.pending(parts, "Importing images"):
                images[name].write(row, next(strips))
                _note_missing(source, draft)
        for done, raster in enumerate(rasters.values()):
            job.progress(done, len(rasters), "Building pyramids")
            _build_pyramid(raster, draft, job)
        job.progress(len(rasters), len(rasters), "Building pyramids")
        missing = _note_missing(source, draft)
        for tile in missing:
            job.warn(f"{tile}; it is left black")
        draft.notes |= {
            "form": source.form,
            "instrument": source.instrument,
            "layout": source.layout.words if source.layout else "",
            "fields": [field.words for field in source.fields],
            "files": sum(len(signal.files) for signal in source.signals.values()),
            "missing_tiles": missing,
            "problems": source.problems,
        }


def _read_ahead(
    source: Source, parts: Sequence[tuple[str, int]], job: Job
) -> Generator[NDArray[Any], None, None]:
    """Read strips in order, each while the one before it is compressed and written.

    A strip that cannot be read is told when its turn comes: those before it are kept.
    """

    def read(part: tuple[str, int]) -> NDArray[Any]:
        name, row = part
        return source.signals[name].read(row, min(row + CHUNK, source.shape[0]), job)

    largest = max((signal.dtype.itemsize for signal in source.signals.values()), default=1)
    # One strip is being read, one written, with its chunks and its overview.
    if STRIPS_AT_ONCE * CHUNK * source.shape[1] * largest > job.memory_bytes:
        yield from map(read, parts)
        return
    with ThreadPoolExecutor(1, "read ahead") as pool:
        coming = pool.submit(read, parts[0]) if parts else None
        for part in parts[1:]:
            assert coming is not None
            strip = coming.result()
            coming = pool.submit(read, part)
            yield strip
            del strip
        if coming is not None:
            yield coming.result()


def _note_missing(source: Source, draft: Draft) -> list[str]:
    """Keep a list of the tiles left black, over all runs of an import."""
    file = draft.path / "missing_tiles.txt"
    noted = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    known = set(noted)
    found = [tile for signal in source.signals.values() for tile in signal.missing]
    if new := [line for tile in found if (line := " ".join(tile.split())) not in known]:
        with file.open("a", encoding="utf-8") as stream:
            stream.writelines(f"{line}\n" for line in new)
    return noted + new


def _build_pyramid(raster: Raster, draft: Draft, job: Job) -> None:
    """Build what strips leave of a raster's pyramid, behind the blocks of an earlier run."""
    last: list[str] = []

    def done(part: str) -> bool:
        _tick(last, draft.tick)  # it is asked for the next block when the last one is on disk
        if draft.is_done(part):
            return True
        last.append(part)
        return False

    raster.build_pyramid(job, done)
    _tick(last, draft.tick)


def _tick(parts: list[str], tick: Callable[[str], None]) -> None:
    while parts:
        tick(parts.pop())


def _import_analyses(section: Section, source: Source, settings: ImportSettings, job: Job) -> None:
    recipe = section.recipe("import", settings, [], extra={"source": source.table_fingerprint})
    if section.finished("epma", recipe, job):
        return
    with section.draft("epma", recipe, job) as draft:
        source.analyses.to_parquet(draft.path / "analyses.parquet", index=False)
        draft.notes |= {
            "profiles": int(source.analyses["profile"].nunique()),
            "analyses": len(source.analyses),
        }
