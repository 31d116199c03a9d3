"""Rules that ask for the area of a piece."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import ndimage

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.masks import MaskSettings, make_mask
from napari_olivine.masks.pieces import reach_px, without_areas
from tests.helpers.sections import make_section

CORNERS = np.ones((3, 3))
WHOLE = slice(None), slice(None)


def ragged(seed: int, shape: tuple[int, int]) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.5)
    return np.asarray(noise > 0.9 * noise.std())


def by_scipy(mask: np.ndarray, least: float, most: float) -> np.ndarray:
    labels, count = ndimage.label(mask, CORNERS)
    areas = ndimage.sum_labels(mask, labels, np.arange(count + 1))
    return mask & ((areas > least) & (areas < most))[labels]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), least=st.integers(0, 30), more=st.integers(1, 40))
def test_a_block_with_its_surroundings_knows_its_pieces(seed: int, least: int, more: int) -> None:
    mask = ragged(seed, (120, 130))
    limits = float(least), float(least + more)
    halo = reach_px(limits)
    rows, columns = slice(40, 70), slice(50, 80)
    wide = tuple(slice(max(0, one.start - halo), one.stop + halo) for one in (rows, columns))
    found = without_areas(mask[wide], limits)
    inner = tuple(
        slice(one.start - around.start, one.stop - around.start)
        for one, around in zip((rows, columns), wide, strict=True)
    )
    expected = by_scipy(mask, *limits)[rows, columns]
    np.testing.assert_array_equal(found[inner], expected)


def test_a_mask_without_specks_is_the_same_in_any_blocks(tmp_path: Path) -> None:
    mineral = ragged(3, (600, 700))
    images = {"BSE": np.full(mineral.shape, 90, np.uint8), "Mg": np.where(mineral, 200, 2)}
    section = make_section(tmp_path / "s", {k: v.astype(np.uint16) for k, v in images.items()})
    area = section.pixel_size_um**2
    rule = f"Mg > 30 and {5 * area:g} < area < {40 * area:g}"
    plain = MaskSettings(rule=rule, outlines="rule", smoothing_px=0, book="none")
    for memory in (1 << 20, 1 << 30):
        make_mask(section, plain, Job(memory_bytes=memory, force=True))
        found = section.raster("mask", "olivine").read(*WHOLE) == 1
        np.testing.assert_array_equal(found, by_scipy(mineral, 5, 40))


def test_an_area_that_blocks_cannot_tell_is_refused(tmp_path: Path) -> None:
    section = make_section(tmp_path / "s", {"Mg": np.full((60, 60), 90, np.uint16)})
    with pytest.raises(InputError, match="too large"):
        make_mask(section, MaskSettings(rule="Mg > 30 and area > 100000"))
    warned: list[str] = []
    job = Job(listen=lambda event: warned.append(str(event.get("message", ""))))
    make_mask(section, MaskSettings(rule="Mg > 30 and area < 100", book="none"), job)
    assert any("The mask is empty" in one and "area < 100 um2" in one for one in warned)
