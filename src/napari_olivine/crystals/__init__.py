"""Crystals: connected olivine pixels, their sizes, compositions and zoning."""

from napari_olivine.crystals.settings import SIZE_CLASSES, ZONING_CLASSES, CrystalsSettings
from napari_olivine.crystals.step import find_crystals
from napari_olivine.crystals.zoning.core_rim import classify_sizes, classify_zoning

__all__ = [
    "SIZE_CLASSES",
    "ZONING_CLASSES",
    "CrystalsSettings",
    "classify_sizes",
    "classify_zoning",
    "find_crystals",
]
