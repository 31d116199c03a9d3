"""Table 4 of the paper on points made by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_olivine.calibration.score_table import score_table


def points(error: float) -> pd.DataFrame:
    """One profile of 30 points that crosses into session s2 at its 16th; the error is there."""
    second = np.arange(30) >= 15
    mg = np.linspace(0.75, 0.9, 30)
    return pd.DataFrame(
        {
            "profile": "p1",
            "session": np.where(second, "s2", "s1"),
            "use": "test",
            "good": True,
            "mg_epma": mg,
            "mg_predicted": mg + np.where(second, error, 0.0),
        }
    )


def test_the_error_of_a_session_is_told_there_alone():
    table = score_table(points(0.02), points(0.04)).set_index(["of", "name", "grey"])
    assert table.loc[("session", "s1", "filtered"), "rmse"] == pytest.approx(0)
    assert table.loc[("session", "s2", "filtered"), "rmse"] == pytest.approx(0.02)
    assert table.loc[("session", "s2", "raw"), "rmse"] == pytest.approx(0.04)
    assert table.loc[("profile", "p1", "filtered"), "rmse"] == pytest.approx(0.02 / np.sqrt(2))


def test_the_ten_ends_are_those_of_the_whole_profile():
    filtered = points(0.0)
    filtered.loc[17, "mg_predicted"] += 0.05
    table = score_table(filtered, filtered).set_index(["of", "name", "grey"])
    inner = table.loc[("session", "s2", "filtered"), "rmse10"]
    assert inner == pytest.approx(0.05 / np.sqrt(5))
    filtered.loc[20, "mg_predicted"] += 0.05
    assert score_table(filtered, filtered).set_index(["of", "name", "grey"]).loc[
        ("session", "s2", "filtered"), "rmse10"
    ] == pytest.approx(inner)


def test_points_that_do_not_count_and_uses_that_are_not_there():
    filtered = points(0.02)
    filtered["good"] = filtered["session"] == "s1"
    table = score_table(filtered, filtered)
    assert set(table["use"]) == {"test"}
    assert table.loc[table["name"] == "s2", "points"].eq(0).all()
    assert table.loc[table["name"] == "s2", "rmse"].isna().all()
