"""What the losses are made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.networks import ModelPhase, build_network, load_model
from napari_olivine.training import TrainSettings, train
from napari_olivine.training.losses import OUTLINE_PX, LossShape, bce_dice_loss, phase_loss
from napari_olivine.training.plan import make_plan
from napari_olivine.training.windows import FIRST_PHASE, IGNORE
from tests.helpers.grains import make_grains

OLIVINE = 1
WEIGHTS = torch.tensor([1.0, 2.0, 0.5])


def some_pixels() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits of three phases, labels of all, and the number of each pixel's phase."""
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 6, 5)
    number = torch.randint(3, (2, 6, 5))
    labels = torch.where(number == OLIVINE, 1, number + FIRST_PHASE).to(torch.uint8)
    return logits, labels, number


def test_focal_loss_is_that_of_lin_et_al() -> None:
    logits, labels, number = some_pixels()
    shape = LossShape(entropy=3.0, focusing=2.0)
    found = phase_loss(logits, labels, OLIVINE, torch.ones(3), 0.0, shape=shape)
    p = logits.softmax(1).gather(1, number[:, None])[:, 0]
    expected = 3.0 * (-((1 - p) ** 2) * p.log()).mean()
    assert float(found) == pytest.approx(float(expected), rel=1e-5)
    binary = torch.randn(2, 1, 6, 5)
    truth = (labels == 1).float()
    p = torch.where(truth == 1, binary[:, 0].sigmoid(), 1 - binary[:, 0].sigmoid())
    expected = (-((1 - p) ** 2) * p.log()).mean()
    found = bce_dice_loss(binary, labels, 0.0, shape=LossShape(focusing=2.0))
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_without_focusing_it_is_the_weighted_cross_entropy() -> None:
    logits, labels, number = some_pixels()
    found = phase_loss(logits, labels, OLIVINE, WEIGHTS, 0.0, shape=LossShape())
    expected = cross_entropy(logits, number, WEIGHTS)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_dice_of_all_is_their_weighted_mean() -> None:
    logits, labels, number = some_pixels()
    labels[0, 0] = IGNORE
    labels[0, 1] = 0  # only known to be no olivine
    known = (torch.arange(6)[None, :, None] > 1) | (torch.arange(2)[:, None, None] > 0)
    shape = LossShape(entropy=0.0, dice_of="all")
    found = phase_loss(logits, labels, OLIVINE, WEIGHTS, 1.0, shape=shape)
    p, each = logits.softmax(1), []
    for phase in range(3):
        truth = ((number == phase) & known).float()
        q = p[:, phase] * known
        each.append(1 - (2 * (q * truth).sum() + 1) / (q.sum() + truth.sum() + 1))
    expected = sum(w * one for w, one in zip(WEIGHTS, each, strict=True)) / WEIGHTS.sum()
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_pixels_near_an_outline_count_more() -> None:
    labels = torch.zeros(1, 20, 20, dtype=torch.uint8)
    labels[:, :, 10:] = 1
    weights = LossShape(outlines=4.0).near_outlines(labels)
    assert isinstance(weights, torch.Tensor)
    column = np.arange(20)
    near = (column >= 10 - OUTLINE_PX) & (column < 10 + OUTLINE_PX)
    expected = np.where(near, 5.0, 1.0)
    np.testing.assert_array_equal(weights[0].numpy(), np.tile(expected, (20, 1)))
    assert LossShape().near_outlines(labels) == 1.0
    wrong_inside, wrong_near = torch.full((2, 1, 1, 20, 20), -5.0)
    wrong_inside[..., 10:], wrong_near[..., 10:] = 5.0, 5.0
    wrong_inside[..., 19], wrong_near[..., 10] = -5.0, -5.0
    plain = [float(bce_dice_loss(one, labels, 0.0)) for one in (wrong_inside, wrong_near)]
    assert plain[0] == pytest.approx(plain[1])
    shape = LossShape(outlines=4.0)
    inside, outline = (
        float(bce_dice_loss(one, labels, 0.0, shape=shape)) for one in (wrong_inside, wrong_near)
    )
    assert outline > 3 * inside


def test_settings_choose_them(tmp_path: Path) -> None:
    section, _ = make_grains(tmp_path / "section")
    phases = tuple(ModelPhase(name=n, code=c, colour="#000000") for c, n in enumerate("ab"))

    def preset(**how: object) -> tuple[object, ...]:
        one = make_plan(section, TrainSettings(**how), Job(), phases).preset  # type: ignore[arg-type]
        return one.entropy, one.focusing, one.dice, one.dice_of, one.optimiser, one.schedule

    assert preset() == (1.0, 0.0, 1.0, "olivine", "adamw", "once")
    published = {"loss": "dice_focal", "focal_share": 3.0, "optimiser": "adam"}
    assert preset(**published, schedule="restarts") == (3.0, 2.0, 1.0, "all", "adam", "restarts")
    assert preset(loss="dice")[:4] == (0.0, 0.0, 1.0, "all")
    deeplab = {"network": "deeplabv3_resnet50"}
    assert preset(**deeplab) == (1.0, 0.0, 0.0, "olivine", "sgd", "constant")
    assert preset(**deeplab, loss="focal")[:3] == (1.0, 2.0, 0.0)


def test_a_frozen_encoder_stays_as_it_was(tmp_path: Path) -> None:
    section, _ = make_grains(tmp_path / "section")
    how = {"epochs": 1, "steps": 2, "batch": 2, "crop_px": 32, "weights": "none"}
    settings = TrainSettings(network="unet_resnet18", frozen=True, **how)  # type: ignore[arg-type]
    product = train(section, settings, Job(seed=4))
    start, end = build_network("unet_resnet18", seed=4), load_model(product.path)[0]
    same = {
        name: torch.equal(value, end.state_dict()[name])
        for name, value in start.state_dict().items()
    }
    assert all(kept for name, kept in same.items() if name.startswith("body.encoder."))
    assert not any(kept for name, kept in same.items() if name.endswith("conv1.0.weight"))
    with pytest.raises(InputError, match="resunet has no encoder"):
        train(section, settings.model_copy(update={"network": "resunet"}), Job())
