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

import numpy as np

from napari_olivine.inference import SegmentSettings, segment
from napari_olivine.job import Job
from napari_olivine.labelled import ImportLabelsSettings, import_labels
from napari_olivine.masks import IGNORE
from napari_olivine.networks import read_card
from napari_olivine.section import Section, image_name, with_role
from napari_olivine.training import TrainSettings, train

CLASSES = "name,colour\nlarge crystals,#0000ff\nsmall crystals,#ff0000\nmatrix,*\n"
PHASES = ("olivine", "small crystals", "matrix")
"""By their codes from 1 on; large crystals stand in the place of olivine."""


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
        section = open_images(given.data, Path(folder) / "section")
        for network in given.networks:
            for start in given.starts:
                for seed in given.seeds:
                    settings = TrainSettings(
                        network=network, weights=start, name="trained", target="phases", steps=25,
                        epochs=1000, patience=1000, max_minutes=given.minutes,
                        learning_rate=given.rate,
                    )  # fmt: skip
                    told = learn(section, settings, seed)
                    print(f"| {network} | {start} | {seed} | {told} |", flush=True)


def open_images(data: Path, folder: Path) -> Section:
    """Import all images and masks."""
    classes = folder.with_name("classes.csv")
    classes.write_text(CLASSES)
    settings = ImportLabelsSettings(
        classes=str(classes), target="large crystals", pixel_size_um=1.0
    )
    return import_labels(data, folder, settings)


def learn(section: Section, settings: TrainSettings, seed: int) -> str:
    """Train, segment the test images, and tell the scores."""
    model = train(section, settings, Job(seed=seed, force=True))
    segment(section, SegmentSettings(model="trained", phases="all"), Job(force=True))
    (test,) = with_role(section.sessions(), "test")
    truth = section.raster("mask", "phases").read(*test.window)
    stack = [section.raster("probability", image_name(name)).read(*test.window) for name in PHASES]
    found = np.where(truth == IGNORE, IGNORE, np.argmax(np.stack(stack), axis=0) + 1)
    ious = [
        float(((found == code) & (truth == code)).sum() / ((found == code) | (truth == code)).sum())
        for code in (1, 2)
    ]
    step = read_card(model.path).best_step
    return f"{step} | {ious[0]:.3f} | {ious[1]:.3f} | {np.mean(ious):.3f}"


if __name__ == "__main__":
    main()
