"""The network of the descriptors: maps of features, their mean, and the resolution beside it."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from napari_olivine.recognition.backbones import Backbone


class EmbeddingNetwork(nn.Module):
    """Descriptors of a crop, or logits of its classes, from its pixels and its resolution.

    Parameters
    ----------
    backbone
        Gives maps of features.
    outputs
        Dimensions of a descriptor, or number of classes.
    knows_scale
        Whether the resolution is a second input.
    hidden
        Width of the layers between features and outputs.
    """

    def __init__(
        self, backbone: Backbone, outputs: int, knows_scale: bool, hidden: int = 64
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.knows_scale = knows_scale
        self.head = nn.Sequential(
            nn.Linear(backbone.features + int(knows_scale), hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, outputs),
        )

    def forward(self, images: Tensor, scales: Tensor) -> Tensor:
        """Return descriptors or logits, shape (crops, outputs).

        Parameters
        ----------
        images
            Shape (crops, channels, side, side), 0 to 1.
        scales
            Standardised logarithm of the resolution of each crop, shape (crops,); not looked at
            where the network does not know the scale.
        """
        return self.from_maps(self.backbone(images), scales)

    def from_maps(self, maps: Tensor, scales: Tensor) -> Tensor:
        """Do the part behind the maps of features (crops, features, rows, columns)."""
        features = maps.float().mean((2, 3))
        if self.knows_scale:
            features = torch.cat([features, scales.float()[:, None]], 1)
        return cast(Tensor, self.head(features))
