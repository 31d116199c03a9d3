"""A small section of bright round grains in darker, noisy rock, for tests of networks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.section import Section, create_raster
from napari_olivine.settings import Settings
from tests.helpers.built_once import built_once
from tests.helpers.sections import make_section

SIDE = 192
"""Rows, and columns of each session."""


def make_grains(folder: Path, drift: tuple[float, ...] = (0, 5, 12)) -> tuple[Section, NDArray]:
    """Make a section with a session each for train, val and test, and return it with its truth.

    Parameters
    ----------
    folder
        Where.
    drift
        Grey levels that each session lies above the first.
    """
    random = np.random.default_rng(0)
    shape = (SIDE, SIDE * len(drift))
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    truth = np.zeros(shape, bool)
    grey = np.full(shape, 110.0)
    for number in range(24 * len(drift)):
        row, column = random.integers(shape[0]), random.integers(shape[1])
        inside = (rows - row) ** 2 + (columns - column) ** 2 < random.integers(6, 14) ** 2
        truth[inside] = number % 2 == 0
        grey[inside] = 140 if number % 2 == 0 else 90
    for place, value in enumerate(drift):
        grey[:, SIDE * place : SIDE * (place + 1)] += value
    grey += random.normal(0, 3, shape)
    section = make_section(folder, {"BSE": np.clip(grey, 1, 254).astype(np.uint8)})
    sessions = [
        {"session": str(k + 1), "row0": 0, "row1": SIDE, "col0": SIDE * k, "col1": SIDE * (k + 1)}
        | {"role": role}
        for k, role in enumerate(("train", "val", "test")[: len(drift)])
    ]
    section.annotate("sessions", pd.DataFrame(sessions))
    put_mask(section, truth.astype(np.uint8))
    return section, truth


def put_mask(section: Section, mask: NDArray[np.uint8]) -> None:
    """Store a reference mask as the mask step would."""
    recipe = section.recipe("mask", Settings(), ["images"], extra={"source": "made by a test"})
    with section.draft("mask", recipe, Job(force=True)) as draft:
        out = create_raster(draft.path / "olivine", mask.shape, "uint8", 1.5, reduction="nearest")
        out.write(0, 0, mask)
        out.build_pyramid(Job())


def iou(a: NDArray, b: NDArray) -> float:
    """Intersection over union of two masks."""
    return float((a & b).sum() / max(1, (a | b).sum()))


def train_grains(section: Section, job: Job) -> None:
    """Train the light network on grains until it finds them, or find it up to date."""
    from napari_olivine.training import TrainSettings, train

    how = TrainSettings(epochs=2, steps=35, batch=4, crop_px=64, learning_rate=3e-3)
    train(section, how, job)


def trained_grains(folder: Path) -> tuple[Section, NDArray, list[dict[str, Any]]]:
    """Return a section of grains whose network is trained, its truth and the training's events."""

    def build(path: Path) -> None:
        events: list[dict[str, Any]] = []
        section, truth = make_grains(path / "section", drift=(0, 5, 15))
        train_grains(section, Job(listen=events.append, seed=1))
        np.save(path / "truth.npy", truth)
        (path / "events.json").write_text(json.dumps(events))

    built = built_once("trained-grains", build)
    shutil.copytree(built / "section", folder)
    events = json.loads((built / "events.json").read_text())
    return Section(folder), np.load(built / "truth.npy"), events
