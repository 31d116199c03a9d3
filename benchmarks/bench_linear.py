"""What a pixel of a section costs to segment, for small sections and for large ones.

    python benchmarks/bench_linear.py [--mpx 15 150 1500] [--network free] [--memory 4GB]
        [--window 1280] [--overlap 256] [--rounds 3]

Each size is a section of its own on disk, the same noise again and again, and the whole step
`segment` on it in a process of its own: windows read and levelled, predicted, blended, written,
overviews and the segmentation made. ``free`` is a network that answers at once: what is left is
what this program does around the network. Told are wall and processor time a pixel, their ratio to
the smallest section's, and the most memory that the process had. The sizes are run by turns; the
figure is the median of the rounds.
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

import numpy as np
import torch
from bench_tiled import Free, in_two_sessions, make_model

from napari_olivine.cli.options import memory
from napari_olivine.inference import SegmentSettings, predictor, segment
from napari_olivine.job import Job
from napari_olivine.section import Section, SectionRecord, create_raster
from napari_olivine.section.raster import CHUNK
from napari_olivine.settings import Settings


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mpx", nargs="*", type=float, default=[15, 150, 1500])
    parser.add_argument("--network", default="free")
    parser.add_argument("--memory", type=memory, default="4GB")
    parser.add_argument("--window", type=int, default=1280)
    parser.add_argument("--overlap", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--section", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.section:
        print(json.dumps(run(given.section, given)))
        return
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        make_model(folder / "model", "light" if given.network == "free" else given.network)
        for mpx in given.mpx:
            make_section(folder / f"{mpx:g}", mpx)
        took: dict[float, list[dict[str, float]]] = {mpx: [] for mpx in given.mpx}
        for _ in range(given.rounds):
            for mpx, rounds in took.items():
                command = [*sys.orig_argv, "--section", str(folder / f"{mpx:g}")]
                ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                rounds.append(json.loads(ended.stdout.splitlines()[-1]))
        tell(given, took)


def tell(given: argparse.Namespace, took: dict[float, list[dict[str, float]]]) -> None:
    """Print the table."""
    print(f"{given.network}, windows of {given.window} px, overlap {given.overlap} px\n")
    print("| Mpx | wall, ns a pixel | to the smallest | processor | to the smallest | peak MB |")
    print("|" + " --- |" * 6)
    least: dict[str, float] = {}
    for mpx, rounds in took.items():
        cells = [f"{mpx:g}"]
        for clock in ("wall", "processor"):
            each = median(r[clock] / r["pixels"] for r in rounds)
            least.setdefault(clock, each)
            cells += [f"{1e9 * each:.1f}", f"{each / least[clock]:.3f}"]
        cells.append(f"{max(r['peak_mb'] for r in rounds):.0f}")
        print(f"| {' | '.join(cells)} |", flush=True)


def make_section(folder: Path, mpx: float) -> None:
    """Make a section of noise on coarse blobs, as compressible as a BSE image, row by row."""
    side = round(np.sqrt(mpx * 1e6) / CHUNK) * CHUNK
    random = np.random.default_rng(0)
    coarse = random.integers(60, 200, (CHUNK // 64, 2 * CHUNK // 64)).astype(np.float32)
    block = coarse.repeat(64, 0).repeat(64, 1) + random.normal(0, 6, (CHUNK, 2 * CHUNK))
    block = np.clip(block, 1, 254).astype(np.uint8)
    row = np.tile(block, (1, -(-side // block.shape[1])))[:, :side]
    record = SectionRecord(name="noise", pixel_size_um=1.0, shape=(side, side), signals=["BSE"])
    section = Section.create(folder, record)
    recipe = section.recipe("import", Settings(), [], extra={"source": "made by a benchmark"})
    with section.draft("images", recipe, Job()) as draft:
        out = create_raster(draft.path / "BSE", (side, side), "uint8", 1.0, reduction="mean")
        for top in range(0, side, CHUNK):
            out.write(top, 0, np.roll(row, 97 * top // CHUNK, axis=1))
        out.build_pyramid(Job())
    in_two_sessions(section)


def run(path: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Segment a section from the beginning."""
    if given.network == "free":
        predictor.choose_engine = lambda *_, **__: Free()  # type: ignore[assignment]
    section = Section(path)
    settings = SegmentSettings(
        model=str(path.parent / "model"), window_px=given.window, overlap_px=given.overlap
    )
    wall, processor = time.perf_counter(), time.process_time()
    segment(section, settings, Job(memory_bytes=given.memory, force=True))
    return {
        "wall": time.perf_counter() - wall,
        "processor": time.process_time() - processor,
        "pixels": section.shape[0] * section.shape[1],
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }


if __name__ == "__main__":
    main()
