"""Networks: architectures, start weights, model folders, grey levels."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from napari_olivine.errors import Cancelled, InputError
from napari_olivine.job import Job
from napari_olivine.networks import (
    NETWORKS,
    ModelCard,
    Normalisation,
    network_spec,
    pretrained,
    published,
    read_card,
)
from napari_olivine.networks.build import build_network
from napari_olivine.networks.device import choose_device, stoppable
from napari_olivine.networks.files import load_model, load_weights, save_model, save_weights
from napari_olivine.networks.normalisation import (
    LevelledGrey,
    clip_window,
    measure_normalisation,
    normalise,
    read_window,
)
from napari_olivine.networks.torchvision_shim import declare_missing_operators, torchvision
from tests.helpers.grains import SIDE, make_grains
from tests.helpers.sections import make_section


def a_card(network: str = "light", **other: object) -> ModelCard:
    values = {
        "network": network,
        "title": "for a test",
        "channels": 1,
        "pixel_size_um": 1.5,
        "grey_type": "uint8",
        "normalisation": Normalisation(
            align="session", median=110, spread=15, mean=(110.0,), std=(15.0,)
        ),
        "section": "test",
        "training_sessions": ["1"],
        "validation_sessions": ["2"],
        "weights_from": "random weights",
        "best_epoch": 1,
        "best_step": 2,
        "scores": {"iou_0.1": 0.5},
        "best_threshold": 0.4,
        "settings": {"network": network},
        "seed": 3,
        "versions": {"torch": torch.__version__},
        "created": "2026-01-01T00:00:00+00:00",
    }
    return ModelCard(**(values | other))


def heard() -> tuple[Job, list[dict]]:
    events: list[dict] = []
    return Job(listen=events.append), events


TRAINED = [name for name, spec in NETWORKS.items() if spec.architecture != "forest"]


@pytest.mark.parametrize("name", TRAINED)
def test_every_network_answers_at_the_input_size_trains_and_is_kept_to_the_bit(
    name: str, tmp_path: Path
) -> None:
    network = build_network(name)
    # 72 x 40 is no multiple of 32: padded by reflection and cut back.
    images = torch.randn(2, network_spec(name).channels, 72, 40)
    logits = network(images)
    assert logits.shape == (2, 1, 72, 40)
    logits.mean().backward()
    weights = sum(p.numel() for p in network.parameters())
    assert network_spec(name).weights_m == pytest.approx(weights / 1e6, abs=0.06)
    parameters = [p.grad for p in network.parameters()]
    assert sum(float(g.abs().sum()) for g in parameters if g is not None) > 0
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert {m.momentum for m in norms} == {0.1}
    file = tmp_path / "weights.safetensors"
    save_weights(file, network.eval())
    kept = {key: value.clone() for key, value in network.state_dict().items()}
    for value in network.state_dict().values():
        value.zero_()
    load_weights(file, network)
    assert all(torch.equal(value, kept[key]) for key, value in network.state_dict().items())
    file.unlink()


def test_same_seed_same_weights_another_seed_others() -> None:
    first, second, third = (build_network("light", seed=s).state_dict() for s in (1, 1, 2))
    assert all(torch.equal(first[k], second[k]) for k in first)
    assert not all(torch.equal(first[k], third[k]) for k in first)


def test_unknown_network_names_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"no network 'unet'.*light.*deeplabv3_resnet50"):
        build_network("unet")


def test_torchvision_imports_whatever_its_operators_do() -> None:
    vision = torchvision()
    declared = declare_missing_operators()
    assert ("nms" in declared) != vision.extension._has_ops()
    assert hasattr(torch.ops.torchvision, "nms")


def test_settings_and_cards_do_without_torch() -> None:
    code = (
        "import sys, napari_olivine.training, napari_olivine.inference, napari_olivine.networks;"
        "assert not {'torch', 'torchvision', 'timm'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# ---------------------------------------------------------------- start weights


def coco_like(name: str, folder: Path) -> tuple[Path, dict[str, torch.Tensor]]:
    """Weights in the layout of torchvision's COCO files: 21 classes, auxiliary classifier."""
    torchvision()
    from torchvision.models import segmentation

    torch.manual_seed(5)
    model = getattr(segmentation, name)(
        weights=None, weights_backbone=None, num_classes=21, aux_loss=True
    )
    state = model.state_dict()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "unnamed.pth"
    torch.save(state, file)
    return file, state


MOBILE = "deeplabv3_mobilenet_v3_large"


