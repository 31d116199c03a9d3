"""Pixels of the mask that a person corrected are met more often, and count more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_olivine.job import Job
from napari_olivine.masks import MaskSettings, make_mask
from napari_olivine.masks.corrections import MaskCorrections, correct_mask, make_correction
from napari_olivine.networks import Normalisation
from napari_olivine.polygons import Polygon
from napari_olivine.regions import table_of
from napari_olivine.section import PIECE, REGIONS, Section
from napari_olivine.training import TrainSettings, train
from napari_olivine.training.plan import make_plan
from napari_olivine.training.review_labels import Corrections, corrections_fingerprint
from napari_olivine.training.samples import Samples
from napari_olivine.training.windows import BY_HAND
from tests.helpers.sections import make_section

ROWS, COLUMNS = 2 * PIECE, 1400
NORM = Normalisation(align="none", median=120, spread=10, mean=(120.0,), std=(10.0,))
SETTINGS = TrainSettings(crop_px=64)


@pytest.fixture
def section(tmp_path: Path) -> Section:
    """A square of olivine in each session: training, validation and none."""
    olivine = np.zeros((ROWS, COLUMNS), bool)
    for column in (100, 700, 1100):
        olivine[100:300, column : column + 200] = True
    noise = np.random.default_rng(0).integers(0, 9, olivine.shape)
    images = {"BSE": (noise + np.where(olivine, 130, 100)).astype(np.uint8)}
    images |= {"Mg": np.where(olivine, 60, 5).astype(np.uint8)}
    section = make_section(tmp_path / "s", images)
    sessions = pd.DataFrame({
        "session": ["1", "2", "3"], "row0": 0, "row1": ROWS, "col0": [0, 600, 1000],
        "col1": [600, 1000, COLUMNS], "role": ["train", "val", "none"],
    })  # fmt: skip
    section.annotate("sessions", sessions)
    make_mask(section, MaskSettings(rule="Mg > 30", book="none", outlines="rule"))
    return section


def correct(section: Section, label: str, row: int, column: int) -> None:
    stroke = {"line": [(row, column)], "radius_px": 20}
    MaskCorrections(section).add([make_correction(label=label, tool="brush", **stroke)])
    correct_mask(section)


def corrections_of(section: Section) -> Corrections:
    return Corrections(section, make_plan(section, SETTINGS, Job()))


def test_crops_lie_over_corrections_and_their_pixels_are_marked(section: Section) -> None:
    correct(section, "other", 200, 200)
    correct(section, "olivine", 700, 300)
    plan, corrections = make_plan(section, SETTINGS, Job()), corrections_of(section)
    assert len(corrections) == 2
    assert corrections.crystals == 0
    inputs = (section, plan.train_windows, NORM, "olivine", Job())
    samples = Samples(*inputs, corrections, 1.0)
    met = {BY_HAND: 0, BY_HAND + 1: 0}
    for number in range(100):
        _, label = samples.crop(np.random.default_rng(number), 64, 0.5)
        for code in met:
            met[code] += bool((label == code).any())
    assert min(met.values()) > 30
    assert sum(met.values()) > 90, "nearly every crop holds corrected pixels"
    label = samples.read(0, 0, 0, ROWS)[1][:, :600]
    mask = section.raster("mask", "olivine").read(slice(0, ROWS), slice(0, 600))
    marked = label >= BY_HAND
    assert marked.sum() == 2 * (np.hypot(*np.mgrid[-20:21, -20:21]) <= 20).sum()
    np.testing.assert_array_equal(np.where(marked, label - BY_HAND, label), mask)


def test_sessions_for_validation_and_what_is_not_studied_stay_out(section: Section) -> None:
    correct(section, "other", 200, 800)  # validation
    assert len(corrections_of(section)) == 0
    correct(section, "other", 200, 1200)  # in no role: learned from, around the correction alone
    found = corrections_of(section)
    assert len(found) == len(found.windows) == 1
    assert (found.read((slice(0, ROWS), slice(600, 1000))) == 255).all()
    corners = np.array([[-5.0, -5.0], [-5.0, 1100.0], [ROWS, 1100.0], [ROWS, -5.0]])
    keep = [Polygon("a", (corners,), "keep")]
    section.annotate(REGIONS, table_of(keep, section.pixel_size_um))
    assert len(corrections_of(section)) == 0


def test_training_is_by_these_corrections(section: Section) -> None:
    assert corrections_fingerprint(section, SETTINGS) == {}
    settings = TrainSettings(epochs=1, steps=1, batch=2, crop_px=32)
    plain = train(section, settings)
    assert "source/correction_weight" not in plain.recipe.inputs
    correct(section, "other", 200, 200)
    assert section.state("models/light") == "stale", "it learned another mask"
    product = train(section, settings)
    assert product.recipe.inputs["source/correction_weight"] == "10"
    assert product.notes["corrected_tiles"] == 1
    assert product.notes["corrected_crystals"] == 0
    assert corrections_fingerprint(section, TrainSettings(corrections=False)) == {}
    heavier = corrections_fingerprint(section, TrainSettings(correction_weight=9))
    assert heavier["source/correction_weight"] == "9"
