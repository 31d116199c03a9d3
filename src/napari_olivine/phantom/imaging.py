"""The instruments: from the truth to grey levels and X-ray counts, one row of tiles at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from napari_olivine.phantom.compositions import (
    ELEMENTS,
    OLIVINE,
    RESIN,
    VESICLE,
    Ends,
    atomic_number_table,
    counts_table,
    olivine_atomic_number,
    olivine_counts,
)
from napari_olivine.phantom.instrument import Instrument
from napari_olivine.phantom.scene import Scene
from napari_olivine.phantom.settings import PhantomSettings
from napari_olivine.phantom.shapes import Floats, smooth_field

CRACK_DEPTH = 0.9
FLUORESCED = ("Fe", "Ca")
_MARGIN = 8
_COARSE = 16  # pixels of the section to one of the map of its charged parts


@dataclass(frozen=True)
class Drift:
    """How one session differs from the first: grey = gain x grey + offset."""

    session: int
    bse_gain: float
    bse_offset: float
    eds_gain: float


def draw_drift(rng: np.random.Generator, settings: PhantomSettings, grey_at: float) -> list[Drift]:
    """Draw each session's drift; the first is the reference.

    Parameters
    ----------
    rng
        Random numbers.
    settings
        Sessions and how far they drift.
    grey_at
        Grey at which contrast alone changes nothing.

    Returns
    -------
    list of Drift
        One for each session.
    """
    drifts = [Drift(1, 1.0, 0.0, 1.0)]
    for session in range(2, settings.sessions + 1):
        signs = rng.choice([-1.0, 1.0], 3)
        contrast, shift, eds = signs * rng.uniform(0.3, 1, 3) * settings.drift
        gain = 1 + 0.035 * float(contrast)
        offset = 7.0 * float(shift) - grey_at * (gain - 1)
        drifts.append(
            Drift(
                session,
                round(gain, 4),
                round(offset, 4),
                round(1 + 0.04 * float(eds), 4),
            )
        )
    return drifts


class Microscope:
    """Images a scene, row of tiles by row of tiles.

    Parameters
    ----------
    scene
        The truth.
    settings
        Tiles and noise.
    drifts
        One per session.
    seed
        Source of chance; each row of tiles has its own stream.
    instrument
        Beam and detectors.
    ends
        Composition of the phases.
    """

    def __init__(
        self,
        scene: Scene,
        settings: PhantomSettings,
        drifts: list[Drift],
        seed: int,
        instrument: Instrument,
        ends: Ends,
    ) -> None:
        self.scene, self.settings, self.drifts, self.seed = scene, settings, drifts, seed
        self.instrument = instrument
        mg = np.arange(10_001) / 10_000.0
        numbers, olivine = atomic_number_table(ends), olivine_atomic_number(mg)
        self._grey_mix = self._grey_of(numbers).ravel()
        self._grey_olivine = self._grey_of(olivine).astype(np.float32)
        continuum = instrument.continuum_counts / 12.0
        self._counts_mix = {
            e: (counts_table(e, ends) + np.float32(continuum) * numbers).ravel() for e in ELEMENTS
        }
        self._counts_olivine = {
            e: (olivine_counts(e, mg) + continuum * olivine).astype(np.float32) for e in ELEMENTS
        }

        rng = np.random.default_rng([seed, 5])
        coarse = (scene.phase.shape[0] // _COARSE + 2, scene.phase.shape[1] // _COARSE + 2)
        reach_px = 90.0 / settings.pixel_size_um / _COARSE
        self._charged_parts = smooth_field(rng, coarse, max(2.0, reach_px))
        self._charged_side = float(rng.uniform(0, 2 * np.pi))

    def tile_row(self, row: int) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Yield each signal of one row of tiles as (name, uint8 image of the whole width)."""
        height = self.settings.tile_height_px
        top, bottom = row * height, (row + 1) * height
        above = min(self._margin(), top)
        below = min(self._margin(), self.scene.phase.shape[0] - bottom)
        rows = slice(top - above, bottom + below)
        phase, mg = self.scene.phase[rows], self.scene.mg[rows]
        code = phase.astype(np.uint16) * np.uint16(256) + self.scene.mix[rows]
        olivine = phase == OLIVINE
        mg_olivine = mg[olivine]
        kept = slice(above, above + height)
        rng = np.random.default_rng([self.seed, 2, row])

        image = self._grey_mix[code]
        image[olivine] = self._grey_olivine[mg_olivine]
        yield "BSE", self._backscatter(rng, image, rows, kept)
        currents = self._currents(row)
        for element in ELEMENTS:
            expected = self._counts_mix[element][code]
            expected[olivine] = self._counts_olivine[element][mg_olivine]
            yield element, self._x_rays(rng, element, expected, kept, currents)

    def _grey_of(self, atomic_number: NDArray[np.floating]) -> NDArray[np.floating]:
        """Grey before drift and shading; linear in the mean atomic number over this range."""
        lens = self.instrument
        return lens.grey_at + lens.grey_per_z * (atomic_number - lens.z_at)

    def _margin(self) -> int:
        """Rows beyond a row of tiles from which something reaches it."""
        if not self.instrument.fluorescence:
            return _MARGIN
        return int(np.ceil(3 * self.instrument.fluorescence_um / self.settings.pixel_size_um))

    def _backscatter(
        self, rng: np.random.Generator, image: Floats, rows: slice, kept: slice
    ) -> NDArray[np.uint8]:
        # A detector neither goes below black nor lets one bright grain outshine its field.
        np.clip(image, 0, 330, out=image)
        image *= 1 - self.scene.cracks[rows].astype(np.float32) * np.float32(CRACK_DEPTH / 255)
        void = np.isin(self.scene.phase[rows], (VESICLE, RESIN))
        if self.instrument.edge_charging_grey:
            image += self._charged_edges(image, rows)
        image = self._blurred(image, self.instrument.bse_blur_um)
        image += self._charging(void)
        image = image[kept]
        for drift, columns in self._sessions():
            image[:, columns] *= drift.bse_gain
            image[:, columns] += drift.bse_offset
        artefacts = self._shading(rng, image.shape)
        artefacts += self._streaks(rng, image.shape)
        artefacts += rng.standard_normal(image.shape, dtype=np.float32) * np.float32(
            self.instrument.bse_noise_grey
        )
        image += artefacts
        return np.clip(np.rint(image), 0, 255).astype(np.uint8)

    def _x_rays(
        self,
        rng: np.random.Generator,
        element: str,
        expected: Floats,
        kept: slice,
        currents: list[float],
    ) -> NDArray[np.uint8]:
        lens = self.instrument
        if lens.fluorescence and element in FLUORESCED:
            expected += np.float32(lens.fluorescence) * (self._surroundings(expected) - expected)
        expected = self._blurred(expected, lens.x_ray_blur_um[element])[kept]
        expected *= np.float32(lens.mg_counts / 100.0)
        expected += np.float32(lens.background_counts)
        for drift, columns in self._sessions():
            expected[:, columns] *= drift.eds_gain
        for column, current in enumerate(currents):
            width = self.settings.tile_width_px
            expected[:, column * width : (column + 1) * width] *= np.float32(current)
        np.maximum(expected, 0, out=expected)
        return np.minimum(rng.poisson(expected), 255).astype(np.uint8)

    def _currents(self, row: int) -> list[float]:
        """Beam current in each tile of a row, relative; the same for all elements."""
        if not self.instrument.tile_gain:
            return []
        rng = np.random.default_rng([self.seed, 4, row])
        return list(rng.normal(1.0, self.instrument.tile_gain, self.settings.cols))

    def _surroundings(self, expected: Floats) -> Floats:
        """Mean over the distance from which other X-rays excite this one, on a coarse grid."""
        reach = self.instrument.fluorescence_um / self.settings.pixel_size_um
        height, width = expected.shape
        step = max(1, int(reach / 3))
        coarse = (max(1, width // step), max(1, height // step))
        small = cv2.resize(expected, coarse, interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), reach / step, borderType=cv2.BORDER_REPLICATE)
        wide = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(wide, dtype=np.float32)

    def _blurred(self, image: Floats, sigma_um: float) -> Floats:
        sigma = sigma_um / self.settings.pixel_size_um
        return np.asarray(gaussian_filter(image, sigma, mode="nearest", truncate=3.5))

    def _charging(self, void: NDArray[np.bool_]) -> Floats:
        """Bright halo around vesicles, where the coating is torn and the edge emits more."""
        glow = gaussian_filter(
            void.astype(np.float32), 3.0 / self.settings.pixel_size_um, truncate=2.5
        )
        return np.asarray(24.0 * glow * ~void)

    def _charged_edges(self, image: Floats, rows: slice) -> Floats:
        """Edges of voids and cracks that face one way are brighter, in places."""
        reach, side = 1.5 / self.settings.pixel_size_um, self._charged_side
        move = np.array([[1.0, 0.0, reach * np.cos(side)], [0.0, 1.0, reach * np.sin(side)]])
        height, width = image.shape
        moved = cv2.warpAffine(image, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
        step = np.clip((image - moved) / np.float32(100.0) - np.float32(0.25), 0, 1)
        to_coarse = np.array([[1 / _COARSE, 0, 0], [0, 1 / _COARSE, rows.start / _COARSE]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        patches = cv2.warpAffine(
            self._charged_parts, to_coarse, (width, height), flags=flags,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        charged = np.clip(patches - np.float32(0.3), 0, 1.5)
        return np.asarray(step * charged * np.float32(self.instrument.edge_charging_grey))

    def _shading(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        """Each tile's own level and slope, and contamination that the beam left behind."""
        height, width = self.settings.tile_shape
        y = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None]
        x = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None, :]
        shade = np.empty(shape, dtype=np.float32)
        for col in range(self.settings.cols):
            up, slope, bulge = self.instrument.tile_grey
            level, slope_y, slope_x = rng.normal(0, (up, slope, slope)).astype(np.float32)
            tile = level + slope_y * y + slope_x * x - np.float32(bulge) * (x**2 + y**2)
            tile = tile - self._contamination(rng, height, width)
            shade[:, col * width : (col + 1) * width] = tile
        return shade

    def _contamination(self, rng: np.random.Generator, height: int, width: int) -> Floats:
        spots = np.zeros((height, width), dtype=np.float32)
        if rng.random() < 0.15:
            row, col = rng.uniform(0, height), rng.uniform(0, width)
            radius = rng.uniform(12, 40) / self.settings.pixel_size_um
            y, x = np.ogrid[:height, :width]
            square = np.maximum(np.abs(y - row), np.abs(x - col)) / radius
            depth = rng.uniform(1.5, 3.5) / (1 + np.exp(np.minimum((square - 1) * 20, 60)))
            uneven = 1 + 0.3 * smooth_field(rng, (height, width), radius)
            spots += (depth * uneven).astype(np.float32)
        return spots

    def _streaks(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        """Charging: a few scan lines of a tile are brighter or darker."""
        streaks = np.zeros(shape, dtype=np.float32)
        width = self.settings.tile_width_px
        for col in range(self.settings.cols):
            for _ in range(int(rng.poisson(0.6))):
                row = int(rng.integers(0, shape[0]))
                lines = slice(row, row + int(rng.integers(1, 4)))
                start = col * width + int(rng.uniform(0, 0.5) * width)
                streaks[lines, start : (col + 1) * width] += rng.choice([-1, 1]) * rng.uniform(2, 5)
        return streaks

    def _sessions(self) -> Iterator[tuple[Drift, slice]]:
        width = self.settings.tile_width_px
        for drift, (first, last) in zip(self.drifts, self.settings.session_columns(), strict=True):
            yield drift, slice(first * width, (last + 1) * width)
