"""An affine transform from the pixels of an SEM image to those of a mineral map.

Whole numbers are centres of pixels, x is the column and y the row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Placing:
    """Where each pixel of the SEM image lies in the map.

    Parameters
    ----------
    matrix
        Shape (2, 3): map x, y = matrix @ (SEM x, SEM y, 1).
    """

    matrix: Floats

    @classmethod
    def of_similarity(
        cls, scale: float, rotation_deg: float, offset: tuple[float, float]
    ) -> Placing:
        """Make one of a scale, a rotation and the place of the map.

        Parameters
        ----------
        scale
            SEM pixels a map pixel.
        rotation_deg
            How far the map is turned in the SEM image, from x to y.
        offset
            x, y in the SEM image of the centre of the map's first pixel.
        """
        turn = np.deg2rad(rotation_deg)
        rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        linear = rotation / scale
        return cls(np.column_stack([linear, -linear @ np.asarray(offset, float)]))

    @property
    def inverse(self) -> Floats:
        """Matrix from map to SEM pixels, shape (2, 3)."""
        linear = np.linalg.inv(self.matrix[:, :2])
        return np.column_stack([linear, -linear @ self.matrix[:, 2]])

    @property
    def scale(self) -> float:
        """SEM pixels a map pixel: the root of the ratio of areas."""
        return float(1 / np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))

    @property
    def rotation_deg(self) -> float:
        """Rotation of the map in the SEM image, from x to y: that of the closest similarity."""
        (a, b), (c, d) = self.matrix[:, :2]
        return float(np.rad2deg(np.arctan2(b - c, a + d)))

    @property
    def distortion(self) -> float:
        """How far it is from a similarity: ratio of its two scales, less 1."""
        large, small = np.linalg.svd(self.matrix[:, :2], compute_uv=False)
        return float(large / small - 1)

    def reduced(self, sem_factor: int, map_factor: int) -> Placing:
        """Return the same placing between images that were averaged by whole factors.

        Parameters
        ----------
        sem_factor, map_factor
            Pixels that were averaged to one, along each side.
        """
        linear = self.matrix[:, :2] * sem_factor / map_factor
        centre = (sem_factor - 1) / 2
        at = self.matrix[:, :2] @ (centre, centre) + self.matrix[:, 2] - (map_factor - 1) / 2
        return Placing(np.column_stack([linear, at / map_factor]))

    def enlarged(self, sem_factor: int, map_factor: int) -> Placing:
        """Undo `reduced`.

        Parameters
        ----------
        sem_factor, map_factor
            See there.
        """
        linear = self.matrix[:, :2] * map_factor / sem_factor
        centre = (sem_factor - 1) / 2
        at = self.matrix[:, 2] * map_factor + (map_factor - 1) / 2 - linear @ (centre, centre)
        return Placing(np.column_stack([linear, at]))

    def map_pixels(
        self, rows: slice, columns: slice
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return row and column of the nearest map pixel of a window of the SEM image."""
        x = np.arange(columns.start, columns.stop)[None, :]
        y = np.arange(rows.start, rows.stop)[:, None]
        along, down = (a * x + b * y + c for a, b, c in self.matrix)
        return np.rint(down).astype(np.int64), np.rint(along).astype(np.int64)
