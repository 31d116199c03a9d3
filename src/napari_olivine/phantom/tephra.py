"""Tephra: vesicular clasts of basaltic glass in resin; olivine is darker than the glass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.phantom import phenocrysts
from napari_olivine.phantom.cells import Cells, bisected, divide
from napari_olivine.phantom.compositions import (
    BASALTIC_GLASS,
    CLINOPYROXENE,
    GLASS,
    OXIDE,
    PLAGIOCLASE,
    RESIN,
    VESICLE,
    Pair,
)
from napari_olivine.phantom.fractures import pits, scratches, through_cracks
from napari_olivine.phantom.packing import OlivineHabit, Packing
from napari_olivine.phantom.polygons import paint, prisms, shrunk, tablets
from napari_olivine.phantom.scene import STEPS_BEFORE_TILES, Box, Mask, Scene
from napari_olivine.phantom.settings import PhantomSettings
from napari_olivine.phantom.shapes import (
    Shape,
    broken,
    distance_px,
    faceted,
    largest_piece,
    smooth_field,
)
from napari_olivine.phantom.zoning import Zoning

ENDS: dict[int, Pair] = {GLASS: BASALTIC_GLASS}
#: Reach of the film on a crystal that is not loose, pixels.
_RIM_PX = 6
#: Zoning of the olivines that no session requires, in turn.
KINDS = ("none", "normal", "normal", "none", "complex", "reversed", "none", "normal")


@dataclass(frozen=True)
class _Fabric:
    """What one seed decides about a tephra; lengths in um, areas in um2."""

    clast: float
    spread: float
    ragged: float
    void: float
    vesicles: float
    microlites: float
    laths: tuple[float, float]
    olivine: tuple[float, float]
    olivine_percent: float
    others_per_mm2: float
    loose: float
    film: float
    cracks_per_100_um: float
    pits_per_mm2: float
    zoning: Zoning


def _draw_fabric(rng: np.random.Generator, settings: PhantomSettings) -> _Fabric:
    columns = min(b - a + 1 for a, b in settings.session_columns()) * settings.tile_width_px
    room = min(settings.shape[0], columns) * settings.pixel_size_um
    clast = min(float(np.exp(rng.uniform(np.log(330), np.log(800)))), 0.55 * room)
    area = min(float(np.exp(rng.uniform(np.log(1.6e4), np.log(7e4)))), 0.03 * room**2)
    long = float(np.exp(rng.uniform(np.log(16), np.log(80))))
    fo, drop = rng.uniform(0.85, 0.905), rng.uniform(0.02, 0.05)
    core, rim = (fo - 0.012, fo + 0.012), (fo - drop - 0.012, fo - drop)
    return _Fabric(
        clast=clast,
        spread=float(rng.uniform(0.3, 0.6)),
        ragged=float(rng.uniform(0.15, 0.45)),
        void=float(rng.uniform(0.33, 0.44)),
        vesicles=float(rng.uniform(0.02, 0.3)),
        microlites=float(rng.uniform(0.02, 0.35)),
        laths=(long, long / rng.uniform(5.0, 9.0)),
        olivine=(area, min(4.5 * area, 0.06 * room**2)),
        olivine_percent=float(rng.uniform(4, 20)),
        others_per_mm2=float(rng.uniform(0.6, 2.5)),
        loose=float(rng.uniform(0.2, 0.7)),
        film=float(rng.uniform(6, 28)),
        cracks_per_100_um=float(rng.uniform(0.2, 1.4)),
        pits_per_mm2=float(np.exp(rng.uniform(np.log(20), np.log(300)))),
        zoning=Zoning(
            normal=(core, rim),
            reversed=(rim, core),
            complex=(rim, rim, core),
            flat=core,
            micro=((fo - drop, 0.008, 1.0),),
            width=(0.12, 0.5),
            limits=(0.78, 0.935),
        ),
    )


def lay_tephra(rng: np.random.Generator, settings: PhantomSettings, scene: Scene, job: Job) -> None:
    """Lay out a section of tephra; 25 to 50 % of it is resin, in vesicles too.

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
    clasts = divide(
        rng, settings.shape, fabric.clast / pixel,
        spread=fabric.spread, ragged=fabric.ragged, ripening=1,
    )  # fmt: skip
    _glass(rng, scene, clasts, fabric, pixel, job)
    job.progress(2, total, "phantom: vesicles and clasts")
    bubbles = _vesicles(rng, clasts, fabric, pixel)
    outside = _outside(rng, clasts, bubbles, fabric, pixel)
    del clasts
    job.progress(4, total, "phantom: large crystals")
    builder = _Builder(rng, settings, scene, job, fabric, outside, bubbles)
    builder.required_phenocrysts(builder.required_shape, builder.place_whole)
    builder.other_olivines()
    builder.other_phases()
    job.progress(6, total, "phantom: small olivines")
    builder.microlites()
    void = builder.void & (scene.crystals == 0) & ~builder.solid
    scene.phase[void] = RESIN
    scene.phase[void & bubbles & ~outside] = VESICLE
    scene.mix[void] = 0
    pits(rng, scene.cracks, fabric.pits_per_mm2, pixel)
    scratches(rng, scene.cracks, float(rng.uniform(0, 6)), pixel)
    scene.cracks[void] = 0


