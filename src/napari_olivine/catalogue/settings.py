"""Settings of the export."""

from __future__ import annotations

from typing import Literal

from napari_olivine.settings import Settings, setting


class ExportSettings(Settings):
    """Settings of :func:`~napari_olivine.catalogue.export_catalogue`."""

    phase: str = setting(
        "olivine",
        "Phase",
        "Mineral whose crystals are written: olivine, or another one of {step:crystals}.",
        min_length=1,
    )
    rasters: bool = setting(
        False,
        "Rasters",
        "Also write mask.tif, probability.tif, crystals.tif and mg.tif at full resolution.",
    )
    compression: Literal["zlib", "zstd"] = setting(
        "zlib",
        "Compression",
        "Of the rasters. zlib (deflate) is read by QuPath, Bio-Formats and GIS programs alike; "
        "zstd is faster and read by fewer.",
    )
    cutouts: bool = setting(
        True, "Cut-outs", "An image of each phenocryst, in a folder for each zoning class."
    )
    cutout_margin_um: float = setting(
        15.0, "Margin", "Surroundings shown about a crystal.", unit="um", ge=0, le=500
    )
    geojson: bool = setting(
        False,
        "GeoJSON outlines",
        "Also write crystals.geojson: the outline of each crystal with its holes, class and main "
        "measurements, for QuPath, GIS programs and GeoPandas.",
    )
    imagej_rois: bool = setting(
        False,
        "ImageJ outlines",
        "Also write RoiSet.zip: the same outlines for the ROI Manager of ImageJ and Fiji.",
    )
    web: bool = setting(
        False,
        "Web map",
        "Also write index.html: section and crystals as a map with a card for each crystal, which "
        "opens in a browser from a disk or from any web server, without a network.",
    )
