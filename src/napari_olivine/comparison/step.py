"""The step `compare`: networks trained under one budget, scored on one reference, as tables."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from napari_olivine.comparison.child import run_in_child
from napari_olivine.comparison.fingerprints import fingerprints
from napari_olivine.comparison.folder import PAGE, ComparisonFolder
from napari_olivine.comparison.page import write_page
from napari_olivine.comparison.pixel_counts import olivine_scores
from napari_olivine.comparison.plan import Run, plan_runs
from napari_olivine.comparison.record import RunRecord, read_record
from napari_olivine.comparison.reference import Reference
from napari_olivine.comparison.settings import CompareSettings
from napari_olivine.comparison.tables import write_tables
from napari_olivine.errors import InputError
from napari_olivine.job import Event, Job
from napari_olivine.section import Section


def compare_networks(
    section: Section,
    out: Path,
    truth: Path | None = None,
    settings: CompareSettings | None = None,
    job: Job | None = None,
) -> Path:
    """Train networks under one budget, score them and models that are there, and write tables.

    Every run has a process of its own. A run that was finished with the same settings, images,
    mask, sessions and reference is not made again; a training that was stopped goes on at its
    last step. A run that fails is told in the tables with the reason, and tried again next time.
    The trained models lie in the folder and not in the section.

    Parameters
    ----------
    section
        Section with ``images``, ``mask`` and sessions with the roles train, val and best test.
    out
        Folder of the comparison, a new one or that of an earlier comparison of the section.
    truth
        Folder of a known truth to score by, see `napari_olivine.scoring.Truth`; the mask if not
        given. Networks learn the mask either way.
    settings
        What is compared.
    job
        Running job; its seed is not used.

    Returns
    -------
    Path
        The folder, with ``index.html``, ``runs.csv``, ``olivine.csv``, ``classes.csv``,
        ``confusion.csv``, ``sizes.csv``, ``calibration.csv``, ``learning.csv``, ``settings.json``.

    Raises
    ------
    InputError
        If nothing can be compared, or every run failed.
    SectionError
        If images or mask are missing or out of date, or another process works in the folder.
    """
    settings, job = settings or CompareSettings(), job or Job()
    section.raster("images", "BSE")  # a section of maps alone is told so first
    runs = plan_runs(section, settings, job)
    reference = Reference(section, truth, settings)
    marks = {run.name: fingerprints(section, run, reference, settings) for run in runs}
    reference.warn_of_missing(job)
    folder = ComparisonFolder(out)
    with folder.held(section):
        folder.write_settings(section, truth, settings)
        records: list[RunRecord] = []
        for number, run in enumerate(runs):
            record = None if job.force else _finished(folder, run, marks[run.name])
            if record is not None:
                records.append(record)
                continue
            if any(one.state == "finished" for one in records):
                # What there is can be read while the next run goes on, and after a power cut.
                _write(folder, section, truth, records, settings)
            job.say(f"[{number + 1}/{len(runs)}] {run.name}")
            part = replace(job, listen=_within(job, number, len(runs)))
            records.append(_make(section, truth, folder, run, marks[run.name], settings, part))
            _tell(records[-1], job)
        if settings.keep == "best":
            _keep_best(folder, records)
        _write(folder, section, truth, records, settings)
        job.progress(len(runs), len(runs), "Compared")
    _end(folder, records, job)
    return folder.path


def _finished(folder: ComparisonFolder, run: Run, marks: tuple[str, str]) -> RunRecord | None:
    record = read_record(folder.runs, run.name)
    if record is None or record.state != "finished":
        return None
    return record if (record.trained_from, record.scored_by) == marks else None


def _make(
    section: Section,
    truth: Path | None,
    folder: ComparisonFolder,
    run: Run,
    marks: tuple[str, str],
    settings: CompareSettings,
    job: Job,
) -> RunRecord:
    """Make a run; the record of one that failed has the reason."""
    try:
        run_in_child(section.path, truth, folder.path, run.name, settings, job)
    except InputError as error:
        failed = read_record(folder.runs, run.name)
        if failed is None or failed.trained_from != marks[0]:
            failed = RunRecord(
                name=run.name, group=run.group, network=run.network, size=run.size,
                start=run.start, seed=run.seed, state="failed", trained_from=marks[0],
            )  # fmt: skip
        failed = failed.model_copy(
            update={"state": "failed", "reason": str(error), "sessions": [], "threshold": None}
        )
        failed.write(folder.runs)
        job.warn(f"{run.name} failed, the others go on: {error.text}")
        return failed
    record = read_record(folder.runs, run.name)
    assert record is not None  # the process said that it has written it
    return record


def _within(job: Job, number: int, runs: int) -> Callable[[Event], None]:
    """Fit the progress of a run into that of all."""

    def listen(event: Event) -> None:
        if event["event"] == "progress":
            done = number + event["done"] / (event["total"] or 1)
            event = event | {"done": done, "total": runs}
        if event["event"] not in ("loss", "curve", "part"):
            job.listen(event)

    return listen


def _tell(record: RunRecord, job: Job) -> None:
    counts = record.pooled(record.reported)
    if counts is None or record.threshold is None:
        return
    low, best = (olivine_scores(counts.histogram, at)["iou"] for at in (0.1, record.threshold))
    if record.doubt:
        job.warn(f"{record.name}: {record.doubt}")
    job.say(
        f"  {record.name}: IoU of olivine in {record.reported} {low:.3f} at threshold 0.1, "
        f"{best:.3f} at {record.threshold:.2f}, the best of val."
    )


def _write(
    folder: ComparisonFolder,
    section: Section,
    truth: Path | None,
    records: list[RunRecord],
    settings: CompareSettings,
) -> None:
    write_tables(folder.path, records)
    write_page(folder, section, truth, records, settings)


def _keep_best(folder: ComparisonFolder, records: list[RunRecord]) -> None:
    """Remove all models of the folder but the best one."""
    best = max(records, key=lambda one: one.val_iou)
    for record in records:
        place = folder.place_of(record.model)
        if record is not best and place.parent == folder.models:
            shutil.rmtree(place, ignore_errors=True)


def _end(folder: ComparisonFolder, records: list[RunRecord], job: Job) -> None:
    failed = [record for record in records if record.state == "failed"]
    if len(failed) == len(records):
        raise InputError(
            f"No run could be made. {failed[0].name}: {failed[0].reason}", file=folder.path
        )
    if failed:
        job.warn(
            f"{len(failed)} of {len(records)} runs failed: "
            f"{', '.join(record.name for record in failed)}. The page says why; the same command "
            "tries them again."
        )
    job.say(f"The tables are in {folder.path}; open {folder.path / PAGE} in a browser.")
