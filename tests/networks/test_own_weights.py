"""The weights that come with the program, and models of networks that had another name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.networks import (
    ModelPhase,
    Network,
    build_network,
    load_model,
    logit_of_phase,
    network_spec,
    read_card,
    save_model,
    start_weights,
)
from napari_olivine.networks.own_weights import (
    HEAD,
    OWN_PHASES,
    OWN_WEIGHTS_FOLDER,
    fit_own_head,
    write_own_weights,
)
from napari_olivine.networks.pretrained import check_hash
from tests.networks.test_networks import a_card

LIGHT = network_spec("light")
OWN_FILE = OWN_WEIGHTS_FOLDER / LIGHT.own_weights


def phases(*names: str) -> list[ModelPhase]:
    """Phases of a rule book, whose codes are not those of the weights."""
    codes = {"unclassified": 0, "olivine": 1}
    return [
        ModelPhase(name=name, code=codes.get(name, 10 + place), colour="#000000")
        for place, name in enumerate(names)
    ]


def started(outputs: Sequence[ModelPhase], weights: str = "auto") -> Network:
    network = build_network("light", seed=5, classes=len(outputs) or 1)
    start_weights(network, LIGHT, weights, Job(), outputs)
    return network.eval()


def test_the_file_is_small_and_what_its_name_says() -> None:
    assert OWN_FILE.stat().st_size < 10e6
    check_hash(OWN_FILE)
    assert list(OWN_WEIGHTS_FOLDER.glob("*.safetensors")) == [OWN_FILE]


def test_phases_are_taken_over_by_name_in_any_order() -> None:
    image = torch.randn(1, 1, 64, 64)
    one = started(phases("unclassified", "olivine", "Glass", "spinel"))
    two = started(phases("glass", "unclassified", "olivine"))
    with torch.inference_mode():
        a, b = one(image)[0], two(image)[0]
    assert torch.equal(a[1], b[2])
    assert torch.equal(a[2], b[0])
    assert a[3].mean() < a.amax(0).mean() - 1, "not known: rare until it is learned"
    assert a[1].std() > 0


def test_olivine_alone_is_olivine_above_the_others() -> None:
    image = torch.randn(1, 1, 64, 64)
    everything = started(phases(*OWN_PHASES))
    with torch.inference_mode():
        logits = everything(image)
        alone = started([])(image)
    place = OWN_PHASES.index("olivine")
    others = torch.cat([logits[:, :place], logits[:, place + 1 :]], 1).mean(1, keepdim=True)
    torch.testing.assert_close(alone, logits[:, place : place + 1] - others, rtol=0, atol=1e-3)
    assert not torch.equal(alone, logit_of_phase(logits, place))


def test_what_is_written_can_be_started_from(tmp_path: Path) -> None:
    network = build_network("light", seed=2, classes=len(OWN_PHASES))
    file = write_own_weights(tmp_path, network)
    check_hash(file)
    assert file.stat().st_size < 10e6
    state = {name: value.half().float() for name, value in network.state_dict().items()}
    kept = fit_own_head(state, phases(*OWN_PHASES), network.state_dict())
    assert torch.equal(kept[f"{HEAD}.weight"], state[f"{HEAD}.weight"])
    file.write_bytes(file.read_bytes()[:-4] + b"nope")
    with pytest.raises(InputError, match="is damaged"):
        check_hash(file)


def test_which_networks_start_from_them() -> None:
    assert LIGHT.starts_from_own("auto")
    assert not LIGHT.starts_from_own("none")
    assert not network_spec("unet_resnet18").starts_from_own("auto")
    assert not network_spec("deeplabv3_resnet50").starts_from_own("auto")


def test_a_light_network_of_before_is_the_larger_one(tmp_path: Path) -> None:
    network = build_network("unet_resnet18", seed=9).eval()
    save_model(tmp_path, network, a_card("unet_resnet18"))
    values = json.loads((tmp_path / "card.json").read_text())
    (tmp_path / "card.json").write_text(json.dumps(values | {"format": 3, "network": "light"}))
    assert read_card(tmp_path).network == "unet_resnet18"
    image = torch.randn(1, 1, 64, 64)
    with torch.inference_mode():
        assert torch.equal(load_model(tmp_path)[0](image), network(image))


def test_a_model_of_another_network_is_no_start(tmp_path: Path) -> None:
    save_model(tmp_path, build_network("unet_resnet18"), a_card("unet_resnet18"))
    with pytest.raises(InputError, match="is a model of the network unet_resnet18, not of light"):
        started([], str(tmp_path))
