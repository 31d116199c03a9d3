"""How well element maps of a part of the section find their place on the BSE image.

    python benchmarks/bench_fields.py SOURCE [--trials 10] [--seed 0]

SOURCE is a folder of BSE and element maps of one field, such as `napari-olivine phantom` writes.
Fields of several sizes, as far as they fit, are cut out of its maps at random places: averaged over
coarser pixels, turned, with pixels up to 0.5 % larger or smaller than the files say, and with
Poisson noise of their own. "stage": their position is known within +-150 px of the section in rows
and columns. "BSE": a BSE image of the field beside the maps. Mirrored fields, which lie nowhere,
tell how often a place is found where there is none.

Error: RMS distance of the field's corners from the truth, in pixels of the field.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers import read_source
from napari_olivine.readers.base.image import Image
from napari_olivine.readers.submaps import Submap, register_submaps
from napari_olivine.section import SubmapPlace

MAPS = ("Mg", "Fe", "Ca", "Al", "Si")
NEAR_PX = 150.0
WRONG = 2.0
"""Pixels of the field from which on a place is wrong."""


@dataclass(frozen=True)
class Trial:
    """What a field is like: rows, columns, pixels of the section in one, what is known."""

    shape: tuple[int, int]
    times: float
    stage: bool = False
    bse: bool = False
    maps: tuple[str, ...] = MAPS
    counts: float = 1.0
    """Counts as a share of those of the section's maps in a pixel."""


class Whole:
    """The signals of a source as whole images; its BSE image as the import reads it."""

    def __init__(self, source: Path) -> None:
        self.source = read_source(source)
        self.shape = self.source.shape

    @functools.cache  # noqa: B019 - one object in the life of the program
    def signal(self, name: str) -> NDArray[Any]:
        return self.source.signals[name].read(0, self.shape[0], Job())

    def read(self, start: int, stop: int, job: Job) -> NDArray[Any]:
        return self.signal("BSE")[start:stop]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    whole = Whole(given.source)
    print(
        f"{given.source.name}: {whole.shape[0]} x {whole.shape[1]} px, {given.trials} fields a row"
    )
    print(
        "| field | times coarser | known | found | wrong | error, median / worst | "
        "mirrored taken | s |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    few = ("Mg",)
    for trial in (
        Trial((384, 512), 1.0, stage=True),
        Trial((256, 342), 2.0, stage=True),
        Trial((256, 342), 2.0),
        Trial((192, 256), 4.0, stage=True),
        Trial((192, 256), 4.0),
        Trial((192, 256), 4.0, bse=True),
        Trial((192, 256), 4.0, counts=0.2),
        Trial((192, 256), 4.0, maps=few),
        Trial((96, 128), 4.0, stage=True),
        Trial((96, 128), 4.0),
        Trial((96, 128), 8.0),
        Trial((64, 64), 3.0, stage=True),
        Trial((64, 64), 3.0),
        Trial((96, 128), 1.0),
        Trial((64, 80), 2.0),
        Trial((40, 50), 3.0),
    ):
        if (1.1 * trial.times * np.array(trial.shape) > whole.shape).any():
            continue
        print(_row(whole, trial, given.trials, given.seed), flush=True)


def _row(whole: Whole, trial: Trial, trials: int, seed: int) -> str:
    random = np.random.default_rng(seed)
    errors: list[float] = []
    taken = 0
    took: list[float] = []
    for _ in range(trials):
        half = np.array(trial.shape) * trial.times * 0.55
        centre = random.uniform(half, np.array(whole.shape) - half)
        angle = float(random.uniform(-4, 4))
        true = SubmapPlace.of(
            trial.times * random.uniform(0.995, 1.005), angle, centre, trial.shape
        )
        near = centre + random.uniform(-NEAR_PX, NEAR_PX, 2)
        at_stage = SubmapPlace.of(trial.times, 0.0, near, trial.shape) if trial.stage else None
        for mirrored in (False, True):
            field = _cut(whole, trial, true, at_stage, random, mirrored)
            started = time.perf_counter()
            try:
                (found,) = register_submaps([field], whole, 1.0, Job())
            except InputError:
                found = field
            took.append(time.perf_counter() - started)
            if found.how != "registered":
                continue
            assert found.place is not None
            away = found.place.corners(trial.shape) - true.corners(trial.shape)
            if mirrored:
                taken += 1
            else:
                errors.append(float(np.sqrt((away**2).sum(axis=1).mean())) / trial.times)
    right = [error for error in errors if error <= WRONG]
    known = ", ".join(
        [
            *(["stage"] if trial.stage else []),
            *(["BSE"] if trial.bse else []),
            *([f"{' '.join(trial.maps)} alone"] if trial.maps != MAPS else []),
            *([f"counts x {trial.counts:g}"] if trial.counts != 1 else []),
        ]
    )
    error = f"{np.median(right):.2f} / {max(right):.2f}" if right else ""
    return (
        f"| {trial.shape[1]} x {trial.shape[0]} | {trial.times:g} | {known} | "
        f"{len(errors)}/{trials} | {len(errors) - len(right)} | {error} | {taken}/{trials} | "
        f"{np.median(took):.1f} |"
    )


def _cut(
    whole: Whole,
    trial: Trial,
    true: SubmapPlace,
    at_stage: SubmapPlace | None,
    random: np.random.Generator,
    mirrored: bool,
) -> Submap:
    """Measure a field at a place, with noise of its own."""

    def image(name: str) -> Image:
        pixels = _measured(whole.signal(name), true, trial.shape)
        if name == "BSE":
            noisy = pixels + random.normal(0, 2, trial.shape)
            counted: NDArray[Any] = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
        else:
            counted = random.poisson(pixels * trial.counts).astype(np.uint16)
        kept = np.ascontiguousarray(counted[:, ::-1]) if mirrored else counted
        return Image(Path(name), trial.shape, kept.dtype, lambda start, stop: kept[start:stop])

    return Submap(
        "field",
        {name: image(name) for name in trial.maps},
        trial.shape,
        trial.times,
        image("BSE") if trial.bse else None,
        at_stage,
        "stage" if at_stage is not None else "unknown",
    )


def _measured(
    signal: NDArray[Any], place: SubmapPlace, shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Average a signal over the pixels of a field."""
    count = max(int(np.ceil(place.scale)), 1)
    total = np.zeros(shape)
    steps = (np.arange(count) + 0.5) / count - 0.5
    for down, right in itertools.product(steps, repeat=2):
        linear = place.linear
        first = place.matrix[:, 2] + linear @ np.array([down, right])
        warp = np.array(
            [[linear[1, 1], linear[1, 0], first[1]], [linear[0, 1], linear[0, 0], first[0]]]
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        border = cv2.BORDER_REFLECT
        total += cv2.warpAffine(
            signal.astype(np.float32), warp, shape[::-1], flags=flags, borderMode=border
        )
    return total / count**2


if __name__ == "__main__":
    main()
