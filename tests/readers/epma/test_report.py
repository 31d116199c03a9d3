"""The report of EPMA tables: a row a profile, and what was left out and why."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from napari_olivine.calibration.stoichiometry import mg_number
from napari_olivine.cli import main
from napari_olivine.errors import InputError, SectionError
from napari_olivine.readers.epma import report_page, report_source
from tests.helpers.sections import make_section

COLUMNS = (
    "file,sheet,profile,points,used,left_out,length_um,length_by_distance_um,"
    "length_by_coordinates_um,mg_first,mg_last,mg_min,mg_max,total_min,total_max,notes"
)


@pytest.fixture
def folder(tmp_path):
    """A line of which one row is rejected and one has no MgO; its distances are too short."""
    rows = [
        f"{'bad' if k == 2 else ''},{2.3 * k:.1f},{'crack' if k == 4 else 47 - k},{12 + k},"
        f"{9000 + 10 * k},-700"
        for k in range(8)
    ]
    file = tmp_path / "tables" / "line.csv"
    file.parent.mkdir()
    file.write_text("\n".join(["Quality,Distance (um),MgO,FeO,X (um),Y (um)", *rows]) + "\n")
    return file.parent


def test_a_row_a_profile(folder):
    row = report_source(folder).iloc[0]
    assert tuple(row[:6]) == ("line.csv", "", "line", 8, 6, 2)
    assert row["length_um"] == row["length_by_coordinates_um"] == 70
    assert row["length_by_distance_um"] == pytest.approx(16.1)
    assert row["mg_first"] == pytest.approx(mg_number(47.0, 12.0), abs=1e-5)
    assert row["mg_min"] == row["mg_last"] == pytest.approx(mg_number(40.0, 19.0), abs=1e-5)
    assert (row["total_min"], row["total_max"]) == (59, 59)
    for words in (
        "left out: row 4: 'Quality' says 'bad'",
        "left out: row 6: no number for MgO or FeO",
        "gives a length of 16.10 um, the coordinates 70.00 um",
        "columns: verdict = 'Quality', distance = 'Distance (um)' (um), MgO, FeO",
    ):
        assert words in row["notes"]


def test_the_same_from_a_table_a_folder_and_a_source(folder):
    source = folder.rename(folder.parent / "epma").parent
    report = report_source(source / "epma" / "line.csv")
    pd.testing.assert_frame_equal(report_source(source / "epma"), report)
    pd.testing.assert_frame_equal(report_source(source), report)


def test_by_command_with_a_table_for_scripts(folder, tmp_path, capsys):
    assert main(["epma-report", str(folder), "--csv", str(tmp_path / "r.csv")]) == 0
    shown = capsys.readouterr().out
    assert "left out: row 4" in shown
    assert "70.0" in shown
    lines = (tmp_path / "r.csv").read_text().splitlines()
    assert lines[0] == COLUMNS
    assert lines[1].startswith("line.csv,,line,8,6,2,70.0,16.1,70.0,")


def test_for_programs(folder, capsys):
    (folder / "spots.csv").write_text(
        "MgO,FeO,X (um),Y (um)\n47,12,0,0\n46,13,900,4000\n40,19,3,9\n"
    )
    assert main(["epma-report", str(folder), "--json-events"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    rows = [event for event in events if event["event"] == "profile"]
    assert [(row["profile"], row["points"], row["length_um"]) for row in rows] == [
        ("line", 8, 70.0), ("spots", 3, None),
    ]  # fmt: skip


def test_a_table_that_cannot_be_read_stands_in_the_report(folder, capsys):
    (folder / "glass.csv").write_text("d (um),SiO2,MgO\n0,50,6\n5,50,7\n")
    (folder / "notes.txt").write_text("15 kV, 20 nA\n")
    report = report_source(folder)
    assert report["file"].tolist() == ["glass.csv", "line.csv", "notes.txt"]
    assert "glass.csv has no column FeO" in report["notes"][0]
    assert report["notes"][2] == "notes.txt holds no analyses and is left out"
    assert "glass.csv\n  - refused: " in report_page(report)
    assert main(["epma-report", str(folder)]) == 1
    assert "one table of" in capsys.readouterr().err


def test_what_is_no_source(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        report_source(tmp_path / "nowhere")
    assert report_page(report_source(tmp_path)) == "There are no EPMA tables."
    section = make_section(tmp_path / "section", {"BSE": np.zeros((40, 40), np.uint8)})
    with pytest.raises(SectionError, match="has no EPMA analyses"):
        report_source(section.path)
