"""Tiles of a mosaic as TIFF: headers and pixels, against bare tifffile in the same run.

    python benchmarks/bench_formats_tiff.py [--tiles 600]

Prints, for each way to keep the tiles, milliseconds a tile (median of five rounds) for the header
(`open_images`) and for the pixels (`Image.load`), and how many times as long bare tifffile takes
(`TiffFile(...).pages.first.shape`; `imread`): above 1 is faster than tifffile.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import tifffile

from napari_olivine.readers.formats import open_images


def shape_of(file: Path) -> tuple[int, ...]:
    with tifffile.TiffFile(file) as tiff:
        return tiff.pages.first.shape


def milliseconds(work: Callable[[object], object], things: Sequence[object]) -> float:
    began = time.perf_counter()
    for thing in things:
        work(thing)
    return 1e3 * (time.perf_counter() - began) / len(things)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiles", type=int, default=600)
    tiles = parser.parse_args().tiles
    noise = np.random.default_rng(1).normal(120, 8, (338, 512)).astype(np.uint8)
    print("kept as          header ms  against tifffile   pixels ms  against tifffile")
    for name, how in (
        ("plain", {}),
        ("deflate", {"compression": "zlib"}),
        ("lzw", {"compression": "lzw"}),
    ):
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / f"r{number:05d}.tif" for number in range(tiles)]
            for file in files:
                tifffile.imwrite(file, noise, **how)
            images = [open_images(file)[0] for file in files]
            rounds = [
                (
                    milliseconds(shape_of, files),
                    milliseconds(open_images, files),
                    milliseconds(tifffile.imread, files),
                    milliseconds(lambda image: image.load(0, 338), images),
                )
                for _ in range(5)
            ]
        bare, header, imread, load = (
            statistics.median(column) for column in zip(*rounds, strict=True)
        )
        print(
            f"{name:16s} {header:9.3f}  {bare / header:16.2f}  {load:10.3f}  {imread / load:16.2f}"
        )


if __name__ == "__main__":
    main()
