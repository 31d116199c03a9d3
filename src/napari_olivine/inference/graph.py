"""The probability as a dask array: computed where and when somebody asks, on any scheduler."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.inference.blending import Blender
from napari_olivine.inference.models import choose_models
from napari_olivine.inference.probability import choose_window
from napari_olivine.inference.settings import SegmentSettings
from napari_olivine.inference.windows import CELL, Place, make_grid
from napari_olivine.job import Job
from napari_olivine.section import Section
from napari_olivine.section.halving import halve

if TYPE_CHECKING:
    import dask.array as da


@dataclass(frozen=True)
class Work:
    """What a process needs to know to predict cells of a section: small, and the same everywhere.

    Parameters
    ----------
    section
        Folder of the section, as the process sees it.
    settings
        Model and engine, as JSON.
    window_px
        Side of a window.
    device, memory_bytes
        Of the job.
    """

    section: Path
    settings: str
    window_px: int
    device: str
    memory_bytes: int


def probability_dask(
    section: Section,
    settings: SegmentSettings | None = None,
    job: Job | None = None,
    *,
    level: int = 0,
) -> da.Array:
    """Offer a model's probability of its first class over a section without computing it.

    A block is a cell of 1024 pixels, made from the windows that it needs; nothing is kept.
    ``probability_dask(section)[2000:3000, 500:900].compute()`` runs the network on those cells
    only, in this process or, with a dask client, on its workers, which must see the section's
    folder.

    Parameters
    ----------
    section
        Section with ``images``.
    settings
        Model, window, overlap and engine; threshold and batch are not used.
    job
        Its device and memory are used.
    level
        0 for full resolution; each further level halves rows and columns (means of 2 x 2 pixels
        of the level before).

    Returns
    -------
    dask array of uint8, shape of that level, 255 is probability 1

    Raises
    ------
    SectionError, InputError
        If the model is missing or does not fit the section.
    """
    import dask.array as da

    settings, job = settings or SegmentSettings(), job or Job()
    models = choose_models(section, settings.model)
    window = choose_window(models, settings, job)
    work = Work(section.path, settings.model_dump_json(), window, job.device, job.memory_bytes)
    # dask has no annotations for these.
    chunks = da.core.normalize_chunks((CELL, CELL), section.shape)  # type: ignore[no-untyped-call]
    lazy: da.Array = da.map_blocks(  # type: ignore[no-untyped-call]
        _block, work, chunks=chunks, dtype=np.uint8, meta=np.empty((0, 0), np.uint8)
    )
    for _ in range(level):
        halved = tuple(tuple((side + 1) // 2 for side in sides) for sides in lazy.chunks)
        lazy = da.map_blocks(_halve, lazy, chunks=halved, dtype=np.uint8)  # type: ignore[no-untyped-call]
    return lazy


def predict_cells(work: Work, cells: list[Place]) -> dict[Place, NDArray[np.uint8]]:
    """Predict some cells of a section, each window once.

    Parameters
    ----------
    work
        Section, model and windows.
    cells
        Rows and columns of cells.

    Returns
    -------
    dict
        By cell: ndarray of uint8, shape (classes, rows, columns).
    """
    # The network uses every core by itself; two at once would only need more memory.
    with ONE_AT_A_TIME:
        return _at_hand(work).predict(cells)


class _AtHand:
    """A section and a network that stay in a process from one block to the next."""

    def __init__(self, work: Work) -> None:
        from napari_olivine.inference.predictor import make_predictor

        section = Section(work.section)
        settings = SegmentSettings.model_validate_json(work.settings)
        job = Job(device=work.device, memory_bytes=work.memory_bytes)
        models = choose_models(section, settings.model)
        self.grid = make_grid(section.shape, work.window_px, settings.overlap_px, settings.blend)
        self.image = section.raster("images", "BSE")
        self.tiles = section.tiles()
        self.classes = len(models[0].card.classes)
        self.predictor = make_predictor(section, models, (1, *self.grid.window), settings, job)

    def predict(self, cells: list[Place]) -> dict[Place, NDArray[np.uint8]]:
        from napari_olivine.networks.greys import read_window

        wanted = set(cells)
        blender = Blender(self.grid, self.classes, lambda cell: cell in wanted, len(wanted))
        places = sorted({place for cell in cells for place in self.grid.windows_of(cell)})
        found: dict[Place, NDArray[np.uint8]] = {}
        for place in places:
            window = read_window(self.image, *self.grid.corner(place), *self.grid.window)
            (values,) = self.predictor.start([window])()
            found.update(blender.add(place, values))
        for cell, block in found.items():
            if self.tiles is not None:
                found[cell] = np.where(self.tiles.covers(*self.grid.cell(cell)), block, np.uint8(0))
        return found


ONE_AT_A_TIME = Lock()


@lru_cache(maxsize=1)
def _at_hand(work: Work) -> _AtHand:
    return _AtHand(work)


def _block(work: Work, block_info: Any = None) -> NDArray[np.uint8]:
    row, column = block_info[None]["chunk-location"]
    block: NDArray[np.uint8] = predict_cells(work, [(row, column)])[(row, column)][0]
    return block


def _halve(block: Any) -> Any:
    return halve(block, "mean")
