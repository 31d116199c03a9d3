"""What a probability for each phase costs, beside that of olivine alone.

    python benchmarks/bench_phases.py SECTION MODEL --runs 3

SECTION is segmented anew, by turns for olivine and for all phases that MODEL has learned; the
first run of all, which loads libraries, does not count. Seconds are those of the processor, of all
threads together: medians of the runs. The section is left with the products of the last run.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import median

from napari_olivine.inference import SegmentSettings, segment
from napari_olivine.job import Job
from napari_olivine.section import Section


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("section", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    section = Section(given.section)
    spent: dict[str, list[float]] = {"": [], "all": []}
    for run in range(given.runs + 1):
        for phases, seconds in spent.items():
            begun = time.process_time()
            how = SegmentSettings(model=str(given.model), phases=phases, evidence="bse")
            segment(section, how, Job(force=True))
            if run:
                seconds.append(time.process_time() - begun)
    alone, every = (median(seconds) for seconds in spent.values())
    files = [file for file in (given.section / "probability").rglob("*") if file.is_file()]
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    rows, columns = section.shape
    classes = section.require("probability").notes["classes"]
    print(f"{rows * columns / 1e6:.1f} megapixels, {len(classes)} phases kept")
    print(f"processor: olivine alone {alone:.2f} s, all {every:.2f} s ({every / alone - 1:+.1%})")
    print(f"probability on disk: {megabytes:.1f} MB")


if __name__ == "__main__":
    main()
