"""Maps of a part of the section: which images belong together, and where the files say they lie."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers.base import BSE, Image, usual_pixel_size_um
from napari_olivine.readers.mosaic import StageFrame
from napari_olivine.readers.signals import ImageRef
from napari_olivine.readers.submaps.hand_placed import HandPlaced
from napari_olivine.section import SUBMAP_COLUMNS, SubmapPlace, Submaps

How = Literal["hand", "stage", "registered", "unknown"]

COARSEST, FINEST = 100.0, 0.1
"""Pixels of the section in a pixel of a submap: beyond, a pixel size must be wrong."""


@dataclass(frozen=True)
class UnplacedSignal:
    """A signal whose images are neither tiles of the mosaic nor a map of all of it.

    Parameters
    ----------
    signal
        Its name.
    images
        Its images.
    why
        Why they cannot be laid over BSE, as a sentence.
    """

    signal: str
    images: list[ImageRef]
    why: str


@dataclass(frozen=True)
class Submap:
    """Maps of a part of the section that were measured together.

    Parameters
    ----------
    name
        What the names of its files have in common.
    maps
        Image of each signal, all of `shape`.
    shape
        Rows and columns.
    pixel_size_um
        Side of a pixel, um.
    electron
        BSE image of the very submap, `None` without one: it tells best where the submap lies.
    place
        Where it lies, `None` if that is not known yet.
    how
        What the place was found by.
    explained
        Share of the variance of the section's BSE grey that the images of the submap explain
        there, NaN if it was not looked at.
    """

    name: str
    maps: Mapping[str, Image]
    shape: tuple[int, int]
    pixel_size_um: float
    electron: Image | None = None
    place: SubmapPlace | None = None
    how: How = "unknown"
    explained: float = float("nan")

    @property
    def images(self) -> list[Image]:
        """Its maps, and its BSE image if it has one."""
        return [*self.maps.values(), *([self.electron] if self.electron else [])]

    @property
    def sure(self) -> bool:
        """Whether the images themselves tell where it lies."""
        return bool(np.isfinite(self.explained))

    @property
    def words(self) -> str:
        """Where it lies and how that was found, in a sentence for the person."""
        shows = f"{self.name} ({', '.join(self.maps)}) shows a part of the section"
        if self.place is None:
            return f"{shows}; the import will look for it on the BSE image"
        corners = self.place.corners(self.shape)
        (top, left), (bottom, right) = corners.min(axis=0), corners.max(axis=0)
        where = f"rows {top:.0f} to {bottom:.0f}, columns {left:.0f} to {right:.0f}"
        if abs(self.place.angle_deg) > 0.05:
            where += f", turned by {self.place.angle_deg:.1f} degrees"
        placed = {"stage": "by its stage position", "hand": "where fields.csv says"}
        how = placed.get(self.how, "")
        if self.sure:
            share = f"its images explain {self.explained:.0%} of the variance of the BSE grey there"
            how = f"{how}, made exact: {share}" if how else share
        else:
            how += ", which the images do not confirm: look whether it fits"
        return f"{shows}, {where} ({how})"


@dataclass(frozen=True)
class FoundSubmaps:
    """Submaps, and what is wrong with images that are none.

    Parameters
    ----------
    submaps
        The submaps.
    failed
        Why images of some signals cannot be submaps, in sentences.
    remarks
        What the person should know, in sentences.
    """

    submaps: list[Submap]
    failed: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def find_submaps(
    unplaced: Sequence[UnplacedSignal],
    bse: Iterable[ImageRef],
    hand_placed: Mapping[str, HandPlaced],
    frame: StageFrame | None,
    pixel_size_um: float,
    job: Job,
) -> FoundSubmaps:
    """Put images together that show the same part of the section.

    Parameters
    ----------
    unplaced
        Signals that cannot be laid over BSE tile by tile or as a whole.
    bse
        BSE images of submaps.
    hand_placed
        Where a person says that submaps lie, by their names.
    frame
        The stage against the section's pixels, `None` if it is not known.
    pixel_size_um
        Side of a pixel of the section, um.
    job
        Running job.

    Returns
    -------
    FoundSubmaps
        The submaps; those whose place the files do not say have none.

    Raises
    ------
    InputError
        If a BSE image of a submap cannot be opened.
    """
    failed: list[str] = []
    together: dict[tuple[str, tuple[int, int]], dict[str, Image]] = defaultdict(dict)
    why = {one.signal: one.why for one in unplaced}
    for one in unplaced:
        images, unreadable = _opened(one, job)
        failed += unreadable
        for place, image in images:
            here = together[place, image.shape]
            if one.signal in here:
                failed.append(f"{image.file} shows the same as {here[one.signal].file}")
            here.setdefault(one.signal, image)
    own = {}
    for ref in bse:
        image = ref.open()
        own[ref.place, image.shape] = image
    shapes = Counter(place for place, _ in together)
    submaps: list[Submap] = []
    for (place, shape), maps in together.items():
        name = place or "maps"
        if shapes[place] > 1:
            name = f"{name} {shape[1]} x {shape[0]}"
        electron = own.get((place, shape))
        every = [*maps.values(), *([electron] if electron else [])]
        hand = hand_placed.get(name)
        size = hand.pixel_size_um if hand and hand.pixel_size_um else usual_pixel_size_um(every)
        if wrong := _why_no_submap(name, size, pixel_size_um):
            failed += [f"{why[signal]}; {wrong}" if why[signal] else wrong for signal in maps]
            continue
        assert size is not None
        found, how = _by_files(every, shape, size / pixel_size_um, frame)
        if hand is not None:
            found, how = hand.place(shape, size / pixel_size_um), "hand"
        submaps.append(Submap(name, maps, shape, size, electron, found, how))
    known = {one.name for one in submaps}
    remarks = [
        f"fields.csv places {name!r}, but there is no such field"
        + (f"; there are {', '.join(sorted(known))}" if known else "")
        for name in hand_placed
        if name not in known
    ]
    return FoundSubmaps(submaps, failed, remarks)


def _opened(one: UnplacedSignal, job: Job) -> tuple[list[tuple[str, Image]], list[str]]:
    """Open the images of a signal: places and images, and what is wrong with the others."""
    images: list[tuple[str, Image]] = []
    unreadable: list[str] = []
    for ref in one.images:
        job.check()
        try:
            images.append((ref.place, ref.open()))
        except InputError as error:
            unreadable.append(str(error))
    return (images, unreadable) if images else ([], [one.why])


def at_stage(one: Submap, frame: StageFrame, pixel_size_um: float) -> Submap:
    """Return a submap at its stage position, if that is what places it.

    Parameters
    ----------
    one
        The submap.
    frame
        The stage against the section's pixels.
    pixel_size_um
        Side of a pixel of the section, um.

    Returns
    -------
    Submap
        As it was if a person places it.
    """
    if one.how not in ("stage", "unknown"):
        return one
    place, how = _by_files(one.images, one.shape, one.pixel_size_um / pixel_size_um, frame)
    return replace(one, place=place, how=how)


def without_submaps(
    images: Mapping[str, list[ImageRef]],
) -> tuple[list[ImageRef], list[ImageRef]]:
    """Part the BSE images of the section from those that belong to maps of a part of it.

    A BSE image belongs to a submap if maps lie beside it and others of another size or with
    other pixels show the section.

    Parameters
    ----------
    images
        Images of each signal.

    Returns
    -------
    section, of_submaps
        BSE images.
    """
    bse = images[BSE]
    mapped = {ref.place for name, refs in images.items() if name != BSE for ref in refs}
    beside = [ref for ref in bse if ref.place in mapped]
    alone = [ref for ref in bse if ref.place not in mapped]
    if not beside or not alone:
        return bse, []
    usual = Counter(kind for ref in alone[:3] if (kind := _kind(ref)))
    if not usual:
        return bse, []
    of_section = usual.most_common(1)[0][0]
    of_submaps = [ref for ref in beside if (kind := _kind(ref)) and kind != of_section]
    left_out = {id(ref) for ref in of_submaps}
    return [ref for ref in bse if id(ref) not in left_out], of_submaps


def _kind(ref: ImageRef) -> tuple[tuple[int, int], float | None] | None:
    """Shape and pixel size of an image, `None` if it cannot be opened."""
    if (image := ref.try_open()) is None:
        return None
    size = image.acquisition.pixel_size_um
    return image.shape, float(f"{size:.3g}") if size else None


def table_of(submaps: Iterable[Submap]) -> Submaps:
    """Return the table of submaps that the section keeps: `Submaps`, with how and explained."""
    rows = []
    for one in submaps:
        assert one.place is not None
        numbers = (*one.shape, *one.place.matrix.ravel().tolist())
        rows.append((one.name, ",".join(one.maps), *numbers, one.how, one.explained))
    return Submaps(pd.DataFrame(rows, columns=[*SUBMAP_COLUMNS, "how", "explained"]))


def _why_no_submap(name: str, size_um: float | None, section_um: float) -> str:
    if size_um is None:
        return (
            f"if {name} shows a part of the section, say how large its pixels are (pixel_size_um "
            "in a fields.csv)"
        )
    if not FINEST <= size_um / section_um <= COARSEST:
        return (
            f"a pixel of {name} would be {size_um:.4g} um, one of BSE {section_um:.4g} um: one of "
            "them must be wrong"
        )
    return ""


def _by_files(
    images: list[Image], shape: tuple[int, int], scale: float, frame: StageFrame | None
) -> tuple[SubmapPlace | None, How]:
    """Place a submap by its stage position."""
    stages = [image.acquisition.stage_um for image in images]
    stage = next((one for one in stages if one is not None), None)
    if frame is None or stage is None or not np.isfinite(stage).all():
        return None, "unknown"
    centre = frame.stage_to_pixel(np.array([stage], np.float64))[0]
    return SubmapPlace.of(scale, 0.0, centre, shape), "stage"
