"""Classes of zoning, and the thresholds that separate them."""

from __future__ import annotations

from dataclasses import dataclass

ZONE_CLASSES = (
    "unzoned",
    "quench_rim",
    "normal",
    "reversed",
    "mg_rich_mantle",
    "fe_rich_mantle",
    "oscillatory",
    "patchy",
)
"""Classes of zoning. Normal: the core is richer in Mg than the rim (Streck 2008)."""

PAPER_CLASSES = {
    "unzoned": "none",
    "quench_rim": "none",
    "normal": "normal",
    "reversed": "reversed",
    "mg_rich_mantle": "none",
    "fe_rich_mantle": "none",
    "oscillatory": "none",
    "patchy": "none",
}
"""The three classes of Leichter et al. (2022, doi 10.3389/feart.2022.740638) that each becomes:
crystals with more than a core and a rim count as none."""


@dataclass(frozen=True)
class ZoneRules:
    """Thresholds of the classes. All are ours; science has no agreed ones."""

    zoning: float = 0.01
    """Smallest difference of mg# between core and rim that counts as zoning."""
    extremum: float = 0.015
    """Smallest mg# by which a mantle or band exceeds or falls short of both its neighbours."""
    quench_um: float = 15.0
    """Largest extent of a quench rim from the outline, um."""
    quench_fraction: float = 0.25
    """The same as a fraction of the crystal's largest depth, so that small crystals have rims."""
    coherence: float = 0.4
    """Patchy crystals have less than this part of their variance explained by depth."""
    patchiness: float = 0.008
    """Patchy crystals vary by at least this (standard deviation of mg#) at equal depth."""
    truncated: float = 0.5
    """Part of the range of mg# by which the zones along a broken side differ from whole ones."""
    fragment: float = 0.4
    """Score from which a crystal is flagged as a fragment."""
    core_gradient: float = 0.2
    """Off-centre cuts change by at least this part of their range in the inner third of depth."""
    slender: float = 0.45
    """So do sections whose largest depth is below this part of the radius of an equal disc."""
