"""Every engine against the network as its library gives it: speed, agreement, memory.

    python benchmarks/bench_inference.py [--networks light ...] [--windows 768 1024] [--threads N]
        [--model FOLDER ... --section SECTION] [--memory]

default
    torchvision's or segmentation-models-pytorch's network as it comes: float32, contiguous,
    nothing folded or rewritten, the whole processor. Everything else is a ratio to it.
float32, bfloat16, openvino, cuda, mps
    The engines of `napari-olivine segment`; those that do not work here are left out, with words.

Rounds are interleaved: in each, every engine predicts the same window once, in another order;
the ratio is the median over the rounds. Time does not depend on the weights, which are random
unless a model is given; agreement (mean absolute difference of probability, IoU of the masks at
0.1 and 0.5) is told for a trained model on a window of a section alone.

--memory measures each engine in a process of its own, on each window: megabytes above those of
the loaded network, and bytes for each further pixel of the window.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from numpy.typing import NDArray

from napari_olivine.inference.engines import measure_agreement
from napari_olivine.inference.engines.cuda_engine import CudaEngine
from napari_olivine.inference.engines.openvino_engine import OpenVinoEngine
from napari_olivine.inference.engines.select import FAILURES
from napari_olivine.inference.engines.torch_engine import TorchEngine, encode_probability
from napari_olivine.inference.predictor import highest_contrast_window
from napari_olivine.job import Job
from napari_olivine.networks import NETWORKS, read_card
from napari_olivine.networks.build import build_network
from napari_olivine.networks.device import has_fast_bfloat16
from napari_olivine.networks.files import load_model
from napari_olivine.networks.normalisation import LevelledGrey, normalise
from napari_olivine.section import Section

Predict = Callable[[NDArray[np.float32]], NDArray[np.uint8]]

ENGINES = ("default", "float32", "bfloat16", "openvino", "cuda", "mps")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="*", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--model", nargs="*", default=[], help="model folders, not random weights")
    parser.add_argument("--section", type=Path, help="section that the window is cut from")
    parser.add_argument("--windows", nargs="*", type=int, default=[768, 1024])
    parser.add_argument("--engines", nargs="*", choices=ENGINES[1:], default=ENGINES[1:])
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    sources = given.model or given.networks
    if given.one:
        print(json.dumps(peak_bytes(sources[0], given.one, given.windows[0], given)))
        return
    fast = has_fast_bfloat16(torch.device("cpu"))
    print(f"{given.threads} threads, bfloat16 in hardware: {fast}, torch {torch.__version__}\n")
    for source in sources:
        if given.memory:
            compare_memory(source, given)
        else:
            compare(source, given)


def open_network(source: str) -> tuple[torch.nn.Module, str, bool]:
    """Return a network, what it is called, and whether it was trained."""
    if source in NETWORKS:
        return build_network(source).eval(), source, False
    network, card = load_model(Path(source))
    return network, card.network, True


def window_of(source: str, section: Path | None, side: int, batch: int) -> NDArray[np.float32]:
    """Return a batch of a window: of a section where it has most contrast, or of noise."""
    if section is None or source in NETWORKS:
        name = source if source in NETWORKS else read_card(Path(source)).network
        channels = NETWORKS[name].channels
        noise = np.random.default_rng(0).normal(size=(1, channels, side, side))
        return np.repeat(noise.astype(np.float32), batch, 0)
    _, card = load_model(Path(source))
    grey = LevelledGrey(Section(section), card.normalisation, Job())
    row, column = highest_contrast_window(grey.raster)
    row, column = (
        max(0, min(place, length - side))
        for place, length in zip((row, column), grey.raster.shape, strict=True)
    )
    window = normalise(grey.read(row, column, side, side), card.normalisation)
    return np.repeat(window[None], batch, 0)


def as_it_comes(network: torch.nn.Module) -> Predict:
    """The network without anything of ours."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = network.to(device, memory_format=torch.contiguous_format)

    def predict(images: NDArray[np.float32]) -> NDArray[np.uint8]:
        with torch.inference_mode():
            stored: NDArray[np.uint8] = (
                encode_probability(network(torch.from_numpy(images).to(device))).cpu().numpy()
            )
        return stored

    return predict


