"""What a network gains from a hundred corrections by hand.

    python benchmarks/bench_feedback.py SECTION TRUTH_FOLDER [--answers 100] [--minutes 4]
        [--steps N] [--seeds 0] [--work DIR]

SECTION has been segmented by one of its models; it is copied and stays as it is. TRUTH_FOLDER is
the truth that `napari-olivine score` takes. A simulated reviewer, who is always right, goes through
the queue of the review in its order, but for crystals in sessions with the role test: accepts a
crystal of whose pixels half or more are olivine, and rejects any other. A second one looks at
phenocrysts and microphenocrysts alone, as the dock's size filter lets them.

Then the model is trained further, without corrections and with those of each, with the same seed
and for the same time; with --steps for the same number of steps, which is fair also on a busy
machine. Told is the IoU of olivine against the truth: in the test sessions, at the threshold of
the paper (0.1) and at 0.5; in the sessions with the role none, whose mask no training sees, as a
whole and without the crystals of which either reviewer spoke; and how much of the orthopyroxene of
those sessions is taken for olivine.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from napari_olivine.crystals import find_crystals
from napari_olivine.crystals.edits import CrystalStore, Judge
from napari_olivine.inference import SegmentSettings, segment
from napari_olivine.job import Job
from napari_olivine.review import ReviewQueue, rate_uncertainty
from napari_olivine.review.corrections import write_corrections
from napari_olivine.scoring import ScoreSettings
from napari_olivine.scoring.truth import Truth
from napari_olivine.section import Section, blocks, with_role
from napari_olivine.training import TrainSettings, train

LARGE = ("phenocryst", "microphenocryst")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("section", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--answers", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=4.0, help="of each training")
    parser.add_argument("--steps", type=int, default=0, help="of each training, instead of time")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", nargs="+", default=["without", "queue", "large"])
    parser.add_argument("--model", default="light", help="model that found the crystals")
    parser.add_argument("--work", type=Path, default=None)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.work) as work:
        shutil.copytree(given.section, Path(work) / "section")
        section = Section(Path(work) / "section")
        truth = Truth(given.truth, section)
        find_crystals(section)
        reviews = {
            "queue": answers(section, truth, given.answers),
            "large": answers(section, truth, given.answers, LARGE),
        }
        spoken = sorted({crystal for review in reviews.values() for crystal in review})
        print("| network | seed | steps | test, 0.1 | test, 0.5 | none | none, rest | opx |")
        print("|" + " --- |" * 8)
        if "without" in given.only:
            tell(["before", "", ""], section, truth, given.model, spoken)
        for seed in given.seeds:
            for what in given.only:
                if what in reviews:
                    review(section, reviews[what])
                name = f"{what}-{seed}"
                train(section, further(section, given, name, what in reviews), Job(seed=seed))
                history = pd.read_csv(section.path / "models" / name / "history.csv")
                tell([what, seed, history["step"].max()], section, truth, name, spoken)


def answers(
    section: Section, truth: Truth, count: int, sizes: tuple[str, ...] | None = None
) -> dict[int, bool]:
    """Tell of the first crystals of the queue whether they are olivine."""
    table = section.table("crystals", "crystals")
    share = olivine_share(section, truth, int(table["id"].max()))
    decisions = [section.table("crystals", name) for name in ("cuts", "gaps")]
    opinion = table.set_index("id")["agreement"]
    found = rate_uncertainty(table, *decisions, second_opinion=opinion).set_index("id")["doubt"]
    tests = [session.session for session in with_role(section.sessions(), "test")]
    chosen = table.loc[~table["session"].isin(tests), "id"]
    queue = ReviewQueue(table, found, sizes=sizes, chosen=chosen)
    answered = {int(crystal): bool(share[crystal] >= 0.5) for crystal in queue.ids[:count]}
    of = table.set_index("id")["session"][list(answered)].value_counts().sort_index().to_dict()
    print(
        f"{len(queue)} of {len(table)} crystals in the queue{f' ({sizes})' if sizes else ''}: "
        f"{sum(answered.values())} accepted, {len(answered) - sum(answered.values())} rejected; "
        f"by session {of}\n",
        flush=True,
    )
    return answered


def review(section: Section, answered: dict[int, bool]) -> None:
    """Take back what was said before, say something else, and write it down."""
    store = CrystalStore(section)
    while store.journal.active():
        store.undo()
    for crystal, right in answered.items():
        store.do(Judge(crystals=(crystal,), verdict="accepted" if right else "rejected"))
    store.close()
    began = time.perf_counter()
    write_corrections(section)
    seconds = time.perf_counter() - began
    pixels = section.table("corrections", "corrections").groupby("value")["pixels"].sum()
    print(
        f"(written down in {seconds:.2f} s: {pixels.get(1, 0)} px olivine, "
        f"{pixels.get(0, 0)} px other)",
        flush=True,
    )


def olivine_share(section: Section, truth: Truth, last: int) -> np.ndarray:
    """Share of each crystal that is olivine, by its id."""
    labels, olivine = section.raster("crystals", "crystals"), ScoreSettings().olivine_code
    right, every = np.zeros(last + 1), np.zeros(last + 1)
    for rows, columns in blocks(section.shape, 512):
        ids = labels.read(rows, columns)
        every += np.bincount(ids.ravel(), minlength=last + 1)
        right += np.bincount(ids[truth.phase(rows) == olivine], minlength=last + 1)
    return right / np.maximum(every, 1)


def further(
    section: Section, given: argparse.Namespace, name: str, corrections: bool
) -> TrainSettings:
    """Settings that train the section's model further."""
    long = {"max_minutes": given.minutes}
    if given.steps:
        long = {"max_minutes": 600, "steps": 50, "epochs": -(-given.steps // 50)}
    return TrainSettings(
        name=name, weights=str(section.path / "models" / given.model), patience=1000,
        corrections=corrections, **long,
    )  # fmt: skip


def tell(
    first: list[object], section: Section, truth: Truth, model: str, spoken: list[int]
) -> None:
    """Segment the section and print how well that is."""
    segment(section, SegmentSettings(model=model), Job())
    test, none, rest = (Counts() for _ in range(3))
    surely = Counts()
    for session in section.sessions():
        if session.role not in ("test", "none"):
            continue
        rows, columns = session.window
        phase = truth.phase(rows)[:, columns]
        found = section.raster("probability", "olivine").read(rows, columns)
        if session.role == "test":
            test.add(found >= 0.1 * 255, phase)
            surely.add(found >= 0.5 * 255, phase)
        else:
            labels = section.raster("crystals", "crystals").read(rows, columns)
            unsaid = ~np.isin(labels, spoken)
            none.add(found >= 0.1 * 255, phase)
            rest.add(found[unsaid] >= 0.1 * 255, phase[unsaid])
    ious = [f"{counts.iou:.4f}" for counts in (test, surely, none, rest)]
    cells = [*(str(cell) for cell in first), *ious, f"{none.orthopyroxene:.1%}"]
    print(f"| {' | '.join(cells)} |", flush=True)


class Counts:
    """Pixels that were found, and what they are."""

    def __init__(self) -> None:
        self.codes = ScoreSettings()
        self.hit = self.either = self.opx = self.taken = 0

    def add(self, found: np.ndarray, phase: np.ndarray) -> None:
        """Count the pixels of two arrays of the same shape."""
        olivine, opx = (
            phase == code for code in (self.codes.olivine_code, self.codes.orthopyroxene_code)
        )
        self.hit += int((found & olivine).sum())
        self.either += int((found | olivine).sum())
        self.opx += int(opx.sum())
        self.taken += int((found & opx).sum())

    @property
    def iou(self) -> float:
        """Of olivine."""
        return self.hit / max(1, self.either)

    @property
    def orthopyroxene(self) -> float:
        """Part of it that is taken for olivine."""
        return self.taken / max(1, self.opx)


if __name__ == "__main__":
    main()
