"""A model made ready for a section: windows of grey in, probabilities out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError, first_line
from napari_olivine.inference.encoding import FULL
from napari_olivine.inference.engines import Engine, EngineName, FloatImage, Promise, choose_engine
from napari_olivine.inference.models import SelectedModel
from napari_olivine.inference.settings import SegmentSettings
from napari_olivine.job import Job
from napari_olivine.networks import (
    GreyWindow,
    LevelledGrey,
    choose_device,
    follow_grey,
    load_model,
    normalise,
)
from napari_olivine.section import Raster, Section

SAMPLE_PX = 384
"""Side of the window on which an engine is compared with float32."""

Orientation = tuple[bool, bool, bool]
"""Whether a window is flipped up and down, flipped left and right, and transposed."""

ORIENTATIONS: dict[str, list[Orientation]] = {
    "none": [(False, False, False)],
    "flips": [(down, right, False) for down in (False, True) for right in (False, True)],
    "all": [(d, r, t) for t in (False, True) for d in (False, True) for r in (False, True)],
}
"""By the setting `augment`."""


class Predictor(Protocol):
    """Predicts windows of a section."""

    @property
    def engines(self) -> list[str]:
        """Names of the engines that it runs on."""
        ...

    def start(self, windows: Sequence[GreyWindow]) -> Promise:
        """Begin to predict windows; see `Engine.start` for what comes out."""
        ...


class ModelPredictor:
    """One model on one section.

    Parameters
    ----------
    section
        Section with ``images``.
    model
        Model that fits it.
    shape
        Windows of a batch, rows and columns of a window.
    settings
        Engine and test-time augmentation.
    job
        Running job.
    """

    def __init__(
        self,
        section: Section,
        model: SelectedModel,
        shape: tuple[int, int, int],
        settings: SegmentSettings,
        job: Job,
    ) -> None:
        self._job = job
        self._network, card = load_model(model.folder)
        self._picked: list[int] = []
        self._guided = card.outlines_from == "bse"
        if model.classes != tuple(card.classes):  # of a network of phases, more than olivine
            outputs = [phase.name for phase in card.phases] or card.classes
            self._network.kept = None
            self._picked = [outputs.index(name) for name in model.classes]
        self._grey = LevelledGrey(section, card.normalisation, job)
        self._turns, self._quick = ORIENTATIONS[settings.augment], settings.live
        row, column = highest_contrast_window(self._grey.raster)
        sample = self._grey.read(row, column, SAMPLE_PX, SAMPLE_PX)
        self._sample = normalise(sample, card.normalisation)[None]
        batch, rows, columns = shape
        self._shape = batch, card.channels, rows, columns
        self._engine = self._choose(settings.engine)

    @property
    def engines(self) -> list[str]:
        """Name of the engine."""
        return [self._engine.name]

    def start(self, windows: Sequence[GreyWindow]) -> Promise:
        """Begin to predict windows; see `Engine.start`."""
        images = np.stack([self._grey.prepare(window) for window in windows])
        promise = self._start(images)

        def wait() -> NDArray[np.uint8]:
            found = promise()
            found = found[:, self._picked] if self._picked else found
            return guided(found, images) if self._guided else found

        return wait

    def _start(self, images: FloatImage) -> Promise:
        engine = self._engine
        try:
            turned = [(engine.start(orient(images, how)), how) for how in self._turns]
        except (RuntimeError, MemoryError) as error:
            return self._without(engine, error, images)
        started = mean_of([(lambda p=p, h=how: orient_back(p(), h)) for p, how in turned])  # type: ignore[misc]

        def wait() -> NDArray[np.uint8]:
            try:
                return started()
            except (RuntimeError, MemoryError) as error:
                return self._without(engine, error, images)()

        return wait

    def _choose(self, wanted: Literal["auto"] | EngineName) -> Engine:
        try:
            return choose_engine(
                self._network, self._sample, self._shape, wanted, self._job, quick=self._quick
            )
        except (RuntimeError, MemoryError) as error:  # not of an engine, but of the network itself
            raise network_failure(error) from error

    def _without(self, engine: Engine, error: BaseException, images: FloatImage) -> Promise:
        """Begin again with the engine that always works, after another one failed."""
        if engine.name == "float32":
            raise network_failure(error) from error
        # Of several windows under way each fails; the first has replaced the engine.
        if self._engine is engine:
            self._job.warn(
                f"Engine {engine.name} failed midway ({first_line(error)}); going on with float32 "
                "on the processor."
            )
            self._engine = self._choose("float32")
        return self._start(images)


class Ensemble:
    """The mean of several models.

    Parameters
    ----------
    members
        Predictors of the same classes.
    """

    def __init__(self, members: Sequence[Predictor]) -> None:
        self._members = list(members)

    @property
    def engines(self) -> list[str]:
        """Name of each member's engine."""
        return [name for member in self._members for name in member.engines]

    def start(self, windows: Sequence[GreyWindow]) -> Promise:
        """Begin to predict windows; see `Engine.start`."""
        return mean_of([member.start(windows) for member in self._members])


