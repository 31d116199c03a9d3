"""Limits relative to a picked olivine, and what speaks against a spot that is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.masks import MaskSettings, Spot, make_mask, parse_rule, pick, rule_for
from napari_olivine.masks.reference import relative_to
from napari_olivine.section import Section
from tests.helpers.sections import make_section
from tests.masks.test_limits import maps_of

PIXEL = 1.5
"""Side of a pixel of these sections, um."""

OLIVINE, PYROXENE, GLASS = f"{70 * PIXEL},{80 * PIXEL}", f"{190 * PIXEL},{80 * PIXEL}", "9,9"
"""Middle of each disc, and a corner."""


def discs(folder: Path, counts: float = 400, detector: float = 1.0) -> tuple[Section, np.ndarray]:
    """A disc of olivine (0) beside one of orthopyroxene (1) in glass (2)."""
    rows, columns = np.mgrid[:160, :260]
    phase = np.full((160, 260), 2)
    phase[(rows - 80) ** 2 + (columns - 70) ** 2 < 50**2] = 0
    phase[(rows - 80) ** 2 + (columns - 190) ** 2 < 50**2] = 1
    return make_section(folder, maps_of(phase, counts, detector)), phase


def mask_of(section: Section, **values: Any) -> tuple[np.ndarray, list[str]]:
    said: list[dict[str, Any]] = []
    make_mask(section, MaskSettings(**values), Job(listen=said.append))
    found = section.raster("mask", "olivine").read(slice(None), slice(None)) == 1
    return found, [str(one["text"]) for one in said if one["event"] == "warning"]


@pytest.mark.parametrize(("counts", "detector"), [(25, 1.0), (4000, 0.72), (900, 1.4)])
def test_a_picked_olivine_makes_the_rule_one_of_any_detector_and_dwell_time(
    tmp_path: Path, counts: float, detector: float
) -> None:
    section, phase = discs(tmp_path / "s", counts, detector)
    found, warnings = mask_of(section, reference=(OLIVINE,))
    assert found[phase == 0].mean() > 0.95
    assert found[phase > 0].mean() < 0.01
    assert warnings == []
    (reference,) = section.require("mask").notes["reference"]
    assert reference["spot"] == OLIVINE.replace(".0", "")
    assert reference["pixels"] == 29


@pytest.mark.parametrize(
    ("spot", "counts", "detector", "words"),
    [
        (GLASS, 900, 1.0, "is no olivine: Ca/Mg is 1."),
        (PYROXENE, 900, 1.0, "is no olivine: Si/(Mg + Fe) is 1.1"),
        (PYROXENE, 900, 0.75, "may be no olivine: its Si/(Mg + Fe) is 0.8"),
        (PYROXENE, 900, 0.65, "looks like orthopyroxene: its Si/(Mg + Fe) is 0.7"),
        (f"{120 * PIXEL},{80 * PIXEL},20", 900, 1.0, "lies on two materials"),
    ],
)
def test_a_spot_that_is_no_olivine_is_doubted(
    tmp_path: Path, spot: str, counts: float, detector: float, words: str
) -> None:
    section, _ = discs(tmp_path / "s", counts, detector)
    _, warnings = mask_of(section, reference=(spot,))
    assert any(words in one for one in warnings), warnings


def test_several_spots_are_all_in(tmp_path: Path) -> None:
    section, _ = discs(tmp_path / "s")
    picked = [pick(section, Spot.parse(spot), ["Mg", "Si"]) for spot in (OLIVINE, PYROXENE)]
    rule = relative_to(picked, parse_rule("Mg > 0.5 ref and Si/Mg within 20 % of ref"))
    mg, silicon = rule.conditions[0].limit, [one.limit for one in rule.conditions[1:]]
    assert mg == pytest.approx(0.5 * 400 * 0.6, rel=0.03), "of the one with less Mg"
    assert silicon == pytest.approx([0.8 * 0.65, 1.2 * 0.98 / 0.6], rel=0.05)
    assert rule.text == f"Mg > {mg:g} and Si/Mg > {silicon[0]:g} and Si/Mg < {silicon[1]:g}"


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("Mg > 0.5 ref", [0.5]),
        ("Mg > 0.5*ref", [0.5]),
        ("Mg > 50 % of ref", [0.5]),
        ("Ca/(Mg + Fe) < ref", [1.0]),
        ("Si/Mg within 15 % of ref", [0.85, 1.15]),
    ],
)
def test_multiples_of_the_picked_mineral_are_read(text: str, limits: list[float]) -> None:
    rule = parse_rule(text)
    assert rule.relative
    assert [one.limit for one in rule.conditions] == pytest.approx(limits)


@pytest.mark.parametrize(
    "text", ["Mg within 15 of ref", "Mg within 120 % of ref", "Mg > 5 %", "Mg > ref 2"]
)
def test_other_words_are_not(text: str) -> None:
    with pytest.raises(InputError) as raised:
        parse_rule(text)
    assert raised.value.facts.setting == "rule"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"rule": "Mg > 0.5 ref"}, "none is picked"),
        ({"reference": ("12",)}, "'12' is no spot: write X,Y or X,Y,RADIUS"),
        ({"reference": ("12,0,-3",)}, "is no spot"),
        ({"reference": ("1e4,20",)}, "lies outside the section, which is 390 x 240 um"),
        ({"reference": ("100,100,9e5",)}, "at most 1500 um"),
        ({"reference": ("3,3",)}, "Nothing was measured"),
        ({"reference": (OLIVINE,), "rule": "Ca < 2 ref"}, "cannot be made relative"),
    ],
)
def test_what_cannot_be_relative_is_told(tmp_path: Path, values: Any, words: str) -> None:
    section, _ = discs(tmp_path / "s")
    if "3,3" in values.get("reference", ()):
        names = section.record.signals
        images = {
            name: section.raster("images", name).read(slice(0, 160), slice(0, 260))
            for name in names
        }
        for image in images.values():
            image[:20, :20] = 0
        section = make_section(tmp_path / "t", images)
    with pytest.raises(InputError, match=words) as raised:
        make_mask(section, MaskSettings(**values))
    assert raised.value.facts.setting == "reference"


def test_maps_in_weight_per_cent_keep_their_stoichiometry_and_a_spot_checks_it() -> None:
    units = dict.fromkeys(("Mg", "Fe", "Si", "Ca", "Al"), "wt%")
    assert rule_for("olivine", units, picked=True) == rule_for("olivine", units)
    assert rule_for("olivine", {}, picked=True).relative
    assert not rule_for("olivine", {}).relative


def test_a_mask_without_a_spot_keeps_its_record(tmp_path: Path) -> None:
    assert "reference" not in MaskSettings().model_dump(mode="json")
    section, _ = discs(tmp_path / "s")
    make_mask(section)
    assert "reference" not in section.require("mask").notes
