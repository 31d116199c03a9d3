"""Training samples: crops of grey and labels, drawn anew in every step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.networks import LevelledGrey, Normalisation, Preset, clip_window, normalise
from napari_olivine.regions import Region, study_region
from napari_olivine.section import Raster, Section
from napari_olivine.training.augmentation import augment
from napari_olivine.training.phases import OLIVINE_CODE, MaskPhases
from napari_olivine.training.pieces import Pieces
from napari_olivine.training.review_labels import Corrections
from napari_olivine.training.windows import BY_HAND, IGNORE, Window, area

Crop = tuple[NDArray[np.float32], NDArray[np.uint8]]


class Samples:
    """Crops from some windows of a section, labelled by its mask and by a person's corrections.

    Outside the region of study the mask is no label.

    The same seed and step give the same crops, so that training can go on after a stop exactly
    as it would have.

    Parameters
    ----------
    section
        Section with ``images`` and ``mask``.
    windows
        Where crops are taken from.
    normalisation
        How grey becomes input.
    cracks
        What dark cracks in olivine count as: ``"olivine"``, ``"background"``, ``"ignore"``.
    job
        Running job; windows that fit in a quarter of its memory are kept there.
    corrections
        Labels of a person, which count instead of the mask's.
    corrected
        Part of the crops that is laid over what a person corrected.
    phases
        Phases of the mask, which are then labels too.
    """

    def __init__(
        self,
        section: Section,
        windows: Sequence[Window],
        normalisation: Normalisation,
        cracks: str,
        job: Job,
        corrections: Corrections | None = None,
        corrected: float = 0.0,
        phases: MaskPhases | None = None,
    ) -> None:
        self._grey = LevelledGrey(section, normalisation, job)
        self._mask = section.raster("mask", "olivine")
        self._phases = phases
        self._region = study_region(section)
        self._windows = list(windows)
        self.normalisation = normalisation
        self._cracks = cracks
        self._areas = np.array([area(window) for window in windows], float)
        self._corrections = corrections
        self._corrected = corrected if corrections else 0.0
        self._olivine, self._labels = _olivine_positions(
            self._mask, self._region, self._windows, job
        )
        self._kept: dict[int, Crop] = {}
        if self._areas.sum() * BYTES_PER_PIXEL < job.memory_bytes / 4:
            for place, window in enumerate(self._windows):
                job.check()
                self._kept[place] = self._read(window)
        self._pieces: dict[int, Pieces] = {}
        if corrections is not None:
            self._windows += corrections.windows

    @property
    def others(self) -> list[tuple[int, str]]:
        """Label and name of each phase but olivine."""
        found = self._phases.others if self._phases is not None else []
        return [(label, phase.name) for label, phase in found]

    def balance(self, pieces: Mapping[int, Pieces]) -> None:
        """Lay crops over phases, each of those but olivine equally often, and over their pieces.

        Parameters
        ----------
        pieces
            Of each phase, by its code, in the windows.
        """
        self._pieces = {code: one for code, one in pieces.items() if one.pixels}

    def require_both_labels(self) -> None:
        """Raise `InputError` if the mask has no olivine, or nothing but olivine, in the windows."""
        if not {0, 1} <= self._labels:
            missing = "no olivine" if 1 not in self._labels else "nothing but olivine"
            raise InputError(
                f"The mask has {missing} in the training sessions.",
                remedy="Look at the mask, at the sessions' roles and at the region of study.",
            )

    def crop(self, random: np.random.Generator, crop_px: int, foreground: float) -> Crop:
        """Draw one crop.

        Parameters
        ----------
        random
            Random generator.
        crop_px
            Its side.
        foreground
            Probability that it is laid over an olivine pixel; otherwise it lies anywhere, or over
            another phase if the crops are balanced.

        Returns
        -------
        grey
            Levelled grey, float32, shape (crop_px, crop_px).
        label
            uint8 of the same shape: 0, 1, 2 and 3 the same by a person (`BY_HAND` more), phases
            from `FIRST_PHASE` on, 255 ignore. Beyond a window that is smaller than the crop, grey
            is reflected and the label is 255.
        """
        # Without corrections no random number is drawn, so that the crops stay the same.
        if self._corrected and random.random() < self._corrected:
            return self._crop_of_corrected(random, crop_px)
        if self._pieces:
            return self._crop_of_phase(random, crop_px, foreground)
        if random.random() < foreground and len(self._olivine):
            row, column, place = self._olivine[random.integers(len(self._olivine))]
            row, column = (int(v) - int(random.integers(crop_px)) for v in (row, column))
        else:
            place = random.choice(len(self._areas), p=self._areas / self._areas.sum())
            rows, columns = self._windows[place]
            row = rows.start + int(random.integers(max(1, rows.stop - rows.start - crop_px + 1)))
            column = columns.start + int(
                random.integers(max(1, columns.stop - columns.start - crop_px + 1))
            )
        return self.read(int(place), row, column, crop_px)

    def _crop_of_phase(self, random: np.random.Generator, crop_px: int, foreground: float) -> Crop:
        others = [code for code in self._pieces if code != OLIVINE_CODE]
        if not others or (OLIVINE_CODE in self._pieces and random.random() < foreground):
            code = OLIVINE_CODE
        else:
            code = others[random.integers(len(others))]
        row, column, place = self._pieces[code].draw(random)
        row, column = (value - int(random.integers(crop_px)) for value in (row, column))
        return self.read(place, row, column, crop_px)

    def _crop_of_corrected(self, random: np.random.Generator, crop_px: int) -> Crop:
        assert self._corrections is not None
        place, box = self._corrections.draw(random)
        row, column = (
            int(random.integers(side.start, side.stop)) - int(random.integers(crop_px))
            for side in box
        )
        return self.read(place, row, column, crop_px)

    def read(self, place: int, row: int, column: int, crop_px: int) -> Crop:
        """Read a crop of a window, moved inside it where it fits.

        Parameters
        ----------
        place
            Number of the window.
        row, column
            First pixel of the crop in the section.
        crop_px
            Its side.
        """
        rows, columns = self._windows[place]
        row = _inside(row, crop_px, rows)
        column = _inside(column, crop_px, columns)
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        first = (row - rows.start, column - columns.start)
        inside, around = clip_window(shape, *first, crop_px, crop_px)
        if place in self._kept:
            grey, label = self._kept[place]
            grey, label = grey[inside], label[inside]
        else:
            moved = _moved(inside, rows.start, columns.start)
            grey, label = self._read(moved, masked=place < len(self._areas))
        if np.any(around):
            grey = np.pad(grey, around, mode="symmetric").astype(np.float32, copy=False)
            label = np.pad(label, around, constant_values=IGNORE).astype(np.uint8, copy=False)
        return grey, label

    def batch(
        self, seed: int, step: int, preset: Preset, foreground: float
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Draw and augment the crops of one step.

        Parameters
        ----------
        seed, step
            Decide on the crops.
        preset
            Batch size, crop size and augmentation.
        foreground
            Part of the crops laid over olivine.

        Returns
        -------
        images
            float32 (batch, channels, crop, crop), normalised.
        labels
            uint8 (batch, crop, crop), see `crop`.
        """
        random = np.random.default_rng([seed, step])
        images, labels = [], []
        for _ in range(preset.batch):
            grey, label = self.crop(random, preset.crop_px, foreground)
            spread = self.normalisation.spread
            grey, label = augment(
                random,
                grey,
                label,
                median=self.normalisation.median,
                offset=preset.grey_levels * spread,
                gain=preset.gain,
                shading=preset.shading * spread,
            )
            images.append(normalise(grey, self.normalisation))
            labels.append(label)
        return np.stack(images), np.stack(labels)

    def _read(self, window: Window, *, masked: bool = True) -> Crop:
        """Read grey and labels; those of the mask count in the windows of training alone."""
        rows, columns = window
        size = (rows.stop - rows.start, columns.stop - columns.start)
        grey = self._grey.read(rows.start, columns.start, *size)
        label = np.full(size, IGNORE, np.uint8)
        if masked:
            label = self._mask.read(rows, columns)
            if self._phases is not None:
                label = self._phases.label(label, rows, columns)
            if self._region is not None:
                label = np.where(self._region.pixels(rows, columns), label, IGNORE)
        said = np.zeros(size, bool)
        if self._corrections is not None:
            by_hand = self._corrections.read(window)
            said = by_hand != IGNORE
            label = np.where(said, by_hand, label)
        if self._cracks != "olivine":
            found = cracks(grey, label, self.normalisation.spread)
            label = np.where(found, 0 if self._cracks == "background" else IGNORE, label)
        label = np.where(said & (label != IGNORE), label + np.uint8(BY_HAND), label)
        return grey, label.astype(np.uint8)


