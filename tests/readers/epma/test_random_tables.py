"""Random tables in the manner of laboratories: read to the digits, or refused; never otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from napari_olivine.errors import InputError
from napari_olivine.readers.epma import read_profile

SMALL = HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large


def examples(count: int) -> Any:
    """Draw so many tables; a failure is shown as it was drawn, for to shrink it takes minutes."""
    phases = (Phase.explicit, Phase.reuse, Phase.generate)
    return settings(max_examples=count, deadline=None, suppress_health_check=SMALL, phases=phases)


@dataclass
class Line:
    """A traverse as it was measured: composition (MgO, FeO) and places, um."""

    wt: list[tuple[str, str]]
    places: np.ndarray

    @property
    def way(self) -> np.ndarray:
        return np.r_[0, np.cumsum(np.hypot(*np.diff(self.places, axis=0).T))]


@st.composite
def compositions(draw: st.DrawFn, count: int) -> list[tuple[str, str]]:
    """MgO and FeO of olivines as text, none twice."""
    cells = st.tuples(st.integers(30_000, 52_000), st.integers(5_000, 30_000))
    drawn = draw(st.lists(cells, min_size=count, max_size=count, unique=True))
    return [(f"{mg / 1000:.3f}", f"{fe / 1000:.3f}") for mg, fe in drawn]


@st.composite
def lines(draw: st.DrawFn, fewest: int = 1, most: int = 3) -> list[Line]:
    """Straight traverses of even steps, far from each other on the stage."""
    found = []
    for k in range(draw(st.integers(fewest, most))):
        count = draw(st.integers(5, 8))
        step, turn = draw(st.integers(5, 20)), np.radians(draw(st.integers(0, 359)))
        start = np.array([5000.0 * k - 9000, draw(st.integers(-20_000, 20_000))])
        along = step * np.arange(count)[:, None] * [np.cos(turn), np.sin(turn)]
        found.append(Line(draw(compositions(count)), start + along))
    return found


def read(folder: Path, name: str, rows: list[list[str]], mark: str = ",") -> Any:
    """Read a table; `None` if it is refused in words that name the file."""
    file = folder / name
    file.write_text("\n".join(mark.join(row) for row in rows) + "\n", encoding="utf-8")
    try:
        return read_profile(file)
    except InputError as error:
        assert name in str(error)
        return None


def wt_of(table: pd.DataFrame) -> list[tuple[float, float]]:
    return list(zip(table["MgO"], table["FeO"], strict=True))


def numbers(wt: list[tuple[str, str]]) -> list[tuple[float, float]]:
    return [(float(mg), float(fe)) for mg, fe in wt]


@examples(300)
@given(data=st.data())
def test_a_line_has_the_length_that_the_stage_or_the_beam_went(
    data: st.DataObject, tmp_path_factory: Any
) -> None:
    """PeakSight: the distances are right, straight from the first point, planned, or absent."""
    measured = data.draw(lines())
    manner = data.draw(st.sampled_from(["right", "straight", "planned", "none"]))
    beam = data.draw(st.booleans())
    digits = data.draw(st.sampled_from([0, 1, 2]))
    first = measured[0].places[0]
    names = ["DataSet/Point", "MgO", "FeO", "X", "Y", "Beam X", "Beam Y", "Distance (um)"]
    rows = [names]
    for number, line in enumerate(measured, 1):
        said = {
            "right": line.way,
            "straight": np.hypot(*(line.places - first).T),
            "planned": 0.4 * line.way,
            "none": np.full(len(line.wt), np.nan),
        }[manner]
        stage = np.broadcast_to(line.places[0], line.places.shape) if beam else line.places
        for k, wt in enumerate(line.wt):
            offset = line.places[k] - stage[k]
            cells = [*(f"{v:.{digits}f}" for v in stage[k]), *(f"{v:.2f}" for v in offset)]
            given_um = "" if np.isnan(said[k]) else f"{said[k]:.2f}"
            rows.append([f"{number} / {k + 1} .", *wt, *cells, given_um])
    got = read(tmp_path_factory.mktemp("t"), "a.csv", rows, "\t")
    assert got is not None
    table, problems = got
    parts = [part for _, part in table.groupby("profile", sort=False)]
    assert [wt_of(part) for part in parts] == [numbers(line.wt) for line in measured]
    for part, line in zip(parts, measured, strict=True):
        distance = part["distance_um"].to_numpy()
        rounding = 0.03 * line.way[-1] + 2.0
        np.testing.assert_allclose(np.abs(distance - distance[0]), line.way, atol=rounding)
        if manner == "right":
            np.testing.assert_allclose(distance, line.way, atol=0.006)
        if manner == "planned" and 0.6 * line.way[-1] > rounding + 2:
            name = part["profile"].iloc[0]
            assert any(repr(name) in told and "is taken" in told for told in problems)


@examples(200)
@given(data=st.data())
def test_profiles_are_numbered_anew_at_each_crystal(
    data: st.DataObject, tmp_path_factory: Any
) -> None:
    crystal = data.draw(st.sampled_from(["Crystal", "Grain_Name", "Sample", "olivine no", "Name"]))
    profile = data.draw(st.sampled_from(["Profile", "Traverse No.", "Profile_Number", "transect"]))
    form = data.draw(st.sampled_from(["{}", "prof {}", "P{}"]))
    merged = data.draw(st.booleans()) and crystal != "Name"
    wanted, rows = [], [[crystal, profile, "Distance (um)", "MgO", "FeO"]]
    for grain in range(data.draw(st.integers(2, 3))):
        for number in range(data.draw(st.integers(1, 2))):
            wt = data.draw(compositions(data.draw(st.integers(4, 6))))
            wanted.append(numbers(wt))
            for k, pair in enumerate(wt):
                named = [f"ol{grain + 1}", form.format(number + 1)]
                cells = ["", ""] if merged and k else named
                rows.append([*cells, str(5 * k), *pair])
    got = read(tmp_path_factory.mktemp("t"), "a.csv", rows)
    assert got is not None
    found = [wt_of(part) for _, part in got[0].groupby("profile", sort=False)]
    assert found == wanted
    assert got[0].groupby("profile")["distance_um"].is_monotonic_increasing.all()


@examples(100)
@given(data=st.data())
def test_a_number_that_begins_anew_needs_no_name_of_a_crystal(
    data: st.DataObject, tmp_path_factory: Any
) -> None:
    step, wanted, rows = data.draw(st.integers(1, 30)), [], [["Profile", "d (um)", "MgO", "FeO"]]
    for _ in range(data.draw(st.integers(2, 3))):
        for number in range(data.draw(st.integers(1, 3))):
            wt = data.draw(compositions(data.draw(st.integers(4, 6))))
            wanted.append(numbers(wt))
            rows += [[str(number + 1), str(step * k), *pair] for k, pair in enumerate(wt)]
    got = read(tmp_path_factory.mktemp("t"), "a.csv", rows)
    assert got is not None
    found = [wt_of(part) for _, part in got[0].groupby("profile", sort=False)]
    assert sorted(found) == sorted(wanted)


REJECTING = {"Ignore": ("yes", "x", "1", "ja"), "Bad": ("bad", "TRUE", "crack"),
             "Excluded": ("y", "low total"), "Outlier": ("yes", "Outlier")}  # fmt: skip
ACCEPTING = {"Use": ("no", "0", "N"), "Keep": ("FALSE", "no"), "Valid": ("n", "bad")}
WORDS = {"Quality": ("bad", "poor", "reject"), "Comment": ("bad total", "ignore", "an outlier"),
         "Flag": ("rejected", "do not use"), "Remarks": ("discard", "excluded: crack")}  # fmt: skip


@examples(250)
@given(data=st.data())
def test_rows_that_the_laboratory_rejected_are_left_out_and_no_others(
    data: st.DataObject, tmp_path_factory: Any
) -> None:
    header, words = data.draw(st.sampled_from([*({**REJECTING, **ACCEPTING, **WORDS}).items()]))
    good = ["yes", "y", "1"] if header in ACCEPTING else ["", "no"] if header in REJECTING else []
    good = good or ["", "rim", "good", "not bad"]
    wt = data.draw(compositions(data.draw(st.integers(5, 8))))
    bad = data.draw(st.sets(st.integers(0, len(wt) - 1), max_size=len(wt) // 2 - 1))
    rows = [["Point", header, "Distance (um)", "MgO", "FeO"]]
    for k, pair in enumerate(wt):
        word = data.draw(st.sampled_from(words if k in bad else good))
        rows.append([str(k + 1), word, str(4 * k), *pair])
    got = read(tmp_path_factory.mktemp("t"), "a.csv", rows)
    assert got is not None
    table, problems = got
    assert wt_of(table) == [pair for k, pair in enumerate(numbers(wt)) if k not in bad]
    assert table["distance_um"].tolist() == [4 * k for k in range(len(wt)) if k not in bad]
    told = " ".join(problems)
    assert all(f"row {k + 2}: {header!r} says" in told for k in bad)


@examples(150)
@given(data=st.data())
def test_spots_and_lines_of_one_sheet(data: st.DataObject, tmp_path_factory: Any) -> None:
    """No distance is ever given to a spot, or to two lines as if they were one."""
    named = data.draw(st.booleans())
    measured = data.draw(lines(1, 2))
    spots = data.draw(compositions(data.draw(st.integers(1, 4))))
    rows, homes = [["DataSet/Point" if named else "No.", "MgO", "FeO", "X (um)", "Y (um)"]], []
    for number, line in enumerate(measured):
        for k, (wt, xy) in enumerate(zip(line.wt, line.places, strict=True), 1):
            point = f"{number + 1} / {k}" if named else str(len(rows))
            rows.append([point, *wt, f"{xy[0]:.1f}", f"{xy[1]:.1f}"])
        homes.append(numbers(line.wt))
    for k, wt in enumerate(spots):
        place = [str(30_000 + 4000 * k), str(data.draw(st.integers(-30_000, 30_000)))]
        rows.append([f"{k + 9} / 1" if named else str(len(rows)), *wt, *place])
    got = read(tmp_path_factory.mktemp("t"), "a.csv", rows, "\t")
    assert got is not None
    table, problems = got
    assert sorted(wt_of(table)) == sorted([w for home in homes for w in home] + numbers(spots))
    for name, part in table.groupby("profile", sort=False):
        if part["distance_um"].notna().any():
            assert wt_of(part) in homes
        else:
            assert any(repr(name) in told and "spots" in told for told in problems)
    assert {tuple(home) for home in homes} <= {
        tuple(wt_of(part)) for _, part in table.groupby("profile")
    }


@examples(60)
@given(data=st.data())
def test_each_analysis_of_a_workbook_counts_once(
    data: st.DataObject, tmp_path_factory: Any
) -> None:
    """One sheet is a part of another; the reviewed one wins, else the longer."""
    wt = data.draw(compositions(8))
    kept = data.draw(st.sets(st.integers(0, 7), min_size=4, max_size=7))
    reviewed = data.draw(st.sampled_from(["Reviewed", "ol final", "clean", "part 1", "unreviewed"]))
    digits = data.draw(st.sampled_from([2, 3]))
    book = openpyxl.Workbook()
    sheets = [(book.active, range(8), 3), (book.create_sheet(reviewed), sorted(kept), digits)]
    for sheet, chosen, places in sheets:
        sheet.append(["Distance (um)", "MgO", "FeO"])
        for k in chosen:
            sheet.append([5 * k, *(round(float(v), places) for v in wt[k])])
    file = tmp_path_factory.mktemp("t") / "a.xlsx"
    book.save(file)
    table, problems = read_profile(file)
    wins = reviewed in ("Reviewed", "ol final", "clean")
    wanted = [numbers(wt)[k] for k in (sorted(kept) if wins else range(8))]
    np.testing.assert_allclose(wt_of(table), wanted, atol=0.0051 if wins and digits == 2 else 0)
    assert any("again" in told for told in problems)
