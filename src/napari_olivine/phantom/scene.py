"""The section itself, before any instrument: every pixel's phase, composition and crystal."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.phantom import phenocrysts
from napari_olivine.phantom.compositions import GLASS, OLIVINE, VESICLE
from napari_olivine.phantom.cracks import cracks
from napari_olivine.phantom.groundmass import lay_groundmass
from napari_olivine.phantom.settings import PhantomSettings
from napari_olivine.phantom.shapes import Shape, broken, embayed, faceted, largest_piece
from napari_olivine.phantom.zoning import core_and_rim, mg_number

Mask = NDArray[np.bool_]
Box = tuple[slice, slice]
GAP_PX = 4
STEPS_BEFORE_TILES = 10
#: Smallest and median area.
PHENOCRYST_UM2 = (12_500.0, 28_000.0)
#: Zoning of each session's own phenocrysts, and zoning and breakage of the others, in turn.
REQUIRED_PHENOCRYSTS = ("normal", "reversed", "none", "normal", "complex")
OTHER_PHENOCRYSTS = (
    ("complex", False),
    ("normal", True),
    ("none", False),
    ("normal", False),
    ("reversed", False),
    ("normal", False),
    ("none", False),
    ("complex", False),
    ("none", True),
    ("reversed", True),
)


@dataclass
class Crystal:
    """One olivine crystal as the truth knows it."""

    id: int
    kind: str
    broken: bool
    core: float
    rim: float
    area_px: int
    session: int
    box: Box
    whole: bool


@dataclass
class Scene:
    """The truth, pixel by pixel; all arrays share one shape (rows, columns).

    Parameters
    ----------
    phase
        uint8, codes of `compositions.PHASES`.
    mix
        uint8, where a pixel lies between the two ends of its phase's composition.
    mg
        uint16, mg# x 10000 on olivine, else 0.
    crystals
        uint32, id of the olivine crystal, else 0.
    cracks
        uint8, strength of cracks and cleavage.
    """

    phase: NDArray[np.uint8]
    mix: NDArray[np.uint8]
    mg: NDArray[np.uint16]
    crystals: NDArray[np.uint32]
    cracks: NDArray[np.uint8]
    table: list[Crystal] = field(default_factory=list)


def build_scene(rng: np.random.Generator, settings: PhantomSettings, job: Job) -> Scene:
    """Lay out the whole section.

    Parameters
    ----------
    rng
        Random numbers.
    settings
        Size, sessions and crystals.
    job
        Running job.

    Returns
    -------
    Scene
        Phase, composition and crystal of every pixel.

    Raises
    ------
    InputError
        If the phenocrysts that each session must have do not fit into it.
    """
    shape, total = settings.shape, STEPS_BEFORE_TILES + settings.rows
    scene = Scene(
        np.empty(shape, np.uint8),
        np.empty(shape, np.uint8),
        np.zeros(shape, np.uint16),
        np.zeros(shape, np.uint32),
        np.zeros(shape, np.uint8),
    )
    lay_groundmass(rng, scene.phase, scene.mix, settings, job)
    job.progress(2, total, "phantom: large crystals")
    builder = _Builder(rng, settings, scene, job)
    builder.required_phenocrysts()
    builder.other_phenocrysts()
    job.progress(4, total, "phantom: other phases")
    builder.orthopyroxenes()
    builder.other_phases()
    job.progress(6, total, "phantom: small olivines")
    builder.small_olivines()
    return scene


class _Builder:
    """Places bodies so that none touches another."""

    def __init__(
        self, rng: np.random.Generator, settings: PhantomSettings, scene: Scene, job: Job
    ) -> None:
        self.rng, self.settings, self.scene, self.job = rng, settings, scene, job
        self.taken = np.zeros(scene.phase.shape, dtype=np.bool_)
        self.pixel = settings.pixel_size_um
        width = settings.tile_width_px
        self.sessions = [
            (first * width, (last + 1) * width) for first, last in settings.session_columns()
        ]

    def required_phenocrysts(self) -> None:
        """Place the phenocrysts that lie whole in each session, profiles in mind."""
        for number, columns in enumerate(self.sessions, start=1):
            for k in range(self.settings.phenocrysts_at_least):
                kind = REQUIRED_PHENOCRYSTS[k % len(REQUIRED_PHENOCRYSTS)]
                for attempt in range(40):
                    area = max(self._phenocryst_area() * 0.9**attempt, PHENOCRYST_UM2[0])
                    shape = self._olivine_shape(area, lobes=int(self.rng.random() < 0.25))
                    spot = self._find_room(shape.mask, columns, whole=True)
                    if spot is not None:
                        self._add_olivine(shape, spot, kind)
                        break
                else:
                    self._complain(number, columns)

    def other_phenocrysts(self) -> None:
        """Place the other phenocrysts by their density, anywhere, cut by the edges too."""
        number = round(self.settings.phenocrysts_per_mm2 * self.settings.area_mm2)
        for k in range(max(0, number - len(self.scene.table))):
            kind, torn = OTHER_PHENOCRYSTS[k % len(OTHER_PHENOCRYSTS)]
            lobes = int(self.rng.choice([0, 1, 2], p=[0.6, 0.28, 0.12]))
            shape = self._olivine_shape(self._phenocryst_area(), lobes)
            if torn:
                shape = broken(self.rng, shape)
            spot = self._find_room(shape.mask)
            if spot is not None:
                self._add_olivine(shape, spot, kind, torn)

    def orthopyroxenes(self) -> None:
        """Place orthopyroxenes, one in each session at least."""
        density = self.settings.orthopyroxenes_per_mm2
        if density == 0:
            return
        extra = max(0, round(density * self.settings.area_mm2) - len(self.sessions))
        for columns in [*self.sessions, *([None] * extra)]:
            body = phenocrysts.orthopyroxene(self.rng, self.pixel)
            self._add_body(body, self._find_room(body.shape.mask, columns))

    def other_phases(self) -> None:
        """Place augite and plagioclase phenocrysts and vesicles."""
        area = self.settings.area_mm2
        for make, density in (
            (phenocrysts.augite, self.settings.pyroxenes_per_mm2),
            (phenocrysts.plagioclase, 0.5 * self.settings.pyroxenes_per_mm2),
            (phenocrysts.vesicle, self.settings.vesicles_per_mm2),
        ):
            for _ in range(round(density * area)):
                body = make(self.rng, self.pixel)
                self._add_body(body, self._find_room(body.shape.mask))

    def small_olivines(self) -> None:
        """Place microphenocrysts (1000-10 000 um2) and microlites (under 500 um2)."""
        area, rng = self.settings.area_mm2, self.rng
        for _ in range(round(self.settings.microphenocrysts_per_mm2 * area)):
            size = float(np.clip(rng.lognormal(np.log(2600), 0.6), 1050, 9000))
            kind = "none" if rng.random() < 0.75 else "normal"
            shape = self._olivine_shape(size, lobes=0)
            spot = self._find_room(shape.mask)
            if spot is not None:
                self._add_olivine(shape, spot, kind)
        for _ in range(round(self.settings.microlites_per_mm2 * area)):
            size = float(np.clip(rng.lognormal(np.log(150), 0.7), 40, 460)) / self.pixel**2
            shape = faceted(
                rng, max(size, 12.0), faces=int(rng.integers(6, 9)),
                aspect=rng.uniform(1.0, 1.9), rounding=0.4, rough_px=0.3,
            )  # fmt: skip
            spot = self._find_room(shape.mask)
            if spot is not None:
                self._add_olivine(shape, spot, "micro")

    def _phenocryst_area(self) -> float:
        (low, middle), high = PHENOCRYST_UM2, self.settings.largest_phenocryst_um2
        draw = self.rng.lognormal(np.log(min(middle, np.sqrt(low * high))), 0.65)
        return float(np.clip(draw, low, high))

    def _olivine_shape(self, area_um2: float, lobes: int) -> Shape:
        rng = self.rng
        shape = faceted(
            rng,
            area_um2 / self.pixel**2,
            faces=int(rng.integers(6, 9)),
            aspect=float(rng.uniform(1.0, 1.7)),
            rounding=float(rng.choice([0.15, 0.5, 1.0])),
            rough_px=float(rng.uniform(0.5, 1.4)),
            anisotropy=float(rng.uniform(1.0, 5.0)),
        )
        return embayed(rng, shape, lobes) if lobes else shape

    def _find_room(
        self, mask: Mask, columns: tuple[int, int] | None = None, *, whole: bool = False
    ) -> tuple[int, int] | None:
        """Find a place (row, column of the box) where nothing is near, or None."""
        self.job.check()
        rows, cols = self.settings.shape
        height, width = mask.shape
        first, last = columns if columns is not None else (0, cols)
        slack = 0 if whole else 1
        low = (-slack * height // 2, first - slack * width // 2)
        high = (rows - height + slack * height // 2, last - width + slack * width // 2)
        if high[0] < low[0] or high[1] < low[1]:
            return None
        for _ in range(60):
            row = int(self.rng.integers(low[0], high[0] + 1))
            col = int(self.rng.integers(low[1], high[1] + 1))
            here, inner = self._clip(row, col, mask)
            if mask[inner].any() and not (self.taken[here] & mask[inner]).any():
                return row, col
        return None

    def _clip(self, row: int, col: int, mask: Mask) -> tuple[Box, Box]:
        """Box in the section, and the part of the mask that lies in it."""
        rows, cols = self.settings.shape
        top, left = max(row, 0), max(col, 0)
        bottom, right = min(row + mask.shape[0], rows), min(col + mask.shape[1], cols)
        inner = (slice(top - row, bottom - row), slice(left - col, right - col))
        return (slice(top, bottom), slice(left, right)), inner

    def _claim(self, here: Box, mask: Mask) -> None:
        """Mark a body and GAP_PX around it as taken."""
        top, left = max(here[0].start - GAP_PX, 0), max(here[1].start - GAP_PX, 0)
        around = (slice(top, here[0].stop + GAP_PX), slice(left, here[1].stop + GAP_PX))
        view = self.taken[around]
        body = np.zeros(view.shape, np.uint8)
        row, col = here[0].start - top, here[1].start - left
        body[row : row + mask.shape[0], col : col + mask.shape[1]] = mask
        view |= phenocrysts.grown(body, GAP_PX)

    def _add_body(self, body: phenocrysts.Body, spot: tuple[int, int] | None) -> None:
        if spot is None:
            return
        here, inner = self._clip(*spot, body.shape.mask)
        mask = body.shape.mask[inner]
        self.scene.phase[here][mask] = body.phase
        self.scene.mix[here][mask] = body.mix[inner][mask]
        np.maximum(self.scene.cracks[here], body.cracks[inner], out=self.scene.cracks[here])
        self._claim(here, mask)

    def _add_olivine(
        self, shape: Shape, spot: tuple[int, int], kind: str, torn: bool = False
    ) -> None:
        scene, rng = self.scene, self.rng
        here, inner = self._clip(*spot, shape.mask)
        mg = mg_number(rng, shape, kind)
        core, rim = core_and_rim(mg, shape)
        mask = largest_piece(shape.mask[inner])
        large = kind != "micro"
        holes = phenocrysts.inclusions(rng, shape, self.pixel) if large else []
        phase, mix = scene.phase[here], scene.mix[here]
        phase[mask] = OLIVINE
        for hole in holes:
            part = hole.mask[inner] & mask
            phase[part] = hole.phase
            mix[part] = hole.mix
        left = mask & (phase == OLIVINE)
        olivine = largest_piece(left)  # the section's edge may cut through an inclusion
        phase[left & ~olivine] = GLASS
        area = int(olivine.sum())
        number = len(scene.table) + 1
        scene.crystals[here][olivine] = number
        scene.mg[here][olivine] = np.round(mg[inner][olivine] * 10_000).astype(np.uint16)
        if large:
            count = int(rng.poisson(2.4 if shape.mask.sum() * self.pixel**2 > 1e4 else 0.6))
            drawn = cracks(rng, shape.mask, count, self.pixel)[inner] * mask
            solid = drawn * (phase != VESICLE)
            np.maximum(scene.cracks[here], solid, out=scene.cracks[here])
        middle = (here[1].start + here[1].stop) / 2
        session = 1 + sum(middle >= last for _, last in self.sessions[:-1])
        whole = bool(shape.mask.sum() == mask.sum())
        scene.table.append(Crystal(number, kind, torn, core, rim, area, session, here, whole))
        self._claim(here, mask)

    def _complain(self, session: int, columns: tuple[int, int]) -> None:
        raise InputError(
            f"Session {session} is too small ({self.settings.shape[0]} x {columns[1] - columns[0]} "
            f"pixels of {self.pixel:g} um) for {self.settings.phenocrysts_at_least} whole "
            "phenocrysts. Ask for more or larger tiles, fewer sessions, or fewer phenocrysts."
        )
