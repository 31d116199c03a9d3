"""Several traverses in one table: the first row, the name and the distances of each."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.readers.epma.mapping import ColumnMapping
from napari_olivine.readers.epma.table import Points

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Key = TypeVar("Key")

JUMP = 10.0
"""A step on the stage this many times the usual one, and at least `JUMP_UM`, is a new traverse."""

JUMP_UM = 50.0

EVEN = 4.0
"""The longest step of a line is at most this many times the usual one; else they are spots."""

LONGEST_NAME = 80

LONGEST_COMMENT = 200

FEW = 3
"""Up to so many points may be profiles of one point each."""

MOST_PROFILES = 2000
"""In one table; more are a sign that a column was misunderstood."""


def split_profiles(
    file: Path, stem: str, points: Points, mapping: ColumnMapping
) -> tuple[pd.DataFrame, list[str]]:
    """Sort the analyses of a table into profiles and give each its distances.

    Parameters
    ----------
    file
        For the messages.
    stem
        Name of the profile if there is one only, and the beginning of the others' names.
    points
        The analyses.
    mapping
        How to split, and what stage positions mean.

    Returns
    -------
    analyses
        Columns profile, point, distance_um, oxides in wt%, Total, and as far as they are given
        x_um, y_um, stage_x_um, stage_y_um, comment; in the order of the table's rows, but with the
        rows of each profile together.
    problems
        In plain sentences.

    Raises
    ------
    InputError
        If nothing says where the points lie.
    """
    table = points.table
    names = _profile_names(stem, table, mapping)
    parts, problems = [], []
    for name, chosen in _groups(file, names):
        part = table.iloc[chosen].reset_index(drop=True)
        part["distance_um"], said = _distances(file, name, part, points.rows[chosen], mapping)
        part["point"] = _point_numbers(part)
        part["profile"] = name
        parts.append(part)
        problems += said
    analyses = pd.concat(parts, ignore_index=True)
    if len(parts) > 1:
        problems.append(
            f"{file.name} holds {len(parts)} profiles: "
            f"{', '.join(f'{p.iloc[0].profile} ({len(p)})' for p in parts[:8])}"
            f"{', ...' if len(parts) > 8 else ''}"
        )
    dropped = [name for name in ("dataset", "group") if name in analyses]
    return analyses.drop(columns=dropped), problems


def clean_name(text: str) -> str:
    """Make a name of a profile that can be shown, and used in the names of files."""
    name = re.sub(r"[\x00-\x1f\x7f<>:\"/\\|?*]+", "-", text)
    name = re.sub(r"\s+", " ", name).strip(" .-")
    return name[:LONGEST_NAME].strip() or "profile"


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


def _profile_names(stem: str, table: pd.DataFrame, mapping: ColumnMapping) -> list[str]:
    """Name of the profile of each row."""
    if mapping.split == "none":
        return [stem] * len(table)
    if "profile" in table:
        given = table["profile"].replace("", np.nan).ffill().bfill().fillna("")
        single = given.nunique() == len(given) > FEW  # names of points, not of traverses
        if given.nunique() < 2 or single:
            return [stem] * len(table)
        clean = _distinct({name: clean_name(name) for name in given})
        return [clean[name] for name in given]
    if mapping.split == "column":
        return [stem] * len(table)
    labels = _labels(table)
    jumps = _jumps(table, labels)
    keys = list(zip(labels, jumps, strict=True))
    distinct = list(dict.fromkeys(keys))
    if len(distinct) == 1:
        return [stem] * len(table)
    parts = Counter(label for label, _ in distinct)
    several = {label for label, count in parts.items() if count > 1}
    names: dict[tuple[str, int], str] = {}
    counts: Counter[str] = Counter()
    for label, jump in distinct:
        counts[label] += 1
        end = f"{label} {counts[label]}" if label in several else label
        names[label, jump] = clean_name(f"{stem} {end}")
    names = _distinct(names)
    return [names[key] for key in keys]


def _distinct(names: dict[Key, str]) -> dict[Key, str]:
    """Give a number to names that came out alike."""
    uses: Counter[str] = Counter()
    taken: set[str] = set()
    result = {}
    for key, name in names.items():
        new = name
        while new in taken:
            uses[name] += 1
            new = f"{name[: LONGEST_NAME - 8]} ({uses[name] + 1})"
        taken.add(new)
        result[key] = new
    return result


def _groups(file: Path, names: list[str]) -> list[tuple[str, Integers]]:
    """Rows of each profile, in the order in which they begin.

    Raises
    ------
    InputError
        If there are more than a person can have measured.
    """
    groups = _rows_of(names)
    if len(groups) > MOST_PROFILES:
        raise InputError(
            f"{file} would hold {len(groups)} profiles ({groups[0][0]!r}, {groups[1][0]!r}, ...); "
            f"at most {MOST_PROFILES} are read. Say which column names them in columns.toml."
        )
    return groups


def _rows_of(names: list[str]) -> list[tuple[str, Integers]]:
    codes, distinct = pd.factorize(np.asarray(names, dtype=object))
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(distinct)))
    parts = np.split(order, ends[:-1])
    return list(zip(map(str, distinct), parts, strict=True))


def _labels(table: pd.DataFrame) -> list[str]:
    """Tell traverses apart by name: the DataSet, a crystal's or sample's name, a comment."""
    empty = [""] * len(table)
    if "dataset" in table and table["dataset"].nunique() > 1:
        sizes = table["dataset"].value_counts()
        # Single spots are each a DataSet of their own.
        if sizes.median() > 1:
            return [str(number) for number in table["dataset"]]
    for column in ("group", "comment"):
        if column not in table:
            continue
        prefixes = [prefix_of(text) for text in table[column]]
        numbered = sum(p not in ("", t) for p, t in zip(prefixes, table[column], strict=True))
        if column == "comment" and 2 * numbered < len(prefixes):
            continue  # remarks on single points ("rim", "crack"), not names of traverses
        sizes = pd.Series(prefixes).value_counts()
        if len(sizes) > 1 and sizes.median() > 1 and sizes.iloc[0] > 2:
            return prefixes
    return empty


def _jumps(table: pd.DataFrame, labels: list[str]) -> list[int]:
    """Count the jumps within the rows of a label: where the distances or the stage begin anew."""
    result = np.zeros(len(table), int)
    for _, rows in _rows_of(labels):
        part = table.iloc[rows]
        breaks = np.zeros(len(rows), bool)
        if "distance_um" in part and np.ptp(part["distance_um"].fillna(0)) > 0:
            breaks = _reversals(part["distance_um"].to_numpy(float))
        elif {"stage_x_um", "stage_y_um"} <= set(part) and len(rows) > 3:
            breaks = _leaps(_stage(part))
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
    sizes = np.diff(np.flatnonzero(np.r_[True, breaks[1:], True]))
    # Points out of order, not several traverses.
    return breaks if sizes.min() > 1 else np.zeros(distance.size, bool)


def _leaps(places: Floats) -> NDArray[np.bool_]:
    """Rows before which the stage went much farther than from point to point."""
    breaks = np.zeros(len(places), bool)
    steps = np.hypot(*np.diff(places, axis=0).T)
    known = steps[np.isfinite(steps)]
    if known.size < 3:
        return breaks
    farthest = max(JUMP * float(np.median(known)), JUMP_UM)
    breaks[1:] = np.nan_to_num(steps) > farthest
    sizes = np.diff(np.flatnonzero(np.r_[True, breaks[1:], True]))
    return breaks if np.median(sizes) > 2 else np.zeros(len(places), bool)


def _distances(
    file: Path, name: str, part: pd.DataFrame, rows: Integers, mapping: ColumnMapping
) -> tuple[Floats, list[str]]:
    if "distance_um" in part:
        distance = part["distance_um"].to_numpy(float)
        if len(part) < 2 or np.ptp(distance) != 0 or not _has_stage(part):
            _require(
                file,
                np.asarray(np.isfinite(distance)),
                rows,
                "distance: fill it in or delete the row",
            )
            return distance, _unsorted(name, distance)
    if {"x_um", "y_um"} <= set(part):
        placed = part[["x_um", "y_um"]].notna().all(axis=1).to_numpy()
        _require(file, placed, rows, "position (x_um, y_um)")
        return np.full(len(part), np.nan), []
    if _has_stage(part):
        places = _stage(part)
        known = np.asarray(np.isfinite(places).all(axis=1))
        # PeakSight makes each single spot a DataSet of its own.
        singles = "dataset" in part and len(part) == part["dataset"].nunique() > 1
        follow = not singles and is_line(places)
        if mapping.places == "line" or (mapping.places == "auto" and follow):
            _require(file, known, rows, "stage position: fill it in or delete the row")
            steps = np.r_[0.0, np.hypot(*np.diff(places, axis=0).T)]
            return np.cumsum(steps), []
        return np.full(len(part), np.nan), [
            f"{name!r} holds single spots with stage positions and no distances: they are used "
            "once they are placed on the section"
        ]
    header = ", ".join(c.header for c in mapping.columns if c.header)
    raise InputError(
        f"{file} does not say where its points lie: it needs a column 'distance_um' (along "
        "the traverse), or 'x_um' and 'y_um' (in the section), or stage 'X' and 'Y' in mm or um, "
        f"or a file of positions (.POS) of its name beside it; the columns found are {header}."
    )


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
        return False
    along = np.einsum("ij,ij->i", steps[1:], steps[:-1])
    # Along a traverse nearly every step goes on in the direction of the last.
    return len(steps) < 2 or float((along >= 0).mean()) > 0.8


def _point_numbers(part: pd.DataFrame) -> NDArray[np.int64]:
    """Numbers of the points, in the order of the rows."""
    counted = np.arange(1, len(part) + 1, dtype=np.int64)
    if "point" not in part:
        return counted
    given = part["point"].to_numpy(float)
    whole = np.isfinite(given).all() and (given % 1 == 0).all() and (np.abs(given) < 2**53).all()
    if not whole or np.unique(given).size < given.size:
        return counted
    return given.astype(np.int64)


def _has_stage(part: pd.DataFrame) -> bool:
    return {"stage_x_um", "stage_y_um"} <= set(part)


def _stage(part: pd.DataFrame) -> Floats:
    return part[["stage_x_um", "stage_y_um"]].to_numpy(float)


def _require(file: Path, known: NDArray[np.bool_], rows: Integers, what: str) -> None:
    if not known.all():
        first = int(np.flatnonzero(~known)[0])
        raise InputError(
            f"{file}: analysis {first + 1} has no {what} (row {rows[first]})", row=int(rows[first])
        )


def _unsorted(name: str, distance: Floats) -> list[str]:
    steps = np.diff(distance)
    if (steps > 0).any() and (steps < 0).any():
        return [f"the distances of {name!r} run to and fro; check their order"]
    return []
