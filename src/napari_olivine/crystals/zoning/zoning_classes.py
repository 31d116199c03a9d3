"""Zoning class of one crystal from its radial profile, and the probability of each class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_olivine.crystals.zoning.bootstrap import (
    REPLICATES,
    BootstrapProfiles,
    weighted_cells,
)
from napari_olivine.crystals.zoning.fracture import find_fracture
from napari_olivine.crystals.zoning.profile_features import (
    asymmetry,
    count_swings,
    profile_features,
    rim_extents,
)
from napari_olivine.crystals.zoning.radial import Floats, RadialProfile
from napari_olivine.crystals.zoning.zone_rules import ZONE_CLASSES, ZoneRules


@dataclass(frozen=True)
class Zoning:
    """Zoning of one crystal, one column of the table a field; NaN where not measured.

    mg# is a fraction; "outer" is the bin next to the border, not in it.

    Probabilities are the parts of bootstrap samples of sectors that fall into each class: they
    tell of noise, patches, cracks and asymmetry, not of errors of calibration.
    """

    zone_class: str = ""
    zone_probability: float = np.nan
    zone_second: str = ""
    zone_because: str = ""
    zones: int = 0
    """Parts of unlike mg# from outline to centre: 1 if unzoned, 2 for core and rim, ..."""
    extrema: int = 0
    """Mantles and bands, that is extrema between rim and core."""
    mg_centre: float = np.nan
    """mg# of the innermost eighth of the area."""
    mg_outer: float = np.nan
    """mg# of the outermost bin inside the border."""
    centre_outer: float = np.nan
    """mg_centre - mg_outer, positive for normal zoning."""
    centre_outer_se: float = np.nan
    """Its standard error, by bootstrap over sectors; up to half too small where patches are as
    large as the core, of which a section holds one."""
    mantle_excess: float = np.nan
    """mg# by which the strongest mantle exceeds (+) or falls short of (-) both sides of it."""
    mantle_chord: float = np.nan
    """Largest deviation from the straight line in s between rim and centre, with its sign."""
    mantle_depth_um: float = np.nan
    """Depth of the strongest mantle; NaN without one."""
    rim_width_um: float = np.nan
    """Depth at which mg# is half-way from the outermost bin to the first plateau or extremum."""
    rim_extent_um: float = np.nan
    """Depth inside which mg# is a plateau within the zoning threshold; 0 if all of it is."""
    gradient_max_per_um: float = np.nan
    """Largest change of mg# per um of depth."""
    coherence: float = np.nan
    """Part of the variance of mg# that depth explains, noise taken out; NaN without variance."""
    patchiness: float = np.nan
    """Standard deviation of mg# at equal depth, noise taken out."""
    asymmetry: float = np.nan
    """Largest difference of mg# at equal depth between two opposite halves."""
    slenderness: float = np.nan
    """Largest depth over the radius of a disc of equal area."""
    core_gradient: float = np.nan
    """Part of the range of mg# that lies in the inner third of depth; NaN without core and rim."""
    off_centre: bool = False
    """Probably cut off its centre: no plateau there, as near a corner, or slender. A cut along a
    face looks like a centre: only the population can tell that its core is missing."""
    fragment_score: float = np.nan
    """0 to 1: how strongly, and along how straight a side, zones are truncated; NaN if unzoned."""
    fragment: bool = False
    p_unzoned: float = np.nan
    p_quench_rim: float = np.nan
    p_normal: float = np.nan
    p_reversed: float = np.nan
    p_mg_rich_mantle: float = np.nan
    p_fe_rich_mantle: float = np.nan
    p_oscillatory: float = np.nan
    p_patchy: float = np.nan


