"""Where the EPMA profiles lie, as a source's ``placements.csv`` and the stage say it, um."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from napari_olivine.errors import InputError
from napari_olivine.readers.base import raise_if_any
from napari_olivine.readers.sessions.csv_table import read_csv, require, words_of

PLACEMENT_COLUMNS = ("profile", "kind", "x0_um", "y0_um", "x1_um", "y1_um", "use")

_ENDS = list(PLACEMENT_COLUMNS[2:6])
_USES = {
    "calibrate": "calibrate", "calibration": "calibrate", "test": "test", "ignore": "ignore",
    "": "calibrate",
}  # fmt: skip


@dataclass(frozen=True)
class PlacementTable:
    """The lines of a source's ``placements.csv``.

    Parameters
    ----------
    file
        The file; may be missing.
    lines
        Columns profile, kind, x0_um, y0_um, x1_um, y1_um, use.
    """

    file: Path
    lines: pd.DataFrame

    def on_section(
        self,
        analyses: pd.DataFrame,
        by_stage: pd.DataFrame | None,
        shape: tuple[int, int],
        pixel_size_um: float,
    ) -> tuple[pd.DataFrame, list[str]]:
        """Place the profiles of EPMA tables, and compare with the section.

        Parameters
        ----------
        analyses
            EPMA analyses; profiles whose points have x_um and y_um are placed as spots.
        by_stage
            Ends of traverses that are known by the stage; those of the file go before them.
        shape
            Rows and columns of the section.
        pixel_size_um
            Side of a pixel, um.

        Returns
        -------
        placements
            Columns profile, kind ("line" or "spots"), x0_um, y0_um, x1_um, y1_um, use.
        problems
            Profiles without a placement, placements without a table, and what lies off the
            section.
        """
        profiles = list(dict.fromkeys(analyses["profile"]))
        located = analyses.dropna(subset=["x_um", "y_um"])
        spots = list(dict.fromkeys(located["profile"]))
        uses = dict(zip(self.lines["profile"], self.lines["use"], strict=True))
        lines = self._with_stage(by_stage)
        lines = lines[~lines["profile"].isin(spots)]
        known = lines["profile"].isin(profiles)
        problems = [
            f"{self.file.name} places {profile!r}, but there is no EPMA table of that name; it is "
            "left out"
            for profile in lines["profile"][~known]
        ]
        lines = lines[known]
        problems += [
            f"EPMA profile {profile!r} has no placement yet: draw it before calibrating"
            for profile in profiles
            if profile not in set(lines["profile"]) and profile not in spots
        ]
        problems += _off_the_section(lines, located, shape, pixel_size_um)
        nowhere = [np.nan] * len(_ENDS)
        placed = [(name, "spots", *nowhere, uses.get(name, "calibrate")) for name in spots]
        frames = [lines, pd.DataFrame(placed, columns=list(PLACEMENT_COLUMNS))]
        filled = [frame for frame in frames if len(frame)] or [lines]
        return pd.concat(filled, ignore_index=True), problems

    def _with_stage(self, by_stage: pd.DataFrame | None) -> pd.DataFrame:
        if by_stage is None or not len(by_stage):
            return self.lines
        more = by_stage[~by_stage["profile"].isin(self.lines["profile"])]
        more = more.assign(kind="line", use="calibrate")[list(PLACEMENT_COLUMNS)]
        return pd.concat([self.lines, more], ignore_index=True) if len(self.lines) else more


def read_placements(file: Path, pixel_size_um: float) -> PlacementTable:
    """Read where a person says that EPMA profiles lie.

    Parameters
    ----------
    file
        CSV with the columns profile, x0_px, y0_px, x1_px, y1_px (or the same in ``_um``) and
        use (calibrate, test or ignore). May be missing.
    pixel_size_um
        Side of a pixel, um.

    Returns
    -------
    PlacementTable
        Without lines if the file is missing.

    Raises
    ------
    InputError
        If a column is missing, a number or use cannot be understood, or a profile is placed twice.
    """
    if not file.exists():
        empty = pd.DataFrame({name: [] for name in PLACEMENT_COLUMNS})
        return PlacementTable(file, empty.astype(dict.fromkeys(_ENDS, "float64")))
    table = read_csv(file)
    unit = "um" if "x0_um" in table else "px"
    ends = tuple(f"{end}_{unit}" for end in ("x0", "y0", "x1", "y1"))
    require(file, table, ("profile", *ends))
    lines = pd.DataFrame({"profile": table["profile"].str.strip(), "kind": "line"})
    for name, end in zip(_ENDS, ends, strict=True):
        numbers = pd.to_numeric(table[end], errors="coerce")
        if numbers.isna().any():
            row = int(np.flatnonzero(numbers.isna())[0])
            raise InputError(
                f"{file}: {end} of profile {lines['profile'][row]!r} is no number.", file=file
            )
        lines[name] = numbers * (1.0 if unit == "um" else pixel_size_um)
    uses = words_of(table, "use")
    doubled = lines["profile"][lines["profile"].duplicated()]
    wrong = [f"profile {name!r} is placed twice" for name in doubled]
    wrong += [
        f"profile {name!r} has the use {use!r}; known: calibrate, test, ignore"
        for name, use in zip(lines["profile"], uses, strict=True)
        if use not in _USES
    ]
    raise_if_any(wrong, f"{file} cannot be used", file=file)
    return PlacementTable(file, lines.assign(use=uses.map(_USES)))


def _off_the_section(
    lines: pd.DataFrame, located: pd.DataFrame, shape: tuple[int, int], pixel_size_um: float
) -> list[str]:
    """Say which lines and spots lie off the section."""
    problems = []
    right, bottom = ((side - 1) * pixel_size_um for side in (shape[1], shape[0]))
    ends = lines[_ENDS].to_numpy(np.float64)
    for profile, (x0, y0, x1, y1) in zip(lines["profile"], ends, strict=True):
        if min(x0, x1) < 0 or max(x0, x1) > right or min(y0, y1) < 0 or max(y0, y1) > bottom:
            problems.append(
                f"EPMA profile {profile!r} lies off the section (x {x0:.0f} to {x1:.0f} um, "
                f"y {y0:.0f} to {y1:.0f} um; the section is {right:.0f} x {bottom:.0f} um): "
                "place it again before calibrating"
            )
    for profile, points in located.groupby("profile", sort=False):
        off = ~(points["x_um"].between(0, right) & points["y_um"].between(0, bottom))
        if off.any():
            problems.append(
                f"{int(off.sum())} of {len(points)} spots of {profile!r} lie off the section "
                f"({right:.0f} x {bottom:.0f} um)"
            )
    return problems
