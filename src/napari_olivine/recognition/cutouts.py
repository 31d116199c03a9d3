"""Crystals of a section cut out of its BSE image, with mask and measurements."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Literal, Protocol

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals import KIND, OLIVINE, outside, product_of_phase
from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.levelling import LevelledRaster, open_levelled
from napari_olivine.networks import LevelledGrey, Normalisation, clip_window, sample_grey
from napari_olivine.recognition.images import GREY_REACH, ImageSet, RecognitionImage
from napari_olivine.recognition.label_table import classes_of_crystals
from napari_olivine.section import Raster, Section

FloatImage = NDArray[np.float32]

SplitBy = Literal["crystal", "session", "roles"]

PIECE = 512
"""Side of the pieces in which images are read and kept, px: a chunk on disk."""

NO_MEASUREMENTS = {
    "id", "x_um", "y_um", "row0", "row1", "col0", "col1", "area_px", "long_axis_angle_deg",
    "feret_max_angle_deg", "touches_edge", "seen_fraction", "rock_area_um2", "vesicle_fraction",
    "region_share", "corrected", "mantled", "fragment", "off_centre",
}  # fmt: skip
"""Columns of the table that are numbers and no property of the crystal, or follow from a class."""


@dataclass(frozen=True)
class Frame:
    """What of a section is cut out for a crystal.

    Parameters
    ----------
    side_px
        Rows and columns of the cut-out.
    side_um
        Side of the frame, um; `None` fits it to the crystal.
    margin
        Room around a crystal that the frame is fitted to, as a share of its longer side.
    """

    side_px: int = 64
    side_um: float | None = None
    margin: float = 0.25


class _Image(Protocol):
    """An image that is read in windows of a level."""

    def read(self, rows: slice, columns: slice, level: int = 0) -> NDArray[Any]: ...


class _Pieces:
    """Reads windows of an image in pieces; the last ones stay in memory.

    Parameters
    ----------
    read
        Gives the pixels of a window: rows, columns, level.
    shapes
        Rows and columns of each level.
    most
        Pieces that are kept.
    """

    def __init__(
        self,
        read: Callable[[slice, slice, int], NDArray[Any]],
        shapes: list[tuple[int, int]],
        most: int,
    ) -> None:
        self._read, self.shapes, self._most = read, shapes, most
        self._kept: OrderedDict[tuple[int, int, int], NDArray[Any]] = OrderedDict()
        self._lock = Lock()

    def window(self, rows: slice, columns: slice, level: int) -> NDArray[Any]:
        """Return a window that lies inside the image."""
        first = self._piece(level, rows.start // PIECE, columns.start // PIECE)
        found = np.empty((rows.stop - rows.start, columns.stop - columns.start), first.dtype)
        for down in range(rows.start // PIECE, -(-rows.stop // PIECE)):
            for right in range(columns.start // PIECE, -(-columns.stop // PIECE)):
                piece = self._piece(level, down, right)
                top, left = down * PIECE, right * PIECE
                r0, c0 = max(rows.start, top), max(columns.start, left)
                r1 = min(rows.stop, top + piece.shape[0])
                c1 = min(columns.stop, left + piece.shape[1])
                part = found[r0 - rows.start : r1 - rows.start]
                part[:, c0 - columns.start : c1 - columns.start] = piece[
                    r0 - top : r1 - top, c0 - left : c1 - left
                ]
        return found

    def _piece(self, level: int, down: int, right: int) -> NDArray[Any]:
        key = level, down, right
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            height, width = self.shapes[level]
            rows = slice(down * PIECE, min((down + 1) * PIECE, height))
            columns = slice(right * PIECE, min((right + 1) * PIECE, width))
            self._kept[key] = found = self._read(rows, columns, level)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return found


class SectionGrey:
    """BSE of a section in spreads from the median of its rock, the same in all sessions.

    A section whose sessions could all be levelled is read levelled; of another, the median of each
    session is taken off, as networks see it.

    Parameters
    ----------
    section
        Section with BSE.
    job
        Running job.
    """

    def __init__(self, section: Section, job: Job) -> None:
        levelled = section.product("levelling")
        tied = levelled is not None and all(
            one.get("tied", False) for one in levelled.notes.get("sessions", {}).values()
        )
        self._raster = open_levelled(section) if tied else section.raster("images", "BSE")
        self._shifts: LevelledGrey | None = None
        if isinstance(self._raster, LevelledRaster):
            whole = (slice(0, section.shape[0]), slice(0, section.shape[1]))
            windows = [one.window for one in section.measured_sessions()] or [whole]
            grey = sample_grey(self._raster, windows, job)
            low, high = np.percentile(grey, [0.5, 99.5])
            self._median = float(np.median(grey))
            self._gain = 1 / max(float(np.clip(grey, low, high).std()), 1e-9)
            self.shapes = self._raster.raster.level_shapes
            return
        unit = Normalisation(align="contrast", median=0, spread=1, mean=(0,), std=(1,))
        self._shifts = LevelledGrey(section, unit, job)
        self._median, self._gain = 0.0, self._shifts.gain
        self.shapes = self._raster.level_shapes

    def read(self, rows: slice, columns: slice, level: int) -> FloatImage:
        """Read a window of a level.

        Parameters
        ----------
        rows, columns
            Window in pixels of that level.
        level
            Level of the pyramid, 0 for full resolution.

        Returns
        -------
        numpy.ndarray
            float32, shape (rows, columns), in spreads of the rock's grey; 0 is its median.
        """
        grey = self._raster.read(rows, columns, level).astype(np.float32)
        if self._shifts is None:
            grey -= np.float32(self._median)
        else:
            step = 2**level
            full = [slice(one.start * step, one.stop * step) for one in (rows, columns)]
            shift = self._shifts.shift(*full)[:: step or 1, ::step]
            grey -= shift[: grey.shape[0], : grey.shape[1]]
        grey *= np.float32(self._gain)
        return np.nan_to_num(grey, copy=False, nan=0.0)


class _Cutter:
    """Cuts crystals out."""

    def __init__(self, section: Section, product: str, frame: Frame, job: Job) -> None:
        labels: Raster = section.raster(product, "crystals")
        grey = SectionGrey(section, job)
        # Half of the memory at most for both; pieces have 4 bytes a pixel.
        most = int(np.clip(job.memory_bytes // (16 * PIECE**2), 16, 256))
        self._grey = _Pieces(grey.read, grey.shapes, most)
        self._labels = _Pieces(labels.read, labels.level_shapes, most)
        self._pixel_um = labels.pixel_size_um
        self._frame = frame

    def place(self, row: dict[str, Any]) -> tuple[int, int, int, int]:
        """Return level, first row, first column and side of a crystal's frame, px of that level."""
        high, wide = row["row1"] - row["row0"], row["col1"] - row["col0"]
        if self._frame.side_um is None:
            side = max(high, wide) * (1 + 2 * self._frame.margin)
        else:
            side = self._frame.side_um / self._pixel_um
        levels = min(len(self._grey.shapes), len(self._labels.shapes))
        level = int(np.clip(np.floor(np.log2(max(side / self._frame.side_px, 1))), 0, levels - 1))
        step = 2**level
        side_px = max(4, round(side / step))
        middle = (row["row0"] + row["row1"]) / 2 / step, (row["col0"] + row["col1"]) / 2 / step
        return level, round(middle[0] - side_px / 2), round(middle[1] - side_px / 2), side_px

    def um_per_px(self, place: tuple[int, int, int, int]) -> float:
        """Return the size of a pixel of a cut-out, um."""
        level, _, _, side = place
        return float(side * 2**level * self._pixel_um / self._frame.side_px)

    def frame_um(self, place: tuple[int, int, int, int]) -> tuple[float, float, float]:
        """Return y and x of the upper left corner of a cut-out, and its side, um."""
        level, row, column, side = place
        pixel = 2**level * self._pixel_um
        return row * pixel, column * pixel, side * pixel

    def grey(self, place: tuple[int, int, int, int]) -> FloatImage:
        """Return the grey of a cut-out, shape (side, side, 1), 0 to 1."""
        level, row, column, side = place
        (rows, columns), around = clip_window(self._grey.shapes[level], row, column, side, side)
        window = np.pad(self._grey.window(rows, columns, level), around, mode="symmetric")
        smaller = side > self._frame.side_px
        how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        shown = cv2.resize(window, (self._frame.side_px,) * 2, interpolation=how)
        scaled = np.asarray(0.5 + shown / (2 * GREY_REACH), np.float32)
        return scaled.clip(0, 1)[..., np.newaxis]

    def mask(self, place: tuple[int, int, int, int], crystal: int) -> NDArray[np.bool_]:
        """Return the pixels of a crystal, shape (side, side)."""
        level, row, column, side = place
        (rows, columns), around = clip_window(self._labels.shapes[level], row, column, side, side)
        inside = self._labels.window(rows, columns, level) == crystal
        window = np.pad(inside, around).astype(np.float32)
        smaller = side > self._frame.side_px
        how = cv2.INTER_AREA if smaller else cv2.INTER_NEAREST
        shown = cv2.resize(window, (self._frame.side_px,) * 2, interpolation=how)
        return np.asarray(shown >= 0.5)


