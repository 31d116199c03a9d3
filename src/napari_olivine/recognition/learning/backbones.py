"""Networks that turn an image into maps of features, by name: what every head stands on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.networks import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    OWN_WEIGHTS_FOLDER,
    build_network,
    cache_folder,
    check_hash,
    network_spec,
    read_state,
    torchvision,
    torchvision_file,
)

GREY = (0.45, 0.2)
"""Mean and spread of grey that networks without published weights expect (ours)."""

IMAGENET = (IMAGENET_MEAN, IMAGENET_STD)
"""Mean and spread of red, green and blue in the photographs of ImageNet."""


class Backbone(nn.Module):
    """Maps of features of an image.

    Parameters
    ----------
    body
        Network that maps (batch, channels, rows, columns) to (batch, features, rows, columns),
        whose rows and columns are fewer.
    channels
        Channels of its input.
    features
        Channels of its output.
    mean, std
        Of each channel of the images that it takes.
    takes_any_grey
        Whether `standardise` measures `mean` and `std`; weights that saw photographs keep theirs.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        body: nn.Module,
        channels: int,
        features: int,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        takes_any_grey: bool = True,
    ) -> None:
        super().__init__()
        self.takes_any_grey = takes_any_grey
        self.body = body
        self.channels = channels
        self.features = features
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1))

    def standardise(self, images: Sequence[NDArray[np.floating[Any]]]) -> None:
        """Bring the training images to mean 0 and spread 1; photographs' weights want their own.

        Parameters
        ----------
        images
            Shape (height, width, channels) each, 0 to 1.
        """
        if not self.takes_any_grey:
            return
        means = np.array([one.mean((0, 1), dtype=np.float64) for one in images])
        spreads = np.array([one.std((0, 1), dtype=np.float64) for one in images])
        self.mean.copy_(torch.from_numpy(means.mean(0)).view_as(self.mean))
        spread = np.maximum(np.sqrt((spreads**2).mean(0)), 1e-3)
        self.std.copy_(torch.from_numpy(spread).view_as(self.std))

    def forward(self, images: Tensor) -> Tensor:
        """Return maps of features.

        Parameters
        ----------
        images
            Shape (batch, channels, rows, columns), 0 to 1.
        """
        return cast(Tensor, self.body((images - self.mean) / self.std))


class SmallBody(nn.Sequential):
    """Seven convolutions with batch normalisation, halved four times: for a hundred images.

    Parameters
    ----------
    channels
        Channels of the image.
    width
        Channels after the first convolution; they double with each of the next three halvings.
    """

    def __init__(self, channels: int, width: int) -> None:
        layers: list[nn.Module] = _layer(channels, width, 5, 2)
        for before in (width, 2 * width, 4 * width):
            layers += _layer(before, 2 * before, 3, 2) + _layer(2 * before, 2 * before, 3, 1)
        super().__init__(*layers)


