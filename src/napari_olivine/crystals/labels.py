"""What crystals need of an image of whole numbers: on disk, or worked out where it is read."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray


class Labels(Protocol):
    """Ids of crystals, or pixels of their phase."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns at full resolution."""

    @property
    def pixel_size_um(self) -> float:
        """Side of a pixel at full resolution, um."""

    @property
    def level_shapes(self) -> list[tuple[int, int]]:
        """Rows and columns of each level of the pyramid."""

    def read(self, rows: slice, columns: slice, level: int = 0) -> NDArray[Any]:
        """Read a window of a level.

        Parameters
        ----------
        rows, columns
            Window in pixels of that level.
        level
            Level of the pyramid, 0 for full resolution.
        """
