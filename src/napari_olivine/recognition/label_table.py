"""A table that says what images show: ``file,class`` of a folder, ``id,class`` of a section."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers.base import raise_if_any
from napari_olivine.readers.sessions import read_csv, require

SPLITS = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
"""Names of the sides of a split, as people write them."""

LISTED = 8
"""Names that a warning lists."""


@dataclass(frozen=True)
class Labelled:
    """A row of the table; `None` or empty where it says nothing."""

    label: str | None
    um_per_px: float | None = None
    source: str = ""
    split: str | None = None


def read_label_table(file: Path, key: str, job: Job) -> dict[str, Labelled]:
    """Read the classes of images or crystals.

    Rows that give one image two classes, as two people do who disagree, leave it without a class;
    that is said.

    Parameters
    ----------
    file
        CSV with the columns `key` and ``class``, and perhaps ``um_per_px``, ``source`` (the image
        or sample that it was cut from) and ``split`` (train, val, test). Other columns, e.g. who
        said it, are left alone.
    key
        ``"file"`` or ``"id"``.
    job
        Running job, to be warned.

    Returns
    -------
    dict
        By the key, in the order of the rows.

    Raises
    ------
    InputError
        If a column is missing, or a row cannot be understood.
    """
    table = read_csv(file)
    require(file, table, (key, "class"))
    problems, found = [], {}
    for name, rows in table.groupby(key, sort=False):
        key_text = str(name).strip()
        if not key_text:
            problems.append(f"{len(rows)} rows have no {key}")
            continue
        labels = {text.strip() for text in rows["class"]} - {""}
        more, wrong = _beside(rows)
        problems += [f"{key} {key_text}: {text}" for text in wrong]
        found[key_text] = (labels, more)
    raise_if_any(problems, f"{file} cannot be used", file=file)
    _warn_of_disagreement(file, {name: labels for name, (labels, _) in found.items()}, job)
    return {
        name: Labelled(labels.copy().pop() if len(labels) == 1 else None, *more)
        for name, (labels, more) in found.items()
    }


def _warn_of_disagreement(file: Path, labels: dict[str, set[str]], job: Job) -> None:
    doubled = {name: said for name, said in labels.items() if len(said) > 1}
    if not doubled:
        return
    listed = "; ".join(f"{n}: {' or '.join(sorted(said))}" for n, said in doubled.items())
    if len(doubled) > LISTED:
        listed = "; ".join(listed.split("; ")[:LISTED]) + "; ..."
    job.warn(
        f"{file} gives {len(doubled)} of {len(labels)} more than one class ({listed}); nothing is "
        "learned from them",
        remedy="Agree on one class, and delete the other rows.",
        file=str(file),
    )


def _beside(
    rows: pd.DataFrame,
) -> tuple[tuple[float | None, str, str | None], list[str]]:
    """Return scale, source and split of the rows of one image, and what is wrong with them."""
    wrong: list[str] = []
    said = {
        name: sorted({text.strip() for text in rows[name]} - {""}) if name in rows else []
        for name in ("um_per_px", "source", "split")
    }
    wrong += [f"{name} is {' and '.join(texts)}" for name, texts in said.items() if len(texts) > 1]
    um = None
    if said["um_per_px"]:
        try:
            um = float(said["um_per_px"][0])
        except ValueError:
            um = math.nan
        if not (math.isfinite(um) and um > 0):
            wrong.append(f"um_per_px is {said['um_per_px'][0]!r}, which is no size of a pixel")
    split = None
    if said["split"]:
        split = SPLITS.get(said["split"][0].casefold())
        if split is None:
            wrong.append(f"split is {said['split'][0]!r}; it is train, val or test")
    return (um, said["source"][0] if said["source"] else "", split), wrong


def classes_of_crystals(file: Path, ids: set[int], job: Job) -> dict[int, str]:
    """Read the classes of crystals.

    Parameters
    ----------
    file
        CSV with the columns ``id`` and ``class``.
    ids
        Crystals of the section.
    job
        Running job, to be warned.

    Returns
    -------
    dict
        Class by id.

    Raises
    ------
    InputError
        If an id is no crystal of the section.
    """
    problems, found = [], {}
    for text, said in read_label_table(file, "id", job).items():
        number = int(text) if text.isascii() and text.isdigit() else None
        if number is None or number not in ids:
            problems.append(f"there is no crystal {text}")
        elif said.label is not None:
            found[number] = said.label
    raise_if_any(problems, f"{file} does not fit the section", file=file)
    if not found:
        raise InputError(f"{file} gives no crystal a class.", file=file)
    return found
