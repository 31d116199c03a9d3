"""One grey image in a file, with what the instrument says of it: what every format hands out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.readers.base.pixel_size import PixelSize

COPY_AGAIN = "Copy it again from the microscope."
"""Remedy for a file that was cut short on its way."""


class Unreadable(InputError):
    """A file that is missing, truncated or damaged (as opposed to of the wrong kind)."""


@dataclass(frozen=True)
class Acquisition:
    """What an instrument says of an image; `None` or empty where it says nothing.

    Parameters
    ----------
    instrument
        Maker (and model), e.g. ``"ZEISS"``, ``"TESCAN"``.
    pixel_size_um
        Side of a pixel, um.
    pixel_source
        What states the size of a pixel, in words that go on from "by ..."; without a size, what
        was not believed.
    pixel_sizes
        Every statement of how large a pixel is, the one that is taken first; empty where the file
        has one alone.
    stage_um
        Stage position x, y of the image's centre as the instrument counts it, um. Its axes may
        point either way.
    rotation_deg
        Scan or stage rotation, degrees.
    accelerating_voltage_kv
        Accelerating voltage, kV.
    probe_current_na
        Probe or beam current, nA.
    dwell_time_us
        Dwell time of a pixel, us.
    detector
        Name of the detector as the file says (``"BSD"``, ``"CBS"``, ``"COMPO"``).
    taken
        When it was taken.
    """

    instrument: str = ""
    pixel_size_um: float | None = None
    pixel_source: str = ""
    pixel_sizes: tuple[PixelSize, ...] = ()
    stage_um: tuple[float, float] | None = None
    rotation_deg: float | None = None
    accelerating_voltage_kv: float | None = None
    probe_current_na: float | None = None
    dwell_time_us: float | None = None
    detector: str = ""
    taken: datetime | None = None


@dataclass(frozen=True)
class Image:
    """One grey image in a file; nothing of its pixels is in memory.

    Parameters
    ----------
    file
        The file that holds it.
    shape
        Rows and columns.
    dtype
        Type of a pixel: unsigned integers or floats.
    load
        Gives rows `start` up to, not including, `stop`, shape (stop - start, columns); raises
        `Unreadable`.
    signal
        Signal that the file says it shows, as petrologists write it (``"BSE"``, ``"Mg"``); empty
        where only the name or the folder of the file can tell.
    acquisition
        What the instrument says.
    files
        Other files that it was read from (a ``.hdr`` or ``.txt`` beside it).
    remarks
        What was done to it on the way, in words (an information bar left out).
    """

    file: Path
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    load: Callable[[int, int], NDArray[Any]]
    signal: str = ""
    acquisition: Acquisition = field(default_factory=Acquisition)
    files: tuple[Path, ...] = ()
    remarks: tuple[str, ...] = ()


def usual_pixel_size_um(images: Iterable[Image]) -> float | None:
    """Return the side of a pixel that most images say, um; `None` if none says it."""
    return usual_pixel_size(images)[0]


def usual_pixel_size(images: Iterable[Image]) -> tuple[float | None, str]:
    """Return the side of a pixel that most images say, um, and what states it.

    Without any, what was not believed; `None` and nothing if no image says anything.
    """
    stated = [(image.acquisition.pixel_size_um, image.acquisition.pixel_source) for image in images]
    if sizes := Counter(size for size, _ in stated if size):
        usual = sizes.most_common(1)[0][0]
        return usual, next(source for size, source in stated if size == usual)
    return None, next((source for _, source in stated if source), "")
