"""The crystals under the traverses, outlined by their grey: for sections without a mask.

Many laboratories take one BSE image of each crystal and no element maps. There the law of the
traverses itself says what is the crystal: pixels whose grey means an mg# near those measured, in
one piece with the points. Glass or groundmass of the same grey that touches the crystal is taken
with it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import (
    binary_dilation,
    binary_erosion,
    binary_propagation,
    distance_transform_edt,
    gaussian_filter,
)

from napari_olivine.calibration.grey import CalibrationGrey
from napari_olivine.calibration.phase import OUTLINE, RockPixels, create_outline, open_rock
from napari_olivine.calibration.regression import Calibration
from napari_olivine.calibration.traverse import window_around
from napari_olivine.job import Job
from napari_olivine.section import Product, Section, session_index
from napari_olivine.settings import Settings

METHOD = 1

WIDER_MG = 0.03
"""mg# by which a crystal may lie beyond the range of its points, at least."""

WIDER_SHARE = 0.5
"""Share of the range of its points by which a crystal may lie beyond it."""

SMOOTH_PX = 1.0
"""Standard deviation of the smoothing under which a pixel is judged, against noise."""

NECK_PX = 2
"""A part that hangs on the crystal by less than twice this is none of it: grains that touch."""

FIRST_MARGIN = 1.0
"""Surroundings that are looked at first, in lengths of the traverse; doubled while too small."""

LARGEST_WINDOW = 64_000_000
"""Pixels of the largest window in which one crystal is sought."""


def outline_crystals(
    section: Section, grey: CalibrationGrey, law: Calibration, job: Job
) -> Product:
    """Make the product ``outline``: image ``olivine``, 1 on the crystals under the traverses.

    Parameters
    ----------
    section
        Section with ``calibration``.
    grey
        BSE grey that the law converts.
    law
        Fitted law.
    job
        Running job.

    Returns
    -------
    Product
        ``outline``.
    """
    recipe = section.recipe(OUTLINE, Settings(), ["images", "calibration"], method=METHOD)
    if done := section.finished(OUTLINE, recipe, job):
        return done
    rock = open_rock(grey)
    points = section.table("calibration", "profiles")
    used = points[(points["use"] == "calibrate") & points["fitted"]]
    with section.draft(OUTLINE, recipe, job) as draft:
        out = create_outline(draft, section, "crystals by their grey")
        for _, rows in used.groupby("profile", sort=False):
            window, crystal = _crystal(rows, section, grey, rock, law, job)
            both = out.read(*window) | crystal.astype(np.uint8)
            out.write(window[0].start, window[1].start, both)
        out.build_pyramid(job)
    return section.require(OUTLINE)


def _crystal(
    rows: pd.DataFrame,
    section: Section,
    grey: CalibrationGrey,
    rock: RockPixels,
    law: Calibration,
    job: Job,
) -> tuple[tuple[slice, slice], NDArray[np.bool_]]:
    """Return the window of the crystal under some points, and its pixels there."""
    low, high = float(rows["mg_epma"].min()), float(rows["mg_epma"].max())
    wider = max(WIDER_MG, WIDER_SHARE * (high - low), 3 * law.residual_sd)
    row, column = (rows[name].to_numpy(float) for name in ("row", "col"))
    length = max(float(np.hypot(np.ptp(row), np.ptp(column))), 32.0)
    margin = FIRST_MARGIN * length
    while True:
        job.check()
        window = window_around(row, column, int(margin), section.shape)
        like = _alike(window, section, grey, rock, law, (low - wider, high + wider))
        crystal = _in_one_piece(like, row - window[0].start, column - window[1].start)
        size = np.prod([side.stop - side.start for side in window])
        if not _reaches_border(crystal, window, section.shape) or 4 * size > LARGEST_WINDOW:
            return window, crystal
        margin *= 2


def _alike(
    window: tuple[slice, slice],
    section: Section,
    grey: CalibrationGrey,
    rock: RockPixels,
    law: Calibration,
    limits: tuple[float, float],
) -> NDArray[np.bool_]:
    """Pixels of rock whose smoothed grey means an mg# within limits."""
    image = grey.window(*window)
    there = rock.pixels(*window)
    share = gaussian_filter(there.astype(np.float32), SMOOTH_PX)
    smooth = gaussian_filter(np.where(there, image, 0), SMOOTH_PX) / np.maximum(share, 1e-3)
    session = session_index(
        section.measured_sessions(),
        np.arange(window[0].start, window[0].stop)[:, None],
        np.arange(window[1].start, window[1].stop)[None, :],
    )
    mg = law.mg(smooth.astype(np.float32), session)
    return np.asarray(there & (mg >= limits[0]) & (mg <= limits[1]))


def _in_one_piece(
    alike: NDArray[np.bool_], row: NDArray[np.float64], column: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Pixels that hang together with the points by more than a neck."""
    disc = np.hypot(*np.indices((2 * NECK_PX + 1,) * 2) - NECK_PX) <= NECK_PX + 0.5
    core = binary_erosion(alike, disc)
    seed = np.zeros(alike.shape, bool)
    at = np.rint(row).astype(int), np.rint(column).astype(int)
    seed[at] = alike[at]
    reached = binary_propagation(seed | _near(seed, core), mask=core | seed)
    return np.asarray(binary_dilation(reached, disc) & alike)


def _near(seed: NDArray[np.bool_], core: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of the core within reach of a point."""
    if not seed.any():
        return seed
    return np.asarray(core & (distance_transform_edt(~seed) <= 2 * NECK_PX))


def _reaches_border(
    crystal: NDArray[np.bool_], window: tuple[slice, slice], shape: tuple[int, int]
) -> bool:
    """Tell whether a crystal goes on beyond its window within the section."""
    (rows, columns), (height, width) = window, shape
    return bool(
        (rows.start > 0 and crystal[0].any())
        or (rows.stop < height and crystal[-1].any())
        or (columns.start > 0 and crystal[:, 0].any())
        or (columns.stop < width and crystal[:, -1].any())
    )
