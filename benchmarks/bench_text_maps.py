"""How fast a text map is found and read, against numpy.loadtxt on the same file in the same run.

Usage: python benchmarks/bench_text_maps.py [SIDE]
"""

from __future__ import annotations

import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np

from napari_olivine.readers.formats.text import text_map, text_matrix


def main() -> None:
    side = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "Mg K series.csv"
        with file.open("w") as stream:
            for _ in range(side):
                stream.write(",".join(map(str, random.poisson(300, side).tolist())) + "\n")
        megabytes = file.stat().st_size / 1e6
        start = time.perf_counter()
        (image,) = text_map.open_images(file)
        found = time.perf_counter()
        for row in range(0, side, 1024):
            image.load(row, min(row + 1024, side))
        read = time.perf_counter()
        with file.open() as stream:
            part = [next(stream) for _ in range(max(side // 10, 1))]
        begin = time.perf_counter()
        np.loadtxt(part, delimiter=",")
        numpy_s = (time.perf_counter() - begin) * side / len(part)
        tracemalloc.start()
        text_matrix._find_rows.cache_clear()
        (image,) = text_map.open_images(file)
        image.load(0, 1024)
        peak = tracemalloc.get_traced_memory()[1]
    print(f"map of {side} x {side} counts, {megabytes:.0f} MB of text")
    print(f"found and checked in {found - start:.2f} s, read in strips in {read - found:.2f} s")
    print(
        f"numpy.loadtxt needs {numpy_s:.2f} s: {numpy_s / (found - start):.1f} and "
        f"{numpy_s / (read - found):.1f} times as long; memory at most {peak / 1e6:.0f} MB"
    )


if __name__ == "__main__":
    main()
