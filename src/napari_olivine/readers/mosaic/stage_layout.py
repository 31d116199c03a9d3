"""Places of tiles by the stage positions that the instrument wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers.base import raise_if_any
from napari_olivine.readers.mosaic.layout import Layout, StageFrame, lay_out, refuse_scattered
from napari_olivine.readers.mosaic.neighbours import ReadTile, Seams, choose

Floats = NDArray[np.float64]
Mirror = Literal["none", "x", "y", "both"]

REGULAR = 0.3
"""Tiles that lie within this share of a step of their place form a regular grid."""

TOUCHING = 0.015
"""Steps that differ by less than this share from the tile's side are meant to touch: pixel sizes
are not known better."""

APART = 0.1
"""Gaps between tiles of more than this share of a side are said: so may a wrong pixel size look."""

LEAST_TURN_DEG = 0.05
"""A smaller scan rotation moves no tile by a pixel."""

NOTICEABLE_PX = 0.5
"""Tiles that lie so much nearer to a regular grid were scanned at that rotation."""

SAME_PLACE = 0.1
"""Tiles nearer than this share of their side are of the same place."""

FARTHEST_UM = 1e15
"""Positions beyond are as absurd, and sums of them stay finite."""

MIRRORS: dict[Mirror, tuple[bool, bool]] = {
    "none": (False, False), "x": (False, True), "y": (True, False), "both": (True, True),
}  # fmt: skip
"""Whether y runs against the rows and x against the columns."""


@dataclass(frozen=True)
class _Axes:
    """How the stage's axes lie in the image."""

    swapped: bool
    mirrored: tuple[bool, bool]
    turned_deg: float = 0.0
    """Angle from the stage's x to the direction of a row of the scan, counted towards y."""

    def positions(self, stage_px: Floats) -> Floats:
        """Turn stage positions x, y in pixels into rows and columns."""
        if self.turned_deg:
            angle = np.deg2rad(self.turned_deg)
            cosine, sine = np.cos(angle), np.sin(angle)
            stage_px = stage_px @ np.array([[cosine, -sine], [sine, cosine]])
        along = stage_px if self.swapped else stage_px[:, ::-1]
        return along * np.where(self.mirrored, -1.0, 1.0)

    def matrix(self, pixel_size_um: float) -> Floats:
        """Return rows, columns (px) per x, y (um)."""
        return self.positions(np.eye(2)).T / pixel_size_um

    @property
    def words(self) -> str:
        """The axes in words."""
        mirrored = [
            f"stage {name} runs against the {along}"
            for name, along, against in zip(
                ("x", "y") if self.swapped else ("y", "x"),
                ("rows", "columns"),
                self.mirrored,
                strict=True,
            )
            if against
        ]
        if angle := round(abs(self.turned_deg) + 90 * self.swapped, 1):
            mirrored.insert(0, f"the scan is turned by {angle:g} degrees against the stage")
        return " and ".join(mirrored) or "the stage runs along rows and columns"


USUAL = _Axes(False, (True, False))
"""Stage y upwards and x to the right, as on paper: taken where the images do not tell."""


def has_stage(stage_um: Floats) -> bool:
    """Tell whether positions are there and say something: not all at one place."""
    known = stage_um[np.isfinite(stage_um).all(axis=1)]
    return (
        len(known) == len(stage_um)
        and len(known) > 0
        and (len(known) == 1 or bool(np.ptp(known, axis=0).max() > 0))
    )


