"""The step `corrections`: the review of a person as labels that a network is trained on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals import complete_columns
from napari_olivine.crystals.edits import bring_up_to_date, by_id
from napari_olivine.crystals.instances import BOX
from napari_olivine.job import Job
from napari_olivine.review.journal_labels import (
    NOTHING,
    OLIVINE,
    OTHER,
    JournalLabels,
    Mark,
    read_journal,
)
from napari_olivine.section import (
    CHUNK,
    REVIEW,
    Product,
    Raster,
    Section,
    create_raster,
    write_table,
)
from napari_olivine.settings import Settings, setting

Mask = NDArray[np.bool_]
Window = tuple[slice, slice]

NO_CRYSTAL, UNSAID, YES, NO = 0, 1, 2, 3
"""Crystal at a pixel: none, one that nobody judged, one that is olivine, one that is not."""


class CorrectionsSettings(Settings):
    """Settings of the step."""

    ignore_px: int = setting(
        2,
        "Ignored edge",
        "Half width of a band along the outlines of crystals, and along lines by which a person "
        "split them, that is not used in training: neither a network's outlines nor those drawn "
        "by hand are exact (ours).",
        unit="px",
        ge=0,
        le=20,
    )


def write_corrections(
    section: Section, settings: CorrectionsSettings | None = None, job: Job | None = None
) -> Product:
    """Write the review of the crystals as labels of pixels.

    1 (olivine) on crystals that were accepted, or corrected and not rejected; 0 (other) on
    crystals that were rejected and on pixels that a redrawn outline took away; 255 (no label)
    elsewhere. A band of `ignore_px` on both sides of every outline between possible olivine and
    other phases, and on both sides of the lines by which a person split a crystal, has no label
    either.

    The label of a crystal that is no longer found stays: its shape is kept in the journal, at a
    coarser level if it is larger than 256 px; the outermost pixels of that level have no label.

    Parameters
    ----------
    section
        Section with crystals; edits that they have not seen yet are carried out first.
    settings
        Width of the ignored band.
    job
        Running job. Work is done in blocks of 1024 px around the reviewed crystals.

    Returns
    -------
    Product
        ``corrections`` with the image ``olivine`` (uint8) and the table ``corrections``: ``id``
        (0 for a crystal that is gone, and for removed pixels), its box ``row0``, ``row1``,
        ``col0``, ``col1`` (px, half open), ``value`` and ``pixels`` that have a label.

    Raises
    ------
    SectionError
        If there are no crystals, or another process edits them and does not write its table.
    """
    settings, job = settings or CorrectionsSettings(), job or Job()
    bring_up_to_date(section, job)
    crystals = section.require("crystals", stale_ok=True)
    # Crystals come from a network that may have been trained on these very corrections: as inputs
    # that are followed they would make a circle, and nothing would ever be up to date. A person's
    # labels stay valid until that person changes them.
    recipe = section.recipe(
        "corrections", settings, ["images", REVIEW], extra={"source/crystals": crystals.fingerprint}
    )
    if done := section.finished("corrections", recipe, job):
        return done
    table = by_id(complete_columns(section.table("crystals", "crystals")))
    labels = section.raster("crystals", "crystals")
    journal = read_journal(section.path, crystals.path, labels, table)
    painter = _Painter(labels, _codes(table), _groups(journal), settings.ignore_px)
    with section.draft("corrections", recipe, job) as draft:
        out = create_raster(
            draft.path / "olivine", section.shape, np.uint8, section.pixel_size_um,
            reduction="mode", fill=NOTHING, origin="what a person found in the review",
            sharded=False,
        )  # fmt: skip
        said = _write(out, painter, _judged(table), journal.marks, job)
        write_table(said, draft.path / "corrections.parquet")
        olivine, other = (said[said["value"] == value] for value in (OLIVINE, OTHER))
        draft.notes |= {"crystals": len(said), "olivine": len(olivine), "other": len(other)}
        job.say(
            f"A person says of {len(olivine)} crystals that they are olivine, and of {len(other)} "
            "that they, or parts of them, are not."
        )
    return section.require("corrections")


def _write(
    out: Raster, painter: _Painter, judged: pd.DataFrame, marks: list[Mark], job: Job
) -> pd.DataFrame:
    """Write the labels, block by block; return the labelled crystals with their pixels."""
    shape = out.shape
    around = np.array([-1, 1, -1, 1]) * painter.reach
    wide = [np.maximum(np.array(mark.box) + around, 0).tolist() for mark in marks]
    marks_of = _by_block(wide, shape)
    places = {*_by_block(judged[BOX].to_numpy(np.int64).tolist(), shape), *marks_of}
    of_crystal = np.zeros(len(painter.codes), np.int64)
    of_mark = np.zeros(len(marks), np.int64)
    written: set[tuple[int, int]] = set()
    for number, place in enumerate(sorted(places)):
        job.progress(number, len(places), "Writing down corrections")
        window = _window(place, CHUNK, shape)
        here = marks_of.get(place, [])
        said, under = painter.paint(*window, [marks[k] for k in here])
        if (said == NOTHING).all():
            continue
        out.write(window[0].start, window[1].start, said)
        written.add(place)
        counts = np.bincount(under[said != NOTHING])
        of_crystal[: len(counts)] += counts
        for k in here:
            there, mask = marks[k].within(*window)
            of_mark[k] += int((said[there][mask] == marks[k].value).sum())
    out.update_overviews(written, job)
    boxes = np.array([mark.box for mark in marks], np.int64).reshape(-1, 4)
    values = np.array([mark.value for mark in marks], np.int64)
    written_marks = pd.DataFrame(boxes, columns=BOX).assign(id=0, value=values, pixels=of_mark)
    every = pd.concat(
        [judged.assign(pixels=of_crystal[judged["id"]]), written_marks], ignore_index=True
    )
    return every[(every["pixels"] > 0) & (every["value"] != NOTHING)].reset_index(drop=True)


# ---------------------------------------------------------------------- labels of crystals


def _judged(table: pd.DataFrame) -> pd.DataFrame:
    """Crystals that a person judged or corrected: id, box and value."""
    codes = _code(table)
    judged = table.loc[codes > UNSAID, ["id", *BOX]]
    return judged.assign(value=np.where(codes[codes > UNSAID] == YES, OLIVINE, OTHER))


def _code(table: pd.DataFrame) -> NDArray[np.uint8]:
    verdict = table["verdict"].to_numpy()
    said = np.where((verdict == "accepted") | table["corrected"].to_numpy(bool), YES, UNSAID)
    return np.where(verdict == "rejected", NO, said).astype(np.uint8)


def _codes(table: pd.DataFrame) -> NDArray[np.uint8]:
    """Return the code of each crystal, by its id."""
    codes = np.full(int(table["id"].max()) + 1 if len(table) else 1, UNSAID, np.uint8)
    codes[0] = NO_CRYSTAL
    codes[table["id"].to_numpy(np.int64)] = _code(table)
    return codes


def _groups(journal: JournalLabels) -> NDArray[np.int32]:
    """Return the number of the crystal that each was split from, by id; 0 for none."""
    groups = np.zeros(max(journal.split, default=0) + 1, np.int32)
    groups[list(journal.split)] = list(journal.split.values())
    return groups


@dataclass(frozen=True)
class _Painter:
    """Labels every pixel of a window.

    Parameters
    ----------
    labels
        Ids of the crystals.
    codes, groups
        By id.
    ignore_px
        Half width of the ignored band.
    """

    labels: Raster
    codes: NDArray[np.uint8]
    groups: NDArray[np.int32]
    ignore_px: int

    @property
    def reach(self) -> int:
        """Pixels around a window that its labels depend on."""
        return self.ignore_px + 1

    def paint(
        self, rows: slice, columns: slice, marks: Iterable[Mark]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
        """Return the labels and the ids of the crystals, shape (rows, columns) each."""
        reach = self.reach
        top, left = min(reach, rows.start), min(reach, columns.start)
        wide = (
            slice(rows.start - top, rows.stop + reach),
            slice(columns.start - left, columns.stop + reach),
        )
        labels = self.labels.read(*wide)
        wide = (
            slice(wide[0].start, wide[0].start + labels.shape[0]),
            slice(wide[1].start, wide[1].start + labels.shape[1]),
        )
        under = self.codes[labels]
        said = np.full(labels.shape, NOTHING, np.uint8)
        for mark in marks:
            there, mask = mark.within(*wide)
            said[there][mask] = mark.value
        said[under == YES] = OLIVINE
        said[under == NO] = OTHER
        if self.ignore_px:
            maybe = ((under == UNSAID) & (said != OTHER)) | (said == OLIVINE)
            said[_band(maybe, self.ignore_px)] = NOTHING
            said[self._split(labels)] = NOTHING
        inside = np.s_[
            top : top + rows.stop - rows.start, left : left + columns.stop - columns.start
        ]
        return said[inside], labels[inside]

    def _split(self, labels: NDArray[np.uint32]) -> Mask:
        """Pixels that are at most `ignore_px` away from where a person split a crystal."""
        near = np.zeros(labels.shape, np.uint8)
        if len(self.groups) < 2:
            return near > 0
        group = self.groups[np.where(labels < len(self.groups), labels, 0)]
        for one, other in (np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1]):
            border = (
                (labels[one] != labels[other]) & (group[one] == group[other]) & (group[one] > 0)
            )
            near[one] |= border
            near[other] |= border
        # The two pixels beside the border are the band's first on each side.
        side = self.ignore_px - 1
        return np.asarray(cv2.dilate(near, _disc(side)) > 0)


def _band(mask: Mask, width: int) -> Mask:
    """Pixels on both sides of the outlines of a mask; the section's edge is none."""
    image = mask.astype(np.uint8)
    return np.asarray(cv2.dilate(image, _disc(width)) != cv2.erode(image, _disc(width)))


def _disc(radius: int) -> NDArray[np.uint8]:
    side = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


# ---------------------------------------------------------------------- blocks


def _by_block(
    boxes: Iterable[Sequence[int]], shape: tuple[int, int]
) -> dict[tuple[int, int], list[int]]:
    """Which boxes reach into each block of `CHUNK` px, by the block's row and column."""
    found: dict[tuple[int, int], list[int]] = {}
    for number, (row0, row1, col0, col1) in enumerate(boxes):
        for row in range(row0 // CHUNK, -(-min(row1, shape[0]) // CHUNK)):
            for column in range(col0 // CHUNK, -(-min(col1, shape[1]) // CHUNK)):
                found.setdefault((row, column), []).append(number)
    return found


def _window(place: tuple[int, int], side: int, shape: tuple[int, int]) -> Window:
    row, column = (
        slice(at * side, min((at + 1) * side, extent))
        for at, extent in zip(place, shape, strict=True)
    )
    return row, column
