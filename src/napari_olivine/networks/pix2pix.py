"""pix2pix (Isola et al. 2017, arXiv 1611.07004): a generator of maps, and a critic of them.

Widths and depths are those of ddvika/SEM_segmentation, who made mineral maps of SEM images with it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu

GENERATOR_FILTERS = (32, 64, 128, 256, 256, 256, 256)
DISCRIMINATOR_FILTERS = (32, 64, 128, 256)
SLOPE = 0.2
"""Of the leaky rectifiers."""


class Generator(nn.Module):
    """U-Net of seven halvings by strided convolutions.

    Parameters
    ----------
    channels
        Of the input.
    classes
        Outputs; logits, so that losses of segmentation apply.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        widths = (channels, *GENERATOR_FILTERS)
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 4, 2, 1) for a, b in zip(widths, GENERATOR_FILTERS, strict=False)
        )
        self.down_norms = nn.ModuleList(
            nn.BatchNorm2d(width) if place else nn.Identity()
            for place, width in enumerate(GENERATOR_FILTERS)
        )
        narrow = GENERATOR_FILTERS[-2::-1]
        before = [GENERATOR_FILTERS[-1], *(2 * width for width in narrow[:-1])]
        self.up = nn.ModuleList(
            nn.Conv2d(a, b, 3, padding=1) for a, b in zip(before, narrow, strict=True)
        )
        self.up_norms = nn.ModuleList(nn.BatchNorm2d(width) for width in narrow)
        self.segmentation_head = nn.Conv2d(2 * narrow[-1], classes, 3, padding=1)
        self.doubled = nn.Upsample(scale_factor=2, mode="nearest")

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (batch, classes, rows, columns); the sides are multiples of 128."""
        levels, x = [], images
        for layer, norm in zip(self.down, self.down_norms, strict=True):
            x = leaky_relu(norm(layer(x)), SLOPE)
            levels.append(x)
        levels.pop()
        for layer, norm in zip(self.up, self.up_norms, strict=True):
            x = torch.cat([norm(relu(layer(self.doubled(x)))), levels.pop()], 1)
        logits: Tensor = self.segmentation_head(self.doubled(x))
        return logits


class Discriminator(nn.Module):
    """PatchGAN: tells for each patch whether a map of an image is a real one.

    Parameters
    ----------
    channels
        Of the image and the map together.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = (channels, *DISCRIMINATOR_FILTERS)
        layers: list[nn.Module] = []
        for place, (a, b) in enumerate(zip(widths, DISCRIMINATOR_FILTERS, strict=False)):
            layers += [nn.Conv2d(a, b, 4, 2, 1), nn.LeakyReLU(SLOPE)]
            layers += [nn.BatchNorm2d(b)] if place else []
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 3, padding=1))

    def forward(self, images: Tensor, maps: Tensor) -> Tensor:
        """Return for each patch how real it is, 1 for real and 0 for made.

        Parameters
        ----------
        images
            (batch, channels, rows, columns).
        maps
            Of the same batch and size.

        Returns
        -------
        Tensor
            (batch, 1, rows / 16, columns / 16).
        """
        result: Tensor = self.layers(torch.cat([images, maps], 1))
        return result
