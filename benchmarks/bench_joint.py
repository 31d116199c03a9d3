"""Crystals by network and element maps together, and by the network alone, against the truth.

    python benchmarks/bench_joint.py FOLDER --rocks andesite tephra --seeds 301 302 --minutes 2
    python benchmarks/bench_joint.py FOLDER --mpx 1500     (how fast, on noise of that size)

Sections and networks are kept in FOLDER and not made again. Constants of the joint segmentation
were chosen on seed 101. The table holds, from 100 um2 of true area on: crystals found, least and
most median area ratio of the size classes; labels that touch no olivine; IoU of all pixels. The
threshold of the network is the one that was best in its validation session.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_olivine.calibration import CalibrateSettings, calibrate
from napari_olivine.crystals import CrystalsSettings, find_crystals
from napari_olivine.inference import SegmentSettings, segment
from napari_olivine.inference.joint import make_joint
from napari_olivine.job import Job
from napari_olivine.levelling import level
from napari_olivine.masks import make_mask
from napari_olivine.networks import read_card
from napari_olivine.phantom import PhantomSettings, make_phantom
from napari_olivine.readers import import_section
from napari_olivine.scoring import Scores, score_section
from napari_olivine.section import CHUNK, SHARD_COLUMNS, Section, SectionRecord, create_raster
from napari_olivine.settings import Settings
from napari_olivine.training import TrainSettings, train

FROM_UM2 = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rocks", nargs="*", default=["andesite", "tephra", "cumulate", "basalt"])
    parser.add_argument("--seeds", type=int, nargs="*", default=[301])
    parser.add_argument("--minutes", type=float, default=2.0, help="of training")
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--cols", type=int, default=6)
    parser.add_argument("--mpx", type=int, help="measure the speed on so many megapixels instead")
    given = parser.parse_args()
    if given.mpx:
        print_speed(given.folder, given.mpx)
        return
    rows: list[dict[str, Any]] = []
    for rock in given.rocks:
        for seed in given.seeds:
            phantom = PhantomSettings(rock=rock, seed=seed, rows=given.rows, cols=given.cols)
            folder = given.folder / f"{rock}-{seed}"
            for evidence, scores in scored(folder, phantom, given.minutes).items():
                figures = figures_of(scores, evidence)
                rows.append({"rock": rock, "seed": seed, "evidence": evidence} | figures)
            print_table(rows[-3:])
    print_table(rows)


def scored(folder: Path, phantom: PhantomSettings, minutes: float) -> dict[str, Scores]:
    """Run every step, and score crystals by both kinds of evidence and by the mask alone."""
    source = folder / "source"
    if not (source / "truth").exists():
        make_phantom(source, phantom)
    place = folder / "section"
    section = Section(place) if (place / "images").exists() else import_section(source, place)
    level(section)
    make_mask(section)
    if section.product("models/light") is None:
        train(section, TrainSettings(max_minutes=minutes))
    best = read_card(section.path / "models" / "light").best_threshold
    segment(section, SegmentSettings(threshold=best))  # 0.1 is for long trainings
    calibrate(section, CalibrateSettings())
    found = {}
    for evidence, phase in (("joint", "joint"), ("bse", "segmentation"), ("mask", "mask")):
        find_crystals(section, CrystalsSettings(phase_from=phase))
        found[evidence] = score_section(section, source / "truth")
    return found


def figures_of(scores: Scores, evidence: str) -> dict[str, Any]:
    """Return the figures of the goals."""
    sizes, final = scores.crystal_sizes, scores.final
    assert sizes is not None and final is not None
    classes = [one for one in sizes.classes if one.from_um2 >= FROM_UM2 and one.true]
    ratios = [one.area_ratio for one in classes if one.area_ratio is not None]
    return {
        "found, %": 100 * sum(one.found for one in classes) / sum(one.true for one in classes),
        "ratio from": min(ratios, default=np.nan),
        "to": max(ratios, default=np.nan),
        "false, %": 100 * sizes.false_labels / max(1, sizes.labels),
        "IoU": final.iou,
        "boundary IoU": final.boundary_iou,
    }


def print_table(rows: list[dict[str, Any]]) -> None:
    """Print a table in Markdown."""
    table = pd.DataFrame(rows)
    print("| " + " | ".join(table.columns) + " |\n" + "| --- " * len(table.columns) + "|")
    for row in table.itertuples(index=False):
        cells = (f"{v:.3f}" if isinstance(v, float) else str(v) for v in row)
        print("| " + " | ".join(cells) + " |")
    print(flush=True)


def print_speed(folder: Path, mpx: int) -> None:
    """Print what joining costs: discs of olivine, noise along their outlines, a random network."""
    side = round((mpx * 1e6) ** 0.5 / CHUNK) * CHUNK
    shape = (side, side)
    section = Section.create(
        folder / "speed",
        SectionRecord(name="speed", pixel_size_um=1.0, shape=shape, signals=["BSE"]),
    )
    for product, names in (
        ("images", {"BSE": "mean"}),
        ("mask", {"olivine": "mode", "certainty": "mean"}),
        ("probability", {"olivine": "mean"}),
        ("segmentation", {"olivine": "mode"}),
    ):
        recipe = section.recipe("import", Settings(), [], extra={"source": "made for a benchmark"})
        if section.finished(product, recipe, Job()):
            continue
        with section.draft(product, recipe, Job()) as draft:
            for name, reduction in names.items():
                raster = create_raster(
                    draft.path / name, shape, "uint8", 1.0, reduction=reduction,
                    sharded=product != "probability",
                )  # fmt: skip
                fill(raster, product, name)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cores = time.perf_counter(), time.process_time()
    make_joint(section, 0.1, Job(force=True))
    wall, cores = time.perf_counter() - wall, time.process_time() - cores
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{side**2 / 1e6:.0f} Mpx: {wall:.1f} s, {1e9 * wall / side**2:.1f} ns a pixel; "
        f"{cores:.1f} core-s; peak {peak:.2f} GB (before {before / 1e6:.2f} GB)"
    )


def fill(raster: Any, product: str, name: str) -> None:
    """Write one block everywhere."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:CHUNK, :SHARD_COLUMNS] % 128 - 64
    distance = 40 - np.hypot(rows, columns)
    noise = random.normal(0, 1, distance.shape)
    block = {
        "mask olivine": distance > 0,
        "mask certainty": np.clip(50 + 25 * np.abs(distance), 50, 100),
        "probability olivine": np.clip(128 + 60 * (distance + noise), 0, 255),
        "segmentation olivine": distance > -1,
        "images BSE": np.full(distance.shape, 100),
    }[f"{product} {name}"].astype(np.uint8)
    for row in range(0, raster.shape[0], CHUNK):
        for column in range(0, raster.shape[1], SHARD_COLUMNS):
            width = min(SHARD_COLUMNS, raster.shape[1] - column)
            raster.write(row, column, block[:, :width])


if __name__ == "__main__":
    main()
