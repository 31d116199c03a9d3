"""Basalt: phenocrysts in a coarse groundmass of plagioclase, augite, olivine and oxides."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from napari_olivine.job import Job
from napari_olivine.phantom import phenocrysts
from napari_olivine.phantom.cells import bisected, divide
from napari_olivine.phantom.compositions import (
    BASALTIC_GLASS,
    CLINOPYROXENE,
    ENDS as USUAL,
    GLASS,
    OXIDE,
    PLAGIOCLASE,
    Pair,
)
from napari_olivine.phantom.fractures import pits, scratches, through_cracks
from napari_olivine.phantom.packing import OlivineHabit, Packing
from napari_olivine.phantom.polygons import number_for, paint, prisms, shrunk, tablets
from napari_olivine.phantom.scene import STEPS_BEFORE_TILES, Scene
from napari_olivine.phantom.settings import PhantomSettings
from napari_olivine.phantom.shapes import Shape, broken, faceted, smooth_field
from napari_olivine.phantom.zoning import Zoning

#: Glass goes from the last liquid between the crystals to the liquid that olivine enclosed.
ENDS: dict[int, Pair] = {GLASS: (USUAL[GLASS][0], BASALTIC_GLASS[1])}
#: Zoning of the olivines that no session requires, in turn.
KINDS = ("normal", "normal", "none", "complex", "normal", "reversed")


@dataclass(frozen=True)
class _Fabric:
    """What one seed decides about a basalt; lengths in um, areas in um2, shares in percent."""

    augite: float
    mesostasis: float
    lath: float
    slender: float
    plagioclase: float
    aligned: float
    oxides: float
    blades: float
    microlites_per_mm2: float
    microlite: float
    olivine: tuple[float, float]
    olivine_percent: float
    others_per_mm2: float
    vesicles_per_mm2: float
    cracks_per_100_um: float
    pits_per_mm2: float
    zoning: Zoning


def _draw_fabric(rng: np.random.Generator, settings: PhantomSettings) -> _Fabric:
    columns = min(b - a + 1 for a, b in settings.session_columns()) * settings.tile_width_px
    room = min(settings.shape[0], columns) * settings.pixel_size_um
    area = min(float(np.exp(rng.uniform(np.log(1.3e4), np.log(5e4)))), 0.03 * room**2)
    lath = float(np.exp(rng.uniform(np.log(45), np.log(140))))
    fo, drop = rng.uniform(0.77, 0.87), rng.uniform(0.07, 0.16)
    core, rim = (fo - 0.02, fo + 0.015), (fo - drop - 0.02, fo - drop)
    return _Fabric(
        augite=float(rng.uniform(0.45, 0.9)) * lath,
        mesostasis=float(rng.uniform(3, 14)),
        lath=lath,
        slender=float(rng.uniform(4, 9)),
        plagioclase=float(rng.uniform(38, 52)),
        aligned=float(rng.uniform(0.25, 2.0)),
        oxides=float(rng.uniform(1.0, 4.0)),
        blades=float(rng.uniform(0.05, 0.5)),
        microlites_per_mm2=float(rng.uniform(30, 110)) * (80 / lath) ** 0.7,
        microlite=float(rng.uniform(250, 700)),
        olivine=(area, min(4.0 * area, 0.06 * room**2)),
        olivine_percent=float(rng.uniform(4, 20)),
        others_per_mm2=float(rng.uniform(0.6, 2.5)),
        vesicles_per_mm2=float(rng.choice([0.0, 2.0, 8.0])),
        cracks_per_100_um=float(rng.uniform(0.3, 1.6)),
        pits_per_mm2=float(np.exp(rng.uniform(np.log(20), np.log(300)))),
        zoning=Zoning(
            normal=(core, rim),
            reversed=(rim, core),
            complex=(rim, rim, core),
            flat=core,
            micro=((fo - drop, 0.02, 1.0),),
            width=(0.15, 0.6),
            limits=(0.56, 0.92),
        ),
    )


def lay_basalt(rng: np.random.Generator, settings: PhantomSettings, scene: Scene, job: Job) -> None:
    """Lay out a section of basalt.

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

    Raises
    ------
    InputError
        If the phenocrysts that each session must have do not fit into it.
    """
    total, pixel = STEPS_BEFORE_TILES + settings.rows, settings.pixel_size_um
    fabric = _draw_fabric(rng, settings)
    _augite(rng, scene, fabric, pixel)
    job.progress(2, total, "phantom: plagioclase")
    _plagioclase(rng, scene, fabric, pixel, job)
    _oxides(rng, scene, fabric, pixel, job)
    job.progress(4, total, "phantom: large crystals")
    builder = _Builder(rng, settings, scene, job, fabric)
    builder.required_phenocrysts(builder.required_shape, builder.place_whole)
    builder.other_olivines()
    builder.other_phases()
    job.progress(6, total, "phantom: small olivines")
    builder.microlites()
    pits(rng, scene.cracks, fabric.pits_per_mm2, pixel)
    scratches(rng, scene.cracks, float(rng.uniform(0, 6)), pixel)


def _augite(rng: np.random.Generator, scene: Scene, fabric: _Fabric, pixel: float) -> None:
    """Lay grains of augite with the last liquid in the pockets between them."""
    shape = (scene.phase.shape[0], scene.phase.shape[1])
    grains = divide(rng, shape, max(fabric.augite / pixel, 6.0), spread=0.4, ragged=0.3, ripening=0)
    tones = rng.normal(0.62, 0.1, grains.count + 1).astype(np.float32)
    tone = tones[grains.label]
    # Augite is more ferroan towards the rims of its grains.
    tone += np.float32(0.35) * (1 - grains.level)
    patches = smooth_field(rng, shape, 300.0 / pixel)
    patches *= np.float32(0.06)
    patches += grains.level
    # Laths will cover about a half of the pockets too.
    pocket = patches <= bisected(patches, 1 - fabric.mesostasis / 100)
    scene.phase[:] = np.where(pocket, GLASS, CLINOPYROXENE)
    tone[pocket] = 0.12 + 0.5 * (patches[pocket] - 0.35)
    scene.mix[:] = np.clip(tone * 255, 0, 255)


def _plagioclase(
    rng: np.random.Generator, scene: Scene, fabric: _Fabric, pixel: float, job: Job
) -> None:
    """Paint zoned laths in all sizes, each over the earlier ones."""
    shape = (scene.phase.shape[0], scene.phase.shape[1])
    spread = 0.55
    mean_area = fabric.lath**2 / fabric.slender * np.exp(2 * spread**2) / pixel**2
    count = number_for(shape, fabric.plagioclase, mean_area)
    length = fabric.lath / pixel * rng.lognormal(0, spread, count)
    width = length / fabric.slender * rng.lognormal(0, 0.3, count)
    at = rng.random((count, 2)) * (shape[1], shape[0])
    angle = rng.normal(rng.uniform(0, np.pi), fabric.aligned, count)
    laths = tablets(rng, at, length, np.maximum(width, 1.2), angle)
    calcic = rng.normal(0.25, 0.12, count)
    for first in range(0, count, 2000):  # a lath is whole before the next ones cover it
        some = slice(first, first + 2000)
        paint(scene.phase, scene.mix, laths[some], PLAGIOCLASE, calcic[some], job)
        for factor, more in ((0.75, 0.2), (0.5, 0.38)):
            inner = shrunk(laths[some], factor)
            paint(scene.phase, scene.mix, inner, PLAGIOCLASE, calcic[some] + more, job)


def _oxides(
    rng: np.random.Generator, scene: Scene, fabric: _Fabric, pixel: float, job: Job
) -> None:
    """Paint equant titanomagnetite and blades of ilmenite."""
    shape = (scene.phase.shape[0], scene.phase.shape[1])
    radius_um = 0.06 * fabric.lath + 1.5
    percent = fabric.oxides * (1 - fabric.blades)
    count = number_for(shape, percent, 4.0 * (radius_um / pixel) ** 2)
    radius = radius_um / pixel * rng.lognormal(0, 0.45, count)
    grains = prisms(rng, shape, radius, rng.uniform(1, 1.5, count), uneven=0.2)
    paint(scene.phase, scene.mix, grains, OXIDE, np.zeros(count), job)
    long, wide = 0.38 * fabric.lath / pixel, max(0.04 * fabric.lath / pixel, 1.0)
    count = number_for(shape, fabric.oxides * fabric.blades, 1.3 * long * wide)
    at = rng.random((count, 2)) * (shape[1], shape[0])
    length, width = long * rng.lognormal(0, 0.5, count), wide * rng.lognormal(0, 0.3, count)
    blades = tablets(rng, at, length, width, rng.uniform(0, np.pi, count))
    paint(scene.phase, scene.mix, blades, OXIDE, np.zeros(count), job)


class _Builder(Packing):
    """Places phenocrysts and small olivines in the groundmass."""

    def __init__(
        self,
        rng: np.random.Generator,
        settings: PhantomSettings,
        scene: Scene,
        job: Job,
        fabric: _Fabric,
    ) -> None:
        habit = OlivineHabit(
            fabric.zoning, cracks=partial(through_cracks, per_100_um=fabric.cracks_per_100_um)
        )
        super().__init__(rng, settings, scene, job, habit)
        self.fabric = fabric

    def required_shape(self, attempt: int) -> Shape:
        return self._shape(0.92**attempt)

    def place_whole(self, shape: Shape, columns: tuple[int, int], kind: str) -> bool:
        spot = self.find_room(shape.mask, columns, whole=True)
        if spot is not None:
            self.add_olivine(shape, spot, kind)
        return spot is not None

    def other_olivines(self) -> None:
        for k in self.until_share(self.fabric.olivine_percent):
            shape, torn = (
                self._shape(float(self.rng.lognormal(-0.7, 1.0))),
                self.rng.random() < 0.15,
            )
            if torn:
                shape = broken(self.rng, shape)
            spot = self.find_room(shape.mask)
            if spot is not None:
                self.add_olivine(shape, spot, KINDS[k % len(KINDS)], torn=torn)

    def other_phases(self) -> None:
        """Place augite and plagioclase phenocrysts and vesicles."""
        area = self.settings.area_mm2
        for make, density in (
            (phenocrysts.augite, 0.5 * self.fabric.others_per_mm2),
            (phenocrysts.plagioclase, 0.5 * self.fabric.others_per_mm2),
            (phenocrysts.vesicle, self.fabric.vesicles_per_mm2),
        ):
            for _ in range(round(density * area)):
                body = make(self.rng, self.pixel)
                self.add_body(body, self.find_room(body.shape.mask))

    def microlites(self) -> None:
        """Place the olivines of the groundmass."""
        rng = self.rng
        for _ in range(round(self.fabric.microlites_per_mm2 * self.settings.area_mm2)):
            size = float(np.clip(self.fabric.microlite * rng.lognormal(-0.3, 0.8), 40, 2500))
            shape = faceted(
                rng, max(size / self.pixel**2, 16.0), faces=int(rng.integers(5, 9)),
                aspect=rng.uniform(1.0, 2.2), rounding=float(rng.choice([0.2, 0.8])), rough_px=0.3,
            )  # fmt: skip
            spot = self.find_room(shape.mask)
            if spot is not None:
                self.add_olivine(shape, spot, "micro")

    def _shape(self, relative: float) -> Shape:
        middle, largest = self.fabric.olivine
        area = float(np.clip(middle * relative, 900, largest))
        return phenocrysts.olivine(self.rng, area / self.pixel**2)
