"""Check of the tables that a person set by hand, and of the folder as a group of zarr."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from napari_olivine.errors import SectionError
from napari_olivine.section import Section, Session, lie_apart, make_root
from napari_olivine.section.check.edits import check_corrections, check_journal
from napari_olivine.section.check.findings import Report
from napari_olivine.section.check.orphans import in_use, remove_partials

ANNOTATIONS, REVIEW = "annotations", "review"

THEIR_OWN = "it is the person's own, so it is left alone: correct it, or delete it and import again"


def check_root(section: Section, report: Report) -> None:
    """Check what makes the section's folder a group of zarr; our own programs do not need it."""
    file = section.path / "zarr.json"
    try:
        if json.loads(file.read_text(encoding="utf-8"))["node_type"] == "group":
            return
    except (OSError, ValueError, KeyError, TypeError):
        pass
    what = "is missing or damaged: other programs do not find the section's images"
    if report.mendable(file.name, what, "writes it again"):
        file.unlink(missing_ok=True)
        make_root(section.path)
        report.repaired(file.name, what, "it was written again")


def check_annotations(section: Section, report: Report) -> None:
    """Check the tables that a person set by hand, and the journal of the edits of crystals."""
    for folder in (section.path / ANNOTATIONS, section.path / REVIEW):
        if folder.is_dir():
            remove_partials(section, folder, report)
    for name in ("sessions",) if lie_apart(section) else ("sessions", "placements"):
        where = f"{ANNOTATIONS}/{name}.csv"
        if (section.path / where).exists():
            for problem in _wrong_annotation(section, name):
                report.damage(where, problem, THEIR_OWN)
        elif not in_use(section, "images") and not in_use(section, "epma"):
            report.damage(where, "is missing", "run {step:import} again")
    for file in sorted((section.path / ANNOTATIONS).glob("*.csv")):
        if file.stem not in ("sessions", "placements") and file.name[0] != ".":
            for problem in _wrong_annotation(section, file.stem):
                report.damage(f"{ANNOTATIONS}/{file.name}", problem, THEIR_OWN)
    check_journal(section, report)
    check_corrections(section, report)


def _wrong_annotation(section: Section, name: str) -> Iterator[str]:
    try:
        section.annotation(name)
        for session in section.sessions() if name == "sessions" else ():
            if session.row1 > section.shape[0] or session.col1 > section.shape[1]:
                yield f"session {session.session} leaves the section"
            elif session.row0 >= session.row1 or session.col0 >= session.col1:
                yield f"session {session.session} has no pixel"
            elif session.within and not _inside(session, section.sessions()):
                yield f"session {session.session} does not lie within session {session.within}"
    except SectionError as error:
        yield f"cannot be read ({error})"


def _inside(area: Session, sessions: Sequence[Session]) -> bool:
    """Tell whether an area lies in the session that it was measured with."""
    return any(
        one.session == area.within
        and one.row0 <= area.row0 <= area.row1 <= one.row1
        and one.col0 <= area.col0 <= area.col1 <= one.col1
        for one in sessions
    )
