"""Catalogue: what leaves the program - tables, cut-outs, plots, rasters, a methods paragraph."""

from napari_olivine.catalogue.export import export_catalogue
from napari_olivine.catalogue.settings import ExportSettings

__all__ = ["ExportSettings", "export_catalogue"]
