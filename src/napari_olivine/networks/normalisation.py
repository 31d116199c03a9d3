"""BSE grey as a network sees it: read anywhere, reflected at edges, levelled between sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.networks.card import Align, Normalisation
from napari_olivine.section import Raster, Section, Session, blocks, rock_only, session_index

FloatImage = NDArray[np.float32]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of photographs with values 0-1, as torchvision's published weights expect them."""


@dataclass(frozen=True)
class GreyWindow:
    """A window of an image as it is stored, for any number of models.

    Parameters
    ----------
    rows, columns
        Its part inside the image.
    around
        Rows and columns of it before and after that part.
    grey
        The pixels of the part, shape (rows, columns).
    """

    rows: slice
    columns: slice
    around: tuple[tuple[int, int], tuple[int, int]]
    grey: NDArray[Any]


def read_window(raster: Raster, row: int, column: int, rows: int, columns: int) -> GreyWindow:
    """Read a window that may reach beyond the image.

    Parameters
    ----------
    raster
        The image.
    row, column
        First row and column, also negative.
    rows, columns
        Size, px.

    Returns
    -------
    GreyWindow
        Its part inside the image, and how much lies around.
    """
    inside, around = clip_window(raster.shape, row, column, rows, columns)
    return GreyWindow(*inside, around, raster.read(*inside))


class LevelledGrey:
    """The BSE image of a section on the grey scale that a network was trained on.

    Parameters
    ----------
    section
        Section with ``images``.
    normalisation
        From the model card.
    job
        Running job.
    """

    def __init__(self, section: Section, normalisation: Normalisation, job: Job) -> None:
        self.raster = section.raster("images", "BSE")
        self.normalisation = normalisation
        self.sessions = section.measured_sessions()
        self._shifts = np.zeros(len(self.sessions) + 1, np.float32)
        self.gain = 1.0
        if normalisation.align != "none":
            whole = _whole(self.raster.shape)
            # The last entry is for pixels outside every session, whose index is -1.
            for place, window in enumerate([*(s.window for s in self.sessions), whole]):
                median = float(np.median(sample_grey(self.raster, [window], job)))
                self._shifts[place] = median - normalisation.median
        if normalisation.align == "contrast":
            self.gain = normalisation.spread / spread_of_section(section, job)

    def read(self, row: int, column: int, rows: int, columns: int) -> FloatImage:
        """Read a window of levelled grey; it may reach beyond the image, where it is reflected.

        Parameters
        ----------
        row, column
            Its first row and column, also negative.
        rows, columns
            Its size.

        Returns
        -------
        ndarray of float32, shape (rows, columns)
        """
        return self.level(read_window(self.raster, row, column, rows, columns))

    def level(self, window: GreyWindow) -> FloatImage:
        """Bring a window that was read before to the training grey.

        Pixels that hold no number become the training grey's median.
        """
        grey = self._on_scale(window.grey.astype(np.float32), window)
        if not np.issubdtype(window.grey.dtype, np.integer):
            grey[~np.isfinite(grey)] = self.normalisation.median
        around = window.around
        return np.pad(grey, around, mode="symmetric") if np.any(around) else grey

    def prepare(self, window: GreyWindow) -> FloatImage:
        """Turn a window that was read before into a network's input; see `normalise`."""
        shift = self.shift(window.rows, window.columns)
        if window.grey.dtype != np.uint8 or shift.size > 1:
            return normalise(self.level(window), self.normalisation)
        import cv2

        # The same for each of 256 grey levels: looked up, not computed.
        greys = self._on_scale(np.arange(256, dtype=np.float32)[None], window)
        tables = normalise(greys, self.normalisation)
        channels = [cv2.LUT(window.grey, table.ravel()) for table in tables]
        around = window.around
        if np.any(around):
            channels = [np.pad(channel, around, mode="symmetric") for channel in channels]
        return np.stack(channels)

    def _on_scale(self, grey: FloatImage, window: GreyWindow) -> FloatImage:
        """Bring greys of a window, or any of its one session, to the training grey in place."""
        grey -= self.shift(window.rows, window.columns)
        if self.gain != 1:
            grey -= self.normalisation.median
            grey *= self.gain
            grey += self.normalisation.median
        return grey

    def shift(self, rows: slice, columns: slice) -> FloatImage:
        """Return how far each pixel's session lies above the training grey, shape broadcasting."""
        if not np.ptp(self._shifts):
            return self._shifts[:1, None]
        # Where sessions overlap the later one counts.
        for place, session in reversed(list(enumerate(self.sessions))):
            common = _common(session, rows, columns)
            if common == (rows.stop - rows.start, columns.stop - columns.start):
                return self._shifts[place : place + 1, None]
            if min(common) > 0:
                break
        row = np.arange(rows.start, rows.stop)[:, None]
        column = np.arange(columns.start, columns.stop)[None, :]
        return self._shifts[session_index(self.sessions, row, column)]


