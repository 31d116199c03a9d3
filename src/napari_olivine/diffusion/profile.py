"""A profile of Fo against distance, as laboratories write it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.errors import InputError

Floats = NDArray[np.float64]

DISTANCES = ("distance_um", "distance", "distance (um)", "distance (µm)", "x_um", "dist", "um")
FORSTERITES = ("fo", "xfo", "x_fo", "fo (mol%)", "fo#", "mg#", "mg_number", "forsterite")
ERRORS = (
    "fo_se", "fo_err", "fo_stdev", "fo_sigma", "xfo_err", "se", "sigma", "stdev", "error", "fo_sd",
)  # fmt: skip
"""Names of columns, in small letters."""

LEAST_POINTS = 6

PERCENT_FROM = 1.5
"""Fo above this is in percent."""

FRACTION_BELOW = 0.01
"""An error of Fo in percent below this is a fraction: microprobes are not so good."""

LEAST_FO = 0.4
"""Fo below this is beyond the experiments, or another quantity."""

LEAST_LENGTH_UM = 2.0
"""A profile shorter than this is in another unit."""


@dataclass(frozen=True)
class FoProfile:
    """Fo along a traverse.

    Parameters
    ----------
    distance_um
        Rising distances, shape (points,).
    fo
        Fo as a fraction, shape (points,).
    fo_se
        Standard error of each, as a fraction, shape (points,); `None` if it was not given.
    notes
        What was made of the table, in words.
    """

    distance_um: Floats
    fo: Floats
    fo_se: Floats | None = None
    notes: tuple[str, ...] = ()


def read_profile(file: Path) -> FoProfile:
    """Read a CSV with columns of distance (um) and Fo, and perhaps the error of Fo.

    Fo is a fraction or percent, which its size tells; points without a number are left out.

    Parameters
    ----------
    file
        CSV with a row of names; `DISTANCES`, `FORSTERITES`, `ERRORS` are known.

    Returns
    -------
    FoProfile
        The profile.

    Raises
    ------
    InputError
        If a column is missing, distances go back, or there are too few points.
    """
    file = Path(file)
    if not file.is_file():
        raise InputError(f"There is no file {file}.", file=file)
    try:
        table = pd.read_csv(file, sep=None, engine="python", encoding="utf-8-sig")
    except (pd.errors.ParserError, UnicodeDecodeError, ValueError) as problem:
        raise InputError(f"{file} is no CSV table: {problem}.", file=file) from problem
    notes: list[str] = []
    distance = _column(table, DISTANCES, "the distance in um", file)
    fo = _column(table, FORSTERITES, "Fo", file)
    error = _column(table, ERRORS, "", file)
    assert distance is not None and fo is not None
    known = np.isfinite(distance) & np.isfinite(fo)
    if error is not None:
        known &= np.isfinite(error) & (error > 0)
    if not known.all():
        notes.append(f"{int((~known).sum())} rows without numbers are left out")
    distance, fo = distance[known], fo[known]
    error = error[known] if error is not None else None
    if len(fo) < LEAST_POINTS:
        raise InputError(
            f"{file} has {len(fo)} points with numbers; at least {LEAST_POINTS} are needed.",
            file=file,
        )
    if (np.diff(distance) < 0).all():
        distance, fo = distance[::-1], fo[::-1]
        error = error[::-1] if error is not None else None
        notes.append("the rows were turned round: the distances fell")
    back = np.flatnonzero(np.diff(distance) <= 0)
    if back.size:
        row = int(np.flatnonzero(known)[back[0] + 1]) + 2
        raise InputError(
            f"{file}, row {row}: the distance {distance[back[0] + 1]:g} um does not lie beyond the "
            f"one before ({distance[back[0]]:g} um).",
            remedy="Sort the rows, one profile a file.",
            file=file,
            row=row,
        )
    if np.median(fo) > PERCENT_FROM:
        fo, notes = fo / 100, [*notes, "Fo is in percent"]
        if error is not None and np.median(error) < FRACTION_BELOW:
            notes.append("the errors of Fo are taken as fractions")
        elif error is not None:
            error = error / 100
    elif error is not None and np.median(error) > 0.05:
        error, notes = error / 100, [*notes, "Fo is a fraction, its error in percent"]
    if not ((fo > 0) & (fo <= 1)).all() or np.median(fo) < LEAST_FO:
        raise InputError(
            f"{file}: Fo from {fo.min():g} to {fo.max():g} (as fractions) is no olivine that the "
            f"law is for (Fo from {LEAST_FO:g} on).",
            remedy="Look whether another column was taken for Fo.",
            file=file,
        )
    length = float(distance[-1] - distance[0])
    if length < LEAST_LENGTH_UM:
        raise InputError(
            f"{file}: the profile is {length:g} um long.",
            remedy="Give the distances in um.",
            file=file,
        )
    if not _says_um(table):
        notes.append("the distances are taken as um: their column names no unit")
    return FoProfile(distance, fo, error, tuple(notes))


def _says_um(table: pd.DataFrame) -> bool:
    names = [str(name).strip().lower() for name in table.columns]
    return any("um" in name or "µm" in name for name in names if name in DISTANCES)


def _column(table: pd.DataFrame, names: tuple[str, ...], what: str, file: Path) -> Floats | None:
    """Find a column by its name; the first of `names` counts."""
    by_name = {str(name).strip().lower(): name for name in table.columns}
    for name in names:
        if name in by_name:
            return pd.to_numeric(table[by_name[name]], errors="coerce").to_numpy(np.float64)
    if not what:
        return None
    raise InputError(
        f"{file} has no column with {what}; it has {', '.join(map(str, table.columns))}.",
        remedy=f"Name the column {names[0]}.",
        file=file,
        expected=", ".join(names),
    )
