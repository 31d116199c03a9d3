"""What the BSE image looks like in each cell: greys, textures at three scales, resin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.areas.cells import Grid
from napari_olivine.areas.pieces import overview_level
from napari_olivine.job import Job
from napari_olivine.levelling import LevelledRaster, open_levelled
from napari_olivine.regions import Region
from napari_olivine.section import Raster, Section, rock_only, usable_grey, vesicle_threshold

BINS = 16
"""Classes of the histogram of greys; each holds as much of the section."""

SCALES = 3
"""Texture is measured on the overview, at half and at a quarter of it."""

EVERY = 7
"""Every so many pixels of the overview, across and down, tell the greys of a session."""

LEAST_ROCK_OF_ALL = 0.05
"""A threshold that leaves less rock than this in the whole section tells other things apart."""

WORDS = ("coarse texture", "fine texture", "bright", "dark", "resin or holes")


@dataclass(frozen=True)
class Textures:
    """Looks of the cells.

    Parameters
    ----------
    likeness
        How much each part of the section looks like the most alike part of each cell: 1 the same,
        near 0 as different as any, shape (parts, cells).
    weights
        Share of rock of each part, shape (parts,).
    rock
        Share of each cell that is imaged, studied and neither resin nor hole, shape (cells,).
    cells
        Cell of each part, shape (parts,).
    words
        What marks each cell, empty where nothing does.
    """

    likeness: NDArray[np.float64]
    weights: NDArray[np.float64]
    rock: NDArray[np.float64]
    cells: NDArray[np.int64]
    words: list[str]


def measure_textures(
    section: Section, grid: Grid, region: Region | None, job: Job, side: int = 1
) -> Textures:
    """Measure what the cells of a section look like, on an overview of BSE.

    The levelled image is read where there is one; else the grey of each session is shifted so that
    the medians of their rock agree.

    Parameters
    ----------
    section
        Section with BSE.
    grid
        Its cells.
    region
        Region of study, `None` for the whole section.
    job
        Running job.
    side
        Parts along a side of a cell: with smaller parts, what is small and rare counts.

    Returns
    -------
    Textures
        Of all cells.
    """
    levelled = section.state("levelling") == "fresh"
    raster = open_levelled(section) if levelled else section.raster("images", "BSE")
    base = raster.raster if isinstance(raster, LevelledRaster) else raster
    level = overview_level(base, job)
    shape = base.level_shapes[level]
    shifts = {} if levelled else _session_shifts(section, raster, level)
    dark = _darkest_rock(_sample(base, shape, level))
    rock = rock_only(_sample(raster, shape, level))
    edges = np.unique(np.quantile(rock, np.arange(1, BINS) / BINS)) if rock.size else np.zeros(0)
    rows, columns = grid.at_level(level)
    found, shares, weights = [], [], []
    for number, cell in enumerate(grid.cells):
        job.progress(number, len(grid), "Looking at textures")
        row, column = divmod(number, grid.shape[1])
        down, right = (
            slice(int(edge[at]), max(int(edge[at + 1]), int(edge[at]) + 1))
            for edge, at in ((rows, row), (columns, column))
        )
        grey = raster.read(down, right, level).astype(np.float32)
        raw = base.read(down, right, level) if levelled else grey
        seen = np.isfinite(raw) & (raw > 0)
        if region is not None:
            seen &= region.pixels(down, right, level)[: grey.shape[0], : grey.shape[1]]
        shift = np.float32(shifts.get(cell.within, 0.0))
        grey = np.where(np.isfinite(grey), grey, np.float32(0)) - shift
        stone = seen & (raw > dark)
        shares.append(float(stone.mean()))
        for part in _parts(grey.shape, side):
            weights.append(float(stone[part].mean()))
            found.append(_features(grey[part], stone[part], seen[part], edges))
    features, rock_share = np.array(found), np.array(shares)
    alike = _likeness(_scaled(features)).reshape(len(found), len(grid), -1).max(axis=2)
    of_cells = features.reshape(len(grid), -1, features.shape[1]).mean(axis=1)
    cells = np.repeat(np.arange(len(grid)), side**2)
    words = _words(of_cells, rock_share > 0)
    return Textures(alike, np.array(weights), rock_share, cells, words)


def _parts(shape: tuple[int, ...], side: int) -> list[tuple[slice, slice]]:
    """Cut a cell into so many parts along each side, none of them empty."""
    rows, columns = (
        [
            slice(start := min(size * part // side, size - 1),
                  max(size * (part + 1) // side, start + 1))
            for part in range(side)
        ]
        for size in shape
    )  # fmt: skip
    return [(down, right) for down in rows for right in columns]


def _features(
    grey: NDArray[np.float32],
    stone: NDArray[np.bool_],
    seen: NDArray[np.bool_],
    edges: NDArray[np.floating],
) -> NDArray[np.float64]:
    """Histogram of the rock with the share of resin, then texture at each scale."""
    inside = grey[stone]
    bins = np.bincount(np.searchsorted(edges, inside), minlength=BINS)[:BINS].astype(float)
    bins = np.append(bins, float(seen.sum() - stone.sum()))
    # Roots of shares: differences of small shares count as much as those of large ones.
    histogram = np.sqrt(bins / max(bins.sum(), 1))
    texture = []
    for _ in range(SCALES):
        if stone.sum() < 2 or min(grey.shape) < 2:
            texture += [0.0, 0.0]
            continue
        across = cv2.Sobel(grey, cv2.CV_32F, 1, 0)
        down = cv2.Sobel(grey, cv2.CV_32F, 0, 1)
        slope = cv2.magnitude(across, down)[stone].mean()
        texture += [float(np.log1p(slope)), float(np.log1p(grey[stone].std()))]
        half = (max(grey.shape[1] // 2, 1), max(grey.shape[0] // 2, 1))
        grey = np.asarray(cv2.resize(grey, half, interpolation=cv2.INTER_AREA), np.float32)
        part = cv2.resize(stone.astype(np.float32), half, interpolation=cv2.INTER_AREA)
        stone = np.asarray(part > 0.5).reshape(grey.shape)
    return np.concatenate([histogram, texture])


def _scaled(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give greys and textures the same variance in all."""
    histogram, texture = features[:, : BINS + 1], features[:, BINS + 1 :]
    texture = texture / np.where(texture.std(axis=0) > 0, texture.std(axis=0), 1)
    parts = [part - part.mean(axis=0) for part in (histogram, texture)]
    spreads = [float(np.sqrt(part.var(axis=0).sum())) for part in parts]
    return np.concatenate(
        [part / (spread or 1) for part, spread in zip(parts, spreads, strict=True)], axis=1
    )


