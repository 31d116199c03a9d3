"""Features of images, as rows of numbers: pixels, measurements, or what a network sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.recognition.images import ImageSet, RecognitionImage
from napari_olivine.recognition.measures import NAMES, grey_of, measure_image
from napari_olivine.recognition.small_images import has_colours, squared

FeatureKind = Literal["pixels", "measurements", "deep", "all"]

PIXELS_PX = 32
"""Side of the image whose pixels are features (ours)."""

RUN = 128
"""Images that are read and measured at a time."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class FeaturePlan:
    """Which features a classifier takes, fixed when it is fitted.

    Parameters
    ----------
    kind
        ``"all"`` are the measurements and what a network sees.
    channels
        Channels of the pixels: 3 where an image of the training has colours.
    encoder
        Network whose layers are read; empty without ``"deep"``.
    weights
        Name of the file of its weights.
    columns
        Columns of the crystal table, sorted.
    """

    kind: FeatureKind
    channels: int = 1
    encoder: str = ""
    weights: str = ""
    columns: tuple[str, ...] = ()

    def as_settings(self) -> dict[str, Any]:
        """Return the fields as JSON keeps them."""
        return asdict(self) | {"columns": list(self.columns)}

    @classmethod
    def of_settings(cls, settings: dict[str, Any]) -> FeaturePlan:
        """Undo `as_settings`."""
        return cls(**(settings | {"columns": tuple(settings["columns"])}))

    def measured(self, count: int) -> NDArray[np.bool_]:
        """Tell which of so many features are measurements; the others are layers of a network."""
        place = np.arange(count)
        return (place < len(NAMES)) | (place >= count - len(self.columns))

    @property
    def is_deep(self) -> bool:
        """Whether a network takes part."""
        return self.kind in ("deep", "all")


def plan_features(kind: FeatureKind, images: ImageSet, encoder: str, job: Job) -> FeaturePlan:
    """Fix the features by the images that are learned from.

    Parameters
    ----------
    kind
        Kind of features.
    images
        Images of the training.
    encoder
        See `deep_features.choose_encoder`.
    job
        Running job.

    Returns
    -------
    FeaturePlan
        The plan.
    """
    columns = sorted({name for one in images.images for name in one.measurements or ()})
    measured = kind in ("measurements", "all")
    channels = 3 if not columns and kind != "measurements" and has_colours(images, job) else 1
    plan = FeaturePlan(kind, channels, columns=tuple(columns) if measured else ())
    if not plan.is_deep:
        return plan
    from napari_olivine.recognition.deep_features import choose_encoder, weights_file

    chosen = choose_encoder(encoder, channels == 3, job)
    return FeaturePlan(kind, channels, chosen, weights_file(chosen).name, plan.columns)


_KNOWN: WeakKeyDictionary[RecognitionImage, dict[str, Floats]] = WeakKeyDictionary()
"""Features of images with a class, as long as the images live: each fold takes them again."""


def features_of(images: ImageSet, plan: FeaturePlan, job: Job) -> Floats:
    """Compute the features of images, in runs.

    Parameters
    ----------
    images
        Images.
    plan
        Which features.
    job
        Running job.

    Returns
    -------
    numpy.ndarray
        float32, shape (images, features); NaN where something is not known.
    """
    parts = []
    for start in range(0, len(images), RUN):
        job.progress(start, len(images), "Measuring images")
        parts.append(_of_run(images.images[start : start + RUN], plan, job))
    return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)


def _of_run(images: Sequence[RecognitionImage], plan: FeaturePlan, job: Job) -> Floats:
    key = f"{plan.kind} {plan.channels} {plan.encoder}"
    known = [_KNOWN.get(one, {}).get(key) for one in images]
    new = [place for place, row in enumerate(known) if row is None]
    if new:
        for place, row in zip(
            new, _computed([images[place] for place in new], plan, job), strict=True
        ):
            known[place] = row
            if images[place].label is not None:
                _KNOWN.setdefault(images[place], {})[key] = row
    rows = np.stack([row for row in known if row is not None])
    if not plan.columns:
        return rows
    table = [
        [(one.measurements or {}).get(name, np.nan) for name in plan.columns] for one in images
    ]
    return np.concatenate([rows, np.asarray(table, np.float32)], axis=1)


def _computed(images: Sequence[RecognitionImage], plan: FeaturePlan, job: Job) -> Floats:
    """Read images once, and compute what is read off their pixels."""
    read = []
    for one in images:
        job.check()
        read.append((one.read(), one.mask() if one.mask else None))
    if plan.kind == "pixels":
        return np.stack([_pixels(pixels, plan.channels) for pixels, _ in read])
    parts = []
    if plan.kind in ("measurements", "all"):
        measured = [
            measure_image(pixels, mask, one.um_per_px)
            for (pixels, mask), one in zip(read, images, strict=True)
        ]
        parts.append(np.stack(measured))
    if plan.is_deep:
        from napari_olivine.recognition.deep_features import Picture, deep_features

        pictures = [
            Picture(pixels, mask, one.measurements is not None)
            for (pixels, mask), one in zip(read, images, strict=True)
        ]
        parts.append(deep_features(pictures, plan.encoder, job))
        if plan.kind == "deep":
            parts.append(np.stack([_brightness(pixels) for pixels, _ in read]))
    return np.concatenate(parts, axis=1)


def _pixels(pixels: Floats, channels: int) -> Floats:
    """Return the pixels of the image, brought to `PIXELS_PX` a side, as one row."""
    grey = grey_of(pixels)[..., None]
    image = grey if channels == 1 else np.broadcast_to(pixels, (*pixels.shape[:2], 3))
    return squared(np.ascontiguousarray(image), PIXELS_PX).ravel()


def _brightness(pixels: Floats) -> Floats:
    """Return mean and spread of each colour, which a network is not shown of an image of a file."""
    values = pixels.reshape(-1, pixels.shape[2])
    colours = values if values.shape[1] == 3 else np.repeat(values, 3, axis=1)
    return np.concatenate([colours.mean(0), colours.std(0)]).astype(np.float32)
