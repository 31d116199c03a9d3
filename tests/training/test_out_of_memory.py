"""A training for which memory does not suffice goes on with fewer crops at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from napari_olivine.errors import Cancelled, InputError
from napari_olivine.job import Job
from napari_olivine.networks import NETWORKS, Network, is_out_of_memory, load_model
from napari_olivine.section import Section
from napari_olivine.training import TrainSettings, train
from tests.helpers.grains import make_grains
from tests.training.test_training import use_small_network

pytestmark = pytest.mark.slow

HOW = TrainSettings(weights="none", epochs=1, steps=2, batch=8, crop_px=32)
TEXT = "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory"


@pytest.fixture
def section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Section:
    use_small_network(monkeypatch)
    return make_grains(tmp_path / "section", drift=(0, 5))[0]


def have_room_for(crops: int, patch: pytest.MonkeyPatch) -> None:
    """Let a training step of more crops at once fail as torch fails, half way through it."""
    forward = Network.forward

    def in_little_memory(network: Network, images: torch.Tensor) -> torch.Tensor:
        logits = forward(network, images)  # it has changed running statistics
        if network.training and len(images) > crops:
            raise RuntimeError(TEXT)
        return logits

    patch.setattr(Network, "forward", in_little_memory)


def test_the_step_is_repeated_in_smaller_parts_also_after_a_stop(
    section: Section, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, Any]] = []
    job = Job()

    def listen(event: dict[str, Any]) -> None:
        told.append(event)
        if "loss" in event.get("message", ""):
            job.cancel.set()

    job.listen = listen
    with monkeypatch.context() as patch, pytest.raises(Cancelled):
        have_room_for(2, patch)
        train(section, HOW, job)
    said = [event["message"] for event in told if "step 1 is repeated" in event.get("message", "")]
    assert [text.partition("with ")[2][0] for text in said] == ["4", "2"]
    stopped = train(section, HOW, Job())  # now with room for all
    light = NETWORKS["light"]
    preset = replace(light.preset, together=2)
    monkeypatch.setitem(NETWORKS, "light", replace(light, preset=preset))
    usual = train(make_grains(tmp_path / "other", drift=(0, 5))[0], HOW, Job())
    one, two = (load_model(product.path)[0].state_dict() for product in (stopped, usual))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_where_not_even_two_crops_fit_the_person_is_told(
    section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    have_room_for(0, monkeypatch)
    with pytest.raises(InputError, match=r"cpu does not suffice for 2 crops of 32 px .*alloc_cpu"):
        train(section, HOW, Job())


def test_other_errors_are_none_of_memory() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
