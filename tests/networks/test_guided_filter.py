"""Outlines that follow the grey: nearer to the crystal's edge, nothing lost where it has none."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

from napari_olivine.networks import follow_grey

FloatImage = NDArray[np.float32]


def disc(shift: float = 0.0) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:160, :160]
    return np.asarray(np.hypot(rows - 80, columns - 80 - shift) < 45)


def image(inside: float, noise: float = 0.1) -> FloatImage:
    """A crystal on groundmass, as sharp as BSE is, in normalised grey."""
    grey = gaussian_filter(np.where(disc(), inside, 0.0), 0.7)
    return (grey + np.random.default_rng(1).normal(0, noise, grey.shape)).astype(np.float32)


def boundary_iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    bands = [m & (distance_transform_edt(m) <= 2) for m in (one, other)]
    return float((bands[0] & bands[1]).sum() / (bands[0] | bands[1]).sum())


@pytest.mark.parametrize(("inside", "least"), [(0.6, 0.6), (-0.6, 0.6), (1.5, 0.75)])
def test_an_outline_comes_to_where_the_grey_changes(inside: float, least: float) -> None:
    off = gaussian_filter(disc(1.5).astype(np.float32), 1.5)
    followed = follow_grey(off[None], image(inside))[0]
    assert boundary_iou(off >= 0.5, disc()) < 0.5
    assert boundary_iou(followed >= 0.5, disc()) > least


def test_where_the_grey_says_nothing_the_outline_stays() -> None:
    probability = gaussian_filter(disc().astype(np.float32), 1.5)
    followed = follow_grey(probability[None], image(0.0))[0] >= 0.5
    assert (followed & disc()).sum() / (followed | disc()).sum() > 0.98


def test_a_speck_goes_and_probabilities_stay_probabilities() -> None:
    random = np.random.default_rng(2)
    three = random.dirichlet([0.3, 0.3, 0.3], (160, 160)).astype(np.float32).transpose(2, 0, 1)
    followed = follow_grey(three, image(1.0))
    assert followed.min() >= 0 and followed.max() <= 1
    np.testing.assert_allclose(followed.sum(0), 1, atol=1e-3)
    speck = np.zeros((1, 160, 160), np.float32)
    speck[0, 20:22, 20:22] = 0.8
    assert follow_grey(speck, image(1.0)).max() < 0.1
