"""Which pixels are a phase: by the network's segmentation of it, or by the mask's rule book."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.crystals.labels import Labels, SizesOfSource
from napari_olivine.crystals.settings import OLIVINE, CrystalsSettings
from napari_olivine.errors import InputError, SectionError
from napari_olivine.registry import OTHER_CRYSTALS, SEGMENTATIONS
from napari_olivine.section import Raster, Section, image_name, phase_of_image

UNKNOWN = 255
"""Value of pixels that nothing is known of."""

BY_NETWORK, BY_RULES = "segmentation", "mask"
"""Products that tell phases other than olivine; the first that does counts."""


class PhaseOfMask(SizesOfSource):
    """One phase of a mask: 1 where it is, 0 where not, 255 where nothing is known.

    Parameters
    ----------
    codes
        Image of the codes of all phases.
    code
        Code of the phase.
    """

    def __init__(self, codes: Raster, code: int) -> None:
        super().__init__(codes)
        self._codes = codes
        self._values = np.zeros(256, np.uint8)
        self._values[[code, UNKNOWN]] = 1, UNKNOWN

    def read(self, rows: slice, columns: slice, level: int = 0) -> NDArray[Any]:
        """Read a window of a level.

        Parameters
        ----------
        rows, columns
            Window in pixels of that level.
        level
            Level of the pyramid, 0 for full resolution.

        Returns
        -------
        ndarray of uint8, shape (rows, columns)
            Its pixels.
        """
        found: NDArray[np.uint8] = self._values[self._codes.read(rows, columns, level)]
        return found


def product_of_phase(phase: str) -> str:
    """Name the product that holds the crystals of a phase.

    Parameters
    ----------
    phase
        Name of the phase.

    Returns
    -------
    str
        ``"crystals"`` for olivine, else e.g. ``"other_crystals/plagioclase"``.
    """
    return "crystals" if phase == OLIVINE else f"{OTHER_CRYSTALS}/{image_name(phase)}"


def phase_of_product(product: str) -> str:
    """Return the phase whose crystals a product holds; undoes `product_of_phase`."""
    return OLIVINE if product == "crystals" else phase_of_image(product.partition("/")[2])


def crystals_there(section: Section) -> list[str]:
    """Return the phases whose crystals a section has, olivine first."""
    there = [product.name for product in section.products()]
    others = [name for name in there if name.startswith(f"{OTHER_CRYSTALS}/")]
    return [phase_of_product(name) for name in ("crystals", *others) if name in there]


def phases_told(section: Section) -> dict[str, list[str]]:
    """Return which phases other than olivine each product of a section tells.

    Parameters
    ----------
    section
        The section.

    Returns
    -------
    dict
        Names of phases by ``"segmentation"`` and ``"mask"``.
    """
    by_network, by_rules = (section.product(name) for name in (BY_NETWORK, BY_RULES))
    told: dict[str, list[str]] = {BY_NETWORK: [], BY_RULES: []}
    if by_network is not None:
        told[BY_NETWORK] = list(by_network.notes.get("other_percent", ()))
    if by_rules is not None:
        modes = [mode for mode in by_rules.notes.get("modes") or () if mode["code"]]
        told[BY_RULES] = [mode["name"] for mode in modes if mode["name"] != OLIVINE]
    return told


def pixels_of(section: Section, product: str, phase: str) -> Labels:
    """Open the pixels of a phase: 1 where it is.

    Parameters
    ----------
    section
        Section with the product.
    product
        A segmentation, ``"mask"`` or ``"outline"``.
    phase
        Phase that the product tells.

    Returns
    -------
    Labels
        Its pixels, read where they are wanted.
    """
    if phase == OLIVINE or product != BY_RULES:
        return section.raster(product, image_name(phase))
    modes = section.require(BY_RULES, stale_ok=True).notes["modes"]
    (code,) = (mode["code"] for mode in modes if mode["name"] == phase)
    return PhaseOfMask(section.raster(BY_RULES, "phases"), code)


def choose_source(section: Section, settings: CrystalsSettings) -> str:
    """Return the product whose pixels make the crystals.

    Parameters
    ----------
    section
        The section.
    settings
        Phase, and where its pixels are from.

    Raises
    ------
    SectionError
        If nothing tells this phase yet.
    InputError
        If what was chosen tells olivine alone.
    """
    if settings.phase != OLIVINE:
        return _source_of_other(section, settings)
    if settings.phase_from != "auto":
        return settings.phase_from
    for product in (*SEGMENTATIONS, "mask", "outline"):
        if section.state(product) != "missing":
            return product
    raise SectionError(
        f"{section.path} has neither a segmentation nor a mask to take crystals from.",
        remedy="Run {step:segment} or {step:mask} first, or {step:calibrate} without element maps.",
        step="segment",
    )


def _source_of_other(section: Section, settings: CrystalsSettings) -> str:
    phase, wanted = settings.phase, settings.phase_from
    told = phases_told(section)
    if wanted not in ("auto", *told):
        raise InputError(
            f"{wanted!r} tells olivine alone, and no {phase}.",
            remedy="Set {setting:phase_from} to 'auto', 'segmentation' or 'mask'.",
            setting="phase_from",
            expected="auto, segmentation, mask",
        )
    for product in told if wanted == "auto" else (wanted,):
        if phase in told[product]:
            return product
    raise SectionError(
        f"{section.path} does not tell which pixels are {phase}: "
        f"its segmentation tells {_listed(section, told, BY_NETWORK)}, "
        f"its mask {_listed(section, told, BY_RULES)}.",
        remedy="Set {setting:phase} to one of these; or run {step:segment} with this phase and a "
        "network that has learned it, or {step:mask} with a rule book that has it.",
        setting="phase",
        step="segment",
        expected=", ".join(dict.fromkeys([OLIVINE, *told[BY_NETWORK], *told[BY_RULES]])),
    )


def _listed(section: Section, told: dict[str, list[str]], product: str) -> str:
    if section.product(product) is None:
        return "nothing (there is none)"
    return ", ".join([OLIVINE, *told[product]])
