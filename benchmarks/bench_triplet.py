"""The triplet network on the phantom's images: accuracy, none of these, magnification, pointing.

    python benchmarks/bench_triplet.py OUT.csv --seeds 301 302 303 304 305
    python benchmarks/bench_triplet.py OUT.csv --classifiers triplet --options dimensions=2
    python benchmarks/bench_triplet.py OUT.csv --classifiers linear svm --options refused=0.05

Of each seed 100 images of five kinds are learned, 50 others recognised, and 20 of two further
kinds that no classifier has seen. ``triplet no scale`` and ``softmax no scale`` are the same
classifiers without the magnification. A row a classifier and seed; rows that are there are not
made again. Columns: ``accuracy`` (none of these is wrong), ``right_class`` (best class, none of
these left out), ``known_none`` and ``unseen_none`` (share of the known and of the unseen images
that are called none of these), ``auc`` (unseen against known by the excess of none of these over
the best class), ``scale_pair`` (accuracy of the two kinds that only the scale tells apart, none of
these left out),
``pointing`` (the maximum of the class activation lies on the diagnostic part, of images whose class
is right), ``chance`` (the share of these images that the part takes), seconds of the processor.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from tests.helpers.kinds import image_sets

from napari_olivine.job import Job
from napari_olivine.phantom import ImageSetSettings
from napari_olivine.recognition import make_classifier
from napari_olivine.recognition.activation import points_at

DEFAULT = ("triplet", "triplet no scale", "softmax", "softmax no scale")
PAIR = ("coarse sieve", "fine sieve")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[301, 302, 303, 304, 305])
    parser.add_argument("--classifiers", nargs="+", default=DEFAULT)
    parser.add_argument("--options", nargs="*", default=[], help="settings, NAME=VALUE")
    parser.add_argument("--pointing", type=int, default=50, help="test images of that game")
    given = parser.parse_args()
    options = {name: _value(value) for name, value in (one.split("=") for one in given.options)}
    rows = pd.read_csv(given.out).to_dict("records") if given.out.exists() else []
    done = {(row["classifier"], row["seed"], row["options"]) for row in rows}
    said = " ".join(given.options) or "-"
    for seed in given.seeds:
        for name in given.classifiers:
            if (name, seed, said) in done:
                continue
            rows.append({"classifier": name, "seed": seed, "options": said})
            rows[-1] |= measure(name, seed, options, given.pointing)
            pd.DataFrame(rows).to_csv(given.out, index=False)
            print(json.dumps(rows[-1]), flush=True)
    table = pd.DataFrame(rows).drop(columns="seed").groupby(["classifier", "options"])
    print(table.agg(["mean", "std"]).round(3).T.unstack().to_string())


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def measure(name: str, seed: int, options: dict[str, Any], pointing: int) -> dict[str, float]:
    """Train and test one classifier on one seed."""
    kind, _, without = name.partition(" no ")
    settings = ImageSetSettings(seed=seed)
    learn, test, strangers, drawn = image_sets(settings, scale=without != "scale")
    job = Job(seed=seed, listen=lambda event: event["event"] == "warning" and print(event["text"]))
    classifier = make_classifier(kind, **options)
    start = time.process_time()
    classifier.fit(learn, job)
    trained = time.process_time()
    found, unseen = (classifier.probabilities(one, job) for one in (test, strangers))
    recognised = time.process_time()
    targets, classes = test.targets(), len(classifier.classes)
    best, known = found.argmax(1), found[:, :classes].argmax(1)
    pair = np.isin(np.array(classifier.classes)[targets], PAIR)
    row = {
        "accuracy": float((best == targets).mean()),
        "right_class": float((known == targets).mean()),
        "scale_pair": float((known == targets)[pair].mean()),
    }
    if classifier.knows_none:
        row["known_none"] = float((best == classes).mean())
        row["unseen_none"] = float((unseen.argmax(1) == classes).mean())
        for stranger in strangers.classes:
            here = np.array([one.label == stranger for one in strangers.images])
            row[f"{stranger}_none"] = float((unseen.argmax(1) == classes)[here].mean())
        is_unseen = np.repeat([0, 1], [len(found), len(unseen)])
        all_of_them = np.concatenate([found, unseen])
        excess = all_of_them[:, -1] - all_of_them[:, :-1].max(1)
        row["auc"] = float(roc_auc_score(is_unseen, excess))
    hits, chances = [], []
    for image, one, right in list(zip(test.images, drawn, known == targets, strict=True)):
        if hasattr(classifier, "activation") and right and len(hits) < pointing:
            place = classifier.classes.index(one.kind)
            hits.append(points_at(classifier.activation(image, place, job), one.diagnostic))  # type: ignore[attr-defined]
            chances.append(one.diagnostic.mean())
    if hits:
        row |= {"pointing": float(np.mean(hits)), "chance": float(np.mean(chances))}
    row["train_s"] = round(trained - start, 1)
    row["ms_per_image"] = round(1000 * (recognised - trained) / (len(found) + len(unseen)), 1)
    return row


if __name__ == "__main__":
    main()