def normalise(grey: FloatImage, normalisation: Normalisation) -> FloatImage:
    """Turn levelled grey into a network's input.

    Parameters
    ----------
    grey
        Shape (rows, columns).
    normalisation
        From the model card.

    Returns
    -------
    ndarray of float32, shape (channels, rows, columns)
    """
    mean = np.asarray(normalisation.mean, np.float32)[:, None, None]
    std = np.asarray(normalisation.std, np.float32)[:, None, None]
    return (grey[None] - mean) / std


def measure_normalisation(
    section: Section,
    sessions: Sequence[Session],
    align: Align,
    channels: int,
    imagenet: bool,
    job: Job,
) -> Normalisation:
    """Measure how the grey of training sessions is brought to a network's scale.

    Parameters
    ----------
    section
        Section with ``images``.
    sessions
        Training sessions.
    align
        What is brought to the training grey of each session and section, see `Normalisation`.
    channels
        Channels of the network.
    imagenet
        Normalise as for ImageNet (8-bit grey over 255, other grey over the training sessions'
        range), instead of by the training sessions' median and spread.
    job
        Running job.

    Returns
    -------
    Normalisation
        For the model card.

    Raises
    ------
    InputError
        If the training sessions have no contrast.
    """
    raster = section.raster("images", "BSE")
    grey = sample_grey(raster, [session.window for session in sessions], job)
    median = float(np.median(grey))
    spread = spread_of_section(section, job) if align == "contrast" else _spread(grey)
    if spread == 0:
        raise InputError("The BSE image of the training sessions has the same grey everywhere.")
    if not imagenet:
        mean, std = (median,) * channels, (spread,) * channels
    else:
        low, high = (float(v) for v in np.percentile(grey, [0.5, 99.5]))
        if raster.dtype == np.uint8:
            low, high = 0.0, 255.0
        mean = tuple(low + (high - low) * m for m in IMAGENET_MEAN)
        std = tuple((high - low) * s for s in IMAGENET_STD)
    return Normalisation(align=align, median=median, spread=spread, mean=mean, std=std)


def spread_of_section(section: Section, job: Job) -> float:
    """Return the spread of the grey of a section's rock, each session about its own median.

    Parameters
    ----------
    section
        Section with ``images``.
    job
        Running job.

    Returns
    -------
    float
        Standard deviation without the outermost 1 % of the pixels.

    Raises
    ------
    InputError
        If the section has no contrast.
    """
    raster = section.raster("images", "BSE")
    windows = [one.window for one in section.measured_sessions()] or [_whole(raster.shape)]
    greys = [sample_grey(raster, [window], job) for window in windows]
    spread = _spread(np.concatenate([grey - np.median(grey) for grey in greys]))
    if spread == 0:
        raise InputError(f"The BSE image of {section.path} has the same grey everywhere.")
    return spread


def _spread(grey: NDArray[Any]) -> float:
    low, high = (float(v) for v in np.percentile(grey, [0.5, 99.5]))
    return float(np.clip(grey, low, high).std())


class Readable(Protocol):
    """An image that is read in windows, as it is stored or levelled."""

    def read(self, rows: slice, columns: slice) -> NDArray[Any]:
        """Read a window at full resolution."""


def sample_grey(raster: Readable, windows: Sequence[tuple[slice, slice]], job: Job) -> NDArray[Any]:
    """Read an even sample of the grey of the rock in some windows.

    Black and saturated pixels, vesicles and resin are left out: how much of a frame they fill
    must not move its median.

    Parameters
    ----------
    raster
        The image.
    windows
        Rows and columns of each.
    job
        Running job.

    Returns
    -------
    ndarray, one dimension, at most some million values
    """
    parts = []
    for rows, columns in windows:
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        every = list(blocks(shape, 512, 512))
        for r, c in every[:: max(1, len(every) // MOST_BLOCKS)]:
            job.check()
            block = raster.read(
                slice(rows.start + r.start, rows.start + r.stop),
                slice(columns.start + c.start, columns.start + c.stop),
            )
            parts.append(block[::3, ::3].ravel())
    return rock_only(np.concatenate(parts))


def clip_window(
    shape: tuple[int, int], row: int, column: int, rows: int, columns: int
) -> tuple[tuple[slice, slice], tuple[tuple[int, int], tuple[int, int]]]:
    """Split a window into its part inside an image and the rows and columns around that.

    Parameters
    ----------
    shape
        Rows and columns of the image.
    row, column
        First row and column of the window, also negative.
    rows, columns
        Size of the window, px.

    Returns
    -------
    inside
        Rows and columns of the image.
    around
        Rows before and after, columns before and after.
    """
    top, left = max(0, row), max(0, column)
    bottom, right = min(shape[0], row + rows), min(shape[1], column + columns)
    around = ((top - row, row + rows - bottom), (left - column, column + columns - right))
    return (slice(top, bottom), slice(left, right)), around


MOST_BLOCKS = 48


def _common(session: Session, rows: slice, columns: slice) -> tuple[int, int]:
    """Rows and columns that a session shares with a window; not above 0 where it has none."""
    return (
        min(session.row1, rows.stop) - max(session.row0, rows.start),
        min(session.col1, columns.stop) - max(session.col0, columns.start),
    )


def _whole(shape: tuple[int, int]) -> tuple[slice, slice]:
    return slice(0, shape[0]), slice(0, shape[1])
