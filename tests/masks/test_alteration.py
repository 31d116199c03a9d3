"""Veins of serpentine are told from cracks, zones and other dark minerals."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.masks import MaskSettings, make_mask
from napari_olivine.masks.alteration import (
    Alteration,
    Sampled,
    altered_pixels,
    find_alteration,
    noise_of_grey,
    open_cracks,
    scale_of,
)
from napari_olivine.masks.phase_codes import ALTERED, IGNORE
from tests.helpers.sections import make_section

OLIVINE, SERPENTINE, GLASS, CRACK, ZONE = range(5)
GREY = np.array([120, 75, 70, 25, 106], np.float32)
COUNTS = {  # of each of them
    "Mg": [104, 88, 4, 104, 106], "Fe": [9, 4, 4, 9, 7], "Si": [70, 75, 122, 70, 70],
    "Ca": [1, 1, 8, 1, 1], "Al": [1, 2, 32, 1, 1],
}  # fmt: skip
SIDE, BLUR_PX = 420, 0.9
WHOLE = slice(None), slice(None)


def scene(*, veins: bool = True) -> NDArray[np.uint8]:
    """Olivine beside glass, with dark zones of 2 px, cracks and veins of 2 to 5 px."""
    drawn = np.full((SIDE, SIDE), OLIVINE, np.uint8)
    drawn[:, :70] = GLASS
    for at in range(90, SIDE, 60):
        cv2.line(drawn, (at, 0), (at + 25, SIDE), ZONE, 2)
        cv2.line(drawn, (80, at), (SIDE, at + 30), CRACK, 2)
        if veins:
            cv2.line(drawn, (80, at - 25), (SIDE, at - 45), SERPENTINE, 3)
            cv2.line(drawn, (at + 15, 0), (at - 5, SIDE), SERPENTINE, 4)
    return drawn


def images_of(
    drawn: NDArray[np.uint8],
    dwell: float = 1.0,
    noise: float = 2.0,
    shift: tuple[int, int] = (0, 0),
) -> dict[str, NDArray[np.uint8]]:
    """BSE and counts as instruments see them; the maps may lie beside the image."""
    rng = np.random.default_rng(0)
    grey = gaussian_filter(GREY[drawn], 0.4) + rng.normal(0, noise, drawn.shape)
    images = {"BSE": np.clip(grey, 0, 255).astype(np.uint8)}
    there = np.roll(drawn, shift, (0, 1))
    for signal, counts in COUNTS.items():
        expected = gaussian_filter(np.array(counts, np.float32)[there], BLUR_PX)
        images[signal] = rng.poisson(dwell * expected).astype(np.uint8)
    return images


def olivine_of(drawn: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """What the counts alone take for olivine."""
    return drawn != GLASS


@pytest.mark.parametrize(("dwell", "noise"), [(1.0, 2.0), (0.4, 2.0), (1.0, 5.0)])
def test_veins_are_found_and_nothing_else(dwell: float, noise: float) -> None:
    drawn = scene()
    images, olivine = images_of(drawn, dwell, noise), olivine_of(drawn)
    sampled = [Sampled(images, olivine)]
    assert noise_of_grey(sampled) == pytest.approx(noise, rel=0.15)
    alteration = find_alteration(sampled, BLUR_PX)
    assert alteration is not None and alteration.shift_px == (0, 0)
    assert alteration.contrast == pytest.approx(45, abs=4)
    found = altered_pixels(images, olivine, BLUR_PX, alteration)
    veins = drawn == SERPENTINE
    away = cv2.dilate(veins.astype(np.uint8), np.ones((11, 11))) == 0
    assert found[veins].mean() > 0.95
    assert found[away & (drawn == CRACK)].mean() < 0.04
    assert found[away & (drawn != CRACK)].mean() < 0.003
    assert found[olivine].sum() / veins.sum() == pytest.approx(1, abs=0.12)


def test_dark_minerals_make_no_peak() -> None:
    """Of a mixture with feldspar every share is there: no likeness stands out."""
    rng = np.random.default_rng(1)
    share = cv2.resize(rng.random((28, 28)), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    share = np.clip(3 * share - 2, 0, 1)
    images = {"BSE": (120 - 60 * share + rng.normal(0, 2, share.shape)).astype(np.uint8)}
    for signal in ("Si", "Mg", "Fe"):
        expected = COUNTS[signal][OLIVINE] * (1 - share) + COUNTS[signal][GLASS] * share
        images[signal] = rng.poisson(expected).astype(np.uint8)
    assert find_alteration([Sampled(images, share < 0.5)], BLUR_PX) is None


def test_cracks_alone_are_no_alteration() -> None:
    drawn = scene(veins=False)
    assert find_alteration([Sampled(images_of(drawn), olivine_of(drawn))], BLUR_PX) is None
    empty = np.zeros(drawn.shape, bool)
    assert find_alteration([Sampled(images_of(drawn), empty)], BLUR_PX) is None
    assert find_alteration([], BLUR_PX) is None


def test_dark_veins_with_less_silica_tell_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COUNTS, "Si", [70, 20, 20, 20, 20])
    drawn = scene()
    assert find_alteration([Sampled(images_of(drawn), olivine_of(drawn))], BLUR_PX) is None


@pytest.mark.parametrize("shift", [(2, -1), (-3, 2)])
def test_maps_that_lie_beside_the_image_are_noticed(shift: tuple[int, int]) -> None:
    drawn = scene()
    images = images_of(drawn, shift=shift)
    olivine = np.roll(olivine_of(drawn), shift, (0, 1))
    alteration = find_alteration([Sampled(images, olivine)], BLUR_PX)
    assert alteration is not None and alteration.shift_px == shift
    found = altered_pixels(images, olivine, BLUR_PX, alteration)
    inner = np.s_[20:-20, 100:-20]
    assert found[inner][drawn[inner] == SERPENTINE].mean() > 0.9


@pytest.mark.parametrize("pixel_um", [1.0, 0.5])
def test_a_part_gives_the_same_as_the_whole(pixel_um: float) -> None:
    drawn = scene()
    images, olivine = images_of(drawn), olivine_of(drawn)
    alteration = Alteration(45.0, (1, 0), scale_of(pixel_um))
    whole = altered_pixels(images, olivine, BLUR_PX, alteration)
    part = slice(100, SIDE), slice(40, SIDE)
    alone = altered_pixels(
        {signal: image[part] for signal, image in images.items()},
        olivine[part], BLUR_PX, alteration,
    )  # fmt: skip
    inner = (slice(alteration.halo_px, None),) * 2
    assert np.array_equal(whole[part][inner], alone[inner])
    assert whole[part][inner].any()


def hardly_darker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let veins be darker by less than BSE tells, as beside many cracks."""
    monkeypatch.setattr(sys.modules[__name__], "GREY", np.array([120, 114, 70, 25, 106], "f4"))


