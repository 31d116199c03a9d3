"""Make the weights that the light network starts from: it learns from many synthetic sections.

    python scripts/pretrain_light.py FOLDER [--sections 128] [--minutes 70] [--out FILE]

Sections of all rocks and of several pixel sizes are made in FOLDER (some 2 MB each), with their
true phases. The network sees crops of them, each phase equally often, whose brightness, contrast,
sharpness, noise and scale are changed at random: what is left to learn from is texture, shape and
how grey one phase is beside another. The state is kept in ``FOLDER/checkpoint.pt``; the same
command goes on with it. With ``--out`` the weights are written in half precision, with the start
of their SHA-256 sum in the name, as `napari_olivine.networks.own_weights` expects them.

The seeds of these sections (1000 and up) are those of no benchmark.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from napari_olivine.networks import autocast, build_network
from napari_olivine.networks.own_weights import OWN_PHASES, write_own_weights
from napari_olivine.phantom import PhantomSettings, RockName, make_phantom
from napari_olivine.readers import import_section
from napari_olivine.scoring.truth import Truth
from napari_olivine.section import Section, rock_only
from napari_olivine.training.ema import ExponentialMovingAverage

FIRST_SEED, FIRST_HELD_OUT = 1000, 900
PIXEL_SIZES_UM = (1.0, 0.6, 1.0, 1.5)
CROP_PX, BATCH = 128, 16
LARGEST_RATE, KEPT_AVERAGE = 1e-3, 0.999
STEPS_OF_A_REPORT = 100
OLIVINE = OWN_PHASES.index("olivine")
ANYWHERE = 0.15
"""Part of the crops that lies anywhere; the others lie over a phase, each equally often."""

#: Names of the truth's phases that the network knows under another name.
CALLED = {"vesicle": "void", "resin": "void"}

Sample = tuple[NDArray[np.float32], NDArray[np.uint8], dict[int, NDArray[np.int64]]]


def main() -> None:
    """Make the sections, learn, write the weights."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sections", type=int, default=128)
    parser.add_argument("--minutes", type=float, default=70.0)
    parser.add_argument("--out", type=Path, help="folder for the finished weights")
    parser.add_argument("--make", type=int, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.make:
        for number in range(*given.make):
            make_sample(given.folder, number)
        return
    numbers = [*range(given.sections), *range(-HELD_OUT, 0)]
    make_all(given.folder, given.sections)
    samples = [load_sample(sample_file(given.folder, number)) for number in numbers]
    network = learn(
        samples[: given.sections], samples[given.sections :], given.folder, given.minutes
    )
    if given.out:
        print(write_own_weights(given.out, network))


# ---------------------------------------------------------------------- the sections

HELD_OUT = 2 * len(get_args(RockName))


def sample_file(folder: Path, number: int) -> Path:
    """File of a section; those below 0 are held out."""
    return folder / f"{number}.npz"


def make_all(folder: Path, count: int) -> None:
    """Make the sections that are not there yet, on two processors."""
    half = (count - HELD_OUT) // 2
    parts = [(-HELD_OUT, half), (half, count)]
    runs = [
        subprocess.Popen([sys.executable, __file__, str(folder), "--make", str(a), str(b)])
        for a, b in parts
    ]
    ended = [run.wait() for run in runs]
    if any(ended):
        raise SystemExit("A section could not be made.")


def make_sample(folder: Path, number: int) -> None:
    """Make one section: its BSE grey, and its true phases as numbers of `OWN_PHASES`."""
    file = sample_file(folder, number)
    if file.exists():
        return
    rocks = get_args(RockName)
    size = PIXEL_SIZES_UM[number // len(rocks) % len(PIXEL_SIZES_UM)]
    seed = FIRST_SEED + number if number >= 0 else FIRST_HELD_OUT - number
    work = folder / f"work{number}"
    shutil.rmtree(work, ignore_errors=True)
    settings = PhantomSettings.small(rock=rocks[number % len(rocks)], seed=seed, pixel_size_um=size)
    make_phantom(work / "source", settings)
    import_section(work / "source", work / "section")
    section = Section(work / "section")
    truth = Truth(work / "source" / "truth", section)
    numbers = np.zeros(256, np.uint8)
    for name, code in truth.codes().items():
        numbers[code] = OWN_PHASES.index(CALLED.get(name, name))
    whole = slice(0, section.shape[0])
    grey = section.raster("images", "BSE").read(whole, slice(0, section.shape[1]))
    unfinished = file.with_suffix(".part.npz")
    np.savez_compressed(unfinished, grey=grey, phase=numbers[truth.phase(whole)])
    unfinished.replace(file)
    shutil.rmtree(work)


def load_sample(file: Path) -> Sample:
    """Read a section: normalised grey, phases, and some places of each phase."""
    with np.load(file) as content:
        grey, phase = content["grey"], content["phase"]
    rock = rock_only(grey[::3, ::3].ravel()).astype(np.float32)
    low, high = np.percentile(rock, [0.5, 99.5])
    spread = float(np.clip(rock, low, high).std())
    normal = ((grey - np.float32(np.median(rock))) / np.float32(spread)).astype(np.float32)
    random = np.random.default_rng(0)
    places = {}
    for number in np.unique(phase):
        every = np.argwhere(phase == number)
        places[int(number)] = every[random.integers(len(every), size=2000)]
    return normal, phase, places


# ---------------------------------------------------------------------- the crops


def draw(random: np.random.Generator, samples: list[Sample]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Draw a crop and change how it looks."""
    zoom = float(np.exp(random.uniform(-0.4, 0.4))) if random.random() < 0.5 else 1.0
    side = round(CROP_PX / zoom)
    number = int(random.integers(len(OWN_PHASES)))
    showing = [one for one in samples if number in one[2]]
    grey, phase, places = (showing or samples)[random.integers(len(showing or samples))]
    if random.random() < ANYWHERE or not showing:
        row, column = (int(random.integers(n - side + 1)) for n in grey.shape)
    else:
        place = places[number][random.integers(len(places[number]))]
        first = (int(v) - int(random.integers(side)) for v in place)
        row, column = (max(0, min(v, n - side)) for v, n in zip(first, grey.shape, strict=True))
    window = np.s_[row : row + side, column : column + side]
    x: NDArray[Any] = grey[window]
    y: NDArray[Any] = phase[window]
    if side != CROP_PX:
        x = cv2.resize(x, (CROP_PX, CROP_PX), interpolation=cv2.INTER_AREA if zoom < 1 else 1)
        y = cv2.resize(y, (CROP_PX, CROP_PX), interpolation=cv2.INTER_NEAREST)
    x = np.rot90(x, turns := int(random.integers(4)))
    y = np.rot90(y, turns)
    if random.random() < 0.5:
        x, y = x[::-1], y[::-1]
    return change(random, x), np.ascontiguousarray(y)


def change(random: np.random.Generator, x: NDArray[Any]) -> NDArray[np.float32]:
    """Change contrast, brightness, shading, sharpness and noise of a crop."""
    x = x * np.float32(np.exp(random.normal(0, 0.25))) + np.float32(random.normal(0, 0.4))
    hills = random.normal(0, 0.3 * random.random(), (4, 4)).astype(np.float32)
    x = x + cv2.resize(hills, x.shape[::-1], interpolation=cv2.INTER_CUBIC)
    if random.random() < 0.3:
        x = cv2.GaussianBlur(x, (0, 0), float(random.uniform(0.4, 1.2)))
    if random.random() < 0.5:
        x = x + random.normal(0, 0.2 * random.random(), x.shape).astype(np.float32)
    return np.ascontiguousarray(x, np.float32)


def batch(samples: list[Sample], step: int) -> tuple[Tensor, Tensor]:
    """Crops of a step: the same for the same step."""
    random = np.random.default_rng([7, step])
    crops = [draw(random, samples) for _ in range(BATCH)]
    images, labels = zip(*crops, strict=True)
    return torch.from_numpy(np.stack(images)[:, None]), torch.from_numpy(np.stack(labels)).long()


# ---------------------------------------------------------------------- the training


def loss_of(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the phases, and Dice loss of olivine."""
    logits = logits.float()
    p, truth = logits.softmax(1)[:, OLIVINE], (labels == OLIVINE).float()
    dice = 1 - (2 * (p * truth).sum() + 1) / (p.sum() + truth.sum() + 1)
    return cross_entropy(logits, labels) + 0.5 * dice


def learn(samples: list[Sample], held_out: list[Sample], folder: Path, minutes: float) -> Any:
    """Train for some minutes of this machine's clock, going on with what is in the folder."""
    network = build_network("light", 0, len(OWN_PHASES))
    average = ExponentialMovingAverage(network, KEPT_AVERAGE)
    optimiser = torch.optim.AdamW(network.parameters(), LARGEST_RATE, weight_decay=1e-2)
    file, step, spent = folder / "checkpoint.pt", 0, 0.0
    if file.exists():
        state = torch.load(file, weights_only=True)
        network.load_state_dict(state["network"])
        average.network.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        step, spent = state["step"], state["spent"]
    network.train()
    started, losses, device = time.monotonic() - spent, [], torch.device("cpu")
    for images, labels in drawn_ahead(samples, step):
        done = (time.monotonic() - started) / (60 * minutes)
        if done >= 1:
            break
        for group in optimiser.param_groups:
            fall = 0.5 * (1 + math.cos(math.pi * done))
            group["lr"] = LARGEST_RATE * min(1.0, (step + 1) / 100) * fall
        optimiser.zero_grad(set_to_none=True)
        with autocast(device):
            logits = network(images.contiguous(memory_format=torch.channels_last))
        loss = loss_of(logits, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        step += 1
        average.update(network, step)
        losses.append(loss.item())
        if step % STEPS_OF_A_REPORT == 0:
            print(
                f"step {step}, {60 * minutes * done:.0f} s, loss {np.mean(losses):.3f}", flush=True
            )
            losses.clear()
        if step % (10 * STEPS_OF_A_REPORT) == 0:
            report(average.network, held_out)
            save(file, network, average, optimiser, step, time.monotonic() - started)
    save(file, network, average, optimiser, step, time.monotonic() - started)
    report(average.network, held_out)
    return average.network


def drawn_ahead(samples: list[Sample], step: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Draw the crops of the next steps while the network learns from these."""
    with ThreadPoolExecutor(1) as pool:
        ahead = [pool.submit(batch, samples, step + k) for k in range(2)]
        step += 2
        while True:
            yield ahead.pop(0).result()
            ahead.append(pool.submit(batch, samples, step))
            step += 1


def save(file: Path, network: Any, average: Any, optimiser: Any, step: int, spent: float) -> None:
    """Write the state, at once or not at all."""
    state = {
        "network": network.state_dict(),
        "average": average.network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "step": step,
        "spent": spent,
    }
    unfinished = file.with_suffix(".part")
    torch.save(state, unfinished)
    os.replace(unfinished, file)


@torch.inference_mode()
def report(network: Any, held_out: list[Sample]) -> None:
    """Print the IoU of olivine by rock, at the thresholds 0.1 and 0.5, in sections held out."""
    network.eval()
    rocks = get_args(RockName)
    hits = np.zeros((len(rocks), 2, 2))
    for place, (grey, phase, _) in enumerate(held_out):
        for row in range(0, 512, 512):
            window = np.s_[row : row + 512, 256:1280]
            image = torch.from_numpy(grey[window][None, None])
            with autocast(torch.device("cpu")):
                p = network(image).float().softmax(1)[0, OLIVINE].numpy()
            truth = phase[window] == OLIVINE
            for k, threshold in enumerate((0.1, 0.5)):
                found = p >= threshold
                hits[place % len(rocks), k] += (found & truth).sum(), (found | truth).sum()
    shares = hits[..., 0] / np.maximum(1, hits[..., 1])
    told = (f"{rock} {a:.2f}/{b:.2f}" for rock, (a, b) in zip(rocks, shares, strict=True))
    print("  IoU of olivine held out:", ", ".join(told), flush=True)


if __name__ == "__main__":
    main()