def _glass(
    rng: np.random.Generator,
    scene: Scene,
    clasts: Cells,
    fabric: _Fabric,
    pixel: float,
    job: Job,
) -> None:
    """Lay glass and its microlites, from none in one clast to many in another."""
    shape = (scene.phase.shape[0], scene.phase.shape[1])
    tones = rng.normal(0.5, 0.18, clasts.count + 1).astype(np.float32)
    near = smooth_field(rng, shape, 60.0 / pixel)
    near *= np.float32(0.03)
    near += tones[clasts.label]
    scene.phase[:] = GLASS
    scene.mix[:] = np.clip(near * 255, 0, 255)
    del near
    # A third of the clasts is clean glass.
    crowded = np.where(
        rng.random(clasts.count + 1) < 0.33, 0.0, rng.uniform(0, 2, clasts.count + 1)
    )
    flow = rng.uniform(0, np.pi, clasts.count + 1)
    aligned = rng.uniform(0.15, 1.2, clasts.count + 1)

    def scattered(
        mean_area_px: float, share: float
    ) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        number = int(2 * share * shape[0] * shape[1] / mean_area_px)
        at = rng.random((number, 2)) * (shape[1] - 1, shape[0] - 1)
        clast = clasts.label[at[:, 1].astype(int), at[:, 0].astype(int)]
        kept = rng.random(number) < crowded[clast] / 2
        return at[kept], clast[kept]

    long, wide = fabric.laths
    at, clast = scattered(1.2 * long * wide / pixel**2, fabric.microlites)
    length = rng.lognormal(np.log(long), 0.5, len(at)) / pixel
    width = rng.lognormal(np.log(wide), 0.35, len(at)) / pixel
    laths = tablets(rng, at, length, width, rng.normal(flow[clast], aligned[clast]))
    calcic = rng.normal(0.5, 0.12, len(at))
    paint(scene.phase, scene.mix, laths, PLAGIOCLASE, calcic, job)
    for code, share, radius_um, aspect in (
        (CLINOPYROXENE, 0.5, 4.0, 2.2), (OXIDE, 0.025, 1.2, 1.2),
    ):  # fmt: skip
        at, clast = scattered(4.0 * (radius_um / pixel) ** 2, share * fabric.microlites)
        radius = rng.lognormal(np.log(radius_um), 0.45, len(at)) / pixel
        grains = prisms(rng, shape, radius, rng.uniform(1, aspect, len(at)), centre=at)
        tone = rng.normal(0.5, 0.2, len(at)) if code == CLINOPYROXENE else np.zeros(len(at))
        paint(scene.phase, scene.mix, grains, code, tone, job)
        if code == CLINOPYROXENE:
            paint(scene.phase, scene.mix, shrunk(grains, 0.6), code, tone - 0.15, job)


