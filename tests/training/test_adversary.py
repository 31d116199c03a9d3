"""The adversary of a pix2pix."""

from __future__ import annotations

from copy import deepcopy

import torch

from napari_olivine.training.adversary import Adversary, real_maps
from napari_olivine.training.windows import BY_HAND, FIRST_PHASE, IGNORE, PHASE_BY_HAND

CPU = torch.device("cpu")


def test_real_maps_say_what_is_known_and_nothing_else() -> None:
    labels = torch.tensor(
        [[[1, FIRST_PHASE, FIRST_PHASE + 2 + PHASE_BY_HAND, BY_HAND + 1, 0, BY_HAND, IGNORE]]],
        dtype=torch.uint8,
    )
    made = torch.rand(1, 3, 1, 7)
    real = real_maps(made, labels, olivine=1)
    assert real[0, :, 0, :4].argmax(0).tolist() == [1, 0, 2, 1]
    assert real[0, :, 0, :4].sum(0).tolist() == [1, 1, 1, 1]
    assert torch.equal(real[..., 4:], made[..., 4:])
    alone = real_maps(made[:, :1], labels, olivine=0)
    assert alone[0, 0, 0, :6].tolist() == [1, 0, 0, 1, 0, 0]
    assert torch.equal(alone[..., 6], made[:, :1, :, 6])


def test_it_learns_to_tell_and_its_state_goes_on_to_the_bit() -> None:
    torch.manual_seed(0)
    images = torch.randn(2, 1, 32, 32)
    labels = (images[:, 0] > 0).to(torch.uint8)
    logits = torch.zeros(2, 1, 32, 32)  # says "perhaps" everywhere

    def adversary() -> Adversary:
        return Adversary(1, 1, 0, 2e-4, seed=3, device=CPU)

    def told_apart(one: Adversary) -> float:
        real, made = labels[:, None].float(), torch.full((2, 1, 32, 32), 0.5)
        with torch.no_grad():
            return float((one.network(images, real) - one.network(images, made)).mean())

    one = adversary()
    for _ in range(15):
        one.learn(images, logits, labels)
    assert told_apart(one) > told_apart(adversary()) + 0.3
    other = adversary()
    other.load_state_dict(deepcopy(one.state_dict()))
    for each in (one, other):
        each.learn(images, logits, labels)
    a, b = one.network.state_dict(), other.network.state_dict()
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_the_generator_learns_from_it_and_it_does_not() -> None:
    one = Adversary(1, 1, 0, 2e-4, seed=3, device=CPU)
    logits = torch.zeros(2, 1, 32, 32, requires_grad=True)
    one.fool(torch.randn(2, 1, 32, 32), logits).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert float(logits.grad.abs().sum()) > 0
    assert all(value.grad is None for value in one.network.parameters())
