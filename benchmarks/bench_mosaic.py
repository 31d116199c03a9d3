"""How exactly overlapping tiles are put into place, and how fast.

Run ``python benchmarks/bench_mosaic.py [--grid ROWS COLUMNS] [--overlaps 5 10 20] [--errors 0 5 15
25]``. Tiles are cut out of a phantom section at known fractions of a pixel, each with fresh noise,
a gain and an offset of its own; some of them are blanked (``--blank``, share of the tiles, blanked
in patches as epoxy is). Printed: root mean square distance of the tiles from their true places (up
to one shift of the whole), of those with texture and of the blank ones; the share of textured pairs
whose shift was used; the number of used shifts that are wrong by more than 1 px; the error of the
grey's gain; seconds. ``--speed ROWS COLUMNS`` registers and reads a large mosaic of repeated tiles
from disk instead.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.phantom import PhantomSettings, make_phantom
from napari_olivine.readers.mosaic import TileMosaic, lay_out
from napari_olivine.readers.mosaic.layout import Layout, in_a_grid
from napari_olivine.readers.mosaic.registration import Registered, register
from napari_olivine.readers.signals.image_ref import ImageRef

TILE = (338, 512)
NOISE = 2.6
EPOXY = 22.0


@dataclass
class Cut:
    """A section cut into tiles whose true places are known."""

    layout: Layout
    truth: NDArray[np.float64]
    gains: NDArray[np.float64]
    blank: NDArray[np.bool_]
    tiles: list[NDArray[np.uint8]]


def phantom_grey(rows: int, columns: int, seed: int = 0) -> NDArray[np.float32]:
    """Return the grey of a phantom without fresh noise (its own is smoothed away)."""
    settings = PhantomSettings(
        rows=rows, cols=columns, sessions=1, drift=0, bse_noise_grey=0.0, seed=seed
    )
    with tempfile.TemporaryDirectory() as folder:
        place = make_phantom(Path(folder) / "phantom", settings)
        parts = [
            [tifffile.imread(place / f"tiles/BSE/r{r:02d}_c{c:02d}.tif") for c in range(columns)]
            for r in range(rows)
        ]
    return cv2.GaussianBlur(np.block(parts).astype(np.float32), (0, 0), 0.5)


def cut(
    grey: NDArray[np.float32],
    grid: tuple[int, int],
    overlap: float,
    error: float,
    blank: float,
    seed: int,
) -> Cut:
    """Cut a section into tiles; stage errors are even within +-`error` px."""
    rng = np.random.default_rng(seed)
    cells = np.argwhere(np.ones(grid, bool))
    by_stage = in_a_grid(cells, TILE, (TILE[0] * overlap, TILE[1] * overlap))
    truth = by_stage + 30 + rng.uniform(-error, error, by_stage.shape)
    patches = cv2.GaussianBlur(rng.standard_normal(grid), (0, 0), 1.0)[tuple(cells.T)]
    empty = patches < np.quantile(patches, blank) if blank else np.zeros(len(cells), bool)
    gains = rng.uniform(0.95, 1.05, len(cells))
    tiles = []
    for number, place in enumerate(truth):
        first = np.floor(place).astype(int)
        part = grey[
            first[0] - 2 : first[0] + TILE[0] + 3, first[1] - 2 : first[1] + TILE[1] + 3
        ].copy()
        down, right = place - first + 2
        moved = _shifted(part, down, right)[: TILE[0], : TILE[1]]
        if empty[number]:
            moved = np.full(TILE, EPOXY, np.float32)
        noisy = gains[number] * moved + rng.uniform(-6, 6) + rng.normal(0, NOISE, TILE)
        tiles.append(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
    names = [f"{row}_{column}" for row, column in cells]
    layout = lay_out("stage", "Cut from a phantom.", names, by_stage, cells, TILE)
    return Cut(layout, truth, gains, empty, tiles)


def _shifted(image: NDArray[np.float32], down: float, right: float) -> NDArray[np.float32]:
    """Move an image up and left by cubic interpolation."""
    rows, columns = np.indices(image.shape, np.float32)
    return cv2.remap(image, columns + np.float32(right), rows + np.float32(down), cv2.INTER_CUBIC)


def errors_of(found: Registered, known: Cut) -> tuple[float, float, float, int, float]:
    """RMS of textured and of blank tiles, px; share of good pairs; wrong ones; error of gain."""
    away = found.layout.positions - known.truth
    away -= np.median(away[~known.blank], axis=0)
    square = (away**2).sum(axis=1)
    table = found.overlaps
    a, b = table["tile_a"].to_numpy(), table["tile_b"].to_numpy()
    textured = ~(known.blank[a] | known.blank[b])
    used = table["used"].to_numpy(bool)
    off = table[["drow", "dcol"]].to_numpy() - (known.truth[b] - known.truth[a])
    wrong = used & (np.hypot(*off.T) > 1)
    gain = table["gain"].to_numpy() / (known.gains[b] / known.gains[a]) - 1
    return (
        float(np.sqrt(square[~known.blank].mean())),
        float(np.sqrt(square[known.blank].mean())) if known.blank.any() else np.nan,
        float(used[textured].mean()),
        int(wrong.sum()),
        float(np.sqrt(np.nanmean(gain[used] ** 2))),
    )


def accuracy(options: argparse.Namespace) -> None:
    """Print the table of errors."""
    rows, columns = options.grid
    print(f"{rows} x {columns} tiles of {TILE[0]} x {TILE[1]} px, noise {NOISE} grey")
    print(
        "| overlap % | stage error px | blank % | RMS px | RMS blank px | good pairs % "
        "| wrong | gain error % | s |"
    )
    print("| --- " * 9 + "|")
    grey = phantom_grey(rows + 1, columns + 1)
    for overlap in options.overlaps:
        for error in options.errors:
            for blank in (0.0, options.blank):
                known = cut(grey, (rows, columns), overlap / 100, error, blank, seed=1)
                began = time.perf_counter()
                found = register(known.layout, known.tiles.__getitem__, Job())
                took = time.perf_counter() - began
                rms, rms_blank, good, wrong, gain = errors_of(found, known)
                print(
                    f"| {overlap:g} | {error:g} | {100 * blank:g} | {rms:.3f} | {rms_blank:.2f} "
                    f"| {100 * good:.1f} | {wrong} | {100 * gain:.2f} | {took:.1f} |",
                    flush=True,
                )


def speed(rows: int, columns: int, overlap: float = 0.1, error: float = 15.0) -> None:
    """Register and read a large mosaic from disk, against reading its tiles with tifffile."""
    side = 6
    known = cut(phantom_grey(side + 1, side + 1), (side, side), overlap, error, 0.0, seed=2)
    with tempfile.TemporaryDirectory() as folder:
        small = {}
        for name, tile in zip(known.layout.names, known.tiles, strict=True):
            small[name] = Path(folder) / f"{name}.tif"
            tifffile.imwrite(small[name], tile, compression="zlib")
        cells = np.argwhere(np.ones((rows, columns), bool))
        names = [f"{row}_{column}" for row, column in cells]
        step = (TILE[0] * overlap, TILE[1] * overlap)
        layout = lay_out("stage", "Repeated.", names, in_a_grid(cells, TILE, step), cells, TILE)
        files = {f"{r}_{c}": small[f"{r % side}_{c % side}"] for r, c in cells}
        parts = {name: ImageRef(name, file) for name, file in files.items()}
        began = time.perf_counter()
        with ThreadPoolExecutor(2) as pool:
            for _ in pool.map(tifffile.imread, files.values()):
                pass
        bare = time.perf_counter() - began
        mosaic = TileMosaic("BSE", layout, parts, skip_missing=False)
        began = time.perf_counter()
        mosaic.check(Job())
        checked = time.perf_counter() - began
        began = time.perf_counter()
        found = register(layout, mosaic.tile, Job())
        registered = time.perf_counter() - began
        print(f"{len(cells)} tiles: bare tifffile, 2 threads: {bare:.1f} s")
        print(f"headers checked in {checked:.1f} s")
        print(f"registered in {registered:.1f} s, {len(found.overlaps)} pairs")
        for words, places in (("blended", found.layout), ("side by side", abutting(cells, names))):
            mosaic = TileMosaic("BSE", places, parts, skip_missing=False)
            mosaic.check(Job())
            began = time.perf_counter()
            for start in range(0, mosaic.shape[0], 1024):
                mosaic.read(start, min(start + 1024, mosaic.shape[0]), Job())
            took = time.perf_counter() - began
            print(f"read {words} in {took:.1f} s: {bare / took:.2f} of the speed of bare tifffile")


def abutting(cells: NDArray[np.int64], names: list[str]) -> Layout:
    """Lay the same tiles side by side."""
    return lay_out("names", "Side by side.", names, in_a_grid(cells, TILE, (0, 0)), cells, TILE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grid", type=int, nargs=2, default=(8, 8))
    parser.add_argument("--overlaps", type=float, nargs="+", default=[5, 10, 20])
    parser.add_argument("--errors", type=float, nargs="+", default=[0, 5, 15, 25])
    parser.add_argument("--blank", type=float, default=0.2)
    parser.add_argument("--speed", type=int, nargs=2, metavar=("ROWS", "COLUMNS"))
    options = parser.parse_args()
    if options.speed:
        speed(*options.speed)
    else:
        accuracy(options)


if __name__ == "__main__":
    main()
