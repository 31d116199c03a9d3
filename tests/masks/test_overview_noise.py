"""Means of few counts tell what the rule decides at full resolution."""

from __future__ import annotations

import numpy as np
import pytest

from napari_olivine.masks import parse_rule
from napari_olivine.masks.overview_noise import expected_significance

SIDE = 400


@pytest.mark.parametrize("counts", [2.0, 8.0, 40.0])
@pytest.mark.parametrize("text", ["Ca/Mg < 0.1", "Ca/Mg > 0.1", "Si/(Mg + Fe) < 0.85", "Mg > 5"])
def test_it_is_the_mean_of_the_significances(text: str, counts: float) -> None:
    (condition,) = parse_rule(text).conditions
    rng = np.random.default_rng(103)
    levels = {"Ca": 0.11, "Mg": 1.0, "Fe": 0.3, "Si": 0.8}
    maps = {
        signal: rng.poisson(counts * level, (SIDE, SIDE)).astype(np.float32)
        for signal, level in levels.items()
    }
    expected = float(condition.significance(maps).mean())
    means = {
        signal: values.reshape(SIDE // 4, 4, SIDE // 4, 4).mean(axis=(1, 3))
        for signal, values in maps.items()
    }
    found = float(expected_significance(condition, means, 16).mean())
    plain = float(condition.significance(means).mean())
    assert abs(found - expected) < max(0.5 * abs(plain - expected), 0.02)


def test_of_one_pixel_it_is_the_significance() -> None:
    (condition,) = parse_rule("Ca/Mg < 0.1").conditions
    maps = {"Ca": np.float32([[0, 1, 3]]), "Mg": np.float32([[0, 30, 20]])}
    assert expected_significance(condition, maps, 1) == pytest.approx(condition.significance(maps))
