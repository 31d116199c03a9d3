"""What it takes to find, measure and classify the crystals of a section.

    python benchmarks/bench_crystals.py [--mpx 15 150 1500] [--rounds 1] [--memory 4GB]
        [--keep FOLDER]

Each size is a section of its own on disk, made for the purpose: as many crystals a pixel as the
publication's section has (20,293 microlites, 975 microphenocrysts and 660 phenocrysts in 1.5
gigapixels), polygons with zoned mg#, cracks and noisy outlines. The whole step `crystals` runs on
it in a process of its own. Told are its time, the time a megapixel, its ratio to the smallest
section's, how many crystals were found, and the most memory that the process had. Where the time
goes is told for the largest.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import torch
from bench_tiled import in_two_sessions
from numpy.typing import NDArray

from napari_olivine.cli.options import memory
from napari_olivine.crystals import CrystalsSettings, find_crystals
from napari_olivine.job import Job
from napari_olivine.section import Section, SectionRecord, create_raster
from napari_olivine.section.raster import CHUNK
from napari_olivine.settings import Settings

PER_GIGAPIXEL = {"microlite": 20_293 / 1.5, "microphenocryst": 975 / 1.5, "phenocryst": 660 / 1.5}
"""The publication's counts, section 4.3, over its 9,000 tiles."""

AREAS = {"microlite": (60, 900), "microphenocryst": (1100, 9000), "phenocryst": (11_000, 200_000)}
"""Pixels of 1 um2."""

GROUND, CRACK = 105, 60
"""BSE grey."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mpx", nargs="*", type=float, default=[15, 150, 1500])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--memory", type=memory, default="4GB")
    parser.add_argument("--keep", type=Path, help="folder of the sections, made if missing")
    parser.add_argument("--section", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.section:
        print(json.dumps(run(given.section, given.memory)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        for mpx in given.mpx:
            if not (folder / f"{mpx:g}").exists():
                make_section(folder / f"{mpx:g}", mpx)
        print("| Mpx | crystals | s | s a gigapixel | to the smallest | processor s | peak MB |")
        print("|" + " --- |" * 7)
        least = 0.0
        for mpx in given.mpx:
            command = [*sys.orig_argv, "--section", str(folder / f"{mpx:g}")]
            rounds = []
            for _ in range(given.rounds):
                ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                rounds.append(json.loads(ended.stdout.splitlines()[-1]))
            wall = median(r["wall"] for r in rounds)
            least = least or wall / mpx
            cells = [f"{mpx:g}", str(rounds[0]["crystals"]), f"{wall:.1f}"]
            cells += [f"{1e3 * wall / mpx:.1f}", f"{wall / mpx / least:.2f}"]
            cells.append(f"{median(r['processor'] for r in rounds):.1f}")
            cells.append(f"{max(r['peak_mb'] for r in rounds):.0f}")
            print(f"| {' | '.join(cells)} |", flush=True)
        print("\n" + "\n".join(f"{s:6.1f} s  {part}" for part, s in rounds[-1]["parts"].items()))


def run(path: Path, memory_bytes: int) -> dict[str, Any]:
    """Find the crystals of a section from the beginning."""
    began: dict[str, float] = {}

    def listen(event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            began.setdefault(event["message"], time.perf_counter())

    section = Section(path)
    wall, processor = time.perf_counter(), time.process_time()
    job = Job(memory_bytes=memory_bytes, force=True, listen=listen)
    product = find_crystals(section, CrystalsSettings(), job)
    ends = [*list(began.values())[1:], time.perf_counter()]
    return {
        "wall": time.perf_counter() - wall,
        "processor": time.process_time() - processor,
        "crystals": product.notes["crystals"],
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        "parts": {
            part: end - begin for (part, begin), end in zip(began.items(), ends, strict=True)
        },
    }


def make_section(folder: Path, mpx: float) -> None:
    """Make a section with images, probability, segmentation and mg#, strip by strip."""
    side = round(np.sqrt(mpx * 1e6) / CHUNK) * CHUNK
    random = np.random.default_rng(0)
    record = SectionRecord(name="made", pixel_size_um=1.0, shape=(side, side), signals=["BSE"])
    section = Section.create(folder, record)
    in_two_sessions(section)
    crystals = plan(random, side)
    kinds = {
        "images": ("BSE", "uint8", "mean", 0),
        "probability": ("olivine", "uint8", "mean", 0),
        "segmentation": ("olivine", "uint8", "mode", 0),
        "mg": ("mg", "float32", "nanmean", float("nan")),
    }
    drafts = {}
    for product in kinds:
        recipe = section.recipe("made", Settings(), [], extra={"source": "made by a benchmark"})
        drafts[product] = section.draft(product, recipe, Job())
    rasters = {}
    for product, (name, kind, reduction, fill) in kinds.items():
        rasters[product] = create_raster(
            drafts[product].__enter__().path / name, (side, side), kind, 1.0,
            reduction=reduction, fill=fill,
        )  # fmt: skip
    noise = random.normal(0, 3, (CHUNK, side + 4096)).astype(np.float32)
    for top in range(0, side, CHUNK):
        mg = np.full((CHUNK, side), np.nan, np.float32)
        dark = np.zeros((CHUNK, side), bool)
        for row, column, seed, area in crystals:
            reach = int(np.sqrt(area)) + 8
            if row + reach > top and row - reach < top + CHUNK:
                draw(mg, dark, row - top, column, seed, area)
        shift = int(random.integers(4096))
        speckle = noise[:, shift : shift + side]
        olivine = np.isfinite(mg) & ~dark
        # 0.01 of mg# is 0.6 grey levels: the noise of the grey becomes that of mg#.
        grey = np.where(olivine, GROUND + 60 * (1.4 - np.nan_to_num(mg)), GROUND - 15)
        grey = np.where(dark, CRACK, grey) + speckle
        values = {
            "images": np.clip(grey, 1, 254).astype(np.uint8),
            "probability": (olivine * 250).astype(np.uint8),
            "segmentation": olivine.astype(np.uint8),
            "mg": np.where(olivine, mg + speckle / 300, np.nan).astype(np.float32),
        }
        for product, block in values.items():
            rasters[product].write(top, 0, block)
    for product, raster in rasters.items():
        raster.build_pyramid(Job())
        drafts[product].__exit__(None, None, None)


