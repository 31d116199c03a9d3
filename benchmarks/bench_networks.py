"""Every network: size, time of a step, whether it learns, speed of prediction.

    python benchmarks/bench_networks.py [--networks NAME ...] [--crop-px 64] [--batch 2]

Each network is built with random weights and makes 20 steps on one and the same batch of a phantom
with olivine as its target. Told are its parameters (millions), the processor's time of a step (s),
the loss at the first and over the last five steps, and the speed of its prediction in float32 at
256 px (megapixels a second of the processor). A loss that does not fall by a tenth is marked.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch

from napari_olivine.job import Job
from napari_olivine.masks import make_mask
from napari_olivine.networks import NETWORKS, build_network, measure_normalisation
from napari_olivine.phantom import PhantomSettings, make_phantom
from napari_olivine.readers import import_section
from napari_olivine.section import Section, with_role
from napari_olivine.training.losses import bce_dice_loss
from napari_olivine.training.samples import Samples

STEPS = 20


def main() -> None:
    learning = [name for name, spec in NETWORKS.items() if spec.architecture != "forest"]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", default=learning)
    parser.add_argument("--crop-px", type=int, default=64)
    parser.add_argument("--batch", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        section = a_phantom(Path(folder))
        print("| network | parameters, millions | step, s | loss: first, last | Mpx/s |")
        print("| --- | --- | --- | --- | --- |")
        for name in given.networks:
            print(f"| {name} | {measure(section, name, given.crop_px, given.batch)} |", flush=True)


def a_phantom(folder: Path) -> Section:
    """Make a small section with a mask."""
    make_phantom(folder / "source", PhantomSettings.small(seed=1))
    import_section(folder / "source", folder / "section")
    make_mask(Section(folder / "section"))
    return Section(folder / "section")


def measure(section: Section, name: str, crop_px: int, batch: int) -> str:
    """Train a network for some steps, and tell its figures."""
    spec, job = NETWORKS[name], Job()
    sessions = with_role(section.sessions(), "train")
    normalisation = measure_normalisation(
        section, sessions, "session", spec.channels, spec.imagenet_normalisation, job
    )
    windows = [session.window for session in sessions]
    samples = Samples(section, windows, normalisation, "olivine", job)
    network = build_network(name, seed=0)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    preset = replace(spec.preset, batch=batch, crop_px=crop_px)
    images, labels = samples.batch(0, 0, preset, 1.0)
    x = torch.from_numpy(images).contiguous(memory_format=torch.channels_last)
    y = torch.from_numpy(labels)
    losses = []
    started = time.process_time()
    for _ in range(STEPS):
        optimiser.zero_grad(set_to_none=True)
        loss = bce_dice_loss(network(x), y, dice=0.0)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(loss.item())
    step = (time.process_time() - started) / STEPS
    network.eval()
    image = torch.randn(1, spec.channels, 256, 256).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        network(image)
        started = time.process_time()
        network(image)
    speed = 256**2 / 1e6 / (time.process_time() - started)
    millions = sum(value.numel() for value in network.parameters()) / 1e6
    first, last = losses[0], sum(losses[-5:]) / 5
    mark = "" if last < 0.9 * first else " **does not fall**"
    return f"{millions:.1f} | {step:.2f} | {first:.3f}, {last:.3f}{mark} | {speed:.2f}"


if __name__ == "__main__":
    main()
