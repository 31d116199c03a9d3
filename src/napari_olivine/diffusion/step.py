"""The step: a profile of Fo in a CSV becomes a time with its error."""

from __future__ import annotations

import json as json_module
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_olivine.diffusion.doubts import doubts_of
from napari_olivine.diffusion.fit import Fit, fit_profile
from napari_olivine.diffusion.law import LAWS
from napari_olivine.diffusion.plot import FIGURES, plot_fit
from napari_olivine.diffusion.problem import Model
from napari_olivine.diffusion.profile import FoProfile, read_profile
from napari_olivine.diffusion.settings import DiffuseSettings
from napari_olivine.diffusion.times import Conditions, Times, diffusivity, sample_times
from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.section import write_atomically

FO2_RANGE = (-16.0, -4.0)
"""log10 fO2 (bar) of magmas, generously (ours)."""


def diffuse(
    profile: Path,
    json: Path | None = None,
    figure: Path | None = None,
    settings: DiffuseSettings | None = None,
    job: Job | None = None,
) -> dict[str, Any]:
    """Tell how long ago a step of Fo in olivine came to be, at given conditions.

    Parameters
    ----------
    profile
        CSV with distance (um) and Fo, see `read_profile`.
    json
        File for the result, or none.
    figure
        PNG, SVG or PDF of profile, fit and times, or none.
    settings
        Conditions and assumptions; the defaults if not given.
    job
        Running job; its seed is that of the draws.

    Returns
    -------
    dict
        ``kind`` (``time``, ``upper limit``, ``lower limit``), ``time_days`` of the best fit,
        ``time_days_low`` and ``time_days_high`` (68 %), what the profile alone leaves open, the
        fit, its flags, the conditions.

    Raises
    ------
    InputError
        If the profile cannot be used or says nothing, or a file cannot be written.
    """
    settings, job = settings or DiffuseSettings(), job or Job()
    if figure is not None and Path(figure).suffix.lower() not in FIGURES:
        raise InputError(
            f"{figure} must end in {', '.join(FIGURES)}.", file=Path(figure), setting="figure"
        )
    points = read_profile(Path(profile))
    if points.fo_se is None and settings.fo_error is not None:
        points = replace(points, fo_se=np.full(len(points.fo), settings.fo_error))
    law = LAWS[settings.law]
    fit, problem = fit_profile(points, _model(settings, law.slope))
    job.check()
    conditions = _conditions(settings)
    times = sample_times(fit, conditions, settings.draws, np.random.default_rng(job.seed))
    flags = [*doubts_of(fit, problem), *_beyond(settings, times.log_fo2_bar)]
    told = _result(Path(profile), points, fit, times, conditions, settings, flags)
    for flag in flags:
        job.warn(flag)
    job.say(_words(told))
    if json is not None:
        write_atomically(Path(json), json_module.dumps(told, indent=1) + "\n")
    if figure is not None:
        plot_fit(points, fit, times, Path(figure))
    return told


def _model(settings: DiffuseSettings, slope: float) -> Model:
    return Model(
        slope, settings.start, settings.ramp_um, settings.step_um, settings.fo_left,
        settings.fo_right, settings.left, settings.right, settings.blur_um,
    )  # fmt: skip


def _conditions(settings: DiffuseSettings) -> Conditions:
    return Conditions(
        settings.temperature_c, settings.temperature_se_c, settings.pressure_mpa,
        settings.pressure_se_mpa, settings.log_fo2_bar, settings.buffer, settings.fo2_offset,
        settings.fo2_se, settings.angles, settings.law, settings.law_se,
    )  # fmt: skip


def _beyond(settings: DiffuseSettings, log_fo2: float) -> list[str]:
    """Tell of conditions outside the experiments of the law."""
    low, high = LAWS[settings.law].temperatures_c
    found = []
    if not low <= settings.temperature_c <= high:
        found.append(
            f"{settings.temperature_c:g} deg C lies outside the experiments of the law "
            f"({low:g}-{high:g} deg C)"
        )
    if not FO2_RANGE[0] <= log_fo2 <= FO2_RANGE[1]:
        found.append(
            f"log10 fO2 of {log_fo2:g} bar is not that of a magma "
            f"({FO2_RANGE[0]:g} to {FO2_RANGE[1]:g}): is it in bar?"
        )
    buffered = settings.log_fo2_bar is None and settings.buffer == "NNO-1993"
    if buffered and settings.pressure_mpa > 1:
        found.append("NNO-1993 is for 1 bar: the pressure is left out of fO2; NNO has it")
    return found


def _result(
    file: Path,
    points: FoProfile,
    fit: Fit,
    times: Times,
    conditions: Conditions,
    settings: DiffuseSettings,
    flags: list[str],
) -> dict[str, Any]:
    other = next(name for name in LAWS if name != settings.law)
    other_days = times.best_days * times.diffusivity_m2_s
    other_days /= diffusivity(fit.reference, replace(conditions, law=other))[0]
    return {
        "file": file.name,
        "points": len(points.fo),
        "kind": fit.kind,
        "time_days": times.best_days,
        "time_days_low": times.low_days,
        "time_days_median": times.median_days,
        "time_days_high": times.high_days,
        "interval_percent": 68,
        "time_days_low_of_fit": times.of_fit[0],
        "time_days_high_of_fit": times.of_fit[1],
        f"time_days_by_{other.replace('-', '_')}": other_days,
        "diffusivity_m2_s": times.diffusivity_m2_s,
        "fo_of_diffusivity": fit.reference,
        "log_fo2_bar": times.log_fo2_bar,
        "law": LAWS[settings.law].title,
        "step_um": fit.position_um,
        "fo_left": fit.left,
        "fo_right": fit.right,
        "chi2_reduced": fit.chi2_reduced,
        "flags": flags,
        "settings": settings.model_dump(mode="json"),
    }


def _words(told: dict[str, Any]) -> str:
    under = (
        f"at {told['settings']['temperature_c']:g} deg C, log10 fO2 {told['log_fo2_bar']:.2f} bar, "
        f"by {told['law']}."
    )
    if told["kind"] == "upper limit":
        return f"Less than {told['time_days_high']:.3g} days (84 % sure) {under}"
    if told["kind"] == "lower limit":
        return f"More than {told['time_days_low']:.3g} days (84 % sure) {under}"
    return (
        f"{told['time_days']:.3g} days (68 %: {told['time_days_low']:.3g} to "
        f"{told['time_days_high']:.3g}; by the profile alone {told['time_days_low_of_fit']:.3g} to "
        f"{told['time_days_high_of_fit']:.3g}) {under}"
    )
