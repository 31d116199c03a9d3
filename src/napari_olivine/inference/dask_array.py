"""The probability as a dask array: computed where and when somebody asks, on any scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.inference.blending import Blender
from napari_olivine.inference.cell_pixels import is_covered, mask_gaps
from napari_olivine.inference.models import OLIVINE, choose_models
from napari_olivine.inference.plan import Plan, make_plan
from napari_olivine.inference.settings import SegmentSettings
from napari_olivine.inference.windows import CELL, Place
from napari_olivine.inference.worker_cache import loaded
from napari_olivine.job import Job
from napari_olivine.networks import read_window
from napari_olivine.section import Section, halve

if TYPE_CHECKING:
    import dask.array as da


def probability_dask(
    section: Section,
    settings: SegmentSettings | None = None,
    job: Job | None = None,
    *,
    level: int = 0,
    mineral: str = OLIVINE,
) -> da.Array:
    """Offer a model's probability of a mineral over a section without computing it.

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
    mineral
        One of the model's classes: olivine, or of `settings.phases`.

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
    models = choose_models(section, settings.model, settings.phases)
    classes = models[0].classes
    if mineral not in classes:
        raise InputError(f"The model knows {', '.join(classes)}, but no {mineral!r}.")
    plan = make_plan(section, {"probability": models}, settings, job).network_part
    # dask has no annotations for these.
    chunks = da.core.normalize_chunks((CELL, CELL), section.shape)  # type: ignore[no-untyped-call]
    lazy: da.Array = da.map_blocks(  # type: ignore[no-untyped-call]
        _block,
        plan,
        classes.index(mineral),
        chunks=chunks,
        dtype=np.uint8,
        meta=np.empty((0, 0), np.uint8),
    )
    for _ in range(level):
        halved = tuple(tuple((side + 1) // 2 for side in sides) for sides in lazy.chunks)
        lazy = da.map_blocks(_halve, lazy, chunks=halved, dtype=np.uint8)  # type: ignore[no-untyped-call]
    return lazy


def predict_cells(
    plan: Plan, cells: list[Place], job: Job | None = None
) -> dict[Place, NDArray[np.uint8]]:
    """Predict some cells of a section, each window once.

    Parameters
    ----------
    plan
        Section, windows and the models of one probability.
    cells
        Rows and columns of cells.
    job
        Running job; it can stop the networks.

    Returns
    -------
    dict
        By cell: ndarray of uint8, shape (classes, rows, columns).
    """
    grid = plan.grid
    (models,) = plan.models.values()
    blocks: dict[Place, NDArray[np.uint8]] = {}
    with loaded(plan, job) as here:
        (predictor,) = here.predictors.values()
        wanted = {cell for cell in cells if is_covered(here.tiles, grid, cell)}
        classes = len(models[0].classes)
        blender = Blender(grid, classes, lambda cell: cell in wanted, len(cells))
        for place in sorted({place for cell in wanted for place in grid.windows_of(cell)}):
            window = read_window(here.image, *grid.corner(place), *grid.window)
            (values,) = predictor.start([window])()
            blocks.update(blender.add(place, values))
        for cell in cells:
            rows, columns = grid.cell(cell)
            shape = (classes, rows.stop - rows.start, columns.stop - columns.start)
            block = blocks.get(cell, np.zeros(shape, np.uint8))
            blocks[cell], _ = mask_gaps(here.tiles, rows, columns, block)
    return blocks


def _block(plan: Plan, mineral: int, block_info: Any = None) -> NDArray[np.uint8]:
    row, column = block_info[None]["chunk-location"]
    block: NDArray[np.uint8] = predict_cells(plan, [(row, column)])[(row, column)][mineral]
    return block


def _halve(block: Any) -> Any:
    return halve(block, "mean")
