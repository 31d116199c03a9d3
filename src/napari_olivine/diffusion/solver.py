"""Diffusion along a line with a diffusivity that depends on the composition.

Solved is dC/ds = d/dx ((D / D_ref) dC/dx) with D / D_ref = exp(-slope (C - C_ref)). The spread s =
D_ref t (um2) stands for the time: one solution serves every temperature, pressure and fO2, as these
change D by one factor along the whole profile. Fluxes between cells are taken once for both cells,
so that nothing is lost whatever the grid; the step is that of Crank and Nicolson, after some
implicit ones that smooth the first jump (Rannacher 1984).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dgtsv

Floats = NDArray[np.float64]
Boundary = Literal["fixed", "free"]

PICARD = 2
"""How often D is taken anew within a step."""

SMOOTHING_STEPS = 4
"""Implicit steps at the start, which together are as long as the first step."""


@dataclass(frozen=True)
class Line:
    """A line of cells.

    Parameters
    ----------
    cell_um
        Length of a cell.
    left, right
        ``"fixed"``: the composition at the end stays as it was at first (a melt or a large
        neighbour). ``"free"``: nothing passes (the centre of a crystal).
    """

    cell_um: float
    left: Boundary = "fixed"
    right: Boundary = "free"


def spread(
    start: Floats,
    line: Line,
    spreads_um2: Floats,
    slope: float,
    reference: float,
    ends: tuple[float, float] | None = None,
) -> Floats:
    """Let a profile spread.

    Parameters
    ----------
    start
        Composition (Fo as a fraction) of the cells at first, shape (cells,).
    line
        Cells and ends.
    spreads_um2
        Rising values of D_ref t to stop at, shape (stops,).
    slope
        -d ln D / d Fo.
    reference
        Fo at which D is D_ref.
    ends
        Composition of the ends that are fixed; that of the outermost cells if not given.

    Returns
    -------
    ndarray
        Composition of the cells at each stop, shape (stops, cells).
    """
    now = np.asarray(start, np.float64).copy()
    edge = (float(now[0]), float(now[-1])) if ends is None else ends
    found = np.empty((len(spreads_um2), len(now)))
    done = 0.0
    for place, stop in enumerate(np.asarray(spreads_um2, np.float64)):
        length = float(stop) - done
        if place == 0:
            for _ in range(SMOOTHING_STEPS):
                now = _step(now, line, length / SMOOTHING_STEPS, slope, reference, edge, 1.0)
        else:
            now = _step(now, line, length, slope, reference, edge, 0.5)
        found[place] = now
        done = float(stop)
    return found


def _step(
    now: Floats,
    line: Line,
    length: float,
    slope: float,
    reference: float,
    ends: tuple[float, float],
    implicit: float,
) -> Floats:
    """Go on by `length` of D_ref t; `implicit` is the weight of the end of the step."""
    ratio = length / line.cell_um**2
    explicit_part = now + (1 - implicit) * ratio * _gain(now, line, slope, reference, ends)
    then = now
    for _ in range(PICARD):
        inner, left, right = _conductances(then, line, slope, reference, ends)
        weight = implicit * ratio
        diagonal = np.ones_like(now)
        diagonal[:-1] += weight * inner
        diagonal[1:] += weight * inner
        diagonal[0] += weight * left
        diagonal[-1] += weight * right
        known = explicit_part.copy()
        known[0] += weight * left * ends[0]
        known[-1] += weight * right * ends[1]
        beside = -weight * inner
        *_, then, failed = dgtsv(beside, diagonal, beside, known)
        if failed:
            raise ArithmeticError("the equations of diffusion cannot be solved")
    return np.asarray(then)


def _conductances(
    now: Floats, line: Line, slope: float, reference: float, ends: tuple[float, float]
) -> tuple[Floats, float, float]:
    """D / D_ref between cells, and at both ends, where the way is half a cell."""
    inner = np.exp(-slope * ((now[:-1] + now[1:]) / 2 - reference))
    at_ends = [
        2 * float(np.exp(-slope * (value - reference))) if kind == "fixed" else 0.0
        for kind, value in zip((line.left, line.right), ends, strict=True)
    ]
    return inner, at_ends[0], at_ends[1]


def _gain(
    now: Floats, line: Line, slope: float, reference: float, ends: tuple[float, float]
) -> Floats:
    """Add up what flows into each cell."""
    inner, left, right = _conductances(now, line, slope, reference, ends)
    flow = inner * np.diff(now)
    gain = np.zeros_like(now)
    gain[:-1] += flow
    gain[1:] -= flow
    gain[0] += left * (ends[0] - now[0])
    gain[-1] += right * (ends[1] - now[-1])
    return gain
