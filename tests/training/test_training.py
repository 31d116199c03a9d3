"""Training: samples, losses, and the loop, stopped and gone on with."""

from __future__ import annotations

import itertools
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from napari_olivine.errors import Cancelled, InputError, SectionError
from napari_olivine.job import Job
from napari_olivine.networks import NETWORKS, Normalisation, network_spec, read_card
from napari_olivine.networks.build import build_network
from napari_olivine.networks.files import load_model
from napari_olivine.section import Product, Section
from napari_olivine.training import CHECKPOINT, TrainSettings, train
from napari_olivine.training.augmentation import augment
from napari_olivine.training.losses import SegmentationScores, bce_dice_loss
from napari_olivine.training.plan import make_plan
from napari_olivine.training.samples import Samples, cracks
from napari_olivine.training.schedule import learning_rate
from tests.helpers.grains import SIDE, make_grains, put_mask, train_grains, trained_grains

pytestmark = pytest.mark.slow

NORM = Normalisation(align="session", median=110, spread=15, mean=(110.0,), std=(15.0,))
TINY = {"epochs": 2, "steps": 3, "batch": 4, "crop_px": 64}


def use_small_network(patch: pytest.MonkeyPatch) -> None:
    """Make `light` a network of a tenth of its size: how it is trained is what is tested."""
    small = {"encoder": "mobilenet_v2", "halvings": 5, "decoder": (32, 16, 16, 8, 8)}
    patch.setitem(NETWORKS, "light", replace(NETWORKS["light"], **small, own_weights=""))


@pytest.fixture
def section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Section:
    use_small_network(monkeypatch)
    return make_grains(tmp_path / "section")[0]


# ---------------------------------------------------------------- samples


def test_augmented_labels_stay_on_their_pixels() -> None:
    random = np.random.default_rng(0)
    label = (random.random((32, 32)) < 0.3).astype(np.uint8)
    grey = np.where(label == 1, 150, 100).astype(np.float32)
    seen = set()
    for _ in range(40):
        new_grey, new_label = augment(random, grey, label, median=110, offset=5, gain=0.06)
        low, high = new_grey[new_label == 0], new_grey[new_label == 1]
        assert np.ptp(low) == 0
        assert np.ptp(high) == 0
        assert 50 * 0.93 < high[0] - low[0] < 50 * 1.07
        assert abs(low[0] - 100) < 5 + 0.7
        seen.add(new_label.tobytes())
    assert len(seen) == 8  # every turn and mirror image of a square


def test_shading_is_smooth_and_leaves_labels_alone() -> None:
    flat, label = np.full((128, 128), 100, np.float32), np.zeros((128, 128), np.uint8)
    shaded, same = augment(
        np.random.default_rng(1), flat, label, median=100, offset=0, gain=0, shading=8
    )
    assert not same.any()
    assert 3 < shaded.std() < 16
    assert np.abs(np.diff(shaded, axis=0)).max() < 2
    assert np.abs(np.diff(shaded, axis=1)).max() < 2


def test_crops_hold_the_sessions_grey_and_labels(section: Section) -> None:
    windows = [s.window for s in section.sessions()[:1]]
    samples = Samples(section, windows, NORM, "olivine", Job())
    from_disk = Samples(section, windows, NORM, "olivine", Job(memory_bytes=1000))
    mask = section.raster("mask", "olivine").read(slice(0, SIDE), slice(0, SIDE))
    on_olivine = 0
    for number in range(30):
        grey, label = samples.crop(np.random.default_rng(number), 64, foreground=1.0)
        again = from_disk.crop(np.random.default_rng(number), 64, foreground=1.0)
        assert np.array_equal(grey, again[0])
        assert np.array_equal(label, again[1])
        on_olivine += 1 in label
        found = np.lib.stride_tricks.sliding_window_view(mask, (64, 64))
        assert (found == label).all(axis=(2, 3)).any()
    assert on_olivine == 30
    for foreground, most in ((0.0, 1.0), (1.0, 1.0)):
        share = np.mean(
            [samples.crop(np.random.default_rng(k), 64, foreground)[1].mean() for k in range(60)]
        )
        assert 0 < share < most


