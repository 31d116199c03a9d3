"""What recognised kinds bring the review queue: how many of its first fifty are truly wrong.

    python benchmarks/bench_review_kinds.py WORK [--seeds 301 302] [--seconds 60] [--threshold 0.1]

Of each seed a phantom section is imported and masked by its maps, a network learns for so many
seconds and segments it by BSE alone, and its crystals are found (kept in WORK, not made again). A
reviewer who is always right names some crystals, chosen at random, of those that are olivine and of
those that are mostly something else; those are left out of the queue. `recognise train` (linear)
learns from these and `recognise predict` names all others. Told is how many of the first fifty of
the queue are no olivine, and how many are wrong in any way of `bench_review.py`, without and with
the kinds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from bench_review import compare

from napari_olivine.crystals import recognised_kinds, with_recognised
from napari_olivine.review import ReviewQueue, rate_uncertainty
from napari_olivine.scoring.truth import Truth
from napari_olivine.section import Section

FIRST = 50
ROWS, COLUMNS = 2, 3
"""Tiles of a phantom section."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[301, 302])
    parser.add_argument("--seconds", type=int, default=60, help="of training")
    parser.add_argument("--threshold", type=float, default=0.1, help="probability of olivine")
    parser.add_argument("--examples", type=int, default=20, help="of each of two kinds")
    given = parser.parse_args()
    for seed in given.seeds:
        source, path = given.work / f"phantom-{seed}", given.work / f"section-{seed}"
        if not source.exists():
            run("phantom", source, "--seed", seed, "--rows", ROWS, "--cols", COLUMNS)
        # A step that is up to date is not made again.
        run("import", source, path)
        run("mask", path)
        run("train", path, "--max-minutes", given.seconds / 60, "--seed", seed)
        run("segment", path, "--evidence", "bse", "--threshold", given.threshold)
        run("crystals", path, "--phase-from", "segmentation")
        measure(seed, source, path, given.work, given.examples)


def run(*words: object) -> None:
    """Run a command of the program."""
    command = [sys.executable, "-m", "napari_olivine", *(str(word) for word in words)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def measure(seed: int, source: Path, path: Path, work: Path, examples: int) -> None:
    """Print the yield of the queue of one section."""
    section = Section(path)
    table = section.table("crystals", "crystals").assign(verdict="", reviewed_class="")
    table = table.drop(columns="agreement", errors="ignore")
    table.index = pd.Index(table["id"])
    faults, _ = compare(section, Truth(source / "truth", section), table)
    faults.index = table.index
    random = np.random.default_rng(seed)
    chosen = {}
    for kind, some in (("olivine", faults.index[~faults["other"]]),
                       ("pyroxene", faults.index[faults["other"]])):  # fmt: skip
        count = min(examples, len(some) // 2)
        chosen |= dict.fromkeys(random.choice(some, count, replace=False).tolist(), kind)
    file, model = work / f"examples-{seed}.csv", work / f"model-{seed}"
    pd.DataFrame({"id": list(chosen), "class": list(chosen.values())}).to_csv(file, index=False)
    run("recognise", "train", path, "--examples", file, "--out", model, "--seed", seed)
    run("recognise", "predict", model, path, "--seed", seed)
    named = with_recognised(table, recognised_kinds(section))
    left = table[~table["id"].isin(list(chosen))]
    cuts, gaps = (section.table("crystals", name) for name in ("cuts", "gaps"))
    wrong = faults.any(axis=1)
    counts = pd.Series(list(chosen.values())).value_counts().to_dict()
    print(
        f"seed {seed}: {len(left)} crystals, {faults['other'][left.index].sum()} no olivine, "
        f"{wrong[left.index].sum()} wrong; examples {counts}",
        flush=True,
    )
    for words, known in (("without kinds", table), ("with kinds", named)):
        doubt = rate_uncertainty(known, cuts, gaps).set_index("id")["doubt"]
        first = ReviewQueue(left, doubt).ids[:FIRST]
        print(
            f"  {words}: of the first {len(first)}, {faults['other'][first].sum()} no olivine, "
            f"{wrong[first].sum()} wrong",
            flush=True,
        )


if __name__ == "__main__":
    main()
