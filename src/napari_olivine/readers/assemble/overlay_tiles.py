"""The tiles and maps of other signals laid over the tiles of BSE."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.assemble.identify import Identified
from napari_olivine.readers.assemble.overlaid import Overlaid
from napari_olivine.readers.assemble.place import Placed
from napari_olivine.readers.base import SignalReader
from napari_olivine.readers.discover import in_short, is_wanted
from napari_olivine.readers.mosaic import Layout, TileMosaic
from napari_olivine.readers.signals import (
    ImageRef,
    UpsampledSignal,
    WholeImage,
    has_other_size,
    over_section,
    upsample,
    upsampling_factor,
)
from napari_olivine.readers.submaps import UnplacedSignal

MAPPED_IN_PART = 0.9
"""A signal with fewer than this share of the BSE tiles was measured on a part of the section."""

SAME_TILE = 0.25
"""Images whose stage positions are farther apart, in longer sides, are not of one tile."""


def overlay_tiles(
    identified: Identified, placed: Placed, settings: ImportSettings, job: Job
) -> Overlaid:
    """Put the tiles of every signal into their places.

    Parameters
    ----------
    identified
        Images of each signal; the places of BSE are the names of the tiles.
    placed
        Where the tiles of BSE lie, and what has no place.
    settings
        Settings of the import.
    job
        Running job.

    Returns
    -------
    Overlaid
        A reader of each signal; images that show another field than the tiles of BSE apart.
    """
    images, layout = identified.images, placed.layout
    assert layout is not None
    laid = Overlaid({}, placed.acquisition, [], [])
    bse = {image.place: image for image in placed.bse}
    reference = _Reference(identified.reference, bse)
    for done, (name, refs) in enumerate(images.items()):
        job.progress(done, len(images), "Laying the signals over each other")
        if name == identified.reference:
            laid.signals[name] = TileMosaic(
                name, layout, bse, skip_missing=settings.skip_missing, lost=placed.lost
            )
            continue
        wanted = is_wanted(name, settings)
        if not wanted and len(refs) == 1:
            laid.remarks.append(
                f"{refs[0].file.name} is left out: it is no tile and names no signal"
            )
            continue
        try:
            laid.signals[name], remarks = _over_tiles(name, refs, layout, settings, reference)
        except InputError as error:
            if wanted:
                laid.unplaced.append(UnplacedSignal(name, refs, str(error)))
            else:
                laid.remarks.append(f"left out: {error}")
        else:
            laid.remarks.extend(remarks)
    return laid


@dataclass(frozen=True)
class _Reference:
    """The signal that the others are laid over, and the image of each of its tiles."""

    name: str
    images: Mapping[str, ImageRef]


def _over_tiles(
    name: str,
    refs: list[ImageRef],
    layout: Layout,
    settings: ImportSettings,
    reference: _Reference,
) -> tuple[SignalReader, list[str]]:
    """Lay the tiles of another signal over those of the reference."""
    matched, remarks = _match(name, refs, layout.names, reference.name)
    if len(refs) == 1 and len(layout.names) > 1 and not (matched and _is_tile(refs[0], layout)):
        return _one_map(name, refs[0], layout, reference)
    if not matched:
        raise InputError(
            f"{name}: none of its {len(refs)} tiles (e.g. {refs[0].place or refs[0].file.name}) "
            f"is named as one of {reference.name} (e.g. {layout.names[0]})"
        )
    _refuse_elsewhere(name, matched, reference)
    shape = _usual_shape(matched.values(), name)
    if len(matched) < MAPPED_IN_PART * len(layout.tiles):
        remarks.append(
            f"{name} was measured on {len(matched)} of {len(layout.tiles)} tiles; it is empty "
            "elsewhere"
        )
        own = layout.only(matched)
    else:
        own = layout
    if shape == layout.tiles.tile_shape:
        return TileMosaic(name, own, matched, skip_missing=settings.skip_missing), remarks
    tile = layout.tiles.tile_shape
    if upsampling_factor(tile, shape) is None:
        raise InputError(
            f"{name} is not aligned with {reference.name}: its tiles are {shape[0]} x {shape[1]} "
            f"px, those of {reference.name} {tile[0]} x {tile[1]} px"
        )
    remarks.append(
        f"{name} has tiles of {shape[0]} x {shape[1]} px for {reference.name} tiles of "
        f"{tile[0]} x {tile[1]} px: its pixels are repeated"
    )
    mosaic = TileMosaic(name, own.coarser(shape), matched, skip_missing=settings.skip_missing)
    return UpsampledSignal(mosaic, layout.shape), remarks


def _refuse_elsewhere(name: str, matched: Mapping[str, ImageRef], reference: _Reference) -> None:
    """Refuse tiles that are named as those of BSE, but were measured elsewhere on the stage.

    Raises
    ------
    InputError
        If the first few that tell their place lie off that of their tile.
    """
    compared = elsewhere = 0
    for tile, ref in matched.items():
        image, under = ref.try_open(), reference.images[tile].try_open()
        if image is None or under is None:
            continue
        one, other, size = (
            image.acquisition.stage_um, under.acquisition.stage_um, under.acquisition.pixel_size_um
        )  # fmt: skip
        if one is None or other is None or not size:
            return
        away = float(np.hypot(one[0] - other[0], one[1] - other[1]))
        compared += 1
        elsewhere += away > SAME_TILE * max(under.shape) * size
        if compared == 5:
            break
    if elsewhere > compared / 2:
        raise InputError(
            f"{name}: by the stage its images (e.g. {next(iter(matched.values())).file.name}) were "
            f"measured elsewhere than the tiles of {reference.name} of the same name or number"
        )


def _is_tile(ref: ImageRef, layout: Layout) -> bool:
    """Tell whether an image is a tile of the mosaic, and not a map of all of it."""
    image = ref.try_open()
    return image is None or upsampling_factor(layout.tiles.tile_shape, image.shape) is not None


def _one_map(
    name: str, ref: ImageRef, layout: Layout, reference: _Reference
) -> tuple[SignalReader, list[str]]:
    """Lay one map of the whole mosaic (a montage) over the tiles of the reference."""
    image = ref.open()
    if upsampling_factor(layout.shape, image.shape) is None:
        raise InputError(
            f"{name} has one image, {ref.file.name} ({image.shape[0]} x {image.shape[1]} px), "
            f"which is neither a map of all {len(layout.names)} tiles of {reference.name} "
            f"({layout.shape[0]} x {layout.shape[1]} px together) nor one of these tiles"
        )
    first = next(
        (opened for tile in reference.images.values() if (opened := tile.try_open())), None
    )
    bse_size = first.acquisition.pixel_size_um if first is not None else None
    times = layout.shape[1] / image.shape[1]
    if why_not := has_other_size(name, image.acquisition.pixel_size_um, bse_size, times):
        raise InputError(f"{ref.file.name} is no map of all tiles of {reference.name}; {why_not}")
    signal = over_section(WholeImage(name, image), layout.shape)
    return signal, upsample(name, image.shape, layout.shape, reference.name)


def _match(
    name: str, refs: list[ImageRef], tiles: list[str], reference: str
) -> tuple[dict[str, ImageRef], list[str]]:
    """Give each tile of BSE its image: by its whole place, the end of it, its folder or numbers.

    Of these the one is taken by which most tiles are found; a place that two images claim is none.
    Also returned is what the person should know, in sentences.
    """
    best: dict[str, ImageRef] = {}
    by = ""
    ways: tuple[tuple[str, Callable[[list[str]], list[str]]], ...] = (
        ("", list),
        ("", _ends),
        ("by their folders", _folders),
        ("by the numbers in their names", _numbers),
    )
    for how, keys in ways:
        at_tile = _unique(keys(tiles))
        at_image = _unique(keys([ref.place for ref in refs]))
        matched = {tiles[at_tile[key]]: refs[at_image[key]] for key in at_tile if key in at_image}
        if len(matched) > len(best):
            best, by = matched, how
        if len(best) in (len(refs), len(tiles)):
            break
    remarks = []
    if by:
        tile, ref = next(iter(best.items()))
        remarks.append(
            f"{name}: its tiles are laid over those of {reference} {by}, e.g. {ref.file.name} over "
            f"{tile}"
        )
    used = {id(ref) for ref in best.values()}
    if best and (strange := [ref.file for ref in refs if id(ref) not in used]):
        remarks.append(
            f"{name}: {in_short(strange)} left out: there is no such tile of {reference}"
        )
    return best, remarks


def _unique(keys: list[str]) -> dict[str, int]:
    """Return where each key stands, without the empty ones and those that stand twice."""
    counts = Counter(keys)
    return {key: at for at, key in enumerate(keys) if key and counts[key] == 1}


def _ends(places: list[str]) -> list[str]:
    return [PurePosixPath(place).name for place in places]


def _folders(places: list[str]) -> list[str]:
    return [PurePosixPath(place).parent.as_posix() for place in places]


def _numbers(places: list[str]) -> list[str]:
    """Return the numbers of each place that are not the same in all of them."""
    numbers = [re.findall(r"\d+", place) for place in places]
    usual = Counter(map(len, numbers)).most_common(1)[0][0]
    alike = [each for each in numbers if len(each) == usual]
    varying = [at for at in range(usual) if len({each[at] for each in alike}) > 1]
    return [
        "/".join(each[at].lstrip("0") or "0" for at in varying) if len(each) == usual else ""
        for each in numbers
    ]


def _usual_shape(refs: Iterable[ImageRef], name: str) -> tuple[int, int]:
    """Shape of most of the first few tiles that can be opened."""
    shapes: list[tuple[int, int]] = []
    last_error = ""
    for ref in refs:
        try:
            shapes.append(ref.open().shape)
        except InputError as error:
            last_error = str(error)
            continue
        if len(shapes) == 3:
            break
    if not shapes:
        raise InputError(f"{name}: none of its tiles can be read, e.g. {last_error}")
    return Counter(shapes).most_common(1)[0][0]
