"""A classifier that looks at many random crops of an image, each with its resolution.

What is common to the triplet network and to the softmax beside it: which images are learned from
and which choose the threshold, the scale as a second input, the vote of the crops, files.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save
from torch import Tensor, nn

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
)
from napari_olivine.recognition.activation import grad_cam
from napari_olivine.recognition.learning import (
    LOOKED_AT,
    CropPlace,
    build_backbone,
    learned_and_chosen,
    resized,
    start_backbone,
)
from napari_olivine.recognition.triplet.crop_source import Pixels, draw_crops
from napari_olivine.recognition.triplet.embedding import EmbeddingNetwork
from napari_olivine.recognition.triplet.saliency import crop_saliency
from napari_olivine.recognition.triplet.settings import CropSettings
from napari_olivine.recognition.triplet.training import train_on_crops

Doubles = NDArray[np.float64]

TOGETHER = 50
"""Crops that go through the network at once."""


@dataclass(frozen=True)
class Votes:
    """What the network says of the crops of one image.

    Parameters
    ----------
    places
        Where they lie in the image.
    outputs
        Descriptors or logits, shape (crops, outputs).
    """

    places: tuple[CropPlace, ...]
    outputs: Doubles


@dataclass(frozen=True)
class ClassVotes:
    """Votes of several images whose class is known.

    Parameters
    ----------
    votes
        Of each image.
    images
        The images.
    """

    votes: list[Votes]
    images: ImageSet

    @property
    def targets(self) -> NDArray[np.intp]:
        """Class of each image."""
        return self.images.targets()


class CropClassifier(ABC):
    """Base of the classifiers that average over random crops of an image.

    Parameters
    ----------
    name
        Name in the registry.
    **options
        Settings, see `CropSettings` and `TripletSettings`.
    """

    knows_none = True
    settings_model: type[CropSettings] = CropSettings

    def __init__(self, name: str, **options: Any) -> None:
        self.name = name
        self.settings: Any = self.settings_model(**options)
        self.classes: tuple[str, ...] = ()
        self.counts: dict[str, int] = {}
        self.um_per_px: tuple[float, float] | None = None
        self.started_from = ""
        self.curve: list[CurvePoint] = []
        self._network: EmbeddingNetwork | None = None

    # ------------------------------------------------------------------ what the kinds differ in

    @abstractmethod
    def outputs(self) -> int:
        """Return the number of outputs of the network."""

    @abstractmethod
    def loss(self, found: Tensor, targets: Tensor, done: float) -> Tensor:
        """Return the loss of a batch.

        Parameters
        ----------
        found
            Outputs of the network, shape (crops, outputs).
        targets
            Class of each crop, shape (crops,).
        done
            Part of the training that is done, 0 to 1.
        """

    def further_weights(self, device: torch.device) -> list[nn.Parameter]:
        """Make weights of the loss that learn beside the network; none but where it has some."""
        del device
        return []

    @abstractmethod
    def learn_regions(self, learned: ClassVotes, held_out: ClassVotes) -> None:
        """Learn where the outputs of each class lie, and from where on an image is none of these.

        Parameters
        ----------
        learned
            Crops of the training images.
        held_out
            Crops of other images of the same classes, at least one.
        """

    @abstractmethod
    def image_probabilities(self, votes: Votes) -> Doubles:
        """Return the probability of each class, and last of none of them, of one image."""

    @abstractmethod
    def crop_probabilities(self, votes: Votes) -> Doubles:
        """Return the same for each crop, shape (crops, classes + 1)."""

    @abstractmethod
    def class_score(self, outputs: Tensor, place: int) -> Tensor:
        """Return what speaks for a class, a number with a gradient, from outputs (1, outputs)."""

    @abstractmethod
    def regions_to_arrays(self) -> dict[str, Tensor]:
        """Return what was learned of regions and thresholds, as arrays by name."""

    @abstractmethod
    def regions_from_arrays(self, arrays: Mapping[str, Tensor]) -> None:
        """Take what `regions_to_arrays` gave."""

    # ------------------------------------------------------------------ learning

    def fit(self, images: ImageSet, job: Job) -> None:
        """Learn from labelled images; those of the split ``"val"`` choose the threshold.

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
        images = ImageSet(images.images, learned.classes)
        self.classes, self.counts = images.classes, learned.counts()
        sizes = [one.um_per_px for one in images.images if one.um_per_px is not None]
        self.um_per_px = (min(sizes), max(sizes)) if sizes else None
        self._network = self._fresh_network(images, job)
        network = self._network.to(choose_device(job.device))
        pixels = self._read(learned, job)
        if network.knows_scale:
            sizes_px = [one.um_per_px for one in learned.images if one.um_per_px is not None]
            network.standardise_scales(-np.log10(sizes_px))
        network.backbone.standardise([one.values for one in pixels])
        targets = learned.targets()
        further = self.further_weights(next(network.parameters()).device)
        losses = train_on_crops(network, pixels, targets, self.settings, self.loss, job, further)
        self.curve = [CurvePoint(step + 1, loss) for step, loss in enumerate(losses)]
        seen = ClassVotes(self._votes(pixels, job, "Describing the training images"), learned)
        if not len(chosen):
            job.warn(
                "No image is left to choose the threshold of none of these with: it is chosen on "
                "the training images, and will refuse too much.",
                remedy="Add images from other sources, or name some for validation (val).",
            )
            chosen = learned
        held_out = self._votes(self._read(chosen, job), job, "Choosing the threshold")
        self.learn_regions(seen, ClassVotes(held_out, chosen))

    def _fresh_network(self, images: ImageSet, job: Job) -> EmbeddingNetwork:
        settings = self.settings
        channels = 3 if has_colours(images, job, LOOKED_AT) else 1
        backbone = build_backbone(settings.backbone, channels, job.seed)
        self.started_from, _ = start_backbone(backbone, settings.backbone, "auto", job)
        knows_scale = settings.magnification == "auto"
        lacking = [one.name for one in images.images if one.um_per_px is None]
        if knows_scale and lacking:
            knows_scale = False
            job.warn(
                f"{len(lacking)} of {len(images)} images do not say how large a pixel is, the "
                f"first {lacking[0]}: the magnification is not looked at.",
                remedy="Give the size of a pixel of every image in a table (column um_per_px).",
            )
        torch.manual_seed(job.seed)
        return EmbeddingNetwork(backbone, self.outputs(), knows_scale, settings.dropout)

    # ------------------------------------------------------------------ recognising

    def probabilities(self, images: ImageSet, job: Job) -> Doubles:
        """Give the probability of each class, and last of none of them, for each image.

        Parameters
        ----------
        images
            Images, with or without a class.
        job
            Running job.

        Returns
        -------
        numpy.ndarray
            Shape (images, classes + 1); rows sum to one.

        Raises
        ------
        InputError
            If an image is damaged, or does not say how large its pixels are where that counts.
        """
        return self.recognise(images, job)[0]

    def recognise(self, images: ImageSet, job: Job) -> tuple[Doubles, NDArray[np.float32]]:
        """Give the probabilities, and the mean output of the crops of each image.

        Parameters
        ----------
        images
            Images, with or without a class.
        job
            Running job.

        Returns
        -------
        probabilities, descriptors
            See `probabilities`; float32, shape (images, outputs).
        """
        self._check_scales(images, job)
        found, means = [], []
        for done, image in enumerate(images.images):
            votes = self.votes_of(image, job)
            found.append(self.image_probabilities(votes))
            means.append(votes.outputs.mean(0))
            job.progress(done + 1, len(images), "Recognising")
        return (
            np.array(found).reshape(len(images), len(self.classes) + 1),
            np.array(means, np.float32).reshape(len(images), self.outputs()),
        )

    def votes_of(self, image: RecognitionImage, job: Job) -> Votes:
        """Let the crops of one image through the network.

        The crops depend on the seed of the job alone, not on the other images.
        """
        pixels = Pixels.of(image, self.network.backbone.channels)
        return self._vote(pixels, np.random.default_rng([job.seed, 1]), job)

    def activation(self, image: RecognitionImage, place: int, job: Job) -> NDArray[np.float32]:
        """Return where the network sees a class in an image.

        Parameters
        ----------
        image
            The image; the whole of it goes through the network at once.
        place
            Place of the class in `classes`.
        job
            Running job.

        Returns
        -------
        numpy.ndarray
            float32, shape (height, width), 0 to 1; see `grad_cam`.
        """
        self._check_scales(ImageSet((image,), self.classes), job)
        network, side = self.network, self.settings.crop_px
        pixels = Pixels.of(image, network.backbone.channels)
        height, width = pixels.values.shape[:2]
        short = min(height, width)
        whole = resized(pixels.values.astype(np.float32), side / short)
        um = image.um_per_px
        log_resolution = 0.0 if um is None else float(np.log10(side / (short * um)))
        device = next(network.parameters()).device
        tensor = torch.from_numpy(whole.transpose(2, 0, 1)[None]).to(device)
        scale = torch.tensor([log_resolution], device=device)

        def score(maps: Tensor) -> Tensor:
            return self.class_score(network.from_maps(maps, scale), place)

        with torch.no_grad(), stoppable(network, job):
            maps = network.backbone(tensor)
        return grad_cam(maps, score, (height, width))

    def saliency(self, image: RecognitionImage, job: Job) -> NDArray[np.float32]:
        """Return the share of each class, and last of none of them, in the votes at each pixel.

        Parameters
        ----------
        image
            The image.
        job
            Running job.

        Returns
        -------
        numpy.ndarray
            float32, shape (classes + 1, height, width); see `crop_saliency`.
        """
        self._check_scales(ImageSet((image,), self.classes), job)
        votes = self.votes_of(image, job)
        shape = image.read().shape[:2]
        return crop_saliency(votes.places, self.crop_probabilities(votes), shape)

    def _check_scales(self, images: ImageSet, job: Job) -> None:
        if not self.network.knows_scale:
            return
        lacking = [one.name for one in images.images if one.um_per_px is None]
        if lacking:
            raise InputError(
                f"The classifier looks at the magnification, but {len(lacking)} of {len(images)} "
                f"images do not say how large a pixel is, the first {lacking[0]}.",
                remedy="Give the size of a pixel of every image in a table (column um_per_px), or "
                "train a classifier on images without it.",
                file=lacking[0],
            )

    def _read(self, images: ImageSet, job: Job) -> list[Pixels]:
        found = []
        for done, image in enumerate(images.images):
            found.append(Pixels.of(image, self.network.backbone.channels))
            job.progress(done + 1, len(images), "Reading images")
        return found

    def _votes(self, images: list[Pixels], job: Job, message: str) -> list[Votes]:
        random, found = np.random.default_rng([job.seed, 1]), []
        for done, one in enumerate(images):
            found.append(self._vote(one, random, job))
            job.progress(done + 1, len(images), message)
        return found

    def _vote(self, image: Pixels, random: np.random.Generator, job: Job) -> Votes:
        network = self.network
        device = next(network.parameters()).device
        places: list[CropPlace] = []
        outputs: list[Doubles] = []
        left = self.settings.votes
        with torch.inference_mode(), stoppable(network, job):
            while left > 0:
                crops = draw_crops(random, [image] * min(left, TOGETHER), self.settings)
                found = network(crops.images.to(device), crops.log_resolutions.to(device))
                outputs.append(found.double().cpu().numpy())
                places += crops.places
                left -= TOGETHER
        return Votes(tuple(places), np.concatenate(outputs))

    @property
    def network(self) -> EmbeddingNetwork:
        """The trained network."""
        if self._network is None:
            raise InputError(f"The classifier {self.name} has learned nothing yet.")
        return self._network

    # ------------------------------------------------------------------ files

    def save(self, folder: Path) -> None:
        """Write the card and the arrays into a folder that is there and empty."""
        network = self.network
        arrays = {name: value.contiguous().cpu() for name, value in network.state_dict().items()}
        arrays |= {f"regions.{name}": value for name, value in self.regions_to_arrays().items()}
        metadata = {
            "channels": str(network.backbone.channels),
            "knows_scale": json.dumps(network.knows_scale),
            "started_from": self.started_from,
        }
        (folder / NETWORK_ARRAYS).write_bytes(save(arrays))
        self.card(metadata).write(folder)

    def card(self, further: Mapping[str, Any]) -> ModelCard:
        """Make the card of the classifier; what is further stands beside its settings."""
        return ModelCard(
            classifier=self.name,
            classes=self.classes,
            knows_none=True,
            counts=self.counts,
            settings={"settings": self.settings.model_dump(), **further},
            um_per_px=self.um_per_px,
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a classifier that `save` wrote; no code of the folder is run.

        Raises
        ------
        InputError
            If a file is damaged, or the arrays are of another network than the card says.
        """
        card = ModelCard.read(folder)
        file = folder / NETWORK_ARRAYS
        with refuse_damaged(file):
            found = cls(card.classifier, **card.settings["settings"])
            found.classes, found.counts, found.um_per_px = card.classes, card.counts, card.um_per_px
            found.started_from = card.settings["started_from"]
            backbone = build_backbone(found.settings.backbone, int(card.settings["channels"]))
            knows_scale = bool(json.loads(card.settings["knows_scale"]))
            found._network = EmbeddingNetwork(backbone, found.outputs(), knows_scale)
            arrays = load_file(file)
            own = {key: value for key, value in arrays.items() if not key.startswith("regions.")}
            found._network.load_state_dict(own)
            found.regions_from_arrays(
                {key.removeprefix("regions."): arrays[key] for key in arrays if key not in own}
            )
        found._network.eval()
        return found
