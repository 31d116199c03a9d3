"""What can be measured of an image: grey, texture, colour, and the shape of its crystal."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.feature import graycomatrix, graycoprops, local_binary_pattern

LONGEST_PX = 128
"""An image is shrunk to this longer side first, so that textures are of its picture and not of its
number of pixels (ours)."""

QUANTILES = (5, 25, 50, 75, 95)
GREY_LEVELS = 16
DISTANCES = (1, 3)
"""Grey levels and distances, px, of the co-occurrence matrix."""

CO_OCCURRENCE = ("contrast", "homogeneity", "energy", "correlation")
RADII = (1, 2)
"""Radii of local binary patterns of 8 points, px."""

SIGMAS = (1.0, 2.0, 4.0, 8.0)
"""Scales of the bands of detail, px."""

NAMES: tuple[str, ...] = (
    "mean", "spread", *(f"q{q:02d}" for q in QUANTILES), "skewness", "kurtosis", "entropy",
    "gradient_mean", "gradient_spread", "coherence",
    *(f"detail_{sigma:g}" for sigma in SIGMAS),
    *(f"pattern{radius}_{k}" for radius in RADII for k in range(10)),
    *(f"{name}_{distance}" for name in CO_OCCURRENCE for distance in DISTANCES),
    "red_mean", "red_spread", "green_mean", "green_spread", "blue_mean", "blue_spread",
    "saturation",
    "inside_mean", "inside_spread", "inside_less_around", "inside_gradient",
    "mask_share", "aspect_ratio", "solidity", "circularity", "extent",
    "log_um_per_px", "log_area_um2",
)  # fmt: skip
"""Names of the measurements, in their order."""


def grey_of(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the luminance of an image (ITU-R BT.601), shape (rows, columns)."""
    if pixels.shape[2] == 1:
        return pixels[..., 0]
    return np.asarray(pixels @ np.array([0.299, 0.587, 0.114], np.float32), np.float32)


def measure_image(
    pixels: NDArray[np.float32], mask: NDArray[np.bool_] | None, um_per_px: float | None
) -> NDArray[np.float32]:
    """Measure an image.

    Texture is measured on the grey less its mean over its spread: it does not know the brightness
    or contrast of the image, which have measurements of their own.

    Parameters
    ----------
    pixels
        Shape (rows, columns, channels), 0 to 1.
    mask
        Pixels of the crystal, shape (rows, columns); `None` where unknown.
    um_per_px
        Size of a pixel, um; `None` where unknown.

    Returns
    -------
    numpy.ndarray
        float32, in the order of `NAMES`; NaN where mask or size are not known.

    References
    ----------
    Haralick, R. M., Shanmugam, K. and Dinstein, I. (1973). Textural features for image
    classification. IEEE Transactions on Systems, Man, and Cybernetics SMC-3, 610-621.
    doi 10.1109/TSMC.1973.4309314
    Ojala, T., Pietikainen, M. and Maenpaa, T. (2002). Multiresolution gray-scale and rotation
    invariant texture classification with local binary patterns. IEEE Transactions on Pattern
    Analysis and Machine Intelligence 24, 971-987. doi 10.1109/TPAMI.2002.1017623
    """
    factor = min(1.0, LONGEST_PX / max(pixels.shape[:2]))
    size = tuple(max(8, round(side * factor)) for side in pixels.shape[1::-1])
    if size != pixels.shape[1::-1]:
        shrunk = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        pixels = np.asarray(shrunk, np.float32).reshape(size[1], size[0], -1)
    if mask is not None and mask.shape != pixels.shape[:2]:
        share = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        mask = np.asarray(share >= 0.5)
    grey = grey_of(pixels)
    mean, spread = float(grey.mean()), float(grey.std())
    unit = (grey - mean) / max(spread, 1e-3)
    across = np.asarray(cv2.Sobel(unit, cv2.CV_32F, 1, 0, scale=1 / 8), np.float32)
    down = np.asarray(cv2.Sobel(unit, cv2.CV_32F, 0, 1, scale=1 / 8), np.float32)
    gradient = np.hypot(across, down)
    values = [
        *(mean, spread, *np.percentile(grey, QUANTILES)),
        *(float((unit**3).mean()), float((unit**4).mean()), _entropy(grey)),
        *(float(gradient.mean()), float(gradient.std()), _coherence(across, down)),
        *_details(unit),
        *_patterns(unit),
        *_co_occurrence(unit),
        *_colours(pixels),
        *_crystal(grey, gradient, mask),
        np.nan if um_per_px is None else np.log10(um_per_px),
        _log_area(mask, um_per_px, factor),
    ]
    return np.asarray(values, np.float32)


