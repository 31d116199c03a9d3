"""How long corrections of the mask take on a section of 1.5 gigapixels.

    python benchmarks/bench_corrections.py [--rows 38000] [--columns 39500] [--work DIR]

The section is empty but for two strips of 1024 x 8192 px, so that it is made at once; a tile that a
correction touches costs the same as in a full one. Told are, for each correction, the time until it
is on the disk, after which the window goes on, and until the mask shows it, which is done behind
the window.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_olivine.job import Job
from napari_olivine.masks.corrections import (
    Correction,
    MaskCorrections,
    connected_piece,
    correct_mask,
    make_correction,
)
from napari_olivine.section import Section, SectionRecord, create_raster
from napari_olivine.settings import Settings

STRIPS = 10_240, 20_480
"""First rows of the strips that hold a mask."""

MIDDLE = 30_000, 12_000
"""Middle of the polygon (row, column), away from the strips."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=38_000)
    parser.add_argument("--columns", type=int, default=39_500)
    parser.add_argument("--work", type=Path, default=None)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.work) as work:
        section = made(Path(work) / "section", (given.rows, given.columns))
        corrections = MaskCorrections(section)
        print("| correction | stored, ms | painted, ms |\n| --- | --- | --- |")

        def tell(what: str, *new: Correction) -> None:
            began = time.perf_counter()
            corrections.add(new)
            stored = time.perf_counter()
            correct_mask(section, Job(), corrections)
            painted = time.perf_counter()
            stored, painted = 1e3 * (stored - began), 1e3 * (painted - stored)
            print(f"| {what} | {stored:.0f} | {painted:.0f} |", flush=True)

        tell("stroke of 100 px, 20 px wide", stroke((10_500, 9_000), 10))
        tell("another", stroke((10_700, 9_600), 10))
        line = [(10_300, 10_000), (10_320, 10_100)]
        plagioclase = {"label": "other", "phase": "plagioclase", "tool": "brush", "radius_px": 10}
        tell("one that names a phase", make_correction(**plagioclase, line=line))
        line = [(20_700 + 50 * np.sin(k / 5), 8_300 + 40 * k) for k in range(100)]
        tell("stroke of 4000 px, 120 px wide", painted_line(line, 60))
        angles = np.linspace(0, 2 * np.pi, 200, endpoint=False)
        ring = [(MIDDLE[0] + 2000 * np.sin(a), MIDDLE[1] + 2000 * np.cos(a)) for a in angles]
        tell("polygon of 13 Mpx", make_correction(label="olivine", tool="polygon", rings=[ring]))
        began = time.perf_counter()
        piece = connected_piece(section.raster("mask", "olivine"), *MIDDLE, "other")
        found = 1e3 * (time.perf_counter() - began)
        tell(f"the same piece filled, found in {found:.0f} ms", piece)
        many = [stroke((11_000, 9_000 + k), 5) for k in range(2000)]
        tell("2000 strokes at once", *many)
        tell("one more among them", stroke((11_000, 9_000), 5))


def painted_line(line: Sequence[tuple[float, float]], radius_px: float) -> Correction:
    return make_correction(label="olivine", tool="brush", line=line, radius_px=radius_px)


def stroke(place: tuple[int, int], radius_px: float) -> Correction:
    return painted_line([place, (place[0] + 20, place[1] + 100)], radius_px)


def made(folder: Path, shape: tuple[int, int]) -> Section:
    """A section with an empty image and a mask of random pixels in two strips."""
    record = SectionRecord(name="large", pixel_size_um=1.0, shape=shape, signals=["BSE"])
    section = Section.create(folder, record)
    source = section.recipe("import", Settings(), [], extra={"source": "a benchmark"})
    with section.draft("images", source, Job()) as draft:
        create_raster(draft.path / "BSE", shape, np.uint8, 1.0, reduction="mean")
    random = np.random.default_rng(0).integers(0, 2, (512, 4096), dtype=np.uint8)
    strip = random.repeat(2, axis=0).repeat(2, axis=1)
    with section.draft("mask", section.recipe("mask", Settings(), ["images"]), Job()) as draft:
        for name in ("olivine", "phases", "certainty"):
            raster = create_raster(
                draft.path / name, shape, np.uint8, 1.0,
                reduction="mean" if name == "certainty" else "mode",
            )  # fmt: skip
            for row in STRIPS:
                raster.write(row, 8192, strip)
        draft.notes["modes"] = [
            {"code": code, "name": name, "colour": "#112233", "percent": 0.0, "error": None}
            for code, name in enumerate(("unclassified", "olivine", "plagioclase", "oxide"))
        ]
        draft.notes["pixels_by_rule"] = {
            name: {"0": shape[0] * shape[1], "1": int(strip.sum())}
            for name in ("olivine", "phases")
        }
    return section


if __name__ == "__main__":
    main()
