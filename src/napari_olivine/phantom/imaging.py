"""The instruments: from the truth to grey levels and X-ray counts, one row of tiles at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from napari_olivine.phantom import compositions
from napari_olivine.phantom.compositions import ELEMENTS, OLIVINE, VESICLE
from napari_olivine.phantom.scene import Scene
from napari_olivine.phantom.settings import PhantomSettings
from napari_olivine.phantom.shapes import Floats, smooth_field

#: Blur as Gaussian standard deviations. X-rays come from the whole interaction volume (about
#: 1.8 um across in Fo85 at 15 kV, Kanaya & Okayama 1972), backscattered electrons from its top.
BSE_BLUR_UM = 0.4
EDS_BLUR_UM = 0.9
GREY_AT = 118.0
GREY_PER_Z = 38.0
Z_AT = 11.9
CRACK_DEPTH = 0.9
BACKGROUND_COUNTS = 0.8
_MARGIN = 8


@dataclass(frozen=True)
class Drift:
    """How one session differs from the first: grey = gain x grey + offset."""

    session: int
    bse_gain: float
    bse_offset: float
    eds_gain: float


def draw_drift(rng: np.random.Generator, settings: PhantomSettings) -> list[Drift]:
    """Draw each session's drift; the first is the reference."""
    drifts = [Drift(1, 1.0, 0.0, 1.0)]
    for session in range(2, settings.sessions + 1):
        signs = rng.choice([-1.0, 1.0], 3)
        contrast, shift, eds = signs * rng.uniform(0.3, 1, 3) * settings.drift
        gain = 1 + 0.035 * float(contrast)
        offset = 7.0 * float(shift) - GREY_AT * (gain - 1)
        drifts.append(
            Drift(
                session,
                round(gain, 4),
                round(offset, 4),
                round(1 + 0.04 * float(eds), 4),
            )
        )
    return drifts


def grey_of_atomic_number(atomic_number: NDArray[np.floating]) -> NDArray[np.floating]:
    """Grey before drift and shading; linear in the mean atomic number over this range."""
    return GREY_AT + GREY_PER_Z * (atomic_number - Z_AT)


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
    """

    def __init__(
        self, scene: Scene, settings: PhantomSettings, drifts: list[Drift], seed: int
    ) -> None:
        self.scene, self.settings, self.drifts, self.seed = scene, settings, drifts, seed
        mg = np.arange(10_001) / 10_000.0
        self._grey_mix = grey_of_atomic_number(compositions.atomic_number_table()).ravel()
        self._grey_olivine = grey_of_atomic_number(compositions.olivine_atomic_number(mg)).astype(
            np.float32
        )
        self._counts_mix = {e: compositions.counts_table(e).ravel() for e in ELEMENTS}
        self._counts_olivine = {
            e: compositions.olivine_counts(e, mg).astype(np.float32) for e in ELEMENTS
        }

    def tile_row(self, row: int) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Yield each signal of one row of tiles as (name, uint8 image of the whole width)."""
        height = self.settings.tile_height_px
        top, bottom = row * height, (row + 1) * height
        above = min(_MARGIN, top)
        below = min(_MARGIN, self.scene.phase.shape[0] - bottom)
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
        for element in ELEMENTS:
            expected = self._counts_mix[element][code]
            expected[olivine] = self._counts_olivine[element][mg_olivine]
            yield element, self._x_rays(rng, expected, kept)

    def _backscatter(
        self, rng: np.random.Generator, image: Floats, rows: slice, kept: slice
    ) -> NDArray[np.uint8]:
        # A detector neither goes below black nor lets one bright grain outshine its field.
        np.clip(image, 0, 330, out=image)
        image *= 1 - self.scene.cracks[rows].astype(np.float32) * np.float32(CRACK_DEPTH / 255)
        image = self._blurred(image, BSE_BLUR_UM)
        image += self._charging(self.scene.phase[rows] == VESICLE)
        image = image[kept]
        for drift, columns in self._sessions():
            image[:, columns] *= drift.bse_gain
            image[:, columns] += drift.bse_offset
        artefacts = self._shading(rng, image.shape)
        artefacts += self._streaks(rng, image.shape)
        artefacts += rng.standard_normal(image.shape, dtype=np.float32) * np.float32(
            self.settings.bse_noise_grey
        )
        image += artefacts
        return np.clip(np.rint(image), 0, 255).astype(np.uint8)

    def _x_rays(self, rng: np.random.Generator, expected: Floats, kept: slice) -> NDArray[np.uint8]:
        expected = self._blurred(expected, EDS_BLUR_UM)[kept]
        expected *= np.float32(self.settings.mg_counts / 100.0)
        expected += np.float32(BACKGROUND_COUNTS)
        for drift, columns in self._sessions():
            expected[:, columns] *= drift.eds_gain
        np.maximum(expected, 0, out=expected)
        return np.minimum(rng.poisson(expected), 255).astype(np.uint8)

    def _blurred(self, image: Floats, sigma_um: float) -> Floats:
        sigma = sigma_um / self.settings.pixel_size_um
        return np.asarray(gaussian_filter(image, sigma, mode="nearest", truncate=3.5))

    def _charging(self, void: NDArray[np.bool_]) -> Floats:
        """Bright halo around vesicles, where the coating is torn and the edge emits more."""
        glow = gaussian_filter(
            void.astype(np.float32), 3.0 / self.settings.pixel_size_um, truncate=2.5
        )
        return np.asarray(24.0 * glow * ~void)

    def _shading(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        """Each tile's own level and slope, and contamination that the beam left behind."""
        height, width = self.settings.tile_shape
        y = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None]
        x = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None, :]
        shade = np.empty(shape, dtype=np.float32)
        for col in range(self.settings.cols):
            level, slope_y, slope_x = rng.normal(0, (0.6, 1.2, 1.2)).astype(np.float32)
            tile = level + slope_y * y + slope_x * x - np.float32(1.2) * (x**2 + y**2)
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