def plan(random: np.random.Generator, side: int) -> list[tuple[int, int, int, float]]:
    """Place crystals: row, column, seed and area of each, none within another's reach."""
    found: list[tuple[int, int, int, float]] = []
    taken = np.zeros((side // 16 + 1, side // 16 + 1), bool)
    for kind in ("phenocryst", "microphenocryst", "microlite"):
        low, high = np.log(AREAS[kind])
        for _ in range(round(PER_GIGAPIXEL[kind] * side * side / 1e9)):
            area = float(np.exp(random.uniform(low, high)))
            reach = int(0.9 * np.sqrt(area)) + 6
            for _ in range(50):
                row, column = (int(k) for k in random.integers(0, side, 2))
                box = tuple(
                    slice(max(0, k - reach) // 16, (k + reach) // 16 + 1) for k in (row, column)
                )
                if not taken[box].any():
                    taken[box] = True
                    found.append((row, column, int(random.integers(1 << 30)), area))
                    break
    return found


def draw(
    mg: NDArray[np.float32], dark: NDArray[np.bool_], row: int, column: int, seed: int, area: float
) -> None:
    """Draw one crystal, the same in every strip that it reaches into."""
    random = np.random.default_rng(seed)
    radius = np.sqrt(area / np.pi)
    corners = int(random.integers(5, 9))
    angles = np.sort(
        (np.arange(corners) + random.uniform(-0.2, 0.2, corners)) * 2 * np.pi / corners
    )
    reach = int(1.5 * radius) + 4
    points = np.stack([np.cos(angles), np.sin(angles) * random.uniform(0.6, 1)], 1) * radius * 1.15
    inside = np.zeros((2 * reach, 2 * reach), np.uint8)
    cv2.fillPoly(inside, [np.round(points + reach).astype(np.int32)], 1)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 3)
    rim, core = random.uniform(0.72, 0.92, 2) if random.random() < 0.3 else [0.85, 0.85]
    composition = rim + (core - rim) * np.clip(distance / (0.5 * distance.max()), 0, 1)
    crack = np.zeros_like(inside)
    if area > 10_000:
        ends = random.integers(0, 2 * reach, (2, 2))
        cv2.line(crack, tuple(map(int, ends[0])), tuple(map(int, ends[1])), 1, 2)
    rows = slice(max(0, row - reach), min(mg.shape[0], row + reach))
    columns = slice(max(0, column - reach), min(mg.shape[1], column + reach))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    part = (
        slice(rows.start - row + reach, rows.stop - row + reach),
        slice(columns.start - column + reach, columns.stop - column + reach),
    )
    there = inside[part] == 1
    mg[rows, columns][there] = composition[part][there]
    dark[rows, columns] |= there & (crack[part] == 1)


if __name__ == "__main__":
    torch.set_num_threads(2)
    main()
