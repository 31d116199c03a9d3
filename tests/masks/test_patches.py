"""Patches of a block, and work that two threads share."""

from __future__ import annotations

import numpy as np
import pytest

from napari_olivine.masks import parse_rule, phase_of
from napari_olivine.masks.patches import COLUMNS, ROWS, each, patches

SHAPE = (2 * ROWS + 5, COLUMNS + 3)


def test_patches_cover_a_block_once_and_halos_end_with_it() -> None:
    seen = np.zeros(SHAPE, int)
    for patch in patches(SHAPE, 7):
        seen[patch.place] += 1
        whole = np.arange(seen.size).reshape(SHAPE)
        assert np.array_equal(whole[patch.wide][patch.inner], whole[patch.place])
        assert whole[patch.wide].size <= (ROWS + 14) * (COLUMNS + 14)
    assert (seen == 1).all()


def test_every_item_is_worked_on_once() -> None:
    seen: list[int] = []
    each(seen.append, range(50))
    assert sorted(seen) == [*range(50)]


def test_what_goes_wrong_stops_the_work() -> None:
    seen: list[int] = []

    def work(item: int) -> None:
        seen.append(item)
        if item == 3:
            raise ZeroDivisionError

    def check() -> None:
        if len(seen) > 5:
            raise KeyboardInterrupt

    with pytest.raises(ZeroDivisionError):
        each(work, range(1000))
    assert len(seen) < 1000
    with pytest.raises(KeyboardInterrupt):
        each(seen.append, range(1000), check)


@pytest.mark.parametrize("smoothing_px", [0.0, 1.3])
def test_a_rule_sees_no_seams_between_patches(smoothing_px: float) -> None:
    rng = np.random.default_rng(0)
    maps = {signal: rng.poisson(20, SHAPE).astype(np.uint16) for signal in ("Si", "Mg", "Fe")}
    rule = parse_rule("Si/(Mg + Fe) < 0.5 and not Mg < 18")
    found = phase_of(rule, maps, smoothing_px)
    for rows, columns in ((ROWS - 20, 0), (0, COLUMNS - 40)):
        part = slice(rows, rows + 60), slice(columns, columns + 80)
        alone = phase_of(rule, {s: one[part] for s, one in maps.items()}, smoothing_px)
        inner = slice(6, -6), slice(6, -6)
        assert np.array_equal(found[part][inner], alone[inner])
    assert 0.01 < found.mean() < 0.99
