"""Limits of a rule against what the maps hold: valleys, populations that are cut, empty masks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from napari_olivine.job import Job
from napari_olivine.masks import OLIVINE_PAPER, MaskSettings, make_mask, parse_rule, rule_for
from napari_olivine.masks.limits import (
    beside_olivine,
    cut_populations,
    limits_in_valleys,
    of_percentiles,
)
from napari_olivine.section import Section
from tests.helpers.sections import make_section

# Counts relative to the Mg of olivine, as an EDS detector has them (15 kV).
OLIVINE = {"Mg": 1.0, "Fe": 0.2, "Si": 0.65, "Ca": 0.0, "Al": 0.0}
PYROXENE = {"Mg": 0.6, "Fe": 0.25, "Si": 0.98, "Ca": 0.02, "Al": 0.02}
GLASS = {"Mg": 0.13, "Fe": 0.2, "Si": 0.9, "Ca": 0.2, "Al": 0.27}
MINERALS = (OLIVINE, PYROXENE, GLASS)
FIXED = f"{OLIVINE_PAPER} and Si/(Mg + Fe) < 0.85"
"""A rule whose limits are all numbers."""


def maps_of(
    phase: np.ndarray, counts: float, detector: float = 1.0, seed: int = 0
) -> dict[str, np.ndarray]:
    """Counts of phases 0, 1 and 2; the detector sees silicon so many times better."""
    random = np.random.default_rng(seed)
    return {
        signal: random.poisson(
            np.array([counts * one[signal] for one in MINERALS])[phase]
            * (detector if signal == "Si" else 1.0)
        ).astype(np.uint16)
        for signal in OLIVINE
    }


def flat(maps: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {signal: values.astype(np.float32).ravel() for signal, values in maps.items()}


@settings(max_examples=40, deadline=None)
@given(
    counts=st.floats(200, 20_000),
    detector=st.floats(0.75, 1.35),
    share=st.floats(0.1, 0.9),
    seed=st.integers(0, 99),
)
def test_valleys_part_olivine_from_pyroxene_on_any_detector_and_dwell_time(
    counts, detector, share, seed
) -> None:
    random = np.random.default_rng(seed)
    phase = random.choice(3, (100, 200), p=[share / 2, (1 - share) / 2, 0.5])
    sample = flat(maps_of(phase, counts, detector, seed))
    rule, _ = limits_in_valleys(parse_rule(FIXED), sample)
    found = rule.applies(sample)
    olivine = phase.ravel() == 0
    assert found[olivine].mean() > 0.95
    assert found[~olivine].mean() < 0.02


def test_without_valleys_the_limit_of_a_ratio_stays_and_is_told() -> None:
    sample = flat(maps_of(np.zeros((100, 100), int), 1000))
    rule, said = limits_in_valleys(parse_rule(FIXED), sample)
    assert "Si/(Mg + Fe) < 0.85" in rule.text
    assert "Si/(Mg + Fe) < 0.85 stays: there is no valley near this limit" in said
    assert rule.conditions[2].limit == pytest.approx(500, rel=0.1), "half of a pixel of olivine"


@pytest.mark.parametrize(
    ("phases", "detector", "cut"),
    [
        ((0, 2), 1.0, False),
        ((0, 1, 2), 1.0, False),
        ((1, 2), 1.0, False),
        ((1, 2), 0.74, True),  # pyroxene at 0.85, no olivine: the limit cuts it in two
    ],
)
def test_a_limit_within_a_population_is_found(phases, detector, cut) -> None:
    phase = np.random.default_rng(0).choice(phases, (100, 200))
    sample = flat(maps_of(phase, 2000, detector))
    said = cut_populations(rule_for("olivine", {}), sample)
    assert bool(said) == cut
    assert not cut or said[0].startswith("Si/(Mg + Fe) < 0.85 does not separate here")


def discs(folder: Path, detector: float = 1.0, counts: float = 400) -> tuple[Section, np.ndarray]:
    rows, columns = np.mgrid[:160, :260]
    phase = np.full((160, 260), 2)
    phase[(rows - 80) ** 2 + (columns - 70) ** 2 < 50**2] = 0
    phase[(rows - 80) ** 2 + (columns - 190) ** 2 < 50**2] = 1
    return make_section(folder, maps_of(phase, counts, detector)), phase


def warnings_of(section: Section, **values: Any) -> list[str]:
    said: list[dict[str, Any]] = []
    make_mask(section, MaskSettings(**values), Job(listen=said.append))
    return [str(one["message"]) for one in said if one["event"] == "warning"]


def test_limits_from_the_valleys_make_the_mask_and_stand_in_it(tmp_path: Path) -> None:
    section, phase = discs(tmp_path / "s", detector=0.72, counts=4000)
    make_mask(section, MaskSettings(rule=FIXED))
    by_rule = section.raster("mask", "olivine").read(slice(None), slice(None)) == 1
    assert by_rule[phase == 1].mean() > 0.5, "the rule takes pyroxene with this detector"
    product = make_mask(section, MaskSettings(rule=FIXED, limits="valleys"))
    found = section.raster("mask", "olivine").read(slice(None), slice(None)) == 1
    assert found[phase == 1].mean() < 0.01
    assert found[phase == 0].mean() > 0.95
    assert "Si/(Mg + Fe) < 0.6" in product.notes["rule"]


@pytest.mark.parametrize("detector", [0.8, 1.0, 1.2])
def test_the_limit_stands_beside_the_olivine_of_the_maps(tmp_path: Path, detector: float) -> None:
    """Detectors move olivine and pyroxene together; 0.85 alone cuts pyroxene at 0.8."""
    section, phase = discs(tmp_path / "s", detector=detector)
    product = make_mask(section)
    found = section.raster("mask", "olivine").read(slice(None), slice(None)) == 1
    assert found[phase == 1].mean() < 0.005
    assert found[phase == 0].mean() > 0.99
    limit = float(product.notes["rule"].rpartition("< ")[2])
    assert limit == pytest.approx(min(0.85, 1.3 * detector * 0.65 / 1.2), rel=0.05)


def test_without_olivine_the_limit_is_not_moved_up() -> None:
    sample = flat(maps_of(np.random.default_rng(0).choice((1, 2), (100, 200)), 2000))
    rule = rule_for("olivine", {})
    assert beside_olivine(rule, sample) == rule


def test_limits_of_the_percentiles_of_the_section() -> None:
    sample = {"Si": np.arange(1000, dtype=np.float32), "Mg": np.full(1000, 3, np.float32)}
    rule = of_percentiles(parse_rule("Si < 0.2 p99 and not Si/Mg > 50 % of p99"), sample)
    assert rule.text == "Si < 198 and not (Si/Mg > 165)"
    assert rule.applies(sample).sum() == 198


def test_a_rule_that_cuts_pyroxene_in_two_warns(tmp_path: Path) -> None:
    phase = np.where(np.arange(200) < 100, 1, 2) * np.ones((120, 1), int)
    section = make_section(tmp_path / "s", maps_of(phase, 400, detector=0.74))
    (said,) = warnings_of(section)
    assert "does not separate here" in said
    assert "the setting 'limits'" in said


def test_an_empty_mask_says_how_many_pixels_each_condition_leaves(tmp_path: Path) -> None:
    section, phase = discs(tmp_path / "s")
    product = make_mask(section, MaskSettings(rule="Ca/Mg < 0.1 and Mg > 9000"))
    assert product.notes["phase_percent"] == 0
    left = product.notes["conditions"]
    assert left["Ca/Mg < 0.1"] == pytest.approx((phase < 2).sum(), rel=0.05)
    assert left["Mg > 9000"] == 0
    (said,) = warnings_of(section, rule="Ca/Mg < 0.1 and Mg > 8000")
    assert said.startswith("The mask is empty: of 41,600 measured pixels Ca/Mg < 0.1 leaves 1")
    assert "Mg > 8000 leaves 0; all together 0" in said


def test_a_mask_of_the_whole_section_says_so(tmp_path: Path) -> None:
    section, _ = discs(tmp_path / "s")
    (said,) = warnings_of(section, rule="Si > 1")
    assert said.startswith("The mask takes the whole section: of 41,600 measured pixels Si > 1")
    assert warnings_of(section) == []
