"""Networks that turn an image into maps of features, by name: what every head stands on."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from napari_olivine.errors import InputError

GREY = (0.45, 0.2)
"""Mean and spread of grey that networks without published weights are given (ours)."""

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


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
    """

    def __init__(
        self,
        body: nn.Module,
        channels: int,
        features: int,
        mean: tuple[float, ...],
        std: tuple[float, ...],
    ) -> None:
        super().__init__()
        self.body = body
        self.channels = channels
        self.features = features
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)

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

    def __init__(self, channels: int, width: int = 16) -> None:
        layers: list[nn.Module] = _layer(channels, width, 5, 2)
        for before in (width, 2 * width, 4 * width):
            layers += _layer(before, 2 * before, 3, 2) + _layer(2 * before, 2 * before, 3, 1)
        super().__init__(*layers)


def _layer(channels: int, out: int, kernel: int, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(channels, out, kernel, stride, kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(out), nn.ReLU(inplace=True)]


def small_backbone(channels: int, width: int = 16) -> Backbone:
    """Make the small network with random weights, for grey (1 channel) or colour (3)."""
    mean, std = (GREY[0],) * channels, (GREY[1],) * channels
    return Backbone(SmallBody(channels, width), channels, 8 * width, mean, std)
