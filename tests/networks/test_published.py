"""Where published weights are, and that an encoder takes them all."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.networks import NETWORKS, build_network, network_spec, start_weights
from napari_olivine.networks.published import OF_MICRONET, published_name, published_url
from napari_olivine.networks.torchvision_shim import smp

ENCODED = [
    name for name, spec in NETWORKS.items() if spec.architecture in ("unet", "linknet", "upernet")
]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def published(encoder: str) -> dict[str, torch.Tensor]:
    """Arrays under the names of those who publish them, for colours."""
    if encoder.startswith("tu-"):
        smp()
        import timm

        model = timm.create_model(encoder.removeprefix("tu-"), pretrained=False)
        return dict(model.state_dict())
    return dict(smp().encoders.get_encoder(encoder, weights=None).state_dict())


@pytest.mark.parametrize(
    "name", ["unet_resnet18", "linknet_inceptionv3", "unet_hrnet", "upernet_convnext"]
)
def test_an_encoder_takes_all_its_imagenet_weights(name: str, cache: Path) -> None:
    spec = network_spec(name)
    state = {key: value + 1 for key, value in published(spec.encoder).items()}
    save_file(state, cache / published_name(spec, "imagenet"))
    network = build_network(name, seed=1)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    said = start_weights(network, spec, "imagenet", Job())
    changed = {k for k, v in network.state_dict().items() if not torch.equal(v, before[k])}
    encoder = {key for key in before if key.startswith("body.encoder.")}
    assert changed == encoder
    assert said.startswith(f"{spec.encoder.removeprefix('tu-')}-imagenet.safetensors")


def test_every_encoder_has_an_address() -> None:
    for name in ENCODED:
        assert published_url(network_spec(name), "imagenet").endswith("model.safetensors")
    assert "resnet50-" in published_url(network_spec("deeplabv3_resnet50"), "imagenet")
    found = {NETWORKS[name].encoder for name in NETWORKS} & set(OF_MICRONET)
    assert found == set(OF_MICRONET)
    url = published_url(network_spec("unet_efficientnetb4"), "micronet")
    assert url.endswith("/efficientnet-b4_pretrained_microscopynet_v1.0.pth.tar")


def test_weights_that_were_asked_for_and_are_not_there(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_olivine.networks import published as module

    monkeypatch.setattr(module, "_fetch", lambda *_: False)
    monkeypatch.setattr(module, "_in_cache", lambda *_: None)
    spec = network_spec("unet_vgg16")
    with pytest.raises(InputError, match="micronet weights for unet_vgg16"):
        start_weights(build_network("resunet"), spec, "micronet", Job())
    with pytest.raises(InputError, match=r"neither .* Put vgg16-imagenet.safetensors into"):
        start_weights(build_network("resunet"), spec, "imagenet", Job())
