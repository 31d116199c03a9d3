"""Transfer learning (Cai et al. 2024): a network that has seen photographs learns new classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.networks import choose_device, stoppable
from napari_olivine.recognition import (
    NETWORK_ARRAYS,
    CurvePoint,
    ImageSet,
    ModelCard,
    RecognitionImage,
    has_colours,
    refuse_damaged,
    squared,
)
from napari_olivine.recognition.activation import grad_cam
from napari_olivine.recognition.learning import (
    LOOKED_AT,
    Backbone,
    CropPlace,
    augment,
    build_backbone,
    cut,
    draw_place,
    learned_and_chosen,
    start_backbone,
    with_channels,
)
from napari_olivine.recognition.transfer.schedules import (
    FINE_TUNING,
    FROM_SCRATCH,
    LARGEST_GRADIENT,
    PUBLISHED,
)
from napari_olivine.recognition.transfer.settings import TransferSettings

HEAD_STEPS, HEAD_RATE = 300, 1e-2


class TransferNetwork(nn.Module):
    """A backbone, the mean of its maps, and a linear layer.

    Parameters
    ----------
    backbone
        Gives maps of features.
    classes
        Number of classes.
    """

    def __init__(self, backbone: Backbone, classes: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(backbone.features, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (batch, classes) of images (batch, channels, rows, columns), 0 to 1."""
        return self.from_maps(self.backbone(images))

    def from_maps(self, maps: Tensor) -> Tensor:
        """Do the part behind the maps of features."""
        return cast(Tensor, self.head(pooled(maps)))


def pooled(maps: Tensor) -> Tensor:
    """Return what the last layer sees of maps (batch, features, rows, columns): their means."""
    return maps.float().mean((2, 3))


