"""What a trained network sees in an image: the means and spreads of its layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

from napari_olivine.errors import InputError, first_line
from napari_olivine.job import Job
from napari_olivine.networks import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    autocast,
    build_network,
    cached_file,
    check_hash,
    choose_device,
    network_spec,
    read_state,
    start_weights,
    torchvision,
    torchvision_url,
)
from napari_olivine.recognition.images import GREY_REACH
from napari_olivine.recognition.measures import grey_of
from napari_olivine.recognition.small_images import squared

SIDE_PX, CRYSTAL_PX = 128, 64
"""Side that an image of a file, and a cut-out of a crystal, is brought to (ours)."""

LEAST_SPREAD = 0.01
"""An image whose grey spreads less is not stretched further: its noise would become a texture."""

IMAGENET = {
    "resnet50": ("ResNet50_Weights.IMAGENET1K_V2", ("layer2", "layer3", "layer4")),
    "resnet18": ("ResNet18_Weights.IMAGENET1K_V1", ("layer2", "layer3", "layer4")),
    "mobilenet_v2": (
        "MobileNet_V2_Weights.IMAGENET1K_V2",
        ("features.6", "features.13", "features.18"),
    ),
}
"""Networks of torchvision whose ImageNet weights may lie in torch's cache: the name of the weights,
and the layers that are read."""

LIGHT = "light"
"""The encoder of the light network, whose weights come with the program."""


@dataclass(frozen=True)
class Picture:
    """An image that was read.

    Parameters
    ----------
    pixels
        Shape (rows, columns, channels), 0 to 1.
    mask
        Pixels of the crystal; `None` where unknown.
    is_crystal
        Whether it is a cut-out of a section, whose grey is on the scale of its rock.
    """

    pixels: NDArray[np.float32]
    mask: NDArray[np.bool_] | None
    is_crystal: bool


def weights_file(encoder: str) -> Path:
    """Return the file of an encoder's weights, whether or not it is there.

    Parameters
    ----------
    encoder
        ``"light"``, or one of `IMAGENET`.
    """
    if encoder == LIGHT:
        return Path(network_spec(LIGHT).own_weights)
    return cached_file(torchvision_url(IMAGENET[encoder][0]))


def choose_encoder(wanted: str, coloured: bool, job: Job) -> str:
    """Choose the network whose layers are read.

    Parameters
    ----------
    wanted
        ``"auto"``: for images in colours the first of `IMAGENET` whose weights lie in torch's
        cache, else the light network, which knows grey alone. Otherwise the network.
    coloured
        Whether the images have colours.
    job
        Running job, to be told.

    Returns
    -------
    str
        ``"light"``, or one of `IMAGENET`.

    Raises
    ------
    InputError
        If the weights are not there.
    """
    if wanted == "auto":
        there = [name for name in IMAGENET if coloured and weights_file(name).is_file()]
        if coloured and not there:
            job.say(
                "Colours count by their means alone: ImageNet weights that see them are not in "
                f"torch's cache ({weights_file('resnet50')} for example)."
            )
        return there[0] if there else LIGHT
    if wanted != LIGHT and not weights_file(wanted).is_file():
        raise InputError(
            f"The ImageNet weights of {wanted} are not in torch's cache.",
            remedy=f"Put {weights_file(wanted)} there, or set {{setting:encoder}} to light.",
            setting="encoder",
            file=weights_file(wanted),
        )
    return wanted


def deep_features(pictures: Sequence[Picture], encoder: str, job: Job) -> NDArray[np.float32]:
    """Read the layers of a network.

    Of each layer the mean and the standard deviation of each channel over the crystal (over the
    image where there is no mask), then the mean over the image.

    Parameters
    ----------
    pictures
        Some images, at most some hundred.
    encoder
        ``"light"``, or one of `IMAGENET`.
    job
        Running job.

    Returns
    -------
    numpy.ndarray
        float32, shape (images, features).
    """
    device = choose_device(job.device)
    layers = _layers(encoder, str(device))
    side = CRYSTAL_PX if all(one.is_crystal for one in pictures) else SIDE_PX
    prepare = _grey_input if encoder == LIGHT else _colour_input
    images = torch.from_numpy(np.stack([prepare(one, side) for one in pictures])).to(device)
    shares = torch.from_numpy(np.stack([_share(one, side) for one in pictures])).to(device)
    with torch.inference_mode(), autocast(device):
        found = layers(images.contiguous(memory_format=torch.channels_last))
    pooled = [_pool(one.float(), shares) for one in found]
    return np.asarray(torch.cat(pooled, 1).cpu().numpy(), np.float32)


def _pool(layer: Tensor, shares: Tensor) -> Tensor:
    """Return mean and spread over the crystal, and the mean over the image."""
    weight = interpolate(shares, size=layer.shape[-2:], mode="area")
    weight = weight / weight.sum((2, 3), keepdim=True).clamp_min(1e-6)
    mean = (layer * weight).sum((2, 3))
    variance = ((layer - mean[..., None, None]) ** 2 * weight).sum((2, 3))
    return torch.cat([mean, variance.clamp_min(0).sqrt(), layer.mean((2, 3))], 1)


def _grey_input(picture: Picture, side: int) -> NDArray[np.float32]:
    """Grey as the light network knows it: less its median, over its spread."""
    grey = grey_of(squared(picture.pixels, side))
    if picture.is_crystal:
        return ((grey - 0.5) * 2 * GREY_REACH)[None]
    return np.asarray((grey - np.median(grey)) / max(float(grey.std()), LEAST_SPREAD))[None]


def _colour_input(picture: Picture, side: int) -> NDArray[np.float32]:
    mean, std = np.array(IMAGENET_MEAN, np.float32), np.array(IMAGENET_STD, np.float32)
    colours = np.broadcast_to(squared(picture.pixels, side), (side, side, 3))
    return np.ascontiguousarray(np.moveaxis((colours - mean) / std, -1, 0))


def _share(picture: Picture, side: int) -> NDArray[np.float32]:
    if picture.mask is None or not picture.mask.any():
        return np.ones((1, side, side), np.float32)
    mask = picture.mask.astype(np.float32)
    share = cv2.resize(mask, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(share, np.float32)[None]


@lru_cache(maxsize=2)
def _layers(encoder: str, device: str) -> Callable[[Tensor], list[Tensor]]:
    """Make a function that gives the layers of a network."""
    if encoder == LIGHT:
        network = build_network(LIGHT)
        start_weights(network, network_spec(LIGHT), "auto", Job())
        body: Any = network.encoder
        body.to(device).eval()
        return lambda images: list(body(images))[1:]
    torchvision()
    from torchvision import models
    from torchvision.models.feature_extraction import create_feature_extractor

    made: nn.Module = getattr(models, encoder)(weights=None)
    file = weights_file(encoder)
    check_hash(file)
    try:
        made.load_state_dict(read_state(file))
    except RuntimeError as error:
        raise InputError(
            f"{file} holds no weights of {encoder}: {first_line(error)}", file=file
        ) from error
    cut = create_feature_extractor(made, list(IMAGENET[encoder][1])).to(device).eval()
    return lambda images: list(cut(images).values())
