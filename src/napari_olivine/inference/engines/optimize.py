"""The same network in fewer and faster operations; for prediction only.

Three rewritings, all exact but for rounding.

A batch normalisation after a convolution is a factor and an offset of the convolution's own
weights, and is folded into them.

An atrous convolution is the sum of its taps, each of them one matrix product of the shifted image:
oneDNN, which torch uses on processors, walks the image with its gaps instead, and is the slower
the wider they are.

A U-Net doubles the pixels of a feature map, puts the encoder's beside it and convolves both with
3 x 3 weights. Of the doubled pixels, two rows and two columns are always the same, so that each
of the four phases of the result needs 2 x 2 sums of the weights on the map as it was: four
ninths of the work, and no doubled map.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from itertools import pairwise, product
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad
from torch.nn.utils.fusion import fuse_conv_bn_eval


def optimize_network(network: nn.Module, *, eager: bool) -> nn.Module:
    """Return a copy of a network that predicts the same and faster.

    Parameters
    ----------
    network
        In evaluation mode; stays as it is.
    eager
        Whether torch runs the copy layer by layer on a processor. Graphics cards and graph
        compilers have their own ways, and get the batch normalisations folded only, or atrous
        convolutions in a form that can be traced.
    """
    copy = deepcopy(network).eval()
    for module in copy.modules():
        _fold_batch_norms(module)
    if eager:
        _replace(copy, is_atrous, ShiftedConv2d)
        _replace(copy, _is_doubling, DoublingBlock)
    return copy


def shift_traceably(network: nn.Module) -> nn.Module:
    """Return a copy of a rewritten network whose atrous convolutions a graph compiler knows."""
    copy = deepcopy(network)
    _replace(copy, is_atrous, PaddedTaps)
    return copy


class ShiftedConv2d(nn.Module):
    """An atrous convolution as matrix products of shifted rows.

    Tap (i, j) of the kernel sees the image moved by ``(i - 1) * dilation`` rows and
    ``(j - 1) * dilation`` columns. Rows that a tap moves out of the image are left out of its
    product, so that a dilation beyond the image's size costs nothing.

    Parameters
    ----------
    convolution
        One for which `is_atrous` holds.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.dilation = int(convolution.dilation[0])
        out, channels, high, wide = convolution.weight.shape
        self.reach = high // 2
        # (taps, channels, out): each a matrix that pixels are multiplied with.
        taps = convolution.weight.detach().permute(2, 3, 1, 0).reshape(high * wide, channels, out)
        self.register_buffer("taps", taps.contiguous())
        bias = convolution.bias
        self.register_buffer("bias", None if bias is None else bias.detach().clone())

    def forward(self, images: Tensor) -> Tensor:
        """Return the convolution of images (batch, channels, rows, columns)."""
        count, channels, rows, columns = images.shape
        pixels = images.permute(0, 2, 3, 1).contiguous()
        taps = cast(Tensor, self.taps)
        # Sums in float32: nine roundings to bfloat16 one after the other would be seen.
        total = torch.zeros(count, rows, columns, taps.shape[2], device=images.device)
        steps = range(-self.reach, self.reach + 1)
        for tap, (i, j) in zip(taps, [(i, j) for i in steps for j in steps], strict=True):
            down, right = i * self.dilation, j * self.dilation
            if abs(down) >= rows or abs(right) >= columns:
                continue
            source, target = _moved(down, rows), _moved(-down, rows)
            for image, sum_ in zip(pixels, total, strict=True):
                moved = (image[source].reshape(-1, channels) @ tap).view(-1, columns, tap.shape[1])
                sum_[target, _moved(-right, columns)] += moved[:, _moved(right, columns)]
        if self.bias is not None:
            total += cast(Tensor, self.bias)
        return total.to(images.dtype).permute(0, 3, 1, 2)


