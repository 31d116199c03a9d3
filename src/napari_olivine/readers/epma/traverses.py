"""Which analyses of a table belong to one traverse: by name, DataSet, distance and stage."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.readers.epma.mapping import ColumnMapping
from napari_olivine.readers.epma.places import contradict, coordinates

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

JUMP = 10.0
"""A step on the stage this many times the usual one, and at least `JUMP_UM`, is a new traverse."""

JUMP_UM = 50.0

FEW = 3
"""Up to so many points may be profiles of one point each."""

LINE = 4
"""So many analyses that follow one another are a traverse beside single spots."""

LONGEST_COMMENT = 200


class Key(NamedTuple):
    """What the analyses of one traverse have in common.

    Parameters
    ----------
    group
        Name of the crystal or sample.
    profile
        Name of the profile as a column gives it.
    run
        Number of the run of rows with these names, from 0, where they begin anew.
    spots
        Single spots of the table.
    """

    group: str = ""
    profile: str = ""
    run: int = 0
    spots: bool = False


def traverse_of_each(table: pd.DataFrame, mapping: ColumnMapping) -> list[Key]:
    """Tell the traverse of each analysis.

    Parameters
    ----------
    table
        Analyses in the order of their rows: as far as they are given profile, group, comment,
        dataset, distance_um, stage_x_um, stage_y_um, x_um, y_um.
    mapping
        Where a new traverse begins (`ColumnMapping.split`).

    Returns
    -------
    keys
        One for each analysis; equal keys are one traverse.
    """
    if mapping.split == "none":
        return [Key()] * len(table)
    if "profile" in table and (named := _named(table)) is not None:
        return named if mapping.split == "column" else _begun_anew(table, named)
    if mapping.split == "column":
        return [Key()] * len(table)
    labels = _labels(table)
    keys = [Key(label, run=n) for label, n in zip(labels, _jumps(table, labels), strict=True)]
    return _single_spots_together(table, keys)


def rows_of(keys: Sequence[object]) -> list[Integers]:
    """Rows of each distinct key, in the order in which they begin."""
    distinct: dict[object, int] = {}
    codes = np.array([distinct.setdefault(key, len(distinct)) for key in keys], np.int64)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(distinct)))
    return list(np.split(order, ends[:-1]))


def prefix_of(comment: str) -> str:
    """Cut the number of the point off a comment.

    Examples
    --------
    >>> prefix_of("ol1 rim-core Line 003"), prefix_of("KL-7_ol2 pt. 14"), prefix_of("ol3-07")
    ('ol1 rim-core', 'KL-7_ol2', 'ol3')
    """
    text = re.sub(r"\s+", " ", comment[:LONGEST_COMMENT]).strip()
    number = _NUMBER_AT_END.search(text)
    if number is None:
        return text.strip(_EDGES)
    text = text[: number.start()].rstrip(_EDGES)
    word = _WORD_AT_END.search(text)
    return (text[: word.start()] if word else text).strip(_EDGES)


_EDGES = " _-#,;:."
_NUMBER_AT_END = re.compile(r"(?<![A-Za-z\d.])\(?\d{1,5}(?: ?(?:/|of) ?\d{1,5})?\)?$", re.ASCII)
_WORD_AT_END = re.compile(
    r"(?<![A-Za-z])(?:line|pt|point|spot|an|analysis|grid|no)s?$", re.IGNORECASE
)


# ------------------------------------------------------------------ a column names the profiles


def _named(table: pd.DataFrame) -> list[Key] | None:
    """Names of profiles and crystals; `None` if the column names points, or all rows alike."""
    profiles = _filled(table["profile"])
    groups = _crystals(table)
    keys = [Key(group, profile) for group, profile in zip(groups, profiles, strict=True)]
    if "" in profiles:  # rows beside the named ones are spots unless only a distance places them
        measured = np.zeros(len(table), bool)
        if "distance_um" in table and coordinates(table) is None:
            measured = np.isfinite(table["distance_um"].to_numpy(float))
        alone = [not key.profile and not m for key, m in zip(keys, measured, strict=True)]
        keys = [Key(spots=True) if a else key for a, key in zip(alone, keys, strict=True)]
    distinct = set(keys)
    if len(distinct) == len(keys) > FEW or len(set(profiles)) == len(keys) > FEW:
        return None  # names of points, not of traverses
    return keys


def _filled(column: pd.Series) -> list[str]:
    """Give blank cells the name above, unless every row of a traverse is named."""
    given = column.replace("", np.nan)
    repeated = (given == given.shift()).any()
    filled = given if repeated else given.ffill().bfill()
    return filled.fillna("").tolist()


def _crystals(table: pd.DataFrame) -> list[str]:
    """Names of crystals or samples without numbers of points; blank if each row has its own."""
    nothing = [""] * len(table)
    if "group" not in table:
        return nothing
    names = _filled(table["group"])
    if 2 * len(set(names)) > len(names) > FEW:
        names = [prefix_of(name) for name in names]
    return nothing if 2 * len(set(names)) > len(names) > FEW else names


def _begun_anew(table: pd.DataFrame, keys: list[Key]) -> list[Key]:
    """Part the rows of one name where it begins anew, as a number does at each crystal."""
    result = list(keys)
    for rows in rows_of(keys):
        if keys[rows[0]].spots:
            continue
        runs = np.cumsum(_restarts(table.iloc[rows], rows), dtype=np.int64)
        if not runs.any():
            continue
        named = _names_of_runs(table.iloc[rows], runs)
        for row, run in zip(rows, runs, strict=True):
            key = keys[row]
            if named is None or key.group:
                result[row] = key._replace(run=int(run))
            else:
                result[row] = key._replace(group=named[int(run)])
    return result


def _names_of_runs(part: pd.DataFrame, runs: Integers) -> list[str] | None:
    """Comment or DataSet that is one in each run and another in every other; `None` without."""
    for column in ("comment", "dataset"):
        if column not in part:
            continue
        words = [prefix_of(str(cell)) or str(cell) for cell in part[column]]
        found = [{w for w, r in zip(words, runs, strict=True) if r == run} for run in set(runs)]
        if all(len(each) == 1 for each in found) and len(set.union(*found)) == len(found):
            names = [next(iter(each)) for each in found]
            return names if all(names) else None
    return None


def _restarts(part: pd.DataFrame, rows: Integers) -> NDArray[np.bool_]:
    """Rows of one name at which another traverse begins: far away, or from the start again."""
    breaks = np.zeros(len(part), bool)
    if len(part) < 4:
        return breaks
    places = coordinates(part)
    distance = part["distance_um"].to_numpy(float) if "distance_um" in part else None
    if places is not None and np.ptp(places[np.isfinite(places).all(axis=1)], axis=0).any():
        # A gap in rows beside each other is one in a line that its name holds together.
        together = np.r_[False, np.diff(rows) == 1]
        return _other_places(places, distance, together)
    if distance is None or not np.isfinite(distance).all():
        return breaks
    breaks = _reversals(distance)
    near_start = 0.1 * float(np.median(np.abs(np.diff(distance))))
    return np.asarray(breaks & (np.abs(distance - distance[0]) <= near_start))


def _other_places(
    places: Floats, distance: Floats | None, together: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Rows before which the stage leaps to another traverse.

    A leap that is no longer than the runs of points beside it, and that the distances count
    through or a name holds together, is a gap in one line.
    """
    leaps = _leaps(places)
    breaks = leaps.copy()
    for k in np.flatnonzero(leaps).tolist():
        step = slice(k - 1, k + 1)
        counted = (
            distance is not None
            and bool(np.isfinite(distance[step]).all())
            and not contradict(distance[step], places[step])
        )
        breaks[k] = _is_far(places, k, leaps) or not (counted or together[k])
    return breaks


