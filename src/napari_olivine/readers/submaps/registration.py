"""Submaps find their place: where their images explain the section's BSE grey.

First every place is looked at with small images (`explained_variance`), about the stage position or
over the whole section; submaps may be turned by some degrees, or by quarters where nothing is
known. How well chance fits is learnt from the same search with the submap mirrored. Then the place
is refined to a fraction of a pixel (`refine_position`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers.base import SignalReader, raise_if_any
from napari_olivine.readers.submaps.downsampled_bse import Reduced
from napari_olivine.readers.submaps.explained_variance import explained, high_passed, uncorrelated
from napari_olivine.readers.submaps.refine_position import refine
from napari_olivine.readers.submaps.submap import How, Submap
from napari_olivine.section import SubmapPlace

Floats = NDArray[np.float32]

FAR_SIDE, NEAR_SIDE = 40, 96
"""Pixels of a submap's shorter side, about, in the search everywhere and in that about a place."""

COARSE_PX = 4_000_000
"""Pixels of the section's image in the first search, at most."""

MOST_PX = 2_000_000
"""A submap of more pixels is looked for with coarser images: that is exact enough, and small."""

LEAST_SIDE = 12
"""A submap whose shorter side would have fewer pixels in the first search is too small for it."""

ALIKE, ALIKE_TURNS = 5, (0.0, -1.0, 1.0)
"""After so many submaps the others are looked for with the same turn, to these degrees."""

STAGE_REACH = 0.25
"""How far a submap may lie from its stage position, as a share of its longer side."""

STAGE_REACH_UM = 200.0
"""And at least."""

FAR_TURNS, NEAR_TURNS = (0.0, -3.5, 3.5), (0.0, -1.0, 1.0, -2.0, 2.0, -3.5, 3.5, -5.0, 5.0)
"""Degrees by which a submap may be turned, tried in these searches."""

SURE = 1.5
"""How many times better than chance a place must fit."""

LEAST_EXPLAINED = 0.05
"""Share of the variance below which no place counts."""

MANY = 24
"""More submaps than this are not looked for over the whole section."""


@dataclass(frozen=True)
class _Candidate:
    place: SubmapPlace
    explained: float
    chance: float

    @property
    def sure(self) -> bool:
        return self.explained > max(SURE * self.chance, LEAST_EXPLAINED)


def register_submaps(
    submaps: Sequence[Submap], bse: SignalReader, pixel_size_um: float, job: Job
) -> list[Submap]:
    """Lay submaps where their images fit the section's BSE image.

    Parameters
    ----------
    submaps
        Submaps; those with a place are looked for about it, the others everywhere.
    bse
        BSE image of the section.
    pixel_size_um
        Side of its pixels, um.
    job
        Running job.

    Returns
    -------
    list of Submap
        The same, each with a place.

    Raises
    ------
    InputError
        If a submap without a place is found nowhere; it names all of them.
    """
    finder = _Finder(bse, pixel_size_um, job)
    placed: list[Submap] = []
    # From top to bottom, so that strips of the BSE image are read once.
    by_row = sorted(submaps, key=lambda one: one.place.matrix[0, 2] if one.place else 0.0)
    for done, one in enumerate(by_row):
        job.progress(done, len(by_row), "Finding the place of maps")
        placed.append(finder.find(one, everywhere=len(submaps) <= MANY))
    placed = _follow_the_others(placed, {one.name: one for one in submaps})
    raise_if_any(
        [
            f"{one.name} ({', '.join(one.maps)}; {one.shape[1]} x {one.shape[0]} px of "
            f"{one.pixel_size_um:.4g} um) is found nowhere on the BSE image"
            for one in placed
            if one.place is None
        ],
        "Maps show a part of the section, and it is not known which. Say in a fields.csv beside "
        "the images where their upper left corner lies (field, x0_px, y0_px), or leave them out",
    )
    order = [one.name for one in submaps]
    placed.sort(key=lambda one: order.index(one.name))
    return placed


