"""What every classifier of images does, and the card by which a stored one is known again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, ValidationError
from safetensors import SafetensorError

from napari_olivine.errors import InputError, first_line
from napari_olivine.job import Job
from napari_olivine.recognition.images import ImageSet

CARD = "recognition.json"
"""Card of a stored classifier, beside its arrays (``.npz`` or ``.safetensors``, never a pickle)."""

NETWORK_ARRAYS = "weights.safetensors"
"""Arrays of a stored network."""


@dataclass(frozen=True)
class CurvePoint:
    """Loss of a step or pass, and the accuracy that is known then, of training or held-out images.

    Descriptors are learned without an accuracy.
    """

    iteration: int
    loss: float
    accuracy: float = float("nan")


@contextmanager
def refuse_damaged(file: Path) -> Iterator[None]:
    """Turn what goes wrong while the arrays of a stored network are read into `InputError`."""
    try:
        yield
    except (KeyError, TypeError, ValueError, RuntimeError, OSError, SafetensorError) as error:
        raise InputError(
            f"{file} is damaged, or of another network than its card says: {first_line(error)}",
            remedy="Train it again.",
            file=file,
        ) from error


class Classifier(Protocol):
    """Learns classes from labelled images and gives the probability of each for others."""

    name: str
    """Name in the registry, e.g. ``"random_forest"``."""
    classes: tuple[str, ...]
    """Classes that it tells apart, sorted; empty before `fit`."""
    knows_none: bool
    """Whether `probabilities` has a further last column: that an image is none of the classes."""

    def fit(self, images: ImageSet, job: Job) -> None:
        """Learn from the labelled images of a set.

        Parameters
        ----------
        images
            Images; those without a class are left out. Images of the split ``"val"``, where there
            are any, choose thresholds and the moment to stop, and are not learned from.
        job
            Running job: its seed, device and flag that stops the run.

        Raises
        ------
        InputError
            If there is one class alone, or an image is damaged.
        """

    def probabilities(self, images: ImageSet, job: Job) -> NDArray[np.float64]:
        """Give the probability of each class for each image.

        Parameters
        ----------
        images
            Images, with or without a class.
        job
            Running job.

        Returns
        -------
        numpy.ndarray
            Shape (images, classes), or (images, classes + 1) where `knows_none`; rows sum to one.
        """

    def save(self, folder: Path) -> None:
        """Write the card and the arrays into a folder that is there and empty."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a classifier that `save` wrote; no code of the folder is run."""


class ModelCard(BaseModel):
    """Card of a stored classifier: what it is and what it learned from.

    Parameters
    ----------
    classifier
        Name in the registry.
    classes
        Classes, sorted.
    knows_none
        Whether it tells images that are none of the classes.
    counts
        Images of each class that it learned from.
    settings
        Settings of the classifier.
    um_per_px
        Range of the pixel sizes that it learned from, um; `None` where they were unknown.
    version
        Version of the layout of the folder.
    """

    classifier: str
    classes: tuple[str, ...]
    knows_none: bool = False
    counts: dict[str, int] = Field(default_factory=dict)
    settings: dict[str, Any] = Field(default_factory=dict)
    um_per_px: tuple[float, float] | None = None
    version: int = 1

    def write(self, folder: Path) -> None:
        """Write the card into a folder."""
        (folder / CARD).write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> ModelCard:
        """Read the card of a folder.

        Raises
        ------
        InputError
            If there is none, it is damaged, or of a later version of the program.
        """
        file = folder / CARD
        if not file.is_file():
            raise InputError(
                f"{folder} is no model of recognise: there is no {CARD} in it.",
                remedy="Give a folder that {step:recognise train} has written.",
                file=folder,
            )
        try:
            card = cls.model_validate_json(file.read_bytes())
        except (ValidationError, ValueError) as error:
            raise InputError(f"{file} is damaged: {first_line(error)}", file=file) from error
        if card.version > 1:
            raise InputError(
                f"{file} was written by a later version of the program.",
                remedy="Install that version, or train the classifier again.",
                file=file,
            )
        return card
