"""The command that shows where in each image a network sees its class."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.new_folder import new_folder, require_free
from napari_olivine.recognition.classifier import Classifier
from napari_olivine.recognition.explanation_settings import RecogniseExplainSettings
from napari_olivine.recognition.images import NONE_OF_THESE, ImageSet, RecognitionImage
from napari_olivine.recognition.prediction import open_as_trained, reading_of
from napari_olivine.recognition.reading import Opened
from napari_olivine.recognition.registry import load_classifier

TABLE = "explanations.csv"
FRAME = ("y_um", "x_um", "side_um")
"""Columns that tell where the cut-out of a crystal lies."""

OPACITY = 0.45
"""Opacity of the colours where the evidence is largest (ours)."""


@runtime_checkable
class Explains(Protocol):
    """A classifier that shows where it looks."""

    classes: tuple[str, ...]

    def activation(self, image: RecognitionImage, place: int, job: Job) -> NDArray[np.float32]:
        """Return where it sees a class in an image.

        Parameters
        ----------
        image
            The image.
        place
            Place of the class in `classes`.
        job
            Running job.

        Returns
        -------
        numpy.ndarray
            float32, shape (height, width), 0 to 1.
        """


@runtime_checkable
class Votes(Protocol):
    """A classifier whose crops vote."""

    def saliency(self, image: RecognitionImage, job: Job) -> NDArray[np.float32]:
        """Return the share of each class in the votes, shape (classes + 1, height, width)."""


def explain_classes(
    model: Path, source: Path, out: Path, settings: RecogniseExplainSettings, job: Job
) -> Path:
    """Write where a network sees the class of each image: pictures for a person, and arrays.

    Of each image ``NAME.png`` (the evidence in colours over the image), ``NAME.npy`` (float32,
    shape (height, width), 0 to 1) and, of a classifier whose crops vote, ``NAME.votes.npy`` (share
    of each class and last of none of these, shape (classes + 1, height, width)). The table
    explanations.csv has the columns ``file`` or ``id``, ``class``, ``probability``, ``shown``,
    ``row``, ``column``, ``classifier`` and ``place``: what the image is taken for, the class that
    is shown, where its evidence is largest (empty where nothing speaks for it), the classifier's
    name, and the place of the class among the votes; of crystals also ``y_um``, ``x_um`` and
    ``side_um``: the upper left corner and the side of the cut-out.

    Parameters
    ----------
    model
        Folder of a classifier.
    source
        A folder of images, or a section.
    out
        Folder to make; it must not exist, or be empty.
    settings
        Which class, how many images.
    job
        Running job.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    InputError
        If the classifier does not look at places, there is no such class, or the folder holds
        something.
    """
    require_free(out)
    classifier = load_classifier(model)
    if not isinstance(classifier, Explains):
        raise InputError(
            f"The classifier {classifier.name} does not look at places of an image.",
            remedy="Train a network: triplet, softmax, swin_t, mobilenet_v2 or resnet50.",
            file=model,
        )
    if settings.shown_class and settings.shown_class not in classifier.classes:
        raise InputError(
            f"The classifier knows no class {settings.shown_class!r}; it knows "
            f"{', '.join(classifier.classes)}.",
            setting="shown_class",
        )
    reading, key = reading_of(model, table=settings.table)
    opened = open_as_trained(source, reading, key, job)
    images = _chosen(opened, settings, source)
    with new_folder(out, "The pictures") as draft:
        table = _explain(classifier, images, draft, settings, job)
        table.rename(columns={"name": opened.key}).to_csv(draft / TABLE, index=False)
    job.say(f"Wrote {len(images)} images to {out}.")
    return out


def _chosen(opened: Opened, settings: RecogniseExplainSettings, source: Path) -> ImageSet:
    """Return the images that are to be shown."""
    images = opened.images
    if not settings.crystals:
        return images.select(np.arange(min(settings.most, len(images))))
    if not opened.is_section:
        raise InputError(
            f"Crystals are those of a section; {source} is a folder of images.", setting="crystals"
        )
    places = {int(one.name): place for place, one in enumerate(images.images)}
    lacking = [str(one) for one in settings.crystals if one not in places]
    if lacking:
        raise InputError(
            f"{source} has no crystals {', '.join(lacking[:10])}, or they lie outside its region.",
            setting="crystals",
        )
    return images.select([places[one] for one in settings.crystals][: settings.most])


def _explain(
    classifier: Classifier, images: ImageSet, folder: Path, settings: RecogniseExplainSettings,
    job: Job,
) -> pd.DataFrame:  # fmt: skip
    assert isinstance(classifier, Explains)
    names = [*classifier.classes, NONE_OF_THESE]
    probabilities = classifier.probabilities(images, job)
    rows: list[dict[str, Any]] = []
    for done, (image, found) in enumerate(zip(images.images, probabilities, strict=True)):
        taken = int(found.argmax())
        known = int(found[: len(classifier.classes)].argmax())
        shown = names.index(settings.shown_class) if settings.shown_class else known
        activation = classifier.activation(image, shown, job)
        file = folder / image.name
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file.with_name(f"{file.name}.npy"), activation)
        _write_picture(file.with_name(f"{file.name}.png"), overlay(image.read(), activation))
        if isinstance(classifier, Votes):
            np.save(file.with_name(f"{file.name}.votes.npy"), classifier.saliency(image, job))
        somewhere = bool(np.ptp(activation) > 0)
        place = np.unravel_index(int(activation.argmax()), activation.shape)
        rows.append(
            {
                "name": image.name,
                "class": names[taken],
                "probability": f"{found[taken]:.4f}",
                "shown": names[shown],
                "row": int(place[0]) if somewhere else "",
                "column": int(place[1]) if somewhere else "",
                "classifier": classifier.name,
                "place": shown,
            }
        )
        if image.frame_um is not None:
            rows[-1] |= dict(zip(FRAME, image.frame_um, strict=True))
        job.progress(done + 1, len(images), "Explaining")
    of_section = any(one.frame_um is not None for one in images.images)
    columns = ["name", "class", "probability", "shown", "row", "column", "classifier", "place"]
    return pd.DataFrame(rows, columns=[*columns, *(FRAME if of_section else ())])


def overlay(image: NDArray[np.float32], activation: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Lay the evidence in colours over an image, none where there is none.

    Parameters
    ----------
    image
        Shape (height, width, channels), 0 to 1.
    activation
        Shape (height, width), 0 to 1.

    Returns
    -------
    numpy.ndarray
        uint8, shape (height, width, 3), red, green and blue.
    """
    levels = (255 * activation).astype(np.uint8)
    colours = np.asarray(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO))[..., ::-1]
    base = 255 * np.broadcast_to(image, (*image.shape[:2], 3))
    share = OPACITY * np.minimum(1, 3 * activation)[..., None]
    return np.asarray(np.clip(base * (1 - share) + colours * share, 0, 255), np.uint8)


def _write_picture(file: Path, picture: NDArray[np.uint8]) -> None:
    done, content = cv2.imencode(".png", picture[..., ::-1])
    if not done:
        raise InputError(f"{file} could not be encoded.", file=file)
    file.write_bytes(content.tobytes())