class _Finder:
    """Looks for submaps in one BSE image."""

    def __init__(self, bse: SignalReader, pixel_size_um: float, job: Job) -> None:
        self.bse, self.pixel_size_um, self.job = bse, pixel_size_um, job
        self._reduced: dict[int, Reduced] = {}
        self._turns: list[float] = []

    def reduced(self, factor: int) -> Reduced:
        """Return the BSE image so many times smaller."""
        factor = max(1, min(factor, min(self.bse.shape)))
        if factor not in self._reduced:
            self._reduced[factor] = Reduced(self.bse, factor, self.job)
        return self._reduced[factor]

    def find(self, one: Submap, *, everywhere: bool) -> Submap:
        """Return the submap with the place that its images tell, else as it was."""
        times = int(np.ceil(np.sqrt(one.shape[0] * one.shape[1] / MOST_PX)))
        try:
            maps = _images(one, times)
        except InputError:
            return one  # the check of the files reports it
        if not maps:
            return one
        small = one
        if times > 1:
            small = replace(
                one,
                shape=(maps[0].shape[0], maps[0].shape[1]),
                pixel_size_um=one.pixel_size_um * times,
                place=one.place.of_blocks(times) if one.place is not None else None,
            )
        found, share = self._find(small, maps, everywhere=everywhere)
        if found is None:
            return one
        if one.place is not None:
            self._turns.append(found.angle_deg - one.place.angle_deg)
        how: How = "hand" if one.how == "hand" else "registered"
        return replace(one, place=found.of_parts(times), how=how, explained=share)

    def _find(
        self, one: Submap, maps: list[Floats], *, everywhere: bool
    ) -> tuple[SubmapPlace | None, float]:
        """Place, and share of the grey's variance that is explained there."""
        scale = one.pixel_size_um / self.pixel_size_um
        found: _Candidate | None = None
        if one.place is not None:
            reach = max(STAGE_REACH * max(one.shape) * scale, STAGE_REACH_UM / self.pixel_size_um)
            found = self._search(one, maps, scale, one.place, reach)
        if everywhere and (found is None or not found.sure) and one.how in ("stage", "unknown"):
            found = self._search(one, maps, scale)
            if found is not None and found.sure:
                reach = STAGE_REACH * min(one.shape) * scale
                found = self._search(one, maps, scale, found.place, reach)
        if found is None or not found.sure:
            return None, 0.0
        return refine(maps, found.place, self.reduced(max(int(found.place.scale), 1)))

    def _search(
        self,
        one: Submap,
        maps: list[Floats],
        scale: float,
        near: SubmapPlace | None = None,
        reach: float = 0.0,
    ) -> _Candidate | None:
        """Look with small images at the places about one (px of the section), or at all."""
        side = min(one.shape) * scale
        rows, columns = self.bse.shape
        wanted = FAR_SIDE if near is None else NEAR_SIDE
        factor = max(int(side / wanted), int(np.ceil(scale)), 1)
        if near is None:
            factor = max(factor, int(np.ceil(np.sqrt(rows * columns / COARSE_PX))))
        if side / factor < LEAST_SIDE:
            return None
        reduced = self.reduced(factor)
        window = (slice(0, reduced.shape[0]), slice(0, reduced.shape[1]))
        if near is not None:
            away = np.array([[-reach, -reach], [reach, reach]])
            ends = near.corners(one.shape)
            low = np.floor((ends.min(axis=0) + away[0]) / factor).astype(int)
            high = np.ceil((ends.max(axis=0) + away[1]) / factor).astype(int) + 1
            window = (
                slice(max(low[0], 0), min(high[0], reduced.shape[0])),
                slice(max(low[1], 0), min(high[1], reduced.shape[1])),
            )
            if any(part.stop <= part.start for part in window):
                return None
        grey = high_passed(reduced.read(*window), int(side / factor))
        small = [_shrunk(image, scale / factor) for image in maps]
        best: _Candidate | None = None
        chance = 0.0
        quarters: tuple[int, ...] = (0, 1, 2, 3)
        turns: tuple[float, ...] = FAR_TURNS
        given = 0.0
        if near is not None:
            quarters, turns, given = (0,), NEAR_TURNS, near.angle_deg
            if len(self._turns) >= ALIKE:  # measured with one mounting of the sample
                turns, given = ALIKE_TURNS, given + float(np.median(self._turns))
        for quarter in quarters:
            for turn in turns:
                self.job.check()
                angle = given + turn + 90.0 * quarter
                template = _turned(small, angle)
                if template is None or not _fits(template[0], grey):
                    continue
                share = explained(grey, template)
                top = np.unravel_index(int(np.argmax(share)), share.shape)
                if best is None or share[top] > best.explained:
                    size = np.array(template[0].shape)
                    middle = np.array([w.start for w in window]) + np.array(top) + (size - 1) / 2
                    # A small pixel has its centre in the middle of those that it stands for.
                    centre = (middle + 0.5) * factor - 0.5
                    place = SubmapPlace.of(scale, angle, centre, one.shape)
                    best = _Candidate(place, float(share[top]), 0.0)
                if turn == 0.0:
                    for axis in (0, 1):  # no turn makes an image of its mirror image
                        mirrored = [np.ascontiguousarray(np.flip(m, axis)) for m in template]
                        chance = max(chance, float(explained(grey, mirrored).max()))
        return replace(best, chance=chance) if best is not None else None


