"""Crops where network and mask disagree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from napari_olivine.job import Job
from napari_olivine.networks import Network, Normalisation
from napari_olivine.training.hard_places import BLOCK_PX, find_hard_places
from napari_olivine.training.samples import Samples
from napari_olivine.training.section_samples import SectionSamples
from tests.helpers.grains import SIDE, make_grains, put_mask

NORM = Normalisation(align="none", median=110, spread=15, mean=(110.0,), std=(15.0,))


class Bright(nn.Module):
    """Calls bright pixels olivine; it sees nothing in the right half of a window."""

    def forward(self, images: Tensor) -> Tensor:
        return 50 * (images - 1)


@pytest.fixture
def samples(tmp_path: Path) -> Samples:
    section, truth = make_grains(tmp_path / "section", drift=(0, 0))
    mask = truth.astype(np.uint8)
    mask[64:128, 96:160] = 1 - mask[64:128, 96:160]  # here the mask says the opposite of BSE
    mask[160:, :64] = 255
    put_mask(section, mask)
    window = section.sessions()[0].window
    return Samples(section, [window], NORM, "olivine", Job())


def find(samples: Samples) -> object:
    network = Network(Bright(), multiple=1).train()
    random, device = np.random.default_rng(0), torch.device("cpu")
    found = find_hard_places(network, samples, 0, random, device, Job())
    assert network.training
    return found


def test_they_lie_where_the_mask_says_something_else(samples: Samples) -> None:
    samples.hard = find(samples)  # type: ignore[assignment]
    assert samples.hard is not None
    rows, columns, windows = samples.hard.positions.T
    assert not windows.any()
    wrong = (rows >= 64) & (rows < 128) & (columns >= 96) & (columns < 160)
    assert wrong.sum() == (64 // BLOCK_PX) ** 2
    chances = samples.hard.chances / samples.hard.chances.sum()
    assert chances[wrong].sum() > 0.9
    assert not ((rows >= 160) & (columns < 64)).any(), "nothing is known there"


def test_crops_are_laid_over_them(samples: Samples) -> None:
    samples.hard = find(samples)  # type: ignore[assignment]
    alone, several = samples, SectionSamples([samples])
    for source in (alone, several):
        shares = []
        for hard in (0.0, 1.0):
            random = np.random.default_rng(3)
            crops = [source.crop(random, 64, 0.0, hard)[1] for _ in range(60)]
            shares.append(np.mean([(crop == 1).mean() > 0.3 for crop in crops]))
        assert shares[1] > shares[0] + 0.3


def test_where_all_is_right_there_are_none(tmp_path: Path) -> None:
    section, truth = make_grains(tmp_path / "section", drift=(0, 0))
    grey = np.where(truth, 160, 90).astype(np.uint8)
    section.raster("images", "BSE").write(0, 0, grey)
    right = Samples(section, [section.sessions()[0].window], NORM, "olivine", Job())
    assert find(right) is None
    assert right.windows == [(slice(0, SIDE), slice(0, SIDE))]
