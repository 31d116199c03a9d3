"""Pixels of the mask that a person corrected are met more often, and count more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from napari_olivine.job import Job
from napari_olivine.masks import MaskSettings, make_mask
from napari_olivine.masks.corrections import MaskCorrections, correct_mask, make_correction
from napari_olivine.networks import Normalisation
from napari_olivine.polygons import Polygon
from napari_olivine.regions import table_of
from napari_olivine.section import PIECE, REGIONS, Section
from napari_olivine.training import TrainSettings, train
from napari_olivine.training.losses import bce_dice_loss, phase_loss
from napari_olivine.training.plan import make_plan, plan_sections
from napari_olivine.training.review_labels import Corrections, corrections_fingerprint
from napari_olivine.training.samples import Samples
from napari_olivine.training.windows import (
    BY_HAND,
    FIRST_PHASE,
    PHASE_BY_HAND,
    given_by_hand,
)
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


# ------------------------------------------------------------------ phases other than olivine


@pytest.fixture
def rock(tmp_path: Path) -> Section:
    """Olivine, an oxide and what no rule takes, for training and for validation."""
    codes = np.zeros((256, 512), np.uint8)
    for column in (0, 256):
        codes[20:90, column + 20 : column + 90] = 1
        codes[120:200, column + 20 : column + 200] = 2
    grey = np.random.default_rng(0).integers(0, 9, codes.shape) + 20 * codes + 80
    counts = {"Mg": (5, 60, 5), "Fe": (5, 5, 90)}
    maps = {s: np.choose(codes, values).astype(np.uint8) for s, values in counts.items()}
    section = make_section(tmp_path / "s", {"BSE": grey.astype(np.uint8), **maps})
    sessions = pd.DataFrame({
        "session": ["1", "2"], "row0": 0, "row1": 256, "col0": [0, 256], "col1": [256, 512],
        "role": ["train", "val"],
    })  # fmt: skip
    section.annotate("sessions", sessions)
    rules = "name: a test\nphases:\n  - {name: oxide, colour: '#112233', counts: Fe > 40}\n"
    rules += "  - {name: sulphide, colour: '#445566', counts: Fe > 200}\n"
    (tmp_path / "book.yaml").write_text(rules)
    make_mask(section, MaskSettings(rule="Mg > 30", book=str(tmp_path / "book.yaml")))
    return section


def name_phase(section: Section, phase: str, row: int, column: int) -> None:
    stroke = {"line": [(row, column)], "radius_px": 10}
    one = make_correction(label="other", phase=phase, tool="brush", **stroke)
    MaskCorrections(section).add([one])
    correct_mask(section)


def test_a_phase_that_was_named_is_learned_and_counts_more(rock: Section) -> None:
    name_phase(rock, "Sulphide", 150, 100)  # the rule has oxide there, and no sulphide at all
    correct(rock, "olivine", 220, 220)
    phases = TrainSettings(crop_px=64, target="phases")
    (planned,) = plan_sections([rock], phases, Job())
    names = [phase.name for phase in planned.plan.phases]
    label = FIRST_PHASE + names.index("sulphide")
    corrections = Corrections(rock, planned.plan)
    assert set(corrections.places) == {1, label}
    inputs = (rock, planned.plan.train_windows, NORM, "olivine", Job())
    samples = Samples(*inputs, corrections, 1.0, phases=planned.phases)
    _, read = samples.read(0, 0, 0, 256)
    disc = np.hypot(*np.mgrid[-150:106, -100:156]) <= 10
    assert np.array_equal(read == label + PHASE_BY_HAND, disc)
    assert (read[150, 40:80] == FIRST_PHASE + names.index("oxide")).all()
    met = sum(
        bool((samples.crop(np.random.default_rng(n), 32, 0.5)[1] == label + PHASE_BY_HAND).any())
        for n in range(60)
    )
    assert 15 < met < 45, "half of the crops on corrections, as olivine has the other half"
    (olivine_alone,) = plan_sections([rock], TrainSettings(crop_px=64, target="olivine"), Job())
    assert set(Corrections(rock, olivine_alone.plan).places) == {0, 1}, "it is no olivine"
    tiny = TrainSettings(target="phases", epochs=1, steps=1, batch=2, crop_px=32, weights="none")
    product = train(rock, tiny)
    assert product.notes["corrected_tiles"] == 2


def test_the_loss_weighs_a_phase_by_hand() -> None:
    random = np.random.default_rng(0)
    logits = torch.tensor(random.normal(0, 1, (1, 4, 1, 6)), dtype=torch.float64)
    weights = torch.tensor([0.5, 1.5, 2.0, 0.7])
    by_mask = torch.tensor([[[4, 6, 7, 1, 255, 6]]], dtype=torch.uint8)
    by_hand = torch.tensor(given_by_hand(by_mask.numpy()))
    assert by_hand.tolist() == [[[124, 126, 127, 3, 255, 126]]]
    ones = torch.ones(4)
    plain = phase_loss(logits, by_mask, 1, ones, 0.0)
    torch.testing.assert_close(phase_loss(logits, by_hand, 1, weights, 0.0, 10.0), plain)
    mixed = by_mask.clone()
    mixed[..., 1] = by_hand[..., 1]
    entropy = -logits.float().log_softmax(1)[0, :, 0]
    parts = [entropy[0, 0], entropy[2, 1], entropy[3, 2], entropy[1, 3], entropy[2, 5]]
    counts = torch.tensor([1.0, 10, 1, 1, 1])
    expected = (torch.stack(parts) * counts).sum() / counts.sum()
    torch.testing.assert_close(phase_loss(logits, mixed, 1, ones, 0.0, 10.0), expected)
    assert bce_dice_loss(logits[:, :1], by_hand, 1.0) == bce_dice_loss(logits[:, :1], by_mask, 1.0)