class PaddedTaps(nn.Module):
    """An atrous convolution as 1 x 1 convolutions that are moved by padding, for tracing.

    Nothing in it depends on the size of an image that is larger than the dilation. Taps that move
    a smaller one out of itself are left out: what was traced on such an image is for its size.

    Parameters
    ----------
    convolution
        One for which `is_atrous` holds.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.dilation = int(convolution.dilation[0])
        self.weight = convolution.weight
        self.bias = convolution.bias

    def forward(self, images: Tensor) -> Tensor:
        """Return the convolution of images (batch, channels, rows, columns)."""
        total = conv2d(images, self.weight[:, :, 1:2, 1:2], self.bias)
        rows, columns = (int(side) for side in images.shape[-2:])
        for i, j in product((-1, 0, 1), repeat=2):
            down, right = i * self.dilation, j * self.dilation
            if (i or j) and abs(down) < rows and abs(right) < columns:
                tap = conv2d(images, self.weight[:, :, i + 1 : i + 2, j + 1 : j + 2])
                total = total + pad(tap, (-right, right, -down, down))
        return total


class DoublingBlock(nn.Module):
    """A block of a U-Net's decoder that never makes the doubled feature map.

    Parameters
    ----------
    block
        segmentation-models-pytorch's ``UnetDecoderBlock`` with its batch normalisations folded.
    """

    def __init__(self, block: Any) -> None:
        super().__init__()
        first: nn.Conv2d = block.conv1[0]
        assert first.bias is not None
        self.whole = block
        self.weight, self.bias = first.weight.detach(), first.bias.detach()
        self._kernels: dict[int, tuple[Tensor, Tensor]] = {}

    def forward(
        self,
        feature_map: Tensor,
        target_height: int,
        target_width: int,
        skip_connection: Any = None,
    ) -> Tensor:
        """Return the block's result; see segmentation-models-pytorch.

        Parameters
        ----------
        feature_map
            Shape (batch, channels, rows, columns).
        target_height, target_width
            Rows and columns of the result.
        skip_connection
            Feature map of the encoder at the result's size, if any.
        """
        _, channels, rows, columns = feature_map.shape
        doubled = (target_height, target_width) == (2 * rows, 2 * columns)
        if skip_connection is None or not doubled:
            # Without the encoder's map there is little to convolve, and the phases cost as much.
            return cast(
                Tensor, self.whole(feature_map, target_height, target_width, skip_connection)
            )
        phases, rest = self._split(channels, feature_map.dtype)
        total = conv2d(skip_connection, rest, self.bias.to(rest.dtype), padding=1)
        moved = conv2d(feature_map, phases, padding=1)
        out = rest.shape[0]
        for phase, (i, j) in enumerate(product((0, 1), repeat=2)):
            part = moved[:, phase * out : (phase + 1) * out, i : i + rows, j : j + columns]
            total[:, :, i::2, j::2] += part
        return cast(Tensor, self.whole.conv2(total.relu_()))

    def _split(self, channels: int, precision: torch.dtype) -> tuple[Tensor, Tensor]:
        """Return the weights on the map before it is doubled, and those on the encoder's."""
        if channels not in self._kernels:
            weight = self.weight.float()
            sums = torch.einsum("apk,bql,oikl->aboipq", SUMS, SUMS, weight[:, :channels])
            phases = sums.reshape(-1, channels, 2, 2)
            self._kernels[channels] = (
                phases.to(precision, memory_format=torch.channels_last),
                weight[:, channels:].to(precision, memory_format=torch.channels_last),
            )
        return self._kernels[channels]


SUMS = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]], [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
"""Which of three weights meet the first and the second pixel, for even and odd pixels."""


def _is_doubling(module: nn.Module) -> bool:
    """Tell whether a module is a block that `DoublingBlock` can take the place of.

    Its class is known by name: importing the library takes seconds that other networks save.
    """
    if type(module).__name__ != "UnetDecoderBlock":
        return False
    block = cast(Any, module)
    plain = isinstance(block.attention1.attention, nn.Identity)
    plain &= isinstance(block.attention2.attention, nn.Identity)
    return plain and block.interpolation_mode == "nearest" and block.conv1[0].kernel_size == (3, 3)


def is_atrous(module: nn.Module) -> bool:
    """Tell whether a module is a convolution that `ShiftedConv2d` can take the place of."""
    return (
        isinstance(module, nn.Conv2d)
        and min(module.dilation) >= LEAST_DILATION
        and module.dilation[0] == module.dilation[1]
        and module.kernel_size == (3, 3)
        and module.stride == (1, 1)
        and module.groups == 1
        and module.padding_mode == "zeros"
        and tuple(module.padding) == tuple(module.dilation)
    )


LEAST_DILATION = 8
"""From here on the products are faster; oneDNN is near its best up to a dilation of 4."""

CONVOLUTION = re.compile(r"^conv(\d*)$")
"""Name of a convolution in a ResNet; the batch normalisation after it is ``bn`` and its number."""


def _moved(by: int, length: int) -> slice:
    """Return the part of an axis that stays in the image when it is moved."""
    return slice(max(0, by), length + min(0, by))


def _replace(
    module: nn.Module, wanted: Callable[[nn.Module], bool], make: Callable[[Any], nn.Module]
) -> None:
    """Put another module in the place of every one that is wanted."""
    for name, child in module.named_children():
        if wanted(child):
            setattr(module, name, make(child))
        else:
            _replace(child, wanted, make)


FOLDED = (nn.Conv2d, nn.ConvTranspose2d)


def _fold_batch_norms(module: nn.Module) -> None:
    """Fold the batch normalisations among a module's own children."""
    children = dict(module.named_children())
    names = list(children)
    pairs = list(pairwise(names)) if isinstance(module, nn.Sequential) else []
    pairs += [(n, CONVOLUTION.sub(r"bn\1", n)) for n in names if CONVOLUTION.match(n)]
    for first, second in pairs:
        convolution, norm = children.get(first), children.get(second)
        turned = isinstance(convolution, nn.ConvTranspose2d)
        if isinstance(convolution, FOLDED) and isinstance(norm, nn.BatchNorm2d):
            setattr(module, first, fuse_conv_bn_eval(convolution, norm, transpose=turned))
            # timm's normalisations have the activation in them.
            setattr(module, second, getattr(norm, "act", nn.Identity()))
