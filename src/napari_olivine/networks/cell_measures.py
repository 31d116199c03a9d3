"""Grey and texture of a small cell of a BSE image."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

CELL_PX = 128
"""Side of a cell (ours): it holds a microphenocryst with what it lies in."""

SCALES = 4
"""Details of 1 to 2 px, of 2 to 4 px, ... are measured apart."""

MEASURES = (
    "dark end", "median", "bright end",
    *(f"{what} {1 << scale} px" for scale in range(SCALES) for what in ("sd", "floor", "skew")),
)  # fmt: skip
"""What is measured of a cell: greys that 5, 50 and 95 % of its pixels stay below; of the details
of each scale the logarithms of their standard deviation and median size, and their skewness."""

QUANTILES = (0.05, 0.5, 0.95)

LEAST_SPREAD = 0.01
"""Added to sizes of details, in spreads of the training grey: even grey has a logarithm too."""

MOST_SKEWED = 5.0


def measure_cell(grey: NDArray[np.float32]) -> NDArray[np.float64]:
    """Measure the grey and texture of a cell.

    Details are the levels of a Laplacian pyramid (Burt & Adelson 1983, doi
    10.1109/TCOM.1983.1095851).

    Parameters
    ----------
    grey
        Levelled grey less the median of the training sessions, in spreads of theirs, shape
        (`CELL_PX`, `CELL_PX`).

    Returns
    -------
    ndarray, shape (len(MEASURES),)
        In the order of `MEASURES`.
    """
    values = list(np.quantile(grey[::2, ::2], QUANTILES))
    for _ in range(SCALES):
        coarser = np.asarray(cv2.pyrDown(grey), np.float32)
        detail = grey - np.asarray(cv2.pyrUp(coarser, dstsize=grey.shape[::-1]), np.float32)
        spread = float(detail.std()) + LEAST_SPREAD
        # A sample of the finest details is enough, and most of the time goes into the median.
        sample = detail[::2, ::2] if detail.shape[0] > CELL_PX // 2 else detail
        skew = float((detail * detail * detail).mean()) / spread**3
        values += [
            np.log(spread),
            np.log(float(np.median(np.abs(sample))) + LEAST_SPREAD),
            float(np.clip(skew, -MOST_SKEWED, MOST_SKEWED)),
        ]
        grey = coarser
    return np.array(values)