def cracks(grey: NDArray[np.float32], label: NDArray[np.uint8], spread: float) -> NDArray[np.bool_]:
    """Find pixels of olivine that are darker than their surroundings by twice the grey's spread.

    Parameters
    ----------
    grey
        BSE, shape (rows, columns).
    label
        Mask of the same shape.
    spread
        Of the grey of the training sessions.

    Returns
    -------
    ndarray of bool, shape (rows, columns)
        Where there is a crack.
    """
    # Median of 8-bit steps of an eighth of the spread: OpenCV's wide medians take 8 bits only.
    low = float(grey.min())
    steps = np.clip((grey - low) * (8 / spread), 0, 255).astype(np.uint8)
    around = cv2.medianBlur(steps, 11).astype(np.float32) * (spread / 8) + low
    dark: NDArray[np.bool_] = (label == 1) & (grey < around - 2 * spread)
    return dark


BYTES_PER_PIXEL = 5
MOST_POSITIONS = 200_000


def _inside(first: int, crop_px: int, bounds: slice) -> int:
    return max(int(bounds.start), min(first, int(bounds.stop) - crop_px))


def _moved(window: Window, row: int, column: int) -> Window:
    rows, columns = window
    return (
        slice(rows.start + row, rows.stop + row),
        slice(columns.start + column, columns.stop + column),
    )


