"""The same network in fewer and faster operations; for prediction only.

Two rewritings, both exact but for rounding. A batch normalisation after a convolution is a factor
and an offset of the convolution's own weights, and is folded into them. An atrous convolution is
the sum of its taps, each of them one matrix product of the shifted image: oneDNN, which torch uses
on processors, walks the image with its gaps instead, and is the slower the wider they are.
"""

from __future__ import annotations

import re
from copy import deepcopy
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def rewrite(network: nn.Module, *, shift_atrous: bool) -> nn.Module:
    """Return a copy of a network that predicts the same and faster.

    Parameters
    ----------
    network
        In evaluation mode; stays as it is.
    shift_atrous
        Whether atrous convolutions become shifted matrix products (on processors).
    """
    copy = deepcopy(network).eval()
    for module in copy.modules():
        _fold_batch_norms(module)
    if shift_atrous:
        _shift_atrous(copy)
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


def _shift_atrous(module: nn.Module) -> None:
    for name, child in module.named_children():
        if is_atrous(child):
            setattr(module, name, ShiftedConv2d(cast(nn.Conv2d, child)))
        else:
            _shift_atrous(child)


def _fold_batch_norms(module: nn.Module) -> None:
    """Fold the batch normalisations among a module's own children."""
    children = dict(module.named_children())
    names = list(children)
    pairs = list(pairwise(names)) if isinstance(module, nn.Sequential) else []
    pairs += [(n, CONVOLUTION.sub(r"bn\1", n)) for n in names if CONVOLUTION.match(n)]
    for first, second in pairs:
        convolution, norm = children.get(first), children.get(second)
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            setattr(module, first, fuse_conv_bn_eval(convolution, norm))
            setattr(module, second, nn.Identity())
