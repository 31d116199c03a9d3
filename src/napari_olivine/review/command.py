"""The review step: write a sheet to fill, read a filled one, or report the progress."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from napari_olivine.crystals.edits import describe
from napari_olivine.errors import InputError, SectionError
from napari_olivine.job import Job
from napari_olivine.review.session import Review
from napari_olivine.review.sheet import import_sheet, write_sheet
from napari_olivine.section import Product, Section
from napari_olivine.settings import Settings, setting

SIZES = {
    "phenocrysts": ("phenocryst",),
    "microphenocrysts": ("phenocryst", "microphenocryst"),
    "all": None,
}


class ReviewSettings(Settings):
    """Settings of :func:`review_section`."""

    export: Path | None = setting(
        None,
        "Sheet to write",
        "Spreadsheet (.xlsx, .csv) with a row a crystal, the most doubtful first, for a colleague "
        "to fill: verdict, class, merge_with, note.",
    )
    import_: Path | None = setting(
        None,
        "Sheet to read",
        "Filled spreadsheet (.xlsx, .ods, .csv) whose answers are carried out.",
    )
    sizes: Literal["phenocrysts", "microphenocrysts", "all"] = setting(
        "all",
        "Crystals",
        "Which crystals are written: phenocrysts, also microphenocrysts, or all.",
    )
    most: int | None = setting(None, "Rows", "Rows that are written, at most.", ge=1)
    open_only: bool = setting(
        False, "Open ones only", "Leave out crystals that have been reviewed."
    )
    who: str = setting(
        "", "Reviewer", "Name of the reviewer where the sheet has none; the user's if empty."
    )


def review_section(
    section: Section, settings: ReviewSettings | None = None, job: Job | None = None
) -> Product:
    """Write a sheet of uncertain crystals, carry out a filled one, or report the progress.

    Parameters
    ----------
    section
        Section with crystals.
    settings
        See :class:`ReviewSettings`; with neither file only the progress is reported.
    job
        Running job.

    Returns
    -------
    Product
        ``crystals``, with the edits.

    Raises
    ------
    InputError
        If a sheet cannot be read or written; nothing has changed.
    SectionError
        If there are no crystals, or somebody else edits them while a sheet is read.
    """
    settings, job = settings or ReviewSettings(), job or Job()
    if settings.export is not None and settings.import_ is not None:
        raise InputError(
            "A sheet can be written or read, not both at once.",
            remedy="Give {setting:export} or {setting:import_}.",
            setting="export",
        )
    review = Review(section, write=settings.import_ is not None, job=job)
    try:
        if settings.import_ is not None:
            if not review.store.writable:
                raise SectionError(
                    f"The crystals of {section.path} are being edited elsewhere "
                    f"({review.store.held_by}).",
                    remedy="Stop the review there first.",
                )
            done = import_sheet(review, settings.import_, who=settings.who)
            for problem in done.problems:
                job.warn(f"{settings.import_.name}, {problem}")
            job.say(f"{done.edits} edits of {done.crystals} crystals from {settings.import_}.")
        if settings.export is not None:
            review.rank(*review.learn())
            count = write_sheet(
                review, settings.export, sizes=SIZES[settings.sizes], most=settings.most,
                open_only=settings.open_only,
            )  # fmt: skip
            job.say(f"Wrote {count} crystals to {settings.export}.")
        _tell(review, job)
    finally:
        review.close()
    return section.require("crystals", stale_ok=True)


def _tell(review: Review, job: Job) -> None:
    progress = review.queue.progress
    job.say(f"{progress.reviewed} of {progress.total} crystals are reviewed.")
    counts = review.table["verdict"].value_counts()
    outcome = [f"{counts[name]} {name}" for name in ("accepted", "rejected") if name in counts]
    outcome += [f"{int(review.table['corrected'].sum())} corrected in outline"]
    outcome += [f"{int((review.table['reviewed_class'] != '').sum())} given a class"]
    job.say(", ".join(outcome) + ".")
    if review.learned.answers:
        job.say(review.learned.describe())
    for aside in review.store.aside():
        job.warn(f"Edit {aside.entry.n} ({describe(aside.entry.edit)}) is aside: {aside.reason}")
