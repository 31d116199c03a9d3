"""Networks and start weights on real images with masks made by hand (superalloy, NASA "Super1").

    python benchmarks/bench_superalloy.py DATA/superalloy/Super1 [--networks light] [--minutes 1.5]

The images for training, validation and test become three sessions of a section, whose mask has the
large crystals (in the place of olivine), the small ones and the matrix. Each network learns from
each start for the same minutes of this machine's clock. Told are the IoU of both kinds of crystals
in the test images, the most likely of the phases counting for each pixel, and their mean.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from napari_olivine.inference import SegmentSettings, segment
from napari_olivine.job import Job
from napari_olivine.networks import read_card
from napari_olivine.section import Section, SectionRecord, create_raster
from napari_olivine.settings import Settings
from napari_olivine.training import TrainSettings, train

SIDE = 512
PHASES = {"olivine": 1, "small crystals": 2, "matrix": 3}
"""Large crystals stand in the place of olivine."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--networks", nargs="+", default=["light"])
    parser.add_argument("--starts", nargs="+", default=["none", "auto"])
    parser.add_argument("--minutes", type=float, default=1.5)
    parser.add_argument("--rate", type=float, help="learning rate; that of the network if empty")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    given = parser.parse_args()
    print("| network | start | seed | best step | large | small | mean |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        section, truth = open_images(given.data, Path(folder) / "section")
        for network in given.networks:
            for start in given.starts:
                for seed in given.seeds:
                    settings = TrainSettings(
                        network=network, weights=start, name="trained", target="phases", steps=25,
                        epochs=1000, patience=1000, max_minutes=given.minutes,
                        learning_rate=given.rate,
                    )  # fmt: skip
                    told = learn(section, truth, settings, seed)
                    print(f"| {network} | {start} | {seed} | {told} |", flush=True)


def open_images(data: Path, folder: Path) -> tuple[Section, NDArray[np.uint8]]:
    """Make a section of all images, and return it with the phases of the test images."""
    greys, codes, rows = [], [], []
    for number, (part, role) in enumerate((("train", "train"), ("val", "val"), ("test", "test"))):
        files = sorted((data / part).glob("*.tif"))
        pairs = [
            read_pair(file, data / f"{part}_annot" / f"{file.stem}_mask.tif") for file in files
        ]
        grey, code = (np.concatenate(some, axis=1) for some in zip(*pairs, strict=True))
        greys.append(grey)
        codes.append(code)
        rows.append({
            "session": part, "row0": number * SIDE, "row1": (number + 1) * SIDE, "col0": 0,
            "col1": grey.shape[1], "role": role,
        })  # fmt: skip
    widest = max(grey.shape[1] for grey in greys)
    whole, phases = (
        np.concatenate(
            [np.pad(a, ((0, 0), (0, widest - a.shape[1])), constant_values=fill) for a in some]
        )
        for some, fill in ((greys, 0), (codes, 255))
    )
    record = SectionRecord(name="superalloy", pixel_size_um=1.0, shape=whole.shape, signals=["BSE"])
    section = Section.create(folder, record)
    store(section, "images", {"BSE": whole}, "mean")
    section.annotate("sessions", pd.DataFrame(rows))
    olivine = np.where(phases == 255, 255, phases == 1).astype(np.uint8)
    store(section, "mask", {"olivine": olivine, "phases": phases}, "nearest")
    return section, codes[-1]


def read_pair(image: Path, mask: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read an image as grey, and its mask as codes of `PHASES`."""
    grey, colour = (np.asarray(Image.open(file)) for file in (image, mask))
    grey = grey[..., 0] if grey.ndim == 3 else grey
    blue, red = (0, 0, 255), (255, 0, 0)
    is_large, is_small = ((colour[..., :3] == one).all(-1) for one in (blue, red))
    codes = np.where(is_large, 1, np.where(is_small, 2, 3))
    return np.maximum(grey, 1).astype(np.uint8), codes.astype(np.uint8)


def store(section: Section, name: str, images: dict[str, NDArray[Any]], reduction: Any) -> None:
    """Store images as a step would."""
    inputs = ["images"] if name == "mask" else []
    recipe = section.recipe(name, Settings(), inputs, extra={"source": "made by a benchmark"})
    with section.draft(name, recipe, Job()) as draft:
        for key, image in images.items():
            out = create_raster(draft.path / key, image.shape, "uint8", 1.0, reduction=reduction)
            out.write(0, 0, image)
            out.build_pyramid(Job())
        if name == "mask":
            draft.notes["modes"] = [
                {"code": code, "name": phase, "colour": "#808080", "error": None, "percent": 1.0}
                for phase, code in PHASES.items()
            ]


def learn(section: Section, truth: NDArray[np.uint8], settings: TrainSettings, seed: int) -> str:
    """Train, segment the test images, and tell the scores."""
    model = train(section, settings, Job(seed=seed, force=True))
    segment(section, SegmentSettings(model="trained", phases="all"), Job(force=True))
    rows, columns = slice(2 * SIDE, 3 * SIDE), slice(0, truth.shape[1])
    stack = [section.raster("probability", name).read(rows, columns) for name in PHASES]
    found = np.argmax(np.stack(stack), axis=0) + 1
    ious = [
        float(((found == code) & (truth == code)).sum() / ((found == code) | (truth == code)).sum())
        for code in (1, 2)
    ]
    step = read_card(model.path).best_step
    return f"{step} | {ious[0]:.3f} | {ious[1]:.3f} | {np.mean(ious):.3f}"


if __name__ == "__main__":
    main()
