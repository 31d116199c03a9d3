"""Gradient-weighted class activation: where in an image a network saw its class."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def grad_cam(
    maps: Tensor, score: Callable[[Tensor], Tensor], shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Return the class activation map of one image (Grad-CAM).

    ``max(0, sum_k a_k A_k)`` where ``a_k`` is the mean of the gradient of the score over the map
    ``A_k`` (Selvaraju et al. 2017, doi 10.1109/ICCV.2017.74). Of a network whose last layer is
    linear in the means of the maps this is the class activation map of Zhou et al. 2016
    (doi 10.1109/CVPR.2016.319).

    Parameters
    ----------
    maps
        Maps of features of the image, shape (1, features, rows, columns).
    score
        Gives the score of the class, a number, from such maps.
    shape
        Height and width of the image.

    Returns
    -------
    numpy.ndarray
        float32, of that shape, 0 to 1; 0 everywhere where nothing speaks for the class.
    """
    with torch.enable_grad():
        maps = maps.detach().float().requires_grad_()
        (gradient,) = torch.autograd.grad(score(maps), maps)
    weighted = (gradient.mean((2, 3), keepdim=True) * maps.detach()).sum(1)[0].clamp_min(0)
    found = np.asarray(weighted.cpu().numpy(), np.float32)
    largest = float(found.max())
    if largest > 0:
        found = found / np.float32(largest)
    sized = cv2.resize(found, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(sized, 0, 1), np.float32)
