"""Touching crystals: how many are parted rightly, and how many single ones stay whole.

    python benchmarks/bench_contacts.py FOLDER --rocks cumulate --seeds 301 302 303 304 305
    python benchmarks/bench_contacts.py FOLDER --source section-cumulate     (folders with a truth)

Sections are kept in FOLDER and not made again. Each is judged twice: with the mask that the
program makes, and with the true pixels of olivine as the mask, which tells what parting itself can
do. mg# is calibrated for each. A crystal is in contact where at least `CONTACT_PX` pixels of its
outline lie next to another true crystal, up to `REACH_PX` away, as cracks along a boundary are. It
is found as one where a label and it have more than half of their pixels in common (IoU above 0.5).
Crystals under 100 um2 of true area count nowhere. A crystal is whole where no second label takes
more than 5 % of it.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.calibration import calibrate
from napari_olivine.crystals import CrystalsSettings, find_crystals
from napari_olivine.job import Job
from napari_olivine.levelling import level
from napari_olivine.masks import make_mask
from napari_olivine.phantom import PhantomSettings, make_phantom
from napari_olivine.readers import import_section
from napari_olivine.scoring.truth import Truth
from napari_olivine.section import Section, create_raster
from napari_olivine.settings import Settings

OLIVINE = 6
"""Code of olivine in the truth."""

LEAST_UM2, CONTACT_PX, REACH_PX, FOUND_IOU, PIECE = 100, 8, 3, 0.5, 0.05
SIZES = {"microphenocryst": (1_000, 10_000), "phenocryst": (10_000, np.inf)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rocks", nargs="*", default=["cumulate", "andesite", "tephra", "basalt"])
    parser.add_argument("--seeds", type=int, nargs="*", default=[])
    parser.add_argument("--source", type=Path, nargs="*", default=[])
    parser.add_argument("--rows", type=int, default=3)
    parser.add_argument("--cols", type=int, default=3)
    parser.add_argument("--masks", nargs="*", default=["true", "own"], choices=["true", "own"])
    parser.add_argument("--no-part-touching", action="store_true")
    given = parser.parse_args()
    sources = [(path.name, path) for path in given.source]
    for rock in given.rocks if given.seeds else []:
        for seed in given.seeds:
            source = given.folder / f"{rock}-{seed}" / "source"
            if not (source / "truth").exists():
                tiles = {"rows": given.rows, "cols": given.cols, "sessions": 1}
                make_phantom(source, PhantomSettings(rock=rock, seed=seed, **tiles))
            sources.append((f"{rock}-{seed}", source))
    settings = CrystalsSettings(phase_from="mask", part_touching=not given.no_part_touching)
    rows: list[dict[str, Any]] = []
    for name, source in sources:
        for mask in given.masks:
            section = prepared(source, given.folder / name / mask, mask)
            began = time.process_time()
            find_crystals(section, settings, Job(force=True))
            spent = {"processor s": round(time.process_time() - began, 1)}
            group = name.rsplit("-", 1)[0] if given.seeds and "section" not in name else name
            counts = counted(section, source)
            rows.append({"rock": group, "name": name, "mask": mask} | counts | spent)
            print(rows[-1], flush=True)
    table = pd.DataFrame(rows).drop(columns="name").groupby(["mask", "rock"], sort=False).sum()
    print_table(table)


def prepared(source: Path, place: Path, mask: str) -> Section:
    """Bring a section so far that its crystals can be found, once."""
    section = Section(place) if (place / "images").exists() else import_section(source, place)
    level(section)
    if mask == "own":
        make_mask(section)
    elif section.state("mask") == "missing":
        truth = Truth(source / "truth", section)
        recipe = section.recipe("mask", Settings(), [], extra={"source": "truth"})
        with section.draft("mask", recipe, Job()) as draft:
            out = create_raster(
                draft.path / "olivine", section.shape, "uint8", section.pixel_size_um,
                reduction="mode",
            )  # fmt: skip
            out.write(0, 0, (truth.phase(slice(0, section.shape[0])) == OLIVINE).astype(np.uint8))
            out.build_pyramid(Job())
    calibrate(section)
    return section


def counted(section: Section, source: Path) -> dict[str, int]:
    """Count crystals of the truth, in contact and in all, and those that were found as one."""
    rows, columns = section.shape
    truth = Truth(source / "truth", section).crystals(slice(0, rows))
    labels = section.raster("crystals", "crystals").read(slice(0, rows), slice(0, columns))
    return count_crystals(truth, labels.astype(np.int64), section.pixel_size_um)


def count_crystals(
    truth: NDArray[np.int64], labels: NDArray[np.int64], pixel_um: float
) -> dict[str, int]:
    """Count crystals of the truth in contact and found; see the top of this file."""
    most = int(truth.max()) + 1
    area = np.bincount(truth.ravel(), minlength=most)
    of_label = np.bincount(labels.ravel())
    both = (truth > 0) & (labels > 0)
    key, pixels = np.unique(truth[both] << 32 | labels[both], return_counts=True)
    true, label = key >> 32, key & 0xFFFFFFFF
    iou = pixels / (area[true] + of_label[label] - pixels)
    found, whole = np.zeros(most, bool), np.ones(most, bool)
    found[true[iou > FOUND_IOU]] = True
    mine = pixels > of_label[label] / 2
    pieces = np.bincount(true[mine & (pixels >= PIECE * area[true])], minlength=most)
    whole = pieces <= 1
    counts = area * pixel_um**2 >= LEAST_UM2
    counts[0] = False
    touches = touching(truth, most) & counts
    report = {
        "crystals": counts.sum(), "found": (counts & found).sum(),
        "contact": touches.sum(), "contact found": (touches & found).sum(),
        "in pieces": (counts & ~whole).sum(),
    }  # fmt: skip
    for name, (low, high) in SIZES.items():
        these = counts & (area * pixel_um**2 >= low) & (area * pixel_um**2 < high)
        report |= {name: these.sum(), f"{name} whole": (these & whole).sum()}
    return {name: int(value) for name, value in report.items()}


def touching(truth: NDArray[np.int64], most: int) -> NDArray[np.bool_]:
    """Tell which true crystals have another one next to them, by the length of the contact."""
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * REACH_PX + 1,) * 2)
    high = cv2.dilate(truth.astype(np.float32), brush)
    none = np.where(truth > 0, truth, most).astype(np.float32)
    low = cv2.erode(none, brush, borderValue=float(most))
    other = (truth > 0) & ((high > truth) | (low < truth))
    beside = np.bincount(truth[other], minlength=most)
    return np.asarray(beside >= CONTACT_PX * REACH_PX)


def print_table(table: pd.DataFrame) -> None:
    """Print shares of the sums over the seeds."""
    print("| mask | rock | in contact, found as one | found as one | in pieces |", end="")
    print(" microphenocrysts whole | phenocrysts whole |\n" + "| --- " * 7 + "|")
    pairs = [("contact found", "contact"), ("found", "crystals"), ("in pieces", "crystals")]
    pairs += [(f"{name} whole", name) for name in SIZES]
    for place, row in zip(table.index.tolist(), table.to_dict("records"), strict=True):
        cells = [
            f"{row[part]} of {row[all_]} ({100 * row[part] / max(row[all_], 1):.1f} %)"
            for part, all_ in pairs
        ]
        print(f"| {place[0]} | {place[1]} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
