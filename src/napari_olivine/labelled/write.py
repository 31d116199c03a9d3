"""Write images and labels as the products of a section, a strip of rows after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.labelled.classes import TARGET, TARGET_NAME, UNNAMED, LabelClasses
from napari_olivine.labelled.layout import Layout, Place
from napari_olivine.labelled.opened import OpenedPair
from napari_olivine.masks import IGNORE
from napari_olivine.section import (
    APART,
    CHUNK,
    LABELS,
    Recipe,
    Section,
    Strips,
    create_raster,
)

Block = tuple[slice, slice]


def write_images(
    section: Section,
    opened: Sequence[OpenedPair],
    layout: Layout,
    gap_px: int,
    recipe: Recipe,
    job: Job,
) -> None:
    """Write the product ``images``: the grey of all images, and their places as tiles.

    Each image is continued by its reflection up to the middle of the gap, as a network sees the
    edge of an image in training: beside a black gap it would segment that edge otherwise.

    Parameters
    ----------
    section
        The section.
    opened
        Images and labels.
    layout
        Their places.
    gap_px
        Pixels between two images.
    recipe
        Recipe of the product; what is finished by it is not written again.
    job
        Running job.
    """
    if section.finished("images", recipe, job):
        return
    with section.draft("images", recipe, job) as draft:
        raster = create_raster(
            draft.path / "BSE",
            section.shape,
            opened[0].image.dtype,
            section.pixel_size_um,
            reduction="mean",
            origin="grey of labelled images",
        )
        strips = Strips(raster, draft.tick)
        for start in draft.pending(range(0, section.shape[0], CHUNK), "Importing images"):
            rows = slice(start, min(start + CHUNK, section.shape[0]))
            strip = np.zeros((rows.stop - rows.start, section.shape[1]), raster.dtype)
            for one, place in ((opened[place.image], place) for place in layout.places):
                job.check()
                _lay_with_margin(strip, rows, one, place, gap_px // 2)
            strips.write(rows.start, strip)
        raster.build_pyramid(job, draft.is_done)
        shapes = [one.shape for one in opened]
        layout.tiles(shapes, [one.image.file.name for one in opened]).write(draft.path)
        draft.notes |= {
            APART: True,
            "form": "labelled images",
            "files": len(opened),
            "layout": f"{len(opened)} images that lie apart from each other",
        }


def write_labels(
    section: Section,
    opened: Sequence[OpenedPair],
    layout: Layout,
    classes: LabelClasses,
    recipe: Recipe,
    job: Job,
) -> None:
    """Write the product ``mask``: ``olivine`` (the class of interest) and ``phases`` (all).

    Parameters
    ----------
    section
        The section.
    opened
        Images and labels.
    layout
        Their places.
    classes
        Classes, the one of interest first; pixels of no class have no label.
    recipe
        Recipe of the product.
    job
        Running job.
    """
    codes = classes.codes()
    codes[codes == UNNAMED] = IGNORE
    shown = classes.shown()
    names = {name: f"labels of {len(opened)} images" for name in (TARGET_NAME, "phases")}
    with section.draft("mask", recipe, job) as draft:
        rasters = {
            name: create_raster(
                draft.path / name,
                section.shape,
                np.uint8,
                section.pixel_size_um,
                reduction="mode",
                origin=origin,
                labelled="BSE",
            )
            for name, origin in names.items()
        }
        done: dict[str, set[str]] = {name: set() for name in rasters}
        strips = {name: Strips(raster, done[name].add) for name, raster in rasters.items()}
        pixels = np.zeros(256, np.int64)
        # From the first strip on even after a stop: the counts are of all of them.
        for start in range(0, section.shape[0], CHUNK):
            job.progress(start, section.shape[0], "Importing labels")
            rows = slice(start, min(start + CHUNK, section.shape[0]))
            strip = np.full((rows.stop - rows.start, section.shape[1]), IGNORE, np.uint8)
            for one, into, lines in _inside(opened, layout, rows):
                if one.labels is not None:
                    strip[into] = codes[one.labels.keys(*lines)]
            pixels += np.bincount(strip.ravel(), minlength=256)
            strips["phases"].write(rows.start, strip)
            target = np.where(strip == IGNORE, strip, strip == TARGET).astype(np.uint8)
            strips[TARGET_NAME].write(rows.start, target)
        job.progress(section.shape[0], section.shape[0], "Importing labels")
        for name, raster in rasters.items():
            raster.build_pyramid(job, done[name].__contains__)
        labelled = int(pixels[:IGNORE].sum())
        draft.notes |= {
            LABELS: classes.named[0].name,
            "phase_percent": _percent(pixels[TARGET], labelled, 2),
            "modes": [
                one | {"percent": _percent(pixels[int(one["code"])], labelled, 3), "error": None}
                for one in shown
            ],
            "pixels_by_rule": {
                TARGET_NAME: _nonzero([labelled - pixels[1], pixels[1]], int(pixels[IGNORE])),
                "phases": _nonzero(pixels[:IGNORE], int(pixels[IGNORE])),
            },
        }


def _lay_with_margin(
    strip: NDArray[Any], rows: slice, one: OpenedPair, place: Place, margin: int
) -> None:
    """Write the part of an image and of its reflected margin that lies in a strip."""
    high, wide = one.shape
    first, last = max(place.row - margin, rows.start), min(place.row + high + margin, rows.stop)
    if first >= last:
        return
    lines = _reflected(np.arange(first - place.row, last - place.row), high)
    left, right = max(place.column - margin, 0), min(place.column + wide + margin, strip.shape[1])
    columns = _reflected(np.arange(left - place.column, right - place.column), wide)
    loaded = one.image.load(int(lines.min()), int(lines.max()) + 1)
    pixels = loaded[lines - lines.min()][:, columns]
    strip[first - rows.start : last - rows.start, left:right] = pixels


def _reflected(places: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Return where places before and behind an axis lie in it, reflected at its ends."""
    around = places % (2 * length)
    return np.where(around < length, around, 2 * length - 1 - around)


def _inside(
    opened: Sequence[OpenedPair], layout: Layout, rows: slice
) -> Iterator[tuple[OpenedPair, Block, tuple[int, int]]]:
    """Go through the images in some rows: where in these rows each goes, and which of its rows."""
    for place in layout.places:
        one = opened[place.image]
        high, wide = one.shape
        first, last = max(place.row, rows.start), min(place.row + high, rows.stop)
        if first < last:
            into = slice(first - rows.start, last - rows.start), _columns(place, wide)
            yield one, into, (first - place.row, last - place.row)


def _columns(place: Place, wide: int) -> slice:
    return slice(place.column, place.column + wide)


def _percent(pixels: int, labelled: int, digits: int) -> float:
    return round(100 * int(pixels) / max(1, labelled), digits)


def _nonzero(counts: Sequence[int] | NDArray[Any], ignored: int) -> dict[str, int]:
    """Return pixels by code, as corrections of a mask count them."""
    found = {str(code): int(count) for code, count in enumerate(counts) if count}
    return found | ({str(IGNORE): ignored} if ignored else {})