class TransferClassifier:
    """A classifier on a network that has seen photographs.

    Parameters
    ----------
    name
        Name in the registry.
    **options
        Settings, see `TransferSettings`.
    """

    knows_none = False

    def __init__(self, name: str, **options: Any) -> None:
        self.name = name
        self.settings = TransferSettings(**options)
        self.classes: tuple[str, ...] = ()
        self.counts: dict[str, int] = {}
        self.started_from = ""
        self.curve: list[CurvePoint] = []
        self._network: TransferNetwork | None = None

    def fit(self, images: ImageSet, job: Job) -> None:
        """Learn from labelled images; held-out ones say which step's network is kept.

        Parameters
        ----------
        images
            Images; those without a class are left out.
        job
            Running job.

        Raises
        ------
        InputError
            If there is one class alone, an image is damaged, or weights are of another network.
        """
        images = images.labelled()
        images.require_classes()
        learned, chosen = learned_and_chosen(images, job)
        self.classes, self.counts = learned.classes, learned.counts()
        settings = self.settings
        channels = 3 if has_colours(learned, job, LOOKED_AT) else 1
        backbone = build_backbone(settings.backbone, channels, job.seed)
        self.started_from, learned_before = start_backbone(
            backbone, settings.backbone, settings.weights, job
        )
        network = TransferNetwork(backbone, len(self.classes)).to(choose_device(job.device))
        self._network = network
        pixels = self._read(learned, job)
        backbone.standardise(pixels)
        targets = torch.from_numpy(learned.targets())
        random = np.random.default_rng(job.seed)
        if settings.schedule == "frozen first" and learned_before:
            self._fit_head(pixels, targets, random, job)
        # Where no image is held out, the last network is kept.
        self._fit_all(pixels, targets, self._read(chosen, job), chosen.targets(), random, job,
                      learned_before)  # fmt: skip

    def _fit_head(
        self, images: Sequence[NDArray[np.float16]], targets: Tensor,
        random: np.random.Generator, job: Job,
    ) -> None:  # fmt: skip
        """Let the last layer learn from what the frozen network sees in changed copies."""
        network, views = self.network, self.settings.views
        network.eval()
        features = []
        with torch.no_grad(), stoppable(network, job):
            for done in range(views):
                for start in range(0, len(images), self.settings.batch):
                    batch = self._changed(images[start : start + self.settings.batch], random)
                    features.append(pooled(network.backbone(batch)))
                job.progress(done + 1, views, "Describing the images")
        seen, each = torch.cat(features), targets.to(self._device).repeat(views)
        mean, spread = seen.mean(0), seen.std(0) + 1e-6
        head = nn.Linear(seen.shape[1], len(self.classes)).to(self._device)
        optimiser = torch.optim.AdamW(head.parameters(), HEAD_RATE, weight_decay=1e-2)
        weight = _balance(each, len(self.classes))
        for _ in range(HEAD_STEPS):
            loss = cross_entropy(head((seen - mean) / spread), each, weight)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            job.check()
        with torch.no_grad():  # the same function of features that are not standardised
            network.head.weight.copy_(head.weight / spread)
            network.head.bias.copy_(head.bias - (head.weight * (mean / spread)).sum(1))

    def _fit_all(
        self, images: Sequence[NDArray[np.float16]], targets: Tensor,
        held_out: Sequence[NDArray[np.float16]], held_out_targets: NDArray[np.intp],
        random: np.random.Generator, job: Job, learned_before: bool,
    ) -> None:  # fmt: skip
        network, settings = self.network, self.settings
        schedule = PUBLISHED if settings.schedule == "published" else FROM_SCRATCH
        if settings.schedule != "published" and learned_before:
            schedule = FINE_TUNING
        optimiser, rate = schedule.start(network, settings.steps)
        weight = _balance(targets, len(self.classes)).to(self._device)
        best = self._validated(0, held_out, held_out_targets, job), _state(network)
        for step in range(settings.steps):
            network.train()
            chosen = random.choice(
                len(images), settings.batch, replace=len(images) < settings.batch
            )
            with stoppable(network, job):
                logits = network(self._changed([images[place] for place in chosen], random))
            loss = cross_entropy(logits, targets[chosen].to(self._device), weight)
            if not bool(torch.isfinite(loss)):
                raise InputError(f"The loss is no longer a number at step {step + 1}.")
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
            optimiser.step()
            rate.step()
            job.progress(step + 1, settings.steps, f"Learning, loss {float(loss.detach()):.3f}")
            last = step + 1 == settings.steps
            if last or (step + 1) % settings.validate_every == 0:
                scores = self._validated(
                    step + 1, held_out, held_out_targets, job, float(loss.detach())
                )
                if scores >= best[0]:
                    best = scores, _state(network)
        network.load_state_dict(best[1])
        network.eval()

    def _validated(
        self, step: int, images: Sequence[NDArray[np.float16]], targets: NDArray[np.intp],
        job: Job, loss: float = float("nan"),
    ) -> tuple[float, float]:  # fmt: skip
        """Return accuracy, and the loss with its sign turned, on images as they are."""
        if not len(images):
            return 0.0, 0.0
        found = self._probabilities(self._described(images, job))
        accuracy = float((found.argmax(1) == targets).mean())
        held_out = float(-np.log(np.maximum(found[np.arange(len(found)), targets], 1e-12)).mean())
        self.curve.append(CurvePoint(step, loss, accuracy))
        return accuracy, -held_out

    def probabilities(self, images: ImageSet, job: Job) -> NDArray[np.float64]:
        """Give the probability of each class for each image, shape (images, classes).

        Parameters
        ----------
        images
            Images, with or without a class.
        job
            Running job.
        """
        return self.recognise(images, job)[0]

    def recognise(
        self, images: ImageSet, job: Job
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Give the probabilities, and what the last layer sees of each image.

        Parameters
        ----------
        images
            Images, with or without a class.
        job
            Running job.

        Returns
        -------
        probabilities, descriptors
            See `probabilities`; float32, shape (images, features).
        """
        found = [np.zeros((0, len(self.classes)))]
        seen = [np.zeros((0, self.network.backbone.features), np.float32)]
        for start in range(0, len(images), self.settings.batch):
            part = images.select(np.arange(start, min(start + self.settings.batch, len(images))))
            features = self._described(self._read(part, job), job)
            found.append(self._probabilities(features))
            seen.append(features.cpu().numpy())
            job.progress(start + len(part), len(images), "Recognising")
        return np.concatenate(found), np.concatenate(seen)

    def activation(self, image: RecognitionImage, place: int, job: Job) -> NDArray[np.float32]:
        """Return where the network sees a class in an image, see `grad_cam`.

        Parameters
        ----------
        image
            The image.
        place
            Place of the class in `classes`.
        job
            Running job.
        """
        network = self.network
        pixels = image.read()
        shown = squared(with_channels(pixels, network.backbone.channels), self.settings.side_px)
        with torch.no_grad(), stoppable(network, job):
            maps = network.backbone(self._tensor([shown]))
        return grad_cam(maps, lambda one: network.from_maps(one)[0, place], pixels.shape[:2])

    def _probabilities(self, features: Tensor) -> NDArray[np.float64]:
        with torch.inference_mode():
            logits = self.network.head(features)
        return np.asarray(logits.double().softmax(1).cpu().numpy())

    def _described(self, images: Sequence[NDArray[Any]], job: Job) -> Tensor:
        """Return the features that the last layer sees, shape (images, features)."""
        network, side = self.network, self.settings.side_px
        network.eval()
        found = []
        with torch.inference_mode(), stoppable(network, job):
            for start in range(0, len(images), self.settings.batch):
                batch = images[start : start + self.settings.batch]
                shown = [squared(one.astype(np.float32), side) for one in batch]
                found.append(pooled(network.backbone(self._tensor(shown))))
        return torch.cat(found)

    def _changed(self, images: Sequence[NDArray[Any]], random: np.random.Generator) -> Tensor:
        """Crop every second image and change all at random."""
        settings, changed = self.settings, []
        for one in images:
            if random.random() < 0.5:
                place = draw_place(random, one.shape[:2], settings.least_crop)
                rows, columns = (slice(at, at + place.side) for at in (place.top, place.left))
                part = one[rows, columns].astype(np.float32)
                shown = cut(part, CropPlace(0, 0, place.side), settings.side_px)
            else:
                shown = squared(one.astype(np.float32), settings.side_px)
            changed.append(augment(random, shown, settings.augmentation))
        return self._tensor(changed)

    def _tensor(self, images: Sequence[NDArray[np.float32]]) -> Tensor:
        stacked = torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2)).to(self._device)
        return stacked.contiguous(memory_format=torch.channels_last)

    def _read(self, images: ImageSet, job: Job) -> list[NDArray[np.float16]]:
        found = []
        for image in images.images:
            pixels = with_channels(image.read(), self.network.backbone.channels)
            found.append(pixels.astype(np.float16))
            job.check()
        return found

    @property
    def _device(self) -> torch.device:
        return next(self.network.parameters()).device

    @property
    def network(self) -> TransferNetwork:
        """The trained network."""
        if self._network is None:
            raise InputError(f"The classifier {self.name} has learned nothing yet.")
        return self._network

    def save(self, folder: Path) -> None:
        """Write the card and the arrays into a folder that is there and empty."""
        (folder / NETWORK_ARRAYS).write_bytes(save(_state(self.network, torch.device("cpu"))))
        ModelCard(
            classifier=self.name,
            classes=self.classes,
            counts=self.counts,
            settings={
                "settings": self.settings.model_dump(),
                "channels": self.network.backbone.channels,
                "started_from": self.started_from,
            },
        ).write(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a classifier that `save` wrote; no code of the folder is run.

        Raises
        ------
        InputError
            If a file is damaged, or the arrays are of another network than the card says.
        """
        card, file = ModelCard.read(folder), folder / NETWORK_ARRAYS
        with refuse_damaged(file):
            found = cls(card.classifier, **card.settings["settings"])
            found.classes, found.counts = card.classes, card.counts
            found.started_from = card.settings["started_from"]
            backbone = build_backbone(found.settings.backbone, int(card.settings["channels"]))
            network = TransferNetwork(backbone, len(found.classes))
            network.load_state_dict(load_file(file))
        found._network = network.eval()
        return found


def _balance(targets: Tensor, classes: int) -> Tensor:
    """Weights of the classes by which rare ones count as much as common ones."""
    counts = torch.bincount(targets, minlength=classes).clamp_min(1)
    return len(targets) / (classes * counts.float())


def _state(network: nn.Module, device: torch.device | None = None) -> dict[str, Tensor]:
    return {
        name: value.detach().to(device or value.device).contiguous().clone()
        for name, value in network.state_dict().items()
    }