def images_of_section(
    section: Section,
    job: Job,
    *,
    phase: str = "olivine",
    frame: Frame | None = None,
    examples: Path | None = None,
    column: str = "",
    split_by: SplitBy = "crystal",
) -> ImageSet:
    """Cut out the crystals of a section; nothing is read before it is wanted.

    Parameters
    ----------
    section
        Section with crystals.
    job
        Running job.
    phase
        Mineral whose crystals they are.
    frame
        What is cut out.
    examples
        CSV with the columns ``id`` and ``class``: classes of some crystals.
    column
        Column of the table of crystals that is the class where `examples` says nothing, e.g.
        ``"reviewed_class"``. If neither is given, it is the kind that a person gave (`KIND`).
    split_by
        What stays together in a division: each ``"crystal"``, or the crystals of a ``"session"``.
        ``"roles"``: sessions, of which those with the role test (val) are tested (chosen) by.

    Returns
    -------
    ImageSet
        A cut-out a crystal, in the order of the place, so that neighbours are read one after the
        other. Crystals outside the region of study are left out.

    Raises
    ------
    SectionError
        If there are no crystals.
    InputError
        If the examples name crystals that are not there, or there is no such column.
    """
    product = product_of_phase(phase)
    table = section.table(product, "crystals")
    table = table[~outside(table)].reset_index(drop=True)
    if phase == OLIVINE and KIND not in table:  # found by an older version
        table[KIND] = ""
    labels = _classes(table, examples, column, job)
    cutter = _Cutter(section, product, frame or Frame(), job)
    roles = {one.session: one.role for one in section.sessions()} if split_by == "roles" else {}
    order = np.lexsort((table["col0"], table["col0"] // PIECE, table["row0"] // (2 * PIECE)))
    measured = _measurements(table)
    names = list(measured.columns)
    rows: list[dict[str, Any]] = table.to_dict("records")  # type: ignore[assignment]
    values = measured.to_numpy(np.float64)
    images = []
    for at in order:
        row, crystal = rows[at], int(rows[at]["id"])
        place = cutter.place(row)
        session = str(row.get("session") or "")
        role = roles.get(session)
        images.append(
            RecognitionImage(
                name=str(crystal),
                label=labels.get(crystal),
                source=str(crystal) if split_by == "crystal" else f"session {session}",
                um_per_px=cutter.um_per_px(place),
                split=role if role in ("train", "val", "test") else None,
                read=lambda place=place: cutter.grey(place),  # type: ignore[misc]
                mask=lambda place=place, crystal=crystal: cutter.mask(place, crystal),  # type: ignore[misc]
                measurements=dict(zip(names, values[at].tolist(), strict=True)),
                frame_um=cutter.frame_um(place),
            )
        )
    return ImageSet.of(images)


def _classes(table: pd.DataFrame, examples: Path | None, column: str, job: Job) -> dict[int, str]:
    labels: dict[int, str] = {}
    if not column and examples is None and KIND in table:
        column = KIND
    if column:
        if column not in table:
            raise InputError(
                f"The table of crystals has no column {column!r}.",
                remedy="Set {setting:class_column} to one of its columns of text, or give examples "
                "as a table with the columns id and class.",
                setting="class_column",
            )
        texts = table[column].fillna("").astype(str).str.strip()
        labels = {int(i): t for i, t in zip(table["id"], texts, strict=True) if t}
    if examples is not None:
        labels |= classes_of_crystals(examples, set(table["id"].astype(int)), job)
    return labels


def _measurements(table: pd.DataFrame) -> pd.DataFrame:
    """Return the properties of the crystals that are numbers."""
    numbers = table.select_dtypes(include=["number"])
    return numbers[[name for name in numbers.columns if name not in NO_MEASUREMENTS]]