def test_coco_weights_from_a_file_and_what_is_new(tmp_path: Path) -> None:
    file, state = coco_like(MOBILE, tmp_path)
    network = build_network(MOBILE)
    head = network.state_dict()["body.classifier.4.weight"].clone()
    job, events = heard()
    said = pretrained.start_weights(network, network_spec(MOBILE), str(file), job)
    own = network.state_dict()
    for key in state:
        if not key.startswith(("aux_classifier", "classifier.4")):
            assert torch.equal(own[f"body.{key}"], state[key]), key
    assert torch.equal(own["body.classifier.4.weight"], head)
    assert "unnamed.pth" in said
    assert "new: classifier.4" in said
    assert "aux_classifier" in said
    assert said in events[-1]["message"]


def at(patch: pytest.MonkeyPatch, url: str) -> None:
    """Say that published weights lie somewhere."""
    patch.setattr(published, "published_url", lambda spec, kind="auto": url)


def test_coco_weights_from_the_cache_and_their_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    cache = tmp_path / "hub" / "checkpoints"
    file, state = coco_like(MOBILE, cache)
    with file.open("rb") as stream:
        prefix = hashlib.file_digest(stream, "sha256").hexdigest()[:8]
    monkeypatch.setattr(
        published, "published_url", lambda spec, kind="auto": f"http://x.test/m-{prefix}.pth"
    )
    file.rename(cache / f"m-{prefix}.pth")
    network = build_network(MOBILE)
    said = pretrained.start_weights(network, network_spec(MOBILE), "auto", Job())
    assert f"m-{prefix}.pth" in said
    name = "backbone.0.0.weight"
    assert torch.equal(network.state_dict()[f"body.{name}"], state[name])

    damaged = cache / "m-00000000.pth"
    (cache / f"m-{prefix}.pth").rename(damaged)
    monkeypatch.setattr(
        published, "published_url", lambda spec, kind="auto": "http://x.test/m-00000000.pth"
    )
    with pytest.raises(InputError, match=rf"damaged.*starts with {prefix}.*says 00000000"):
        pretrained.start_weights(network, network_spec(MOBILE), "auto", Job())


def test_published_addresses_are_those_of_the_paper() -> None:
    url = published.published_url(network_spec("deeplabv3_resnet50"))
    assert url.endswith("/deeplabv3_resnet50_coco-cd0a2569.pth")


def test_without_cache_and_network_training_starts_from_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    # A closed port of this machine: refused at once, as without a network.
    monkeypatch.setattr(
        published, "published_url", lambda spec, kind="auto": "http://127.0.0.1:9/m-0.pth"
    )
    job, events = heard()
    said = pretrained.start_weights(build_network(MOBILE), network_spec(MOBILE), "auto", job)
    assert said.startswith("random weights")
    assert events[-1]["event"] == "warning"
    assert str(tmp_path / "hub" / "checkpoints") in events[-1]["message"]


def test_encoder_weights_for_the_light_network(tmp_path: Path) -> None:
    torchvision()
    from torchvision.models import resnet18

    torch.manual_seed(7)
    state = resnet18(weights=None).state_dict()
    torch.save(state, tmp_path / "resnet18.pth")
    network = build_network("light")
    said = pretrained.start_weights(
        network, network_spec("light"), str(tmp_path / "resnet18.pth"), Job()
    )
    own = network.state_dict()
    assert torch.equal(own["body.encoder.layer3.0.conv1.weight"], state["layer3.0.conv1.weight"])
    # The first layer saw colours; its sum answers to grey as it did to grey in all three.
    assert torch.allclose(own["body.encoder.conv1.weight"], state["conv1.weight"].sum(1, True))
    assert "fc" in said
    assert "decoder" in said


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"not weights at all", "damaged or no weights file"), (b"", "damaged or no weights file")],
)
def test_weights_file_that_is_none(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "x.pth"
    file.write_bytes(content)
    with pytest.raises(InputError, match=message):
        pretrained.start_weights(build_network("light"), network_spec("light"), str(file), Job())


def test_weights_of_another_kind_or_missing(tmp_path: Path) -> None:
    torch.save({"something.else": torch.zeros(3)}, tmp_path / "x.pth")
    light = network_spec("light")
    with pytest.raises(InputError, match="Nothing in .* fits"):
        pretrained.start_weights(build_network("light"), light, str(tmp_path / "x.pth"), Job())
    with pytest.raises(InputError, match="There is no file"):
        pretrained.start_weights(build_network("light"), light, str(tmp_path / "y.pth"), Job())


# ---------------------------------------------------------------- model folders


def test_model_folder_round_trip(tmp_path: Path) -> None:
    network = build_network("light", seed=9).eval()
    save_model(tmp_path, network, a_card())
    again, card = load_model(tmp_path)
    assert card == a_card()
    image = torch.randn(1, 1, 64, 64)
    with torch.inference_mode():
        assert torch.equal(again(image), network(image))
    assert not again.training


def test_model_folders_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no model: it has no card\.json"):
        load_model(tmp_path)
    save_model(tmp_path, build_network("light"), a_card())
    (tmp_path / "card.json").write_text("{")
    with pytest.raises(InputError, match="damaged"):
        load_model(tmp_path)
    newer = json.loads(a_card().model_dump_json()) | {"format": 99}
    (tmp_path / "card.json").write_text(json.dumps(newer))
    with pytest.raises(InputError, match="newer version"):
        read_card(tmp_path)
    (tmp_path / "card.json").write_text(a_card(MOBILE, channels=3).model_dump_json())
    with pytest.raises(InputError, match="do not fit the network"):
        load_model(tmp_path)
    (tmp_path / "card.json").write_text(a_card().model_dump_json())
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(InputError, match="damaged"):
        load_model(tmp_path)
    weights.unlink()
    with pytest.raises(InputError, match=r"no weights\.safetensors"):
        load_model(tmp_path)


def test_device_that_is_not_there() -> None:
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(InputError, match="is none of auto, cpu"):
        choose_device("toaster")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="no device 'cuda' here"):
            choose_device("cuda")