def test_veins_that_bse_does_not_tell_are_found_by_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    hardly_darker(monkeypatch)
    drawn = scene()
    images, olivine = images_of(drawn), olivine_of(drawn)
    alteration = find_alteration([Sampled(images, olivine)], BLUR_PX)
    assert alteration is not None and alteration.by_counts
    found = altered_pixels(images, olivine, BLUR_PX, alteration)
    veins = drawn == SERPENTINE
    away = cv2.dilate(veins.astype(np.uint8), np.ones((7, 7))) == 0
    assert found[veins].mean() > 0.4, "the narrow ones are lost in the blur"
    assert found[away].mean() < 0.0002, "neither cracks nor zones, nor outlines towards glass"
    assert found[veins].sum() / found.sum() > 0.97
    scaled = replace(alteration, scale=2.0)
    for one in (alteration, scaled):
        whole = altered_pixels(images, olivine, BLUR_PX, one)
        part = slice(100, SIDE), slice(40, SIDE)
        cut = {signal: image[part] for signal, image in images.items()}
        alone = altered_pixels(cut, olivine[part], BLUR_PX, one)
        inner = (slice(one.halo_px, None),) * 2
        assert np.array_equal(whole[part][inner], alone[inner])


@pytest.mark.parametrize(
    ("grey", "name", "counts"),
    [(126, "brighter, as a rim rich in iron", None), (114, "orthopyroxene", (67, 8, 103))],
)
def test_counts_alone_need_veins_that_look_like_serpentine(
    monkeypatch: pytest.MonkeyPatch, grey: int, name: str, counts: tuple[int, ...] | None
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "GREY", np.array([120, grey, 70, 25, 106], "f4"))
    for signal, value in zip(("Mg", "Fe", "Si"), counts or (), strict=False):
        changed = [*COUNTS[signal]]
        changed[SERPENTINE] = value
        monkeypatch.setitem(COUNTS, signal, changed)
    drawn = scene()
    assert find_alteration([Sampled(images_of(drawn), olivine_of(drawn))], BLUR_PX) is None, name


