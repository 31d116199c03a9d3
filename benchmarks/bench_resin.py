"""How much resin a network takes for olivine, whatever share of the frame is resin.

    python benchmarks/bench_resin.py SECTION MODEL [--session NAME]

SECTION is an imported section with a mask, MODEL a model folder. The BSE of one of its sessions
stands in the middle of frames of black resin; each frame is a section of its own that the network
has never seen and whose grey it has to normalise by itself.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.inference import SegmentSettings, segment
from napari_olivine.job import Job
from napari_olivine.section import Section, SectionRecord, create_raster
from napari_olivine.settings import Settings

SHARES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95)
RESIN, NOISE = 3.0, 1.5
"""Grey of the resin and its standard deviation."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("section", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--session", default="2")
    given = parser.parse_args()
    section = Section(given.section)
    window = next(s.window for s in section.sessions() if s.session == given.session)
    rock, mask = (
        section.raster(*place).read(*window) for place in (("images", "BSE"), ("mask", "olivine"))
    )
    print("| resin | resin taken | IoU of olivine against the mask |\n| --- | --- | --- |")
    for share in SHARES:
        with tempfile.TemporaryDirectory() as folder:
            taken, iou = run(Path(folder) / "s", rock, mask == 1, share, given.model, section)
        print(f"| {share:.0%} | {taken:.2%} | {iou:.3f} |", flush=True)


def run(
    folder: Path,
    rock: NDArray[np.uint8],
    olivine: NDArray[np.bool_],
    share: float,
    model: Path,
    like: Section,
) -> tuple[float, float]:
    """Segment a frame; return the share of its resin that is taken, and the IoU of olivine."""
    scale = 1 / np.sqrt(1 - share)
    shape = tuple(round(side * scale) for side in rock.shape)
    random = np.random.default_rng(0)
    image = random.normal(RESIN, NOISE, shape).round().clip(0, 255).astype(np.uint8)
    resin, truth = np.ones(shape, bool), np.zeros(shape, bool)
    middle = tuple(
        slice((whole - part) // 2, (whole - part) // 2 + part)
        for whole, part in zip(shape, rock.shape, strict=True)
    )
    image[middle], resin[middle], truth[middle] = rock, False, olivine
    record = SectionRecord(
        name="resin", pixel_size_um=like.pixel_size_um, shape=shape, signals=["BSE"]
    )
    section = Section.create(folder, record)
    recipe = section.recipe("import", Settings(), [], extra={"source": "made by a benchmark"})
    with section.draft("images", recipe, Job()) as draft:
        out = create_raster(
            draft.path / "BSE", shape, "uint8", like.pixel_size_um, reduction="mean"
        )
        out.write(0, 0, image)
        out.build_pyramid(Job())
    whole = {"session": "1", "row0": 0, "row1": shape[0], "col0": 0, "col1": shape[1]}
    section.annotate("sessions", pd.DataFrame([whole | {"role": "none"}]))
    segment(section, SegmentSettings(model=str(model)))
    found = section.raster("segmentation", "olivine").read(slice(None), slice(None)) == 1
    taken = float(found[resin].mean()) if resin.any() else 0.0
    return taken, float((found & truth).sum() / (found | truth).sum())


if __name__ == "__main__":
    main()