def _images(one: Submap, times: int) -> list[Floats]:
    """All images of a submap, its BSE image too, so many times smaller; without blank ones."""
    size = (max(one.shape[1] // times, 1), max(one.shape[0] // times, 1))
    every = []
    for image in one.images:
        pixels = np.nan_to_num(image.load(0, one.shape[0]).astype(np.float32))
        if times > 1:
            pixels = pixels[: size[1] * times, : size[0] * times]
            pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.float32)
        if float(np.ptp(pixels)) > 0:
            every.append(pixels)
    return every


def _shrunk(image: Floats, scale: float) -> Floats:
    """Average an image to a coarser grid of about so many pixels a pixel."""
    rows, columns = (max(round(side * scale), 1) for side in image.shape)
    return np.asarray(cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA))


def _turned(maps: list[Floats], angle_deg: float) -> list[Floats] | None:
    """Turn small maps as they lie in the section, cut to a rectangle, and make them uncorrelated.

    `None` if nothing is left of them.
    """
    quarters = round(angle_deg / 90.0)
    rest = angle_deg - 90.0 * quarters
    turned = [np.ascontiguousarray(np.rot90(one, -quarters)) for one in maps]
    if abs(rest) > 1e-6 and turned:
        high, wide = turned[0].shape
        sine = abs(np.sin(np.deg2rad(rest)))
        rows, columns = int(high - wide * sine), int(wide - high * sine)
        if min(rows, columns) < LEAST_SIDE // 2:
            return None
        # From columns towards rows is clockwise on the screen, and so for OpenCV negative.
        about = ((wide - 1) / 2, (high - 1) / 2)
        warp = cv2.getRotationMatrix2D(about, -rest, 1.0)
        top, left = (high - rows) // 2, (wide - columns) // 2
        inner = (slice(top, high - top), slice(left, wide - left))
        for k, one in enumerate(turned):
            whole = cv2.warpAffine(one, warp, (wide, high), borderMode=cv2.BORDER_REPLICATE)
            turned[k] = np.asarray(whole[inner], np.float32)
    side = min(turned[0].shape) if turned else 0
    return uncorrelated([high_passed(one, side) for one in turned]) or None


def _fits(template: Floats, grey: Floats) -> bool:
    return all(a <= b for a, b in zip(template.shape, grey.shape, strict=True))


def _follow_the_others(submaps: list[Submap], before: dict[str, Submap]) -> list[Submap]:
    """Move submaps that only the stage places as those that were found had to be moved."""
    moves = [
        one.place.centre(one.shape) - old.place.centre(one.shape)
        for one in submaps
        if one.how == "registered"
        and one.place is not None
        and (old := before[one.name]).place is not None
        and old.how == "stage"
    ]
    if not moves:
        return submaps
    move = np.median(moves, axis=0)
    return [
        replace(one, place=SubmapPlace(one.place.matrix + np.outer(move, [0, 0, 1])))
        if one.how == "stage" and one.place is not None
        else one
        for one in submaps
    ]
