"""Olivine cumulate: grains in contact, oikocrysts of pyroxene, plagioclase between, serpentine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from napari_olivine.job import Job
from napari_olivine.phantom import phenocrysts
from napari_olivine.phantom.cells import Cells, bisected, divide
from napari_olivine.phantom.compositions import (
    BASALTIC_GLASS,
    CLINOPYROXENE,
    GLASS,
    OLIVINE,
    ORTHOPYROXENE,
    OXIDE,
    PLAGIOCLASE,
    SERPENTINE,
    Pair,
)
from napari_olivine.phantom.fractures import (
    fracture,
    lamellae,
    pits,
    scratches,
    through_cracks,
    wander,
)
from napari_olivine.phantom.polygons import draw_path, paint, prisms
from napari_olivine.phantom.scene import STEPS_BEFORE_TILES, Crystal, Scene
from napari_olivine.phantom.settings import PhantomSettings
from napari_olivine.phantom.shapes import Shape, distance_px, largest_piece, smooth_field
from napari_olivine.phantom.zoning import Zoning, core_and_rim, mg_number

ENDS: dict[int, Pair] = {GLASS: BASALTIC_GLASS}
_SMALLEST_PX = 24


@dataclass(frozen=True)
class _Fabric:
    """What one seed decides about a cumulate; lengths in um."""

    grain: float
    spread: float
    ripening: int
    olivine: float
    serpentine: float
    contact: float
    enclosed: float
    oikocryst_size: float
    augite: float
    chromite_percent: float
    cracks_per_100_um: float
    veins_per_mm2: float
    cracked_borders: float
    zoning: Zoning
    kinds: tuple[float, float, float]


def _draw_fabric(rng: np.random.Generator, settings: PhantomSettings) -> _Fabric:
    pixel = settings.pixel_size_um
    columns = min(b - a + 1 for a, b in settings.session_columns()) * settings.tile_width_px
    room = min(settings.shape[0], columns) * pixel
    grain = min(float(np.exp(rng.uniform(np.log(110), np.log(330)))), 0.3 * room)
    fo, drop = rng.uniform(0.795, 0.895), rng.uniform(0.015, 0.06)
    wide = rng.uniform(0.004, 0.014)
    core = (fo - wide, fo + wide)
    rim = (core[0] - drop, core[1] - 0.6 * drop)
    normal = float(rng.uniform(0.15, 0.5))
    return _Fabric(
        grain=grain,
        spread=float(rng.uniform(0.2, 0.42)),
        ripening=int(rng.integers(2, 6)),
        olivine=float(rng.uniform(0.622, 0.682)),
        serpentine=float(rng.uniform(0.003, 0.045)),
        contact=float(rng.uniform(0.90, 0.96)),
        enclosed=float(rng.uniform(0.2, 0.45)),
        oikocryst_size=min(grain * rng.uniform(2.5, 6.0), 0.5 * room),
        augite=float(rng.choice([1.0, 0.75, 0.4])),
        chromite_percent=float(rng.uniform(0.2, 1.2)),
        cracks_per_100_um=float(rng.uniform(0.3, 1.6)),
        veins_per_mm2=float(rng.uniform(0.4, 3.0)),
        cracked_borders=float(rng.uniform(-1.0, 1.0)),
        zoning=Zoning(
            normal=(core, rim),
            reversed=(rim, core),
            complex=(core, rim, (fo + 0.01, fo + 0.03)),
            flat=core,
            width=(0.25, 0.6),
            limits=(0.70, 0.935),
        ),
        kinds=(normal, 0.08, 0.07),
    )


def lay_cumulate(
    rng: np.random.Generator, settings: PhantomSettings, scene: Scene, job: Job
) -> None:
    """Lay out a section of an olivine cumulate; 60 to 70 % of it is olivine.

    Parameters
    ----------
    rng
        Random numbers.
    settings
        Size and sessions.
    scene
        The section, changed in place.
    job
        Running job.
    """
    total, pixel = STEPS_BEFORE_TILES + settings.rows, settings.pixel_size_um
    fabric = _draw_fabric(rng, settings)
    cells = divide(
        rng, settings.shape, fabric.grain / pixel,
        spread=fabric.spread, ragged=0.12, ripening=fabric.ripening,
    )  # fmt: skip
    job.check()
    job.progress(2, total, "phantom: veins and cracks")
    wet = _veins(rng, scene, fabric, pixel)
    job.progress(3, total, "phantom: oikocrysts")
    _between(rng, scene, cells, fabric, pixel)
    _chromite(rng, scene, cells, fabric, pixel, job)
    job.progress(5, total, "phantom: olivine")
    _olivine(rng, scene, cells, fabric, settings, job)
    _alteration(rng, scene, wet, fabric, pixel)
    scene.table[:] = _still_there(scene)
    pits(rng, scene.cracks, float(np.exp(rng.uniform(np.log(15), np.log(250)))), pixel)
    scratches(rng, scene.cracks, float(rng.uniform(0, 6)), pixel)


def _veins(
    rng: np.random.Generator, scene: Scene, fabric: _Fabric, pixel: float
) -> NDArray[np.uint8]:
    """Draw long cracks through many grains; give where water came along them, 255 or 0."""
    height, width = scene.phase.shape
    wet = np.zeros((height, width), np.uint8)
    side = min(height, width) * pixel
    for _ in range(int(rng.poisson(fabric.veins_per_mm2 * height * width * (pixel / 1e3) ** 2))):
        start = (float(rng.uniform(0, width)), float(rng.uniform(0, height)))
        way = rng.uniform(0, 2 * np.pi)
        length, opening = side * rng.uniform(0.3, 1.0), rng.uniform(0.3, 1.2)
        path = fracture(rng, scene.cracks, start, way, length, opening, pixel)
        halo = rng.lognormal(np.log(5.0), 0.6) * np.exp(0.5 * wander(rng, len(path), 9)) / pixel
        draw_path(wet, path, 255, halo[1:])
    return wet


def _oikocrysts(
    rng: np.random.Generator, scene: Scene, fabric: _Fabric, pixel: float
) -> tuple[Cells, NDArray[np.bool_], float]:
    """Divide the section coarsely and choose the cells that are oikocrysts.

    As many are chosen as the mode of olivine needs for grains that touch elsewhere. The third
    value is the share of olivine elsewhere.
    """
    size = fabric.oikocryst_size / pixel
    large = divide(rng, scene.phase.shape, size, spread=0.3, ragged=0.5, ripening=1)
    rest = fabric.olivine + fabric.serpentine
    areas = np.bincount(large.label.ravel(), minlength=large.count + 1) / large.label.size
    chosen, area, contact = np.zeros(large.count + 1, np.bool_), 0.0, rest
    for number in rng.permutation(large.count) + 1:
        if contact >= fabric.contact or area + areas[number] > 0.6:
            continue
        chosen[number] = True
        area += areas[number]
        contact = (rest - fabric.enclosed * area) / (1 - area)
    return large, chosen, min(contact, 0.97)


def _between(
    rng: np.random.Generator,
    scene: Scene,
    cells: Cells,
    fabric: _Fabric,
    pixel: float,
) -> None:
    """Fill what is not olivine: pyroxene in oikocrysts, plagioclase elsewhere."""
    shape = scene.phase.shape
    large, chosen, contact = _oikocrysts(rng, scene, fabric, pixel)
    oikocryst = chosen[large.label]
    pockets = smooth_field(rng, shape, 1.3 * fabric.grain / pixel)
    pockets *= np.float32(rng.uniform(0.02, 0.08))
    room = cells.level - pockets
    del pockets
    # Inside an oikocryst olivine is sparse and rounded, elsewhere it fills all but pockets.
    sparse = np.clip(rng.normal(0.2, 0.12, cells.count + 1), 0.0, 0.5).astype(np.float32)
    room -= oikocryst * sparse[cells.label]
    limit = float(np.quantile(room[~oikocryst][::7], 1 - contact))
    rest = fabric.olivine + fabric.serpentine + 0.006
    inside = (rest - (room[~oikocryst] > limit).mean() * (~oikocryst).mean()) / oikocryst.mean()
    inner = float(np.quantile(room[oikocryst][::7], 1 - np.clip(inside, 0, 1)))
    olivine = room > np.where(oikocryst, np.float32(inner), np.float32(limit))
    del room
    _fill(rng, scene, cells, large, oikocryst, fabric, pixel)
    scene.phase[olivine] = OLIVINE
    _cleave(rng, scene, large, oikocryst & ~olivine, pixel)
    _part(rng, scene, cells, olivine, fabric, pixel)


def _fill(
    rng: np.random.Generator,
    scene: Scene,
    cells: Cells,
    large: Cells,
    oikocryst: NDArray[np.bool_],
    fabric: _Fabric,
    pixel: float,
) -> None:
    """Lay pyroxene and plagioclase, before olivine covers most of them."""
    names = np.where(rng.random(large.count + 1) < fabric.augite, CLINOPYROXENE, ORTHOPYROXENE)
    tones = rng.uniform(0.05, 0.55, large.count + 1).astype(np.float32) * 255
    scene.phase[:] = PLAGIOCLASE
    scene.phase[oikocryst] = names[large.label[oikocryst]].astype(np.uint8)
    zoned = smooth_field(rng, scene.phase.shape, 0.6 * fabric.grain / pixel)
    zoned *= np.float32(0.05 * 255)
    sodic = np.float32(rng.uniform(0.3, 0.9) * 255)
    scene.mix[:] = np.clip(zoned + sodic - 60 * (0.5 - cells.level).clip(0), 0, 255)
    tone = tones[large.label[oikocryst]] + 0.4 * zoned[oikocryst]
    scene.mix[oikocryst] = np.clip(tone, 0, 255)


def _cleave(
    rng: np.random.Generator,
    scene: Scene,
    large: Cells,
    pyroxene: NDArray[np.bool_],
    pixel: float,
) -> None:
    """Draw the cleavage of oikocrysts, parallel in each."""
    for number, box in enumerate(find_objects(large.label), start=1):
        if box is None:
            continue
        mask = pyroxene[box] & (large.label[box] == number)
        if mask.sum() > 200:
            drawn = lamellae(rng, mask, pixel)
            np.maximum(scene.cracks[box], drawn, out=scene.cracks[box])


def _part(
    rng: np.random.Generator,
    scene: Scene,
    cells: Cells,
    olivine: NDArray[np.bool_],
    fabric: _Fabric,
    pixel: float,
) -> None:
    """Open some of the borders between grains as thin cracks."""
    border = np.zeros(olivine.shape, np.bool_)
    for axis in (0, 1):
        border |= cells.label != np.roll(cells.label, 1, axis)
    border &= olivine
    field = smooth_field(rng, olivine.shape, 0.7 * fabric.grain / pixel)
    strength = np.clip((field[border] + fabric.cracked_borders) * 70, 0, 200) * min(1, 1 / pixel)
    here = scene.cracks[border]
    scene.cracks[border] = np.maximum(here, strength.astype(np.uint8))


def _chromite(
    rng: np.random.Generator,
    scene: Scene,
    cells: Cells,
    fabric: _Fabric,
    pixel: float,
    job: Job,
) -> None:
    """Paint cubes of chromite, most of them along grain boundaries."""
    shape = scene.phase.shape
    radius_um, spread = rng.uniform(4.0, 11.0), 0.5
    mean_area = 2.6 * radius_um**2 * np.exp(2 * spread**2) / pixel**2
    count = max(2, round(fabric.chromite_percent / 100 * shape[0] * shape[1] / mean_area))
    spots = rng.random((8 * count, 2)) * (shape[1] - 1, shape[0] - 1)
    level = cells.level[spots[:, 1].astype(int), spots[:, 0].astype(int)]
    order = np.argsort(level + rng.exponential(0.35, len(level)))
    centre = spots[order[:count]]
    radius = np.minimum(rng.lognormal(np.log(radius_um), spread, count), 18.0) / pixel
    for corners in (4, 6, 8):
        some = slice(corners // 2 - 2, None, 3)
        aspect = rng.uniform(1, 1.25, len(radius[some]))
        cubes = prisms(
            rng, shape, np.maximum(radius[some], 0.8), aspect,
            corners=corners, centre=centre[some], uneven=0.12,
        )  # fmt: skip
        tones = rng.uniform(0.75, 1.0, len(cubes))
        paint(scene.phase, scene.mix, cubes, OXIDE, tones, job)


def _olivine(
    rng: np.random.Generator,
    scene: Scene,
    cells: Cells,
    fabric: _Fabric,
    settings: PhantomSettings,
    job: Job,
) -> None:
    """Make each grain a crystal of the truth."""
    draw_cracks = partial(through_cracks, per_100_um=fabric.cracks_per_100_um)
    width = settings.tile_width_px
    last = [(b + 1) * width for _, b in settings.session_columns()[:-1]]
    pixel = settings.pixel_size_um
    full_shape = scene.phase.shape
    for number, box in enumerate(find_objects(cells.label), start=1):
        job.check()
        if box is None:
            continue
        mine = (cells.label[box] == number) & (scene.phase[box] == OLIVINE)
        mask = largest_piece(mine)
        if mask.sum() < _SMALLEST_PX:
            scene.phase[box][mine] = PLAGIOCLASE
            continue
        scene.phase[box][mine & ~mask] = PLAGIOCLASE
        shape = _shape_of(mask, box, scene.phase.shape)
        kind = str(rng.choice(["normal", "reversed", "complex", "none"],
                              p=[*fabric.kinds, 1 - sum(fabric.kinds)]))  # fmt: skip
        mg = mg_number(rng, shape, kind, fabric.zoning)
        core, rim = core_and_rim(mg, shape)
        phase, mix = scene.phase[box], scene.mix[box]
        for hole in phenocrysts.inclusions(rng, shape, pixel) if rng.random() < 0.5 else []:
            phase[hole.mask & mask] = hole.phase
            mix[hole.mask & mask] = hole.mix
        olivine = largest_piece(mask & (phase == OLIVINE))
        phase[mask & (phase == OLIVINE) & ~olivine] = PLAGIOCLASE
        crystal = len(scene.table) + 1
        scene.crystals[box][olivine] = crystal
        scene.mg[box][olivine] = np.round(mg[olivine] * 10_000).astype(np.uint16)
        drawn = draw_cracks(rng, mask, pixel)
        np.maximum(scene.cracks[box], drawn, out=scene.cracks[box])
        middle = (box[1].start + box[1].stop) / 2
        session = 1 + sum(int(middle >= end) for end in last)
        sides = zip(box, full_shape, strict=True)
        whole = all(part.start > 0 and part.stop < full for part, full in sides)
        area = int(olivine.sum())
        scene.table.append(Crystal(crystal, kind, False, core, rim, area, session, box, whole))


def _shape_of(mask: NDArray[np.bool_], box: tuple[slice, slice], whole: tuple[int, ...]) -> Shape:
    """Depth below the outline; an edge of the section is no outline."""
    sides = [(part.start > 0, part.stop < length) for part, length in zip(box, whole, strict=True)]
    padded = np.pad(mask.astype(np.uint8), 1)
    for axis, (first, last) in enumerate(sides):
        for edge, open_ in ((0, first), (-1, last)):
            if not open_:
                index: list[slice | int] = [slice(None), slice(None)]
                index[axis] = edge
                padded[tuple(index)] = 1
    filled = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    depth = distance_px(filled > 0)[1:-1, 1:-1]
    return Shape(mask, depth, np.where(mask, depth, -1).astype(np.float32))


def _alteration(
    rng: np.random.Generator,
    scene: Scene,
    wet: NDArray[np.uint8],
    fabric: _Fabric,
    pixel: float,
) -> None:
    """Turn olivine along veins and cracks into serpentine with specks of magnetite."""
    shape = scene.phase.shape
    fibres = smooth_field(rng, shape, 3.0 / pixel)
    away = distance_px(scene.cracks <= 110)
    beside = away * pixel < rng.uniform(1.5, 4.0) * (1 + 0.35 * fibres)
    del away
    # Water soaks some parts of the rock; it comes along veins before it comes along cracks.
    soaked = smooth_field(rng, shape, 2.5 * fabric.grain / pixel)
    soaked += np.float32(3.0) * (wet > 127)
    soaked[~((scene.phase == OLIVINE) & (beside | (wet > 127)))] = -9
    new = soaked > max(bisected(soaked, fabric.serpentine), -8.0)
    scene.phase[new] = SERPENTINE
    scene.cracks[new] //= 3  # filled
    scene.mix[new] = np.clip(110 + 45 * fibres[new], 0, 255)
    specks = new & (wet > 127) & (fibres > 2.3)
    scene.phase[specks] = OXIDE
    scene.mix[specks] = 0
    scene.mg[new] = 0
    scene.crystals[new] = 0


def _still_there(scene: Scene) -> list[Crystal]:
    """Keep the crystals of which the alteration left something, numbered anew."""
    areas = np.bincount(scene.crystals.ravel(), minlength=len(scene.table) + 1)
    left = [crystal for crystal in scene.table if areas[crystal.id]]
    numbers = np.zeros(len(areas), np.uint32)
    for number, crystal in enumerate(left, start=1):
        numbers[crystal.id] = number
        crystal.area_px = int(areas[crystal.id])
        crystal.id = number
    scene.crystals[:] = numbers[scene.crystals]
    return left
