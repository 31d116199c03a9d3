"""Where the line of a traverse lies: as it was drawn, at its true length, or refined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_olivine.calibration.registration import (
    DRAWN_APART,
    RefinedTraverse,
    SearchRange,
    correlation,
    is_believed,
    length_of,
    refine_traverse,
    search_range,
)
from napari_olivine.calibration.settings import CalibrateSettings
from napari_olivine.calibration.traverse import Line, Patch, Spacing, line_positions, window_around
from napari_olivine.calibration.traverse_fit import TraverseFit

Floats = NDArray[np.float64]
ReadPatch = Callable[[slice, slice], Patch]

LARGEST_WINDOW = 4_000_000
"""Pixels of the window around a line up to which it is refined."""

ALIKE = 0.03
"""Share by which the lengths of lines that are all drawn too long, or too short, may differ."""

LEAST_LINES = 3
"""Lines that must agree before the pixel size is doubted."""


@dataclass(frozen=True)
class PlacedLine:
    """A line of a traverse as it was drawn.

    Parameters
    ----------
    drawn
        x0, y0, x1, y1 of the ends, um.
    distance_um
        Distance of each point from the first, or its number, shape (n,).
    measured_um
        Length that the microprobe measured; NaN where it did not.
    """

    drawn: Line
    distance_um: Floats
    measured_um: float

    @property
    def ratio(self) -> float:
        """Drawn over measured length; NaN if it was not measured or is in another unit."""
        drawn = length_of(self.drawn)
        return drawn / self.measured_um if is_believed(self.measured_um, drawn) else float("nan")

    @property
    def is_apart(self) -> bool:
        """Whether the drawn length contradicts the measured one."""
        return abs(self.ratio - 1) > DRAWN_APART

    def at_its_length(self) -> PlacedLine:
        """Give the line its measured length, about the middle of what was drawn."""
        ends = np.array([0.0, self.measured_um])
        (x0, x1), (y0, y1) = line_positions(ends, self.drawn, "epma")
        return replace(self, drawn=(float(x0), float(y0), float(x1), float(y1)))


@dataclass(frozen=True)
class LaidLine:
    """Where the points of a traverse are laid.

    Parameters
    ----------
    line
        Ends, um.
    spacing
        See `line_positions`.
    registration
        The refinement; None if there was none.
    at_its_length
        Whether the points have their measured distances though the drawn length contradicts them.
    """

    line: Line
    spacing: Spacing
    registration: RefinedTraverse | None = None
    at_its_length: bool = False


def lay_line(
    placed: PlacedLine,
    mg: Floats,
    read: ReadPatch,
    shape: tuple[int, int],
    pixel_size_um: float,
    sigma_px: float,
    settings: CalibrateSettings,
) -> LaidLine:
    """Refine a placed line if the settings say so.

    A line that was drawn longer or shorter than it is has its points at their measured distances
    and slides along what was drawn.

    Parameters
    ----------
    placed
        The line as it was drawn.
    mg
        Measured mg# of the points, NaN for those not to be used, shape (n,).
    read
        Reads a window of the image.
    shape
        Rows and columns of the image.
    pixel_size_um
        Side of a pixel.
    sigma_px
        Standard deviation of the Gaussian spot with which the grey is read.
    settings
        Of the step.

    Returns
    -------
    LaidLine
        The line, refined or as it was drawn.
    """
    measured = np.isfinite(placed.measured_um)
    as_drawn = LaidLine(placed.drawn, settings.spacing if measured else "line")
    if not settings.refine_placement:
        return as_drawn
    within = search_range(
        placed.drawn,
        placed.measured_um if measured else length_of(placed.drawn),
        pixel_size_um,
        placed_within_um=settings.placed_within_um,
        largest_shift_um=settings.largest_shift_um,
    )
    start = placed.at_its_length() if placed.is_apart else placed
    window = _window(placed.drawn, within, shape, pixel_size_um)
    if window is None or np.isfinite(mg).sum() < 2:
        reason = "the line is too long to refine" if window is None else "no usable points"
        refused = RefinedTraverse(placed.drawn, False, (0.0, 0.0), 0.0, 0.0, reason)
        return replace(as_drawn, registration=refused)
    patch = read(*window)
    result = refine_traverse(
        patch,
        placed.distance_um,
        mg,
        start.drawn,
        pixel_size_um,
        measured_um=placed.measured_um,
        within=within,
        sigma_px=sigma_px,
    )
    if not result.accepted and placed.is_apart:
        fit = TraverseFit.of_points(patch, placed.distance_um, mg, pixel_size_um, sigma_px)
        if correlation(fit, np.array(placed.drawn)) > result.correlation_before:
            return replace(as_drawn, registration=replace(result, line=placed.drawn))
    spacing = "line" if result.accepted or placed.is_apart else as_drawn.spacing
    return LaidLine(result.line, spacing, result, placed.is_apart)


def _window(
    line: Line, within: SearchRange, shape: tuple[int, int], pixel_size_um: float
) -> tuple[slice, slice] | None:
    """Window of the image that the search reads; None if it is too large."""
    margin = int(np.ceil(within.margin_um / pixel_size_um)) + 4
    ends = np.array(line).reshape(2, 2) / pixel_size_um
    window = window_around(ends[:, 1], ends[:, 0], margin, shape)
    size = np.prod([side.stop - side.start for side in window])
    return window if size <= LARGEST_WINDOW else None


def doubted_pixel_size(ratios: Floats, pixel_size_um: float) -> float | None:
    """Return the pixel size at which all lines would be as long as they were measured.

    Parameters
    ----------
    ratios
        Drawn over measured length of the lines, NaN where unknown.
    pixel_size_um
        Pixel size of the section.

    Returns
    -------
    float or None
        In um; None unless several lines, all of them, agree on another one.
    """
    ratios = ratios[np.isfinite(ratios)]
    if ratios.size < LEAST_LINES:
        return None
    middle = float(np.median(ratios))
    agree = np.abs(ratios / middle - 1) <= ALIKE
    if not agree.all() or abs(middle - 1) <= DRAWN_APART:
        return None
    return pixel_size_um / middle
