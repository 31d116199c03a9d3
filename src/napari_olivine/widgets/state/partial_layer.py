"""The layers of an unfinished probability: finished cells, and a veil over the others."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.crystals import OLIVINE
from napari_olivine.errors import SectionError
from napari_olivine.inference import CELL, CellStore, Place
from napari_olivine.section import Raster, Section, image_name, phase_of_image
from napari_olivine.widgets.layers import (
    LAYER_KEY,
    placement_properties,
    probability_look,
    pyramid,
)
from napari_olivine.widgets.state.open_section import OpenSection

GROWING = "growing"
"""What the layers of an unfinished product are marked with."""

FINENESS = 128
"""Pixels of the section in one pixel of the layer of unfinished cells."""


class PartialLayer:
    """A probability of the open section in an unfinished product's folder.

    Parameters
    ----------
    session
        Open section of the viewer.
    product
        Product that the probability becomes, e.g. ``"probability"``.
    folder
        Folder of the unfinished product.
    phase
        Phase whose probability is shown.
    """

    def __init__(self, session: OpenSection, product: str, folder: Path, phase: str) -> None:
        section = session.require()
        self.folder = folder
        """Folder of the unfinished product."""
        self.phase = phase
        """Phase whose probability is shown."""
        self._viewer = session.viewer
        raster = Raster(folder / image_name(phase))
        self.cells = CellStore(folder)
        mark = {"section": str(section.path), "product": GROWING, "name": product, "made": ""}
        mark["phase"] = phase
        title = "Segmenting" if product == "probability" else f"Segmenting: {product}"
        session.show_alone(GROWING)
        data, multiscale = pyramid(raster.levels)
        self.layer: Any = self._viewer.add_image(
            data,
            multiscale=multiscale,
            name=title,
            metadata={LAYER_KEY: mark},
            # The child writes the files: the window must not cache them.
            cache=False,
            **placement_properties(section),
            **(probability_look() | {"visible": True}),
        )
        self._pending = _pending(section, self.cells.done)
        self.veil: Any = self._viewer.add_image(
            self._pending,
            name=f"{title}: to come",
            metadata={LAYER_KEY: mark | {"name": f"{product} to come"}},
            colormap=_veil(),
            contrast_limits=(0, 1),
            interpolation2d="nearest",
            **(placement_properties(section) | _coarse(section)),
        )
        session.prefer_bse()

    def show(self, cells: Iterable[Place]) -> None:
        """Show cells that were just finished."""
        for cell in cells:
            self._pending[_square(cell)] = 0
        self.layer.refresh(extent=False, thumbnail=False)
        self.veil.refresh(extent=False, thumbnail=False)

    def has(self, cell: Place) -> bool:
        """Whether a cell is finished."""
        square = self._pending[_square(cell)]
        return bool(square.size) and not square.any()

    def is_there(self) -> bool:
        """Whether the unfinished product still exists."""
        return self.folder.exists()

    def phases(self) -> list[str]:
        """Return the phases whose probability grows, olivine first."""
        found = sorted(phase_of_image(file.parent.name) for file in self.folder.glob("*/zarr.json"))
        return sorted(found, key=lambda phase: phase != OLIVINE)

    def remove(self) -> None:
        """Remove both layers."""
        for layer in (self.layer, self.veil):
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)


def open_partial(
    session: OpenSection, product: str, folder: Path, phase: str = OLIVINE
) -> PartialLayer | None:
    """Show an unfinished probability.

    Parameters
    ----------
    session
        Open section of the viewer.
    product
        Product that the probability becomes.
    folder
        Folder of the unfinished product.
    phase
        Phase whose probability is shown.

    Returns
    -------
    PartialLayer or None
        None if it cannot be read: it is finished or deleted.
    """
    try:
        return PartialLayer(session, product, folder, phase)
    except SectionError:
        return None


def _pending(section: Section, done: set[Place]) -> NDArray[np.uint8]:
    rows, columns = (-(-length // FINENESS) for length in section.shape)
    pending = np.ones((rows, columns), np.uint8)
    for cell in done:
        pending[_square(cell)] = 0
    return pending


def _square(cell: Place) -> tuple[slice, slice]:
    """Pixels of the coarse layer that are a cell."""
    side = CELL // FINENESS
    row, column = cell
    return slice(row * side, (row + 1) * side), slice(column * side, (column + 1) * side)


def _coarse(section: Section) -> dict[str, Any]:
    """Scale and place of the coarse layer."""
    pixel = section.pixel_size_um
    return {"scale": (pixel * FINENESS,) * 2, "translate": (pixel * (FINENESS - 1) / 2,) * 2}


def _veil() -> Any:
    from napari.utils import Colormap

    return Colormap([[0, 0, 0, 0], [0.35, 0.4, 0.55, 0.45]], name="to come")