def make_predictor(
    section: Section,
    models: Sequence[SelectedModel],
    shape: tuple[int, int, int],
    settings: SegmentSettings,
    job: Job,
) -> Predictor:
    """Make one model, or the mean of several, ready for a section.

    Parameters
    ----------
    section
        Section with ``images``.
    models
        Models that fit it.
    shape
        Windows of a batch, rows and columns of a window.
    settings
        Engine and test-time augmentation.
    job
        Running job.

    Returns
    -------
    Predictor
        Of windows of that size.
    """
    members = [ModelPredictor(section, model, shape, settings, job) for model in models]
    return members[0] if len(members) == 1 else Ensemble(members)


def guided(found: NDArray[np.uint8], images: FloatImage) -> NDArray[np.uint8]:
    """Bring the outlines of stored probabilities to where the grey of the windows changes."""
    probability = found.astype(np.float32) / FULL
    pairs = zip(probability, images[:, 0], strict=True)
    followed = np.stack([follow_grey(one, grey) for one, grey in pairs])
    return np.rint(followed * FULL).astype(np.uint8)


def batch_size(settings: SegmentSettings, job: Job) -> int:
    """Return how many windows go through the network together."""
    return settings.batch or (4 if choose_device(job.device).type == "cuda" else 1)


def network_failure(error: BaseException) -> InputError:
    """Return the error of a network that does not work even in float32."""
    return InputError(
        f"The network failed on a window ({first_line(error)}).",
        remedy="Lower {setting:window_px}, or close other programs if the memory is full. "
        "What is finished is kept.",
        setting="window_px",
    )


def mean_of(promises: Sequence[Callable[[], NDArray[np.uint8]]]) -> Promise:
    """Return a function that waits for several results and gives their mean, rounded."""
    if len(promises) == 1:
        return promises[0]

    def wait() -> NDArray[np.uint8]:
        total: NDArray[Any] = promises[0]().astype(np.uint16)
        for promise in promises[1:]:
            total += promise()
        return cast(NDArray[np.uint8], np.rint(total / len(promises)).astype(np.uint8))

    return wait


def orient(images: NDArray[Any], how: Orientation) -> NDArray[Any]:
    """Flip and transpose images (..., rows, columns)."""
    down, right, transpose = how
    images = images[..., :: -1 if down else 1, :: -1 if right else 1]
    if transpose:
        images = images.swapaxes(-1, -2)
    return np.ascontiguousarray(images)


def orient_back(images: NDArray[Any], how: Orientation) -> NDArray[Any]:
    """Undo `orient`."""
    down, right, transpose = how
    if transpose:
        images = images.swapaxes(-1, -2)
    return images[..., :: -1 if down else 1, :: -1 if right else 1]


def highest_contrast_window(raster: Raster) -> tuple[int, int]:
    """Find where an image has the most contrast: the place to compare engines on.

    Pixels that are black or hold no number are between the tiles and do not count.

    Returns
    -------
    tuple of int
        Row and column of a window of `SAMPLE_PX`.
    """
    level = min(len(raster.levels) - 1, 3)
    while level < len(raster.levels) - 1 and max(raster.levels[level].shape) > 4096:
        level += 1
    grey = np.asarray(raster.levels[level], np.float32)
    high, wide = (min(max(1, SAMPLE_PX >> level), length) for length in grey.shape)
    rows, columns = grey.shape[0] // high, grey.shape[1] // wide
    grey = grey[: rows * high, : columns * wide].reshape(rows, high, columns, wide)
    there = np.isfinite(grey) & (grey > 0)
    count = there.sum((1, 3))
    mean = grey.sum((1, 3), where=there) / np.maximum(count, 1)
    around = np.square(grey - mean[:, None, :, None], where=there, out=np.zeros_like(grey))
    contrast = np.sqrt(around.sum((1, 3)) / np.maximum(count, 1)) * count
    row, column = np.unravel_index(int(contrast.argmax()), contrast.shape)
    return int(row) * (high << level), int(column) * (wide << level)
