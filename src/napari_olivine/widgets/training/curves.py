"""The curves of a training, and those of several models beside each other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_olivine.widgets.common import Curve

TRAIN_COLOUR, VALIDATION_COLOUR, IOU_COLOUR = "#56B4E9", "#E69F00", "#2fae7b"

OF_MODELS = ("#CC79A7", "#0072B2", "#D55E00", "#F0E442", "#999999", "#009E73")
"""Colours of models beside each other (Okabe & Ito 2008), by turns."""

MOST_PHASES = 4
"""Phases whose IoU is drawn; more would be a tangle, and stand in the table alone."""

SHOWN: tuple[Any, ...] = (
    ("train_loss", "training", TRAIN_COLOUR, "left"),
    ("val_loss", "validation", VALIDATION_COLOUR, "left"),
    ("val_iou", "IoU", IOU_COLOUR, "right"),
)
"""Numbers of a training that are drawn: name, words, colour, axis."""

IOU = "iou_"
"""Beginning of the names of the IoU of phases in a row of the history."""


@dataclass
class Rows:
    """What a training has told so far.

    Parameters
    ----------
    epochs
        Rows of the history, one a validation.
    losses
        Points of the curve of the training loss.
    """

    epochs: list[dict[str, Any]] = field(default_factory=list)
    losses: list[dict[str, Any]] = field(default_factory=list)

    def ious(self) -> dict[str, float]:
        """IoU of each phase in the newest validation, olivine first."""
        newest = self.epochs[-1] if self.epochs else {}
        return {
            name.removeprefix(IOU): float(iou)
            for name, iou in newest.items()
            if name.startswith(IOU) and iou is not None
        }

    def best_ious(self) -> dict[str, float]:
        """Highest IoU of each phase in any validation."""
        found = {name: [row.get(IOU + name) for row in self.epochs] for name in self.ious()}
        return {name: max(v for v in values if v is not None) for name, values in found.items()}


def rows_of(folder: Path) -> Rows:
    """Read what a finished training has told; empty tables where files are missing.

    Parameters
    ----------
    folder
        Of the model.
    """
    return Rows(_table(folder / "history.csv"), _table(folder / "losses.csv"))


def curves_of_training(rows: Rows, colours: Mapping[str, str]) -> list[Curve]:
    """Return the training loss by steps, and the validations as points.

    Parameters
    ----------
    rows
        Of the training.
    colours
        Of its phases, by name.
    """
    # A model of an earlier version has a training loss by epochs alone.
    by_steps = {"train_loss": rows.losses or rows.epochs}
    drawn = list(SHOWN)
    phases = list(rows.ious())
    if len(phases) <= MOST_PHASES:  # olivine, the first of them, is drawn already
        drawn += [(IOU + name, name, colours.get(name, "#999999"), "right") for name in phases[1:]]
    curves = []
    for name, words, colour, side in drawn:
        there = [row for row in by_steps.get(name, rows.epochs) if row.get(name) is not None]
        steps, values = [row["step"] for row in there], [row[name] for row in there]
        curve = Curve(words, steps, values, colour, side, marked=name not in by_steps)
        curves += [curve] if there else []
    return curves


def curves_of_models(models: Mapping[str, Rows]) -> list[Curve]:
    """Return the IoU of olivine in the validations of several models.

    Parameters
    ----------
    models
        What their trainings have told, by the names of the models.
    """
    curves = []
    for place, (name, rows) in enumerate(models.items()):
        there = [row for row in rows.epochs if row.get("val_iou") is not None]
        steps, values = [row["step"] for row in there], [row["val_iou"] for row in there]
        colour = OF_MODELS[place % len(OF_MODELS)]
        curves.append(Curve(name, steps, values, colour, "right", marked=True))
    return curves


def _table(file: Path) -> list[dict[str, Any]]:
    import pandas as pd

    try:
        table = pd.read_csv(file)
    except (OSError, ValueError):
        return []
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records"))
    return rows