def _is_far(places: Floats, k: int, breaks: NDArray[np.bool_]) -> bool:
    """Tell whether a leap is longer than the runs of points on both sides of it."""
    bounds = [0, *np.flatnonzero(breaks).tolist(), len(places)]
    at = bounds.index(k)
    before, after = places[bounds[at - 1] : k], places[k : bounds[at + 1]]
    leap = float(np.hypot(*(places[k] - places[k - 1])))
    return leap > sum(float(np.hypot(*np.ptp(run, axis=0))) for run in (before, after))


# ------------------------------------------------------------------ nothing names the profiles


def _labels(table: pd.DataFrame) -> list[str]:
    """Tell traverses apart by name: the DataSet, a crystal's or sample's name, a comment."""
    empty = [""] * len(table)
    if "dataset" in table and table["dataset"].nunique() > 1:
        sizes = table["dataset"].value_counts()
        # Single spots are each a DataSet of their own; a line may stand among them.
        if sizes.median() > 1 or sizes.iloc[0] >= LINE:
            return [str(number) for number in table["dataset"]]
    for column in ("group", "comment"):
        if column not in table:
            continue
        prefixes = [prefix_of(text) for text in table[column]]
        numbered = sum(p not in ("", t) for p, t in zip(prefixes, table[column], strict=True))
        if column == "comment" and 2 * numbered < len(prefixes):
            continue  # remarks on single points ("rim", "crack"), not names of traverses
        sizes = pd.Series(prefixes).value_counts()
        among_spots = column == "group" and sizes.iloc[0] >= LINE and coordinates(table) is not None
        if len(sizes) > 1 and (sizes.median() > 1 or among_spots) and sizes.iloc[0] > 2:
            return prefixes
    return empty


