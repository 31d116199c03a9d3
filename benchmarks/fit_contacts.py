"""Weights of the evidence on contacts, fitted on sections with known crystals.

    python benchmarks/bench_contacts.py FOLDER --seeds 1 2 3 4 5 6 7 8 9 10     (makes them)
    python benchmarks/fit_contacts.py FOLDER --seeds 1 2 3 4 5 6 7 8 9 10 --test 9 10

In each round all borders that are judged while pieces are merged, by the weights of the round
before, become samples: contacts where the pieces belong to different true crystals. Seeds of --test
are left out of the fit. What is printed goes into `crystals/instances/contacts.py`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from bench_contacts import count_crystals
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from napari_olivine.crystals.instances.contact_fields import ContactFields, contact_fields
from napari_olivine.crystals.instances.contact_graph import ContactGraph, Evidence
from napari_olivine.crystals.instances.contacts import ContactSettings, merge_pieces
from napari_olivine.crystals.instances.grain_pieces import pieces_between
from napari_olivine.scoring.truth import Truth
from napari_olivine.section import Section

PURE = 0.75
"""Share of a piece in one true crystal from which it tells anything."""

FIRST = {"step": 2.0, "dark_share": 2.0, "solidity_gain": 8.0}, -4.0
"""Weights and prior before the first round."""


class Known(NamedTuple):
    """A section whose crystals are known."""

    name: str
    pieces: NDArray[np.int32]
    fields: ContactFields
    truth: NDArray[np.int64]
    pixel_um: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rocks", nargs="*", default=["cumulate", "andesite", "tephra", "basalt"])
    parser.add_argument("--masks", nargs="*", default=["own", "true"])
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--test", type=int, nargs="*", default=[])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--grey", action="store_true", help="grey stands for the composition")
    given = parser.parse_args()
    fitted: list[Known] = []
    tested: list[Known] = []
    for rock in given.rocks:
        for seed in given.seeds:
            for mask in given.masks:
                folder = given.folder / f"{rock}-{seed}"
                if (folder / mask / "mg").exists():
                    into = tested if seed in given.test else fitted
                    into.append(known(folder, mask, given.grey))
    weights = np.array([FIRST[0].get(name, 0.0) for name in Evidence._fields])
    prior = FIRST[1]
    samples: list[NDArray[np.float64]] = []
    for which in range(given.rounds):
        samples += [rows for one in fitted for rows in run(one, weights, prior)[0]]
        table = np.concatenate(samples)
        seen, contact, importance = table[:, :-2], table[:, -2], np.sqrt(table[:, -1])
        scale = StandardScaler().fit(seen)
        model = LogisticRegression(max_iter=1000).fit(
            scale.transform(seen), contact, sample_weight=importance / importance.mean()
        )
        weights = model.coef_[0] / scale.scale_
        prior = float(model.intercept_[0] - weights @ scale.mean_)
        print(f"round {which + 1}: {len(table)} samples", flush=True)
        for name, weight, spread in zip(Evidence._fields, weights, scale.scale_, strict=True):
            print(f"    {name}={weight:.4g},  # {weight * spread:+.2f} in units of its spread")
        print(f"    PRIOR = {prior:.4g}")
        tell("fitted", fitted, weights, prior)
        tell("tested", tested, weights, prior)


def known(folder: Path, mask: str, by_grey: bool) -> Known:
    """Read a section that `bench_contacts.py` made, and cut it into pieces."""
    section = Section(folder / mask)
    window = slice(0, section.shape[0]), slice(0, section.shape[1])
    region = section.raster("mask", "olivine").read(*window) == 1
    mg = None if by_grey else section.raster("mg", "mg").read(*window)
    fields = contact_fields(region, section.raster("images", "BSE").read(*window), mg)
    assert fields is not None
    truth = Truth(folder / "source" / "truth", section).crystals(window[0])
    pieces = pieces_between(fields.edges, region)
    return Known(f"{folder.name} {mask}", pieces, fields, truth, section.pixel_size_um)


def run(
    one: Known, weights: NDArray[np.float64], prior: float
) -> tuple[list[NDArray[np.float64]], NDArray[np.int64]]:
    """Merge the pieces of a section; return samples (evidence, truth, area) and the grains."""
    graph = ContactGraph(one.pieces, one.fields, one.pixel_um)
    count, most = len(graph.borders), int(one.truth.max()) + 1
    shares = np.zeros((count, most), np.int32)
    np.add.at(shares, (one.pieces.ravel(), one.truth.ravel()), 1)
    of = [{piece} for piece in range(count)]  # pieces that went into each
    samples: list[NDArray[np.float64]] = []
    known: dict[int, tuple[float, int, float]] = {}

    def judge(evidence: Any) -> NDArray[np.float64]:
        return np.asarray(1 / (1 + np.exp(-(np.asarray(evidence) @ weights + prior))))

    def told(piece: int) -> tuple[int, float]:
        area = float(graph.area[piece])
        if piece not in known or known[piece][0] != area:
            share = shares[piece]
            best = int(share.argmax())
            known[piece] = area, best, float(share[best]) / max(float(share.sum()), 1.0)
        return known[piece][1:]

    def listen(pairs: Any, evidence: Any) -> None:
        for (a, b), seen in zip(pairs, evidence, strict=True):
            (true_a, pure_a), (true_b, pure_b) = told(a), told(b)
            if true_a and true_b and min(pure_a, pure_b) >= PURE:
                least = min(graph.area[a], graph.area[b])
                samples.append(np.array([*seen, true_a != true_b, least]))

    merge = graph.merge

    def follow(a: int, b: int) -> None:
        merge(a, b)
        shares[a] += shares[b]
        of[a] |= of[b]

    graph.merge = follow  # type: ignore[method-assign]
    went_to, _ = merge_pieces(graph, judge, ContactSettings(), listen)
    return [np.array(samples)] if samples else [], went_to[one.pieces]


def tell(name: str, sections: list[Known], weights: NDArray[np.float64], prior: float) -> None:
    """Print what the weights reach, by rock and mask."""
    sums: dict[str, NDArray[np.int64]] = {}
    for one in sections:
        grains = run(one, weights, prior)[1] * (one.pieces > 0)
        counts = count_crystals(one.truth, grains, one.pixel_um)
        figures = ("contact found", "contact", "found", "crystals", "in pieces")
        group = one.name.split("-")[0] + " " + one.name.split()[-1]
        sums[group] = sums.get(group, 0) + np.array([counts[figure] for figure in figures])
    for group, values in sums.items():
        print(f"{name}: {group}: {values[0]} of {values[1]} in contact, ", end="")
        print(f"{values[2]} of {values[3]} found, {values[4]} in pieces", flush=True)


if __name__ == "__main__":
    main()
