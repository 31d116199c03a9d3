"""How soon a reviewer who follows the queue finds the misclassified crystals.

    python benchmarks/bench_review.py SECTION TRUTH_FOLDER [--every 20] [--rounds 100]

SECTION has crystals; TRUTH_FOLDER is the truth that `napari-olivine score` takes. A simulated
reviewer, who is always right, goes through the queue from its beginning to its end and tells of
each crystal whether it is misclassified:

* other: more than half of its pixels are no olivine,
* merged: it holds the larger part of two true crystals or more,
* split: another crystal lies mostly in the same true crystal; each is a twentieth of it or more.

With learning, the queue is ranked again after every 20 answers. Told is the share of the
misclassified that is found within a share of the queue, for all crystals and for those of 1000 um2
or more. `ideal` is an order that knows the truth: where more than 15 % are misclassified nobody
finds 80 % of them within 15 % of the queue, so `of ideal` is what was found over what can be. The
last two orders also know which share of each crystal lies in the section's mask of element maps;
they are left out where the crystals were made from it.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.review import (
    ReviewQueue,
    fit_misclassification,
    learning_features,
    rate_uncertainty,
)
from napari_olivine.scoring import ScoreSettings
from napari_olivine.scoring.matching import PIECE, Overlaps
from napari_olivine.scoring.truth import Truth
from napari_olivine.section import Section, blocks

SHARES = (0.05, 0.10, 0.15, 0.20, 0.30, 0.50)
GOAL_SHARE, GOAL_FOUND = 0.15, 0.80
LARGE_UM2 = 1000.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("section", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--every", type=int, default=20, help="answers between two rankings")
    parser.add_argument("--rounds", type=int, default=100, help="rounds of the random order")
    given = parser.parse_args()
    section = Section(given.section)
    table = section.table("crystals", "crystals")
    cuts, gaps = (section.table("crystals", name) for name in ("cuts", "gaps"))
    faults, share = compare(section, Truth(given.truth, section), table)
    table = table.assign(verdict="", reviewed_class="", corrected=False)
    table = table.drop(columns="agreement", errors="ignore")
    began = time.perf_counter()
    doubted = {"": rate_uncertainty(table, cuts, gaps)}
    print(f"rules: {time.perf_counter() - began:.3f} s for {len(table)} crystals")
    if share.notna().any():
        doubted[", mask"] = rate_uncertainty(table, cuts, gaps, second_opinion=share)
    for name, some in (
        ("all crystals", np.ones(len(table), bool)),
        (f"crystals of {LARGE_UM2:g} um2 or more", (table["area_um2"] >= LARGE_UM2).to_numpy()),
    ):
        wrong = faults.any(axis=1).to_numpy()[some]
        kinds = ", ".join(f"{faults[kind].to_numpy()[some].sum()} {kind}" for kind in faults)
        print(f"\n{name}: {len(wrong)}, misclassified {wrong.sum()} ({kinds})")
        if not wrong.any():
            continue
        of = {name: known[some] for name, known in doubted.items()}
        report(table[some], of, wrong, given.every, given.rounds)


def compare(section: Section, truth: Truth, table: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Faults of each crystal (other, merged, split), and its share in the section's mask."""
    olivine = ScoreSettings().olivine_code
    count = int(table["id"].max()) + 1
    right, masked = np.zeros(count), np.zeros(count)
    overlaps = Overlaps()
    mask = None
    if section.state("mask") != "missing" and section.state("segmentation") != "missing":
        notes = section.require("crystals", stale_ok=True).notes
        if notes.get("phase_from") == "segmentation":
            mask = section.raster("mask", "olivine")
    for rows, columns in blocks(section.shape, 512):
        labels = section.raster("crystals", "crystals").read(rows, columns)
        right += np.bincount(labels[truth.phase(rows) == olivine], minlength=count)
        if mask is not None:
            masked += np.bincount(labels[mask.read(rows, columns) == 1], minlength=count)
        last = rows.stop == section.shape[0]
        whole = np.ones(labels.shape, bool)
        overlaps.add(truth.crystals(rows), labels, whole, first=rows.start == 0, last=last)
    true, pairs = overlaps.true_crystals(), overlaps.pairs()
    ids, area = table["id"], table["area_px"].to_numpy()
    of_true = pairs["true"].map(true["area_px"])
    of_label = pairs["label"].map(table.set_index("id")["area_px"])
    mostly = pairs.loc[pairs["pixels"] > of_true / 2, "label"]
    pieces = pairs[(pairs["pixels"] > of_label / 2) & (pairs["pixels"] >= PIECE * of_true)]
    faults = pd.DataFrame(
        {
            "other": right[ids] < area / 2,
            "merged": ids.isin(mostly[mostly.duplicated()]),
            "split": ids.isin(pieces.loc[pieces["true"].duplicated(keep=False), "label"]),
        }
    )
    share = pd.Series(masked[ids] / area if mask is not None else np.nan, ids)
    return faults, share


