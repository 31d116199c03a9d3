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
    ends: Floats | tuple[float, float] | None = None,
) -> Floats:
    """Let profiles spread.

    Parameters
    ----------
    start
        Composition (Fo as a fraction) of the cells at first, shape (cells,), or (profiles, cells)
        for many profiles on the same line.
    line
        Cells and ends.
    spreads_um2
        Rising values of D_ref t to stop at, shape (stops,).
    slope
        -d ln D / d Fo.
    reference
        Fo at which D is D_ref.
    ends
        Composition of the ends that are fixed, shape (2,) or (profiles, 2); that of the outermost
        cells if not given.

    Returns
    -------
    ndarray
        Composition of the cells at each stop, shape (stops, cells) or (stops, profiles, cells).
    """
    now = np.atleast_2d(np.asarray(start, np.float64))
    edge = now[:, [0, -1]] if ends is None else np.atleast_2d(np.asarray(ends, np.float64))
    found = np.empty((len(spreads_um2), *now.shape))
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
    return found if np.ndim(start) > 1 else found[:, 0]


def _step(
    now: Floats,
    line: Line,
    length: float,
    slope: float,
    reference: float,
    ends: Floats,
    implicit: float,
) -> Floats:
    """Go on by `length` of D_ref t; `implicit` is the weight of the end of the step."""
    ratio = length / line.cell_um**2
    explicit_part = now
    if implicit < 1:
        explicit_part = now + (1 - implicit) * ratio * _gain(now, line, slope, reference, ends)
    then = now
    at_ends = ratio * implicit * _end_conductances(line, slope, reference, ends)
    known = explicit_part.copy()
    known[:, [0, -1]] += at_ends * ends
    for _ in range(PICARD):
        inner = ratio * implicit * np.exp(-slope * ((then[:, :-1] + then[:, 1:]) / 2 - reference))
        diagonal = np.ones_like(now)
        diagonal[:, :-1] += inner
        diagonal[:, 1:] += inner
        diagonal[:, [0, -1]] += at_ends
        # All profiles are one system: nothing passes from the last cell of one to the next.
        beside = np.zeros_like(now)
        beside[:, :-1] = -inner
        beside = beside.ravel()[:-1]
        *_, solved, failed = dgtsv(beside, diagonal.ravel(), beside, known.ravel())
        if failed:
            raise ArithmeticError("the equations of diffusion cannot be solved")
        then = solved.reshape(now.shape)
    return np.asarray(then)


def _end_conductances(line: Line, slope: float, reference: float, ends: Floats) -> Floats:
    """D / D_ref at both ends, where the way is half a cell, shape (profiles, 2)."""
    fixed = np.array([line.left == "fixed", line.right == "fixed"])
    return np.asarray(2 * np.exp(-slope * (ends - reference)) * fixed)


def _gain(now: Floats, line: Line, slope: float, reference: float, ends: Floats) -> Floats:
    """Add up what flows into each cell."""
    flow = np.exp(-slope * ((now[:, :-1] + now[:, 1:]) / 2 - reference)) * np.diff(now)
    gain = np.zeros_like(now)
    gain[:, :-1] += flow
    gain[:, 1:] -= flow
    outer = _end_conductances(line, slope, reference, ends)
    gain[:, [0, -1]] += outer * (ends - now[:, [0, -1]])
    return gain
