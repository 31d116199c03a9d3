"""Positions of the points of a traverse on the section, and the grey of the image there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError

Floats = NDArray[np.float64]
Spacing = Literal["line", "epma"]
Line = tuple[float, float, float, float]


@dataclass(frozen=True)
class Patch:
    """A window of the image around a traverse.

    Parameters
    ----------
    grey
        Pixels, shape (rows, columns).
    good
        Pixels of the mineral that are no artefacts, of the same shape.
    row, column
        Place of its first pixel in the image.
    """

    grey: NDArray[np.float32]
    good: NDArray[np.bool_]
    row: int
    column: int


def line_positions(distance_um: Floats, line: Line, spacing: Spacing) -> tuple[Floats, Floats]:
    """Lay the points of a traverse along a placed line.

    Parameters
    ----------
    distance_um
        Distance of each point from the first as the microprobe measured it, shape (n,).
    line
        x0, y0, x1, y1 of the placed ends, um.
    spacing
        ``"line"`` stretches the distances so that first and last point meet the placed ends;
        ``"epma"`` keeps them and centres the traverse on the line's middle.

    Returns
    -------
    x_um, y_um
        Positions, each of shape (n,).
    """
    x0, y0, x1, y1 = line
    first, last = float(np.nanmin(distance_um)), float(np.nanmax(distance_um))
    length = np.hypot(x1 - x0, y1 - y0)
    if last <= first or length == 0:
        return np.full(distance_um.shape, x0), np.full(distance_um.shape, y0)
    middle = (distance_um - (first + last) / 2) / (last - first)
    if spacing == "epma":
        middle = middle * (last - first) / length
    return (x0 + x1) / 2 + middle * (x1 - x0), (y0 + y1) / 2 + middle * (y1 - y0)


def as_measured(distance_um: Floats, line: Line) -> Line:
    """Give a line the length that the microprobe measured, about its middle."""
    x, y = line_positions(np.array([distance_um.min(), distance_um.max()]), line, "epma")
    return float(x[0]), float(y[0]), float(x[1]), float(y[1])


def require_inside(
    profile: str, x_um: Floats, y_um: Floats, shape: tuple[int, int], pixel_size_um: float
) -> None:
    """Make sure that a profile lies on the section.

    Parameters
    ----------
    profile
        Name of the profile.
    x_um, y_um
        Positions of its points or ends, shape (n,).
    shape
        Rows and columns of the section.
    pixel_size_um
        Side of a pixel.

    Raises
    ------
    InputError
        If it does not; names the profile, the side, and the distance outside.
    """
    if not (np.isfinite(x_um).all() and np.isfinite(y_um).all()):
        raise InputError(
            f"Profile {profile!r} has points without a position.",
            remedy="Place its two ends on the section, or set its use to 'ignore'.",
        )
    width, height = (shape[1] - 1) * pixel_size_um, (shape[0] - 1) * pixel_size_um
    beyond = {
        "left of": -x_um.min(),
        "right of": x_um.max() - width,
        "above": -y_um.min(),
        "below": y_um.max() - height,
    }
    side = max(beyond, key=lambda name: float(beyond[name]))
    if beyond[side] > pixel_size_um / 2:
        raise InputError(
            f"Profile {profile!r} leaves the section: it reaches {beyond[side]:.1f} um {side} the "
            f"image ({width:.0f} x {height:.0f} um).",
            remedy="Move its placement onto the section, or set its use to 'ignore'.",
            expected=f"0 to {width:.0f} um in x, 0 to {height:.0f} um in y",
        )


def window_around(
    rows: Floats, columns: Floats, margin: int, shape: tuple[int, int]
) -> tuple[slice, slice]:
    """Find the window of the image that holds all points and a margin around them.

    Parameters
    ----------
    rows, columns
        Positions of the points, px, shape (n,).
    margin
        Pixels around them.
    shape
        Rows and columns of the image.

    Returns
    -------
    rows, columns
        Slices, cut to the image.
    """
    return (
        slice(
            int(max(0, np.floor(rows.min()) - margin)),
            int(min(shape[0], np.ceil(rows.max()) + margin + 1)),
        ),
        slice(
            int(max(0, np.floor(columns.min()) - margin)),
            int(min(shape[1], np.ceil(columns.max()) + margin + 1)),
        ),
    )


@dataclass(frozen=True)
class Sampled:
    """Grey of a traverse's points.

    Parameters
    ----------
    raw, filtered
        Weighted mean of all pixels around a point, and of the good ones (NaN where hardly any is
        left), shape (n,).
    outlier
        Points most of whose pixels are not good, shape (n,).
    """

    raw: Floats
    filtered: Floats
    outlier: NDArray[np.bool_]


def sample(patch: Patch, rows: Floats, columns: Floats, *, sigma_px: float) -> Sampled:
    """Read the grey at points as a Gaussian spot, with and without the pixels of artefacts.

    Parameters
    ----------
    patch
        Window of the image that holds the points.
    rows, columns
        Positions in pixels of the image, shape (n,).
    sigma_px
        Standard deviation of the spot; 0 reads the nearest pixel.

    Returns
    -------
    Sampled
        Grey of each point.
    """
    reach = int(np.ceil(3 * sigma_px))
    offset = np.arange(-reach, reach + 1)
    row = np.rint(rows).astype(int)[:, None, None] + offset[None, :, None]
    column = np.rint(columns).astype(int)[:, None, None] + offset[None, None, :]
    row, column = np.broadcast_arrays(row, column)
    at_row, at_column = row - patch.row, column - patch.column
    height, width = patch.grey.shape
    inside = (at_row >= 0) & (at_row < height) & (at_column >= 0) & (at_column < width)
    at_row, at_column = at_row.clip(0, height - 1), at_column.clip(0, width - 1)
    grey = patch.grey[at_row, at_column].astype(float)
    squared = (row - rows[:, None, None]) ** 2 + (column - columns[:, None, None]) ** 2
    weight = inside * np.exp(-squared / (2 * max(sigma_px, 0.1) ** 2))
    kept = weight * patch.good[at_row, at_column]
    total, left = weight.sum((1, 2)), kept.sum((1, 2))
    outlier = ~(left >= LEAST_GOOD * total) | (left <= 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        raw = (weight * grey).sum((1, 2)) / total
        filtered = (kept * grey).sum((1, 2)) / left
    return Sampled(raw, np.where(outlier, np.nan, filtered), outlier)


LEAST_GOOD = 0.5
"""Share of a point's pixels, by weight, that must be good."""
