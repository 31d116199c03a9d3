"""Write a source whose tiles and maps lie in their places as the products of a section."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.assemble.added_tables import added_fingerprint, keep_analyses
from napari_olivine.readers.assemble.register import Registered
from napari_olivine.readers.assemble.source import Source
from napari_olivine.section import (
    CHUNK,
    Draft,
    Raster,
    Recipe,
    Section,
    Strips,
    create_raster,
)

STRIPS_AT_ONCE = 5
"""Strips' worth of memory that reading and writing at the same time take."""


def write_images(
    section: Section, source: Source, registered: Registered, recipe: Recipe, job: Job
) -> None:
    """Write a raster of each signal, a strip of 1024 rows after the other, and its pyramid.

    Parameters
    ----------
    section
        The section.
    source
        The source.
    registered
        Where its tiles and maps lie; written beside the images.
    recipe
        Recipe of the product ``images``; what is finished by it is not written again.
    job
        Running job.

    Raises
    ------
    InputError
        If a file cannot be read; what was written stays.
    """
    if section.finished("images", recipe, job):
        return
    parts = [(name, row) for name in source.signals for row in range(0, source.shape[0], CHUNK)]
    with section.draft("images", recipe, job) as draft:
        registered.write(draft.path)
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
            "pixel_size_by": source.pixel_source,
            "units": source.units,
            "layout": source.layout.words if source.layout else "",
            "fields": [submap.words for submap in source.submaps],
            "files": sum(len(signal.files) for signal in source.signals.values()),
            "missing_tiles": missing,
            "problems": source.problems,
        }


def _read_ahead(
    source: Source, parts: Sequence[tuple[str, int]], job: Job
) -> Generator[NDArray[Any], None, None]:
    """Read strips in order, each while the one before it is compressed and written.

    A strip that cannot be read raises when its turn comes: those before it are kept.
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
    missing = [tile for signal in source.signals.values() for tile in signal.missing]
    if new := [line for tile in missing if (line := " ".join(tile.split())) not in known]:
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


def write_analyses(section: Section, source: Source, settings: ImportSettings, job: Job) -> None:
    """Write the EPMA analyses, with those of tables that were added to the section.

    Parameters
    ----------
    section
        The section.
    source
        The source.
    settings
        Settings of the import.
    job
        Running job.
    """
    # Method 2: the way along the coordinates, rows that the laboratory rejected, the report.
    recipe = section.recipe(
        "import",
        settings,
        [],
        extra={"source": source.table_fingerprint} | added_fingerprint(section),
        method=2,
    )
    keep_analyses(section, recipe, source.analyses, source.tables.report, job)