def _entropy(grey: NDArray[np.float32]) -> float:
    share = np.histogram(grey, bins=32, range=(0, 1))[0] / grey.size
    share = share[share > 0]
    return float(-(share * np.log2(share)).sum())


def _coherence(across: NDArray[np.float32], down: NDArray[np.float32]) -> float:
    """Tell how much the gradients have one direction: 1 for parallel lines, 0 for none."""
    xx, yy = float((across**2).mean()), float((down**2).mean())
    xy = float((across * down).mean())
    return float(np.hypot(xx - yy, 2 * xy) / max(xx + yy, 1e-9))


def _details(unit: NDArray[np.float32]) -> list[float]:
    """Spread of what lies between two scales."""
    finer, found = unit, []
    for sigma in SIGMAS:
        blurred = cv2.GaussianBlur(unit, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
        coarser = np.asarray(blurred, np.float32)
        found.append(float((finer - coarser).std()))
        finer = coarser
    return found


def _levels(unit: NDArray[np.float32], count: int) -> NDArray[np.uint8]:
    """Sort grey into levels from three spreads below the mean to three above."""
    return np.clip((unit + 3) / 6 * count, 0, count - 1).astype(np.uint8)


def _patterns(unit: NDArray[np.float32]) -> list[float]:
    levels = _levels(unit, 256)
    found: list[float] = []
    for radius in RADII:
        codes = local_binary_pattern(levels, 8, radius, "uniform")  # type: ignore[no-untyped-call]
        patterns = np.asarray(codes, np.intp)
        found += (np.bincount(patterns.ravel(), minlength=10) / patterns.size).tolist()
    return found


def _co_occurrence(unit: NDArray[np.float32]) -> list[float]:
    angles = (0.0, np.pi / 4, np.pi / 2, 3 * np.pi / 4)
    matrix = graycomatrix(  # type: ignore[no-untyped-call]
        _levels(unit, GREY_LEVELS), DISTANCES, angles, GREY_LEVELS, symmetric=True, normed=True
    )
    found: list[float] = []
    for name in CO_OCCURRENCE:
        found += np.mean(graycoprops(matrix, name), axis=1).tolist()  # type: ignore[no-untyped-call]
    return found


def _colours(pixels: NDArray[np.float32]) -> list[float]:
    """Mean and spread of each colour less the grey, and the saturation; 0 of a grey image."""
    if pixels.shape[2] == 1:
        return [0.0] * 7
    less = pixels - pixels.mean(axis=2, keepdims=True)
    highest = pixels.max(axis=2)
    saturation = np.ptp(pixels, axis=2) / np.maximum(highest, 1e-3)
    found = [float(v) for c in range(3) for v in (less[..., c].mean(), less[..., c].std())]
    return [*found, float(saturation.mean())]


def _crystal(
    grey: NDArray[np.float32], gradient: NDArray[np.float32], mask: NDArray[np.bool_] | None
) -> list[float]:
    """Measure the crystal: its grey, and its shape."""
    if mask is None or not mask.any():
        return [np.nan] * 9
    inside = grey[mask]
    around = grey[~mask]
    contours = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    outline = max(contours, key=len)
    area = float(mask.sum())
    hull = cv2.convexHull(outline)
    # Contours run through the centres of pixels, half a pixel inside the outline.
    hull_area = float(cv2.contourArea(hull)) + float(cv2.arcLength(hull, True)) / 2 + 1
    perimeter = float(cv2.arcLength(outline, True)) + np.pi
    (_, (side, other), _) = cv2.minAreaRect(outline)
    shorter, longer = sorted((side + 1, other + 1))
    return [
        float(inside.mean()),
        float(inside.std()),
        float(inside.mean() - around.mean()) if around.size else 0.0,
        float(gradient[mask].mean()),
        area / mask.size,
        longer / shorter,
        min(1.0, area / hull_area),
        min(1.0, 4 * np.pi * area / perimeter**2),
        area / (longer * shorter),
    ]


def _log_area(mask: NDArray[np.bool_] | None, um_per_px: float | None, factor: float) -> float:
    if mask is None or um_per_px is None or not mask.any():
        return np.nan
    return float(np.log10(mask.sum() * (um_per_px / factor) ** 2))
