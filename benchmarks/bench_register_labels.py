"""How exactly a coarser mineral map is laid on an SEM image: phantoms with a known place.

    python benchmarks/bench_register_labels.py --seeds 301 302 303 304 305

The map is made of the true phases of a phantom, sampled at the centres of pixels that are about
four SEM pixels wide, turned by up to 3 degrees, stretched by 0.3 %, in the colours of a QEMSCAN,
with 5 % of its pixels of a wrong phase. The SEM image is a part of it. The error is how far the
place of the farthest corner of the SEM image is from the truth, in SEM pixels.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

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
    given = parser.parse_args()
    print("| rock | seed | pixel sizes | error px | scale off % | ratio | blocks px | s | doubts |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for rock in given.rocks:
        for seed in given.seeds:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                truth = make_pair(folder, rock, seed)
                for known in (True, False):
                    print(f"| {rock} | {seed} | {measure(folder, truth, known)}", flush=True)


def make_pair(folder: Path, rock: str, seed: int) -> NDArray[np.float64]:
    """Write sem.tif and map.png; return the matrix from SEM to map pixels, shape (2, 3)."""
    settings = PhantomSettings(rock=rock, rows=ROWS, cols=COLS, sessions=1, drift=0)
    from napari_olivine.job import Job

    make_phantom(folder / "phantom", settings, Job(seed=seed))
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
    sizes = {"sem_pixel_um": 1.0, "map_pixel_um": round(scale, 1)} if known else {}
    started = time.perf_counter()
    found = register_labels(
        folder / "sem.tif", folder / "map.tif", folder / "out.tif", RegisterLabelsSettings(**sizes)
    )
    seconds = time.perf_counter() - started
    high, wide = tifffile.imread(folder / "out.tif").shape[:2]
    corners = np.array([[x, y, 1] for x in (0, wide - 1) for y in (0, high - 1)], float)
    apart = corners @ (found.placing.matrix - truth).T * scale
    off = 100 * (found.placing.scale / scale - 1)
    blocks = np.median([one.distance for one in found.blocks]) if found.blocks else np.nan
    return (
        f"{'given' if known else 'estimated'} | {np.hypot(*apart.T).max():.2f} | {off:+.3f} | "
        f"{found.after.ratio:.2f} | {blocks:.2f} | {seconds:.1f} | {'; '.join(found.doubts)} |"
    )


if __name__ == "__main__":
    main()