def _olivine_positions(
    mask: Raster, region: Region | None, windows: Sequence[Window], job: Job
) -> tuple[NDArray[np.int64], set[int]]:
    """Rows, columns and window of olivine pixels, and all labels, of a level that is small."""
    found = []
    total = sum(area(window) for window in windows)
    level = next(
        (k for k in range(len(mask.levels)) if total / 4**k < MOST_PIXELS), len(mask.levels) - 1
    )
    seen: set[int] = set()
    for place, (rows, columns) in enumerate(windows):
        job.check()
        scale = 2**level
        first = (-(-rows.start // scale), -(-columns.start // scale))
        last = (-(-rows.stop // scale), -(-columns.stop // scale))
        part = mask.read(slice(first[0], last[0]), slice(first[1], last[1]), level)
        if region is not None:
            height, width = part.shape
            there = (slice(first[0], first[0] + height), slice(first[1], first[1] + width))
            part = np.where(region.pixels(*there, level), part, IGNORE)
        seen.update(int(value) for value in np.unique(part))
        row, column = np.nonzero(part == 1)
        every = max(1, len(row) * len(windows) // MOST_POSITIONS)
        row, column = (row[::every] + first[0]) * scale, (column[::every] + first[1]) * scale
        found.append(np.stack([row, column, np.full(len(row), place)], axis=1))
    return np.concatenate(found), seen


MOST_PIXELS = 64 << 20