def layout_of_stage(
    names: Sequence[str],
    stage_um: Floats,
    pixel_size_um: float,
    tile_shape: tuple[int, int],
    *,
    read_tile: ReadTile,
    job: Job,
    mirror: Mirror | None = None,
    rotation_deg: float = 0.0,
) -> Layout:
    """Lay tiles out by their stage positions.

    Which way the stage's axes run against the image, and whether the scan is turned by 90 degrees,
    is found by comparing neighbours under all eight possibilities, unless `mirror` says it. Makers
    count the scan rotation either way, and some step along the turned scan: of both senses and none
    the one is taken by which the tiles lie in a regular grid.

    Parameters
    ----------
    names
        Names of the tiles.
    stage_um
        Stage position x, y of each tile's centre, um, shape (tiles, 2).
    pixel_size_um
        Side of a pixel, um.
    tile_shape
        Rows and columns of a tile.
    read_tile
        Gives the pixels of a tile by its number.
    job
        Running job.
    mirror
        Axes that run against the columns (x) and rows (y).
    rotation_deg
        Scan rotation that the instrument recorded, degrees.

    Returns
    -------
    Layout
        With the stage against the pixels.

    Raises
    ------
    InputError
        If a position is missing or cannot be right.
    """
    raise_if_any(
        [
            f"{name} has no stage position"
            for name, place in zip(names, stage_um, strict=True)
            if not np.isfinite(place).all()
        ],
        "The tiles cannot be placed by the stage",
    )
    if not pixel_size_um > 0:
        raise InputError(
            "The stage positions are of no use without the size of a pixel.",
            remedy="Give {setting:pixel_size_um}.",
            setting="pixel_size_um",
        )
    stage_um = np.clip(stage_um, -FARTHEST_UM, FARTHEST_UM)
    stage_px = (stage_um - np.median(stage_um, axis=0)) / pixel_size_um
    turns = _turns(rotation_deg)
    upright = (replace(USUAL, turned_deg=turn).positions(stage_px) for turn in turns)
    refuse_scattered(names, min(upright, key=_extent), tile_shape)
    sure, found_by = True, ""
    if len(names) == 1:
        axes = USUAL if mirror is None else _Axes(False, MIRRORS[mirror])
    else:
        every = _every_way(turns, mirror)
        axes, sure, found_by = _find_axes(every, stage_px, tile_shape, read_tile, job)
    positions = axes.positions(stage_px)
    grid = _grid(positions, tile_shape)
    matrix = axes.matrix(pixel_size_um)
    centre = (np.array(tile_shape) - 1) / 2
    zero = np.median(grid.positions + centre - stage_um @ matrix.T, axis=0)
    remarks = [*grid.remarks, *_apart(grid, pixel_size_um)]
    if not sure:
        remarks.append(
            "The images do not tell which way the stage's axes run (set the mirrored axes): "
            f"{axes.words} is a guess"
        )
    how = f" (found by the {found_by})" if found_by and sure else ""
    return lay_out(
        "stage",
        f"By stage positions, {grid.words}; {axes.words}{how}.",
        names,
        grid.positions,
        grid.cells,
        tile_shape,
        stage_um=stage_um,
        mirrored=axes.mirrored,
        remarks=remarks,
        stage=StageFrame(matrix, np.asarray(zero, np.float64)),
        sure=sure,
    )


def _apart(grid: _Grid, pixel_size_um: float) -> list[str]:
    """Say that tiles do not touch, which a wrong pixel size would look like."""
    if not (grid.regular and grid.gap_share > APART and len(grid.cells) > 1):
        return []
    times = 1 + max(grid.gap_share, 0)
    return [
        f"by the stage the tiles do not touch (gaps of {grid.gap_share:.0%} of a tile): either the "
        f"section was scanned with gaps, or a pixel is not {pixel_size_um:.4g} um wide; with "
        f"{pixel_size_um * times:.4g} um the tiles would touch"
    ]


def _turns(rotation_deg: float) -> list[float]:
    """Return the angles to try; quarters are among the ways of the axes."""
    rest = (rotation_deg + 45) % 90 - 45
    return [0.0] if abs(rest) < LEAST_TURN_DEG else [rest, -rest, 0.0]


def _extent(positions: Floats) -> float:
    return float(np.ptp(positions, axis=0).prod())


def _every_way(turns: Sequence[float], mirror: Mirror | None) -> list[_Axes]:
    """Return the ways in which the axes may lie; the usual one first."""
    if mirror is not None:
        return [_Axes(False, MIRRORS[mirror], turn) for turn in turns]
    return [
        _Axes(swapped, mirrored, turn)
        for turn in turns
        for swapped in (False, True)
        for mirrored in sorted(MIRRORS.values(), key=lambda m: m != USUAL.mirrored)
    ]


def _find_axes(
    every: Sequence[_Axes],
    stage_px: Floats,
    tile_shape: tuple[int, int],
    read_tile: ReadTile,
    job: Job,
) -> tuple[_Axes, bool, str]:
    """Choose among the ways in which the axes may lie."""
    grids = [_grid(axes.positions(stage_px), tile_shape) for axes in every]
    regular = [k for k, grid in enumerate(grids) if grid.regular] or list(range(len(grids)))
    possible = [k for k in regular if grids[k].overlapping_share < 0.5]
    # Positions of a turned scan would overlap far too much, or leave gaps, unless tiles are square.
    kept = [k for k in possible if grids[k].gap_share < 0.1] or possible or regular[:4]
    ways: list[list[int]] = []
    for k in kept:  # where all tiles lie in one row, ways that differ across it are the same
        for way in ways:
            if np.array_equal(grids[way[0]].cells, grids[k].cells):
                way.append(k)
                if grids[k].away_px < grids[way[0]].away_px - NOTICEABLE_PX:
                    way.insert(0, way.pop())  # a slight turn makes the same grid, but askew
                break
        else:
            ways.append([k])
    first = grids[ways[0][0]]
    seams = Seams(read_tile, tile_shape, first.overlap_px)
    if len({grids[k].overlap_px for k in kept}) > 1:
        seams = Seams(read_tile, tile_shape, None)
    verdict = choose([partial(np.asarray, grids[way[0]].cells) for way in ways], seams, job)
    return every[ways[verdict.best][0]], verdict.clear, verdict.words