def test_a_forward_pass_can_be_stopped_between_layers() -> None:
    network, cancel, layers = build_network("light"), threading.Event(), []
    network.body.encoder.layer2.register_forward_hook(lambda *_: cancel.set())
    network.body.encoder.layer3.register_forward_hook(lambda *_: layers.append(3))
    with pytest.raises(Cancelled), stoppable(network, Job(cancel=cancel)):
        network(torch.randn(2, 1, 32, 32))
    assert not layers
    network(torch.randn(2, 1, 32, 32))  # the checks are gone with the block
    assert layers


# ---------------------------------------------------------------- grey


def test_a_section_of_another_contrast_is_levelled_to_that_of_the_training(tmp_path: Path) -> None:
    home, _ = make_grains(tmp_path / "home")
    other, _ = make_grains(tmp_path / "other")
    whole = tuple(slice(0, size) for size in home.shape)
    grey = home.raster("images", "BSE").read(*whole)
    other.raster("images", "BSE").write(0, 0, np.rint(40 + 0.5 * grey).astype(np.uint8))
    train = home.sessions()[:1]
    norm = measure_normalisation(home, train, "contrast", 1, False, Job())
    seen, levelled = LevelledGrey(home, norm, Job()), LevelledGrey(other, norm, Job())
    wanted = seen.read(0, 0, *home.shape)
    assert wanted[:, :SIDE] == pytest.approx(grey[:, :SIDE], abs=0.01)  # its own stays as it is
    assert np.abs(levelled.read(0, 0, *home.shape) - wanted).max() < 3  # steps of two grey levels
    by_shift = measure_normalisation(home, train, "session", 1, False, Job())
    assert np.ptp(LevelledGrey(other, by_shift, Job()).read(0, 0, *home.shape)) < 0.6 * np.ptp(grey)
    window = read_window(levelled.raster, -3, SIDE // 2, 40, 40)
    looked_up, computed = levelled.prepare(window), normalise(levelled.level(window), norm)
    np.testing.assert_allclose(looked_up, computed, atol=1e-5)


def test_sessions_are_levelled_to_the_training_grey(tmp_path: Path) -> None:
    section, _ = make_grains(tmp_path / "s", drift=(0, 5, 12))
    train = section.sessions()[:1]
    norm = measure_normalisation(section, train, "session", 1, False, Job())
    assert norm.median == pytest.approx(110, abs=1)
    grey = LevelledGrey(section, norm, Job())
    medians = [np.median(grey.read(0, k * SIDE, SIDE, SIDE)) for k in range(3)]
    assert medians == pytest.approx([norm.median] * 3, abs=1)
    # Across the border of two sessions each pixel gets its own session's shift.
    both = grey.read(0, SIDE - 50, SIDE, 100)
    raw = section.raster("images", "BSE").read(slice(0, SIDE), slice(SIDE - 50, SIDE + 50))
    shift = raw - both
    assert np.ptp(shift[:, :50]) == 0
    assert shift[0, 50] - shift[0, 49] == pytest.approx(5, abs=1)
    plain = norm.model_copy(update={"align": "none"})
    assert np.array_equal(LevelledGrey(section, plain, Job()).read(0, SIDE - 50, SIDE, 100), raw)


def test_grey_beyond_the_edge_is_reflected(tmp_path: Path) -> None:
    section, _ = make_grains(tmp_path / "s", drift=(0,))
    norm = measure_normalisation(section, section.sessions(), "session", 1, False, Job())
    grey = LevelledGrey(section, norm, Job())
    inside = grey.read(0, 0, SIDE, SIDE)
    around = grey.read(-20, -30, SIDE + 50, SIDE + 70)
    assert np.array_equal(around[20:-30, 30:-40], inside)
    assert np.array_equal(around[:20, 30:-40], inside[:20][::-1])
    assert np.array_equal(around[20:-30, -40:], inside[:, -40:][:, ::-1])
    assert clip_window((10, 10), -2, 4, 5, 9) == ((slice(0, 3), slice(4, 10)), ((2, 0), (0, 3)))


def test_imagenet_normalisation_of_grey_in_three_channels(tmp_path: Path) -> None:
    section, _ = make_grains(tmp_path / "s", drift=(0,))
    norm = measure_normalisation(section, section.sessions(), "none", 3, True, Job())
    result = normalise(np.full((2, 2), 51, np.float32), norm)
    expected = [(0.2 - m) / s for m, s in ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))]
    assert result[:, 0, 0] == pytest.approx(expected, rel=1e-5)


