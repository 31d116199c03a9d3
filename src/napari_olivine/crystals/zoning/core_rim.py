"""Core and rim of a crystal, and the classes that follow from them.

Leichter et al. (2022) is doi 10.3389/feart.2022.740638.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals import SIZE_CLASSES, CrystalsSettings
from napari_olivine.crystals.zoning.radial import median_variance, noise_level
from napari_olivine.crystals.zoning.zone_rules import PAPER_CLASSES

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Of mg# inside the border."""


@dataclass(frozen=True)
class Composition:
    """mg# and grey of core and rim; NaN where there is nothing to measure."""

    mg_core: float = np.nan
    mg_core_se: float = np.nan
    mg_rim: float = np.nan
    mg_rim_se: float = np.nan
    mg_mean: float = np.nan
    mg_q05: float = np.nan
    mg_q25: float = np.nan
    mg_q50: float = np.nan
    mg_q75: float = np.nan
    mg_q95: float = np.nan
    mg_difference: float = np.nan
    mg_difference_se: float = np.nan
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
    dmax the largest and b the width of the border (Leichter et al. 2022, section 3.9). Unlike there
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
        ``mg_difference`` is median(core) - median(rim). Standard errors are those of the noise
        of the pixels and leave out the error of the calibration. Mean and quantiles are of all
        pixels inside the border. ``core_rim_ratio`` is r of Leichter et al. 2022.

    References
    ----------
    Leichter, P. et al. (2022), section 3.9. doi 10.3389/feart.2022.740638
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
    interior = mg[inside & there & (distance > min(border_px, furthest / 2))]
    if not interior.size:
        return Composition(core_rim_ratio=ratio)
    found = Composition(
        mg_mean=float(interior.mean()),
        **{
            f"mg_q{round(100 * part):02d}": float(value)
            for part, value in zip(QUANTILES, np.quantile(interior, QUANTILES), strict=True)
        },
        core_rim_ratio=ratio,
    )
    if not (core.any() and rim.any()):
        return found
    mg_core, mg_rim = float(np.median(mg[core])), float(np.median(mg[rim]))
    noise, patch = noise_level(mg, inside)
    core_se, rim_se = (
        noise * np.sqrt(median_variance(patch) * patch / np.count_nonzero(part))
        for part in (core, rim)
    )
    return replace(
        found,
        mg_core=mg_core,
        mg_core_se=float(core_se),
        mg_rim=mg_rim,
        mg_rim_se=float(rim_se),
        mg_difference=mg_core - mg_rim,
        mg_difference_se=float(np.hypot(core_se, rim_se)),
    )


def classify_sizes(area_um2: pd.Series, settings: CrystalsSettings) -> pd.Series:
    """Classify crystals by their area in um2."""
    bounds = [settings.microphenocryst_from_um2, settings.phenocryst_from_um2]
    place = np.searchsorted(bounds, area_um2.to_numpy(), side="right")
    return pd.Series(np.array(SIZE_CLASSES, dtype=object)[place], area_um2.index, dtype="str")


def classify_zoning(table: pd.DataFrame, settings: CrystalsSettings) -> pd.Series:
    """Classify the zoning of phenocrysts; smaller and unmeasured crystals get no class.

    Parameters
    ----------
    table
        Columns ``size_class``, ``zone_class`` and ``core_rim_ratio``.
    settings
        Thresholds.

    Returns
    -------
    pandas.Series
        ``normal``, ``reversed``, ``none`` or empty; by mg# from the class of the radial profile as
        in `PAPER_CLASSES`.
    """
    if settings.zoning == "paper":
        measure = table["core_rim_ratio"]
        normal, reverse = measure < settings.r_low, measure > settings.r_high
        measured = measure.notna()
    else:
        paper = table["zone_class"].map(PAPER_CLASSES)
        normal, reverse, measured = paper == "normal", paper == "reversed", paper.notna()
    known = (table["size_class"] == "phenocryst") & measured
    names = np.select([~known, normal, reverse], ["", "normal", "reversed"], "none")
    return pd.Series(names, table.index, dtype="str")
