"""The analyses of one table as profiles: the name, the distances and the lengths of each."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.readers.epma.mapping import ColumnMapping
from napari_olivine.readers.epma.places import Way, add_beam, way_along
from napari_olivine.readers.epma.table import Points
from napari_olivine.readers.epma.traverses import Key, rows_of, traverse_of_each
from napari_olivine.readers.epma.verdicts import LeftOut

Integers = NDArray[np.int64]
Any_ = TypeVar("Any_", bound=Hashable)

LONGEST_NAME = 80

MOST_PROFILES = 2000
"""In one table; more are a sign that a column was misunderstood."""


@dataclass
class Profile:
    """One profile of a table: a traverse, or single spots.

    Parameters
    ----------
    analyses
        Columns profile, point, distance_um, oxides in wt%, Total, and as far as they are given
        x_um, y_um, stage_x_um, stage_y_um, comment.
    rows
        Row of each analysis in the sheet, from 1, shape (n,).
    by_distance_um, by_coordinates_um
        Lengths, see `places.Way`.
    left_out
        Its analyses that the laboratory rejected.
    said
        What the person should know, in sentences.
    name
        Its name.
    """

    analyses: pd.DataFrame
    rows: Integers
    by_distance_um: float = np.nan
    by_coordinates_um: float = np.nan
    left_out: list[LeftOut] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    name: str = ""

    def rename(self, name: str) -> None:
        """Give the profile another name, here and in what is said of it."""
        if name != self.name:
            self.said = [line.replace(repr(self.name), repr(name)) for line in self.said]
            self.analyses = self.analyses.assign(profile=name)
            self.name = name


def split_profiles(
    file: Path, stem: str, points: Points, mapping: ColumnMapping
) -> tuple[list[Profile], list[str]]:
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
    profiles
        In the order in which they begin; the analyses of each in the order of the table's rows.
    problems
        What concerns the whole table, in plain sentences.

    Raises
    ------
    InputError
        If nothing says where the points lie.
    """
    table = points.table
    add_beam(table)
    keys = traverse_of_each(table, mapping)
    names = _names(stem, list(dict.fromkeys(keys)))
    if len(names) > MOST_PROFILES:
        first, second = list(names.values())[:2]
        raise InputError(
            f"{file} would hold {len(names)} profiles ({first!r}, {second!r}, ...); at most "
            f"{MOST_PROFILES} are read.",
            remedy="Say which column names them {place:columns.toml}.",
        )
    profiles = []
    for chosen in rows_of(keys):
        key, rows = keys[chosen[0]], points.rows[chosen]
        part = table.iloc[chosen].reset_index(drop=True)
        way = way_along(file, names[key], part, rows, mapping, table, spots=key.spots)
        profiles.append(_profile(names[key], part, rows, way))
    _give_back(points, keys, names, profiles)
    problems = []
    if len(profiles) > 1:
        problems.append(
            f"{file.name} holds {len(profiles)} profiles: "
            f"{', '.join(f'{p.name} ({len(p.rows)})' for p in profiles[:8])}"
            f"{', ...' if len(profiles) > 8 else ''}"
        )
    return profiles, problems


def joined(profiles: Sequence[Profile]) -> pd.DataFrame:
    """Return the analyses of several profiles as one table."""
    parts = [profile.analyses for profile in profiles if len(profile.analyses)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def clean_name(text: str) -> str:
    """Make a name of a profile that can be shown, and used in the names of files."""
    name = re.sub(r"[\x00-\x1f\x7f<>:\"/\\|?*]+", "-", text)
    name = re.sub(r"\s+", " ", name).strip(" .-")
    return name[:LONGEST_NAME].strip() or "profile"


def distinct(names: dict[Any_, str]) -> dict[Any_, str]:
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


def _profile(name: str, part: pd.DataFrame, rows: Integers, way: Way) -> Profile:
    part["distance_um"] = way.distance_um
    part["point"] = _point_numbers(part)
    part["profile"] = name
    dropped = [c for c in ("dataset", "group", "beam_x_um", "beam_y_um") if c in part]
    analyses = part.drop(columns=dropped)
    return Profile(
        analyses, rows, way.by_distance_um, way.by_coordinates_um, said=way.said, name=name
    )


def _names(stem: str, keys: Sequence[Key]) -> dict[Key, str]:
    """Name each profile: after the table if it is the only one beside single spots."""
    traverses = [key for key in keys if not key.spots]
    if len(traverses) <= 1:
        names = {key: clean_name(f"{stem} spots") for key in keys if key.spots and len(keys) > 1}
        return {key: names.get(key, stem) for key in keys}
    runs = Counter((key.group, key.profile) for key in keys if not key.spots)
    groups: dict[str, set[str]] = defaultdict(set)
    for key in keys:
        groups[key.profile].add(key.group)
    counts: Counter[tuple[str, str]] = Counter()
    names = {}
    for key in keys:
        label = key.profile
        if len(groups[label]) > 1 or not label:
            label = f"{key.group} {key.profile}".strip()
        if runs[key[:2]] > 1:
            counts[key[:2]] += 1
            label = f"{label} {counts[key[:2]]}"
        if not label:
            label = "spots" if key.spots else "unnamed"
        names[key] = clean_name(label if key.profile else f"{stem} {label}")
    return distinct(names)


def _give_back(
    points: Points, keys: Sequence[Key], names: dict[Key, str], profiles: list[Profile]
) -> None:
    """Count what was left out with the profile that it stood in, or with one of its own."""
    by_name = {profile.name: profile for profile in profiles}
    of_label = dict(zip(points.labels, (names[key] for key in keys), strict=True))
    for left in points.left_out:
        before = int(np.searchsorted(points.rows, left.row)) - 1
        nearest = [k for k in (before, before + 1) if 0 <= k < len(keys)]
        same = [k for k in nearest if points.labels[k] == left.label]
        if same or not any(left.label):
            name = names[keys[(same or nearest)[0]]]
        else:
            name = of_label.get(left.label) or clean_name(" ".join(left.label).strip())
        if name not in by_name:
            by_name[name] = Profile(profiles[0].analyses.iloc[:0], np.zeros(0, np.int64), name=name)
            profiles.append(by_name[name])
        by_name[name].left_out.append(left)


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
