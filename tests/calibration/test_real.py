"""Calibration of the standard synthetic section and of a real field with spots."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import tifffile

from napari_olivine.calibration import CalibrateSettings, calibrate
from napari_olivine.masks import MaskSettings, make_mask
from napari_olivine.readers import import_section


def test_the_small_standard_section_within_the_papers_error(shared_data: Path, tmp_path: Path):
    source = shared_data / "section-small"
    section = import_section(source, tmp_path / "small")
    make_mask(section)
    calibrate(section)
    report = json.loads((section.path / "calibration" / "calibration.json").read_text())
    # The first analysis of the test profile was measured half off the crystal: without ends.
    assert report["scores"]["test"]["filtered"]["rmse10"] < 0.0097
    assert report["scores"]["calibrate"]["filtered"]["r2"] > 0.95
    truth = tifffile.imread(source / "truth" / "mg.tif") / 1e4
    mg = section.raster("mg", "mg").read(slice(None), slice(None))
    both = np.isfinite(mg) & (truth > 0)
    assert both.sum() > 0.85 * (truth > 0).sum()
    assert np.sqrt(np.mean((mg - truth)[both] ** 2)) < 0.006


def test_real_spots_on_another_mineral(shared_data: Path, tmp_path: Path):
    section = import_section(shared_data / "chloritoid", tmp_path / "chloritoid")
    rule = "Si/Al < 0.85 and Ca/Al < 0.2 and (Fe + Mg)/Al > 0.12"
    make_mask(section, MaskSettings(rule=rule))
    calibrate(section, CalibrateSettings(mineral_oxygens=12))
    report = json.loads((section.path / "calibration" / "calibration.json").read_text())
    score = report["scores"]["calibrate"]["filtered"]
    assert score["r2"] >= 0.95
    assert score["points"] >= 25
    assert report["scores"]["calibrate"]["raw"]["r2"] >= 0.95
    table = section.table("calibration", "profiles")
    assert len(table) == 31
    mica = table[table["mg_epma"] > 0.6]
    assert mica["flags"].str.contains("not on olivine").tolist() == [True]
    mg = section.raster("mg", "mg").read(slice(None), slice(None))
    inside = mg[np.isfinite(mg)]
    assert inside.size > 10_000
    assert np.percentile(inside, 2) > 0.2
    assert np.percentile(inside, 98) < 0.55