def _jumps(table: pd.DataFrame, labels: list[str]) -> list[int]:
    """Count the jumps within the rows of a label: where the distances or the stage begin anew."""
    result = np.zeros(len(table), int)
    for rows in rows_of(labels):
        part = table.iloc[rows]
        breaks = np.zeros(len(rows), bool)
        distance = part["distance_um"].to_numpy(float) if "distance_um" in part else None
        if distance is not None and np.ptp(np.nan_to_num(distance)) > 0:
            breaks = _reversals(distance)
        places = coordinates(part) if {"stage_x_um", "beam_x_um"} & set(part) else None
        if places is not None and len(rows) > 3:
            breaks |= _other_places(places, distance, np.zeros(len(rows), bool))
        result[rows] = np.cumsum(breaks)
    return result.tolist()


def _reversals(distance: Floats) -> NDArray[np.bool_]:
    """Rows at which a new traverse begins: the distance falls back."""
    breaks = np.zeros(distance.size, bool)
    steps = np.diff(distance)
    known = steps[np.isfinite(steps) & (steps != 0)]
    if known.size < 2:
        return breaks
    forward = 1.0 if np.median(known) > 0 else -1.0
    usual = float(np.median(np.abs(known)))
    breaks[1:] = forward * np.nan_to_num(steps) < -1.5 * usual
    # Points out of order, not several traverses.
    return breaks if _sizes(breaks).min() > 1 else np.zeros(distance.size, bool)


def _leaps(places: Floats) -> NDArray[np.bool_]:
    """Rows before which the stage went much farther than from point to point."""
    breaks = np.zeros(len(places), bool)
    steps = np.hypot(*np.diff(places, axis=0).T)
    known = steps[np.isfinite(steps)]
    if known.size < 3:
        return breaks
    farthest = max(JUMP * float(np.median(known)), JUMP_UM)
    known = np.sort(known)  # the usual step of a short line is not that of many spots beside it
    apart = np.flatnonzero(known[1:] > np.maximum(JUMP * known[:-1], JUMP_UM))
    if apart.size:
        farthest = min(farthest, float(known[apart[0]]))
    breaks[1:] = np.nan_to_num(steps) > farthest
    sizes = _sizes(breaks)
    lines = np.median(sizes) > 2 or sizes.max() >= LINE
    return breaks if lines else np.zeros(len(places), bool)


def _sizes(breaks: NDArray[np.bool_]) -> Integers:
    return np.diff(np.flatnonzero(np.r_[True, breaks[1:], True]))


def _single_spots_together(table: pd.DataFrame, keys: list[Key]) -> list[Key]:
    """Make the analyses that stand alone, beside traverses, one group of spots.

    A few analyses of one name stand alone too if they lie apart as no points of a traverse do.
    """
    parts = rows_of(keys)
    places = coordinates(table)
    if places is None or max(map(len, parts)) < LINE:
        return keys
    steps = [np.hypot(*np.diff(places[rows], axis=0).T) for rows in parts]
    usual = np.concatenate([s for s, rows in zip(steps, parts, strict=True) if len(rows) >= LINE])
    known = usual[np.isfinite(usual)]
    farthest = max(JUMP * float(np.median(known)) if known.size else 0.0, JUMP_UM)
    result = list(keys)
    for rows, step in zip(parts, steps, strict=True):
        if len(rows) <= FEW and np.isfinite(places[rows]).all() and (step > farthest).all():
            for row in rows:
                result[row] = Key(spots=True)
    return result
