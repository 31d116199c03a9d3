"""Import of a section of 1.5 gigapixels: memory, and speed against the bare work.

Run ``python benchmarks/big_section.py [--fraction 0.1] [--folder SCRATCH] [--tests]``. A phantom's
tiles are repeated with fresh noise: 9,000 TIFF tiles of 512 x 338 px (width x height) are one
signal of 33,800 x 46,080 px. Two runs follow, each in a process of its own, twice over:

bare
    A loop by hand: the tiles read by tifffile in threads, straight into strips, while the strips
    before are compressed in threads and written in the same chunks and shards. It looks at no
    header before, makes no overviews, keeps no journal and no record.
import
    ``napari-olivine import``: all headers looked at, images with overviews, record, annotations.

Loading the program's modules (1 to 3 s) is not counted in any run. The files are in the page
cache in all runs. ``--check`` times ``napari-olivine check`` as well.
Everything written is deleted at the end, unless ``--keep`` is given.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tifffile

HIGH, WIDE = 338, 512
GRID = (100, 90)
BLOCK = 4
"""Rows and columns of tiles of the phantom that is repeated."""


def make_tiles(folder: Path, grid: tuple[int, int]) -> None:
    """Write the mosaic: phantom tiles mirrored by turns, each with noise of its own."""
    from napari_olivine.phantom import PhantomSettings, make_phantom

    phantom = folder.with_name("phantom")
    shape = {"tile_height_px": HIGH, "tile_width_px": WIDE}
    make_phantom(phantom, PhantomSettings(rows=BLOCK, cols=BLOCK, sessions=1, drift=0, **shape))
    blocks = {
        (row, col): tifffile.imread(phantom / "tiles" / "BSE" / f"r{row:02d}_c{col:02d}.tif")
        for row in range(BLOCK)
        for col in range(BLOCK)
    }
    noise = np.random.default_rng(0).normal(0, 3, 8 * HIGH * WIDE).round().astype(np.int16)
    (folder / "tiles" / "BSE").mkdir(parents=True)

    def write(place: tuple[int, int]) -> None:
        row, col = place
        tile = blocks[row % BLOCK, col % BLOCK]
        tile = tile[:: 1 - 2 * (row // BLOCK % 2), :: 1 - 2 * (col // BLOCK % 2)]
        start = int(np.random.default_rng(place).integers(7 * HIGH * WIDE))
        fresh = noise[start : start + HIGH * WIDE].reshape(HIGH, WIDE)
        name = folder / "tiles" / "BSE" / f"r{row:02d}_c{col:02d}.tif"
        tifffile.imwrite(name, np.clip(tile + fresh, 0, 255).astype(np.uint8))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        places = [(row, col) for row in range(grid[0]) for col in range(grid[1])]
        list(pool.map(write, places))
    description = {
        "name": "big", "pixel_size_um": 1.0, "tile_shape": (HIGH, WIDE), "tile_overlap_px": 0,
        "grid": grid, "tile_pattern": "tiles/{signal}/r{row:02d}_c{col:02d}.tif",
        "signals": ["BSE"],
    }  # fmt: skip
    (folder / "section.json").write_text(json.dumps(description))
    shutil.rmtree(phantom)


def bare(source: Path, out: Path, readers: int) -> None:
    """Read the tiles and write the chunks, as fast as it goes."""
    from napari_olivine.section import create_raster
    from napari_olivine.section.raster import CHUNK

    rows, columns = json.loads((source / "section.json").read_text())["grid"]
    shape = (rows * HIGH, columns * WIDE)
    raster = create_raster(out, shape, np.uint8, 1.0, reduction="mean")

    def strips() -> Iterator[tuple[int, np.ndarray]]:
        band: dict[int, np.ndarray] = {}
        with ThreadPoolExecutor(readers) as pool:
            for start in range(0, shape[0], CHUNK):
                stop = min(start + CHUNK, shape[0])
                strip = np.empty((stop - start, shape[1]), np.uint8)
                wanted = range(start // HIGH, -(-stop // HIGH))
                band = {row: tiles for row, tiles in band.items() if row in wanted}
                for row in wanted:
                    if row not in band:
                        files = [
                            source / "tiles" / "BSE" / f"r{row:02d}_c{column:02d}.tif"
                            for column in range(columns)
                        ]
                        band[row] = np.hstack(list(pool.map(tifffile.imread, files)))
                    first, last = max(start, row * HIGH), min(stop, (row + 1) * HIGH)
                    strip[first - start : last - start] = band[row][
                        first - row * HIGH : last - row * HIGH
                    ]
                yield start, strip

    with ThreadPoolExecutor(1) as writer:
        writing = None
        for start, strip in strips():
            if writing is not None:
                writing.result()
            writing = writer.submit(raster.write, start, 0, strip)
        if writing is not None:
            writing.result()


CHILD = """
import resource, sys, time
from pathlib import Path
begun = time.perf_counter()
{work}
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print("RESULT", time.perf_counter() - begun, peak)
"""

IMPORT = """
from napari_olivine.cli import main
import napari_olivine.readers, napari_olivine.workflow.check
begun = time.perf_counter()
assert main(["import", {source!r}, {out!r}, "--memory", {memory!r}, "--json-events"]) == 0
"""

CHECK = """
from napari_olivine.cli import main
import napari_olivine.readers, napari_olivine.workflow.check
begun = time.perf_counter()
assert main(["check", {out!r}, "--memory", {memory!r}, "--json-events"]) == 0
"""

BARE = """
sys.path.insert(0, {here!r})
import tifffile, napari_olivine.readers, napari_olivine.section
from big_section import bare
begun = time.perf_counter()
bare(Path({source!r}), Path({out!r}), {readers})
"""


def timed(work: str) -> tuple[float, float]:
    """Run some code in a process of its own; return seconds and its peak memory in MB."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD.format(work=work)],
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    _, seconds, peak = done.stdout.splitlines()[-1].split()
    return float(seconds), float(peak)


