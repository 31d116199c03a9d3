"""A small section with all that an export can use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals import find_crystals
from napari_olivine.job import Job
from napari_olivine.section import Section, SectionRecord, create_raster
from napari_olivine.settings import Settings

SHAPE = (700, 1100)
PIXEL_UM = 2.0

Image = NDArray[Any]


class Made(Settings):
    """Settings of products that a test puts there."""

    version: int = 1


def put(section: Section, product: str, name: str, image: Image, version: int = 1) -> None:
    recipe = section.recipe("test", Made(version=version), [])
    floating = image.dtype == np.float32
    with section.draft(product, recipe, Job()) as draft:
        raster = create_raster(
            draft.path / name, image.shape, image.dtype, PIXEL_UM,
            reduction="nanmean" if floating else "nearest", fill=np.nan if floating else 0,
        )  # fmt: skip
        raster.write(0, 0, image)
        raster.build_pyramid(Job())


def crystals_and_mg() -> tuple[Image, Image]:
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    olivine = np.zeros(SHAPE, bool)
    mg = np.full(SHAPE, np.nan)
    for row, column, radius, core, rim in [
        (150, 150, 60, 0.90, 0.78), (150, 400, 60, 0.75, 0.86), (500, 300, 70, 0.83, 0.83),
        (500, 800, 12, 0.74, 0.74), (300, 900, 4, 0.88, 0.88),
    ]:  # fmt: skip
        away = np.hypot(rows - row, columns - column)
        inside = away <= radius
        olivine |= inside
        mg[inside] = (core + (rim - core) * (away / radius) ** 2)[inside]
    return olivine, mg.astype(np.float32)


def put_calibration(section: Section) -> None:
    """A calibration as the calibrate step leaves it."""
    profiles = []
    for place, use in enumerate(["calibrate", "test"]):
        distance = np.arange(40) * 5.0
        epma = 0.75 + 0.15 * np.sin(distance / 200 * np.pi)
        profiles.append(
            pd.DataFrame(
                {
                    "profile": f"profile_{place}",
                    "kind": "line",
                    "use": use,
                    "session": str(place),
                    "point": range(40),
                    "distance_um": distance,
                    "x_um": distance,
                    "y_um": 100.0,
                    "grey_filtered": 300 - 200 * epma,
                    "mg_epma": epma,
                    "good": True,
                    "mg_predicted": epma + 0.002,
                    "mg_sigma": 0.004,
                    "flags": "",
                }
            )
        )
    report = {"scores": {"test": {"filtered": {"rmse": 0.002}}}}
    with section.draft("calibration", section.recipe("calibrate", Made(), []), Job()) as draft:
        pd.concat(profiles).to_parquet(draft.path / "profiles.parquet", index=False)
        (draft.path / "calibration.json").write_text(json.dumps(report))
        draft.notes["test"] = {"points": 40, "rmse": 0.002, "r2": 0.99}


def make_section(place: Path, name: str = "tiny") -> Section:
    """Make a section with five crystals, mg# and a calibration."""
    olivine, mg = crystals_and_mg()
    record = SectionRecord(name=name, pixel_size_um=PIXEL_UM, shape=SHAPE, signals=["BSE"])
    section = Section.create(place, record)
    section.annotate(
        "sessions",
        pd.DataFrame({
            "session": ["a", "b"], "row0": 0, "row1": SHAPE[0], "col0": [0, 600],
            "col1": [600, SHAPE[1]], "role": ["train", "test"],
        }),
    )  # fmt: skip
    noise = np.random.default_rng(0).normal(0, 3, SHAPE)
    grey = np.where(olivine, 300 - 200 * np.nan_to_num(mg), 100) + noise
    put(section, "images", "BSE", np.clip(grey, 0, 255).astype(np.uint8))
    put(section, "probability", "olivine", np.where(olivine, 230, 5).astype(np.uint8))
    put(section, "segmentation", "olivine", olivine.astype(np.uint8))
    put(section, "mg", "mg", mg)
    put_calibration(section)
    find_crystals(section)
    return section
