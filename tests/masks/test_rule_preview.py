"""What a view shows of a rule: the same as the mask by the rule, at any resolution."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_olivine.errors import Cancelled, InputError
from napari_olivine.job import Job
from napari_olivine.masks import MaskSettings, RuleViewer, make_mask
from napari_olivine.masks.coverage import Coverage
from napari_olivine.masks.rule_preview import blurred
from napari_olivine.masks.viewed_maps import level_for, smoothing_at
from napari_olivine.section import Section, SubmapPlace, Submaps, Tiles
from napari_olivine.section.submaps import MATRIX
from tests.helpers.widget_sections import copy_of, imported_section

OWN = "Mg > 0.2 p99 and (Ca/Mg < 0.2 or not Al/Mg > 0.1)"


@pytest.fixture(scope="module")
def section() -> Section:
    return Section(imported_section())


@pytest.fixture(scope="module")
def viewer(section: Section) -> RuleViewer:
    return RuleViewer(section)


@pytest.mark.parametrize(
    "settings",
    [
        MaskSettings(outlines="rule", book="none"),
        MaskSettings(rule="olivine-paper", book="none"),
        MaskSettings(rule=OWN, outlines="rule", book="none", smoothing_px=1.5),
        MaskSettings(limits="valleys", outlines="rule", book="none", reference=("450,510",)),
    ],
    ids=["olivine", "olivine-paper", "own", "picked and valleys"],
)
def test_at_full_resolution_the_view_is_the_mask_by_the_rule(
    settings: MaskSettings, tmp_path: Path, viewer: RuleViewer
) -> None:
    copied = Section(copy_of(imported_section(), tmp_path))
    product = make_mask(copied, settings)
    mask = copied.raster("mask", "olivine")
    for window in (
        (slice(0, 300), slice(0, 400)),
        (slice(301, 700), slice(500, 777)),
        (slice(mask.shape[0] - 90, mask.shape[0]), slice(mask.shape[1] - 70, mask.shape[1])),
    ):
        found = viewer.view(settings, window)
        assert found.rule.text == product.notes["rule"]
        expected = mask.read(*window) == 1
        assert np.array_equal(found.taken, expected)
    assert found.maps.level == 0


def test_an_overview_tells_the_same_share(section: Section, viewer: RuleViewer) -> None:
    """Means of counts weigh as counts do: no clause wins or loses by the level."""
    settings = MaskSettings()
    every = tuple(slice(0, length) for length in section.shape)
    coarse = viewer.view(settings, (every[0], every[1]))
    assert coarse.maps.level == 1
    fine = [
        viewer.view(settings, (slice(top, top + 507), every[1]))
        for top in range(0, section.shape[0], 507)
    ]
    assert {one.maps.level for one in fine} == {0}
    whole = np.concatenate([one.taken for one in fine])
    assert coarse.taken.mean() == pytest.approx(whole.mean(), rel=0.02)
    assert [one.text for one in coarse.shares] == [
        *(condition.text for condition in coarse.rule.conditions),
        "",
    ]
    together = coarse.shares[-1].percent
    assert all(one.percent >= together for one in coarse.shares), "an 'and' takes no more than each"


@pytest.mark.parametrize(("level", "smoothing"), [(0, 1.0), (1, 1.0), (1, 2.0), (2, 2.0), (2, 5.0)])
def test_what_the_mean_smooths_is_not_smoothed_again(level: int, smoothing: float) -> None:
    """Mean and smoothing together spread a pixel as far as the smoothing alone does."""
    side, length = 2**level, 41
    coarse = np.zeros((length, length), np.float32)
    coarse[20, 20] = 1
    spread = blurred(coarse, smoothing_at(level, smoothing)).sum(axis=0)
    of_smoothing = (spread * (np.arange(length) - 20) ** 2).sum() * side**2
    of_mean = (side**2 - 1) / 12
    assert np.sqrt(of_smoothing + of_mean) == pytest.approx(smoothing, rel=0.16)


def test_nothing_is_left_to_smooth_in_an_overview() -> None:
    assert smoothing_at(0, 1.0) == 1.0
    assert smoothing_at(2, 1.0) == 0.0


def test_what_was_measured_is_known_at_every_level() -> None:
    """A pixel of an overview counts as its centre does, in tiles and in a field that is turned."""
    tiles = Tiles.of_grid((2, 3), (101, 97))
    tiles = Tiles(tiles.table.drop(index=4).reset_index(drop=True))
    place = SubmapPlace.of(1.7, 12.0, np.array([100.0, 120.0]), (90, 110))
    row = {"field": "site", "signals": "Mg", "rows": 90, "columns": 110}
    row |= dict(zip(MATRIX, place.matrix.ravel(), strict=True))
    coverage = Coverage(tiles, 1, Submaps(pd.DataFrame([row])), ["Mg"], 4.0)
    fine = coverage.measured(slice(0, 240), slice(0, 320))
    for level in (1, 2, 3):
        side = 2**level
        share = fine.reshape(240 // side, side, 320 // side, side).mean(axis=(1, 3))
        coarse = coverage.at_level(level).measured(slice(0, 240 // side), slice(0, 320 // side))
        assert coarse[share == 1].all() and not coarse[share == 0].any()
        assert coarse.mean() == pytest.approx(fine.mean(), abs=0.01)


def test_a_view_is_never_larger_than_a_screen() -> None:
    assert level_for(slice(0, 800), slice(0, 1000), 6) == 0
    assert level_for(slice(0, 801), slice(0, 1000), 6) == 1
    assert level_for(slice(0, 24_000), slice(0, 40_000), 8) == 6
    assert level_for(slice(0, 24_000), slice(0, 40_000), 3) == 2


@pytest.mark.parametrize("rule", ["olivine", "olivine-paper", OWN])
@pytest.mark.parametrize("level", [0, 1])
def test_a_reading_agrees_with_the_view(
    rule: str, level: int, section: Section, viewer: RuleViewer
) -> None:
    rows, columns = (slice(0, length) for length in section.shape)
    window = (slice(0, 200), slice(0, 300)) if level == 0 else (rows, columns)
    found = viewer.view(MaskSettings(rule=rule), window)
    assert found.maps.level == level
    rng = np.random.default_rng(201)
    height, width = found.taken.shape
    places = [(0, 0), (height - 1, width - 1)]
    places += [(int(rng.integers(height)), int(rng.integers(width))) for _ in range(200)]
    for row, column in places:
        reading = found.reading(row * 2**level, column * 2**level)
        if not found.maps.measured[row, column]:
            assert reading is None
            continue
        assert reading is not None
        assert reading.taken == found.taken[row, column]
        for verdict, condition in zip(reading.verdicts, found.rule.conditions, strict=True):
            if verdict.value == pytest.approx(condition.limit, rel=1e-3):
                continue
            below = verdict.value < condition.limit
            assert verdict.met == (below if condition.below else verdict.value > condition.limit)
        assert reading.levels["Mg"] == pytest.approx(found.smooth("Mg")[row, column], rel=1e-4)
    assert found.reading(-5, 3) is None


def test_it_can_be_stopped_and_says_what_is_missing(section: Section) -> None:
    viewer = RuleViewer(section)
    window = (slice(0, 50), slice(0, 50))
    job = Job()
    job.cancel.set()
    with pytest.raises(Cancelled):
        viewer.view(MaskSettings(rule="Mg > 3"), window, job=job)
    with pytest.raises(InputError, match="none is picked"):
        viewer.view(MaskSettings(rule="Mg > 0.5 ref"), window)
    spot = MaskSettings(rule="Mg > 0.5 ref", reference=("100,100",))
    (condition,) = viewer.view(spot, window).rule.conditions
    assert condition.level == "" and condition.limit > 0
