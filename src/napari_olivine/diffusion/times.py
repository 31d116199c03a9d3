"""From a spread to days: temperature, pressure, fO2, direction and law with their errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_olivine.diffusion.buffers import Buffer, log_fo2_bar
from napari_olivine.diffusion.fit import Fit
from napari_olivine.diffusion.law import LAWS, UNKNOWN_FACTOR, direction_factor, random_factors

Floats = NDArray[np.float64]

SECONDS_A_DAY = 86_400.0
UM2_OF_M2 = 1e12
ZERO_CELSIUS_K = 273.15
PA_OF_MPA = 1e6

INTERVAL = (16.0, 50.0, 84.0)
"""Percentiles of the interval of 68 %."""


@dataclass(frozen=True)
class Conditions:
    """Under which a profile spread; each with its standard error.

    Parameters
    ----------
    temperature_c, temperature_se_c
        Degrees Celsius.
    pressure_mpa, pressure_se_mpa
        MPa.
    log_fo2_bar
        log10 of fO2 in bar, or `None`: that of `buffer` at each temperature and pressure.
    buffer
        Mineral buffer.
    fo2_offset
        Log units above the buffer.
    fo2_se
        Standard error of log10 fO2.
    angles_deg
        Angles of the traverse to [100], [010], [001]; `None`: not known, all directions count.
    law
        Name of the law.
    law_se
        Standard error of log10 D of the law.
    """

    temperature_c: float
    temperature_se_c: float = 0.0
    pressure_mpa: float = 0.1
    pressure_se_mpa: float = 0.0
    log_fo2_bar: float | None = None
    buffer: Buffer = "NNO"
    fo2_offset: float = 0.0
    fo2_se: float = 0.0
    angles_deg: tuple[float, float, float] | None = None
    law: str = "dohmen-chakraborty"
    law_se: float = 0.0


@dataclass(frozen=True)
class Times:
    """Times of a profile.

    Parameters
    ----------
    best_days
        Of the best fit at the conditions as given.
    low_days, median_days, high_days
        Interval of 68 % and median of all draws.
    of_fit
        Interval that the profile alone leaves open, at the conditions as given, days.
    diffusivity_m2_s
        D along the traverse at the conditions as given and the middle of the step.
    log_fo2_bar
        As used for the best fit.
    draws
        Times of all draws, days, shape (draws,).
    """

    best_days: float
    low_days: float
    median_days: float
    high_days: float
    of_fit: tuple[float, float]
    diffusivity_m2_s: float
    log_fo2_bar: float
    draws: Floats


def diffusivity(fo: float, conditions: Conditions) -> tuple[float, float]:
    """D along the traverse, m2/s, and log10 fO2 in bar, at the conditions as given.

    Parameters
    ----------
    fo
        Fo, a fraction.
    conditions
        The conditions; a direction that is not known counts as the mean of all.

    Returns
    -------
    tuple of float
        D and log10 fO2.
    """
    kelvin = conditions.temperature_c + ZERO_CELSIUS_K
    pressure = conditions.pressure_mpa * PA_OF_MPA
    oxygen = _oxygen(conditions, kelvin, pressure, 0.0)
    factor = (
        float(direction_factor(conditions.angles_deg))
        if conditions.angles_deg is not None
        else UNKNOWN_FACTOR
    )
    ln_d = LAWS[conditions.law].ln_d001(fo, kelvin, pressure, oxygen)
    return float(np.exp(ln_d)) * factor, float(oxygen)


def sample_times(
    fit: Fit, conditions: Conditions, draws: int, random: np.random.Generator
) -> Times:
    """Draw times: a spread by its likelihood, over a diffusivity with the errors of its conditions.

    fO2 of a buffer is worked out at the temperature and pressure of each draw, so that the errors
    of both are not counted apart.

    Parameters
    ----------
    fit
        The fitted profile.
    conditions
        Conditions with their errors.
    draws
        How many.
    random
        Source of random numbers.

    Returns
    -------
    Times
        Best time, interval of 68 % and all draws.
    """
    spreads = _draw_spreads(fit, draws, random)
    celsius = conditions.temperature_c + conditions.temperature_se_c * random.standard_normal(draws)
    kelvin = celsius + ZERO_CELSIUS_K
    pressure = PA_OF_MPA * np.clip(
        conditions.pressure_mpa + conditions.pressure_se_mpa * random.standard_normal(draws),
        0.1, None,
    )  # fmt: skip
    oxygen = _oxygen(
        conditions, kelvin, pressure, conditions.fo2_se * random.standard_normal(draws)
    )
    factor = (
        np.full(draws, direction_factor(conditions.angles_deg))
        if conditions.angles_deg is not None
        else random_factors(draws, random)
    )
    ln_d = LAWS[conditions.law].ln_d001(fit.reference, kelvin, pressure, oxygen)
    scatter = 10 ** (conditions.law_se * random.standard_normal(draws))
    times = _days(spreads, np.exp(ln_d) * factor * scatter)
    best, used = diffusivity(fit.reference, conditions)
    low, median, high = np.percentile(times, INTERVAL)
    of_fit = _days(np.percentile(spreads, INTERVAL[::2]), best)
    return Times(
        float(_days(fit.spread_um2, best)), float(low), float(median), float(high),
        (float(of_fit[0]), float(of_fit[1])), best, used, times,
    )  # fmt: skip


def _days(spread_um2: Floats | float, diffusivity_m2_s: Floats | float) -> Floats:
    return np.asarray(spread_um2) / (np.asarray(diffusivity_m2_s) * UM2_OF_M2) / SECONDS_A_DAY


def _oxygen(
    conditions: Conditions, kelvin: Floats | float, pressure: Floats | float, off: Floats | float
) -> Floats:
    if conditions.log_fo2_bar is not None:
        return np.asarray(conditions.log_fo2_bar + off)
    buffer = log_fo2_bar(conditions.buffer, kelvin, pressure)
    return np.asarray(buffer + conditions.fo2_offset + off)


def _draw_spreads(fit: Fit, draws: int, random: np.random.Generator) -> Floats:
    """Draw spreads by their likelihood; before the profile, all are as likely by their log."""
    logs = np.log(fit.spreads_um2)
    steps = np.diff(logs) * (fit.likelihood[:-1] + fit.likelihood[1:]) / 2
    rising = np.concatenate([[0.0], np.cumsum(steps)])
    # Where nothing is likely over many spreads, only the last one before it rises counts.
    rises = np.concatenate([steps > 0, [False]])
    keep = rises | np.roll(rises, 1)
    drawn = np.interp(random.uniform(0, rising[-1], draws), rising[keep], logs[keep])
    return np.asarray(np.exp(drawn))
