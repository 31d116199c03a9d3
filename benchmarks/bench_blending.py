"""How far blended windows are from one window over everything, and what that costs.

    python benchmarks/bench_blending.py SECTION [--model NAME] [--side 4096]
        [--windows 512 768 1280] [--overlaps 64 128 256 512] [--place ROW COLUMN]

The reference is one window of SIDE px, in float32, and of it only what lies MARGIN px inside; the
same part is put together from smaller windows of the grid that `napari-olivine segment` lays,
in float32 as well. Told are the mean absolute difference of probability, the IoU of the masks at
0.1 and 0.5, the mean step across the windows' borders beyond the reference's step at the same
places ("seam": difference of neighbouring pixels' errors, where windows begin or end; largest
and mean), and the pixels that go through the network for each pixel of a large section.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from napari_olivine.inference.blending import Blender
from napari_olivine.inference.engines import measure_agreement
from napari_olivine.inference.engines.torch_engine import TorchEngine
from napari_olivine.inference.models import choose_models
from napari_olivine.inference.windows import Axis, Blend, make_grid
from napari_olivine.job import Job
from napari_olivine.networks.files import load_model
from napari_olivine.networks.normalisation import LevelledGrey, normalise
from napari_olivine.section import Section

MARGIN = 256
"""Pixels along the reference's own edges that are not compared."""

BLENDS: tuple[Blend, ...] = ("halo", "cosine", "mean")


@dataclass(frozen=True)
class Part:
    """Part of a section that is predicted in both ways."""

    top: int
    left: int
    shape: tuple[int, int]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("section", type=Path)
    parser.add_argument("--model", default="")
    parser.add_argument("--side", type=int, default=4096, help="of the reference, px")
    parser.add_argument("--place", type=int, nargs=2, default=None, help="its corner")
    parser.add_argument("--windows", nargs="*", type=int, default=[512, 768, 1280])
    parser.add_argument("--overlaps", nargs="*", type=int, default=[64, 128, 256, 512])
    given = parser.parse_args()
    section = Section(given.section)
    model = choose_models(section, given.model)[0]
    network, card = load_model(model.folder)
    grey = LevelledGrey(section, card.normalisation, Job())
    engine = TorchEngine("float32", network, torch.device("cpu"), torch.float32, Job())

    def predict(row: int, column: int, rows: int, columns: int) -> NDArray[np.uint8]:
        image = normalise(grey.read(row, column, rows, columns), card.normalisation)
        return engine.start(image[None])()[0]

    high, wide = (min(given.side, length // 32 * 32) for length in section.shape)
    row, column = given.place or ((section.shape[0] - high) // 2, (section.shape[1] - wide) // 2)
    whole = predict(row, column, high, wide)[0]
    part = Part(row + MARGIN, column + MARGIN, (high - 2 * MARGIN, wide - 2 * MARGIN))
    reference = whole[MARGIN : high - MARGIN, MARGIN : wide - MARGIN]
    print(f"{model.name} ({card.network}), {part.shape[0]} x {part.shape[1]} px of one window of")
    print(f"{high} x {wide} px; olivine {100 * (reference >= 128).mean():.1f} % at 0.5\n")
    print(
        "| window | overlap | blend | difference | IoU 0.1 | IoU 0.5 | seam, mean | seam, largest "
        "| network px a pixel |\n|" + " --- |" * 9
    )
    for window in given.windows:
        for overlap in given.overlaps:
            if overlap >= window:
                continue
            # Every blending takes the same windows: they are predicted once.
            results: dict[tuple[int, int], NDArray[np.uint8]] = {}
            for blend in BLENDS:
                grid = make_grid(part.shape, window, overlap, blend)
                found = np.zeros(part.shape, np.uint8)
                done: set[tuple[int, int]] = set()
                blender = Blender(grid, 1, lambda cell, d=done: cell not in d, 10**6)
                for i, top in enumerate(grid.rows.starts):
                    for j, left in enumerate(grid.columns.starts):
                        if (i, j) not in results:
                            place = part.top + top, part.left + left
                            results[i, j] = predict(*place, *grid.window)
                        for cell, block in blender.add((i, j), results[i, j]):
                            found[grid.cell(cell)] = block[0]
                            done.add(cell)
                agreement = measure_agreement(found, reference)
                mean, largest = seams(found, reference, grid.rows, grid.columns)
                iou = [agreement.iou.get(threshold, float("nan")) for threshold in (0.1, 0.5)]
                print(
                    f"| {window} | {overlap} | {blend} | {agreement.difference:.5f} | {iou[0]:.4f} "
                    f"| {iou[1]:.4f} | {mean:.5f} | {largest:.3f} "
                    f"| {(window / (window - overlap)) ** 2:.2f} |",
                    flush=True,
                )


def seams(
    found: NDArray[np.uint8], reference: NDArray[np.uint8], rows: Axis, columns: Axis
) -> tuple[float, float]:
    """Return the mean and the largest step of the error where windows begin or end."""
    error = (found.astype(np.float32) - reference) / 255
    steps = [np.abs(error[edge] - error[edge - 1]) for edge in edges(rows)]
    steps += [np.abs(error[:, edge] - error[:, edge - 1]) for edge in edges(columns)]
    every = np.concatenate(steps) if steps else np.zeros(1, np.float32)
    return float(every.mean()), float(every.max())


def edges(axis: Axis) -> list[int]:
    """Rows or columns at which a window's weight begins or ends inside the image."""
    ends = {end for k in range(len(axis.starts)) for end in axis.support(k)}
    return sorted(end for end in ends if 0 < end < axis.length)


if __name__ == "__main__":
    main()
