"""How exactly a coarser mineral map is laid on an SEM image: phantoms with a known place.

    python benchmarks/bench_register_labels.py --seeds 301 302 303 304 305

The map is made of the true phases of a phantom, sampled at the centres of pixels that are about
four SEM pixels wide, turned by up to 3 degrees, stretched by 0.3 %, in the colours of a QEMSCAN,
with 5 % of its pixels of a wrong phase. The SEM image is a part of it. The error is how far the
place of the farthest corner of the SEM image is from the truth, in SEM pixels.

With --spoilt: whether a map is doubted that is of another phantom, or bent by a wave of two of its
pixels, which no affine transform takes out.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.labelled.registration import RegisterLabelsSettings, register_labels
from napari_olivine.phantom import PhantomSettings, make_phantom

COLOURS = np.array(
    [[255, 255, 255], [120, 220, 60], [255, 192, 192], [0, 255, 255], [90, 60, 160], [40, 40, 40],
     [200, 170, 120], [250, 120, 0], [0, 90, 200], [170, 0, 90]], np.uint8,
)  # fmt: skip
ROWS, COLS, HIGH, WIDE = 3, 3, 338, 512


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[301, 302, 303, 304, 305])
    parser.add_argument("--rocks", nargs="+", default=["andesite", "tephra"])
    parser.add_argument("--spoilt", action="store_true")
    given = parser.parse_args()
    if given.spoilt:
        measure_spoilt(given.rocks, given.seeds)
        return
    head = "| rock | seed | pixel sizes | error px | scale off % | ratio "
    print(f"{head}| blocks px: median, 95 % | s | doubts |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for rock in given.rocks:
        for seed in given.seeds:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                truth = make_pair(folder, rock, seed)
                for known in (True, False):
                    print(f"| {rock} | {seed} | {measure(folder, truth, known)}", flush=True)


def measure_spoilt(rocks: list[str], seeds: list[int]) -> None:
    """Tell which maps are doubted, and why."""
    print("| rock | seed | map | ratio | doubts |")
    print("| --- | --- | --- | --- | --- |")
    for rock in rocks:
        for seed in seeds:
            with tempfile.TemporaryDirectory() as name:
                folder, other = Path(name), Path(name) / "other"
                other.mkdir()
                truth = make_pair(folder, rock, seed, bend=2)
                make_pair(other, rock, seed + 1000)
                sizes = sizes_of(truth)
                for what, place in (("bent", folder), ("of another section", other)):
                    found = register_labels(
                        folder / "sem.tif", place / "map.tif", folder / "out.tif", sizes
                    )
                    doubts = "; ".join(found.doubts) or "none"
                    print(f"| {rock} | {seed} | {what} | {found.after.ratio:.2f} | {doubts} |")


def make_pair(folder: Path, rock: str, seed: int, bend: float = 0) -> NDArray[np.float64]:
    """Write sem.tif and map.tif; return the matrix from SEM to map pixels, shape (2, 3).

    `bend` is the amplitude of a wave in x along y, in map pixels.
    """
    settings = PhantomSettings(rock=rock, rows=ROWS, cols=COLS, sessions=1, drift=0, seed=seed)
    make_phantom(folder / "phantom", settings, Job())
    tiles = folder / "phantom" / "tiles" / "BSE"
    grey = np.block(
        [
            [tifffile.imread(tiles / f"r{r:02d}_c{c:02d}.tif") for c in range(COLS)]
            for r in range(ROWS)
        ]
    )
    phase = tifffile.imread(folder / "phantom" / "truth" / "phase.tif")
    random = np.random.default_rng(seed)
    top, left = random.integers(10, 60, 2)
    sem = grey[top : grey.shape[0] - 50, left : grey.shape[1] - 50]
    tifffile.imwrite(folder / "sem.tif", sem)
    scale, turn = 4 * random.uniform(0.9, 1.1), np.deg2rad(random.uniform(-3, 3))
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = rotation @ np.diag([scale * 1.003, scale])  # map to phantom
    centre = np.array(phase.shape[::-1]) / 2 + random.uniform(-8, 8, 2)
    size = np.array([int(phase.shape[1] / scale), int(phase.shape[0] / scale)])
    first = centre - linear @ ((size - 1) / 2)
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    along, down = (linear[k, 0] * x + linear[k, 1] * y + first[k] for k in (0, 1))
    along = along + bend * scale * np.sin(2 * np.pi * y / size[1])
    inside = (along > -0.5) & (along < phase.shape[1] - 0.5)
    inside &= (down > -0.5) & (down < phase.shape[0] - 0.5)
    codes = np.zeros(x.shape, np.uint8)
    codes[inside] = phase[np.rint(down[inside]).astype(int), np.rint(along[inside]).astype(int)]
    wrong = random.random(codes.shape) < 0.05
    codes[wrong] = random.integers(1, phase.max() + 1, int(wrong.sum()))
    tifffile.imwrite(folder / "map.tif", COLOURS[codes], photometric="rgb")
    back = np.linalg.inv(linear)
    return np.column_stack([back, back @ (np.array([left, top]) - first)])


def measure(folder: Path, truth: NDArray[np.float64], known: bool) -> str:
    """Register, and compare with the truth."""
    scale = 1 / np.sqrt(abs(np.linalg.det(truth[:, :2])))
    settings = sizes_of(truth) if known else RegisterLabelsSettings()
    started = time.perf_counter()
    found = register_labels(folder / "sem.tif", folder / "map.tif", folder / "out.tif", settings)
    seconds = time.perf_counter() - started
    high, wide = tifffile.imread(folder / "out.tif").shape[:2]
    corners = np.array([[x, y, 1] for x in (0, wide - 1) for y in (0, high - 1)], float)
    apart = corners @ (found.placing.matrix - truth).T * scale
    off = 100 * (found.placing.scale / scale - 1)
    blocks = np.percentile([one.distance for one in found.blocks] or [np.nan], (50, 95))
    return (
        f"{'given' if known else 'estimated'} | {np.hypot(*apart.T).max():.2f} | {off:+.3f} | "
        f"{found.after.ratio:.2f} | {blocks[0]:.2f}, {blocks[1]:.2f} | {seconds:.1f} | "
        f"{'; '.join(found.doubts)} |"
    )


def sizes_of(truth: NDArray[np.float64]) -> RegisterLabelsSettings:
    """Return the pixel sizes as a person knows them: to a tenth."""
    scale = 1 / np.sqrt(abs(np.linalg.det(truth[:, :2])))
    return RegisterLabelsSettings(sem_pixel_um=1.0, map_pixel_um=round(float(scale), 1))


if __name__ == "__main__":
    main()
