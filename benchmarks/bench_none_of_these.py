"""Rules by which a triplet network calls images none of these, on descriptors that are kept.

    python benchmarks/bench_none_of_these.py WORK [--seeds 1 2 3]

For each seed a network is trained on the phantom's images as in `bench_triplet.py` (40 votes), and
the descriptors of all crops are kept in WORK, so that rules are compared without training again.
Told is the share of the known test images and of the unseen ones that a rule refuses:

* crops: the rule of the program, each crop against the mixture;
* nearest: the mean descriptor of an image, its mean distance to the three nearest images of the
  training; the threshold is 1.645 standard deviations above the mean of the held-out images;
* nearest, 95 %: the same with their 95th percentile.

Behind each stands what the best threshold would refuse of the unseen with at most a tenth of the
known test images, which knows the answer and is a bound alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.helpers.kinds import image_sets

from napari_olivine.job import Job
from napari_olivine.phantom import ImageSetSettings
from napari_olivine.recognition.known_region import mean_distance
from napari_olivine.recognition.triplet import (
    ImageDescriptors,
    TripletClassifier,
    mixture_with_threshold,
)

ALLOWED = 0.1
PARTS = ("learned", "held_out", "test", "unseen")

Doubles = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    given = parser.parse_args()
    for seed in given.seeds:
        file = given.work / f"descriptors-{seed}.npz"
        if not file.exists():
            np.savez_compressed(file, **descriptors(seed))
        with np.load(file) as arrays:
            for words, known, unseen, bound in rules(dict(arrays)):
                print(
                    f"seed {seed} {words:14s} known {known:.2f} unseen {unseen:.2f} "
                    f"(best {bound:.2f})",
                    flush=True,
                )


def descriptors(seed: int) -> dict[str, NDArray[Any]]:
    """Train, and return the descriptors of all crops, shape (images, crops, dimensions) each."""
    learn, test, strangers, _ = image_sets(ImageSetSettings(seed=seed))
    job = Job(seed=seed)
    classifier = TripletClassifier("triplet", votes=40)
    found: dict[str, NDArray[Any]] = {}
    learn_regions = classifier.learn_regions

    def keep(learned: Any, held_out: Any) -> None:
        for name, one in (("learned", learned), ("held_out", held_out)):
            found[name] = np.stack([votes.outputs for votes in one.votes])
            found[f"{name}_class"] = one.targets
        learn_regions(learned, held_out)

    classifier.learn_regions = keep  # type: ignore[method-assign]
    classifier.fit(learn, job)
    for name, images in (("test", test), ("unseen", strangers)):
        found[name] = np.stack([classifier.votes_of(one, job).outputs for one in images.images])
    return found


def rules(found: dict[str, NDArray[Any]]) -> list[tuple[str, float, float, float]]:
    """Return words, shares of known and unseen that are refused, and the bound, of each rule."""
    learned, held_out = (
        ImageDescriptors(list(found[name]), found[f"{name}_class"]) for name in PARTS[:2]
    )
    classes = int(learned.targets.max()) + 1
    mixture = mixture_with_threshold(learned, held_out, classes, 0.05)
    excess = []
    for name in PARTS[2:]:
        votes = np.stack([mixture.probabilities(one).mean(0) for one in found[name]])
        excess.append(votes[:, -1] - votes[:, :-1].max(1))
    rows = [("crops", *(float((one > 0).mean()) for one in excess), bound(*excess))]
    means = {name: found[name].mean(1).astype(np.float32) for name in PARTS}
    usual = mean_distance(means["held_out"], means["learned"])
    test, unseen = (mean_distance(means[name], means["learned"]) for name in PARTS[2:])
    for words, threshold in (
        ("nearest", usual.mean() + 1.645 * usual.std(ddof=1)),
        ("nearest, 95 %", np.quantile(usual, 0.95)),
    ):
        shares = (float((one > threshold).mean()) for one in (test, unseen))
        rows.append((words, *shares, bound(test, unseen)))
    return rows


def bound(known: Doubles, unseen: Doubles) -> float:
    """Share of the unseen beyond the threshold that refuses `ALLOWED` of the known."""
    return float((unseen > np.quantile(known, 1 - ALLOWED, method="higher")).mean())


if __name__ == "__main__":
    main()
