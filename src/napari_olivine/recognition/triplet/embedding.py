"""The network of the descriptors: maps of features, their mean, and the resolution beside it."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_olivine.recognition.learning import Backbone


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
    dropout
        Share of the features that a training step leaves out.
    hidden
        Width of the layers between features and outputs.
    """

    scale_mean: Tensor
    scale_spread: Tensor

    def __init__(
        self,
        backbone: Backbone,
        outputs: int,
        knows_scale: bool,
        dropout: float = 0.0,
        hidden: int = 64,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.knows_scale = knows_scale
        self.register_buffer("scale_mean", torch.zeros(()))
        self.register_buffer("scale_spread", torch.ones(()))
        self.head = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(backbone.features + int(knows_scale), hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, outputs),
        )

    def standardise_scales(self, log_resolutions: NDArray[np.float64]) -> None:
        """Bring the logarithms of the training images' resolution to mean 0 and spread 1."""
        self.scale_mean.fill_(float(np.mean(log_resolutions)))
        self.scale_spread.fill_(max(float(np.std(log_resolutions)), 0.1))

    def forward(self, images: Tensor, log_resolutions: Tensor) -> Tensor:
        """Return descriptors or logits, shape (crops, outputs).

        Parameters
        ----------
        images
            Shape (crops, channels, side, side), 0 to 1.
        log_resolutions
            Common logarithm of the pixels per micrometre of each crop, shape (crops,); not looked
            at where the network does not know the scale.
        """
        return self.from_maps(self.backbone(images), log_resolutions)

    def from_maps(self, maps: Tensor, log_resolutions: Tensor) -> Tensor:
        """Do the part behind the maps of features (crops, features, rows, columns)."""
        features = maps.float().mean((2, 3))
        if self.knows_scale:
            scales = (log_resolutions.float() - self.scale_mean) / self.scale_spread
            features = torch.cat([features, scales[:, None]], 1)
        return cast(Tensor, self.head(features))