def _layer(channels: int, out: int, kernel: int, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(channels, out, kernel, stride, kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(out), nn.ReLU(inplace=True)]


class _SwinBody(nn.Module):
    """Swin's stages and last normalisation, its maps with the features first."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.features = cast(nn.Module, model.features)
        self.norm = cast(nn.Module, model.norm)

    def forward(self, images: Tensor) -> Tensor:
        maps = cast(Tensor, self.norm(self.features(images)))
        return maps.permute(0, 3, 1, 2)


class _LightBody(nn.Module):
    """The encoder of the light segmentation network."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Tensor) -> Tensor:
        return cast(Tensor, self.encoder(images)[-1])


@dataclass(frozen=True)
class BackboneRow:
    """A backbone by name.

    Parameters
    ----------
    name
        Name in settings and cards.
    title
        What it is, for a person.
    make
        Makes it with random weights, from the number of channels of the images.
    weights
        Name of its ImageNet weights in torchvision; empty if there are none.
    """

    name: str
    title: str
    make: Callable[[int], Backbone]
    weights: str = ""


def build_backbone(name: str, channels: int, seed: int = 0) -> Backbone:
    """Make a backbone with random weights.

    Parameters
    ----------
    name
        One of `BACKBONES`.
    channels
        Channels of the images, 1 or 3; one that has seen photographs always takes 3.
    seed
        Of the random weights.

    Returns
    -------
    Backbone
        On the processor, channels last.

    Raises
    ------
    InputError
        If there is no backbone of that name.
    """
    torch.manual_seed(seed)
    backbone = backbone_row(name).make(channels)
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.1
    backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return backbone


def backbone_row(name: str) -> BackboneRow:
    """Return what is known of a backbone.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in BACKBONES:
        raise InputError(
            f"There is no backbone {name!r}; there are {', '.join(BACKBONES)}.", setting="backbone"
        )
    return BACKBONES[name]


def start_backbone(backbone: Backbone, name: str, weights: str, job: Job) -> tuple[str, bool]:
    """Put the weights that learning starts from into a backbone.

    Parameters
    ----------
    backbone
        With random weights.
    name
        Its name.
    weights
        ``"auto"``: those that come with the program, or the ImageNet weights from torch's cache,
        else from the network if it answers at once, else none, which is said. ``"none"``: random.
        Otherwise a file of weights in torchvision's layout.
    job
        Running job.

    Returns
    -------
    said
        What it starts from, in words.
    learned
        Whether the weights have learned anything before.

    Raises
    ------
    InputError
        If the file is missing, damaged, or of another network.
    """
    row = backbone_row(name)
    if weights == "none" or (weights == "auto" and not row.weights and name != "light"):
        return "random weights", False
    if weights == "auto" and name == "light":
        return _start_light(backbone), True
    if weights == "auto":
        file = torchvision_file(row.weights, job)
        if file is None:
            job.warn(
                f"The ImageNet weights of {name} are neither in torch's cache nor reachable: it "
                "starts from random weights, and learns little from few images.",
                remedy=f"Put the file of {row.weights} into {cache_folder()}, or choose a "
                "classifier that needs no weights of others.",
            )
            return "random weights: the published ones were not at hand", False
    else:
        file = Path(weights).expanduser()
        if not file.is_file():
            raise InputError(
                f"There is no file {file} to start from.",
                remedy="Give {setting:weights} as auto, none or a file.",
                setting="weights",
                file=file,
            )
    return _fill(backbone, file), True


def _start_light(backbone: Backbone) -> str:
    file = OWN_WEIGHTS_FOLDER / network_spec("light").own_weights
    check_hash(file)
    start = "body.encoder."
    state = {
        key.removeprefix(start): value.float() if value.is_floating_point() else value
        for key, value in read_state(file).items()
        if key.startswith(start)
    }
    cast(_LightBody, backbone.body).encoder.load_state_dict(state)
    return f"{file.name}, learned from synthetic sections of several rocks"


def _fill(backbone: Backbone, file: Path) -> str:
    """Load a file in torchvision's layout, whose head is left out."""
    check_hash(file)
    state = read_state(file)
    own = backbone.body.state_dict()
    fitting = {
        key: state[key] for key in own if key in state and state[key].shape == own[key].shape
    }
    needed = [key for key in own if not key.endswith("num_batches_tracked")]
    if lacking := [key for key in needed if key not in fitting]:
        raise InputError(
            f"{file} holds weights of another network: {len(lacking)} of {len(needed)} arrays are "
            f"missing or of another shape, the first {lacking[0]}.",
            remedy="Give {setting:weights} as auto, none or the file of this network.",
            setting="weights",
            file=file,
        )
    backbone.body.load_state_dict(fitting, strict=False)
    return f"{file.name}, learned from photographs (ImageNet)"


def _small(channels: int) -> Backbone:
    mean, std = (GREY[0],) * channels, (GREY[1],) * channels
    return Backbone(SmallBody(channels, WIDTH), channels, 8 * WIDTH, mean, std)


WIDTH = 8
"""Channels after the first convolution; twice as many take twice the time."""


def _light(channels: int) -> Backbone:
    del channels
    encoder = build_network("light").encoder
    assert encoder is not None
    return Backbone(_LightBody(encoder), 1, 256, (GREY[0],), (GREY[1],))


def _resnet50(channels: int) -> Backbone:
    del channels
    model = torchvision().models.resnet50(weights=None)
    return Backbone(_ResNetBody(model), 3, 2048, *IMAGENET, takes_any_grey=False)


class _ResNetBody(nn.Module):
    """The stages of torchvision's ResNet, whose names its weights keep."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        for name, part in model.named_children():
            if name not in ("fc", "avgpool"):
                self.add_module(name, part)

    def forward(self, images: Tensor) -> Tensor:
        maps = images
        for part in self.children():
            maps = part(maps)
        return maps


def _mobilenet_v2(channels: int) -> Backbone:
    del channels
    model = torchvision().models.mobilenet_v2(weights=None)
    return Backbone(
        nn.Sequential(OrderedDict(features=model.features)),
        3,
        1280,
        *IMAGENET,
        takes_any_grey=False,
    )


def _swin_t(channels: int) -> Backbone:
    del channels
    return Backbone(
        _SwinBody(torchvision().models.swin_t(weights=None)),
        3,
        768,
        *IMAGENET,
        takes_any_grey=False,
    )


BACKBONES = {
    row.name: row
    for row in (
        BackboneRow("small", "seven convolutions, for a hundred images on a CPU", _small),
        BackboneRow("light", "the encoder of the light network, which knows sections", _light),
        BackboneRow(
            "mobilenet_v2",
            "MobileNetV2 (Sandler et al. 2018)",
            _mobilenet_v2,
            "MobileNet_V2_Weights.IMAGENET1K_V1",
        ),
        BackboneRow(
            "resnet50",
            "ResNet-50 (He et al. 2016)",
            _resnet50,
            "ResNet50_Weights.IMAGENET1K_V1",
        ),
        BackboneRow(
            "swin_t",
            "Swin Transformer, tiny (Liu et al. 2021)",
            _swin_t,
            "Swin_T_Weights.IMAGENET1K_V1",
        ),
    )
}
"""The backbones by name."""
