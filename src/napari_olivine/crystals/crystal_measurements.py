"""Everything that is measured of single crystals: shape, outline, composition, zoning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals.images import Images
from napari_olivine.crystals.measure import (
    Inclusion,
    Window,
    crystal_windows,
    fill_holes,
    find_inclusions,
    in_um,
    inclusion_table,
    measure_boundary,
    measure_shape,
    outline_distance,
    sides_on_edge,
)
from napari_olivine.crystals.settings import CrystalsSettings
from napari_olivine.crystals.table import REGION_SHARE
from napari_olivine.crystals.zoning import (
    GRID,
    RadialProfile,
    ZoneRules,
    Zoning,
    classify_zones,
    measure_composition,
    on_grid,
    radial_profile,
)
from napari_olivine.job import Job

UNKNOWN = 255
"""Value of a mask where the phase is unknown."""


@dataclass(frozen=True)
class Measured:
    """Measurements of some crystals."""

    crystals: pd.DataFrame
    """One row a crystal, in the order of the given table, with its ``id``."""
    profiles: pd.DataFrame
    """Radial profiles of those that are large enough: ``id``, mg# on the common grid of depth
    (``mg_005`` at s = 0.05, ...) and its standard errors (``se_005``, ...)."""
    inclusions: pd.DataFrame
    """Their holes and inclusions; see :class:`~napari_olivine.crystals.measure.Inclusion`."""


def measure_crystals(
    table: pd.DataFrame,
    images: Images,
    settings: CrystalsSettings,
    job: Job,
    *,
    vesicle_grey: float | None = None,
) -> Measured:
    """Measure shape, outline, composition and zoning of crystals that lie close together.

    Parameters
    ----------
    table
        Columns ``id, row0, row1, col0, col1``.
    images
        Images to measure on.
    settings
        Border and thresholds.
    job
        Running job.
    vesicle_grey
        Grey below which a pixel is a vesicle, `None` where there is no such grey.

    Returns
    -------
    Measured
        Rows in the order of `table`.
    """
    measured, profiles = [], []
    inclusions: list[Inclusion] = []
    for crystal, box, window in crystal_windows(table, images, job):
        inside = window.labels == crystal
        if not inside.any():  # too thin to be seen at a coarse level
            measured.append({"id": crystal, "hole_fraction": np.nan})
            continue
        filled = fill_holes(inside)
        row, profile = _measure(inside, filled, box, window, images, settings)
        measured.append({"id": crystal, **row})
        inclusions += find_inclusions(
            crystal, inside, filled, window.labels, window.grey, (window.row0, window.col0),
            images.labels.pixel_size_um * 2**window.level, vesicle_grey,
        )  # fmt: skip
        if profile is not None:
            mg, error = on_grid(profile)
            profiles.append(np.concatenate([[crystal], mg, error]))
    names = [f"{kind}_{round(100 * s):03d}" for kind in ("mg", "se") for s in GRID]
    curves = pd.DataFrame(np.reshape(profiles, (-1, 1 + len(names))), columns=["id", *names])
    curves = curves.astype(np.float32).assign(id=curves["id"].astype(np.uint32))
    rows = pd.DataFrame(measured, columns=None if measured else ["id"]).astype({"id": np.uint32})
    return Measured(rows, curves, inclusion_table(inclusions))


def _measure(
    inside: NDArray[np.bool_],
    filled: NDArray[np.bool_],
    box: NDArray[np.int64],
    window: Window,
    images: Images,
    settings: CrystalsSettings,
) -> tuple[dict[str, Any], RadialProfile | None]:
    factor = 2**window.level
    pixel_um = images.labels.pixel_size_um * factor
    on_edge = sides_on_edge(box, images.shape)
    distance = outline_distance(filled, on_edge)
    border_px = settings.border_px / factor
    composition = measure_composition(inside, distance, window.mg, window.grey, border_px)
    shape = measure_shape(inside, filled, pixel_um, on_edge, gaps=window.gaps, grey=window.grey)
    others = (window.labels != 0) & ~inside
    boundary = measure_boundary(
        inside, filled, on_edge, grey=window.grey, probability=window.probability,
        left_out=others if window.gaps is None else others | window.gaps,
    )  # fmt: skip
    profile = None
    if window.mg is not None:
        profile = radial_profile(inside, distance, window.mg, border_px)
    zoning = classify_zones(profile, pixel_um, _rules(settings))
    measured = {
        **vars(composition),
        **vars(zoning),
        **_mantle(zoning, profile, pixel_um),
        **vars(boundary),
        **in_um(vars(shape), pixel_um),
    }
    del measured["area_um2"]  # known exactly, also of crystals measured at a coarse level
    if window.probability is not None:
        measured["mean_probability"] = float(window.probability[inside].mean()) / 255
    if images.region is not None:
        rows, columns = inside.shape
        down = slice(window.row0, window.row0 + rows)
        right = slice(window.col0, window.col0 + columns)
        studied = images.region.pixels(down, right, window.level)
        measured[REGION_SHARE] = float(studied[inside].mean())
    if window.opinion is not None:
        known = window.opinion[inside]
        known = known[known < UNKNOWN]
        measured["agreement"] = float((known == 1).mean()) if known.size else np.nan
    return measured, profile


def _rules(settings: CrystalsSettings) -> ZoneRules:
    return ZoneRules(
        zoning=settings.zoning_threshold,
        extremum=settings.mantle_threshold,
        quench_um=settings.quench_um,
    )


def _mantle(zoning: Zoning, profile: RadialProfile | None, pixel_um: float) -> dict[str, float]:
    """Composition of the strongest mantle, where there is one."""
    if profile is None or not np.isfinite(zoning.mantle_depth_um):
        return {"mg_mantle": np.nan, "mg_mantle_se": np.nan}
    depth = zoning.mantle_depth_um / pixel_um
    return {
        "mg_mantle": float(np.interp(depth, profile.depth_px, profile.median)),
        "mg_mantle_se": float(np.interp(depth, profile.depth_px, profile.se)),
    }
