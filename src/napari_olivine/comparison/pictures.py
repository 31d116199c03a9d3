"""Pictures of what a network takes for olivine, at the same places for all networks."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.comparison.pixel_counts import NO_LABEL, OLIVINE
from napari_olivine.comparison.record import Picture
from napari_olivine.comparison.reference import Reference
from napari_olivine.inference import stored_threshold
from napari_olivine.job import Job
from napari_olivine.section import Block, Raster, Section, Session

SIDE_PX = 256
MOST = 3
"""Pictures of a run."""

MOST_LOOKED_AT = 300
"""Places among which these are chosen, evenly laid where there are more."""

COLOURS = {"right": (240, 220, 60), "missed": (40, 110, 255), "false": (230, 60, 20)}
"""RGB of olivine that was found, that was missed, and of what is no olivine."""

OPACITY = {"right": 0.25, "missed": 0.6, "false": 0.6}


def choose_places(
    reference: Reference, sessions: Sequence[Session], job: Job
) -> list[tuple[Session, Block]]:
    """Choose the places with most outlines of olivine in the reference, the same for every run.

    Parameters
    ----------
    reference
        What is right.
    sessions
        Where to look.
    job
        Running job.

    Returns
    -------
    list of (Session, rows and columns)
        At most `MOST`; none where there is no outline.
    """
    every = [
        (session, (rows, columns))
        for session in sessions
        for rows in _sides(session.row0, session.row1)
        for columns in _sides(session.col0, session.col1)
    ]
    count = min(MOST_LOOKED_AT, len(every))
    looked_at = np.linspace(0, len(every) - 1, count).round().astype(int).tolist()
    outlines = []
    for place in looked_at:
        job.check()
        session, window = every[place]
        olivine = (reference.classes(session, *window) == OLIVINE).astype(np.uint8)
        outlines.append(int((olivine - cv2.erode(olivine, np.ones((3, 3), np.uint8))).sum()))
    best = sorted(range(count), key=lambda k: -outlines[k])[:MOST]
    return [every[looked_at[k]] for k in best if outlines[k]]


def _sides(first: int, stop: int) -> list[slice]:
    """Cut a side into sides of pictures, and leave out the rest; a short one is left as it is."""
    if stop - first < SIDE_PX:
        return [slice(first, stop)]
    return [slice(at, at + SIDE_PX) for at in range(first, stop - SIDE_PX + 1, SIDE_PX)]


def take_pictures(
    section: Section,
    stored: Raster,
    reference: Reference,
    sessions: Sequence[Session],
    threshold: float,
    job: Job,
) -> list[Picture]:
    """Draw what a network takes for olivine over BSE.

    Parameters
    ----------
    section
        Section with ``images``.
    stored
        Probability of olivine.
    reference
        What is right.
    sessions
        Where to look for places.
    threshold
        Least probability of olivine.
    job
        Running job.

    Returns
    -------
    list of Picture
        In colours of `COLOURS`.
    """
    pictures = []
    for session, (rows, columns) in choose_places(reference, sessions, job):
        classes = reference.classes(session, rows, columns)
        found = stored.read(rows, columns) >= stored_threshold(threshold)
        image = np.repeat(grey_of(section, rows, columns)[..., np.newaxis], 3, axis=2)
        kinds = {
            "right": (classes == OLIVINE) & found,
            "missed": (classes == OLIVINE) & ~found,
            "false": (classes != OLIVINE) & (classes != NO_LABEL) & found,
        }
        for kind, pixels in kinds.items():
            colour = np.array(COLOURS[kind], np.float32)
            image[pixels] += OPACITY[kind] * (colour - image[pixels])
        pictures.append(
            Picture(
                session=session.session, row0=rows.start, row1=rows.stop, col0=columns.start,
                col1=columns.stop, jpeg=jpeg_of(image),
            )
        )  # fmt: skip
    return pictures


def grey_of(section: Section, rows: slice, columns: slice) -> NDArray[np.float32]:
    """Read BSE of a window, stretched for the eye.

    Parameters
    ----------
    section
        Section with ``images``.
    rows, columns
        The window, px.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        0-255 between the percentiles 1 and 99 of the window.
    """
    grey: NDArray[np.float32] = np.asarray(
        section.raster("images", "BSE").read(rows, columns), np.float32
    )
    low, high = np.percentile(grey, [1, 99])
    spread = max(float(high - low), 1.0)
    return np.asarray(np.clip((grey - low) * (255 / spread), 0, 255), np.float32)


def jpeg_of(image: NDArray[np.float32]) -> str:
    """Return a grey or RGB image as JPEG, in base 64."""
    pixels = image.round().astype(np.uint8)
    _, data = cv2.imencode(
        ".jpg",
        pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[..., ::-1]),
        [cv2.IMWRITE_JPEG_QUALITY, 85],
    )
    return base64.b64encode(data.tobytes()).decode("ascii")
