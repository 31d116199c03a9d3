"""mg# inside an olivine crystal: cores, rims and the diffusion between them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc

from napari_olivine.phantom.shapes import Floats, Shape, smooth_field

Range = tuple[float, float]


@dataclass(frozen=True)
class Zoning:
    """Laws of mg# in the olivines of a rock; the defaults are near Leichter et al. 2022, figure 9.

    Parameters
    ----------
    normal, reversed
        Ranges of core and rim.
    complex
        Ranges of core and rim, and the top of the mantle between them.
    flat
        Range of crystals without zoning.
    micro
        Populations of microlites: mean, standard deviation and weight.
    width
        Range of the diffusion length, as a share of the crystal's radius.
    limits
        Nothing lies outside.
    """

    normal: tuple[Range, Range] = ((0.860, 0.915), (0.740, 0.795))
    reversed: tuple[Range, Range] = ((0.745, 0.800), (0.853, 0.888))
    complex: tuple[Range, Range, Range] = ((0.780, 0.820), (0.755, 0.778), (0.885, 0.915))
    flat: Range = (0.810, 0.860)
    micro: tuple[tuple[float, float, float], ...] = ((0.88, 0.012, 0.55), (0.74, 0.012, 0.45))
    width: Range = (0.45, 0.68)
    limits: Range = (0.69, 0.935)

    def core_and_rim(self, kind: str) -> tuple[Range, Range]:
        """Ranges of core and rim of a zoned kind."""
        ranges = {"normal": self.normal, "reversed": self.reversed, "complex": self.complex[:2]}
        return ranges[kind]


def mg_number(rng: np.random.Generator, shape: Shape, kind: str, zoning: Zoning) -> Floats:
    """Give every pixel of a crystal its mg#.

    The step between rim and core has relaxed by diffusion from a fixed rim composition,
    C = core + (rim - core) erfc(depth / 2 sqrt(Dt)) (Crank 1975, eq. 2.14), with the depth
    stretched by the anisotropy of diffusion. A patchy variation of 0.003 lies over all.

    Parameters
    ----------
    rng
        Source of chance.
    shape
        The crystal.
    kind
        ``"normal"``, ``"reversed"``, ``"none"``, ``"complex"`` or ``"micro"``.
    zoning
        Laws of the rock.

    Returns
    -------
    float32 array of the crystal's box
    """
    depth = shape.depth_px
    radius = max(float(shape.inside_px.max()), 1.0)
    if kind in ("none", "micro"):
        mean = _micro_mean(rng, zoning) if kind == "micro" else rng.uniform(*zoning.flat)
        mg = np.full(depth.shape, mean, dtype=np.float32)
    else:
        (core_low, core_high), (rim_low, rim_high) = zoning.core_and_rim(kind)
        core, rim = rng.uniform(core_low, core_high), rng.uniform(rim_low, rim_high)
        length = radius * rng.uniform(*zoning.width)
        mg = np.asarray(core + (rim - core) * erfc(depth / length), dtype=np.float32)
        if kind == "complex":
            mg = _with_mantle(rng, mg, depth, radius, zoning.complex[2])
        elif kind == "normal" and rng.random() < 0.3:
            mg = _with_steps(rng, mg, depth, radius)
    patches = smooth_field(rng, depth.shape, max(7.0, 0.18 * radius)) * np.float32(0.003)
    return np.clip(mg + patches, *zoning.limits).astype(np.float32)


def core_and_rim(mg: Floats, shape: Shape) -> tuple[float, float]:
    """Median mg# of the deepest tenth, and of the outer two pixels along original faces."""
    depth, mask = shape.depth_px, shape.mask
    deepest = float(depth[mask].max())
    core = mg[mask & (depth >= 0.9 * deepest)]
    rim = mg[mask & (depth <= 2.0)]
    return float(np.median(core)), float(np.median(rim if rim.size else mg[mask]))


def _micro_mean(rng: np.random.Generator, zoning: Zoning) -> float:
    reached = np.cumsum([weight for _, _, weight in zoning.micro])
    chosen = min(int(np.searchsorted(reached, rng.random(), "right")), len(reached) - 1)
    mean, spread, _ = zoning.micro[chosen]
    return float(rng.normal(mean, spread))


def _with_mantle(
    rng: np.random.Generator, mg: Floats, depth: Floats, radius: float, tops: Range
) -> Floats:
    top = rng.uniform(*tops)
    place, width = radius * rng.uniform(0.42, 0.55), radius * rng.uniform(0.14, 0.20)
    bell = np.exp(-0.5 * ((depth - place) / width) ** 2)
    return np.asarray(mg + (top - mg) * bell, dtype=np.float32)


def _with_steps(rng: np.random.Generator, mg: Floats, depth: Floats, radius: float) -> Floats:
    """Faint growth bands, blurred by diffusion, that leave the core-to-rim trend as it is."""
    period = radius * rng.uniform(0.12, 0.22)
    envelope: NDArray[np.float32] = np.exp(-depth / (0.5 * radius))
    bands = np.sin(2 * math.pi * depth / period + rng.uniform(0, 2 * math.pi))
    return np.asarray(mg + 0.004 * envelope * bands, dtype=np.float32)
