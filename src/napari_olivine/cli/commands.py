"""Commands that do more than call their step: show a result, open a window."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from napari_olivine.errors import InputError, SectionError
from napari_olivine.job import Job
from napari_olivine.registry import STEPS

if TYPE_CHECKING:
    from napari_olivine.areas import AreasSettings
    from napari_olivine.scoring import Scores, ScoreSettings
    from napari_olivine.section import Section
    from napari_olivine.section.check import CheckSettings
    from napari_olivine.settings import Settings
    from napari_olivine.workflow import DemoSettings


def areas(section: Section, csv: Path | None, settings: AreasSettings, job: Job) -> None:
    """Suggest areas, and write them to a table.

    Parameters
    ----------
    section, settings, job
        As the step takes them.
    csv
        File to write the areas to.
    """
    from napari_olivine.areas import write_areas

    found = STEPS["areas"].function(section, settings, job)
    if csv is not None:
        write_areas(section, found.areas, csv)
        job.say(f"Wrote {len(found.areas)} areas to {csv}.")


def check(section: Section, settings: CheckSettings, job: Job) -> None:
    """Check a section.

    Parameters
    ----------
    section, settings, job
        As the step takes them.

    Raises
    ------
    SectionError
        If something is left to mend.
    """
    report = STEPS["check"].function(section, settings, job)
    if count := len(report.left):
        things = "one thing is" if count == 1 else f"{count} things are"
        raise SectionError(f"{things} left to mend in {section.path}; see above.")


def score(
    section: Section, truth: Path | None, json: Path | None, settings: ScoreSettings, job: Job
) -> None:
    """Score a section and show the scores as a table.

    Parameters
    ----------
    section, truth, settings, job
        As the step takes them.
    json
        File to write the scores to.
    """
    from napari_olivine.scoring import scores_table

    scores: Scores = STEPS["score"].function(section, truth, settings, job)
    if json is not None:
        json.write_text(scores.model_dump_json(indent=1) + "\n")
    job.say(scores_table(scores))


def epma_report(source: Path, csv: Path | None, settings: Settings, job: Job) -> None:
    """Show what was made of EPMA tables: a page for a person, an event a profile for a program.

    Parameters
    ----------
    source
        A table, a folder of tables or a section.
    csv
        File to write the report to.
    settings
        Not used: every command takes them.
    job
        Running job.

    Raises
    ------
    InputError
        If a table cannot be read; the others are shown first.
    """
    from napari_olivine.readers.epma import refusals, report_page, write_report

    report = STEPS["epma-report"].function(source, job)
    if csv is not None:
        write_report(report, csv)
    job.say(report_page(report))
    for row in report.astype(object).where(report.notna(), None).to_dict("records"):
        job.report("profile", **row)
    if refused := refusals(report):
        count = "one table" if len(refused) == 1 else f"{len(refused)} tables"
        raise InputError(f"{count} of {source} cannot be read. {refused[0]}", file=source)


def demo(folder: Path | None, settings: DemoSettings, job: Job) -> Path:
    """Run the demonstration and open its section.

    Parameters
    ----------
    folder, settings, job
        As the step takes them.

    Returns
    -------
    Path
        Folder of the section.
    """
    section: Path = STEPS["demo"].function(folder, settings, job)
    again = f"napari-olivine view {section}"
    if not settings.view or not _has_screen() or not _has_qt():
        job.say(f"Look at it with: {again}")
        return section
    # A process of its own: the one that trained holds torch, which a napari window must not.
    job.say(f"Opening napari; again with: {again}")
    subprocess.Popen(
        [sys.executable, "-m", "napari_olivine", "view", str(section)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return section


def view(section: Path, settings: Settings, job: Job) -> None:
    """Open a section in napari, and wait until its window is closed.

    Parameters
    ----------
    section
        Folder of the section.
    settings, job
        Not used: every command takes them.

    Raises
    ------
    InputError
        If napari or Qt is not installed.
    """
    if find_spec("napari") is None or not _has_qt():
        raise InputError(
            "Viewing needs napari with Qt.", remedy="Install it: pip install 'napari-olivine[all]'."
        )
    STEPS["view"].function(section)


def status(section: Section, settings: Settings, job: Job) -> None:
    """Print what a section holds and what is out of date.

    Parameters
    ----------
    section
        The section.
    settings, job
        Not used: every command takes them.
    """
    record = section.record
    rows, columns = record.shape
    print(f"{record.name}: {rows} x {columns} px of {record.pixel_size_um:g} um")
    print(f"signals: {', '.join(record.signals)}")
    for session in section.sessions():
        print(f"session {session.session}: {session.role}")
    for product in section.products():
        print(f"{product.name:24s} {section.state(product.name):8s} {product.finished}")


def _has_screen() -> bool:
    if platform.system() != "Linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _has_qt() -> bool:
    return any(find_spec(binding) is not None for binding in ("PyQt6", "PySide6", "PyQt5"))
