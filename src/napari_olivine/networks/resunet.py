"""The residual U-Net of Zhang et al. (2018), with the filters of Dochkina et al. for SEM images."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

FILTERS = (16, 32, 64, 128, 256)


class ResUNet(nn.Module):
    """Four halvings of residual blocks with pre-activation, and as many doublings.

    Zhang, Liu & Wang (2018), doi 10.1109/LGRS.2018.2802944; filters of Alekseev, Dochkina, Bragin
    & Ozdemir (ddvika/SEM_segmentation). The last layer gives logits, without their sigmoid.

    Parameters
    ----------
    channels
        Of the input.
    classes
        Outputs.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        first = FILTERS[0]
        self.stem = nn.Conv2d(channels, first, 3, padding=1)
        self.stem_block = _layer(first, first)
        self.stem_skip = _shortcut(channels, first, 1)
        pairs = list(pairwise(FILTERS))
        self.down = nn.ModuleList(_Residual(a, b, stride=2) for a, b in pairs)
        last = FILTERS[-1]
        self.bridge = nn.Sequential(_layer(last, last), _layer(last, last))
        self.up = nn.ModuleList(_Residual(b + a, a) for a, b in reversed(pairs))
        self.segmentation_head = nn.Conv2d(first, classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (batch, classes, rows, columns); rows and columns are multiples of 16."""
        x = self.stem_block(self.stem(images)) + self.stem_skip(images)
        levels = [x]
        for block in self.down:
            levels.append(block(levels[-1]))
        x = self.bridge(levels.pop())
        for block in self.up:
            x = torch.cat([interpolate(x, scale_factor=2.0, mode="nearest"), levels.pop()], 1)
            x = block(x)
        logits: Tensor = self.segmentation_head(x)
        return logits


class _Residual(nn.Module):
    """Two layers with pre-activation beside a shortcut."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(_layer(before, after, stride), _layer(after, after))
        self.shortcut = _shortcut(before, after, stride)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.layers(x) + self.shortcut(x)
        return result


def _layer(before: int, after: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(before, after, 3, stride, padding=1)
    return nn.Sequential(nn.BatchNorm2d(before), nn.ReLU(), conv)


def _shortcut(before: int, after: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 1, stride), nn.BatchNorm2d(after))
