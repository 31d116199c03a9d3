"""How much pixels of the mask that a person corrected should count in training.

    python benchmarks/bench_correction_weight.py [--seeds 101 102] [--weights 1 3 10] [--steps 150]

A small phantom, whose mask is made by the published rule, which takes orthopyroxene for olivine. A
person who is always right fills every second wrong piece of the training session as no olivine.
The light network is trained for the same number of steps without the mask being corrected, and with
the corrections at several weights. Told are, in the test session against the truth, the IoU of
olivine and the part of the orthopyroxene that is taken for it, both at the threshold 0.5.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np

from napari_olivine.inference import SegmentSettings, segment
from napari_olivine.job import Job
from napari_olivine.masks import MaskSettings, make_mask
from napari_olivine.masks.corrections import MaskCorrections, connected_piece, correct_mask
from napari_olivine.phantom import PhantomSettings, make_phantom
from napari_olivine.readers import import_section
from napari_olivine.scoring import ScoreSettings
from napari_olivine.scoring.truth import Truth
from napari_olivine.section import Section, with_role
from napari_olivine.training import TrainSettings, train

LEAST_PX = 50
"""Smaller pieces are not seen by a person."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102])
    parser.add_argument("--weights", type=float, nargs="+", default=[1, 3, 10])
    parser.add_argument("--steps", type=int, default=150)
    given = parser.parse_args()
    print("| seed | corrections | weight | IoU | orthopyroxene taken |")
    print("| --- | --- | --- | --- | --- |")
    for seed in given.seeds:
        with tempfile.TemporaryDirectory() as work:
            source, path = Path(work) / "source", Path(work) / "section"
            make_phantom(source, PhantomSettings.small(seed=seed), Job())
            import_section(source, path)
            section = Section(path)
            make_mask(section, MaskSettings(rule="olivine-paper", book="none"))
            truth = Truth(source / "truth", section)
            learn(section, truth, (seed, "none", 1.0), given.steps)
            count = correct(section, truth)
            for weight in given.weights:
                learn(section, truth, (seed, f"{count} pieces", weight), given.steps)


def correct(section: Section, truth: Truth) -> int:
    """Fill every second wrong piece of the training sessions; return how many these are."""
    pieces = []
    mask = section.raster("mask", "olivine")
    for session in with_role(section.sessions(), "train"):
        rows, columns = session.window
        olivine = truth.phase(rows)[:, columns] == ScoreSettings().olivine_code
        found = mask.read(rows, columns) == 1
        count, labels, stats, _ = cv2.connectedComponentsWithStats(
            found.astype(np.uint8), connectivity=4
        )
        for piece in range(1, count):
            inside = labels == piece
            if stats[piece, cv2.CC_STAT_AREA] >= LEAST_PX and not (inside & olivine).any():
                row, column = np.argwhere(inside)[0]
                place = rows.start + int(row), columns.start + int(column)
                pieces.append(connected_piece(mask, *place, "other"))
    MaskCorrections(section).add(pieces[::2])
    correct_mask(section)
    return len(pieces[::2])


def learn(section: Section, truth: Truth, row: tuple[int, str, float], steps: int) -> None:
    """Train, segment, and print how well that is."""
    seed, what, weight = row
    name = f"weight-{what[0]}-{weight:g}"
    settings = TrainSettings(
        name=name, max_minutes=600, steps=50, epochs=-(-steps // 50), patience=1000,
        correction_weight=weight,
    )  # fmt: skip
    train(section, settings, Job(seed=seed))
    segment(section, SegmentSettings(model=name), Job())
    codes, hit, either, taken, every = ScoreSettings(), 0, 0, 0, 0
    for session in with_role(section.sessions(), "test"):
        rows, columns = session.window
        phase = truth.phase(rows)[:, columns]
        found = section.raster("probability", "olivine").read(rows, columns) >= 0.5 * 255
        olivine, opx = (phase == code for code in (codes.olivine_code, codes.orthopyroxene_code))
        hit, either = hit + int((found & olivine).sum()), either + int((found | olivine).sum())
        taken, every = taken + int((found & opx).sum()), every + int(opx.sum())
    iou, opx_taken = hit / max(1, either), taken / max(1, every)
    print(f"| {seed} | {what} | {weight:g} | {iou:.4f} | {opx_taken:.1%} |", flush=True)


if __name__ == "__main__":
    main()
