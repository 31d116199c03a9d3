"""mg# inside an olivine crystal: cores, rims and the diffusion between them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc

from napari_olivine.phantom.shapes import Floats, Shape, smooth_field

KINDS = ("normal", "reversed", "none", "complex")
MG_RANGE = (0.69, 0.935)

#: Ranges of core and rim mg# by kind of zoning, near figure 9 of Leichter et al. 2022.
_CORE_RIM = {
    "normal": ((0.860, 0.915), (0.740, 0.795)),
    "reversed": ((0.745, 0.800), (0.853, 0.888)),
    "complex": ((0.780, 0.820), (0.755, 0.778)),
}


def mg_number(rng: np.random.Generator, shape: Shape, kind: str) -> Floats:
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

    Returns
    -------
    float32 array of the crystal's box
    """
    depth = shape.depth_px
    radius = max(float(shape.inside_px.max()), 1.0)
    if kind in ("none", "micro"):
        mean = _micro_mean(rng) if kind == "micro" else rng.uniform(0.810, 0.860)
        mg = np.full(depth.shape, mean, dtype=np.float32)
    else:
        (core_low, core_high), (rim_low, rim_high) = _CORE_RIM[kind]
        core, rim = rng.uniform(core_low, core_high), rng.uniform(rim_low, rim_high)
        length = radius * rng.uniform(0.45, 0.68)
        mg = np.asarray(core + (rim - core) * erfc(depth / length), dtype=np.float32)
        if kind == "complex":
            mg = _with_mantle(rng, mg, depth, radius)
        elif kind == "normal" and rng.random() < 0.3:
            mg = _with_steps(rng, mg, depth, radius)
    patches = smooth_field(rng, depth.shape, max(7.0, 0.18 * radius)) * np.float32(0.003)
    return np.clip(mg + patches, *MG_RANGE).astype(np.float32)


def core_and_rim(mg: Floats, shape: Shape) -> tuple[float, float]:
    """Median mg# of the deepest tenth, and of the outer two pixels along original faces."""
    depth, mask = shape.depth_px, shape.mask
    deepest = float(depth[mask].max())
    core = mg[mask & (depth >= 0.9 * deepest)]
    rim = mg[mask & (depth <= 2.0)]
    return float(np.median(core)), float(np.median(rim if rim.size else mg[mask]))


def _micro_mean(rng: np.random.Generator) -> float:
    # The paper's microlites have two populations, mg# 0.88 and 0.74.
    centre, spread = (0.88, 0.012) if rng.random() < 0.55 else (0.74, 0.012)
    return float(rng.normal(centre, spread))


def _with_mantle(rng: np.random.Generator, mg: Floats, depth: Floats, radius: float) -> Floats:
    top = rng.uniform(0.885, 0.915)
    place, width = radius * rng.uniform(0.42, 0.55), radius * rng.uniform(0.14, 0.20)
    bell = np.exp(-0.5 * ((depth - place) / width) ** 2)
    return np.asarray(mg + (top - mg) * bell, dtype=np.float32)


def _with_steps(rng: np.random.Generator, mg: Floats, depth: Floats, radius: float) -> Floats:
    """Faint growth bands, blurred by diffusion, that leave the core-to-rim trend as it is."""
    period = radius * rng.uniform(0.12, 0.22)
    envelope: NDArray[np.float32] = np.exp(-depth / (0.5 * radius))
    bands = np.sin(2 * math.pi * depth / period + rng.uniform(0, 2 * math.pi))
    return np.asarray(mg + 0.004 * envelope * bands, dtype=np.float32)
