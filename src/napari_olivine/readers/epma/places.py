"""Where the analyses of a profile lie: the distance of the table against its coordinates."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.readers.epma.mapping import ColumnMapping

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

EVEN = 4.0
"""The longest step of a line is at most this many times the usual one, unless it is straight."""

STRAIGHT = 0.05
"""A line is straight if no point lies farther from it than this share of its length."""

LONGEST_STEP = 0.25
"""The longest step of a straight line with uneven steps is at most this share of its length."""

AGREE = 0.03
"""Distance and coordinates agree if they differ nowhere by more than this share of the length, and
twice the rounding of the coordinates. A stage repeats its places to about 1 um, and lines that
are analysed are 40 um and longer."""

COARSEST_UM = 1.0
"""Rounding of coordinates that is believed without a sign of it, um."""

REPLICATES = 3
"""So many analyses in one place are worth a word."""

LONG_STEP_UM = 200.0
"""A step beyond this is none of a line with uneven steps; where the unit of the stage was guessed,
a usual step beyond it is worth a word, um."""


@dataclass
class Way:
    """Where the analyses of one profile lie along it.

    Parameters
    ----------
    distance_um
        Of each analysis, um, shape (n,); NaN for single spots.
    by_distance_um
        Length by the table's own column of distances, um; NaN without it.
    by_coordinates_um
        Length along the coordinates, um; NaN without them, or where they are no line.
    said
        What the person should know, in sentences.
    """

    distance_um: Floats
    by_distance_um: float = np.nan
    by_coordinates_um: float = np.nan
    said: list[str] = field(default_factory=list)


def add_beam(table: pd.DataFrame) -> None:
    """Add the deflection of the beam to the place of the stage, where the table has both.

    The columns beam_x_um and beam_y_um stay, so that `way_along` can tell what moved.
    """
    if {"beam_x_um", "beam_y_um", "stage_x_um", "stage_y_um"} <= set(table):
        for axis in "xy":
            table[f"stage_{axis}_um"] += table[f"beam_{axis}_um"].fillna(0)


def coordinates(part: pd.DataFrame) -> Floats | None:
    """Return the coordinates of analyses, um, shape (n, 2): of stage and beam, else of the section.

    Returns
    -------
    places
        `None` if the table has none.
    """
    for x, y in (("stage_x_um", "stage_y_um"), ("x_um", "y_um"), ("beam_x_um", "beam_y_um")):
        if x in part and y in part:
            places = np.column_stack([part[x].to_numpy(float), part[y].to_numpy(float)])
            if np.isfinite(places).all(axis=1).any():
                return places
    return None


def way_along(
    file: Path,
    name: str,
    part: pd.DataFrame,
    rows: Integers,
    mapping: ColumnMapping,
    table: pd.DataFrame,
    *,
    spots: bool = False,
) -> Way:
    """Work out the distances of a profile.

    The table's own distances count where its coordinates say the same, or where it has none. Where
    they contradict, the way along the coordinates counts: some programs write the straight line
    from the first point of the table, or the step that was planned.

    Parameters
    ----------
    file
        For the messages.
    name
        Name of the profile.
    part
        Its analyses in the order of measurement: as far as they are given distance_um, stage_x_um,
        stage_y_um, x_um, y_um, beam_x_um, beam_y_um, dataset.
    rows
        Row of each in the sheet, from 1.
    mapping
        The columns, and what stage positions mean.
    table
        All analyses of the sheet.
    spots
        Whether they are known to be single spots.

    Returns
    -------
    way
        Distances and lengths.

    Raises
    ------
    InputError
        If nothing says where the points lie, or some have no place.
    """
    return _Places(file, name, part, rows, mapping, table, spots).way()


def is_line(places: Floats) -> bool:
    """Tell whether points follow one another along a traverse, which may bend.

    Parameters
    ----------
    places
        um, shape (n, 2), in the order of measurement.
    """
    if len(places) < 2 or not np.isfinite(places).all():
        return bool(len(places) >= 2) and bool(np.isfinite(places).all(axis=1).mean() > 0.5)
    steps = np.diff(places, axis=0)
    lengths = np.hypot(*steps.T)
    if not lengths.any():
        return False
    usual = float(np.median(lengths[lengths > 0]))
    if lengths.max() > EVEN * usual:
        return _is_straight(places)
    onward = np.einsum("ij,ij->i", steps[1:], steps[:-1])
    # Along a traverse nearly every step goes on in the direction of the last.
    return len(steps) < 2 or float((onward >= 0).mean()) > 0.8


def along(places: Floats) -> Floats:
    """Return the way along a line of points, um, shape (n,).

    Points that deviate from a straight line by no more than their rounding are taken on it: steps
    between rounded points are too long in sum (1 um steps in whole um by a tenth).

    Parameters
    ----------
    places
        um, shape (n, 2), in the order of measurement.
    """
    whole = places[-1] - places[0]
    length = float(np.hypot(*whole))
    if length > 0:
        offset = places - places[0]
        across = np.abs(offset @ [-whole[1], whole[0]]) / length
        on_line = offset @ whole / length
        onward = (np.diff(on_line) >= 0).all()
        if onward and across.max() <= _rounding(places):
            return np.asarray(on_line, np.float64)
    return np.asarray(np.r_[0.0, np.cumsum(np.hypot(*np.diff(places, axis=0).T))], np.float64)


def contradict(distance: Floats, places: Floats) -> bool:
    """Tell whether distances say something else than coordinates.

    Both ways are compared at points that lie so far apart that the rounding of the coordinates and
    the play of the stage add nothing to them.

    Parameters
    ----------
    distance
        um, shape (n,).
    places
        um, shape (n, 2).
    """
    rounding = _rounding(places, distance)
    apart = max(10 * rounding, 10.0, 0.05 * float(np.hypot(*np.ptp(places, axis=0))))
    chosen = [0]
    for k in range(1, len(places)):
        far = float(np.hypot(*(places[k] - places[chosen[-1]]))) >= apart
        if far or k == len(places) - 1:
            chosen.append(k)
    way = np.cumsum(np.hypot(*np.diff(places[chosen], axis=0).T))
    said = np.cumsum(np.abs(np.diff(distance[chosen])))
    return bool(np.abs(said - way).max() > AGREE * way[-1] + 2 * rounding)


class _Places:
    """The places of one profile, and what they say; the parameters are those of `way_along`."""

    def __init__(
        self,
        file: Path,
        name: str,
        part: pd.DataFrame,
        rows: Integers,
        mapping: ColumnMapping,
        table: pd.DataFrame,
        spots: bool,
    ) -> None:
        self.spots = spots
        self.file, self.name, self.part, self.rows = file, name, part, rows
        self.mapping, self.table = mapping, table
        self.given = _column(part, "distance_um")
        finite = self.given[np.isfinite(self.given)]
        self.made = Way(np.full(len(part), np.nan))
        self.made.by_distance_um = float(np.ptp(finite)) if finite.size > 1 else np.nan

    def way(self) -> Way:
        """Work out distances and lengths."""
        places = coordinates(self.part)
        if places is None:
            self._by_distance_alone()
            used = self.made.distance_um[:, None]
        else:
            self._by_both(places)
            self._say(_beam_moved(self.part))
            used = places
        self._say(_same_place(used, self.rows))
        return self.made

    def _say(self, text: str) -> None:
        if text:
            self.made.said.append(f"{self.name!r}{text}")

    def _require(self, known: NDArray[np.bool_], what: str) -> None:
        if not known.all():
            first = int(np.flatnonzero(~known)[0])
            row = int(self.rows[first])
            raise InputError(
                f"{self.file}: analysis {first + 1} has no {what} (row {row}).",
                remedy="Fill it in, or delete the row.",
                row=row,
            )

    def _take_given(self) -> None:
        self.made.distance_um = self.given
        steps = np.diff(self.given)
        if (steps > 0).any() and (steps < 0).any():
            self.made.said.append(
                f"the distances of {self.name!r} run to and fro; check their order"
            )

    def _by_distance_alone(self) -> None:
        known = np.isfinite(self.given)
        if not known.any():
            if not np.isfinite(_column(self.table, "distance_um")).any() and (
                coordinates(self.table) is None
            ):
                raise _no_places(self.file, self.mapping)
            self._say(
                f" ({_rows(self.rows)}) has neither distances nor positions: it counts as "
                f"{len(known)} single spots that cannot be placed"
            )
            return
        self._require(known, "distance")
        if len(known) > 1 and self.made.by_distance_um == 0:
            self._say(
                f" has no length: all {len(known)} analyses ({_rows(self.rows)}) have the distance "
                f"{self.given[0]:g} um; they count as analyses of one spot. If they are a line, "
                "fill in the distances"
            )
            return
        self._take_given()

    def _by_both(self, places: Floats) -> None:
        known: NDArray[np.bool_] = np.asarray(np.isfinite(places).all(axis=1))
        length = self.made.by_distance_um
        whole = not self.spots and bool(np.isfinite(self.given).all()) and length > 0
        if whole and not np.ptp(places[known], axis=0).any():
            self._take_given()
            self.made.by_coordinates_um = 0.0
            self._say(
                f": the stage stands still ({_rows(self.rows)}) while the distance runs "
                f"{length:.2f} um: the distance is taken, and its line must be drawn"
            )
            return
        both = known & np.isfinite(self.given)
        doubtful = length > 0 and both.sum() > 1 and contradict(self.given[both], places[both])
        if whole and not doubtful:
            self._take_given()
            self.made.by_coordinates_um = _length(places[known])
        elif "stage_x_um" not in self.part and "x_um" in self.part and not doubtful:
            self._require(known, "position (x_um, y_um)")
            if is_line(places):
                self.made.by_coordinates_um = _length(places)
        elif not (doubtful and self._is_thousandfold(places)):
            self._by_coordinates(places, known)

    def _by_coordinates(self, places: Floats, known: NDArray[np.bool_]) -> None:
        """Take the way along the coordinates if they follow a line; else these are spots."""
        follow = not self.spots and _measured_as_line(self.part) and is_line(places)
        if self.mapping.places == "line" or (self.mapping.places == "auto" and follow):
            self._require(known, "stage position")
            self.made.distance_um = along(places)
            self.made.by_coordinates_um = _length(places)
            self._say(self._why_not_given(places))
            if len(places) == 2 and self.mapping.places == "auto":
                self._say(
                    f": two analyses ({_rows(self.rows)}) are taken for the ends of a line; if "
                    'they are spots, say places = "spots" in columns.toml'
                )
            self._say(self._doubt_of_unit(np.diff(self.made.distance_um)))
            return
        given = np.isfinite(self.given)
        if given.any() and not self.spots:
            self._require(given, "distance")
        self._say(self._spots(places))

    def _why_not_given(self, places: Floats) -> str:
        header, missing = _header(self.mapping, "distance"), ~np.isfinite(self.given)
        if missing.all() or self.made.by_distance_um == 0:
            return ""
        if missing.any():
            return (
                f": {header} is empty in {_rows(self.rows[missing])}: the way along the "
                "coordinates is taken"
            )
        why, everywhere = "", coordinates(self.table)
        if everywhere is not None:
            straight = np.hypot(*(places - everywhere[0]).T)
            rounding = AGREE * float(np.ptp(straight)) + 2 * COARSEST_UM
            if np.abs(straight - self.given).max() <= rounding:
                why = ", which is the straight line from the first point of the table,"
        return (
            f": {header}{why} gives a length of {self.made.by_distance_um:.2f} um, the "
            f"coordinates {self.made.by_coordinates_um:.2f} um: the way along the coordinates is "
            "taken"
        )

    def _doubt_of_unit(self, steps: Floats) -> str:
        x = self.mapping.column_of("stage_x")
        usual = float(np.median(steps)) if len(steps) else 0.0
        if x is None or not x.why.startswith("no unit: mm") or usual <= LONG_STEP_UM:
            return ""
        return (
            f": steps of {usual:.0f} um, for {x.header!r} has no unit and is read as mm: if it is "
            "um, write the unit into its name, or say it in columns.toml"
        )

    def _is_thousandfold(self, places: Floats) -> bool:
        """Correct the unit of the stage where it was guessed and the distances show another."""
        x = self.mapping.column_of("stage_x")
        if x is None or not x.why.startswith("no unit") or not np.isfinite(self.given).all():
            return False
        factor = 1e-3 if x.unit == "mm" else 1e3
        if contradict(self.given, places * factor):
            return False
        for axis in ("stage_x_um", "stage_y_um"):
            self.part[axis] *= factor
        self.made.distance_um = self.given
        self.made.by_coordinates_um = _length(places * factor)
        shown = "um" if x.unit == "mm" else "mm"
        self._say(f": {x.header!r} has no unit; the distances show that it is {shown}")
        return True

    def _spots(self, places: Floats) -> str:
        if len(places) > 1 and not np.ptp(places, axis=0).any():
            return (
                f" has no length: all {len(places)} analyses ({_rows(self.rows)}) lie in one "
                "place; they are used as spots once they are placed on the section. If the beam "
                "moved, give its coordinates (Beam X, Beam Y) or the distances"
            )
        if self.made.by_distance_um > 0:
            return (
                f" ({_rows(self.rows)}) holds single spots: their positions follow no line, and "
                f"their distances ({self.made.by_distance_um:.2f} um) contradict them and are left "
                "out; they are used once they are placed on the section"
            )
        return (
            " holds single spots with stage positions and no distances: they are used once they "
            "are placed on the section"
        )


def _beam_moved(part: pd.DataFrame) -> str:
    if "beam_x_um" not in part or "beam_y_um" not in part:
        return ""
    beam = np.column_stack([part["beam_x_um"].to_numpy(float), part["beam_y_um"].to_numpy(float)])
    known = beam[np.isfinite(beam).all(axis=1)]
    if len(known) < 2 or not np.ptp(known, axis=0).any():
        return ""
    return (
        f": the beam moved over {np.hypot(*np.ptp(known, axis=0)):.2f} um: its coordinates are "
        "added to those of the stage; look whether the line points the right way"
    )


def _same_place(places: Floats, rows: Integers) -> str:
    """Report several analyses in one place of a profile that has others."""
    known = np.isfinite(places).all(axis=1)
    counts = Counter(map(tuple, places[known].tolist()))
    if len(counts) < 2:
        return ""
    place, most = counts.most_common(1)[0]
    if most < REPLICATES:
        return ""
    there = rows[(places == np.array(place)).all(axis=1)]
    return f": {most} analyses ({_rows(there)}) lie in one place"


def _measured_as_line(part: pd.DataFrame) -> bool:
    """PeakSight makes each single spot a DataSet of its own."""
    return not ("dataset" in part and len(part) == part["dataset"].nunique() > 1)


def _is_straight(places: Floats) -> bool:
    whole = places[-1] - places[0]
    length = float(np.hypot(*whole))
    longest = float(np.hypot(*np.diff(places, axis=0).T).max())
    if len(places) < 4 or longest > min(LONGEST_STEP * length, LONG_STEP_UM):
        return False
    offset = places - places[0]
    on_line, across = offset @ whole / length, np.abs(offset @ [-whole[1], whole[0]]) / length
    return bool(across.max() <= STRAIGHT * length and (np.diff(on_line) >= 0).all())


def _rounding(places: Floats, distance: Floats | None = None) -> float:
    """Return the last place of coordinates, um; coarser than 1 um only where points coincide."""
    coarsest = COARSEST_UM
    if distance is not None:
        still = (np.diff(places, axis=0) == 0).all(axis=1) & (np.diff(distance) != 0)
        coarsest = 100.0 if still.any() else COARSEST_UM
    for unit in (100.0, 10.0, 1.0, 0.1):
        if unit <= coarsest and np.allclose(places / unit, np.round(places / unit), atol=1e-4):
            return unit
    return 0.01


def _length(places: Floats) -> float:
    return float(np.ptp(along(places)))


def _column(table: pd.DataFrame, name: str) -> Floats:
    return table[name].to_numpy(float) if name in table else np.full(len(table), np.nan)


def _header(mapping: ColumnMapping, quantity: str) -> str:
    column = mapping.column_of(quantity)
    return repr(column.header or f"column {column.column}") if column else quantity


def _rows(rows: Integers) -> str:
    if len(rows) == 1:
        return f"row {rows[0]}"
    if rows[-1] - rows[0] == len(rows) - 1:
        return f"rows {rows[0]}-{rows[-1]}"
    return f"rows {', '.join(map(str, rows[:6]))}{', ...' if len(rows) > 6 else ''}"


def _no_places(file: Path, mapping: ColumnMapping) -> InputError:
    header = ", ".join(c.header for c in mapping.columns if c.header)
    return InputError(
        f"{file} does not say where its points lie: it needs a column 'distance_um' (along "
        "the traverse), or 'x_um' and 'y_um' (in the section), or stage 'X' and 'Y' in mm or um, "
        f"or a file of positions (.POS) of its name beside it; the columns found are {header}.",
        remedy="Add one, or say which column it is {place:columns.toml}.",
    )
