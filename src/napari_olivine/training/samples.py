"""Training samples: crops of grey and labels, drawn anew in every step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from napari_olivine.job import Job
from napari_olivine.networks import LevelledGrey, Normalisation, Preset, clip_window, normalise
from napari_olivine.regions import Region, study_region
from napari_olivine.section import Raster, Section
from napari_olivine.training.augmentation import augment
from napari_olivine.training.phases import OLIVINE_CODE, MaskPhases
from napari_olivine.training.pieces import Pieces
from napari_olivine.training.review_labels import Corrections
from napari_olivine.training.windows import IGNORE, Window, area, given_by_hand

BYTES_PER_PIXEL = 5
KEPT = 0.25
"""Part of the memory in which the pixels of a training are kept, and those of its validation."""

Crop = tuple[NDArray[np.float32], NDArray[np.uint8]]


@dataclass(frozen=True)
class HardPlaces:
    """Places in the training windows where the network is wrong.

    Parameters
    ----------
    positions
        Row, column and window of each, shape (places, 3).
    chances
        How often each is drawn beside another, shape (places,).
    """

    positions: NDArray[np.int64]
    chances: NDArray[np.float64]

    def draw(self, random: np.random.Generator) -> tuple[int, int, int]:
        """Draw a place: row, column and window."""
        number = random.choice(len(self.chances), p=self.chances / self.chances.sum())
        row, column, window = self.positions[number].tolist()
        return row, column, window


class CropSource(ABC):
    """Where the crops of a training come from.

    The same seed and step give the same crops, so that training can go on after a stop exactly
    as it would have.
    """

    normalisation: Normalisation

    @property
    @abstractmethod
    def parts(self) -> Sequence[Samples]:
        """Crops of each section."""

    @abstractmethod
    def crop(
        self, random: np.random.Generator, crop_px: int, foreground: float, hard: float = 0.0
    ) -> Crop:
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
        hard
            Probability that it is laid where the network was wrong, if such places are known.

        Returns
        -------
        grey
            Levelled grey, float32, shape (crop_px, crop_px).
        label
            uint8 of the same shape: 0, 1, 2 and 3 the same by a person (`BY_HAND` more), phases
            from `FIRST_PHASE` on (`PHASE_BY_HAND` more by a person), 255 ignore. Beyond a window
            that is smaller than the crop, grey is reflected and the label is 255.
        """

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
            grey, label = self.crop(random, preset.crop_px, foreground, preset.hard)
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


class Samples(CropSource):
    """Crops from some windows of a section, labelled by its mask and by a person's corrections.

    Outside the region of study the mask is no label.

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
        Running job; windows that fit in `kept` of its memory are kept there.
    corrections
        Labels of a person, which count instead of the mask's.
    corrected
        Part of the crops that is laid over what a person corrected.
    phases
        Phases of the mask, which are then labels too.
    kept
        Part of the job's memory for grey and labels.
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
        kept: float = KEPT,
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
        self.corrected = corrected if corrections else 0.0
        self._olivine, self.labels = _olivine_positions(
            self._mask, self._region, self._windows, job
        )
        self._kept: dict[int, Crop] = {}
        if self._areas.sum() * BYTES_PER_PIXEL < job.memory_bytes * kept:
            for place, window in enumerate(self._windows):
                job.check()
                self._kept[place] = self._read(window)
        self.pieces: dict[int, Pieces] = {}
        self.hard: HardPlaces | None = None
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
        self.pieces = {code: one for code, one in pieces.items() if one.pixels}

    @property
    @override
    def parts(self) -> Sequence[Samples]:
        return [self]

    @property
    def windows(self) -> list[Window]:
        """Windows that the mask labels."""
        return self._windows[: len(self._areas)]

    @override
    def crop(
        self, random: np.random.Generator, crop_px: int, foreground: float, hard: float = 0.0
    ) -> Crop:
        # Without corrections no random number is drawn, so that the crops stay the same.
        if self.corrected and random.random() < self.corrected:
            return self.crop_of_corrected(random, crop_px)
        if self.hard is not None and random.random() < hard:
            return self.crop_around(random, crop_px, *self.hard.draw(random))
        if self.pieces:
            return self.crop_of_phase(random, crop_px, draw_phase(random, self.pieces, foreground))
        if random.random() < foreground and self.has_olivine:
            return self.crop_of_olivine(random, crop_px)
        return self.crop_anywhere(random, crop_px)

    @property
    def has_olivine(self) -> bool:
        """Whether the mask has olivine in the windows."""
        return len(self._olivine) > 0

    def crop_of_olivine(self, random: np.random.Generator, crop_px: int) -> Crop:
        """Draw a crop over a pixel of olivine."""
        row, column, place = self._olivine[random.integers(len(self._olivine))]
        row, column = (int(v) - int(random.integers(crop_px)) for v in (row, column))
        return self.read(int(place), row, column, crop_px)

    def crop_anywhere(self, random: np.random.Generator, crop_px: int) -> Crop:
        """Draw a crop from any place of the windows."""
        place = random.choice(len(self._areas), p=self._areas / self._areas.sum())
        rows, columns = self._windows[place]
        row = rows.start + int(random.integers(max(1, rows.stop - rows.start - crop_px + 1)))
        column = columns.start + int(
            random.integers(max(1, columns.stop - columns.start - crop_px + 1))
        )
        return self.read(int(place), row, column, crop_px)

    def crop_of_phase(self, random: np.random.Generator, crop_px: int, code: int) -> Crop:
        """Draw a crop over a piece of a phase that the windows show.

        Parameters
        ----------
        random
            Random generator.
        crop_px
            Its side.
        code
            Code of the phase.

        Returns
        -------
        grey, label
            See `crop`.
        """
        return self.crop_around(random, crop_px, *self.pieces[code].draw(random))

    def crop_around(
        self, random: np.random.Generator, crop_px: int, row: int, column: int, place: int
    ) -> Crop:
        """Draw a crop that shows a pixel of a window, somewhere in it.

        Parameters
        ----------
        random
            Random generator.
        crop_px
            Its side.
        row, column
            The pixel, in the section.
        place
            Number of the window.

        Returns
        -------
        grey, label
            See `crop`.
        """
        row, column = (value - int(random.integers(crop_px)) for value in (row, column))
        return self.read(place, row, column, crop_px)

    def crop_of_corrected(self, random: np.random.Generator, crop_px: int) -> Crop:
        """Draw a crop over a place that a person corrected."""
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
        label = np.where(said, given_by_hand(label), label)
        return grey, label.astype(np.uint8)


def draw_phase(random: np.random.Generator, codes: Collection[int], foreground: float) -> int:
    """Draw the phase that a crop is laid over: olivine, or each other one equally often.

    Parameters
    ----------
    random
        Random generator.
    codes
        Codes of the phases that there are.
    foreground
        Probability of olivine, where there is some.

    Returns
    -------
    int
        Its code.
    """
    others = [code for code in codes if code != OLIVINE_CODE]
    if not others or (OLIVINE_CODE in codes and random.random() < foreground):
        return OLIVINE_CODE
    return others[random.integers(len(others))]


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
