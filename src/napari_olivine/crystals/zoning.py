"""Core and rim of a crystal, and the classes that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals.settings import SIZE_CLASSES, CrystalsSettings

RINGS = 5
"""Rings of equal width from the outline to the centre, in which mantles are looked for."""

FAR_PX = 5
"""Pixels this far apart have independent noise."""


@dataclass(frozen=True)
class Composition:
    """What is measured of one crystal; NaN where there is nothing to measure."""

    mg_core: float = np.nan
    mg_rim: float = np.nan
    mg_mean: float = np.nan
    mg_difference: float = np.nan
    mg_difference_se: float = np.nan
    mg_mantle_excess: float = np.nan
    core_rim_ratio: float = np.nan


def measure_composition(
    inside: NDArray[np.bool_],
    distance: NDArray[np.float32],
    mg: NDArray[np.float32] | None,
    grey: NDArray[Any] | None,
    border_px: float,
) -> Composition:
    """Measure core and rim of one crystal.

    The core has d > dmax / 2, the rim dmax / 2 >= d > b, with d the distance to the outline,
    dmax the largest and b the width of the border (the paper, section 3.9). Unlike in the paper
    holes are no outline, and medians are taken so that cracks and inclusions do not count.

    Parameters
    ----------
    inside
        Pixels of the crystal, holes left out.
    distance
        Distance to the outer outline, px.
    mg
        mg# (fraction), NaN where unknown.
    grey
        BSE grey, in any unit.
    border_px
        Width b of the border that belongs neither to core nor to rim.

    Returns
    -------
    Composition
        ``mg_difference`` is median(core) - median(rim); its standard error is that of the noise
        of the pixels and leaves out the error of the calibration.
        ``mg_mantle_excess`` tells by how much a mantle exceeds (positive) or falls short of
        (negative) both centre and outermost ring. ``core_rim_ratio`` is the paper's r.
    """
    furthest = float(distance.max(initial=0))
    core = inside & (distance > furthest / 2)
    rim = inside & (distance > border_px) & (distance <= furthest / 2)
    ratio = np.nan
    if grey is not None and core.any() and rim.any():
        under = float(grey[rim].mean())
        ratio = float(grey[core].mean()) / under if under else np.nan
    if mg is None:
        return Composition(core_rim_ratio=ratio)
    there = np.isfinite(mg)
    core &= there
    rim &= there
    interior = inside & there & (distance > min(border_px, furthest / 2))
    mean = float(mg[interior].mean()) if interior.any() else np.nan
    if not (core.any() and rim.any()):
        return Composition(mg_mean=mean, core_rim_ratio=ratio)
    mg_core, mg_rim = float(np.median(mg[core])), float(np.median(mg[rim]))
    noise, patch = _pixel_noise(mg, inside & there)
    # The median of n normal values has 1.2533 times the standard error of their mean.
    error = 1.2533 * noise * np.sqrt(patch / core.sum() + patch / rim.sum())
    excess = _mantle_excess(mg, distance / furthest, core | rim)
    return Composition(mg_core, mg_rim, mean, mg_core - mg_rim, float(error), excess, ratio)


def classify_sizes(area_um2: pd.Series, settings: CrystalsSettings) -> pd.Series:
    """Give each crystal its size class by its area in um2."""
    bounds = [settings.microphenocryst_from_um2, settings.phenocryst_from_um2]
    place = np.searchsorted(bounds, area_um2.to_numpy(), side="right")
    return pd.Series(np.array(SIZE_CLASSES, dtype=object)[place], area_um2.index, dtype="str")


def classify_zoning(table: pd.DataFrame, settings: CrystalsSettings) -> pd.Series:
    """Give each phenocryst its zoning class, empty for smaller crystals and unmeasured ones.

    Parameters
    ----------
    table
        Columns ``size_class``, ``mg_difference``, ``mg_mantle_excess``, ``core_rim_ratio``.
    settings
        Thresholds.
    """
    if settings.zoning == "paper":
        measure = table["core_rim_ratio"]
        normal, reverse = measure < settings.r_low, measure > settings.r_high
    else:
        measure = table["mg_difference"]
        plain = ~is_mantled(table, settings)
        normal = (measure >= settings.zoning_threshold) & plain
        reverse = (measure <= -settings.zoning_threshold) & plain
    known = (table["size_class"] == "phenocryst") & measure.notna()
    names = np.select([~known, normal, reverse], ["", "normal", "reversed"], "none")
    return pd.Series(names, table.index, dtype="str")


def is_mantled(table: pd.DataFrame, settings: CrystalsSettings) -> pd.Series:
    """Tell which phenocrysts have a mantle unlike both their centre and their rim."""
    strong = table["mg_mantle_excess"].abs() >= settings.mantle_threshold
    return strong & (table["size_class"] == "phenocryst")


def _pixel_noise(mg: NDArray[np.float32], there: NDArray[np.bool_]) -> tuple[float, float]:
    """Estimate the standard deviation of the noise, and the area in px of one independent value.

    From second differences along rows, which an even slope leaves at 0, of pixels next to each
    other and far apart. A map smoothed by a Gaussian of s px has the correlation
    c = exp(-1 / 4 s2) between neighbours, c^4 between the next but one, and one independent value
    in 4 pi s2 px; the variance of the second difference of neighbours is then 6 - 8 c + 2 c^4.
    """
    near, far = _second_differences(mg, there, 1), _second_differences(mg, there, FAR_PX)
    if not far > 0:
        return near / np.sqrt(6), 1.0
    alike = np.linspace(0, 0.97, 98)
    expected = (6 - 8 * alike + 2 * alike**4) / 6
    found = float(np.interp((near / far) ** 2, expected[::-1], alike[::-1]))
    patch = -np.pi / np.log(found) if found > 0 else 1.0
    return far / np.sqrt(6), max(patch, 1.0)


def _second_differences(mg: NDArray[np.float32], there: NDArray[np.bool_], lag: int) -> float:
    """Robust standard deviation of the second differences of pixels `lag` apart."""
    if mg.shape[1] <= 2 * lag:
        return np.nan
    left, middle, right = slice(None, -2 * lag), slice(lag, -lag), slice(2 * lag, None)
    all_there = there[:, left] & there[:, middle] & there[:, right]
    values = (mg[:, left] - 2 * mg[:, middle] + mg[:, right])[all_there]
    if not values.size:
        return np.nan
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


def _mantle_excess(
    mg: NDArray[np.float32], depth: NDArray[np.float32], there: NDArray[np.bool_]
) -> float:
    """How far a ring between them lies above (+) or below (-) both centre and outermost ring."""
    ring = np.minimum((depth[there] * RINGS).astype(np.int8), RINGS - 1)
    values = mg[there]
    medians = [float(np.median(values[ring == k])) for k in range(RINGS) if (ring == k).any()]
    if len(medians) < 3:
        return np.nan
    ends, between = (medians[0], medians[-1]), medians[1:-1]
    above, below = max(between) - max(ends), min(ends) - min(between)
    return max(above, 0.0) if above >= below else -max(below, 0.0)