def _vesicles(rng: np.random.Generator, clasts: Cells, fabric: _Fabric, pixel: float) -> Mask:
    """Draw bubbles, more in one clast than in another; those that grew together have one wall."""
    shape = clasts.label.shape
    drawn = np.zeros(shape, np.uint8)
    foamy = rng.gamma(1.5, 1 / 1.5, clasts.count + 1)
    stretch = 1 + rng.gamma(1.0, 0.25, clasts.count + 1)
    way = rng.uniform(0, 180, clasts.count + 1)
    mean_um = min(float(np.exp(rng.uniform(np.log(9), np.log(26)))), 0.06 * fabric.clast)
    mean_area = np.pi * mean_um**2 * np.exp(2 * 0.7**2) / pixel**2
    number = int(4 * fabric.vesicles * drawn.size / mean_area)
    at = rng.random((number, 2)) * (shape[1] - 1, shape[0] - 1)
    clast = clasts.label[at[:, 1].astype(int), at[:, 0].astype(int)]
    kept = rng.random(number) < np.minimum(foamy[clast], 4) / 4
    radii = rng.lognormal(np.log(mean_um), 0.7, number)
    radii = np.minimum(radii, 0.2 * fabric.clast) / pixel
    round_ = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    for place, radius, home in zip(at[kept], radii[kept], clast[kept], strict=True):
        dents = rng.normal(0, (0.05, 0.03)) @ np.sin(
            np.outer((2, 3), round_) + rng.uniform(0, 2 * np.pi, (2, 1))
        )
        reach = radius * (1 + dents)
        long, short = np.sqrt(stretch[home]), 1 / np.sqrt(stretch[home])
        wall = np.stack([long * reach * np.cos(round_), short * reach * np.sin(round_)], axis=1)
        turn = np.deg2rad(way[home] + rng.normal(0, 12))
        turned = wall @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        cv2.fillPoly(drawn, [np.round((turned + place) * 16).astype(np.int32)], 1, cv2.LINE_8, 4)
    return drawn > 0


def _outside(
    rng: np.random.Generator, clasts: Cells, bubbles: Mask, fabric: _Fabric, pixel: float
) -> Mask:
    """Give the resin between the clasts: so much that with the vesicles the share is right."""
    shape = clasts.label.shape
    gaps = rng.gamma(1.2, 0.05, clasts.count + 1).astype(np.float32)
    gaps[rng.random(clasts.count + 1) < 0.05] = 9  # a place without a clast
    solid = clasts.level - gaps[clasts.label]
    for scale_um, depth in ((0.22 * fabric.clast, 0.05), (40.0, 0.008)):
        rough = smooth_field(rng, shape, max(3.0, scale_um / pixel))
        rough *= np.float32(depth)
        solid += rough
    del rough
    solid[bubbles] = -99
    limit = bisected(solid, 1 - fabric.void - 0.5 * fabric.olivine_percent / 100)
    solid[bubbles] = clasts.level[bubbles] - gaps[clasts.label[bubbles]]
    return solid <= limit


