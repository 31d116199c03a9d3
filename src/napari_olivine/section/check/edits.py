"""Check of edits: of crystals their journal and changes, of the mask its corrections."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from napari_olivine.section import MASK_CORRECTIONS, Section
from napari_olivine.section.check.findings import Report

JOURNAL = "review/journal.jsonl"
EDITS = "crystals/edits"
CORRECTIONS = f"annotations/{MASK_CORRECTIONS}.jsonl"
UNDER_CORRECTIONS = "mask/edits"

Line = dict[str, Any]


def check_journal(section: Section, report: Report) -> None:
    """Check the journal of edits, which is the person's own: nothing of it is changed."""
    try:
        for place, line in enumerate(_lines(section.path / JOURNAL), 1):
            if line.get("n") != place:
                raise ValueError(f"line {place} is missing, or was added by hand")
    except (OSError, ValueError) as error:
        advice = "mend that line, or move the file away to go on without the edits"
        report.damage(JOURNAL, f"cannot be read ({error})", advice)


def check_edits(section: Section, report: Report) -> Iterator[str]:
    """Yield each damage to the changes that edits made in the crystals.

    A damaged count of applied edits is removed: carrying edits out twice gives the same as once.
    """
    folder = section.path / EDITS
    applied = 0
    file = folder / "applied.json"
    try:
        applied = int(json.loads(file.read_text())["applied"]) if file.exists() else 0
    except (OSError, ValueError, KeyError, TypeError):
        where, what = f"{EDITS}/{file.name}", "cannot be read"
        if report.mendable(where, what, "removes it, and all edits are carried out again"):
            file.unlink()
            report.repaired(where, what, "it was removed, and all edits are carried out again")
    try:
        changes = {int(line["n"]): line for line in _lines(folder / "changes.jsonl")}
        journal = _lines(section.path / JOURNAL)
    except (OSError, ValueError, KeyError, TypeError) as error:
        yield f"edits/changes.jsonl cannot be read ({error})"
        return
    if applied > len(journal):
        report.note(JOURNAL, f"has {len(journal)} edits, the crystals hold {applied}")
    if lost := sorted(n for n in _active(journal) if n <= applied and n not in changes):
        yield f"edits/changes.jsonl lacks what edit {lost[0]} changed"
    for n, change in changes.items():
        if change.get("pixels") and (problem := _wrong_pixels(folder / f"{n:06d}.npz")):
            yield problem


def check_corrections(section: Section, report: Report) -> None:
    """Check the corrections of the mask, which are the person's own: nothing of them is changed."""
    try:
        _lines(section.path / CORRECTIONS)
    except (OSError, ValueError) as error:
        advice = "mend that line, or move the file away to go on without the corrections"
        report.damage(CORRECTIONS, f"cannot be read ({error})", advice)


def check_under_corrections(section: Section) -> Iterator[str]:
    """Yield each damage to what is kept of the rule's mask under corrections."""
    for file in sorted((section.path / UNDER_CORRECTIONS).glob("*.npz")):
        if file.name[0] != "." and (problem := _wrong_pixels(file)):
            yield problem


def _active(journal: list[Line]) -> list[int]:
    """Return the numbers of the edits that were not taken back."""
    done: list[int] = []
    for line in journal:
        edit = line.get("edit", {})
        if edit.get("do") == "undo" and done:
            done.pop()
        else:
            done.append(int(edit["of"] if edit.get("do") == "redo" else line["n"]))
    return done


def _wrong_pixels(file: Path) -> str:
    try:
        with ZipFile(file) as archive:
            rotten = archive.testzip()
    except (OSError, BadZipFile, ValueError) as error:
        return f"edits/{file.name} cannot be read ({error})"
    return f"edits/{file.name} is rotten" if rotten else ""


def _lines(file: Path) -> list[Line]:
    """Read JSON lines; the last one may have been cut off by a crash, and does not count then."""
    if not file.exists():
        return []
    lines = []
    for place, line in enumerate(file.read_bytes().split(b"\n")[:-1], 1):
        try:
            values = json.loads(line)
        except ValueError as error:
            raise ValueError(f"line {place} is damaged") from error
        if not isinstance(values, dict):
            raise ValueError(f"line {place} is damaged")
        lines.append(values)
    return lines
