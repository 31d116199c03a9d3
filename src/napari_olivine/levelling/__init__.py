"""Levelling: the grey of all tiles and sessions of a mosaic on one scale."""

from napari_olivine.levelling.seams import LevelledGrey, Levelling, estimate_levelling

__all__ = ["LevelledGrey", "Levelling", "estimate_levelling"]
