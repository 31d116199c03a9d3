"""Settings of the calibration and of the mg# map.

Leichter et al. (2022) is doi 10.3389/feart.2022.740638.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from napari_olivine.settings import Settings, setting


class CalibrateSettings(Settings):
    """Settings of :func:`~napari_olivine.calibration.calibrate`."""

    session_terms: Literal["gain+offset", "offset", "pooled"] = setting(
        "gain+offset",
        "Session terms",
        "What each session has of its own beside the common law; 'pooled' is one line for all "
        "sessions as in Leichter et al. 2022. Ours, because sessions drift.",
    )
    degree: int = setting(
        1, "Degree", "1 is the straight line of Leichter et al. 2022, 2 a parabola.", ge=1, le=2
    )
    gain_prior_percent: float = setting(
        3.0,
        "Gain of a session",
        "How far the gain of a session may lie from the others' (one standard deviation). Ours.",
        unit="%",
        gt=0,
        le=50,
    )
    offset_prior_grey: float = setting(
        15.0,
        "Offset of a session",
        "How far the grey of a session may lie from the others' (one standard deviation). Ours.",
        unit="grey",
        gt=0,
    )
    level_grey: bool = setting(
        True,
        "Level the grey",
        "Read the grey as the level step brings it to one scale: a gain and an offset for each "
        "session, a sloping background for each tile. Ours; Leichter et al. 2022 do not.",
    )
    refine_placement: bool = setting(
        True,
        "Refine the placement",
        "Move the ends of each line by a few um so that its mg# follows the grey. Ours; the "
        "placement set by hand stays as it is.",
    )
    placed_within_um: float = setting(
        5.0,
        "Placed within",
        "How well a person places the end of a line (one standard deviation in x and in y); at "
        "least 6 px, or a quarter of a shorter line.",
        unit="um",
        gt=0,
        le=100,
    )
    largest_shift_um: float = setting(
        25.0,
        "Largest shift",
        "A line is never moved further than this, or than 25 px (at most its length) where that is "
        "more. A line drawn longer or shorter than it is may slide along what was drawn besides.",
        unit="um",
        gt=0,
        le=500,
    )
    spacing: Literal["line", "epma"] = setting(
        "line",
        "Spacing of points",
        "'line' stretches the microprobe's distances so that the end points meet the placed ends "
        "as in Leichter et al. 2022; 'epma' keeps the distances about the line's middle. A "
        "refined line has both.",
    )
    spot_um: float = setting(
        1.5,
        "Spot of the reading",
        "Standard deviation of the Gaussian spot with which the grey is read at a point; a "
        "microprobe analysis comes from about 1-1.5 um. Ours, by measurement.",
        unit="um",
        ge=0,
        le=50,
    )
    lof_neighbors: int = setting(
        20, "LOF neighbours", "Neighbours of the local outlier factor.", ge=2, le=200
    )
    lof_threshold: float = setting(
        1.5,
        "LOF threshold",
        "Factor from which a pixel is an outlier; 1.5 is scikit-learn's own.",
        gt=1,
        le=10,
    )
    mineral: Literal["auto", "olivine", "other"] = setting(
        "auto",
        "Mineral",
        "olivine: analyses whose total or cations are not olivine's are left out. other: they are "
        "not checked. auto: olivine, unless not one analysis is.",
    )
    mineral_oxygens: float = setting(
        4.0, "Oxygens", "Oxygens of the mineral's formula; 4 for olivine.", gt=0, le=48
    )
    lowest_total_percent: float = setting(
        97.5, "Lowest total", "Analyses with a lower total are left out.", unit="wt%", ge=0, le=110
    )
    highest_total_percent: float = setting(
        102.0,
        "Highest total",
        "Analyses with a higher total are left out.",
        unit="wt%",
        ge=0,
        le=110,
    )
    totals_follow: bool = setting(
        True,
        "Totals of a whole traverse",
        "Where most analyses of a traverse have the cations of olivine and totals outside the "
        "limits, the limits follow its median total, with a warning: a coat or a beam current "
        "changes all oxides alike. Ours.",
    )
    phase: str = setting("olivine", "Phase", "Name of the mineral's mask.")
    phase_from: Literal["auto", "joint", "segmentation", "mask", "drawn", "outline"] = setting(
        "auto",
        "Pixels from",
        "Which pixels are the mineral: the joint segmentation by BSE and element maps (joint), the "
        "segmentation by BSE alone, the mask of the phase rules, what lies inside the outlines "
        "drawn by hand (drawn), or the crystals under the traverses, outlined by their grey "
        "(outline); 'auto' takes outlines drawn by hand if there are any, then the joint "
        "segmentation, then the other one if it is up to date, then the mask, and outlines by grey "
        "where there are no element maps.",
    )
    outlines: Path | None = setting(
        None,
        "Outlines from a file",
        "GeoJSON file of polygons, as QuPath exports them, that takes the place of the outlines "
        "drawn by hand; x and y in pixels of the BSE image from its upper left corner.",
        exclude_if=lambda file: file is None,
    )
    filter_map: bool = setting(
        True,
        "Outliers off the map",
        "Leave out of the mg# map what LOF finds to be cracks and inclusions, as in Leichter et "
        "al. (2022).",
    )
    smooth_um: float = setting(
        1.5,
        "Smoothing of the map",
        "Standard deviation of a Gaussian that smooths the map within the mineral; 0 for none as "
        "in Leichter et al. 2022. Ours, by measurement.",
        unit="um",
        ge=0,
        le=20,
    )
    lowest_mg: float = setting(
        0.4,
        "Lowest mg#",
        "Grey that would mean less is an artefact (oxide, edge) and left out of the map. Ours; "
        "0 where analyses are not checked as olivine.",
        ge=0,
        le=1,
    )
    highest_mg: float = setting(
        1.0,
        "Highest mg#",
        "Grey that would mean more is an artefact (crack, hole, edge) and left out of the map.",
        ge=0,
        le=1.5,
    )