def test_the_mask_leaves_out_veins_by_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hardly_darker(monkeypatch)
    drawn = scene()
    section = make_section(tmp_path / "s", images_of(drawn))
    said: list[str] = []
    settings = MaskSettings(xray_blur_um=1.5 * BLUR_PX)
    product = make_mask(section, settings, Job(listen=lambda event: said.append(str(event))))
    assert any("by its counts alone" in one for one in said)
    assert product.notes["alteration"]["by_counts"] is True
    phases = section.raster("mask", "phases").read(*WHOLE)
    assert (phases[drawn == SERPENTINE] == ALTERED).mean() > 0.4


def test_open_cracks_are_found_and_dark_zones_are_not() -> None:
    drawn = scene(veins=False)
    cracks = open_cracks(images_of(drawn)["BSE"], olivine_of(drawn), 2.0)
    near = cv2.dilate((drawn == CRACK).astype(np.uint8), np.ones((3, 3))) > 0
    assert cracks[drawn == CRACK].mean() > 0.99
    assert cracks[~near].mean() < 0.001


def test_the_mask_leaves_veins_out(tmp_path: Path) -> None:
    drawn = scene()
    section = make_section(tmp_path / "s", images_of(drawn))
    said: list[str] = []
    settings = MaskSettings(xray_blur_um=1.5 * BLUR_PX)
    product = make_mask(section, settings, Job(listen=lambda event: said.append(str(event))))
    assert any("darker in BSE than the olivine" in one for one in said)
    veins = drawn == SERPENTINE
    assert (section.raster("mask", "olivine").read(*WHOLE)[veins] == 0).mean() > 0.95
    assert (section.raster("mask", "phases").read(*WHOLE)[veins] == ALTERED).mean() > 0.9
    modes = {mode["name"]: mode["percent"] for mode in product.notes["modes"]}
    assert modes["altered olivine"] == pytest.approx(100 * veins.mean(), abs=1)
    assert product.notes["alteration"]["shift_px"] == [0, 0]
    product = make_mask(section, MaskSettings(alteration="keep"))
    assert (section.raster("mask", "olivine").read(*WHOLE)[veins] == 1).mean() > 0.3
    assert "alteration" not in product.notes


def test_cracks_may_stay_become_unlabelled_or_other(tmp_path: Path) -> None:
    drawn = scene(veins=False)
    images = images_of(drawn)
    section = make_section(tmp_path / "a", images)
    inner = drawn[20:-20, 100:-20]
    for cracks, code in (("olivine", 1), ("ignore", IGNORE), ("background", 0)):
        make_mask(section, MaskSettings.model_validate({"cracks": cracks, "book": "none"}))
        mask = section.raster("mask", "olivine").read(*WHOLE)[20:-20, 100:-20]
        assert (mask[inner == CRACK] == code).mean() > 0.97
        assert (mask[inner == ZONE] == 1).mean() > 0.97
    del images["BSE"]
    section = make_section(tmp_path / "b", images)
    make_mask(section)
    with pytest.raises(InputError, match="Cracks are seen in BSE"):
        make_mask(section, MaskSettings(cracks="background"))
