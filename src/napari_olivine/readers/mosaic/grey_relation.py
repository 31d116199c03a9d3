"""The grey of one tile against that of another, from the pixels that both show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BLOCK = 4
"""Side of the blocks of pixels that are averaged first: noise falls to a quarter."""

FEWEST = 30
"""Blocks that are needed for a line."""

ROUNDS = 4
FAR = 3.5
"""Blocks farther from the line than this many robust deviations are left out (cracks, charging)."""

LEAST_CORRELATION = 0.8
"""Below it the overlap has too little contrast for a gain; the levels alone are compared."""


@dataclass(frozen=True)
class GreyLine:
    """grey of b = gain x grey of a + offset.

    Parameters
    ----------
    gain, gain_error
        NaN where the overlap has too little contrast (blank epoxy).
    offset, offset_error
        Offset at grey 0; with an unknown gain the difference b - a of the levels.
    level_a, level_b
        Robust mean grey of the common pixels in each tile.
    n
        Blocks of 4 x 4 pixels used.
    """

    gain: float
    gain_error: float
    offset: float
    offset_error: float
    level_a: float
    level_b: float
    n: int


NOTHING = GreyLine(*(float("nan"),) * 6, 0)


def grey_line(a: NDArray[Any], b: NDArray[Any], saturated: float) -> GreyLine:
    """Fit the grey of b on the grey of a, both equally noisy.

    Orthogonal regression (Deming 1943; standard errors after Jolicoeur & Mosimann [1]_) of averaged
    blocks, without outliers.

    Parameters
    ----------
    a, b
        The common pixels in either tile, one shape.
    saturated
        Grey from which pixels are cut off; blocks that reach 0 or it are left out.

    Returns
    -------
    GreyLine
        `NOTHING` if fewer than 30 blocks are left.

    References
    ----------
    .. [1] McArdle 1988, doi:10.1139/z88-348.
    """
    x, y, whole = _blocks(a, b, saturated)
    keep = whole & np.isfinite(x) & np.isfinite(y)
    if keep.sum() < FEWEST:
        return NOTHING
    line: tuple[float, float, float] | None = None
    for _ in range(ROUNDS):
        line = _orthogonal(x[keep], y[keep])
        gain, offset = (1.0, float(np.median(y[keep] - x[keep]))) if line is None else line[:2]
        away = y - gain * x - offset
        spread = 1.4826 * float(np.median(np.abs(away[keep])))
        now = whole & (np.abs(away) <= FAR * max(spread, 1e-6))
        if now.sum() < FEWEST or (now == keep).all():
            break
        keep = now
    n = int(keep.sum())
    level_a, level_b = float(x[keep].mean()), float(y[keep].mean())
    line = _orthogonal(x[keep], y[keep])
    difference = y[keep] - x[keep]
    level_error = float(difference.std() / np.sqrt(n))
    if line is None or line[2] < LEAST_CORRELATION:
        offset = level_b - level_a
        return GreyLine(np.nan, np.nan, offset, level_error, level_a, level_b, n)
    gain, offset, correlation = line
    gain_error = gain * float(np.sqrt((1 - correlation**2) / (correlation**2 * (n - 2))))
    residual = float((y[keep] - gain * x[keep] - offset).std())
    offset_error = float(np.hypot(residual / np.sqrt(n), gain_error * level_a))
    return GreyLine(gain, gain_error, offset, offset_error, level_a, level_b, n)


def _blocks(
    a: NDArray[Any], b: NDArray[Any], saturated: float
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Average blocks; tell which of them hold neither black nor cut-off pixels."""
    rows, columns = (side // BLOCK for side in a.shape)
    cut = []
    whole = np.ones(rows * columns, bool)
    for image in (a, b):
        grey = image[: rows * BLOCK, : columns * BLOCK].astype(np.float64)
        parts = grey.reshape(rows, BLOCK, columns, BLOCK).swapaxes(1, 2).reshape(-1, BLOCK**2)
        cut.append(parts.mean(axis=1))
        whole &= (parts > 0).all(axis=1) & (parts < saturated).all(axis=1)
    return cut[0], cut[1], whole


def _orthogonal(x: Floats, y: Floats) -> tuple[float, float, float] | None:
    """Gain, offset and correlation, `None` without any contrast in common."""
    mean_x, mean_y = float(x.mean()), float(y.mean())
    xx = float(((x - mean_x) ** 2).sum())
    yy = float(((y - mean_y) ** 2).sum())
    xy = float(((x - mean_x) * (y - mean_y)).sum())
    if xy <= 0 or xx <= 0 or yy <= 0:
        return None
    gain = (yy - xx + float(np.hypot(yy - xx, 2 * xy))) / (2 * xy)
    return gain, mean_y - gain * mean_x, xy / float(np.sqrt(xx * yy))