def report(
    table: pd.DataFrame,
    doubted: dict[str, pd.DataFrame],
    wrong: NDArray[np.bool_],
    every: int,
    rounds: int,
) -> None:
    """Print the curve of each order."""
    of = pd.Series(wrong, table["id"])
    random = np.random.default_rng(0)
    curves = {"random": np.mean([curve(random.permutation(wrong)) for _ in range(rounds)], axis=0)}
    sure = table.set_index("id")["mean_probability"]
    if sure.notna().any():
        curves["mean probability"] = curve(of[ReviewQueue(table, -sure).ids].to_numpy())
    told, seconds = [], []
    for name, known in doubted.items():
        by_rules = ReviewQueue(table, known.set_index("id")["doubt"])
        curves[f"rules{name}"] = curve(of[by_rules.ids].to_numpy())
        order, words, took = with_learning(table, known, of, every)
        curves[f"rules + learning{name}"] = curve(of[order].to_numpy())
        told.append(words)
        seconds += took
    ideal = curve(np.sort(wrong)[::-1])
    heads = [f"{share:.0%}" for share in SHARES]
    print(f"| found within | {' | '.join(heads)} | of ideal at 15 % | 80 % found within |")
    print("|" + " --- |" * (len(SHARES) + 3))
    for name, found in {**curves, "ideal": ideal}.items():
        at = [f"{within(found, share):.0%}" for share in SHARES]
        of_ideal = within(found, GOAL_SHARE) / within(ideal, GOAL_SHARE)
        until = (np.searchsorted(found, GOAL_FOUND - 1e-9) + 1) / len(found)
        print(f"| {name} | {' | '.join(at)} | {of_ideal:.0%} | {until:.0%} |")
    print(f"learning: {max(seconds, default=0):.2f} s at most, with its check. {told[0]}")


def with_learning(
    table: pd.DataFrame, doubted: pd.DataFrame, wrong: pd.Series, every: int
) -> tuple[list[int], str, list[float]]:
    """Ids in the order of a review that ranks again after every so many answers."""
    measured = learning_features(table, doubted)
    queue = ReviewQueue(table, doubted.set_index("id")["doubt"])
    order: list[int] = []
    told, seconds = "", []
    while (crystal := queue.next()) is not None:
        order.append(crystal)
        queue.close(crystal)
        if len(order) % every == 0:
            began = time.perf_counter()
            known = fit_misclassification(measured, wrong[order])
            queue.rank(known.misclassified(measured))
            seconds.append(time.perf_counter() - began)
            if len(order) <= max(len(wrong) / 2, every):
                told = f"Half-way: {known.describe()}"
    return order, told, seconds


def curve(wrong: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of the misclassified that is found after each crystal of an order."""
    return np.asarray(np.cumsum(wrong) / wrong.sum())


def within(found: NDArray[np.float64], share: float) -> float:
    """Share found within the first part of the queue."""
    return float(found[int(np.ceil(share * len(found))) - 1])


if __name__ == "__main__":
    main()
