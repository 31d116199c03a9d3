"""Networks of every architecture learn, are kept, and segment through the same door."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

from napari_olivine.inference import SegmentSettings, segment
from napari_olivine.job import Job
from napari_olivine.networks import load_model
from napari_olivine.training import TrainSettings, train
from tests.helpers.grains import make_grains

pytestmark = pytest.mark.slow

ONE_OF_EACH = ("linknet_inceptionv3", "resunet", "unet_hrnet", "upernet_convnext", "pix2pix")
"""Of each architecture that no other test trains; ``benchmarks/bench_networks.py`` trains all."""


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_it_learns_is_kept_and_segments(name: str, tmp_path: Path) -> None:
    section, _ = make_grains(tmp_path / "section", drift=(0, 5))
    how = TrainSettings(
        network=name, weights="none", epochs=1, steps=20, batch=2, crop_px=64, learning_rate=1e-3,
        target="olivine",
    )  # fmt: skip
    product = train(section, how, Job(seed=2))
    losses = pd.read_csv(product.path / "losses.csv")["train_loss"]
    assert losses.iloc[-1] < 0.95 * losses.iloc[0]
    network, card = load_model(product.path)
    assert card.network == name
    again, _ = load_model(product.path)
    image = torch.randn(1, card.channels, 70, 50)
    with torch.inference_mode():
        assert torch.equal(again(image), network(image))
    segment(
        section, SegmentSettings(model=name, engine="float32", window_px=128, overlap_px=32), Job()
    )
    assert section.raster("probability", "olivine").shape == section.shape