def _likeness(features: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = (features**2).sum(axis=1)
    apart = np.maximum(squares[:, None] + squares[None, :] - 2 * features @ features.T, 0)
    usual = float(np.median(apart[apart > 1e-9])) if (apart > 1e-9).any() else 1.0
    alike: NDArray[np.float64] = np.exp(-apart / usual)
    np.fill_diagonal(alike, 1.0)
    return alike


def _words(features: NDArray[np.float64], real: NDArray[np.bool_]) -> list[str]:
    """Name what marks each cell most, where that is more than a spread of all cells."""
    middle = features[:, :BINS] ** 2 @ np.arange(BINS)
    fine, coarse = features[:, BINS + 1], features[:, -2]
    measures = np.stack([coarse - fine, fine - coarse, middle, -middle, features[:, BINS]], axis=1)
    there = measures[real] if real.any() else measures
    spread = there.std(axis=0)
    off = (measures - there.mean(axis=0)) / np.where(spread > 0, spread, np.inf)
    return [WORDS[int(row.argmax())] if row.max() > 1 else "" for row in off]


def _sample(raster: Raster | LevelledRaster, shape: tuple[int, int], level: int) -> NDArray[Any]:
    """Greys of every so many pixels, of the image's own type."""
    step = 512
    parts = []
    for start in range(0, shape[0], step):
        block = raster.read(slice(start, min(start + step, shape[0])), slice(0, shape[1]), level)
        parts.append(block[::EVERY, ::EVERY].ravel())
    return np.concatenate(parts)


def _darkest_rock(sample: NDArray[Any]) -> float:
    """Return the grey below which there is resin or a hole, 0 where there is none."""
    usable = usable_grey(sample)
    dark = vesicle_threshold(usable) if usable.size else None
    return 0.0 if dark is None or (usable > dark).mean() < LEAST_ROCK_OF_ALL else dark


def _session_shifts(
    section: Section, raster: Raster | LevelledRaster, level: int
) -> dict[str, float]:
    """How far the median of each session's rock lies above that of all sessions together."""
    if not section.fingerprint("annotations/sessions"):
        return {}
    medians = {}
    for one in section.measured_sessions():
        rows, columns = (
            slice(side.start >> level, max(side.stop >> level, (side.start >> level) + 1))
            for side in one.window
        )
        part = raster.read(rows, columns, level)[::EVERY, ::EVERY]
        if part.size:
            medians[one.session] = float(np.median(rock_only(part)))
    middle = float(np.median(list(medians.values()))) if medians else 0.0
    return {name: median - middle for name, median in medians.items()}
