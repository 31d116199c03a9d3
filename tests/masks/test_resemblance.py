"""What no rule takes goes to the mineral that it resembles, or to none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.masks import MaskSettings, make_mask
from napari_olivine.masks.corrections import MaskCorrections, make_correction
from tests.helpers.sections import make_section

WHOLE = slice(None), slice(None)
LEVELS = {
    "olivine": {"Mg": 60, "Si": 50, "Al": 1, "K": 1},
    "plagioclase": {"Mg": 1, "Si": 80, "Al": 60, "K": 1},
    "leucite": {"Mg": 1, "Si": 80, "Al": 60, "K": 45},
    "titanite": {"Mg": 30, "Si": 5, "Al": 30, "K": 60},
}
STRICT = """
name: strict
phases:
- {name: plagioclase, counts: Al/Si > 0.79 and Mg < 10 and K < 20}
- {name: leucite, counts: K/Si > 0.59 and Al > 30 and Mg < 10}
"""
"""Limits in the middle of what the minerals are, so that half of their pixels are left."""


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    return np.repeat([0, 1, 2, 0, 2, 1, 3], 50) * np.ones((210, 1), int)


def section_of(folder: Path, truth: np.ndarray) -> tuple[object, Path]:
    rng = np.random.default_rng(4)
    images = {"BSE": np.full(truth.shape, 90, np.uint8)}
    for signal in ("Mg", "Si", "Al", "K"):
        level = np.array([one[signal] for one in LEVELS.values()])
        images[signal] = rng.poisson(level[truth]).astype(np.uint16)
    book = folder / "strict.yaml"
    book.write_text(STRICT)
    return make_section(folder / "s", images), book


@pytest.mark.parametrize("method", ["mixture", "forest"])
def test_minerals_get_the_pixels_that_strict_rules_leave(
    tmp_path: Path, truth: np.ndarray, method: str
) -> None:
    section, book = section_of(tmp_path, truth)
    rule = {"rule": "Mg > 30 and Si > 40", "book": str(book)}
    strict = pd.DataFrame(make_mask(section, MaskSettings(**rule)).notes["modes"])
    product = make_mask(section, MaskSettings(**rule, unclassified=method))
    modes = pd.DataFrame(product.notes["modes"]).set_index("name")
    labels = section.raster("mask", "phases").read(*WHOLE)
    before = strict.set_index("name")["percent"]
    for number, name in enumerate(("olivine", "plagioclase", "leucite")):
        inside = np.zeros_like(truth, bool)
        inside[:, 3:-3] = (truth == number)[:, 3:-3]
        inside[:, :-3] &= truth[:, 3:] == number
        inside[:, 3:] &= truth[:, :-3] == number
        assert (labels[inside] == modes.loc[name, "code"]).mean() > 0.97, name
        if number:
            assert before[name] < 0.95 * modes.loc[name, "percent"], "it had something to do"
    assert set(product.notes["unclassified"]["examples"]) == {"olivine", "plagioclase", "leucite"}
    if method == "mixture":
        foreign = (truth == 3) & (np.arange(truth.shape[1]) > 305)
        assert (labels[foreign] == 0).mean() > 0.95, "a mineral that no rule knows stays so"


def test_painted_olivine_shows_what_olivine_looks_like(tmp_path: Path, truth: np.ndarray) -> None:
    section, book = section_of(tmp_path, truth)
    line = [(30.0, 20.0), (190.0, 20.0)]
    stroke = make_correction(label="olivine", tool="brush", line=line, radius_px=8)
    MaskCorrections(section).add([stroke])
    settings = {"rule": "Mg > 500", "book": str(book)}
    make_mask(section, MaskSettings(**settings, unclassified="mixture"))
    olivine = section.raster("mask", "olivine").read(*WHOLE) == 1
    elsewhere = np.abs(np.arange(truth.shape[1]) - 175) < 20
    assert (truth[:, elsewhere] == 0).all()
    assert olivine[:, elsewhere].mean() > 0.97, "crystals that were not painted"
    assert olivine[(truth == 2) | (truth == 1)].mean() < 0.01


def test_too_little_is_told(tmp_path: Path, truth: np.ndarray) -> None:
    section, book = section_of(tmp_path, truth)
    with pytest.raises(InputError, match="rule book"):
        make_mask(section, MaskSettings(rule="Mg > 30", book="none", unclassified="forest"))
    book.write_text("name: none\nphases:\n- {name: gold, counts: Al > 900}\n")
    warned: list[str] = []
    job = Job(listen=lambda event: warned.append(str(event.get("message", ""))))
    settings = MaskSettings(rule="Mg > 30", book=str(book), unclassified="forest")
    assert "unclassified" not in make_mask(section, settings, job).notes
    assert any("Fewer than two minerals" in one for one in warned)
