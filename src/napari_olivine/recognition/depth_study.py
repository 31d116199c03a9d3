"""Fully connected and residual networks from random weights: the study of depth.

Dell'Aversana (2021), Bollettino di Geofisica Teorica e Applicata 62, 455-466, compares fully
connected networks of 2 to 22 hidden layers of 200 with ResNet-18, ResNet-34 and ResNet-152.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save
from torch import Tensor, nn

from napari_olivine.job import Job
from napari_olivine.networks import choose_device, torchvision
from napari_olivine.recognition.classifier import (
    NETWORK_ARRAYS,
    CurvePoint,
    ModelCard,
    refuse_damaged,
)
from napari_olivine.recognition.images import ImageSet
from napari_olivine.recognition.small_images import has_colours, small_images

WIDTH = 200
"""Neurons of a hidden layer, as in the paper."""

PATIENCE, LEAST_GAIN = 10, 1e-4
"""A fully connected network stops when its loss has not fallen by so much in so many iterations, as
scikit-learn's multilayer perceptron does, which the paper's program (Orange) uses."""

PREDICTED_AT_ONCE = 64


@dataclass(frozen=True)
class Schedule:
    """How a network learns: Adam with a learning rate of 0.001, as scikit-learn's default is.

    Parameters
    ----------
    side_px
        Rows and columns of the small images (ours; the paper says nothing).
    iterations
        Passes over the images: at most 200 for fully connected networks (the paper), 20 for
        residual ones (the paper's curves end near there).
    batch
        Images of a step: 200 for fully connected networks (scikit-learn's default), 16 (ours).
    stops_early
        Whether it stops when the loss falls no more.
    """

    side_px: int
    iterations: int
    batch: int
    stops_early: bool


DENSE = Schedule(side_px=32, iterations=200, batch=200, stops_early=True)
RESIDUAL = Schedule(side_px=64, iterations=20, batch=16, stops_early=False)


class DepthClassifier:
    """A network of a given depth that learns from random weights.

    Images are turned and mirrored at random while it learns; classes with few images count as much
    as those with many. Where there are images of the split ``"val"``, the weights of the iteration
    that predicts them best are kept.

    Parameters
    ----------
    name
        Name in the registry.
    layers
        Hidden layers of a fully connected network, or of a residual one.
    residual
        Whether it is ResNet-`layers`.
    iterations
        At most so many passes over the images; `None` for those of the paper.
    """

    knows_none = False

    def __init__(
        self, name: str, layers: int, residual: bool = False, iterations: int | None = None
    ) -> None:
        self.name, self.layers, self.residual = name, layers, residual
        self.schedule = RESIDUAL if residual else DENSE
        self.iterations = iterations or self.schedule.iterations
        self.classes: tuple[str, ...] = ()
        self.channels = 1
        self.curve: list[CurvePoint] = []
        self._network: nn.Module | None = None
        self._counts: dict[str, int] = {}
        self._scale = (0.0, 1.0)

    def fit(self, images: ImageSet, job: Job) -> None:
        """Learn from the labelled images; see `Classifier.fit`."""
        images.require_classes()
        images = images.labelled()
        self.classes, self._counts = images.classes, images.counts()
        self.channels = 3 if has_colours(images, job) else 1
        pixels = torch.from_numpy(self._pixels(images, job))
        targets = torch.from_numpy(images.targets().astype(np.int64))
        held = torch.tensor([one.split == "val" for one in images.images])
        if held.all():
            held[:] = False
        learned = pixels[~held].float() / 255
        self._scale = float(learned.mean()), max(float(learned.std()), 1e-3)
        device = choose_device(job.device)
        torch.manual_seed(job.seed)
        self._network = self._built().to(device)
        kept = _Best(self._network)
        for point in self._train(pixels[~held], targets[~held], device, job):
            self.curve.append(point)
            job.report("iteration", classifier=self.name, **vars(point))
            if held.any():
                guessed = self._predicted(pixels[held], job).argmax(1)
                kept.offer(float((guessed == targets[held].numpy()).mean()))
        kept.restore()
        self._settle_normalisation(pixels[~held], device, job)

    def _train(
        self, pixels: Tensor, targets: Tensor, device: torch.device, job: Job
    ) -> Iterator[CurvePoint]:
        network = cast(nn.Module, self._network)
        count = torch.bincount(targets, minlength=len(self.classes)).clamp_min(1)
        weight = (len(targets) / (len(self.classes) * count)).to(device)
        optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
        generator = torch.Generator().manual_seed(job.seed)
        lowest, waited = np.inf, 0
        for iteration in range(1, self.iterations + 1):
            job.progress(iteration - 1, self.iterations, f"Training {self.name}")
            network.train()
            losses = right = 0.0
            order = torch.randperm(len(pixels), generator=generator)
            for batch in _batches(order, self.schedule.batch):
                job.check()
                shown = _turned(pixels[batch], generator)
                target = targets[batch].to(device)
                logits = network(self._input(shown, device))
                loss = nn.functional.cross_entropy(logits, target, weight)
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                losses += float(loss.detach()) * len(batch)
                right += float((logits.argmax(1) == target).sum())
            mean = losses / len(pixels)
            yield CurvePoint(iteration, mean, right / len(pixels))
            waited = waited + 1 if mean > lowest - LEAST_GAIN else 0
            lowest = min(lowest, mean)
            if self.schedule.stops_early and waited >= PATIENCE:
                return

    def _settle_normalisation(self, pixels: Tensor, device: torch.device, job: Job) -> None:
        """Measure what batch normalisation sees anew, over all images with the weights as they are.

        Its running means lag behind weights that learn fast: after some ten steps a network
        predicts at random what it has learned well.
        """
        network = cast(nn.Module, self._network)
        layers = [one for one in network.modules() if isinstance(one, nn.BatchNorm2d)]
        if not layers:
            return
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None  # the mean over all batches
        network.train()
        generator = torch.Generator().manual_seed(job.seed)
        with torch.no_grad():
            for batch in _batches(torch.randperm(len(pixels), generator=generator), 64):
                job.check()
                network(self._input(pixels[batch], device))

    def probabilities(self, images: ImageSet, job: Job) -> NDArray[np.float64]:
        """Give the probability of each class; see `Classifier.probabilities`."""
        parts = [np.zeros((0, len(self.classes)))]
        for start in range(0, len(images), PREDICTED_AT_ONCE):
            job.progress(start, len(images), f"Predicting by {self.name}")
            run = images.select(np.arange(start, min(start + PREDICTED_AT_ONCE, len(images))))
            parts.append(self._predicted(torch.from_numpy(self._pixels(run, Job())), job))
        return np.concatenate(parts)

    def _predicted(self, pixels: Tensor, job: Job) -> NDArray[np.float64]:
        if self._network is None:
            raise RuntimeError("a classifier predicts after it has learned")
        device = next(self._network.parameters()).device
        self._network.eval()
        found = []
        with torch.inference_mode():
            for start in range(0, len(pixels), PREDICTED_AT_ONCE):
                job.check()
                batch = pixels[start : start + PREDICTED_AT_ONCE]
                logits = self._network(self._input(batch, device))
                found.append(logits.double().softmax(1).cpu().numpy())
        return np.concatenate(found)

    def _pixels(self, images: ImageSet, job: Job) -> NDArray[np.uint8]:
        return small_images(images, self.schedule.side_px, self.channels, job)

    def _input(self, pixels: Tensor, device: torch.device) -> Tensor:
        mean, spread = self._scale
        return (pixels.to(device).float() / 255 - mean) / spread

    def _built(self) -> nn.Module:
        if self.residual:
            return residual_network(self.layers, self.channels, len(self.classes))
        inputs = self.channels * self.schedule.side_px**2
        return dense_network(self.layers, inputs, len(self.classes))

    def save(self, folder: Path) -> None:
        """Write card and weights."""
        network = cast(nn.Module, self._network)
        state = {name: value.contiguous().cpu() for name, value in network.state_dict().items()}
        (folder / NETWORK_ARRAYS).write_bytes(save(state))
        settings = {"layers": self.layers, "residual": self.residual, "channels": self.channels}
        ModelCard(
            classifier=self.name,
            classes=self.classes,
            counts=self._counts,
            settings=settings | {"scale": list(self._scale)},
        ).write(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            If the weights are damaged or do not fit the card.
        """
        card, file = ModelCard.read(folder), folder / NETWORK_ARRAYS
        with refuse_damaged(file):
            told = card.settings
            found = cls(card.classifier, int(told["layers"]), bool(told["residual"]))
            found.channels, found.classes = int(told["channels"]), tuple(card.classes)
            found._scale = float(told["scale"][0]), float(told["scale"][1])
            found._counts = card.counts
            network = found._built()
            network.load_state_dict(load_file(file))
        found._network = network.eval()
        return found


class _Best:
    """Keeps the weights of the best iteration."""

    def __init__(self, network: nn.Module) -> None:
        self._network, self._best = network, -1.0
        self._state: dict[str, Tensor] | None = None

    def offer(self, accuracy: float) -> None:
        """Keep the weights if they predict as well as any before."""
        if accuracy >= self._best:
            self._best = accuracy
            self._state = {n: v.detach().clone() for n, v in self._network.state_dict().items()}

    def restore(self) -> None:
        """Put the kept weights back, if there are any."""
        if self._state is not None:
            self._network.load_state_dict(self._state)


def dense_network(layers: int, inputs: int, classes: int) -> nn.Module:
    """Make a fully connected network of hidden layers of `WIDTH` with ReLU.

    Weights are random as scikit-learn draws them: uniform within sqrt(6 / (inputs + outputs)) of
    each layer (Glorot and Bengio 2010).

    Parameters
    ----------
    layers
        Hidden layers.
    inputs
        Pixels of an image.
    classes
        Outputs.

    Returns
    -------
    torch.nn.Module
        From images (batch, channels, rows, columns) to logits (batch, classes).
    """
    widths = [inputs, *[WIDTH] * layers, classes]
    parts: list[nn.Module] = [nn.Flatten()]
    for one, following in pairwise(widths):
        layer = nn.Linear(one, following)
        bound = (6 / (one + following)) ** 0.5
        for values in layer.parameters():
            nn.init.uniform_(values, -bound, bound)
        parts += [layer, nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def residual_network(layers: int, channels: int, classes: int) -> nn.Module:
    """Make ResNet-`layers` of torchvision with random weights.

    Parameters
    ----------
    layers
        18, 34, 50, 101 or 152.
    channels
        Channels of an image.
    classes
        Outputs.

    Returns
    -------
    torch.nn.Module
        From images (batch, channels, rows, columns) to logits (batch, classes).
    """
    torchvision()
    from torchvision import models

    make: Callable[..., Any] = getattr(models, f"resnet{layers}")
    network = make(weights=None, num_classes=classes)
    if channels != 3:
        network.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
    return cast(nn.Module, network)


def _batches(order: Tensor, size: int) -> Iterator[Tensor]:
    """Cut an order into batches, none of a single image: batch normalisation needs a spread."""
    parts = [order[start : start + size] for start in range(0, len(order), size)]
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    yield from parts


def _turned(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Turn a batch by right angles and mirror it, each half at random."""
    quarter, mirror = torch.randint(4, (2,), generator=generator).tolist()
    turned = pixels.rot90(quarter, (2, 3))
    flip = torch.rand(len(pixels), generator=generator) < 0.5
    turned = torch.where(flip[:, None, None, None], turned.flip(3), turned)
    return turned.flip(2) if mirror % 2 else turned
