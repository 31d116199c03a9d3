"""The catalogue's tables as CSV."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd

from napari_olivine.section import Section

BOX = {side: f"bbox_{side}" for side in ("row0", "row1", "col0", "col1")}

DECIMALS = {
    "x_um": 2, "y_um": 2, "area_um2": 2, "major_axis_um": 2, "minor_axis_um": 2,
    "mg_core": 5, "mg_rim": 5, "mg_mean": 5, "mg_difference": 5, "mg_difference_se": 6,
    "mg_mantle_excess": 5, "core_rim_ratio": 5, "mean_probability": 4, "hole_fraction": 4,
    "eccentricity": 4,
}  # fmt: skip
"""Decimals worth writing."""


def write_crystals(table: pd.DataFrame, file: Path) -> None:
    """Write the table of crystals; cells without a value stay empty."""
    table.round(DECIMALS).rename(columns=BOX).to_csv(file, index=False)


def write_profiles(section: Section, folder: Path) -> None:
    """Write profiles.csv and calibration.json of a calibrated section."""
    table = section.table("calibration", "profiles")
    table.round(6).to_csv(folder / "profiles.csv", index=False)
    source = section.require("calibration").path / "calibration.json"
    shutil.copyfile(source, folder / "calibration.json")