def test_crop_larger_than_its_session_is_reflected_and_not_counted(section: Section) -> None:
    samples = Samples(section, [(slice(10, 50), slice(0, SIDE))], NORM, "olivine", Job())
    grey, label = samples.read(0, 10, 0, 64)
    assert grey.shape == label.shape == (64, 64)
    assert (label[40:] == 255).all()
    assert np.array_equal(grey[40:], grey[:40][::-1][:24])


def test_outside_the_region_of_study_nothing_is_learned(section: Section) -> None:
    sessions = section.sessions()
    before = train(section, TrainSettings(**TINY))

    def keep(x0: float, x1: float) -> None:
        x, y = [x0, x1, x1, x0], [-9.0, -9.0, 1e6, 1e6]
        rows = {"region": "rock", "use": "keep", "ring": 0, "x_um": x, "y_um": y}
        section.annotate("regions", pd.DataFrame(rows))

    pixel_um = section.pixel_size_um
    keep(-9.0, (SIDE // 2 - 0.5) * pixel_um)
    assert section.state(before.name) == "fresh"  # it stays in use, and so does what it segmented
    samples = Samples(section, [sessions[0].window], NORM, "olivine", Job())
    _, label = samples.read(0, 0, 0, SIDE)
    mask = section.raster("mask", "olivine").read(slice(0, SIDE), slice(0, SIDE))
    np.testing.assert_array_equal(label[:, : SIDE // 2], mask[:, : SIDE // 2])
    assert (label[:, SIDE // 2 :] == 255).all()
    assert (samples._olivine[:, 1] < SIDE // 2).all()
    with pytest.raises(InputError, match="has nothing of session .*role 'val'"):
        make_plan(section, TrainSettings(**TINY), Job())  # the other session lies to the right
    keep((SIDE // 2 - 0.5) * pixel_um, 1e6)
    plan = make_plan(section, TrainSettings(**TINY), Job())
    assert plan.train_windows[0][1].start == pytest.approx(SIDE // 2, abs=1)
    again = train(section, TrainSettings(**TINY))
    assert again.fingerprint != before.fingerprint


def test_same_step_same_batch(section: Section) -> None:
    samples = Samples(section, [s.window for s in section.sessions()], NORM, "olivine", Job())
    preset = replace(network_spec("light").preset, batch=3, crop_px=64)
    first, second, other = (samples.batch(1, step, preset, 0.5) for step in (7, 7, 8))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
    assert not np.array_equal(first[0], other[0])
    assert first[0].shape == (3, 1, 64, 64)


def test_cracks_in_olivine_alone_are_found(section: Section) -> None:
    grey = np.full((64, 64), 140, np.float32)
    grey[30:32] = 80
    grey[:, :20] -= 60
    label = np.zeros((64, 64), np.uint8)
    label[:, 20:] = 1
    found = cracks(grey, label, spread=15)
    expected = np.zeros((64, 64), bool)
    expected[30:32, 20:] = True
    assert (found == expected)[:, 27:].all()
    assert not found[:, :20].any()
    windows = [s.window for s in section.sessions()[:1]]
    kept = Samples(section, windows, NORM, "olivine", Job()).read(0, 0, 0, SIDE)[1]
    image = section.raster("images", "BSE")
    rows, columns = np.nonzero(kept)
    row, column = int(rows[len(rows) // 2]), int(columns[len(rows) // 2])
    image.write(row, column, np.full((1, 1), 20, np.uint8))
    for choice, value in (("background", 0), ("ignore", 255), ("olivine", 1)):
        label = Samples(section, windows, NORM, choice, Job()).read(0, 0, 0, SIDE)[1]
        assert label[row, column] == value


# ---------------------------------------------------------------- loss and scores


@pytest.mark.parametrize("dice", [0.0, 1.0])
def test_ignored_pixels_have_no_gradient(dice: float) -> None:
    logits = torch.randn(2, 1, 8, 8, requires_grad=True)
    labels = torch.randint(0, 2, (2, 8, 8), dtype=torch.uint8)
    labels[0, :4] = 255
    bce_dice_loss(logits, labels, dice).backward()
    assert (logits.grad[0, 0, :4] == 0).all()
    assert (logits.grad[0, 0, 4:] != 0).all()


def test_loss_is_the_formula() -> None:
    logits = torch.tensor([[[[0.3, -1.2], [2.0, 0.0]]]])
    labels = torch.tensor([[[1, 0], [255, 1]]], dtype=torch.uint8)
    p = 1 / (1 + np.exp(-np.array([0.3, -1.2, 0.0])))
    entropy = -(np.log(p[0]) + np.log(1 - p[1]) + np.log(p[2])) / 3
    dice = 1 - (2 * (p[0] + p[2]) + 1) / (p.sum() + 2 + 1)
    assert float(bce_dice_loss(logits, labels, 0.0)) == pytest.approx(entropy, rel=1e-5)
    assert float(bce_dice_loss(logits, labels, 0.5)) == pytest.approx(entropy + dice / 2, rel=1e-5)


@pytest.mark.parametrize("dice", [0.0, 0.5])
def test_a_pixel_by_hand_counts_as_so_many_pixels(dice: float) -> None:
    torch.manual_seed(0)
    logits = torch.randn(1, 1, 1, 6)
    labels = torch.tensor([[[0, 1, 255, 0, 1, 0]]], dtype=torch.uint8)
    by_hand = labels + torch.tensor([[[2, 2, 0, 0, 0, 0]]], dtype=torch.uint8)
    again = torch.tensor([[0, 0, 0, 1, 1, 1, 2, 3, 4, 5]])
    many = bce_dice_loss(logits[..., again[0]], labels[..., again[0]], dice)
    assert float(bce_dice_loss(logits, by_hand, dice, 3.0)) == pytest.approx(float(many))
    assert torch.equal(bce_dice_loss(logits, by_hand, dice), bce_dice_loss(logits, labels, dice))


def test_loss_of_a_batch_without_labels_is_zero() -> None:
    labels = torch.full((1, 4, 4), 255, dtype=torch.uint8)
    assert float(bce_dice_loss(torch.randn(1, 1, 4, 4), labels, 0.0)) == 0


def test_scores_are_those_of_counting() -> None:
    random = np.random.default_rng(0)
    p = random.random(5000)
    truth = (random.random(5000) < p).astype(np.uint8)
    truth[:500] = 255
    logits = torch.from_numpy(np.log(p / (1 - p)))
    scores = SegmentationScores()
    for part in (slice(0, 2000), slice(2000, None)):
        scores.add(logits[part], torch.from_numpy(truth[part]))
    p, t = p[500:], truth[500:] == 1
    for threshold in (0.1, 0.5, 0.8):
        found = np.rint(p * 255) >= threshold * 255
        assert scores.iou(threshold) == pytest.approx((found & t).sum() / (found | t).sum())
        assert scores.overall_accuracy(threshold) == pytest.approx((found == t).mean())
    assert scores.cross_entropy == pytest.approx(-np.log(np.where(t, p, 1 - p)).mean(), rel=1e-6)
    best = scores.best_threshold()
    assert all(scores.iou(best) >= scores.iou(other) for other in np.arange(0.05, 0.96, 0.05))


# ---------------------------------------------------------------- the step


def test_training_learns_the_grains(tmp_path: Path) -> None:
    section, _, events = trained_grains(tmp_path / "section")
    product = section.require("models/light")
    start, *epochs = (event for event in events if event["event"] == "epoch")
    assert start["epoch"] == 0, "its start weights have learned, so they are scored first"
    assert len(epochs) == 2
    assert epochs[-1]["train_loss"] < 0.8 * epochs[0]["train_loss"]
    assert epochs[-1]["val_loss"] < 0.5 * start["val_loss"]
    card = read_card(product.path)
    assert card.scores["iou_best"] > 0.8
    assert card.scores["iou_best"] >= card.scores["iou_0.1"]
    assert card.training_sessions == ["1"]
    assert card.validation_sessions == ["2"]
    assert card.pixel_size_um == section.pixel_size_um
    assert card.seed == 1
    assert card.settings["preset"]["batch"] == 4
    history = pd.read_csv(product.path / "history.csv")
    best = history.loc[history["val_loss"].idxmin()]
    assert card.best_step == best["step"]
    assert card.best_epoch == best["epoch"]
    last = {"last.safetensors"} if best["step"] < history["step"].max() else set()
    assert {f.name for f in product.path.iterdir()} - {"tensorboard"} - last == {
        "card.json",
        "history.csv",
        "losses.csv",
        "product.json",
        "weights.safetensors",
        "windows.npz",
    }
    train_grains(section, Job(listen=events.append, seed=1))
    assert section.require("models/light") == product
    assert "up to date" in events[-1]["message"]


def stop_at(step: int) -> Job:
    """Make a job that is cancelled while it works on a step."""
    job = Job(seed=3)

    def listen(event: dict) -> None:
        if event["event"] == "progress" and event["message"].startswith("Training"):
            job.listen.seen += 1  # type: ignore[attr-defined]
            if job.listen.seen == step:  # type: ignore[attr-defined]
                job.cancel.set()

    listen.seen = 0  # type: ignore[attr-defined]
    job.listen = listen
    return job


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Product:
    """The light network, trained without a stop."""
    section, _ = make_grains(tmp_path_factory.mktemp("unbroken") / "section")
    with pytest.MonkeyPatch.context() as patch:
        use_small_network(patch)
        return train(section, TrainSettings(weights="none", **TINY), Job(seed=3))


@pytest.mark.parametrize("network", ["light", "deeplabv3_mobilenet_v3_large"])
def test_stopped_training_ends_where_an_unbroken_one_does(
    section: Section, tmp_path: Path, unbroken: Product, network: str
) -> None:
    settings = TrainSettings(network=network, weights="none", **TINY)
    whole = unbroken
    if network != "light":
        whole = train(make_grains(tmp_path / "a")[0], settings, Job(seed=3))
    for stop in (2, 3):  # in the middle of an epoch, and after it was resumed
        with pytest.raises(Cancelled):
            train(section, settings, stop_at(stop))
        assert section.product(f"models/{network}") is None
    events: list[dict] = []
    resumed = train(section, settings, Job(seed=3, listen=events.append))
    assert any("Going on after step 5" in str(event.get("message")) for event in events)
    one, two = (load_model(product.path)[0].state_dict() for product in (whole, resumed))
    assert all(torch.equal(one[name], two[name]) for name in one)
    for file in ("history.csv", "losses.csv"):
        assert (whole.path / file).read_text() == (resumed.path / file).read_text()


def test_stopping_within_a_forward_pass_leaves_no_trace(
    section: Section, unbroken: Product
) -> None:
    settings = TrainSettings(weights="none", **TINY)
    job, checks = Job(seed=3), [0]
    check = job.check

    def count_and_check() -> None:
        checks[0] += 1
        if checks[0] == 230:  # some way through the layers of a later step
            job.cancel.set()
        check()

    job.check = count_and_check  # type: ignore[method-assign]
    with pytest.raises(Cancelled):
        train(section, settings, job)
    assert (section.path / "work" / "models__light" / CHECKPOINT).exists()
    resumed = train(section, settings, Job(seed=3))
    one, two = (load_model(product.path)[0].state_dict() for product in (unbroken, resumed))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_stop_between_two_epochs_leaves_no_trace(
    section: Section, unbroken: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_olivine.training import loop

    def stop(*_: object) -> None:
        raise Cancelled("while it is looked for errors in the training sessions")

    settings = TrainSettings(weights="none", **TINY)
    with monkeypatch.context() as patch, pytest.raises(Cancelled):
        patch.setattr(loop, "find_hard_places", stop)
        train(section, settings, Job(seed=3))
    resumed = train(section, settings, Job(seed=3))
    history = (unbroken.path / "history.csv").read_text()
    assert (resumed.path / "history.csv").read_text() == history


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")
def test_a_full_disk_is_told(section: Section, monkeypatch: pytest.MonkeyPatch) -> None:
    open_file = Path.open

    def full(path: Path, *how: str, **more: str) -> object:
        place = Path("/dev/full") if path.name == CHECKPOINT + ".part" else path
        return open_file(place, *how, **more)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(SectionError, match="disk of .* is full.*'models/light' is kept"):
        train(section, TrainSettings(weights="none", epochs=1, steps=1, batch=2, crop_px=32))


def test_the_card_keeps_what_the_sessions_look_like(
    section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_olivine.networks import appearance

    settings = TrainSettings(weights="none", epochs=1, steps=1, batch=2, crop_px=32)
    assert read_card(train(section, settings).path).appearance is None, "the sessions are small"
    monkeypatch.setattr(appearance, "LEAST_CELLS", 4)
    found = read_card(train(section, settings, Job(force=True)).path).appearance
    assert found is not None
    assert found.training_cells == found.validation_cells == 4


def test_early_stopping_keeps_the_best(section: Section, monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_olivine.training import loop, scored

    weights: list[torch.Tensor] = []
    entropies = iter([0.5, 0.3, 0.4, 0.35, 0.2, 0.1])

    def validate(network: torch.nn.Module, *_: object) -> list[SegmentationScores]:
        weights.append(network.state_dict()["body.encoder.features.0.0.weight"].clone())
        scores = SegmentationScores()
        entropy = next(entropies)
        logit = torch.tensor([np.log(np.expm1(entropy))])  # -log(1 - sigmoid) is `entropy`
        scores.add(logit, torch.zeros(1, dtype=torch.uint8))
        return [scores]

    monkeypatch.setattr(loop, "FEWEST_STEPS", 2)
    monkeypatch.setattr(scored, "validate", validate)
    settings = TrainSettings(epochs=9, steps=1, batch=2, crop_px=32, patience=2)
    product = train(section, settings, Job())
    history = pd.read_csv(product.path / "history.csv")
    assert history["val_loss"].tolist() == pytest.approx([0.5, 0.3, 0.4, 0.35], rel=1e-4)
    assert read_card(product.path).best_epoch == 2
    kept = load_model(product.path)[0].state_dict()["body.encoder.features.0.0.weight"]
    assert torch.equal(kept, weights[1])
    assert not torch.equal(kept, weights[3])


def test_divergence_is_told(section: Section) -> None:
    settings = TrainSettings(
        network="deeplabv3_mobilenet_v3_large", weights="none", epochs=9, steps=9, batch=2,
        crop_px=64, learning_rate=1e6,
    )  # fmt: skip
    with pytest.raises(InputError, match="diverged at step .*learning_rate. below 1e"):
        train(section, settings, Job())


def test_time_limit_ends_training_and_lowers_the_rate(section: Section) -> None:
    product = train(section, TrainSettings(max_minutes=0.04, steps=3, batch=2, crop_px=64))
    history = pd.read_csv(product.path / "history.csv")
    assert history["step"].iloc[-1] < 1600
    assert len(history) >= 1


def test_learning_rate_rises_and_falls(section: Section) -> None:
    plan = make_plan(section, TrainSettings(network="unet_resnet18"), Job())
    rates = [learning_rate(plan.preset, step, step / 1600) for step in range(1600)]
    assert rates[0] < 1e-4
    assert max(rates) == pytest.approx(1e-3, rel=0.01)
    assert int(np.argmax(rates)) < 40
    assert rates[-1] < 1e-6
    unlevelled = make_plan(section, TrainSettings(align="none"), Job())
    assert unlevelled.preset.grey_levels > 2 * plan.preset.grey_levels
    paper = make_plan(section, TrainSettings(network="deeplabv3_resnet50"), Job()).preset
    assert {learning_rate(paper, step, step / 100) for step in range(100)} == {0.01}


def test_learning_rate_falls_from_5e4_to_1e4_and_restarts(section: Section) -> None:
    how = TrainSettings(schedule="restarts", learning_rate=5e-4)
    preset = make_plan(section, how, Job()).preset
    rates = np.array([learning_rate(preset, step, step / 400) for step in range(401)])
    assert rates[[0, 100, 200, 300]] == pytest.approx(5e-4)
    assert rates[[50, 150, 250, 350]] == pytest.approx(3e-4)
    assert rates.min() == rates[-1] == pytest.approx(1e-4)
    assert (np.diff(rates) > 0).sum() == 3


def test_without_validation_session_a_part_is_held_out(section: Section) -> None:
    table = section.annotation("sessions")
    table["role"] = ["train", "none", "none"]
    section.annotate("sessions", table)
    events: list[dict] = []
    plan = make_plan(section, TrainSettings(), Job(listen=events.append))
    (train_rows, _), (val_rows, _) = plan.train_windows[0], plan.validation_windows[0]
    assert train_rows == slice(0, 154)
    assert val_rows == slice(154, SIDE)
    assert "last fifth" in events[0]["message"]


def test_time_can_be_that_of_the_processor(
    section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that is busy with other things lets the clock run on, and not the processor."""
    clock = itertools.count(step=100.0)
    watch = SimpleNamespace(monotonic=lambda: next(clock), process_time=time.process_time)
    monkeypatch.setattr("napari_olivine.training.scored.time", watch)
    settings = TrainSettings(weights="none", max_minutes=5, **TINY)
    assert train(section, settings, Job(seed=3)).notes["steps"] == 3  # of 100 s each
    by_processor = settings.model_copy(update={"time": "processor"})
    notes = train(section, by_processor, Job(seed=3)).notes
    assert notes["steps"] == 6
    assert 0 < notes["processor_s"] < notes["clock_s"]


def test_published_weights_are_no_file_of_the_person(
    section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_olivine.networks.pretrained.published_file", lambda *_: None)
    with pytest.raises(InputError, match="neither in torch's cache nor reachable"):
        train(section, TrainSettings(network="unet_resnet18", weights="imagenet", **TINY))


def test_what_cannot_be_trained_is_refused(section: Section, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="crop_px"):
        TrainSettings(crop_px=100)
    with pytest.raises(InputError, match="name"):
        train(section, TrainSettings(name="../x"))
    with pytest.raises(InputError, match="There is no file"):
        train(section, TrainSettings(weights=str(tmp_path / "none.pth")))
    put_mask(section, np.zeros(section.shape, np.uint8))
    with pytest.raises(InputError, match="no olivine in the training sessions"):
        train(section, TrainSettings(**TINY))
    table = section.annotation("sessions")
    section.annotate("sessions", table.assign(role="none"))
    with pytest.raises(InputError, match="has the role 'train'"):
        train(section, TrainSettings(**TINY))


def test_without_mask_the_person_is_told_what_to_run(tmp_path: Path) -> None:
    from tests.helpers.sections import make_section

    image = np.random.default_rng(0).integers(1, 200, (64, 64)).astype(np.uint8)
    section = make_section(tmp_path / "s", {"BSE": image})
    with pytest.raises(SectionError, match="Run the step 'mask' first"):
        train(section, TrainSettings())


def test_training_goes_on_from_a_model_folder(section: Section) -> None:
    first = train(section, TrainSettings(**TINY))
    settings = TrainSettings(weights=str(first.path), name="second", **(TINY | {"epochs": 1}))
    second = train(section, settings)
    card = json.loads((second.path / "card.json").read_text())
    assert "weights.safetensors" in card["weights_from"]
    assert "new: nothing" in card["weights_from"]
    assert first.recipe.inputs.keys() < second.recipe.inputs.keys()


def test_a_model_that_learns_on_does_not_become_worse(section: Section) -> None:
    first = train(section, TrainSettings(**TINY))
    spoiled = TINY | {"epochs": 1, "learning_rate": 0.5}
    settings = TrainSettings(weights=str(first.path), name="second", **spoiled)
    second = train(section, settings)
    start, end = pd.read_csv(second.path / "history.csv").itertuples()
    assert (start.epoch, start.step, end.epoch, end.step) == (0, 0, 1, 3)
    assert start.val_loss == pytest.approx(read_card(first.path).scores["cross_entropy"], abs=1e-5)
    assert end.val_loss > start.val_loss
    assert read_card(second.path).best_step == 0
    kept, last = (load_file(second.path / f"{name}.safetensors") for name in ("weights", "last"))
    assert not all(torch.equal(kept[name], last[name]) for name in kept)
    one, two = (load_model(product.path)[0].state_dict() for product in (first, second))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_training_loss_is_a_curve_by_steps(section: Section) -> None:
    events: list[dict] = []
    product = train(section, TrainSettings(**TINY | {"steps": 7}), Job(listen=events.append))
    losses = pd.read_csv(product.path / "losses.csv")
    assert losses["step"].tolist() == [5, 7, 12, 14]  # every five steps, and at each validation
    told = [event["train_loss"] for event in events if event["event"] == "loss"]
    assert told == losses["train_loss"].tolist()
    history = pd.read_csv(product.path / "history.csv")
    first = (5 * told[0] + 2 * told[1]) / 7
    assert history["train_loss"][0] == pytest.approx(first)


def test_tensorboard_is_told_where_it_is_installed(
    section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, list[tuple[int, float]]] = {}

    class SummaryWriter:
        def __init__(self, folder: Path) -> None:
            assert folder == section.path / "work" / "models__light" / "tensorboard"

        def __enter__(self) -> SummaryWriter:
            return self

        def __exit__(self, *_: object) -> None: ...

        def add_scalar(self, tag: str, value: float, step: int) -> None:
            told.setdefault(tag, []).append((step, value))

    board = SimpleNamespace(SummaryWriter=SummaryWriter)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", board)
    product = train(section, TrainSettings(weights="none", **TINY), Job(seed=3))
    for tag, file, name in (
        ("loss/training", "losses.csv", "train_loss"),
        ("loss/validation", "history.csv", "val_loss"),
        ("IoU/olivine at 0.5", "history.csv", "val_iou"),
    ):
        table = pd.read_csv(product.path / file)
        assert [step for step, _ in told[tag]] == table["step"].tolist()
        assert [value for _, value in told[tag]] == pytest.approx(table[name].tolist())


def test_paper_network_takes_one_step(section: Section) -> None:
    settings = TrainSettings(
        network="deeplabv3_resnet50", weights="none", epochs=1, steps=1, batch=2, crop_px=64
    )
    product = train(section, settings)
    card = read_card(product.path)
    assert card.channels == 3
    assert card.normalisation.std == pytest.approx((0.229 * 255, 0.224 * 255, 0.225 * 255))
    network, _ = load_model(product.path)
    fresh = build_network("deeplabv3_resnet50").state_dict()
    changed = [n for n, v in network.state_dict().items() if not torch.equal(v, fresh[n])]
    assert len(changed) > 0.9 * len(fresh)
