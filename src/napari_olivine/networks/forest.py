"""A random forest that classifies pixels, in the form of a network.

Measures of brightness, edges, ridges and texture at several scales around each pixel (as in
Arganda-Carreras et al. 2017, doi 10.1093/bioinformatics/btx180), and complete binary trees
(Breiman 2001, doi 10.1023/A:1010933404324), whose tables are its weights: saved, loaded and run
like any network.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

SCALES = (1.0, 2.0, 4.0, 8.0)
"""Standard deviations of the Gaussians, px."""

MEASURES = 1 + 5 * len(SCALES)
TREES, DEPTH = 24, 11
"""Trees, and decisions on the way to a leaf."""

LEAST_PROBABILITY = 1e-4
PIXELS_AT_ONCE = 1024


class ForestBody(nn.Module):
    """Pixel classifier whose trees `napari_olivine.training.forest` fills.

    Parameters
    ----------
    classes
        Outputs: 1 is the logit of olivine, of several the softmax is each one's share of the trees.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        nodes, leaves = 2**DEPTH - 1, 2**DEPTH
        self.single = classes == 1
        classes = max(2, classes)
        self.measure: Tensor
        self.limit: Tensor
        self.shares: Tensor
        self.register_buffer("measure", torch.zeros(TREES, nodes, dtype=torch.int64))
        self.register_buffer("limit", torch.full((TREES, nodes), math.inf))
        self.register_buffer("shares", torch.full((TREES, leaves, classes), 1 / classes))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (batch, classes, rows, columns) of normalised grey (batch, 1, ...)."""
        with torch.autocast(images.device.type, enabled=False):
            measures = measures_of(images.float())
            batch, count, rows, columns = measures.shape
            flat = measures.permute(0, 2, 3, 1).reshape(-1, count)
            shares = self._mean_share(flat).clamp(min=LEAST_PROBABILITY)
            logits = shares.log().reshape(batch, rows, columns, -1).permute(0, 3, 1, 2)
        return logits[:, 1:] - logits[:, :1] if self.single else logits

    def _mean_share(self, flat: Tensor) -> Tensor:
        """Walk down all trees at once, for as many pixels as stay in the processor's cache."""
        parts = [self._mean_share_of(part) for part in torch.split(flat, PIXELS_AT_ONCE)]
        return torch.cat(parts)

    def _mean_share_of(self, flat: Tensor) -> Tensor:
        trees, nodes = self.measure.shape
        pixels, count = flat.shape
        device = flat.device
        values, measure, limit = flat.reshape(-1), self.measure.view(-1), self.limit.view(-1)
        first = torch.arange(trees, device=device)[:, None] * nodes
        pixel = torch.arange(pixels, device=device)[None] * count
        node = torch.zeros(trees, pixels, dtype=torch.int64, device=device)
        for _ in range(DEPTH):
            at = (node + first).view(-1)
            place = (measure.index_select(0, at).view(trees, -1) + pixel).view(-1)
            right = values.index_select(0, place) > limit.index_select(0, at)
            node = 2 * node + 1 + right.view(trees, -1)
        leaf = node - nodes + torch.arange(trees, device=device)[:, None] * (nodes + 1)
        classes = self.shares.shape[2]
        shares = self.shares.view(-1, classes).index_select(0, leaf.view(-1))
        return shares.view(trees, pixels, classes).mean(0)


def measures_of(images: Tensor) -> Tensor:
    """Measure what is around each pixel.

    Parameters
    ----------
    images
        Normalised grey, float32, shape (batch, 1, rows, columns).

    Returns
    -------
    Tensor
        Shape (batch, `MEASURES`, rows, columns): grey; then for each of `SCALES` its smoothed
        value, the gradient's length, the larger and the smaller eigenvalue of the Hessian matrix
        (ridges and valleys), and the local standard deviation. Beyond the edge the outermost pixels
        go on.
    """
    found = [images]
    for sigma in SCALES:
        smooth = _gaussian(images, sigma)
        square = _gaussian(images * images, sigma)
        down, along = _slopes(smooth)
        rows, mixed = _slopes(down)
        _, columns = _slopes(along)
        half, part = (rows + columns) / 2, ((rows - columns) / 2).square() + mixed.square()
        root = part.sqrt()
        gradient = (down.square() + along.square()).sqrt()
        spread = (square - smooth * smooth).clamp(min=0).sqrt()
        scale = [sigma * gradient, sigma**2 * (half + root), sigma**2 * (half - root)]
        found += [smooth, *scale, spread]
    return torch.cat(found, 1)


def _gaussian(images: Tensor, sigma: float) -> Tensor:
    radius = math.ceil(3 * sigma)
    at = torch.arange(-radius, radius + 1, dtype=images.dtype, device=images.device)
    kernel = torch.exp(-0.5 * (at / sigma) ** 2)
    kernel = kernel / kernel.sum()
    wide = pad(images, (radius, radius, radius, radius), mode="replicate")
    return conv2d(conv2d(wide, kernel[None, None, :, None]), kernel[None, None, None, :])


def _slopes(images: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences down the rows and along the columns."""
    wide = pad(images, (1, 1, 1, 1), mode="replicate")
    down = (wide[:, :, 2:, 1:-1] - wide[:, :, :-2, 1:-1]) / 2
    along = (wide[:, :, 1:-1, 2:] - wide[:, :, 1:-1, :-2]) / 2
    return down, along
