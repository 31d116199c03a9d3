"""The tiles and maps of other signals laid over the tiles of BSE."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.base import SignalReader
from napari_olivine.readers.discover import BSE, in_short, is_wanted
from napari_olivine.readers.mosaic import Layout, TileMosaic
from napari_olivine.readers.signals import (
    Part,
    UpsampledSignal,
    WholeImage,
    another_size,
    repeated,
    times_finer,
)
from napari_olivine.readers.submaps import UnplacedSignal
from napari_olivine.section import Tiles

MAPPED_IN_PART = 0.9
"""A signal with fewer than this share of the BSE tiles was measured on a part of the section."""

SAME_TILE = 0.25
"""Images whose stage positions are farther apart, in longer sides, are not of one tile."""


def overlay_signals(
    chosen: dict[str, list[Part]],
    layout: Layout,
    settings: ImportSettings,
    lost: Sequence[str] = (),
    job: Job | None = None,
) -> tuple[dict[str, SignalReader], list[str], list[UnplacedSignal]]:
    """Put the tiles of every signal into their places.

    Parameters
    ----------
    chosen
        Images of each signal; the places of BSE are the names of the tiles.
    layout
        Where the tiles of BSE lie.
    settings
        Settings of the import.
    lost
        What is wrong with images of BSE that have no place, in sentences.
    job
        Running job.

    Returns
    -------
    signals
        Reader of each signal.
    remarks
        What the person should know, in sentences.
    unlaid
        Signals whose images show another field than the tiles of BSE.
    """
    signals: dict[str, SignalReader] = {}
    remarks: list[str] = []
    unlaid: list[UnplacedSignal] = []
    job = job or Job()
    known = {part.place: part for part in chosen[BSE]}
    for done, (name, parts) in enumerate(chosen.items()):
        job.progress(done, len(chosen), "Laying the signals over each other")
        if name == BSE:
            signals[name] = TileMosaic(
                name, layout, known, skip_missing=settings.skip_missing, lost=lost
            )
            continue
        wanted = is_wanted(name, settings)
        if not wanted and len(parts) == 1:
            remarks.append(f"{parts[0].file.name} is left out: it is no tile and names no signal")
            continue
        try:
            signals[name], told = _over_bse(name, parts, layout, settings, known)
        except InputError as error:
            if wanted:
                unlaid.append(UnplacedSignal(name, parts, str(error)))
            else:
                remarks.append(f"left out: {error}")
        else:
            remarks += told
    return signals, remarks, unlaid


def _over_bse(
    name: str,
    parts: list[Part],
    layout: Layout,
    settings: ImportSettings,
    bse: dict[str, Part],
) -> tuple[SignalReader, list[str]]:
    """Lay the tiles of another signal over those of BSE."""
    placed, remarks = _match(name, parts, layout)
    if len(parts) == 1 and len(layout.names) > 1 and not (placed and _is_tile(parts[0], layout)):
        return _one_map(name, parts[0], layout, bse)
    if not placed:
        raise InputError(
            f"{name}: none of its {len(parts)} tiles (e.g. {parts[0].place or parts[0].file.name}) "
            f"is named as one of BSE (e.g. {layout.names[0]})"
        )
    _refuse_elsewhere(name, placed, layout, bse)
    shape = _usual_shape(list(placed.values()), name)
    own = layout
    if len(placed) < MAPPED_IN_PART * len(layout.tiles):
        own = _only(layout, set(placed))
        remarks.append(
            f"{name} was measured on {len(placed)} of {len(layout.tiles)} tiles; it is empty "
            "elsewhere"
        )
    if shape == layout.tiles.tile_shape:
        return TileMosaic(name, own, placed, skip_missing=settings.skip_missing), remarks
    coarse = _coarser(name, own, shape)
    remarks.append(
        f"{name} has tiles of {shape[0]} x {shape[1]} px for BSE tiles of "
        f"{layout.tiles.tile_shape[0]} x {layout.tiles.tile_shape[1]} px: its pixels are repeated"
    )
    mosaic = TileMosaic(name, coarse, placed, skip_missing=settings.skip_missing)
    return UpsampledSignal(mosaic, layout.shape), remarks


def _refuse_elsewhere(
    name: str, placed: dict[str, Part], layout: Layout, bse: dict[str, Part]
) -> None:
    """Refuse tiles that are named as those of BSE, but were measured elsewhere on the stage.

    Raises
    ------
    InputError
        If the first few that tell their place lie off that of their tile.
    """
    compared = elsewhere = 0
    for tile, part in placed.items():
        try:
            image, under = part.open(), bse[tile].open()
        except InputError:
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
            f"{name}: by the stage its images (e.g. {next(iter(placed.values())).file.name}) were "
            f"measured elsewhere than the tiles of BSE of the same name or number"
        )


def _is_tile(part: Part, layout: Layout) -> bool:
    """Tell whether an image is a tile of the mosaic, and not a map of all of it."""
    try:
        return times_finer(layout.tiles.tile_shape, part.open().shape) is not None
    except InputError:
        return True


def _one_map(
    name: str, part: Part, layout: Layout, bse: dict[str, Part]
) -> tuple[SignalReader, list[str]]:
    """Lay one map of the whole mosaic (a montage) over the tiles of BSE."""
    image = part.open()
    if times_finer(layout.shape, image.shape) is None:
        raise InputError(
            f"{name} has one image, {part.file.name} ({image.shape[0]} x {image.shape[1]} px), "
            f"which is neither a map of all {len(layout.names)} tiles of BSE ({layout.shape[0]} x "
            f"{layout.shape[1]} px together) nor one of these tiles"
        )
    size, bse_size = image.acquisition.pixel_size_um, _pixel_size_um(bse)
    if why_not := another_size(name, size, bse_size, layout.shape[1] / image.shape[1]):
        raise InputError(f"{part.file.name} is no map of all tiles of BSE; {why_not}")
    whole = WholeImage(name, image)
    if image.shape == layout.shape:
        return whole, []
    return UpsampledSignal(whole, layout.shape), [repeated(name, image.shape, layout.shape)]


def _pixel_size_um(tiles: dict[str, Part]) -> float | None:
    """Pixel size of the first tile that can be opened."""
    for part in tiles.values():
        try:
            return part.open().acquisition.pixel_size_um
        except InputError:
            continue
    return None


def _match(name: str, parts: list[Part], layout: Layout) -> tuple[dict[str, Part], list[str]]:
    """Give each tile of BSE its image: by its whole place, the end of it, its folder or numbers.

    Of these the one is taken by which most tiles are found; a place that two images claim is none.
    Also returned is what the person should know, in sentences.
    """
    best: dict[str, Part] = {}
    by = ""
    names = layout.names
    for how, keys in (
        ("", list),
        ("", _ends),
        ("by their folders", _folders),
        ("by the numbers in their names", _numbers),
    ):
        tiles = _unique(keys(names))
        images = _unique(keys([part.place for part in parts]))
        found = {names[tiles[key]]: parts[images[key]] for key in tiles if key in images}
        if len(found) > len(best):
            best, by = found, how
        if len(best) in (len(parts), len(names)):
            break
    remarks = []
    if by:
        tile, part = next(iter(best.items()))
        remarks.append(
            f"{name}: its tiles are laid over those of BSE {by}, e.g. {part.file.name} over {tile}"
        )
    used = {id(part) for part in best.values()}
    if best and (strange := [part.file for part in parts if id(part) not in used]):
        remarks.append(f"{name}: {in_short(strange)} left out: there is no such tile of BSE")
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


def _usual_shape(parts: list[Part], name: str) -> tuple[int, int]:
    """Shape of most of the first few tiles that can be opened."""
    shapes: list[tuple[int, int]] = []
    told = ""
    for part in parts:
        try:
            shapes.append(part.open().shape)
        except InputError as error:
            told = str(error)
            continue
        if len(shapes) == 3:
            break
    if not shapes:
        raise InputError(f"{name}: none of its tiles can be read, e.g. {told}")
    return Counter(shapes).most_common(1)[0][0]


def _only(layout: Layout, names: set[str]) -> Layout:
    """Return the layout with some of its tiles; the section stays as large."""
    table = layout.tiles.table
    table = table[table["name"].isin(names)].reset_index(drop=True)
    return replace(layout, tiles=Tiles(table), doubled=[], gaps=[])


def _coarser(name: str, layout: Layout, shape: tuple[int, int]) -> Layout:
    """Return the layout for tiles of the same field with fewer pixels."""
    tile_shape = layout.tiles.tile_shape
    ratios = times_finer(tile_shape, shape)
    if ratios is None:
        raise InputError(
            f"{name} is not aligned with BSE: its tiles are {shape[0]} x {shape[1]} px, those of "
            f"BSE {tile_shape[0]} x {tile_shape[1]} px"
        )
    table = layout.tiles.table.copy()
    first = np.rint(layout.positions / ratios).astype(np.int64)
    table["row0"], table["col0"] = first.T
    table["row1"], table["col1"] = (first + shape).T
    table["y_px"], table["x_px"] = (layout.positions / ratios).T
    size = np.rint(np.divide(layout.shape, ratios)).astype(int)
    return replace(layout, tiles=Tiles(table), shape=(int(size[0]), int(size[1])))