@dataclass(frozen=True)
class _Grid:
    positions: Floats
    cells: NDArray[np.int64]
    words: str
    remarks: list[str]
    overlap_px: tuple[float, float]
    tile_shape: tuple[int, int]
    regular: bool = True
    away_px: float = 0.0

    @property
    def overlapping_share(self) -> float:
        """Share of a tile's side that neighbours share, the larger of both directions."""
        return max(o / side for o, side in zip(self.overlap_px, self.tile_shape, strict=True))

    @property
    def gap_share(self) -> float:
        """Share of a tile's side by which neighbours miss each other."""
        return -min(o / side for o, side in zip(self.overlap_px, self.tile_shape, strict=True))


def _grid(positions: Floats, tile_shape: tuple[int, int]) -> _Grid:
    """Find the grid that tiles lie in."""
    side = np.array(tile_shape, np.float64)
    step = np.array([_step(positions, axis, side) for axis in (0, 1)])
    cells, away = _snap(positions, step)
    if np.abs(away / step).max() > REGULAR:
        finer = np.maximum(side * 2.5 * SAME_PLACE, 1)
        cells, _ = _snap(positions, finer)
        return _Grid(
            positions, cells, "in no regular grid", [], _shared(step, side), tile_shape, False
        )
    step = _refined_step(positions, cells, step)
    away = positions - cells * step
    away -= np.median(away, axis=0)
    jitter = float(1.4826 * np.median(np.abs(away))) if len(away) > 2 else 0.0
    remarks = []
    touching = np.abs(step - side) <= TOUCHING * side
    if touching.all():
        gap = np.abs(step - side).max()
        if gap > 2:
            remarks.append(
                f"by the stage neighbouring tiles are {step[0]:.1f} rows and {step[1]:.1f} columns "
                f"apart; being {tile_shape[0]} x {tile_shape[1]} px they are taken to touch"
            )
        words, askew = "side by side", float(np.abs(away).max())
        return _Grid(cells * side, cells, words, remarks, (0.0, 0.0), tile_shape, away_px=askew)
    overlap = _shared(step, side)
    if min(overlap) < 0:
        words = "with gaps between them"
    else:
        words = f"neighbours sharing {overlap[0]:.0f} rows and {overlap[1]:.0f} columns"
    if jitter > 1:
        words += f" (within {jitter:.0f} px)"
    askew = float(np.abs(away).max())
    return _Grid(positions, cells, words, remarks, overlap, tile_shape, away_px=askew)


def _shared(step: Floats, side: Floats) -> tuple[float, float]:
    down, right = (float(round(v, 1)) for v in side - step)
    return down, right


def _step(positions: Floats, axis: int, side: Floats) -> float:
    """Distance of neighbours along an axis; the tile's side where there are none."""
    if len(positions) < 2:
        return float(side[axis])
    near = cKDTree(positions / side).query(positions / side, k=min(9, len(positions)))[1]
    apart = positions[near] - positions[:, None]
    along, across = np.abs(apart[..., axis]), np.abs(apart[..., 1 - axis])
    beside = (along > 0.3 * side[axis]) & (across < 0.4 * side[1 - axis])
    beside &= along < 2.5 * side[axis]
    nearest = np.where(beside, along, np.inf).min(axis=1)
    nearest = nearest[np.isfinite(nearest)]
    return float(np.median(nearest)) if len(nearest) else float(side[axis])


def _snap(positions: Floats, step: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Round positions to a grid whose zero suits most of them; cells and what remains."""
    turns = np.exp(2j * np.pi * positions / step)
    zero = np.angle(turns.sum(axis=0)) / (2 * np.pi) * step
    cells = np.rint(np.clip((positions - zero) / step, -1e15, 1e15))
    away = positions - zero - cells * step
    cells = cells.astype(np.int64)
    return cells - cells.min(axis=0), away


def _refined_step(positions: Floats, cells: NDArray[np.int64], step: Floats) -> Floats:
    """Fit the step over the whole grid."""
    fitted = step.copy()
    for axis in (0, 1):
        index = cells[:, axis].astype(np.float64)
        if np.ptp(index) > 0:
            fitted[axis] = np.polyfit(index, positions[:, axis], 1)[0]
    return fitted
