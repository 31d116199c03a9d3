"""Crystals by network and element maps together, and by the network alone, against the truth.

    python benchmarks/bench_joint.py FOLDER --rocks andesite tephra --seeds 301 302 --steps 235
    python benchmarks/bench_joint.py FOLDER --mpx 1500     (how fast, on noise of that size)

Sections and networks are kept in FOLDER and not made again. Constants of the joint segmentation
were chosen on seed 101. The table holds, from 100 um2 of true area on: crystals found, least and
most median area ratio of the size classes; labels that touch no olivine; phenocrysts and
microphenocrysts that are one crystal each; IoU of all pixels; and in the test session alone IoU
and how much of the orthopyroxene is taken. At its end stand mean and worst of all seeds. A training
takes so many steps, which is fair also on a busy machine; 235 are what the demonstration reaches.
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
from napari_olivine.phantom import PhantomSettings, make_phantom
from napari_olivine.readers import import_section
from napari_olivine.scoring import Scores, score_section
from napari_olivine.section import CHUNK, SHARD_COLUMNS, Section, SectionRecord, create_raster
from napari_olivine.settings import Settings
from napari_olivine.training import TrainSettings, train

FROM_UM2 = 100
VALIDATE_EVERY = 47
"""Steps between two validations."""
WHOLE = ("phenocryst", "microphenocryst")
"""Size classes of which each crystal should be one."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rocks", nargs="*", default=["andesite", "tephra", "cumulate", "basalt"])
    parser.add_argument("--seeds", type=int, nargs="*", default=[301])
    parser.add_argument("--steps", type=int, default=235, help="of training")
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--cols", type=int, default=6)
    parser.add_argument("--mpx", type=int, help="measure the speed on so many megapixels instead")
    given = parser.parse_args()
    if given.mpx:
        print_speed(given.folder, given.mpx)
        return
    rows: list[dict[str, Any]] = []
    for seed in given.seeds:
        for rock in given.rocks:
            phantom = PhantomSettings(rock=rock, seed=seed, rows=given.rows, cols=given.cols)
            folder = given.folder / f"{rock}-{seed}"
            for evidence, scores in scored(folder, phantom, given.steps).items():
                rows.append({"rock": rock, "seed": seed, "evidence": evidence} | figures_of(scores))
            print_table(pd.DataFrame(rows[-3:]))
    table = pd.DataFrame(rows)
    print_table(table)
    print_table(summary_of(table))


def scored(folder: Path, phantom: PhantomSettings, steps: int) -> dict[str, Scores]:
    """Run every step, and score crystals by both kinds of evidence and by the mask alone."""
    source = folder / "source"
    if not (source / "truth").exists():
        make_phantom(source, phantom)
    place = folder / "section"
    section = Section(place) if (place / "images").exists() else import_section(source, place)
    level(section)
    make_mask(section)
    if section.product("models/light") is None:
        rounds = -(-steps // VALIDATE_EVERY)
        most = TrainSettings(steps=VALIDATE_EVERY, epochs=rounds, patience=rounds, max_minutes=600)
        train(section, most)
    segment(section, SegmentSettings())
    calibrate(section, CalibrateSettings())
    found = {}
    for evidence, phase in (("joint", "joint"), ("bse", "segmentation"), ("mask", "mask")):
        find_crystals(section, CrystalsSettings(phase_from=phase))
        found[evidence] = score_section(section, source / "truth")
    return found


def figures_of(scores: Scores) -> dict[str, Any]:
    """Return the figures of the goals."""
    sizes, final, crystals = scores.crystal_sizes, scores.final, scores.crystals
    assert sizes is not None and final is not None and crystals is not None
    classes = [one for one in sizes.classes if one.from_um2 >= FROM_UM2 and one.true]
    ratios = [one.area_ratio for one in classes if one.area_ratio is not None]
    large = [crystals.by_size[name] for name in WHOLE if name in crystals.by_size]
    tests = [one.final for one in scores.sessions if one.role == "test" and one.final]
    return {
        "found, %": 100 * sum(one.found for one in classes) / sum(one.true for one in classes),
        "ratio from": min(ratios, default=np.nan),
        "to": max(ratios, default=np.nan),
        "false, %": 100 * sizes.false_labels / max(1, sizes.labels),
        "whole, %": 100 * sum(one.found for one in large) / max(1, sum(one.true for one in large)),
        "IoU": final.iou,
        "boundary IoU": final.boundary_iou,
        "test IoU": np.mean([one.iou for one in tests]),
        "test opx, %": np.mean([one.orthopyroxene_percent or 0.0 for one in tests]),
    }


def summary_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return mean and worst of all seeds, a row for each rock and kind of evidence."""
    low = ["found, %", "ratio from", "whole, %", "IoU", "boundary IoU", "test IoU"]
    high = ["to", "false, %", "test opx, %"]
    grouped = table.groupby(["rock", "evidence"])
    mean = grouped[low + high].mean().add_suffix(", mean")
    worst = grouped[low].min().join(grouped[high].max()).add_suffix(", worst")
    return pd.concat([mean, worst], axis=1).reset_index()


def print_table(table: pd.DataFrame) -> None:
    """Print a table in Markdown."""
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