class _Builder(Packing):
    """Places crystals in clasts, at their rims and loose in resin."""

    def __init__(
        self,
        rng: np.random.Generator,
        settings: PhantomSettings,
        scene: Scene,
        job: Job,
        fabric: _Fabric,
        outside: Mask,
        bubbles: Mask,
    ) -> None:
        habit = OlivineHabit(
            fabric.zoning,
            cracks=partial(through_cracks, per_100_um=fabric.cracks_per_100_um),
        )
        super().__init__(rng, settings, scene, job, habit)
        self.fabric, self.outside, self.void = fabric, outside, outside | bubbles
        self.solid = np.zeros(outside.shape, np.bool_)

    def required_shape(self, attempt: int) -> Shape:
        return self._olivine_shape(0.92**attempt)

    def place_whole(self, shape: Shape, columns: tuple[int, int], kind: str) -> bool:
        loose = self.rng.random() < self.fabric.loose
        spot = self.find_room(
            shape.mask, columns, whole=True, suits=self._in_resin if loose else None
        )
        if spot is not None:
            self._bed(shape, None, spot, loose=loose)
            self.add_olivine(shape, spot, kind)
        return spot is not None

    def other_olivines(self) -> None:
        for k in self.until_share(self.fabric.olivine_percent):
            whole = self._olivine_shape(float(self.rng.lognormal(-0.3, 0.8)))
            style = str(self.rng.choice(["inside", "cut", "loose", "torn"], p=self._styles()))
            shape = broken(self.rng, whole) if style == "torn" else whole
            suits = {"inside": self._in_clast, "cut": self._at_rim}.get(style, self._in_resin)
            spot = self.find_room(shape.mask, suits=suits)
            if spot is None:
                continue
            if style == "cut":
                shape = self._cut(shape, spot)
            else:
                self._bed(shape, whole, spot, loose=style in ("loose", "torn"))
            self.add_olivine(shape, spot, KINDS[k % len(KINDS)], torn=style in ("cut", "torn"))

    def other_phases(self) -> None:
        """Place augite and plagioclase phenocrysts."""
        makers: tuple[Callable[[np.random.Generator, float], phenocrysts.Body], ...] = (
            phenocrysts.augite, phenocrysts.plagioclase,
        )  # fmt: skip
        for _ in range(round(self.fabric.others_per_mm2 * self.settings.area_mm2)):
            body = makers[int(self.rng.integers(2))](self.rng, self.pixel)
            loose = self.rng.random() < 0.4 * self.fabric.loose
            spot = self.find_room(
                body.shape.mask, suits=self._in_resin if loose else self._in_clast
            )
            if spot is None:
                continue
            self._bed(body.shape, None, spot, loose=loose)
            self.add_body(body, spot)
            here, inner = self.clip(*spot, body.shape.mask)
            self.solid[here] |= body.shape.mask[inner]

    def microlites(self) -> None:
        """Place small olivines in the glass."""
        number = round(self.settings.area_mm2 * self.rng.uniform(5, 40))
        for _ in range(number):
            size = float(np.clip(self.rng.lognormal(np.log(160), 0.8), 40, 900)) / self.pixel**2
            shape = faceted(
                self.rng, max(size, 12.0), faces=int(self.rng.integers(6, 9)),
                aspect=self.rng.uniform(1.0, 2.2), rounding=0.3, rough_px=0.3,
            )  # fmt: skip
            spot = self.find_room(shape.mask, suits=self._in_clast)
            if spot is not None:
                self.add_olivine(shape, spot, "micro")

    def _styles(self) -> list[float]:
        loose = self.fabric.loose
        return [0.7 * (1 - loose), 0.3 * (1 - loose), 0.6 * loose, 0.4 * loose]

    def _olivine_shape(self, relative: float) -> Shape:
        rng, (middle, largest) = self.rng, self.fabric.olivine
        area = float(np.clip(middle * relative, 600, largest)) / self.pixel**2
        return phenocrysts.olivine(rng, area)

    def _in_clast(self, here: Box, part: Mask) -> bool:
        return not (self.void[here] & part)[::2, ::2].any()

    def _in_resin(self, here: Box, part: Mask) -> bool:
        return bool((self.void[here] & part).sum() > 0.4 * part.sum())

    def _at_rim(self, here: Box, part: Mask) -> bool:
        lost = (self.outside[here] & part).sum() / part.sum()
        return bool(0.1 < lost < 0.6)

    def _cut(self, shape: Shape, spot: tuple[int, int]) -> Shape:
        """Cut a crystal by the broken rim of its clast."""
        here, inner = self.clip(*spot, shape.mask)
        left = shape.mask.copy()
        left[inner] &= ~self.outside[here]
        left = largest_piece(left)
        return Shape(left, shape.depth_px, np.where(left, shape.inside_px, -1).astype(np.float32))

    def _bed(
        self, shape: Shape, whole: Shape | None, spot: tuple[int, int], *, loose: bool
    ) -> None:
        """Take resin away from a crystal and the film of glass on it; free a loose one around.

        A face that is broken has no film: `whole` is the crystal before it broke.
        """
        reach = int(np.ceil((2.5 * self.fabric.film + 40) / self.pixel)) if loose else _RIM_PX
        padded = np.pad(shape.mask, reach)
        here, inner = self.clip(spot[0] - reach, spot[1] - reach, padded)
        away = distance_px(~padded)
        patches = smooth_field(self.rng, padded.shape, max(8.0, 0.35 * np.sqrt(shape.mask.sum())))
        film = np.clip(patches + 0.2, 0, 2.4) * self.fabric.film / self.pixel
        film *= 1 + 0.12 * smooth_field(self.rng, padded.shape, max(4.0, 30 / self.pixel))
        if whole is not None and (lost := np.pad(whole.mask & ~shape.mask, reach)).any():
            gone = distance_px(~lost)
            film[gone < away + 3] = 0
        if not loose:
            np.minimum(film, _RIM_PX - 2, out=film)
        free = ~self.taken[here]
        if loose:
            apart = smooth_field(self.rng, padded.shape, max(8.0, 60 / self.pixel))
            gap = 18 * np.clip(apart + 0.5, 0, 1.4) / self.pixel
            moat = (away > film) & (away < film + gap)
            self.void[here] |= moat[inner] & free
        self.void[here] &= ~((away <= film)[inner] & free)
        if loose:
            self.claim(here, (away <= film)[inner])
