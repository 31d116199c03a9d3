"""The catalogue's tables as CSV."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd

from napari_olivine.section import Section

BOX = {side: f"bbox_{side}" for side in ("row0", "row1", "col0", "col1")}

LENGTHS, COMPOSITIONS = 2, 5
"""Decimals worth writing of lengths and areas, and of mg#."""


def write_crystals(table: pd.DataFrame, file: Path) -> None:
    """Write the table of crystals; cells without a value stay empty."""
    rounded(table).rename(columns=BOX).to_csv(file, index=False)


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Round each column of numbers to the decimals worth writing."""
    return table.round({c: decimals_of(c) for c in table.select_dtypes("number").columns})


def decimals_of(column: str) -> int:
    """Decimals worth writing of a column of the table of crystals."""
    return LENGTHS if column.endswith(("_um", "_um2", "_deg")) else COMPOSITIONS


def write_profiles(section: Section, folder: Path) -> None:
    """Write profiles.csv and calibration.json of a calibrated section."""
    table = section.table("calibration", "profiles")
    table.round(6).to_csv(folder / "profiles.csv", index=False)
    source = section.require("calibration").path / "calibration.json"
    shutil.copyfile(source, folder / "calibration.json")
