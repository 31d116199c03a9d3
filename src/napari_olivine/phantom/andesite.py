"""Andesite: olivine phenocrysts, brighter than most of a fine groundmass with little glass."""

from __future__ import annotations

import numpy as np

from napari_olivine.job import Job
from napari_olivine.phantom import phenocrysts
from napari_olivine.phantom.groundmass import lay_groundmass
from napari_olivine.phantom.packing import Packing
from napari_olivine.phantom.scene import STEPS_BEFORE_TILES, Scene
from napari_olivine.phantom.settings import PhantomSettings
from napari_olivine.phantom.shapes import Shape, broken, embayed, faceted

#: Smallest and median area.
PHENOCRYST_UM2 = (12_500.0, 28_000.0)
#: Zoning and breakage of the phenocrysts that no session requires, in turn.
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


def lay_andesite(
    rng: np.random.Generator, settings: PhantomSettings, scene: Scene, job: Job
) -> None:
    """Lay out a section of andesite.

    Parameters
    ----------
    rng
        Random numbers.
    settings
        Size, sessions and crystals.
    scene
        The section, changed in place.
    job
        Running job.

    Raises
    ------
    InputError
        If the phenocrysts that each session must have do not fit into it.
    """
    total = STEPS_BEFORE_TILES + settings.rows
    lay_groundmass(rng, scene.phase, scene.mix, settings, job)
    job.progress(2, total, "phantom: large crystals")
    builder = _Builder(rng, settings, scene, job)
    builder.required_phenocrysts(builder.required_shape, builder.place_whole)
    builder.other_phenocrysts()
    job.progress(4, total, "phantom: other phases")
    builder.orthopyroxenes()
    builder.other_phases()
    job.progress(6, total, "phantom: small olivines")
    builder.small_olivines()


class _Builder(Packing):
    """Places the crystals of an andesite by the densities of the settings."""

    def required_shape(self, attempt: int) -> Shape:
        area = max(self._phenocryst_area() * 0.9**attempt, PHENOCRYST_UM2[0])
        return self._olivine_shape(area, lobes=int(self.rng.random() < 0.25))

    def place_whole(self, shape: Shape, columns: tuple[int, int], kind: str) -> bool:
        spot = self.find_room(shape.mask, columns, whole=True)
        if spot is not None:
            self.add_olivine(shape, spot, kind)
        return spot is not None

    def other_phenocrysts(self) -> None:
        """Place the other phenocrysts by their density, anywhere, cut by the edges too."""
        number = round(self.settings.phenocrysts_per_mm2 * self.settings.area_mm2)
        for k in range(max(0, number - len(self.scene.table))):
            kind, torn = OTHER_PHENOCRYSTS[k % len(OTHER_PHENOCRYSTS)]
            lobes = int(self.rng.choice([0, 1, 2], p=[0.6, 0.28, 0.12]))
            shape = self._olivine_shape(self._phenocryst_area(), lobes)
            if torn:
                shape = broken(self.rng, shape)
            spot = self.find_room(shape.mask)
            if spot is not None:
                self.add_olivine(shape, spot, kind, torn=torn)

    def orthopyroxenes(self) -> None:
        """Place orthopyroxenes, one in each session at least."""
        density = self.settings.orthopyroxenes_per_mm2
        if density == 0:
            return
        extra = max(0, round(density * self.settings.area_mm2) - len(self.sessions))
        for columns in [*self.sessions, *([None] * extra)]:
            body = phenocrysts.orthopyroxene(self.rng, self.pixel)
            self.add_body(body, self.find_room(body.shape.mask, columns))

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
                self.add_body(body, self.find_room(body.shape.mask))

    def small_olivines(self) -> None:
        """Place microphenocrysts (1000-10 000 um2) and microlites (under 500 um2)."""
        area, rng = self.settings.area_mm2, self.rng
        for _ in range(round(self.settings.microphenocrysts_per_mm2 * area)):
            size = float(np.clip(rng.lognormal(np.log(2600), 0.6), 1050, 9000))
            kind = "none" if rng.random() < 0.75 else "normal"
            shape = self._olivine_shape(size, lobes=0)
            spot = self.find_room(shape.mask)
            if spot is not None:
                self.add_olivine(shape, spot, kind)
        for _ in range(round(self.settings.microlites_per_mm2 * area)):
            size = float(np.clip(rng.lognormal(np.log(150), 0.7), 40, 460)) / self.pixel**2
            shape = faceted(
                rng, max(size, 12.0), faces=int(rng.integers(6, 9)),
                aspect=rng.uniform(1.0, 1.9), rounding=0.4, rough_px=0.3,
            )  # fmt: skip
            spot = self.find_room(shape.mask)
            if spot is not None:
                self.add_olivine(shape, spot, "micro")

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
