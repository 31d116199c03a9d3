"""What tiling costs: a section in, its blended probability out, against the bare engine.

    python benchmarks/bench_tiled.py [--networks free light ...] [--mpx 16] [--rounds 3]
        [--engine auto] [--window 1280] [--overlaps 0 320 640] [--blends halo cosine mean]

bare
    The engine on as many windows as the section has, one window over and over: nothing is read,
    levelled, blended or written.
tiled
    The whole of `napari-olivine segment` without overviews: windows read from the section's zarr,
    levelled and normalised, predicted by the same engine, blended, written as uint8 zarr.
MONAI
    `monai.inferers.sliding_window_inference` with the same engine, window and overlap (constant
    weights for halo and mean, gaussian for cosine), over the image read whole and normalised;
    its result as uint8 is written to zarr as ours. Left out where MONAI is not installed (it is
    no dependency of the program).

``free`` is a network that costs nothing: what is left is the tiling, in ns per pixel of the
section. Runs are interleaved; the figure is the median of the rounds' ratios. Processor time is
told beside wall time, as it hardly depends on what else the machine does.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from napari_olivine.inference.cell_store import CellStore
from napari_olivine.inference.engines.engine import Engine, Promise
from napari_olivine.inference.local_runner import LocalRunner, Target
from napari_olivine.inference.models import SelectedModel
from napari_olivine.inference.predictor import ModelPredictor
from napari_olivine.inference.settings import SegmentSettings
from napari_olivine.inference.windows import Grid, make_grid
from napari_olivine.job import Job
from napari_olivine.networks import NETWORKS, ModelCard, Normalisation, network_spec
from napari_olivine.networks.build import build_network
from napari_olivine.networks.files import save_model
from napari_olivine.networks.normalisation import normalise
from napari_olivine.section import Section, SectionRecord, create_raster
from napari_olivine.settings import Settings

NAME = "olivine"


class Free:
    """An engine that answers at once."""

    name = "float32"

    def __init__(self) -> None:
        self._answers: dict[tuple[int, ...], NDArray[np.uint8]] = {}

    def start(self, images: NDArray[np.float32]) -> Promise:
        shape = (len(images), 1, *images.shape[2:])
        if shape not in self._answers:
            random = np.random.default_rng(0)
            self._answers[shape] = random.integers(0, 256, shape).astype(np.uint8)
        return lambda: self._answers[shape]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every = ["free", *NETWORKS]
    parser.add_argument("--networks", nargs="*", choices=every, default=["free", "light"])
    parser.add_argument("--mpx", type=float, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--window", type=int, default=1280)
    parser.add_argument("--overlaps", nargs="*", type=int, default=[0, 320, 640])
    parser.add_argument("--blends", nargs="*", default=["halo", "cosine", "mean"])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if find_spec("monai") is None:
        print("MONAI is not installed (pip install monai): its columns stay empty.\n")
    with tempfile.TemporaryDirectory() as work:
        section = make_section(Path(work) / "section", given.mpx)
        print(
            f"{section.shape[0]} x {section.shape[1]} px, windows of {given.window} px, "
            f"{given.threads} threads\n"
        )
        for network in given.networks:
            compare(section, network, given, Path(work))


def make_section(folder: Path, mpx: float) -> Section:
    """Make a section of noise on coarse blobs, as compressible as a BSE image, in two sessions."""
    side = int(np.sqrt(mpx * 1e6)) // 64 * 64
    random = np.random.default_rng(0)
    coarse = random.integers(60, 200, (side // 64, side // 64)).astype(np.float32)
    image = coarse.repeat(64, 0).repeat(64, 1) + random.normal(0, 6, (side, side))
    image = np.clip(image, 1, 254).astype(np.uint8)
    record = SectionRecord(name="noise", pixel_size_um=1.0, shape=image.shape, signals=["BSE"])
    section = Section.create(folder, record)
    recipe = section.recipe("import", Settings(), [], extra={"source": "made by a benchmark"})
    with section.draft("images", recipe, Job()) as draft:
        out = create_raster(draft.path / "BSE", image.shape, "uint8", 1.0, reduction="mean")
        out.write(0, 0, image)
        out.build_pyramid(Job())
    in_two_sessions(section)
    return section


def in_two_sessions(section: Section) -> None:
    """Divide a section into an upper and a lower session."""
    half, side = section.shape[0] // 2, section.shape[1]
    table = pd.DataFrame(
        [
            {"session": str(k), "row0": half * k, "row1": half * (k + 1), "col0": 0, "col1": side}
            for k in range(2)
        ]
    )
    section.annotate("sessions", table.assign(role="train"))


def make_model(folder: Path, name: str) -> SelectedModel:
    """Save a network with random weights."""
    spec = network_spec(name)
    mean, std = (120.0,) * spec.channels, (40.0,) * spec.channels
    card = ModelCard(
        network=name,
        title="random",
        channels=spec.channels,
        pixel_size_um=1.0,
        grey_type="uint8",
        normalisation=Normalisation(align="session", median=120, spread=40, mean=mean, std=std),
        section="noise",
        training_sessions=[],
        validation_sessions=[],
        weights_from="random weights",
        best_epoch=0,
        best_step=0,
        scores={},
        best_threshold=0.5,
        settings={},
        seed=0,
        versions={},
        created="",
    )
    folder.mkdir()
    save_model(folder, build_network(name), card)
    return SelectedModel("", folder, card, ("olivine",))


def compare(section: Section, network: str, given: argparse.Namespace, work: Path) -> None:
    """Print one network's table."""
    free = network == "free"
    model = make_model(work / network, "light" if free else network)
    unit = "ns a pixel" if free else "to bare"
    print(f"## {network}\n")
    print(
        f"| overlap | blend | windows | bare Mpx/s | tiled {unit}: wall | processor "
        f"| MONAI {unit}: wall | processor |\n|{' --- |' * 8}"
    )
    for overlap in given.overlaps:
        for blend in given.blends if overlap else given.blends[:1]:
            grid = make_grid(section.shape, given.window, overlap, blend)
            settings = SegmentSettings(engine="float32" if free else given.engine)
            predictor = ModelPredictor(section, model, (1, *grid.window), settings, Job())
            if free:
                predictor._engine = Free()
            runs: dict[str, Callable[[], int]] = {
                "bare": lambda e=predictor._engine, g=grid, c=model.card.channels: bare(e, g, c),
                "tiled": lambda p=predictor, g=grid: tiled(section, p, g),
            }
            if find_spec("monai") is not None:
                runs["MONAI"] = lambda p=predictor, g=grid, o=overlap, b=blend, m=model: monai(
                    section, p._engine, m.card.normalisation, g, o, b
                )
            took: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
            bare(predictor._engine, make_grid((64, 64), 64, 0, "halo"), model.card.channels)
            for _ in range(given.rounds):
                for name, run in runs.items():
                    wall, cpu = time.perf_counter(), time.process_time()
                    windows = run()
                    ends = time.perf_counter() - wall, time.process_time() - cpu
                    took[name].append((ends[0] / windows, ends[1] / windows))
            pixels = section.shape[0] * section.shape[1]
            cells = [str(overlap), blend, str(grid.windows)]
            seconds = median(wall for wall, _ in took["bare"]) * grid.windows
            cells.append("-" if free else f"{pixels / 1e6 / seconds:.2f}")
            for name in ("tiled", "MONAI"):
                for clock in (0, 1):
                    if name not in took:
                        cells.append("-")
                    elif free:
                        each = median(t[clock] for t in took[name]) * grid.windows
                        cells.append(f"{1e9 * each / pixels:.1f}")
                    else:
                        pairs = zip(took[name], took["bare"], strict=True)
                        cells.append(f"{median(t[clock] / b[clock] for t, b in pairs):.3f}")
            print(f"| {' | '.join(cells)} |", flush=True)
    print()


