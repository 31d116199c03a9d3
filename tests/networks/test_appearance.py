"""What a network saw in training, by grey and texture of cells."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from napari_olivine.networks import CELL_PX, LEAST_CELLS, MEASURES, Appearance
from napari_olivine.networks.cell_measures import measure_cell
from napari_olivine.networks.cells import grid_of_cells
from tests.networks.test_networks import a_card


def rock(seed: int, side: int = CELL_PX) -> NDArray[np.float32]:
    """Grains a few pixels wide, some of them bright, and noise; in spreads of grey."""
    random = np.random.default_rng(seed)
    grains = cv2.GaussianBlur(random.normal(0, 6, (side, side)).astype(np.float32), (0, 0), 3)
    bright = np.where(grains > 0.5, np.float32(2), np.float32(0))
    return grains + bright + random.normal(0, 0.3, (side, side)).astype(np.float32)


NOISE = np.random.default_rng(1).normal(0, 0.6, (CELL_PX, CELL_PX)).astype(np.float32)


def cells(count: int, first: int = 0) -> NDArray[np.float64]:
    return np.array([measure_cell(rock(first + k)) for k in range(count)])


@pytest.fixture(scope="module")
def learned() -> Appearance:
    found = Appearance.learn(cells(60), cells(60, 100))
    assert found is not None
    return found


def of(name: str) -> int:
    return MEASURES.index(name)


LOGARITHMS = [k for k, name in enumerate(MEASURES) if name.startswith(("sd", "floor"))]
SKEWS = [k for k, name in enumerate(MEASURES) if name.startswith("skew")]


class TestACell:
    def test_brighter_changes_greys_alone(self) -> None:
        plain, brighter = measure_cell(rock(1)), measure_cell(rock(1) + np.float32(2))
        assert brighter[:3] - plain[:3] == pytest.approx(2, abs=1e-4)
        assert brighter[3:] == pytest.approx(plain[3:], abs=1e-3)

    def test_contrast_multiplies_the_sizes_of_details(self) -> None:
        plain, more = measure_cell(rock(1)), measure_cell(rock(1) * np.float32(2))
        assert (more - plain)[LOGARITHMS] == pytest.approx(np.log(2), abs=0.1)
        assert more[SKEWS] == pytest.approx(plain[SKEWS], abs=0.1)

    def test_inversion_turns_ends_and_skewness_round(self) -> None:
        plain, inverted = measure_cell(rock(1)), measure_cell(-rock(1))
        assert inverted[of("dark end")] == pytest.approx(-plain[of("bright end")], abs=1e-5)
        assert inverted[SKEWS] == pytest.approx(-plain[SKEWS], abs=1e-4)
        assert inverted[LOGARITHMS] == pytest.approx(plain[LOGARITHMS], abs=1e-4)

    def test_one_grey_has_measures_too(self) -> None:
        assert np.isfinite(measure_cell(np.zeros((CELL_PX, CELL_PX), np.float32))).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3000), st.integers(0, 500), st.sampled_from([64, 128, 256, 640]))
def test_cells_stay_in_the_window_and_stand_for_all_of_it(size: int, start: int, step: int) -> None:
    rows, columns = grid_of_cells(slice(start, start + size), slice(0, CELL_PX), step)
    assert columns.tolist() == [0]
    assert rows[0] >= start
    assert rows[-1] + CELL_PX <= start + max(size, CELL_PX)
    if step >= CELL_PX:
        assert len(rows) == -(-size // step)  # a pixel of the map for each square
    else:
        assert (np.diff(rows) == step).all()
        assert start + size - (rows[-1] + CELL_PX) < step


class TestWhatWasLearned:
    def test_validation_sets_the_limit(self, learned: Appearance) -> None:
        beyond = learned.distances(cells(60, 100)) > 1
        assert beyond.mean() == pytest.approx(0.1, abs=0.02)
        assert (learned.distances(cells(60, 200)) > 1).mean() < 0.3, "others of the kind"

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda grey: grey * np.float32(1.8), "more contrast"),
            (lambda grey: grey * np.float32(0.5), "less contrast"),
            (lambda grey: cv2.GaussianBlur(grey, (0, 0), 1.5), "less noise, or blurred"),
            (lambda grey: grey + NOISE, "more noise, or finer details"),
            (lambda grey: grey - np.float32(2), "darker"),
            (lambda grey: -grey, "its details are darker"),
        ],
    )
    def test_other_looks_are_far_and_named(
        self, learned: Appearance, change: object, words: str
    ) -> None:
        found = np.array([measure_cell(change(rock(300 + k))) for k in range(8)])  # type: ignore[operator]
        assert (learned.distances(found) > 1).mean() >= 0.75
        assert words in learned.differences(found)

    def test_the_same_kind_has_no_words(self, learned: Appearance) -> None:
        assert learned.differences(cells(60, 400)) == []

    def test_what_was_not_measured_stays_so(self, learned: Appearance) -> None:
        found = np.full((2, 3, len(MEASURES)), np.nan)
        found[1, 2] = cells(1)[0]
        assert np.isfinite(learned.distances(found)).tolist() == [[False] * 3, [False, False, True]]

    def test_few_cells_tell_nothing(self) -> None:
        few = cells(LEAST_CELLS)
        assert Appearance.learn(few[1:], few) is None
        alone = Appearance.learn(few, few[:0])
        assert alone is not None
        assert (alone.distances(few) > 1).mean() == pytest.approx(0.1, abs=0.05)

    def test_cells_all_alike_are_no_error(self) -> None:
        same = np.tile(cells(1), (LEAST_CELLS, 1))
        found = Appearance.learn(same, same)
        assert found is not None
        assert (found.distances(same) < 0.01).all()
        assert (found.distances(cells(3, 50)) > 1).all()


class TestTheCard:
    def test_keeps_it(self, learned: Appearance) -> None:
        card = a_card(appearance=learned)
        again = type(card).model_validate_json(card.model_dump_json()).appearance
        assert again == learned
        assert learned.usable

    def test_other_measures_cannot_be_used(self, learned: Appearance) -> None:
        assert not learned.model_copy(update={"measures": MEASURES[1:]}).usable

    def test_one_that_was_changed_by_hand_is_refused(self, learned: Appearance) -> None:
        values = learned.model_dump() | {"mean": learned.mean[1:]}
        with pytest.raises(ValidationError, match="not those of 15 measures"):
            Appearance(**values)
