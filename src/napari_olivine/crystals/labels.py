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


class SizesOfSource:
    """Sizes of labels that are worked out, where they are read, from an image of the same sizes.

    Parameters
    ----------
    source
        The image.
    """

    def __init__(self, source: Labels) -> None:
        self._source = source

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns at full resolution."""
        rows, columns = self._source.shape
        return rows, columns

    @property
    def pixel_size_um(self) -> float:
        """Side of a pixel at full resolution, um."""
        return self._source.pixel_size_um

    @property
    def level_shapes(self) -> list[tuple[int, int]]:
        """Rows and columns of each level of the pyramid."""
        return self._source.level_shapes
