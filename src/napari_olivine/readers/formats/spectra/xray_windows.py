"""Element maps from a spectrum image: counts in a window around an element's X-ray line.

The background is left in, as in the window integrals of the makers: counts stay whole and keep
their Poisson statistics, and what is calibrated against microprobe analyses takes it up. Lines
that overlap (Cr Kb on Mn Ka, Ti Kb on V Ka, Fe Kb on Co Ka) are not taken apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, sqrt

FWHM_AT_MN_EV = 130.0
"""Width of Mn Ka in a silicon drift detector, eV."""

MN_KA_EV = 5898.75

OVERVOLTAGE = 1.2
"""A line is used if the beam has this many times its energy."""

DEFAULT_ELEMENTS = (
    "Mg", "Fe", "Ca", "Al", "Si", "Na", "K", "Ti", "Cr", "Mn", "Ni", "P", "S",
)  # fmt: skip
"""Elements that are mapped where the file names none."""

LINES_EV: dict[str, dict[str, float]] = {
    "C": {"K": 277.0}, "N": {"K": 392.4}, "O": {"K": 524.9}, "F": {"K": 676.8},
    "Na": {"K": 1040.98}, "Mg": {"K": 1253.60}, "Al": {"K": 1486.70}, "Si": {"K": 1739.98},
    "P": {"K": 2013.7}, "S": {"K": 2307.84}, "Cl": {"K": 2622.39}, "K": {"K": 3313.8},
    "Ca": {"K": 3691.68}, "Sc": {"K": 4090.6}, "Ti": {"K": 4510.84, "L": 452.2},
    "V": {"K": 4952.20, "L": 511.3}, "Cr": {"K": 5414.72, "L": 572.8},
    "Mn": {"K": 5898.75, "L": 637.4}, "Fe": {"K": 6403.84, "L": 705.0},
    "Co": {"K": 6930.32, "L": 776.2}, "Ni": {"K": 7478.15, "L": 851.5},
    "Cu": {"K": 8047.78, "L": 929.7}, "Zn": {"K": 8638.86, "L": 1011.7},
    "Ga": {"L": 1097.92}, "Ge": {"L": 1188.00}, "As": {"L": 1282.0}, "Se": {"L": 1379.10},
    "Br": {"L": 1480.43}, "Rb": {"L": 1694.13}, "Sr": {"L": 1806.56}, "Y": {"L": 1922.56},
    "Zr": {"L": 2042.36}, "Nb": {"L": 2165.89}, "Mo": {"L": 2293.16}, "Ag": {"L": 2984.31},
    "Cd": {"L": 3133.73}, "Sn": {"L": 3443.98}, "Sb": {"L": 3604.72}, "Te": {"L": 3769.33},
    "Ba": {"L": 4466.26}, "La": {"L": 4650.97}, "Ce": {"L": 4840.2}, "Pr": {"L": 5033.7},
    "Nd": {"L": 5230.4}, "Sm": {"L": 5636.1}, "Eu": {"L": 5845.7}, "Gd": {"L": 6057.2},
    "Tb": {"L": 6272.8}, "Dy": {"L": 6495.2}, "Er": {"L": 6948.7}, "Yb": {"L": 7415.6},
    "Hf": {"L": 7899.0, "M": 1644.6}, "Ta": {"L": 8146.1, "M": 1709.6},
    "W": {"L": 8397.6, "M": 1775.4}, "Pt": {"M": 2050.5}, "Au": {"M": 2122.9},
    "Hg": {"M": 2195.3}, "Pb": {"M": 2345.5}, "Bi": {"M": 2422.6}, "Th": {"M": 2996.1},
    "U": {"M": 3170.8},
}  # fmt: skip
"""Energies of K alpha 1, L alpha 1 and M alpha 1, eV: X-ray Data Booklet, third edition, table 1-2
(Thompson et al. 2009, Lawrence Berkeley National Laboratory; after Bearden 1967, Reviews of Modern
Physics 39, 78-124, doi:10.1103/RevModPhys.39.78)."""


@dataclass(frozen=True)
class Window:
    """Channels that are summed for an element.

    Parameters
    ----------
    element
        The element.
    line
        ``"K"``, ``"L"`` or ``"M"``.
    first, last
        First channel, and the one behind the last.
    """

    element: str
    line: str
    first: int
    last: int


def fwhm_ev(energy_ev: float) -> float:
    """Width at half height of a line in a silicon detector, eV.

    Fiori & Newbury (1978), Scanning Electron Microscopy 1, 401-422: the square of the width grows
    by 2.5 eV per eV.
    """
    return sqrt(max(FWHM_AT_MN_EV**2 + 2.5 * (energy_ev - MN_KA_EV), 40.0**2))


def choose_line(element: str, beam_kv: float | None, named: str | None = None) -> str | None:
    """Choose the line of an element.

    Parameters
    ----------
    element
        The element.
    beam_kv
        Accelerating voltage, kV; `None` if unknown.
    named
        Line that the file names (``"K"``), taken if the beam excites it.

    Returns
    -------
    line
        `None` where the element is not known or the beam excites none of its lines.
    """
    known = LINES_EV.get(element, {})
    ordered = [line for line in (named, "K", "L", "M") if line in known]
    return next(
        (
            line
            for line in ordered
            if line and (beam_kv is None or known[line] * OVERVOLTAGE <= beam_kv * 1000)
        ),
        None,
    )


def windows(
    elements: Sequence[str],
    lines: Sequence[str],
    beam_kv: float | None,
    offset_ev: float,
    scale_ev: float,
    channels: int,
) -> list[Window]:
    """Find the channels of each element: one width at half height to either side of its line.

    Parameters
    ----------
    elements
        Elements; empty for `DEFAULT_ELEMENTS`.
    lines
        Lines that the file names, as ``Fe_Ka``, ``Ce_La``.
    beam_kv
        Accelerating voltage, kV; `None` if unknown.
    offset_ev, scale_ev
        Energy of channel 0 and width of a channel, eV.
    channels
        Number of channels.

    Returns
    -------
    windows
        One for each element whose line is excited and lies within the channels.
    """
    named = {line.split("_")[0]: line.split("_")[-1][:1] for line in lines}
    found = []
    for element in dict.fromkeys(elements or DEFAULT_ELEMENTS):
        line = choose_line(element, beam_kv, named.get(element))
        if line is None:
            continue
        energy = LINES_EV[element][line]
        half = fwhm_ev(energy)
        # The energy of a channel is that of its middle.
        first = ceil((energy - half - offset_ev) / scale_ev - 0.5)
        last = floor((energy + half - offset_ev) / scale_ev + 0.5) + 1
        if first >= 0 and last <= channels:
            found.append(Window(element, line, first, last))
    return found
