"""How fast Fe and Mg interdiffuse in olivine: published laws, by temperature, pressure and fO2.

Every quantity carries its unit in its name: programs that mixed bar and Pa gave times that were
wrong by a factor of 7, and the first printing of the law by a factor of 2.

References
----------
Dohmen R., Chakraborty S. (2007) Phys. Chem. Minerals 34, 409-430, eqs 27 and 28, as corrected by
their erratum, Phys. Chem. Minerals 34, 597-598, doi 10.1007/s00269-007-0185-3.
Mutch E.J.F., Maclennan J., Shorttle O., Edmonds M., Rudge J.F. (2019) Nature Geoscience 12:
the refit of the data that their program DFENS takes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = float | Floats

GAS_CONSTANT = 8.3145
"""J/mol/K"""

PA_OF_BAR = 1e5

ANISOTROPY = 6.0
"""How much faster Fe and Mg diffuse along [001] than along [100] and [010]."""

UNKNOWN_FACTOR = (1 + 2 / ANISOTROPY) / 3
"""Mean of `direction_factor` over all directions."""

LN10 = float(np.log(10))


@dataclass(frozen=True)
class Law:
    """A law of Fe-Mg interdiffusion.

    Parameters
    ----------
    name
        Short name.
    title
        Where it was published.
    slope
        -d ln D / d Fo (Fo as a fraction): D falls as exp(-slope Fo) at all conditions.
    ln_d001
        ln of D along [001], m2/s, by Fo (fraction), temperature (K), pressure (Pa) and log10 of fO2
        in bar.
    temperatures_c
        Range of the experiments, degrees Celsius.
    """

    name: str
    title: str
    slope: float
    ln_d001: Callable[[Numbers, Numbers, Numbers, Numbers], Any]
    temperatures_c: tuple[float, float]


def _dohmen_chakraborty(
    fo: Numbers, temperature_k: Numbers, pressure_pa: Numbers, log_fo2_bar: Numbers
) -> Any:
    log_fo2_pa = np.asarray(log_fo2_bar) + np.log10(PA_OF_BAR)
    work = (np.asarray(pressure_pa) - 1e5) * 7e-6
    rt = LN10 * GAS_CONSTANT * np.asarray(temperature_k)
    oxidised = -9.21 - (201_000 + work) / rt + (log_fo2_pa + 7) / 6
    reduced = -8.91 - (220_000 + work) / rt
    return LN10 * (np.where(log_fo2_pa > -10, oxidised, reduced) + 3 * (0.9 - np.asarray(fo)))


def _mutch(fo: Numbers, temperature_k: Numbers, pressure_pa: Numbers, log_fo2_bar: Numbers) -> Any:
    temperature, pressure = np.asarray(temperature_k), np.asarray(pressure_pa)
    return (
        -6.755 + 0.2244 * LN10 * np.asarray(log_fo2_bar) - 7.181 * np.asarray(fo)
        - 26_740 / temperature - 5.213e-10 * pressure - 1.028e-7 * pressure / temperature
    )  # fmt: skip


LAWS = {
    law.name: law
    for law in (
        Law(
            "dohmen-chakraborty",
            "Dohmen and Chakraborty (2007), with the erratum",
            3 * LN10,
            _dohmen_chakraborty,
            (700.0, 1200.0),
        ),
        Law("mutch", "Mutch et al. (2019), as in DFENS", 7.181, _mutch, (700.0, 1200.0)),
    )
}
"""Laws by their names; the first is the default."""


def direction_factor(angles_deg: Floats | Sequence[float]) -> Any:
    """How D along a traverse is less than along [001].

    Parameters
    ----------
    angles_deg
        Angles of the traverse to [100], [010] and [001], degrees, shape (..., 3); their squared
        cosines add up to 1.

    Returns
    -------
    float or ndarray
        D of the traverse / D of [001]: between 1/6 and 1, shape (...,).
    """
    squares = np.cos(np.deg2rad(np.asarray(angles_deg, np.float64))) ** 2
    return squares[..., 2] + (squares[..., 0] + squares[..., 1]) / ANISOTROPY


def random_factors(count: int, random: np.random.Generator) -> Floats:
    """Factors of traverses whose direction in the crystal is not known: all are as likely.

    Parameters
    ----------
    count
        How many.
    random
        Source of random numbers.

    Returns
    -------
    ndarray
        As of `direction_factor`, shape (count,).
    """
    along = random.uniform(-1, 1, count) ** 2  # of a direction at random, the cosine is uniform
    return np.asarray(along + (1 - along) / ANISOTROPY)
