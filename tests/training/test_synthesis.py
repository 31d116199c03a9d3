"""BSE drawn from the minerals of the mask."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_olivine.errors import Cancelled, InputError
from napari_olivine.job import Job
from napari_olivine.networks import Normalisation
from napari_olivine.section import Section
from napari_olivine.training import SynthesiseSettings, synthesise
from napari_olivine.training.drawn_grey import GreyByLabel
from napari_olivine.training.synthesis import InputLabels
from napari_olivine.training.windows import FIRST_PHASE, IGNORE
from tests.helpers.grains import make_grains, put_mask


def few(steps: int) -> SynthesiseSettings:
    return SynthesiseSettings(steps=steps, max_minutes=None, crop_px=128, batch=2)


def drawn(section: Section) -> np.ndarray:
    return section.raster("synthetic", "BSE").read(slice(0, None), slice(0, None))


def stopped_within_a_step() -> Job:
    """Return a job that is stopped between two layers of a later step."""
    job, checks = Job(), count(1)
    check = job.check

    def count_and_check() -> None:
        if next(checks) == 170:
            job.cancel.set()
        check()

    job.check = count_and_check  # type: ignore[method-assign]
    return job


def test_labels_become_channels() -> None:
    labels = np.array([[FIRST_PHASE, 1, FIRST_PHASE + 2, 0, IGNORE]], np.uint8)
    phases = InputLabels(3, olivine=1).channels(labels)
    assert phases[:, 0].T.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]
    binary = InputLabels(2, olivine=1).channels(labels[:, [1, 3, 4]])
    assert binary[:, 0].T.tolist() == [[0, 1], [1, 0], [0, 0]]


def test_drawn_grey_is_compared_mineral_by_mineral() -> None:
    scale = Normalisation(median=100, spread=10, align="none", mean=[100], std=[10])
    label = np.array([[0, 0, 0, 1, 1, 1, IGNORE]], np.uint8)
    real = np.array([[80, 90, 100, 140, 150, 160, 0]], np.float32)
    made = np.array([[85, 90, 95, 145, 150, 155, 255]], np.float32)
    greys = GreyByLabel(scale)
    greys.add(made, real, label)
    told = greys.compared_with(greys)
    assert told["off"] == pytest.approx(20 / 6, abs=0.01)
    assert told["even"] == pytest.approx(40 / 6, abs=0.5)  # bins of a twentieth of the spread
    assert told["texture"] == 50
    assert GreyByLabel(scale).compared_with(greys) == {}


def test_a_section_is_drawn_and_a_stopped_run_ends_the_same(tmp_path: Path) -> None:
    section, truth = make_grains(tmp_path / "a")
    mask = truth.astype(np.uint8)
    mask[:40] = IGNORE
    put_mask(section, mask)
    before = synthesise(section, few(4))
    greys = drawn(section)
    assert greys.dtype == section.raster("images", "BSE").dtype
    assert not greys[:40].any()
    assert greys[mask != IGNORE].all(), "0 is what has no label"
    assert set(before.notes) >= {"1", "2", "3", "steps"}
    assert before.notes["1"]["even"] > 0
    assert synthesise(section, few(4)) == before, "it is not made again"

    other, _ = make_grains(tmp_path / "b")
    put_mask(other, mask)
    with pytest.raises(Cancelled):
        synthesise(other, few(4), stopped_within_a_step())
    assert other.product("synthetic") is None
    events: list[dict[str, Any]] = []
    synthesise(other, few(4), Job(listen=events.append))
    assert any("Going on after step" in str(event.get("message")) for event in events)
    assert np.array_equal(drawn(other), greys)


def test_it_learns_to_draw(tmp_path: Path) -> None:
    section, truth = make_grains(tmp_path / "s")
    put_mask(section, truth.astype(np.uint8))
    settings = few(16).model_copy(update={"learning_rate": 4e-3})
    synthesise(section, settings)
    greys, train = drawn(section).astype(float), section.sessions()[0].window
    real = section.raster("images", "BSE").read(*train).astype(float)
    minerals = [
        part[truth[train]].mean() - part[~truth[train]].mean() for part in (greys[train], real)
    ]
    assert minerals[0] > 0.25 * minerals[1], "olivine is drawn brighter than the rest"


def test_a_rate_that_is_too_high_is_told(tmp_path: Path) -> None:
    section, truth = make_grains(tmp_path / "s")
    put_mask(section, truth.astype(np.uint8))
    settings = few(30).model_copy(update={"learning_rate": 1e12})
    with pytest.raises(InputError, match="diverged"):
        synthesise(section, settings)
