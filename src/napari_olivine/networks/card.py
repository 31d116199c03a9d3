"""The model card: what a trained network is, needs and reached, readable without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_olivine.errors import InputError
from napari_olivine.networks.appearance import Appearance

CARD = "card.json"
WEIGHTS = "weights.safetensors"
LAST_WEIGHTS = "last.safetensors"
"""Weights of the last step, where others were better in validation; to train on from."""

WINDOWS = "windows.npz"
"""Windows of the validation sessions as the network sees them, for a person; may be missing."""

FORMAT = 5
"""Version of the model folder's layout; a model of a newer one is refused."""

RENAMED = {"light": "unet_resnet18"}
"""Networks that had another name in cards before version 4."""


PIXEL_SIZE_TOLERANCE = 0.05
"""A network knows textures at the pixel size it was trained at; so much off is harmless."""

Align = Literal["session", "contrast", "none"]

OutlinesFrom = Literal["network", "bse"]


class Normalisation(BaseModel):
    """How grey levels become the network's input.

    Channel c of the input is ``(grey - shift - mean[c]) / std[c]``. With ``align="session"``,
    `shift` is the median grey of the pixel's session less `median`, so that a session whose
    detector has drifted looks like the training sessions; with ``align="none"`` it is 0. With
    ``align="contrast"`` what lies above or below `median` after that shift is multiplied by
    `spread` over the spread of the pixel's section, so that a section that was imaged with another
    contrast looks like that of the training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    align: Align
    median: float
    spread: float = Field(gt=0)
    mean: tuple[float, ...]
    std: tuple[float, ...]


class ModelPhase(BaseModel):
    """A phase that is an output of a network."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    code: int = Field(ge=0, lt=255)
    """Its value in the image ``phases`` of a mask; 0 is what no rule takes."""
    colour: str
    """For maps and legends, ``#rrggbb``."""


class LearnedSection(BaseModel):
    """A section that a network learned from."""

    model_config = ConfigDict(extra="forbid")

    name: str
    folder: str
    training_sessions: list[str]
    validation_sessions: list[str]
    label_rule: str = ""
    modes: dict[str, float] = {}
    """Percentage of each phase of its rule book, which tells what rock it is."""
    scores: dict[str, float] = {}
    """On its validation sessions."""


class ModelCard(BaseModel):
    """What a trained network is (``card.json``).

    A network whose card has `phases` has an output for each of them, whose softmax is its
    probability; one without has an output for each of `classes`. `classes` are what a segmentation
    gives: of a network of phases, olivine.
    """

    model_config = ConfigDict(extra="forbid")

    format: int = FORMAT
    network: str
    title: str
    signal: str = "BSE"
    channels: int = Field(ge=1)
    classes: list[str] = ["olivine"]
    phases: list[ModelPhase] = []
    pixel_size_um: float = Field(gt=0)
    grey_type: str
    normalisation: Normalisation
    section: str
    training_sessions: list[str]
    validation_sessions: list[str]
    """Of `section`, in which the network was trained; those of others are in `sections`."""
    sections: list[LearnedSection] = []
    """All sections that it learned from, that of the model first; empty in cards of before."""
    label_rule: str = ""
    weights_from: str
    best_epoch: int
    best_step: int
    scores: dict[str, float]
    iou_of_phases: dict[str, float] = {}
    """IoU of each phase in validation, each pixel the most probable one; olivine first."""
    taken: dict[str, float] = {}
    """Share of each other phase that is taken for olivine in validation at threshold 0.1."""
    best_threshold: float = Field(gt=0, lt=1)
    outlines_from: OutlinesFrom = "network"
    """Whether its probabilities are brought to where the grey changes (`follow_grey`); those of
    cards before version 5 are as the network gives them."""
    settings: dict[str, Any]
    seed: int
    versions: dict[str, str]
    created: str
    appearance: Appearance | None = None
    """What its sessions look like; cards of before, and of small sessions, do not say."""


def read_card(folder: Path) -> ModelCard:
    """Read the card of a model folder.

    Parameters
    ----------
    folder
        Holds ``card.json`` and ``weights.safetensors``.

    Raises
    ------
    InputError
        If the folder holds no model, a damaged one, or one of a newer version.
    """
    for name in (CARD, WEIGHTS):
        if not (folder / name).is_file():
            raise InputError(
                f"{folder} is no model: it has no {name}.",
                remedy=f"A model folder holds {CARD} and {WEIGHTS}, as {{step:train}} writes them.",
                file=folder,
            )
    file = folder / CARD
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        if int(values.get("format", -1)) > FORMAT:
            raise InputError(
                f"{file} was written by a newer version of napari-olivine (format "
                f"{values['format']}, this one knows {FORMAT}).",
                remedy="Update napari-olivine.",
                file=file,
            )
        if int(values.get("format", -1)) < 4:
            values["network"] = RENAMED.get(values.get("network"), values.get("network"))
        return ModelCard(**values)
    except (ValueError, TypeError, AttributeError, ValidationError) as error:
        raise InputError(f"{file} is damaged or no model card: {error}", file=file) from error


def write_card(folder: Path, card: ModelCard) -> None:
    """Write the card into a model folder."""
    (folder / CARD).write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
