"""Registered overlaps: every tile moves to where it agrees with its neighbours."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_olivine.job import Job
from napari_olivine.readers.mosaic.correlate import (
    NARROWEST_PX,
    Shift,
    Whitened,
    common,
    find_shift,
    whiten,
)
from napari_olivine.readers.mosaic.grey_relation import NOTHING, GreyLine, grey_line
from napari_olivine.readers.mosaic.layout import Layout, StageFrame, lay_out
from napari_olivine.readers.mosaic.neighbours import ReadTile
from napari_olivine.readers.mosaic.solve_positions import Solution, solve_places
from napari_olivine.section import Tiles

THREADS = 2
BATCH = 24
"""Pairs between two looks at whether to stop."""

SEARCH_PX = 64
"""How far a neighbour is looked for around its stage position, unless a quarter tile is less."""

CHANCE_SAMPLE = 100
"""Pairs that are also correlated upside down, to learn how strong chance is."""

CHANCE_TIMES = 4.0
"""Standard deviations above the mean of chance from which a shift counts as measured."""

STAGE_SCALE = 0.015
"""Steps of the stage may differ from those of the registered tiles by this fraction."""

WEAKEST = 8.0
"""Strength below which no shift counts, however few pairs chance was learnt from."""

OVERLAP_COLUMNS = (
    "tile_a", "tile_b", "drow", "dcol", "stage_drow", "stage_dcol", "peak", "strength", "error",
    "used", "n", "gain", "gain_error", "offset", "offset_error", "level_a", "level_b",
)  # fmt: skip
"""Columns of `RegisteredTiles.overlaps`."""


@dataclass(frozen=True)
class RegisteredTiles:
    """What the registration found.

    Parameters
    ----------
    layout
        The tiles in their new places (`how` is ``"registered"``).
    overlaps
        One row for each pair of overlapping tiles. tile_a, tile_b: numbers in the layout's table;
        drow, dcol: first pixel of b minus that of a as measured, px (NaN if it was not);
        stage_drow, stage_dcol: the same by the layout before; peak: correlation of the whitened
        grey; strength: peak times the square root of the common pixels; error: standard error,
        px; used: the shift agrees with the others. Grey of b = gain x grey of a + offset, with
        gain_error, offset_error (standard errors), level_a, level_b (robust mean grey of the
        common pixels in each tile), n (blocks of 4 x 4 pixels that the line was fitted to). Gain
        is NaN in blank overlaps, where offset is the difference of the levels; all are NaN where
        nothing is known.
    trusted
        Whether each tile has a shift that was used, shape (tiles,).
    jitter_px
        Robust standard deviation of a tile's stage error, px in each direction.
    chance
        Strength from which shifts counted as measured.
    """

    layout: Layout
    overlaps: pd.DataFrame
    trusted: NDArray[np.bool_]
    jitter_px: float
    chance: float


def register(
    layout: Layout, read_tile: ReadTile, job: Job, *, search_px: int | None = None
) -> RegisteredTiles:
    """Move overlapping tiles until they agree.

    Parameters
    ----------
    layout
        Where the tiles lie by the stage, their names or their description.
    read_tile
        Gives a tile's pixels.
    job
        Running job.
    search_px
        How far off two neighbours may be against each other, px in rows and columns; by default
        64 px or a quarter of a tile.

    Returns
    -------
    RegisteredTiles
        The tiles in their new places. Tiles without a shift that can be trusted (blank epoxy)
        follow their neighbours and the stage.
    """
    tile_shape = layout.tiles.tile_shape
    search = min(search_px or SEARCH_PX, *(max(side // 4, 1) for side in tile_shape))
    pairs = overlapping_pairs(layout, search)
    found = _measure(layout, pairs, read_tile, search, job)
    chance = _chance(found.by_chance)
    strength = np.array([shift.strength if shift else 0.0 for shift in found.shifts])
    errors = np.array([shift.error if shift else np.nan for shift in found.shifts])
    shifts = np.array(
        [(shift.drow, shift.dcol) if shift else (np.nan, np.nan) for shift in found.shifts]
    ).reshape(-1, 2)
    measured = strength >= chance
    job.check()
    solution = solve_places(layout.positions, pairs, shifts, errors, measured)
    trusted = np.zeros(len(layout.tiles), bool)
    trusted[pairs[solution.trusted].ravel()] = True
    overlaps = _table(layout, pairs, found, measured, solution)
    moved = _moved(layout, solution, trusted, overlaps)
    return RegisteredTiles(moved, overlaps, trusted, solution.jitter_px, chance)


def overlapping_pairs(layout: Layout, search: int) -> NDArray[np.int64]:
    """Return the pairs of tiles that share a strip half a side long at least, shape (n, 2).

    Pairs that only touch by the stage are kept if the stage's error may hide an overlap.
    """
    height, width = layout.tiles.tile_shape
    places = layout.positions
    near = cKDTree(places).query_pairs(float(np.hypot(height, width)), output_type="ndarray")
    if not len(near):
        return np.empty((0, 2), np.int64)
    apart = np.abs(places[near[:, 1]] - places[near[:, 0]])
    shared = np.array([height, width]) - apart
    least = min(NARROWEST_PX, search)
    long = (shared >= np.array([height, width]) / 2).any(axis=1)
    near = near[long & (shared >= least / 2).all(axis=1)].astype(np.int64)
    near.sort(axis=1)
    return np.asarray(near[np.lexsort((near[:, 0], near[:, 1]))], np.int64)


@dataclass
class _Measured:
    shifts: list[Shift | None]
    greys: list[GreyLine]
    by_chance: list[float]
    """Strengths of pairs of which one tile was turned upside down."""


@dataclass(frozen=True)
class _Tile:
    pixels: NDArray[Any]
    white: Whitened


def _measure(
    layout: Layout, pairs: NDArray[np.int64], read_tile: ReadTile, search: int, job: Job
) -> _Measured:
    """Measure all pairs; a tile is read once and let go after its last pair."""
    places = layout.positions
    found = _Measured([], [], [])
    left = Counter(pairs.ravel().tolist())
    held: dict[int, _Tile | None] = {}
    random = np.random.default_rng(job.seed)
    count = min(CHANCE_SAMPLE, len(pairs))
    sample = set(random.choice(len(pairs), count, replace=False).tolist()) if count else set()

    def prepare(tile: int) -> _Tile | None:
        pixels = read_tile(tile)
        return None if pixels is None else _Tile(pixels, whiten(pixels))

    def measure(number: int) -> tuple[Shift | None, GreyLine, list[float]]:
        one, other = (held[int(tile)] for tile in pairs[number])
        if one is None or other is None:
            return None, NOTHING, []
        row, column = (float(d) for d in places[pairs[number, 1]] - places[pairs[number, 0]])
        shift = find_shift(one.white, other.white, (row, column), search)
        near = shift if shift and shift.strength >= WEAKEST else Shift(row, column, 0, 0, np.inf)
        greys = _greys(one.pixels, other.pixels, round(near.drow), round(near.dcol))
        turned = _turned(one.white, other.white, (row, column), search) if number in sample else []
        return shift, greys, turned

    with ThreadPoolExecutor(THREADS) as pool:
        for begin in range(0, len(pairs), BATCH):
            job.progress(begin, len(pairs), "Registering overlaps")
            numbers = range(begin, min(begin + BATCH, len(pairs)))
            new = sorted({int(t) for n in numbers for t in pairs[n]} - set(held))
            held.update(zip(new, pool.map(prepare, new), strict=True))
            for shift, greys, turned in pool.map(measure, numbers):
                found.shifts.append(shift)
                found.greys.append(greys)
                found.by_chance += turned
            for tile in pairs[numbers.start : numbers.stop].ravel().tolist():
                left[tile] -= 1
                if left[tile] == 0:
                    del held[tile]
            _let_go(held, job.memory_bytes // 4)
    job.progress(len(pairs), len(pairs), "Registering overlaps")
    return found


def _let_go(held: dict[int, _Tile | None], budget: int) -> None:
    """Let the tiles go that were held longest, as far as memory demands; they are read again."""
    size = sum(tile.pixels.nbytes + tile.white.nbytes for tile in held.values() if tile)
    for tile in list(held):
        if size <= budget:
            break
        old = held.pop(tile)
        size -= old.pixels.nbytes + old.white.nbytes if old else 0


def _turned(a: Whitened, b: Whitened, expected: tuple[float, float], search: int) -> list[float]:
    """Strengths by chance: tile b upside down, left to right, and both, has nothing in common."""
    strengths = []
    for rows, columns in ((-1, 1), (1, -1), (-1, -1)):
        turned = Whitened(
            np.ascontiguousarray(b.fine[::rows, ::columns]),
            np.ascontiguousarray(b.coarse[::rows, ::columns]),
        )
        shift = find_shift(a, turned, expected, search, refine=False)
        strengths.append(shift.strength if shift else 0.0)
    return strengths


def _chance(strengths: list[float]) -> float:
    """Strength that chance does not reach."""
    if len(strengths) < 3:
        return WEAKEST
    values = np.array(strengths)
    centre = float(np.median(values))
    spread = 1.4826 * float(np.median(np.abs(values - centre)))
    return max(WEAKEST, centre + CHANCE_TIMES * spread)


def _greys(a: NDArray[Any], b: NDArray[Any], row: int, column: int) -> GreyLine:
    shared = common((a.shape[0], a.shape[1]), row, column)
    if shared is None or a.shape != b.shape:
        return NOTHING
    top = np.iinfo(a.dtype).max if a.dtype.kind in "ui" else np.inf
    return grey_line(a[shared[0]], b[shared[1]], float(top))


def _table(
    layout: Layout,
    pairs: NDArray[np.int64],
    found: _Measured,
    measured: NDArray[np.bool_],
    solution: Solution,
) -> pd.DataFrame:
    stage = layout.positions[pairs[:, 1]] - layout.positions[pairs[:, 0]]
    lost = Shift(np.nan, np.nan, np.nan, 0.0, np.nan)
    rows = []
    for number, (shift, greys) in enumerate(zip(found.shifts, found.greys, strict=True)):
        known = shift if shift and measured[number] else lost
        wrong = measured[number] and not solution.trusted[number]
        rows.append(
            {
                "tile_a": int(pairs[number, 0]),
                "tile_b": int(pairs[number, 1]),
                "stage_drow": stage[number, 0],
                "stage_dcol": stage[number, 1],
                "used": bool(solution.trusted[number]),
                **asdict(replace(known, strength=shift.strength if shift else 0.0)),
                **asdict(NOTHING if wrong else greys),
            }
        )
    return pd.DataFrame(rows, columns=list(OVERLAP_COLUMNS))


def _moved(
    layout: Layout, solution: Solution, trusted: NDArray[np.bool_], overlaps: pd.DataFrame
) -> Layout:
    table = layout.tiles.table
    away = np.hypot(*(solution.positions - layout.positions).T)
    good = int(overlaps["used"].sum())
    words = (
        f"{layout.words} Then moved by {np.median(away):.1f} px (at most {away.max():.1f} px) "
        f"until {good} of {len(overlaps)} overlaps agree."
    )
    remarks = list(layout.remarks) + _other_pixel_size(layout, solution)
    if lonely := int((~trusted).sum()):
        remarks.append(
            f"{lonely} of {len(trusted)} tiles share nothing recognisable with a neighbour (blank, "
            "or no overlap); they follow their neighbours and the stage"
        )
    sizes = np.bincount(solution.group)
    islands = [group for group in range(1, len(sizes)) if sizes[group] > 1]
    for group in islands[:10]:
        names = [layout.names[tile] for tile in np.flatnonzero(solution.group == group)]
        remarks.append(
            f"{sizes[group]} tiles ({names[0]} ... {names[-1]}) hang together but on no registered "
            "overlap with the rest; as a group they stand where the stage puts them"
        )
    if len(islands) > 10:
        remarks.append(f"and {len(islands) - 10} more groups of tiles likewise")
    moved = lay_out(
        "registered",
        words,
        layout.names,
        solution.positions,
        table[["grid_row", "grid_col"]].to_numpy(np.int64),
        layout.tiles.tile_shape,
        stage_um=table[["stage_x_um", "stage_y_um"]].to_numpy(np.float64),
        mirrored=layout.mirrored,
        remarks=remarks,
        stage=_frame(layout, solution),
        sure=layout.sure,
    )
    if "taken" not in table:
        return moved
    times = table.set_index("name")["taken"]
    same = moved.tiles.table.assign(taken=moved.tiles.table["name"].map(times))
    return replace(moved, tiles=Tiles(same))


def _other_pixel_size(layout: Layout, solution: Solution) -> list[str]:
    """Say that the steps of the stage, over those of registered tiles, give another pixel size."""
    if layout.stage is None:
        return []
    um, times = (
        1 / np.sqrt(np.abs(np.linalg.det(matrix)))
        for matrix in (layout.stage.matrix, solution.stage_matrix)
    )
    if abs(times - 1) <= STAGE_SCALE:
        return []
    return [
        f"by the steps of the stage between overlapping tiles a pixel is {um * times:.4g} um wide, "
        f"not {um:.4g} um, which is taken; measure a scale bar, and set the pixel size if that is "
        "wrong"
    ]


def _frame(layout: Layout, solution: Solution) -> StageFrame | None:
    """Fit the stage to the registered tiles: its scale and direction as found, its zero anew."""
    if layout.stage is None:
        return None
    matrix = solution.stage_matrix @ layout.stage.matrix
    stage_um = layout.tiles.table[["stage_x_um", "stage_y_um"]].to_numpy(np.float64)
    centres = solution.positions + (np.array(layout.tiles.tile_shape) - 1) / 2
    inside = solution.group == 0
    zero = np.median((centres - stage_um @ matrix.T)[inside], axis=0)
    return StageFrame(matrix, np.asarray(zero, np.float64))
