"""Curves along a traverse for the screen: grey, measured and predicted mg#."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.errors import OlivineError
from napari_olivine.section import Section, session_index
from napari_olivine.widgets.traverses.placements import Line

Floats = NDArray[np.float64]
Read = Callable[[slice, slice], NDArray[Any]]

MOST_SAMPLES = 1200
"""Of one line on the screen."""


@dataclass
class Profile:
    """A profile as it is drawn.

    Parameters
    ----------
    distance_um, grey
        Along the line, in the microprobe's distance, shape (n,).
    by_distance
        Whether the microprobe's table has distances; otherwise analyses are counted from 0.
    point, point_distance_um, mg
        Number, distance and mg# (a fraction) of the analyses, shape (m,).
    predicted
        mg# from the grey, shape (n,), `None` without a calibration.
    agreement
        Correlation of mg# with the reversed grey, NaN if there are too few points.
    """

    distance_um: Floats
    grey: Floats
    by_distance: bool
    point: NDArray[np.int64]
    point_distance_um: Floats
    mg: Floats
    predicted: Floats | None
    agreement: float


def profile_to_plot(
    section: Section,
    points: pd.DataFrame,
    line: Line | None,
    law: Any = None,
    left_out: Collection[int] = (),
) -> Profile:
    """Read the curves of one profile.

    Parameters
    ----------
    section
        Open section.
    points
        Its analyses; they have positions of their own if the profile has no line.
    line
        Its line; `None` if it has none.
    law
        The calibration that :func:`read_law` returned.
    left_out
        Numbers of analyses that do not count for the agreement.

    Returns
    -------
    Profile
        Curves; without grey if the profile lies nowhere.
    """
    from napari_olivine.calibration import mg_number

    points = points.sort_values("point")
    distance = points["distance_um"].to_numpy(float)
    by_distance = bool(np.isfinite(distance).all())
    number = points["point"].to_numpy()
    if not by_distance:
        distance = np.arange(len(points), dtype=float)
    mg = np.full(len(points), np.nan)
    if {"MgO", "FeO"} <= set(points.columns):
        mg = mg_number(points["MgO"], points["FeO"])
    if line is not None:
        along, x, y = _along(distance, line, section.pixel_size_um)
    elif points[["x_um", "y_um"]].notna().to_numpy().all():
        along, x, y = distance, *(points[n].to_numpy(float) for n in ("x_um", "y_um"))
    else:
        none = np.zeros(0)
        return Profile(none, none, by_distance, number, distance, mg, None, np.nan)
    rows, columns = y / section.pixel_size_um, x / section.pixel_size_um
    raster = section.raster("images", "BSE")
    grey = _grey_along(raster.read, section.shape, rows, columns, line)
    predicted = None
    if law is not None:
        calibration, levelled = law
        level = _grey_along(levelled.window, section.shape, rows, columns, line)
        places = session_index(
            section.measured_sessions(), np.rint(rows).astype(int), np.rint(columns).astype(int)
        )
        predicted = np.asarray(calibration.predict(level, places)[0], float)
    counts = np.where(np.isin(number, list(left_out)), np.nan, mg)
    agreement = _agreement(along, grey, distance, counts)
    return Profile(along, grey, by_distance, number, distance, mg, predicted, agreement)


def read_law(section: Section) -> Any:
    """Return the calibration of a section, `None` if it has none that can be read."""
    from napari_olivine.calibration import read_calibration

    try:
        return read_calibration(section)
    except OlivineError:
        return None


def grey_at(read: Read, shape: tuple[int, int], rows: Floats, columns: Floats) -> Floats:
    """Grey between pixels, by bilinear interpolation; NaN off the image.

    Parameters
    ----------
    read
        Reads a window of the image.
    shape
        Rows and columns of the image.
    rows, columns
        Places in pixels, shape (n,).

    Returns
    -------
    numpy.ndarray
        Grey, shape (n,).
    """
    inside = (rows >= 0) & (rows <= shape[0] - 1) & (columns >= 0) & (columns <= shape[1] - 1)
    grey = np.full(rows.shape, np.nan)
    # In short pieces: the window of a long oblique line would hold most of the section.
    for part in np.array_split(np.flatnonzero(inside), max(1, int(inside.sum()) // 256)):
        if part.size:
            grey[part] = _bilinear(read, shape, rows[part], columns[part])
    return grey


def _grey_along(
    read: Read, shape: tuple[int, int], rows: Floats, columns: Floats, line: Line | None
) -> Floats:
    """Grey at places, along a line as the mean over three pixels across it."""
    if line is None:
        return grey_at(read, shape, rows, columns)
    across = np.array([line[2] - line[0], -(line[3] - line[1])])
    across = across / max(float(np.hypot(*across)), 1e-9)
    beside = [
        grey_at(read, shape, rows + k * across[0], columns + k * across[1]) for k in (-1, 0, 1)
    ]
    return np.asarray(np.mean(beside, axis=0))


def _bilinear(read: Read, shape: tuple[int, int], rows: Floats, columns: Floats) -> Floats:
    row0, column0 = int(rows.min()), int(columns.min())
    window = read(
        slice(row0, min(int(rows.max()) + 2, shape[0])),
        slice(column0, min(int(columns.max()) + 2, shape[1])),
    ).astype(float)
    r, c = rows - row0, columns - column0
    top, left = r.astype(int), c.astype(int)
    below = np.minimum(top + 1, window.shape[0] - 1)
    right = np.minimum(left + 1, window.shape[1] - 1)
    down, across = r - top, c - left
    upper = window[top, left] * (1 - across) + window[top, right] * across
    lower = window[below, left] * (1 - across) + window[below, right] * across
    return np.asarray(upper * (1 - down) + lower * down)


def _along(distance: Floats, line: Line, pixel_size_um: float) -> tuple[Floats, Floats, Floats]:
    """Microprobe's distance and position of samples a pixel apart."""
    from napari_olivine.calibration import line_positions

    length = float(np.hypot(line[2] - line[0], line[3] - line[1]))
    count = int(np.clip(length / pixel_size_um + 1, 2, MOST_SAMPLES))
    along = np.linspace(float(distance.min()), float(distance.max()), count)
    x, y = line_positions(along, line, "line")
    return along, x, y


def _agreement(along: Floats, grey: Floats, distance: Floats, mg: Floats) -> float:
    good = np.isfinite(mg)
    seen = np.isfinite(grey)
    if good.sum() < 5 or seen.sum() < 5:
        return float("nan")
    at_points = np.interp(distance[good], along[seen], grey[seen])
    if np.ptp(at_points) == 0 or np.ptp(mg[good]) == 0:
        return float("nan")
    return float(-np.corrcoef(at_points, mg[good])[0, 1])
