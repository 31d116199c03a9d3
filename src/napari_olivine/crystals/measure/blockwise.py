"""Measuring crystals block by block, each in its own box."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals import CrystalsSettings, Images, Labels
from napari_olivine.crystals.measure.inclusions import Inclusion, find_inclusions, inclusion_table
from napari_olivine.crystals.measure.outline import MARGIN_PX, Sides, measure_boundary
from napari_olivine.crystals.measure.shape import fill_holes, in_um, measure_shape, outline_distance
from napari_olivine.crystals.zoning import (
    GRID,
    RadialProfile,
    ZoneRules,
    Zoning,
    classify_zones,
    measure_composition,
    on_grid,
    radial_profile,
)
from napari_olivine.job import Job
from napari_olivine.section import Raster, blocks

WINDOW_BYTES = 24
"""A pixel of the images that are read together: labels, mg#, grey, probability, gaps, and what
reading them takes."""

BYTES_PER_PIXEL = 120
"""A pixel of the box of the crystal that is measured: distances, masks and sorted values."""

UNKNOWN = 255
"""Pixels of a mask that tell nothing."""

BLOCK = 4096
"""Rows and columns of a block where the memory allows."""


@dataclass(frozen=True)
class Window:
    """Pixels of all images in one rectangle of one pyramid level."""

    row0: int
    col0: int
    level: int
    labels: NDArray[np.uint32]
    mg: NDArray[np.float32] | None
    grey: NDArray[Any] | None
    probability: NDArray[np.uint8] | None
    opinion: NDArray[np.uint8] | None
    gaps: NDArray[np.bool_] | None

    @classmethod
    def read(cls, images: Images, box: NDArray[np.int64], level: int) -> Window:
        """Read the rectangle row0, row1, col0, col1 (full resolution) of a level, and a margin."""
        rows, columns = _around(box, level, images.labels.level_shapes[level])

        def read(raster: Raster | None) -> NDArray[Any] | None:
            return None if raster is None else raster.read(rows, columns, level)

        labels = images.labels.read(rows, columns, level)
        gaps = None
        if images.tiles is not None and level == 0:
            gaps = ~images.tiles.covers(rows, columns)
            gaps = gaps if gaps.any() else None
        return cls(
            rows.start, columns.start, level, labels,
            read(images.mg), read(images.grey), read(images.probability),
            read(images.opinion), gaps,
        )  # fmt: skip

    def crop(self, box: NDArray[np.int64]) -> Window:
        """Cut out the box of one crystal and its margin, without copying."""
        shape = (self.row0 + self.labels.shape[0], self.col0 + self.labels.shape[1])
        down, right = _around(box, self.level, shape)
        rows = slice(down.start - self.row0, down.stop - self.row0)
        columns = slice(right.start - self.col0, right.stop - self.col0)

        def cut(image: NDArray[Any] | None) -> NDArray[Any] | None:
            return None if image is None else image[rows, columns]

        return Window(
            down.start, right.start, self.level, self.labels[rows, columns],
            cut(self.mg), cut(self.grey), cut(self.probability), cut(self.opinion), cut(self.gaps),
        )  # fmt: skip


def _around(box: NDArray[np.int64], level: int, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of a level that hold a box, with a margin where the image goes on."""
    factor = 2**level
    first = [max(int(k) // factor - MARGIN_PX, 0) for k in (box[0], box[2])]
    last = [-(-int(k) // factor) + MARGIN_PX for k in (box[1], box[3])]
    rows, columns = (
        slice(low, min(high, length)) for low, high, length in zip(first, last, shape, strict=True)
    )
    return rows, columns


def sides_on_edge(box: NDArray[np.int64], shape: tuple[int, int]) -> Sides:
    """Tell which sides of a box row0, row1, col0, col1 lie on the edge of the section."""
    return box[0] == 0, box[1] == shape[0], box[2] == 0, box[3] == shape[1]


def crystal_blocks(
    table: pd.DataFrame, shape: tuple[int, int], job: Job
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Cut the section into blocks and give the crystals whose boxes begin in each.

    Yields
    ------
    name, crystals
        Only of blocks in which a crystal begins.
    """
    side = BLOCK
    while side > 512 and (side * 1.25) ** 2 * WINDOW_BYTES > job.memory_bytes / 2:
        side //= 2
    for rows, columns in blocks(shape, side, side):
        begins = table["row0"].between(rows.start, rows.stop - 1) & table["col0"].between(
            columns.start, columns.stop - 1
        )
        if begins.any():
            yield f"{side}-{rows.start}-{columns.start}", table[begins]


def block_name(row: int, column: int) -> str:
    """Name of the block of full size in which a pixel lies."""
    return f"{BLOCK}-{row // BLOCK * BLOCK}-{column // BLOCK * BLOCK}"


def crystal_windows(
    table: pd.DataFrame, images: Images, job: Job
) -> Iterator[tuple[int, NDArray[np.int64], Window]]:
    """Read the surroundings of some crystals that lie close together.

    Crystals that reach too far for the job's memory are read by themselves, and at a coarser
    level of the pyramid if even that is too much.

    Parameters
    ----------
    table
        Columns ``id, row0, row1, col0, col1``.
    images
        What to read.
    job
        Running job.

    Yields
    ------
    id, box, window
        In the order of the table; row0, row1, col0, col1 of the box are those of the section.
    """
    boxes = table[["row0", "row1", "col0", "col1"]].to_numpy(np.int64)
    together = _near(boxes, int(job.memory_bytes // (2 * WINDOW_BYTES)))
    levels = [_level(images.labels, box, job) for box in boxes]
    together &= np.array(levels) == 0
    shared = None
    if together.any():
        near = boxes[together]
        around = np.array([near[:, 0].min(), near[:, 1].max(), near[:, 2].min(), near[:, 3].max()])
        shared = Window.read(images, around, 0)
    for place, crystal in enumerate(table["id"]):
        job.check()
        box = boxes[place]
        if shared is not None and together[place]:
            yield int(crystal), box, shared.crop(box)
        else:
            yield int(crystal), box, Window.read(images, box, levels[place])


@dataclass(frozen=True)
class Measured:
    """What was measured of some crystals."""

    crystals: pd.DataFrame
    """One row a crystal, in the order asked for, with its ``id``."""
    profiles: pd.DataFrame
    """Radial profiles of those that are large enough: ``id``, mg# on the common grid of depth
    (``mg_005`` at s = 0.05, ...) and its standard errors (``se_005``, ...)."""
    inclusions: pd.DataFrame
    """What they enclose (:class:`~napari_olivine.crystals.measure.inclusions.Inclusion`)."""


def measure_crystals(
    table: pd.DataFrame,
    images: Images,
    settings: CrystalsSettings,
    job: Job,
    *,
    vesicle_grey: float | None = None,
) -> Measured:
    """Measure some crystals that lie close together.

    Parameters
    ----------
    table
        Columns ``id, row0, row1, col0, col1``.
    images
        What to measure on.
    settings
        Border and thresholds.
    job
        Running job.
    vesicle_grey
        Grey below which a pixel is a vesicle, `None` where no vesicles stand apart.
    """
    measured, profiles = [], []
    inclusions: list[Inclusion] = []
    for crystal, box, window in crystal_windows(table, images, job):
        inside = window.labels == crystal
        if not inside.any():  # too thin to be seen at a coarse level
            measured.append({"id": crystal, "hole_fraction": np.nan})
            continue
        filled = fill_holes(inside)
        row, profile = _measure(inside, filled, box, window, images, settings)
        measured.append({"id": crystal, **row})
        inclusions += find_inclusions(
            crystal, inside, filled, window.labels, window.grey, (window.row0, window.col0),
            images.labels.pixel_size_um * 2**window.level, vesicle_grey,
        )  # fmt: skip
        if profile is not None:
            mg, error = on_grid(profile)
            profiles.append(np.concatenate([[crystal], mg, error]))
    names = [f"{kind}_{round(100 * s):03d}" for kind in ("mg", "se") for s in GRID]
    curves = pd.DataFrame(np.reshape(profiles, (-1, 1 + len(names))), columns=["id", *names])
    curves = curves.astype(np.float32).assign(id=curves["id"].astype(np.uint32))
    rows = pd.DataFrame(measured, columns=None if measured else ["id"]).astype({"id": np.uint32})
    return Measured(rows, curves, inclusion_table(inclusions))


def _near(boxes: NDArray[np.int64], pixels: int) -> NDArray[np.bool_]:
    """Tell which boxes can be read together without exceeding a number of pixels."""
    near = np.ones(len(boxes), bool)
    while near.any():
        height = boxes[near, 1].max() - boxes[near, 0].min()
        width = boxes[near, 3].max() - boxes[near, 2].min()
        if height * width <= pixels:
            break
        extent = np.maximum(boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2])
        near &= extent < extent[near].max()
    return near


def _level(labels: Labels, box: NDArray[np.int64], job: Job) -> int:
    """Level of the pyramid at which a box fits in the job's memory."""
    pixels = (box[1] - box[0]) * (box[3] - box[2])
    level = 0
    while pixels * BYTES_PER_PIXEL > job.memory_bytes * 4**level and level + 1 < len(
        labels.level_shapes
    ):
        level += 1
    return level


def _measure(
    inside: NDArray[np.bool_],
    filled: NDArray[np.bool_],
    box: NDArray[np.int64],
    window: Window,
    images: Images,
    settings: CrystalsSettings,
) -> tuple[dict[str, Any], RadialProfile | None]:
    factor = 2**window.level
    pixel_um = images.labels.pixel_size_um * factor
    on_edge = sides_on_edge(box, images.shape)
    distance = outline_distance(filled, on_edge)
    border_px = settings.border_px / factor
    composition = measure_composition(inside, distance, window.mg, window.grey, border_px)
    shape = measure_shape(inside, filled, pixel_um, on_edge, gaps=window.gaps, grey=window.grey)
    others = (window.labels != 0) & ~inside
    boundary = measure_boundary(
        inside, filled, on_edge, grey=window.grey, probability=window.probability,
        left_out=others if window.gaps is None else others | window.gaps,
    )  # fmt: skip
    profile = None
    if window.mg is not None:
        profile = radial_profile(inside, distance, window.mg, border_px)
    zoning = classify_zones(profile, pixel_um, _rules(settings))
    measured = {
        **vars(composition),
        **vars(zoning),
        **_mantle(zoning, profile, pixel_um),
        **vars(boundary),
        **in_um(vars(shape), pixel_um),
    }
    del measured["area_um2"]  # known exactly, also of what is seen at a coarse level
    if window.probability is not None:
        measured["mean_probability"] = float(window.probability[inside].mean()) / 255
    if window.opinion is not None:
        known = window.opinion[inside]
        known = known[known < UNKNOWN]
        measured["agreement"] = float((known == 1).mean()) if known.size else np.nan
    return measured, profile


def _rules(settings: CrystalsSettings) -> ZoneRules:
    return ZoneRules(
        zoning=settings.zoning_threshold,
        extremum=settings.mantle_threshold,
        quench_um=settings.quench_um,
    )


def _mantle(zoning: Zoning, profile: RadialProfile | None, pixel_um: float) -> dict[str, float]:
    """Composition of the strongest mantle, where there is one."""
    if profile is None or not np.isfinite(zoning.mantle_depth_um):
        return {"mg_mantle": np.nan, "mg_mantle_se": np.nan}
    depth = zoning.mantle_depth_um / pixel_um
    return {
        "mg_mantle": float(np.interp(depth, profile.depth_px, profile.median)),
        "mg_mantle_se": float(np.interp(depth, profile.depth_px, profile.se)),
    }
