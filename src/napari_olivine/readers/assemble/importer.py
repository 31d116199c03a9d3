"""The import: a folder of instrument files becomes a section on disk.

`import_section` is the road: recognise (`source.read_source`), register, write; each line hands on
what the next one takes.
"""

from __future__ import annotations

from pathlib import Path

from napari_olivine.errors import InputError, SectionError
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.assemble.added_tables import place_added_spots
from napari_olivine.readers.assemble.register import register_source
from napari_olivine.readers.assemble.relocate import relocate_source
from napari_olivine.readers.assemble.source import Source, read_source
from napari_olivine.readers.assemble.write_section import write_analyses, write_images
from napari_olivine.section import Recipe, Section, SectionRecord

SETTINGS = ImportSettings()

COUNTS = "counts"


def import_section(
    source: Path | str,
    section: Path | str,
    settings: ImportSettings = SETTINGS,
    job: Job | None = None,
) -> Section:
    """Import a folder of instrument files into a section.

    Products: ``images`` (a raster per signal, its type kept) and ``epma`` (``analyses.parquet``
    and ``report.csv``, what was made of the tables).
    The annotations ``sessions`` and ``placements`` are written if they do not exist yet: what a
    person changed there stays, and tables that were added to the section stay in ``epma``. A run
    that was stopped goes on with the strips that are not finished; a finished import is not
    repeated.

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

    Returns
    -------
    Section
        The imported section.

    Raises
    ------
    InputError
        If the source cannot be used; nothing is written then.
    SectionError
        If the folder holds something else.
    """
    job = job or Job()
    folder = Path(section).resolve()
    _keep_apart(Path(source).resolve(), folder)
    recognised = read_source(source, settings, job)
    images_print = recognised.image_fingerprint
    recipe = Recipe("import", settings.model_dump(mode="json"), {"source": images_print})
    new = not _is_imported(folder, recipe, job)
    if new:
        recognised.check(job)
    registered = register_source(recognised, settings, recipe, folder, job)
    final = relocate_source(recognised, registered)
    _report(final, new, job)
    record = SectionRecord(
        name=final.name,
        pixel_size_um=final.pixel_size_um,
        shape=final.shape,
        signals=list(final.signals),
        tile_shape=final.tile_shape,
        source=str(final.folder),
        accelerating_voltage_kv=final.accelerating_voltage_kv,
    )
    imported = Section.create(folder, _record_of(folder, record, images_print))
    write_images(imported, final, registered, recipe, job)
    write_analyses(imported, final, settings, job)
    for name, table in (("sessions", final.sessions), ("placements", final.placements)):
        if not (folder / "annotations" / f"{name}.csv").exists():
            imported.annotate(name, table)
    place_added_spots(imported)
    return imported


def _report(source: Source, new: bool, job: Job) -> None:
    """Tell the person where tiles and maps lie, if that is new, and what may spoil the result."""
    if new:
        job.say(f"A pixel is {source.pixel_size_um:.5g} um wide, by {source.pixel_source}.")
    if quantified := [f"{name} in {unit}" for name, unit in source.units.items() if unit != COUNTS]:
        job.say(f"These maps are quantities, not counts: {', '.join(quantified)}.")
    if new and source.layout is not None:
        job.say(source.layout.words)
    for submap in source.submaps if new else ():
        (job.say if submap.sure else job.warn)(f"{submap.words}.")
    for problem in source.problems:
        job.warn(problem)


def _keep_apart(source: Path, folder: Path) -> None:
    if folder == source or folder in source.parents or source in folder.parents:
        raise InputError(
            f"The section {folder} would lie in the source {source}, or the other way round; "
            "choose a folder beside it.",
            file=folder,
        )


def _record_of(folder: Path, record: SectionRecord, images_print: str) -> SectionRecord:
    """Compare with the section that is there: only the same import may go on in it."""
    if not (folder / "section.json").exists():
        return record
    there = Section(folder)
    if there.record == record:
        return record
    images = there.product("images")
    moved = there.record.model_copy(update={"source": record.source}) == record
    if moved and images is not None and images.recipe.inputs.get("source") == images_print:
        return there.record  # the same files, now elsewhere
    if there.record.source != record.source:
        raise SectionError(
            f"{folder} holds the section {there.record.name!r}, imported from "
            f"{there.record.source or 'elsewhere'}; import {record.source} into another folder.",
            file=folder,
        )
    if images is not None:
        raise SectionError(
            f"{folder} was imported from the same folder with another pixel size, other signals "
            "or another shape; import into another folder, so that what was made from the first "
            "stays valid.",
            file=folder,
        )
    return record


def _is_imported(folder: Path, recipe: Recipe, job: Job) -> bool:
    if job.force or not (folder / "section.json").exists():
        return False
    images = Section(folder).product("images")
    return images is not None and images.fingerprint == recipe.fingerprint