def make(name: str, network: torch.nn.Module, shape: tuple[int, ...]) -> Predict:
    """Make an engine ready for windows."""
    cpu, fast = torch.device("cpu"), has_fast_bfloat16(torch.device("cpu"))
    if name == "default":
        return as_it_comes(network)
    if name == "openvino":
        engine = OpenVinoEngine(network, shape, fast, torch.get_num_threads(), Job())
    elif name == "cuda":
        engine = CudaEngine(network, torch.device("cuda"), torch.bfloat16, Job())
    elif name == "mps":
        mps = torch.device("mps")
        engine = TorchEngine("mps", network, mps, torch.float16, Job())
    elif name == "bfloat16":
        engine = TorchEngine("bfloat16", network, cpu, torch.bfloat16, Job())
    else:
        engine = TorchEngine("float32", network, cpu, torch.float32, Job())
    return lambda images: engine.start(images)()


def compare(source: str, given: argparse.Namespace) -> None:
    """Print one network's table."""
    _, name, trained = open_network(source)
    trained = trained and given.section is not None
    print(
        f"## {name}\n\n| window | engine | Mpx/s | to default | difference | IoU 0.1 | IoU 0.5 "
        "| s to make |\n| --- | --- | --- | --- | --- | --- | --- | --- |"
    )
    for side in given.windows:
        images = window_of(source, given.section, side, given.batch)
        engines: dict[str, Predict] = {}
        seconds: dict[str, float] = {}
        found: dict[str, NDArray[np.uint8]] = {}
        left_out = []
        for engine in ("default", *given.engines):
            begun = time.perf_counter()
            try:
                # Each has a network of its own, as `as_it_comes` may move it.
                predict = make(engine, open_network(source)[0], images.shape)
                found[engine] = predict(images)
            except FAILURES as error:
                left_out.append(f"{engine}: {str(error).splitlines()[0]}")
                continue
            engines[engine], seconds[engine] = predict, time.perf_counter() - begun
        rounds: dict[str, list[float]] = {engine: [] for engine in engines}
        order = list(engines)
        for _ in range(given.rounds):
            random.shuffle(order)
            for engine in order:
                begun = time.perf_counter()
                engines[engine](images)
                rounds[engine].append(time.perf_counter() - begun)
        for engine, took in rounds.items():
            ratio = median(d / t for d, t in zip(rounds["default"], took, strict=True))
            agreement = measure_agreement(found[engine], found["default"])
            told = ["-", "-", "-"]
            if trained and engine != "default":
                iou = (agreement.iou.get(threshold) for threshold in (0.1, 0.5))
                told = [f"{agreement.difference:.5f}"]
                told += ["-" if value is None else f"{value:.4f}" for value in iou]
            speed = given.batch * side**2 / 1e6 / median(took)
            print(
                f"| {side} | {engine} | {speed:.2f} | {ratio:.2f} | {' | '.join(told)} "
                f"| {seconds[engine]:.1f} |",
                flush=True,
            )
    print("\n".join(["", *(f"Not here: {line}" for line in left_out), ""]))


def compare_memory(source: str, given: argparse.Namespace) -> None:
    """Print what each engine of a network needs."""
    print(f"## {open_network(source)[1]}\n")
    heads = " | ".join(f"MB at {side} px" for side in given.windows)
    print(f"| engine | {heads} | bytes a pixel |\n|{' --- |' * (2 + len(given.windows))}")
    for engine in ("default", *given.engines):
        peaks = []
        for side in given.windows:
            command = [sys.executable, __file__, "--one", engine, "--windows", str(side)]
            command += ["--threads", str(given.threads), "--batch", str(given.batch)]
            command += ["--model" if source not in NETWORKS else "--networks", source]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                break
            peaks.append(json.loads(done.stdout.splitlines()[-1]))
        if len(peaks) < len(given.windows):
            print(f"| {engine} | does not work here |")
            continue
        pixels = given.batch * np.square(given.windows, dtype=float)
        slope = np.polyfit(pixels, peaks, 1)[0] if len(peaks) > 1 else peaks[0] / pixels[0]
        told = " | ".join(f"{peak / 1e6:.0f}" for peak in peaks)
        print(f"| {engine} | {told} | {slope:.0f} |", flush=True)
    print()


def peak_bytes(source: str, engine: str, side: int, given: argparse.Namespace) -> int:
    """Measure the highest memory of this process above that of the loaded network."""
    network, *_ = open_network(source)
    if engine == "cuda":
        make(engine, network, ())(window_of(source, None, side, given.batch))
        return torch.cuda.max_memory_reserved()
    # A small window first: libraries load their kernels with it.
    images = window_of(source, None, 64, given.batch)
    before = resident()
    make(engine, network, images.shape)(images)
    images = window_of(source, None, side, given.batch)
    predict = make(engine, network, images.shape)
    for _ in range(2):
        predict(images)
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest * (1 if sys.platform == "darwin" else 1024) - before


def resident() -> int:
    """Memory of this process now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    main()
