"""Placements while they are edited, and what is read along a line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from napari_olivine.errors import EditError
from napari_olivine.section import Section
from napari_olivine.widgets.traverses.placements import Traverses, with_all_profiles
from napari_olivine.widgets.traverses.profile_data import grey_at, profile_to_plot, read_law
from napari_olivine.widgets.traverses.profiles_table import ProfilesTable
from tests.helpers.widget_sections import finished_section

LINE = (10.0, 20.0, 110.0, 20.0)


@pytest.fixture
def traverses() -> Traverses:
    rows = [
        ("a", "line", *LINE, "calibrate"),
        ("b", "line", 1.0, 2.0, 3.0, 4.0, "test"),
        ("c", "line", np.nan, np.nan, np.nan, np.nan, "ignore"),
        ("d", "spots", np.nan, np.nan, np.nan, np.nan, "calibrate"),
    ]
    columns = ["profile", "kind", "x0_um", "y0_um", "x1_um", "y1_um", "use"]
    return Traverses(pd.DataFrame(rows, columns=columns))


def test_only_placed_profiles_have_lines(traverses: Traverses) -> None:
    assert list(traverses.lines()) == ["a", "b"]
    assert traverses.line("c") is None


def test_placing_a_profile_for_the_first_time_makes_it_calibrate(traverses: Traverses) -> None:
    traverses.place({"c": LINE})
    assert traverses.line("c") == LINE
    assert traverses.use("c") == "calibrate"
    traverses.set_use("c", "test")
    traverses.place({"c": (0.0, 0.0, 5.0, 5.0)})
    assert traverses.use("c") == "test"


def test_every_edit_can_be_taken_back_and_done_again(traverses: Traverses) -> None:
    edits = (
        lambda: traverses.place({"a": (0.0, 1.0, 2.0, 3.0)}),
        lambda: traverses.set_use("a", "ignore"),
        lambda: traverses.flip("a"),
        lambda: traverses.assign("a", "c"),
        lambda: traverses.remove("b"),
    )
    states = [traverses.table]
    for edit in edits:
        edit()
        states.append(traverses.table)
    for state in states[-2::-1]:
        traverses.history.undo()
        pd.testing.assert_frame_equal(traverses.table, state)
    assert not traverses.history.can_undo
    for state in states[1:]:
        traverses.history.redo()
        pd.testing.assert_frame_equal(traverses.table, state)


def test_assigning_swaps_lines_and_uses(traverses: Traverses) -> None:
    traverses.assign("a", "b")
    assert traverses.line("b") == LINE
    assert traverses.line("a") == (1.0, 2.0, 3.0, 4.0)
    assert (traverses.use("a"), traverses.use("b")) == ("test", "calibrate")


def test_flipping_swaps_the_ends(traverses: Traverses) -> None:
    traverses.flip("a")
    assert traverses.line("a") == (110.0, 20.0, 10.0, 20.0)


def test_a_new_edit_forgets_what_was_taken_back(traverses: Traverses) -> None:
    traverses.flip("a")
    traverses.history.undo()
    traverses.set_use("a", "test")
    assert not traverses.history.can_redo
    with pytest.raises(EditError, match="no edit to do again"):
        traverses.history.redo()
    assert traverses.line("a") == LINE


def test_profiles_that_nobody_placed_are_listed(traverses: Traverses) -> None:
    analyses = pd.DataFrame({"profile": ["a", "e", "e"]})
    table = with_all_profiles(traverses.table.iloc[:1], analyses)
    assert list(table["profile"]) == ["a", "e"]
    assert list(table["use"]) == ["calibrate", "ignore"]


@pytest.mark.gui
@pytest.mark.parametrize("rmse", [{}, {"profile_12, second day, rim to core": 0.0021}])
def test_names_of_the_table_have_room_in_a_narrow_dock(qtbot: Any, rmse: dict[str, float]) -> None:
    names = ["profile_11", "profile_12, second day, rim to core"]
    rows = [(name, "line", *LINE, "calibrate") for name in names]
    columns = ["profile", "kind", "x0_um", "y0_um", "x1_um", "y1_um", "use"]
    analyses = pd.DataFrame({"profile": names, "distance_um": [0.0, 8.0]})
    table = ProfilesTable()
    qtbot.addWidget(table)
    table.resize(300, 100)
    table.fill(Traverses(pd.DataFrame(rows, columns=columns)), analyses, rmse)
    table.show()
    shown = table.fontMetrics().horizontalAdvance(names[0])
    assert table.columnWidth(0) >= shown
    assert table.horizontalScrollBar().maximum() == 0, "nothing is beside the table"
    for column in (2, 3) if rmse else (3,):
        assert table.columnWidth(column) >= table.sizeHintForColumn(column)
    assert "second day" in table.item(1, 0).toolTip()
    assert table.isColumnHidden(2) == (not rmse)
    assert table.item(1, 2).text() == ("0.0021" if rmse else "")


def test_grey_between_pixels() -> None:
    rows, columns = np.mgrid[0:40, 0:50].astype(float)
    image = 3 * rows + 5 * columns
    y, x = np.array([0.0, 10.25, 39.0, 39.5]), np.array([0.0, 7.5, 49.0, 3.0])
    grey = grey_at(lambda r, c: image[r, c], (40, 50), y, x)
    np.testing.assert_allclose(grey[:3], 3 * y[:3] + 5 * x[:3])
    assert np.isnan(grey[3])  # beyond the last row


def test_long_line_is_read_in_small_windows() -> None:
    asked: list[int] = []

    def read(rows: slice, columns: slice) -> np.ndarray:
        asked.append((rows.stop - rows.start) * (columns.stop - columns.start))
        return np.ones((rows.stop - rows.start, columns.stop - columns.start))

    along = np.linspace(0, 3999, 1200)
    assert (grey_at(read, (4000, 4000), along, along) == 1).all()
    assert max(asked) < 1_500_000


def test_profile_of_a_real_crystal() -> None:
    section = Section(finished_section())
    placements = Traverses(section.annotation("placements"))
    analyses = section.table("epma", "analyses")
    law = read_law(section)
    agreements = []
    for name, line in placements.lines().items():
        profile = profile_to_plot(section, analyses[analyses["profile"] == name], line, law)
        assert profile.distance_um.shape == profile.grey.shape
        assert profile.predicted is not None
        at_points = np.interp(profile.point_distance_um, profile.distance_um, profile.predicted)
        assert np.nanmedian(np.abs(at_points - profile.mg)) < 0.02
        agreements.append(profile.agreement)
    assert max(agreements) > 0.8


def test_profile_that_lies_nowhere_has_its_analyses_only() -> None:
    section = Section(finished_section())
    analyses = section.table("epma", "analyses")
    points = analyses[analyses["profile"] == analyses["profile"].iloc[0]]
    profile = profile_to_plot(section, points, None)
    assert profile.grey.size == 0
    assert np.isfinite(profile.mg).any()