def size_of(folder: Path) -> tuple[int, int]:
    """Count files and bytes."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return len(files), sum(file.stat().st_size for file in files)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fraction", type=float, default=1.0, help="of 9,000 tiles")
    parser.add_argument(
        "--folder", type=Path, help="where to write; a temporary folder if not given"
    )
    parser.add_argument("--memory", default="4GB")
    parser.add_argument(
        "--readers", type=int, nargs="*", default=[1, 2, 4], help="threads of the bare loop"
    )
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    grid = (max(4, round(GRID[0] * options.fraction)), GRID[1])
    scratch = Path(tempfile.mkdtemp(dir=options.folder, prefix="big-section-"))
    source, out = scratch / "source", scratch / "section"
    try:
        begun = time.perf_counter()
        make_tiles(source, grid)
        megapixels = grid[0] * grid[1] * HIGH * WIDE / 1e6
        print(
            f"{grid[0] * grid[1]} tiles, {megapixels:.0f} Mpx, made in "
            f"{time.perf_counter() - begun:.0f} s; {os.cpu_count()} cores\n"
        )
        print("| run | s | Mpx/s | peak MB |\n| --- | --- | --- | --- |", flush=True)
        values = {"source": str(source), "out": str(out), "memory": options.memory}
        here = str(Path(__file__).parent)
        best = {"bare": float("inf"), "import": float("inf")}
        for _ in range(options.rounds):
            for readers in options.readers:
                shutil.rmtree(out, ignore_errors=True)
                run = BARE.format(**values, here=here, readers=readers)
                seconds, peak = timed(run)
                best["bare"] = min(best["bare"], seconds)
                title = f"bare, {readers} threads that read"
                print(
                    f"| {title} | {seconds:.1f} | {megapixels / seconds:.0f} | {peak:.0f} |",
                    flush=True,
                )
            shutil.rmtree(out, ignore_errors=True)
            seconds, peak = timed(IMPORT.format(**values))
            best["import"] = min(best["import"], seconds)
            print(
                f"| import | {seconds:.1f} | {megapixels / seconds:.0f} | {peak:.0f} |", flush=True
            )
        count, size = size_of(out / "images")
        if options.check:
            seconds, peak = timed(CHECK.format(**values))
            print(f"| check | {seconds:.1f} | {megapixels / seconds:.0f} | {peak:.0f} |")
        share = best["bare"] / best["import"]
        print(f"\nThe import's throughput is {share:.0%} of the fastest bare loop's.")
        print(f"images: {count} files, {size / megapixels / 1e6:.2f} bytes a pixel with overviews")
    finally:
        if not options.keep:
            shutil.rmtree(scratch, ignore_errors=True)
        else:
            print(scratch)


if __name__ == "__main__":
    main()
