"""Catalogue: what leaves the program - tables, cut-outs, plots, rasters, a methods paragraph."""

from napari_olivine.catalogue.settings import ExportSettings
from napari_olivine.catalogue.step import export_catalogue

__all__ = ["ExportSettings", "export_catalogue"]