def bare(engine: Engine, grid: Grid, channels: int) -> int:
    """Run the engine alone; return how many windows it saw."""
    image = np.random.default_rng(0).normal(size=(1, channels, *grid.window)).astype(np.float32)
    for _ in range(grid.windows):
        engine.start(image)()
    return grid.windows


def tiled(section: Section, predictor: ModelPredictor, grid: Grid) -> int:
    """Fill the section's probability as the step does; return how many windows that took."""
    with tempfile.TemporaryDirectory(dir=section.path) as folder:
        out = create_raster(
            Path(folder) / NAME, section.shape, "uint8", 1.0, reduction="mean", sharded=False
        )
        target = Target("probability", predictor, [out], CellStore(Path(folder)))
        image = section.raster("images", "BSE")
        LocalRunner(image, section.tiles(), grid, [target], 1, False, Job()).run()
        return grid.windows


def monai(
    section: Section,
    engine: Engine,
    normalisation: Normalisation,
    grid: Grid,
    overlap: int,
    blend: str,
) -> int:
    """Do the same with MONAI; return the windows that ours has, for what it took per pixel."""
    from monai.inferers import sliding_window_inference

    def predict(images: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(engine.start(images.numpy())()).float()

    with tempfile.TemporaryDirectory(dir=section.path) as folder:
        out = create_raster(
            Path(folder) / NAME, section.shape, "uint8", 1.0, reduction="mean", sharded=False
        )
        grey = section.raster("images", "BSE").read(slice(0, None), slice(0, None))
        whole = torch.from_numpy(normalise(grey.astype(np.float32), normalisation))[None]
        result = sliding_window_inference(
            whole,
            grid.window,
            1,
            predict,
            overlap=overlap / grid.window[0],
            mode="gaussian" if blend == "cosine" else "constant",
        )
        out.write(0, 0, result[0, 0].round().to(torch.uint8).numpy())
    return grid.windows


if __name__ == "__main__":
    main()
