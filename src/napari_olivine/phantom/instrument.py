"""The electron beam and its detectors: what a session's settings and its day decide."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from napari_olivine.phantom.compositions import ELEMENTS
from napari_olivine.phantom.settings import PhantomSettings

BSE_NOISE_GREY = 2.6
MG_COUNTS = 92.0
#: Range of X-rays at 15 kV in olivine, um (Anderson & Hasler 1966).
X_RAY_RANGE_UM = {"Mg": 1.75, "Al": 1.72, "Si": 1.70, "Ca": 1.60, "Fe": 1.30}


@dataclass(frozen=True)
class Instrument:
    """How a section is imaged; the defaults are those of the demonstration.

    Parameters
    ----------
    grey_at, grey_per_z, z_at
        Brightness and contrast: grey = grey_at + grey_per_z (Z - z_at), Z the mass-averaged
        atomic number.
    bse_blur_um, x_ray_blur_um
        Standard deviations of a Gaussian. X-rays come from the whole interaction volume (about
        1.8 um across in Fo85 at 15 kV, Kanaya & Okayama 1972), backscattered electrons from its
        top.
    bse_noise_grey, mg_counts
        Noise of a pixel's grey; counts of Mg in a pixel of Fo85.
    background_counts, continuum_counts
        Background that is the same everywhere, counts; that of a phase of Z = 12, which goes by
        its Z, relative to 100 for Mg in Fo85.
    fluorescence, fluorescence_um
        Share of Fe Ka and Ca Ka that comes from the surroundings, excited by other X-rays, and
        the distance over which it falls off.
    tile_gain
        Standard deviation of the beam current between tiles, a share.
    tile_grey
        Level, slope and bulge of the shading of a tile, grey.
    edge_charging_grey
        Brightening of the edges that face the charged side of voids and cracks.
    """

    grey_at: float = 118.0
    grey_per_z: float = 38.0
    z_at: float = 11.9
    bse_blur_um: float = 0.4
    x_ray_blur_um: dict[str, float] = field(default_factory=lambda: dict.fromkeys(ELEMENTS, 0.9))
    bse_noise_grey: float = BSE_NOISE_GREY
    mg_counts: float = MG_COUNTS
    background_counts: float = 0.8
    continuum_counts: float = 0.0
    fluorescence: float = 0.0
    fluorescence_um: float = 12.0
    tile_gain: float = 0.0
    tile_grey: tuple[float, float, float] = (0.6, 1.2, 1.2)
    edge_charging_grey: float = 0.0


def standard_instrument(rng: np.random.Generator, settings: PhantomSettings) -> Instrument:
    """Give the instrument of the demonstration, the same for every seed."""
    del rng
    return Instrument(
        bse_noise_grey=_given(settings.bse_noise_grey, BSE_NOISE_GREY),
        mg_counts=_given(settings.mg_counts, MG_COUNTS),
    )


def any_instrument(rng: np.random.Generator, settings: PhantomSettings) -> Instrument:
    """Draw an instrument: contrast, noise, dwell time, beam and detectors differ by the seed.

    Parameters
    ----------
    rng
        Random numbers.
    settings
        Noise and counts, where they are given.

    Returns
    -------
    Instrument
        Grey as real BSE images have it: resin black, olivine 75 to 145, noise 1.3 to 2.6.
    """
    contrast, grey = rng.uniform(22.0, 42.0), rng.uniform(88.0, 132.0)
    beam_um = rng.uniform(0.2, 0.7)
    noise, dwell = rng.uniform(1.3, 2.6), float(np.exp(rng.uniform(np.log(0.5), np.log(2.0))))
    # A Gaussian whose standard deviation is a third of the range holds most of the volume.
    blur = {name: float(np.hypot(beam_um, reach / 3)) for name, reach in X_RAY_RANGE_UM.items()}
    return Instrument(
        grey_at=round(float(grey), 2),
        grey_per_z=round(float(contrast), 2),
        bse_blur_um=float(np.hypot(0.25, 0.5 * beam_um)),
        x_ray_blur_um=blur,
        bse_noise_grey=_given(settings.bse_noise_grey, float(noise)),
        mg_counts=_given(settings.mg_counts, MG_COUNTS * dwell),
        background_counts=0.0,
        continuum_counts=float(rng.uniform(0.8, 2.5)),
        fluorescence=float(rng.uniform(0.01, 0.03)),
        fluorescence_um=float(rng.uniform(8.0, 16.0)),
        tile_gain=float(rng.uniform(0.003, 0.02)),
        tile_grey=(
            float(rng.uniform(0.2, 1.2)), float(rng.uniform(0.4, 2.0)), float(rng.uniform(0.4, 3)),
        ),
        edge_charging_grey=float(rng.uniform(4.0, 40.0)),
    )  # fmt: skip


def _given(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
