"""The product ``kinds`` of a section: what a classifier takes each of its crystals for."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from napari_olivine.crystals import KINDS
from napari_olivine.crystals.edits import bring_up_to_date
from napari_olivine.job import Job
from napari_olivine.recognition.classifier import ModelCard
from napari_olivine.recognition.prediction import SCORES, mapped, open_as_trained, reading_of
from napari_olivine.recognition.registry import load_classifier, row_of
from napari_olivine.section import Recipe, Section, fingerprint_of_bytes, write_table
from napari_olivine.settings import Settings

TOLD = (SCORES, "curve.csv")
"""Files of a model that do not decide what it says of an image."""


def recognise_kinds(section: Section, model: Path, job: Job) -> pd.DataFrame:
    """Make the product ``kinds``: the class of each crystal of olivine.

    Its table has the columns ``id``, ``class``, ``probability``; ``x``, ``y`` and ``next``, see
    `mapped`; and ``area_px``: pixels of the crystal that was looked at, by which one is known that
    was edited since.

    Parameters
    ----------
    section
        Section with crystals.
    model
        Folder that ``recognise train`` wrote.
    job
        Running job.

    Returns
    -------
    pandas.DataFrame
        The table.

    Raises
    ------
    InputError
        If the model is damaged.
    SectionError
        If there are no crystals, or they, BSE or its levelling are out of date.
    """
    bring_up_to_date(section, job)
    recipe = _recipe(section, model, job)
    if section.finished(KINDS, recipe, job):
        return section.table(KINDS, KINDS)
    classifier = load_classifier(model)
    reading, key = reading_of(model)
    with section.draft(KINDS, recipe, job) as draft:
        crystals = section.require("crystals")
        areas = section.table("crystals", "crystals").set_index("id")["area_px"]
        opened = open_as_trained(section.path, reading, key, job)
        table, plane = mapped(classifier, opened, job)
        table["area_px"] = areas.reindex(table["id"]).to_numpy()
        write_table(table, draft.path / f"{KINDS}.parquet")
        counts = table["class"].value_counts()
        draft.notes |= {
            "crystals": crystals.created,
            "map": plane,
            "counts": {str(name): int(count) for name, count in counts.items()},
            **_told_of(model),
        }
    return table


def _recipe(section: Section, model: Path, job: Job) -> Recipe:
    """Write what the kinds follow from."""
    inputs = ["images", "crystals", "annotations/sessions"]
    inputs += ["levelling"] if section.product("levelling") is not None else []
    recipe = section.recipe(
        "recognise predict", Settings(), inputs, seed=job.seed, method=2,
        extra={"source/model": fingerprint_of_classifier(model)},
    )  # fmt: skip
    recipe.settings["model"] = str(model.resolve())
    return recipe


def fingerprint_of_classifier(model: Path) -> str:
    """Fingerprint of all files of a model that decide what it says."""
    files = sorted(one for one in model.rglob("*") if one.is_file())
    parts = [
        f"{one.relative_to(model).as_posix()} {fingerprint_of_bytes(one.read_bytes())}"
        for one in files
        if one.name not in TOLD
    ]
    return fingerprint_of_bytes("\n".join(parts).encode())


def _told_of(model: Path) -> dict[str, Any]:
    """Tell of a classifier what a methods paragraph says: what it is, how much it learned."""
    card = ModelCard.read(model)
    found: dict[str, Any] = {
        "classifier": card.classifier,
        "title": row_of(card.classifier)[0].title,
        "learned": card.counts,
        "knows_none": card.knows_none,
    }
    with suppress(OSError, ValueError, KeyError):  # not every classifier was tested
        scores = json.loads((model / SCORES).read_text(encoding="utf-8"))
        names = ("accuracy", "accuracy_low", "accuracy_high", "folds", "images")
        found["scores"] = {name: scores[name] for name in names}
    return found
