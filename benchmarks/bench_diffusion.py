"""Diffusion times: how often the stated interval holds a planted time, and how long a fit takes.

    python benchmarks/bench_diffusion.py [--profiles 200] [--seed 301] [--kilauea FOLDER]

Profiles with a known time are made by another solver (scipy's LSODA on a line of 0.5 um cells):
times of 3 to 300 days by their log, a step at 30 to 60 um of 160, Fo of 0.78-0.84 and 0.86-0.90,
points every 2.5 um with an error of 0.001 to 0.003. The conditions that a profile really spread at
are drawn with the errors that `diffuse` is told: 15 degrees, 0.3 of log fO2, 0.2 of log D. Told are
how many of the intervals of 68 % hold the time, that of the fit alone with exact conditions, the
median of fitted / true time, and the processor time of a fit with 10,000 draws beside that of one
solution by LSODA. Seeds up to 105 were for choosing.

With ``--kilauea`` (a folder of profiles with their published times) those of one stage are fitted
under the published conditions and law.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from napari_olivine.diffusion import LAWS, FoProfile, Model, fit_profile, sample_times
from napari_olivine.diffusion.times import SECONDS_A_DAY, UM2_OF_M2, Conditions, diffusivity
from napari_olivine.errors import InputError

LAW = LAWS["dohmen-chakraborty"]
CELL_UM, LENGTH_UM, SPACING_UM = 0.5, 160.0, 2.5
CELSIUS, CELSIUS_SE, FO2, FO2_SE, LAW_SE = 1180.0, 15.0, -7.8, 0.3, 0.2
ANGLES = (60.0, 70.0, 36.9)

Floats = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--profiles", type=int, default=200)
    parser.add_argument("--seed", type=int, default=301)
    parser.add_argument("--kilauea", type=Path)
    given = parser.parse_args()
    if given.kilauea:
        kilauea(given.kilauea)
        return
    random = np.random.default_rng(given.seed)
    rows = [row for _ in range(given.profiles) if (row := one(random))]
    table = pd.DataFrame(rows)
    held = 100 * table[["whole", "fit"]].mean()
    print(f"{len(table)} of {given.profiles} profiles were fitted; the rest said nothing")
    print(f"interval of 68 % holds the time in {held['whole']:.0f} % of them")
    print(f"that of the fit alone, conditions exact: {held['fit']:.0f} %")
    print(f"fitted / true time, conditions exact: median {table['ratio'].median():.3f}")
    print(f"fit and 10,000 draws: {table['seconds'].median():.2f} s of processor")
    print(f"one solution by LSODA: {table['peer'].median():.2f} s")


def one(random: np.random.Generator) -> dict[str, float] | None:
    """Make a profile and fit it."""
    days = float(np.exp(random.uniform(np.log(3), np.log(300))))
    place, low, high = random.uniform(30, 60), random.uniform(0.78, 0.84), random.uniform(0.86, 0.9)
    noise = random.uniform(0.001, 0.003)
    real = Conditions(
        CELSIUS + CELSIUS_SE * random.standard_normal(),
        log_fo2_bar=FO2 + FO2_SE * random.standard_normal(),
        angles_deg=ANGLES,
    )
    scatter = 10 ** (LAW_SE * random.standard_normal())
    reference = (low + high) / 2
    rate = diffusivity(reference, real)[0] * scatter * UM2_OF_M2 * SECONDS_A_DAY
    began = time.process_time()
    x, fo = other_solver(place, low, high, rate * days, reference)
    peer = time.process_time() - began
    distance = np.arange(0, LENGTH_UM, SPACING_UM)
    points = np.interp(distance, x, fo) + random.normal(0, noise, len(distance))
    profile = FoProfile(distance, points, np.full(len(distance), noise))
    told = Conditions(
        CELSIUS, CELSIUS_SE, log_fo2_bar=FO2, fo2_se=FO2_SE, angles_deg=ANGLES, law_se=LAW_SE
    )
    began = time.process_time()
    try:
        fit, _ = fit_profile(profile, Model(LAW.slope))
    except InputError:
        return None
    times = sample_times(fit, told, 10_000, random)
    seconds = time.process_time() - began
    exact = rate / (times.diffusivity_m2_s * UM2_OF_M2 * SECONDS_A_DAY)  # D really / D told
    exact *= np.exp(-LAW.slope * (fit.reference - reference))
    low_days, high_days = times.of_fit
    return {
        "whole": times.low_days <= days <= times.high_days,
        "fit": low_days <= days * exact <= high_days,
        "ratio": times.best_days / (days * exact),
        "seconds": seconds,
        "peer": peer,
    }


def other_solver(
    place: float, low: float, high: float, spread_um2: float, reference: float
) -> tuple[Floats, Floats]:
    """Let a step spread by the method of lines."""
    x = np.arange(CELL_UM / 2, LENGTH_UM, CELL_UM)

    def change(_: float, fo: Floats) -> Floats:
        whole = np.concatenate([[2 * low - fo[0]], fo, [fo[-1]]])
        d = np.exp(-LAW.slope * ((whole[1:] + whole[:-1]) / 2 - reference))
        return np.asarray(np.diff(d * np.diff(whole)) / CELL_UM**2)

    start = np.clip((x - place) / CELL_UM + 0.5, 0, 1) * (high - low) + low
    solved = solve_ivp(
        change, (0, spread_um2), start, "LSODA", rtol=1e-6, atol=1e-8, lband=1, uband=1
    )
    return x, solved.y[:, -1]


def kilauea(folder: Path) -> None:
    """Fit the profiles with one stage, and print their times beside the published ones."""
    law = LAWS["mutch"]
    for place in sorted(folder.iterdir()):
        if not place.is_dir():
            continue
        name = place.name.split("-")[1]
        given = pd.read_csv(place / f"{name}_modpar_lu.csv")
        if "T_C" not in given:
            print(f"{name}: two stages, which are not fitted here")
            continue
        points = pd.read_csv(place / f"{name}_XFo_filt_err.csv")
        angles = tuple(pd.read_csv(place / f"{name}_angles.csv").iloc[0].astype(float))
        published = pd.read_csv(place / f"{name}_pyMN_stats.csv").iloc[0]
        profile = FoProfile(
            *(points[column].to_numpy(float) for column in ("Distance", "XFo", "Fo_stdev"))
        )
        conditions = Conditions(
            given["T_C"][0], given["T_C"][1], 100 * given["P_kbar"][0], 100 * given["P_kbar"][1],
            given["lnfO2_bar"][0] / np.log(10), fo2_se=given["lnfO2_bar"][1] / np.log(10),
            angles_deg=angles, law=law.name, law_se=LAW_SE,
        )  # fmt: skip
        for start in ("step", "rim"):
            fit, _ = fit_profile(profile, Model(law.slope, start))
            times = sample_times(fit, conditions, 10_000, np.random.default_rng(0))
            print(
                f"{name}, {start}: {times.best_days:.2f} days ({times.low_days:.2f} to "
                f"{times.high_days:.2f}); published {published['Median (days)']:.2f} "
                f"({published['1 sigma low (days)']:.2f} to {published['1 sigma high (days)']:.2f})"
            )


if __name__ == "__main__":
    main()
