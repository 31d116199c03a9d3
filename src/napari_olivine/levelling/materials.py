"""The same material in every session, known by its X-rays and not by its grey.

Element maps name a material whatever the BSE detector does: shares of the counts are free of the
X-ray gain that sessions may differ in. Spots of even grey are put into classes of like composition,
rare ones as finely as common ones; within a class the rest of the dependence of grey on
composition is taken off by a linear regression that all sessions share. The median grey of
a class in a tile is one tie point.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2, vq

from napari_olivine.job import Job
from napari_olivine.levelling.sampling import GreySamples, spread_tiles
from napari_olivine.levelling.tie_points import TiePoints

Floats = NDArray[np.float64]

CLASSES = 48
"""Classes of composition."""

PER_CLASS = 1000
"""Spots of a first class that take part in finding the final ones, so that rare ones count."""

LEARNT_FROM = 60_000
"""Spots that classes are found from."""

SEED = 0

LEAST_COUNTS = 20.0
"""X-ray counts of a spot's pixels, all maps together, from which its composition is known."""

LEAST_SPOTS = 15
"""Spots of a class in a tile that make a tie point."""

LEAST_TILES = 3
"""Tiles of a session that must show a class."""

FLOOR = 0.15
"""Least standard error of a tie point, in levels of an 8-bit image."""


@dataclass(frozen=True)
class Materials:
    """Spots by material.

    Parameters
    ----------
    label
        Class of each spot, -1 where its composition is not known, shape (n,).
    shift
        Grey by which a spot differs from its class because of its composition, shape (n,).
    classes
        Number of classes.
    """

    label: NDArray[np.int64]
    shift: NDArray[np.float32]
    classes: int


def find_materials(
    spots: GreySamples, grey: Floats, session: NDArray[np.int64], job: Job
) -> Materials:
    """Put spots into classes of like composition.

    Parameters
    ----------
    spots
        Spots with X-ray counts.
    grey
        Their grey with the backgrounds of tiles taken off, shape (n,).
    session
        Session of each, -1 for none.
    job
        Running job.

    Returns
    -------
    Materials
        Class of each spot; no classes where the element maps count too little.
    """
    total = spots.counts.sum(axis=1)
    counted = (total >= LEAST_COUNTS) & (session >= 0) & (spots.counts.shape[1] > 1)
    known = np.flatnonzero(counted)
    label = np.full(grey.size, -1, np.int64)
    shift = np.zeros(grey.size, np.float32)
    if known.size < 10 * CLASSES:
        return Materials(label, shift, 0)
    # The root of a share of counts has about the same noise whatever the share.
    share = np.sqrt(spots.counts[known] / total[known, None]).astype(np.float32)
    label[known] = _classes(share, job)
    for one in range(CLASSES):
        job.check()
        of_class = np.flatnonzero(label[known] == one)
        if of_class.size >= 20 * (1 + share.shape[1]):
            at = known[of_class]
            shift[at] = _composition_shift(share[of_class], grey[at], session[at])
    return Materials(label, shift, CLASSES)


def material_tie_points(
    spots: GreySamples,
    materials: Materials,
    grey: Floats,
    session_of_tile: NDArray[np.int64],
    unit: float,
    job: Job,
) -> TiePoints:
    """Take the median grey of each class in each tile.

    Parameters
    ----------
    spots, materials, grey
        As in `find_materials`.
    session_of_tile
        Session of each tile, -1 for none.
    unit
        One level of an 8-bit image in this grey.
    job
        Running job.

    Returns
    -------
    TiePoints
        One a class and tile.
    """
    chosen = spread_tiles(session_of_tile)
    used = np.flatnonzero((materials.label >= 0) & chosen[spots.tile])
    value = grey[used] - materials.shift[used]
    key = materials.label[used] * session_of_tile.size + spots.tile[used]
    order = np.lexsort((value, key))
    ordered, value = key[order], value[order]
    _, first, number = np.unique(ordered, return_index=True, return_counts=True)
    rows = []
    for start, count in zip(first, number, strict=True):
        if count < LEAST_SPOTS:
            continue
        part = value[start : start + count]
        middle = float(np.median(part))
        spread = 1.4826 * float(np.median(np.abs(part - middle)))
        # Spots of one grain are alike: about a fifth of them are independent.
        error = float(np.hypot(1.253 * spread / np.sqrt(count / 5), FLOOR * unit))
        label, tile = divmod(int(ordered[start]), session_of_tile.size)
        rows.append((int(session_of_tile[tile]), label, tile, middle, error))
    job.check()
    found = TiePoints.of_rows(rows)
    pair = found.material * (int(session_of_tile.max(initial=0)) + 1) + found.session
    return found.where(np.bincount(pair)[pair] >= LEAST_TILES) if len(found) else found


def _classes(share: NDArray[np.float32], job: Job) -> NDArray[np.int64]:
    """Classes of composition, made three times: later with rare compositions as heavy."""
    random = np.random.default_rng(SEED)
    sample = share[:: max(1, share.shape[0] // LEARNT_FROM)]
    centres = _centres(sample, CLASSES // 2, random, job)
    for _ in range(2):
        job.check()
        label, _ = vq(sample, centres)
        places = [np.flatnonzero(label == one) for one in range(len(centres))]
        thinned = [p[:: max(1, p.size // PER_CLASS)] for p in places if p.size >= 50]
        centres = _centres(sample[np.concatenate(thinned)], CLASSES, random, job)
    parts = []
    for start in range(0, share.shape[0], LEARNT_FROM):
        job.check()
        parts.append(vq(share[start : start + LEARNT_FROM], centres)[0])
    return np.concatenate(parts).astype(np.int64)


def _centres(
    sample: NDArray[np.float32], classes: int, random: np.random.Generator, job: Job
) -> NDArray[np.float32]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class may stay empty
        centres, _ = kmeans2(sample, classes, iter=2, minit="++", rng=random)
        for _ in range(9):
            job.check()
            centres, _ = kmeans2(sample, centres, iter=2, minit="matrix")
    return np.asarray(centres, np.float32)


def _composition_shift(
    share: NDArray[np.float32], grey: Floats, session: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Grey explained by composition within a class, the same law in all sessions."""
    off = grey.copy()
    for one in np.unique(session):
        off[session == one] -= np.median(off[session == one])
    near = np.abs(off) <= 3 * 1.4826 * np.median(np.abs(off)) + 1e-9
    centred = (share - share.mean(axis=0)).astype(np.float64)
    part = centred[near]
    square = part.T @ part
    # Shares are bound to each other, which a trace of ridge settles.
    square += 1e-4 * np.trace(square) / square.shape[0] * np.eye(square.shape[0])
    law = np.linalg.solve(square, part.T @ off[near])
    return np.asarray(centred @ law, np.float32)
