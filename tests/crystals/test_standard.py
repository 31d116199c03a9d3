"""Zoning classes on the standard section, from its true olivine and a noisy, cracked mg# map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_olivine.crystals import CrystalsSettings, find_crystals
from napari_olivine.job import Job
from napari_olivine.scoring import score_section
from napari_olivine.section import Section, SectionRecord, create_raster
from napari_olivine.settings import Settings


@pytest.fixture(scope="module")
def section(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Section:
    truth = shared_data / "section-main" / "truth"
    olivine = tifffile.imread(truth / "phase.tif") == 6
    mg = tifffile.imread(truth / "mg.tif").astype(np.float32) / 10_000
    cracks = tifffile.imread(truth / "cracks.tif") > 60
    noise = np.random.default_rng(0).normal(0, 0.015, mg.shape)
    # Cracks are dark, as if rich in Mg; part of them is left in the map.
    mg = np.where(cracks, 0.97, mg + noise)
    mg = np.where(olivine & (mg < 0.96), mg, np.where(noise > 0, mg, np.nan))
    mg = np.where(olivine, mg, np.nan).astype(np.float32)
    grey = np.clip(np.where(olivine, 1000 - 1000 * np.nan_to_num(mg), 80), 0, 255).astype(np.uint8)
    folder = tmp_path_factory.mktemp("standard") / "section"
    record = SectionRecord(name="main", pixel_size_um=1.0, shape=olivine.shape, signals=["BSE"])
    made = Section.create(folder, record)
    for product, name, image in [
        ("images", "BSE", grey), ("segmentation", "olivine", olivine.astype(np.uint8)),
        ("mg", "mg", mg),
    ]:  # fmt: skip
        with made.draft(product, made.recipe("test", Settings(), []), Job()) as draft:
            raster = create_raster(
                draft.path / name, image.shape, image.dtype, 1.0, reduction="nearest"
            )
            raster.write(0, 0, image)
    return made


@pytest.mark.parametrize("zoning", ["mg", "paper"])
def test_phenocrysts_get_their_true_class(section: Section, shared_data: Path, zoning: str) -> None:
    find_crystals(section, CrystalsSettings(zoning=zoning))
    scores = score_section(section, shared_data / "section-main" / "truth")
    assert scores.crystals is not None and scores.zoning is not None
    assert scores.crystals.missed == 0
    assert scores.zoning.phenocrysts == 37
    assert scores.zoning.accuracy is not None and scores.zoning.accuracy >= 0.97
    complex_ones = scores.zoning.confusion["complex"]
    if zoning == "mg":
        assert complex_ones["none"] == sum(complex_ones.values()) == 5