def test_sixteen_bit_grey_is_normalised_over_its_range(tmp_path: Path) -> None:
    from tests.helpers.sections import make_section

    image = np.random.default_rng(0).integers(1000, 1400, (128, 128)).astype(np.uint16)
    section = make_section(tmp_path / "s", {"BSE": image})
    norm = measure_normalisation(section, section.sessions(), "none", 3, True, Job())
    values = normalise(image.astype(np.float32), norm)[0] * 0.229 + 0.485
    assert -0.1 < values.min() < 0.05
    assert 0.95 < values.max() < 1.1


def test_image_without_contrast_is_refused(tmp_path: Path) -> None:
    from tests.helpers.sections import make_section

    section = make_section(tmp_path / "s", {"BSE": np.full((64, 64), 7, np.uint8)})
    with pytest.raises(InputError, match="same grey everywhere"):
        measure_normalisation(section, section.sessions(), "none", 1, False, Job())


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32"])
def test_a_prepared_window_is_the_normalised_levelled_grey(tmp_path: Path, kind: str) -> None:
    random = np.random.default_rng(0)
    image = random.integers(1, 200, (300, 400)).astype(kind)
    image[:, 200:] += image.dtype.type(20)
    section = make_section(tmp_path / "s", {"BSE": image})
    columns = ["session", "row0", "row1", "col0", "col1", "role"]
    rows = [("1", 0, 300, 0, 400, "train"), ("2", 0, 300, 200, 400, "none")]
    section.annotate("sessions", pd.DataFrame(rows, columns=columns))
    norm = Normalisation(
        align="session", median=110, spread=15, mean=(110.0, 90.0), std=(15.0, 20.0)
    )
    grey = LevelledGrey(section, norm, Job())
    whole = normalise(grey.read(0, 0, 300, 400), norm)
    both = grey.shift(slice(0, 300), slice(0, 400))
    assert np.ptp(both) > 3, "the later session counts where the two overlap"
    for row, column, high, wide in ((10, 10, 50, 60), (10, 250, 50, 60), (10, 150, 90, 100)):
        window = read_window(grey.raster, row, column, high, wide)
        prepared = grey.prepare(window)
        assert prepared.dtype == np.float32
        assert np.array_equal(prepared, whole[:, row : row + high, column : column + wide])
    over = grey.prepare(read_window(grey.raster, -20, -30, 100, 100))
    assert over.shape == (2, 100, 100)
    assert np.array_equal(over, normalise(grey.read(-20, -30, 100, 100), norm))


@pytest.mark.parametrize(
    ("scores", "threshold"),
    [
        ({"iou_0.1": 0.70, "iou_best": 0.715}, 0.1),
        ({"iou_0.1": 0.13, "iou_best": 0.71}, 0.58),
        ({"iou_0.1": 0.5}, 0.1),
    ],
)
def test_the_published_threshold_gives_way_where_another_is_clearly_better(
    scores: dict[str, float], threshold: float
) -> None:
    from napari_olivine.inference import threshold_of

    assert threshold_of(a_card(scores=scores, best_threshold=0.5803)) == threshold
    guided = a_card(scores=scores, best_threshold=0.5803, outlines_from="bse")
    assert threshold_of(guided) == 0.58
