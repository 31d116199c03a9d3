"""Inception-v3 as the encoder of a U-Net or LinkNet: every 3 x 3 layer padded.

timm's Inception-v3 leaves the padding away in seven layers and two poolings, as its authors did
(Szegedy et al. 2016, arXiv 1512.00567), so that an image of 128 px becomes 62 px and not 64 after
two halvings, and a decoder cannot put its levels together. Padded, all levels are halves of each
other. Names and shapes of the weights stay, so that published weights can be loaded.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from napari_olivine.networks.torchvision_shim import smp


def pad_inception(encoder: nn.Module) -> None:
    """Pad the 3 x 3 layers of a timm Inception-v3 that are not padded, in place.

    Parameters
    ----------
    encoder
        Encoder of segmentation-models-pytorch that holds it.
    """
    smp()
    blocks = sys.modules["timm.models.inception_v3"]
    for module in encoder.modules():
        size, padding = getattr(module, "kernel_size", None), getattr(module, "padding", None)
        if isinstance(module, (nn.Conv2d, nn.MaxPool2d)):
            if size in (3, (3, 3)) and padding in (0, (0, 0)):
                module.padding = (1, 1) if isinstance(module, nn.Conv2d) else 1
        elif isinstance(module, (blocks.InceptionB, blocks.InceptionD)):
            _pad_pooling(module)


def _pad_pooling(block: Any) -> None:
    """Put a padded pooling in the place of that of a block that halves its input."""
    block.__class__ = _PADDED[type(block).__name__]


class _PaddedB(nn.Module):
    """timm's InceptionB with a padded pooling."""

    def forward(self: Any, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, max_pool2d(x, 3, 2, 1)], 1)


class _PaddedD(nn.Module):
    """timm's InceptionD with a padded pooling."""

    def forward(self: Any, x: Tensor) -> Tensor:
        three = self.branch3x3_2(self.branch3x3_1(x))
        seven = self.branch7x7x3_2(self.branch7x7x3_1(x))
        seven = self.branch7x7x3_4(self.branch7x7x3_3(seven))
        return torch.cat([three, seven, max_pool2d(x, 3, 2, 1)], 1)


_PADDED = {"InceptionB": _PaddedB, "InceptionD": _PaddedD}
