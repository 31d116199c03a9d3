"""Thin films of other minerals between crystals of olivine are as wide as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from napari_olivine.masks import MaskSettings, make_mask, rule_for
from napari_olivine.masks.coverage import Coverage
from napari_olivine.masks.films import Mineral, minerals_of, unmix_films
from napari_olivine.masks.sampling import Wide
from napari_olivine.section import Section
from tests.helpers.sections import make_section

COUNTS = {
    "olivine": {"Mg": 104, "Fe": 9, "Ca": 1, "Al": 1, "Si": 70},
    "plagioclase": {"Mg": 1, "Fe": 1, "Ca": 22, "Al": 58, "Si": 87},
    "clinopyroxene": {"Mg": 34, "Fe": 5, "Ca": 40, "Al": 6, "Si": 98},
    "orthopyroxene": {"Mg": 67, "Fe": 8, "Ca": 3, "Al": 3, "Si": 103},
}
OLIVINE, PLAGIOCLASE, CLINOPYROXENE, ORTHOPYROXENE = range(4)
SIDE, BLUR_PX = 400, 0.9
BLOCK = slice(340, None)
"""Rows where each mineral fills a part of the width."""
FILMS = range(60, 320, 40)
"""First rows of the films."""


def rock(width_px: int, mineral: int) -> NDArray[np.uint8]:
    """Films of a mineral across olivine, and a large piece of every mineral."""
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    for row in FILMS:
        drawn[row : row + width_px] = mineral
    for code in range(1, 4):
        drawn[BLOCK, 130 * (code - 1) : 130 * code] = code
    return drawn


def section_of(folder: Path, drawn: NDArray[np.uint8]) -> Section:
    rng = np.random.default_rng(0)
    images = {"BSE": np.full(drawn.shape, 120, np.uint8)}
    for signal in COUNTS["olivine"]:
        levels = np.array([counts[signal] for counts in COUNTS.values()], np.float32)
        images[signal] = rng.poisson(gaussian_filter(levels[drawn], BLUR_PX)).astype(np.uint8)
    return make_section(folder, images)


def width_of_films(section: Section) -> float:
    """Mean width of what is no olivine in a film, px."""
    mask = section.raster("mask", "olivine").read(slice(0, 330), slice(20, SIDE - 20))
    return float((mask == 0).sum() / mask.shape[1] / len(FILMS))


@pytest.mark.parametrize("mineral", [PLAGIOCLASE, CLINOPYROXENE])
@pytest.mark.parametrize("width_px", [2, 3])
def test_a_film_has_its_width(tmp_path: Path, width_px: int, mineral: int) -> None:
    section = section_of(tmp_path / "s", rock(width_px, mineral))
    settings = MaskSettings(xray_blur_um=1.5 * BLUR_PX, alteration="keep")
    make_mask(section, settings.model_copy(update={"book": "none"}))
    assert width_of_films(section) > width_px + 1.3, "nothing outside is near"
    make_mask(section, settings)
    assert width_of_films(section) == pytest.approx(width_px, abs=0.7)


def test_a_film_that_may_be_altered_olivine_stays_as_it_was(tmp_path: Path) -> None:
    section = section_of(tmp_path / "s", rock(2, ORTHOPYROXENE))
    settings = MaskSettings(xray_blur_um=1.5 * BLUR_PX, alteration="keep")
    make_mask(section, settings.model_copy(update={"book": "none"}))
    before = width_of_films(section)
    make_mask(section, settings)
    assert width_of_films(section) == pytest.approx(before, rel=0.1)


def test_minerals_are_those_that_the_maps_show() -> None:
    drawn = rock(0, 0)
    values = {
        signal: np.array([counts[signal] for counts in COUNTS.values()], np.uint8)[drawn]
        for signal in COUNTS["olivine"]
    }
    whole = slice(0, SIDE)
    wide = Wide(values, whole, whole, (whole, whole))
    rules = {
        "plagioclase": rule_for("Al/Si > 0.45", {}), "oxide": rule_for("Si/Fe < 0.35", {}),
    }  # fmt: skip
    (found,) = minerals_of(rules, [wide], _everywhere(), 1.0)
    assert found == Mineral("plagioclase", {k: pytest.approx(v) for k, v in
                                            COUNTS["plagioclase"].items()})  # fmt: skip
    assert found.is_limy
    assert not Mineral("opx", COUNTS["orthopyroxene"]).is_limy


class _Everywhere:
    def measured(self, rows: slice, columns: slice) -> NDArray[np.bool_]:
        return np.ones((rows.stop - rows.start, columns.stop - columns.start), bool)


def _everywhere() -> Coverage:
    return _Everywhere()  # type: ignore[return-value]


def test_the_share_follows_from_the_mineral_on_whose_line_the_counts_lie() -> None:
    minerals = [Mineral(name, counts) for name, counts in COUNTS.items() if name != "olivine"]
    share = np.array([0.8, 0.5, 0.3, 0.5], np.float32)
    outside = ["plagioclase", "clinopyroxene", "plagioclase", "orthopyroxene"]
    inside = {s: np.full(4, v, np.float32) for s, v in COUNTS["olivine"].items()}
    counts = {
        s: share * inside[s] + (1 - share) * np.array([COUNTS[one][s] for one in outside])
        for s in inside
    }
    found = unmix_films(inside, counts, minerals, np.float32(1), 1.0)
    assert found.is_film.tolist() == [True, True, True, False]
    np.testing.assert_allclose(found.share[:3], share[:3], atol=1e-5)
    assert (found.misfit < 1e-2).all()
