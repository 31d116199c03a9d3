"""Settings of the crystals step and the names of the classes.

Leichter et al. (2022) is doi 10.3389/feart.2022.740638.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from napari_olivine.errors import InputError
from napari_olivine.settings import Settings, setting

SIZE_CLASSES = ("microlite", "microphenocryst", "phenocryst")
"""Size classes from small to large, as in Leichter et al. 2022, section 3.9."""

ZONING_CLASSES = ("normal", "reversed", "none")
"""Zoning classes of phenocrysts: core richer in Mg than the rim, poorer, or neither."""


OLIVINE = "olivine"


class CrystalsSettings(Settings):
    """Settings of :func:`~napari_olivine.crystals.find_crystals`.

    Table 2 of Leichter et al. 2022, with its size classes and
    thresholds of the core to rim ratio, was not available to this program: where a description
    says "ours", the value is not theirs.
    """

    phase: str = setting(
        OLIVINE,
        "Phase",
        "Mineral whose crystals are found; those of other minerals stay beside them. Others than "
        "olivine are named as the network learned them ({step:segment}) or as the rule book of "
        "{step:mask} has them, and get no mg#, no zoning class and no edits by hand.",
        min_length=1,
    )
    phase_from: Literal["auto", "joint", "segmentation", "mask", "outline"] = setting(
        "auto",
        "Pixels from",
        "Pixels that make crystals: network and element maps together (joint), the network's "
        "segmentation by BSE alone, the reference mask, the crystals that were outlined by hand or "
        "by their grey in {step:calibrate} (outline), or (auto) the first of these that there is. "
        "Of phases other than olivine: segmentation or mask.",
    )
    labels: Path | None = setting(
        None,
        "Labels from elsewhere",
        "A label image (TIFF, whole numbers, 0 for none, pixel on pixel with the section) whose "
        "numbers are the crystals, as they are: nothing is parted, joined or left out.",
    )
    join_diagonals: bool = setting(
        True,
        "Join across corners",
        "Pixels that touch by a corner belong together (8-connected); else only by a side.",
    )
    min_area_um2: float = setting(
        20.0,
        "Smallest crystal",
        "Smaller specks are taken for noise and left out (ours).",
        unit="um2",
        ge=0,
    )
    bridge_um: float = setting(
        8.0,
        "Bridge cracks",
        "Parts that a crack at most this wide separates are joined where gap, composition and "
        "outline tell that they are one crystal (ours); 0 joins nothing (as in Leichter et al. "
        "(2022)).",
        unit="um",
        ge=0,
        le=50,
    )
    part_touching: bool = setting(
        True,
        "Part touching crystals",
        "Cut a region at its necks, and along boundaries that grains share, where outline, "
        "composition and dark lines tell that crystals touch there (ours); else every connected "
        "region is a crystal (as in Leichter et al. 2022).",
    )
    microphenocryst_from_um2: float = setting(
        1000.0,
        "Microphenocrysts from",
        "Area from which a crystal is a microphenocryst, smaller ones are microlites (ours; the "
        "paper has a gap at 500-1000 um2).",
        unit="um2",
        gt=0,
    )
    phenocryst_from_um2: float = setting(
        10_000.0,
        "Phenocrysts from",
        "Area from which a crystal is a phenocryst (Leichter et al. 2022: near 10 000).",
        unit="um2",
        gt=0,
    )
    border_px: int = setting(
        3,
        "Border",
        "Pixels along the outline that belong neither to core nor to rim (b of Leichter et al. "
        "(2022), section 3.9; the value is ours, it covers the blur of the images).",
        unit="px",
        ge=0,
        le=50,
    )
    zoning: Literal["mg", "paper"] = setting(
        "mg",
        "Zoning by",
        "mg: radial profile of mg# (ours). paper: ratio r of the mean BSE grey of core and rim, "
        "which depends on brightness and contrast.",
    )
    zoning_threshold: float = setting(
        0.01,
        "Zoning threshold",
        "For zoning by mg: smallest difference of mg# between centre and outermost part that "
        "counts as zoning (ours, not Table 2 of Leichter et al. 2022).",
        gt=0,
        lt=0.5,
    )
    mantle_threshold: float = setting(
        0.015,
        "Mantle threshold",
        "For zoning by mg: a crystal whose mantle is richer or poorer in mg# than both sides of it "
        "by at least this is neither normal nor reversed: it is flagged as mantled and filed under "
        "none, where Leichter et al. 2022 found most of theirs (ours). 1 turns it off.",
        gt=0,
        le=1,
    )
    quench_um: float = setting(
        15.0,
        "Quench rim",
        "For zoning by mg: a rim at most this wide around a plateau is a quench rim, grown while "
        "the lava cooled; such a crystal is filed under none (ours).",
        unit="um",
        ge=0,
        le=500,
    )
    surroundings_um: float = setting(
        250.0,
        "Surroundings",
        "Radius around each crystal in which the area of rock, without vesicles and gaps, is "
        "measured (ours); 0 leaves it out.",
        unit="um",
        ge=0,
        le=20_000,
    )
    r_low: float = setting(
        0.96,
        "r below",
        "For zoning by paper: a ratio below is normal zoning (core darker). Ours, not Leichter "
        "et al. (2022): Table 2: 0.01 of mg# is 0.7 % of the signal and several times that in an"
        " image whose black level is raised for contrast, so set it for your images.",
        gt=0,
        le=1,
    )
    r_high: float = setting(
        1.04,
        "r above",
        "For zoning by paper: a ratio above is reversed zoning (core brighter). Ours, not the "
        "paper's Table 2; see r below.",
        ge=1,
    )

    def model_post_init(self, context: object, /) -> None:
        """Refuse size classes that do not follow each other."""
        if self.microphenocryst_from_um2 >= self.phenocryst_from_um2:
            raise InputError(
                f"microphenocryst_from_um2 ({self.microphenocryst_from_um2:g}) must be below "
                f"phenocryst_from_um2 ({self.phenocryst_from_um2:g}).",
                setting="microphenocryst_from_um2",
                expected=f"less than {self.phenocryst_from_um2:g}",
            )