def classify_zones(
    profile: RadialProfile | None,
    pixel_size_um: float,
    rules: ZoneRules | None = None,
    *,
    seed: int = 0,
) -> Zoning:
    """Find the zoning of a crystal from the medians of its bins and sectors.

    Sides that look broken are left out before the profile is judged.
    The profile is cut at its turning points: an extremum counts if mg# changes on both sides of it
    by more than a threshold and more than twice the standard error of a difference of two bins.
    Rules, in order: patchy (depth explains little of a large variance); two or more extrema,
    oscillatory; one, mantled; a difference of core and rim below the threshold, unzoned; only a
    thin rim differs from a plateau, quench rim; else normal or reversed.

    Parameters
    ----------
    profile
        From `radial_profile`; None for crystals too small.
    pixel_size_um
        Size of a pixel.
    rules
        Thresholds.
    seed
        Of the bootstrap; the same seed gives the same probabilities.

    Returns
    -------
    Zoning
        Empty for crystals too small.

    References
    ----------
    Streck, M. J. (2008). Mineral textures and zoning as evidence for open system processes. Reviews
    in Mineralogy and Geochemistry 69, 595-622. doi 10.2138/rmg.2008.69.15
    """
    if profile is None:
        return Zoning()
    rules = rules or ZoneRules()
    cells, weights = weighted_cells(profile)
    score, broken = find_fracture(profile, cells, weights, rules)
    if score >= rules.fragment:
        cells, weights = cells[:, ~broken], weights[:, ~broken]
    sample = BootstrapProfiles.draw(cells, weights, profile, rules, seed)
    codes = _classify(sample, profile.edges_px * pixel_size_um, rules)
    parts = np.bincount(codes[1:], minlength=len(ZONE_CLASSES)) / REPLICATES
    chosen = int(codes[0])
    others = np.where(np.arange(len(parts)) == chosen, -1.0, parts)
    second = int(np.argmax(others))
    features = profile_features(sample, profile, pixel_size_um, rules)
    named = {f"p_{name}": float(part) for name, part in zip(ZONE_CLASSES, parts, strict=True)}
    return Zoning(
        zone_class=ZONE_CLASSES[chosen],
        zone_probability=float(parts[chosen]),
        zone_second=ZONE_CLASSES[second] if others[second] > 0 else "",
        zone_because=_because(ZONE_CLASSES[chosen], features),
        asymmetry=asymmetry(cells, weights, sample.mg[0]),
        fragment_score=score,
        fragment=score >= rules.fragment,
        **features,  # type: ignore[arg-type]
        **named,  # type: ignore[arg-type]
    )


def _classify(sample: BootstrapProfiles, edges_um: Floats, rules: ZoneRules) -> NDArray[np.intp]:
    """Place in :data:`ZONE_CLASSES` of each profile of the sample."""
    swings, inward = count_swings(sample.mg, max(rules.extremum, sample.step))
    difference = sample.centre - sample.mg[:, 0]
    extent = rim_extents(sample.mg, edges_um, max(rules.zoning, sample.step))
    thin = min(rules.quench_um, rules.quench_fraction * edges_um[-1])
    patchy = (sample.coherence < rules.coherence) & (sample.patchiness >= rules.patchiness)
    decisions = {
        "patchy": patchy,
        "oscillatory": swings > 2,
        "mg_rich_mantle": (swings == 2) & (inward > 0),
        "fe_rich_mantle": swings == 2,
        "unzoned": np.abs(difference) < rules.zoning,
        "quench_rim": (extent > 0) & (extent <= thin),
        "normal": difference > 0,
    }
    places = [ZONE_CLASSES.index(name) for name in decisions]
    found = np.select(list(decisions.values()), places, ZONE_CLASSES.index("reversed"))
    return np.asarray(found, np.intp)


def _because(name: str, features: dict[str, object]) -> str:
    """Describe the features that decided, for a person."""
    base = (
        f"centre - outer {features['centre_outer']:+.3f} (se {features['centre_outer_se']:.3f}), "
        f"extrema {features['extrema']}"
    )
    if name == "patchy":
        return f"coherence {features['coherence']:.2f}, patchiness {features['patchiness']:.3f}"
    if name.endswith("mantle"):
        return f"{base}, mantle {features['mantle_excess']:+.3f}"
    if name == "quench_rim":
        return f"{base}, plateau from {features['rim_extent_um']:.0f} um"
    return base
