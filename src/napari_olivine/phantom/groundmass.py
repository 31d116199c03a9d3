"""Groundmass between the large crystals: glass, plagioclase laths, augite, oxides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.phantom.compositions import CLINOPYROXENE, GLASS, OXIDE, PLAGIOCLASE
from napari_olivine.phantom.polygons import (
    Vertices,
    number_for,
    paint,
    prisms,
    shrunk,
    tablets,
)
from napari_olivine.phantom.settings import PhantomSettings
from napari_olivine.phantom.shapes import smooth_field


def lay_groundmass(
    rng: np.random.Generator,
    phase: NDArray[np.uint8],
    mix: NDArray[np.uint8],
    settings: PhantomSettings,
    job: Job,
) -> None:
    """Fill `phase` and `mix` with glass and its microlites, in place.

    The composition of the glass varies over 25 um, as growing microlites make it. Laths are drawn
    first, then augite, then oxides, each over the earlier ones.

    Parameters
    ----------
    rng
        Random numbers.
    phase, mix
        Phase code and share of the second end member (0-255) of each pixel, changed in place.
        Shape (rows, columns).
    settings
        Shares of the phases and size of pixels.
    job
        Running job.
    """
    phase[:] = GLASS
    shape = (phase.shape[0], phase.shape[1])
    pixel = settings.pixel_size_um
    field = smooth_field(rng, shape, 25.0 / pixel)
    field *= 28.0
    field += 130.0
    np.clip(field, 0, 255, out=field)
    mix[:] = field
    del field
    job.check()

    place, width = _laths(rng, shape, settings.plagioclase_percent, pixel)
    count = len(place)
    boxes = _rectangles(rng, place, width)
    calcic = rng.normal(0.45, 0.14, count)
    paint(phase, mix, boxes, PLAGIOCLASE, calcic, job)
    wide = width > 4.0 / pixel
    paint(phase, mix, shrunk(boxes[wide], 0.55), PLAGIOCLASE, calcic[wide] + 0.25, job)

    count, radius = _grains(rng, shape, settings.clinopyroxene_percent, 4.6, 0.40, pixel)
    augite = prisms(rng, shape, radius, rng.uniform(1.2, 2.6, count))
    ferroan = rng.normal(0.44, 0.20, count)
    paint(phase, mix, augite, CLINOPYROXENE, ferroan, job)
    zoned = radius > 4.0 / pixel
    paint(phase, mix, shrunk(augite[zoned], 0.6), CLINOPYROXENE, ferroan[zoned] - 0.14, job)

    count, radius = _grains(rng, shape, settings.oxide_percent, 2.7, 0.35, pixel)
    cubes = prisms(rng, shape, radius, rng.uniform(1.0, 1.25, count))
    paint(phase, mix, cubes, OXIDE, np.zeros(count), job)


def _laths(
    rng: np.random.Generator, shape: tuple[int, int], percent: float, pixel: float
) -> tuple[Vertices, Vertices]:
    """Give x, y, length, and the width, of each lath in pixels."""
    # Mean of the product of the two lognormal laws below, um2.
    mean_area = np.exp(np.log(24.0) + 0.45**2 / 2) * np.exp(np.log(4.2) + 0.3**2 / 2)
    count = number_for(shape, percent, mean_area / pixel**2)
    length = rng.lognormal(np.log(24.0), 0.45, count) / pixel
    width = rng.lognormal(np.log(4.2), 0.30, count) / pixel
    x, y = rng.random(count) * shape[1], rng.random(count) * shape[0]
    return np.stack([x, y, length], axis=1), width


def _rectangles(rng: np.random.Generator, place: Vertices, width: Vertices) -> Vertices:
    count = len(place)
    # Weakly aligned by flow: angles from a mixture about one direction and any direction.
    angle = np.where(
        rng.random(count) < 0.35, rng.normal(0.5, 0.35, count), rng.uniform(0, np.pi, count)
    )
    return tablets(rng, place[:, :2], place[:, 2], width, angle)


def _grains(
    rng: np.random.Generator,
    shape: tuple[int, int],
    percent: float,
    radius_um: float,
    spread: float,
    pixel: float,
) -> tuple[int, Vertices]:
    mean_area = 2.9 * radius_um**2 * np.exp(2 * spread**2)
    count = number_for(shape, percent, mean_area / pixel**2)
    return count, rng.lognormal(np.log(radius_um), spread, count) / pixel
