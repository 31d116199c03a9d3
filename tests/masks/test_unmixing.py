"""Outlines where half of a pixel is the phase: sizes without bias."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, label

from napari_olivine.masks import phase_of, rule_for
from napari_olivine.masks.unmixing import blur_of_outlines, half_pixel_claim

OLIVINE = {"Mg": 104, "Fe": 9, "Ca": 1, "Al": 1, "Si": 70}
GLASS = {"Mg": 4, "Fe": 4, "Ca": 8, "Al": 32, "Si": 122}
PYROXENE = {"Mg": 67, "Fe": 8, "Ca": 4, "Al": 5, "Si": 103}
FINE = 5
"""Points along the side of a pixel on which the true share of a pixel is counted."""


def discs(radii_px: list[float], seed: int) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Discs at places between the pixels: the truth, and the share of each pixel."""
    rng = np.random.default_rng(seed)
    side = int(2 * max(radii_px) + 14)
    share = np.zeros((side, side * len(radii_px)), np.float32)
    for k, radius in enumerate(radii_px):
        x, y = side / 2 + rng.uniform(-0.5, 0.5, 2)
        fine = (np.arange(side * FINE) + 0.5) / FINE - 0.5
        inside = (fine[:, np.newaxis] - y) ** 2 + (fine - x) ** 2 < radius**2
        cells = inside.reshape(side, FINE, side, FINE).mean(axis=(1, 3))
        share[:, k * side : (k + 1) * side] = cells
    return share > 0.5, share


def maps_of(
    share: NDArray[np.float32], blur_px: float, dwell: float, outside: dict[str, int], seed: int
) -> dict[str, NDArray[np.float32]]:
    """Poisson counts of olivine in another phase, blurred as X-rays are."""
    rng = np.random.default_rng(seed)
    even = gaussian_filter(share, blur_px)
    return {
        signal: rng.poisson(dwell * (even * OLIVINE[signal] + (1 - even) * outside[signal]))
        .astype(np.float32)
        for signal in OLIVINE
    }  # fmt: skip


@pytest.mark.parametrize("dwell", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("blur_px", [0.45, 0.9, 1.8])
def test_crystals_have_their_true_area(blur_px: float, dwell: float) -> None:
    """From 100 um2 within 3 %, from 50 um2 within 7 %; the rule alone is 30 % too small there."""
    um = blur_px / 0.9  # pixels in a um
    for area_um2, bound in ((60.0, 0.07), (130.0, 0.03), (500.0, 0.02), (3000.0, 0.01)):
        if area_um2 * um**2 < 40:
            continue
        radius = np.sqrt(area_um2 / np.pi) * um
        truth, share = discs([radius] * 16, seed=1)
        maps = maps_of(share, blur_px, dwell, GLASS, seed=2)
        seeds = phase_of(rule_for("olivine", {}), maps, 1.0)
        mask = half_pixel_claim(maps, seeds, blur_px).mask
        assert label(mask)[1] == 16
        assert mask.sum() / truth.sum() == pytest.approx(1, abs=bound), (area_um2, um, dwell)
        if area_um2 < 200 and blur_px >= 0.9:
            assert seeds.sum() / truth.sum() < 0.8


def test_an_outline_against_orthopyroxene_lies_at_the_half() -> None:
    truth, share = discs([12.0] * 8, seed=3)
    maps = maps_of(share, 0.9, 1.0, PYROXENE, seed=4)
    mask = half_pixel_claim(maps, phase_of(rule_for("olivine", {}), maps, 1.0), 0.9).mask
    assert mask.sum() / truth.sum() == pytest.approx(1, abs=0.02)
    assert (mask & truth).sum() / (mask | truth).sum() > 0.95


@pytest.mark.parametrize("blur_px", [0.9, 1.4, 2.0])
def test_the_blur_is_measured_on_the_outlines(blur_px: float) -> None:
    _, share = discs([30.0] * 6, seed=5)
    maps = maps_of(share, blur_px, 1.0, GLASS, seed=6)
    seeds = phase_of(rule_for("olivine", {}), maps, 1.0)
    measured = float(np.median(blur_of_outlines(maps, seeds)))
    # The share of a pixel is itself a mean over its side.
    assert measured == pytest.approx(np.hypot(blur_px, np.sqrt(1 / 12)), rel=0.1)


def test_what_was_not_measured_is_no_outside() -> None:
    """A crystal that the edge of the maps cuts keeps its outline beside that edge."""
    truth, share = discs([14.0] * 4, seed=7)
    maps = maps_of(share, 0.9, 1.0, GLASS, seed=8)
    measured = np.ones(truth.shape, bool)
    measured[: truth.shape[0] // 2] = False
    for values in maps.values():
        values[~measured] = 0
    seeds = phase_of(rule_for("olivine", {}), maps, 1.0)
    mask = half_pixel_claim(maps, seeds, 0.9, measured=measured).mask & measured
    assert mask.sum() / (truth & measured).sum() == pytest.approx(1, abs=0.03)


def test_without_another_side_the_rule_decides() -> None:
    maps = {signal: np.full((60, 60), count, np.float32) for signal, count in OLIVINE.items()}
    for seeds in (np.ones((60, 60), bool), np.zeros((60, 60), bool)):
        assert np.array_equal(half_pixel_claim(maps, seeds, 0.9).mask, seeds)
