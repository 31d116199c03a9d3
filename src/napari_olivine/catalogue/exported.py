"""What a catalogue is of: a phase, the product with its crystals, and the rasters beside them."""

from __future__ import annotations

from dataclasses import dataclass

from napari_olivine.catalogue.methods import pixels_in_words
from napari_olivine.crystals import OLIVINE
from napari_olivine.registry import SEGMENTATIONS
from napari_olivine.section import Section, image_name

PHASES = (*SEGMENTATIONS, "mask", "outline")
"""Products that crystals may be made from."""


@dataclass(frozen=True)
class Exported:
    """What a catalogue is of.

    Parameters
    ----------
    phase
        Mineral of the crystals.
    product
        Product that holds them.
    source
        Product whose pixels they were made from.
    there
        Other products of the section that a catalogue of this phase may have.
    """

    phase: str
    product: str
    source: str
    there: frozenset[str]


def wanted_rasters(section: Section, exported: Exported) -> dict[str, tuple[str, str, str]]:
    """Name the rasters of a catalogue.

    Of another phase by the rule book there is no mask.tif: phases.tif holds it.

    Parameters
    ----------
    section
        Section with the crystals.
    exported
        What the catalogue is of.

    Returns
    -------
    dict
        By the name of the file: product, image, and what it is.
    """
    source, phase = exported.source, exported.phase
    name = image_name(phase)
    words = f"uint8, the {pixels_in_words(section, source)}: 0 none, 1 {phase}"
    wanted = {
        "mask.tif": (source, name, f"{words}{', 255 ignored' if source == 'mask' else ''}."),
        **_by_bse_alone(source),
        "probability.tif": ("probability", name, f"uint8, probability of {phase}; 255 is 1.0."),
        "crystals.tif": (exported.product, "crystals", f"uint32, ids as in {TABLES}; 0: none."),
        "mg.tif": ("mg", "mg", "float32, mg#; NaN off olivine and where it is unknown."),
    }
    if phase != OLIVINE and source == "mask":
        del wanted["mask.tif"], wanted["probability.tif"]
    return wanted


TABLES = "crystals.csv (rejected.csv, outside.csv)"


def _by_bse_alone(source: str) -> dict[str, tuple[str, str, str]]:
    """Name the raster of the network alone, where the crystals come from more than that."""
    if source != "joint":
        return {}
    words = "uint8, the segmentation by BSE alone: 0 none, 1 olivine. mask.tif made the crystals."
    return {"mask-bse.tif": ("segmentation", "olivine", words)}
