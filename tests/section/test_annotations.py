"""What a person sets by hand comes back from any spreadsheet program, or is told by its row."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_olivine.errors import SectionError
from napari_olivine.job import Job
from napari_olivine.section import Section
from napari_olivine.section.check import CheckSettings, check_section
from napari_olivine.settings import Settings
from tests.helpers.sections import make_section

SESSIONS = pd.DataFrame({
    "session": ["1", "Süd"], "row0": [0, 50], "row1": [50, 100], "col0": [0, 0],
    "col1": [80, 80], "role": ["train", "none"],
})  # fmt: skip
PLACEMENTS = pd.DataFrame({
    "profile": ["01", "Öl 2"], "kind": ["line", "spots"], "x0_um": [874.1, np.nan],
    "y0_um": [558.25, np.nan], "x1_um": [920.0, np.nan], "y1_um": [379.3, np.nan],
    "use": ["calibrate", "ignore"],
})  # fmt: skip
TABLES = {"sessions": SESSIONS, "placements": PLACEMENTS}


@pytest.fixture
def section(tmp_path: Path) -> Section:
    section = make_section(tmp_path / "section", {"BSE": np.ones((100, 80), np.uint8)})
    for name, table in TABLES.items():
        section.annotate(name, table)
    return section


def test_a_section_whose_sessions_are_gone_says_what_to_write(section: Section) -> None:
    (section.path / "annotations" / "sessions.csv").unlink()
    with pytest.raises(SectionError, match="has no sessions") as raised:
        section.sessions()
    header, row = re.findall(r"'([^']*)'", raised.value.remedy)
    file = section.path / "annotations" / "sessions.csv"
    file.write_text(f"{header}\n{row}\n")
    (session,) = section.sessions()
    assert session.window == (slice(0, 100), slice(0, 80))
    assert session.role == "train"


def german(text: str) -> str:
    return re.sub(r"(\d)\.(\d)", r"\1,\2", text.replace(",", ";"))


SAVED = {
    "as it was": lambda text: text.encode(),
    "byte order mark": lambda text: text.encode("utf-8-sig"),
    "semicolons": lambda text: text.replace(",", ";").encode("utf-8-sig"),
    "german": lambda text: german(text).encode("cp1252"),
    "german utf-8": lambda text: german(text).replace("\n", "\r\n").encode("utf-8-sig"),
    "unicode text": lambda text: text.replace(",", "\t").encode("utf-16"),
    "empty rows": lambda text: (text + ",,,,,\n" * 3).encode(),
    "an empty column": lambda text: text.replace("\n", ",\n").encode(),
}


@pytest.mark.parametrize("saved", SAVED)
@pytest.mark.parametrize("name", TABLES)
def test_a_table_comes_back_from_a_spreadsheet_program(section, name, saved):
    file = section.path / "annotations" / f"{name}.csv"
    file.write_bytes(SAVED[saved](file.read_text(encoding="utf-8")))
    pd.testing.assert_frame_equal(section.annotation(name), TABLES[name])
    assert [one.session for one in section.sessions()] == ["1", "Süd"]
    report = check_section(section, CheckSettings(), Job())
    assert [finding.where for finding in report.left] == ["epma"]


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("sessions", "train", "trian", r"sessions\.csv, row 2, role: .*'trian'"),
        ("sessions", "1,0,50", "1,x,50", r"sessions\.csv, row 2, row0: .*'x'"),
        ("sessions", "none", "", r"sessions\.csv, row 3, role: "),
        ("sessions", "row0", "row", r"sessions\.csv lacks the column row0"),
        ("placements", "874.1", "874.1.2", r"placements\.csv, row 2, x0_um: '874\.1\.2'"),
        ("placements", ",use", ",used", r"placements\.csv lacks the column use"),
    ],
)
def test_what_is_wrong_is_told_by_file_and_row(section, name, old, new, words):
    file = section.path / "annotations" / f"{name}.csv"
    file.write_text(file.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SectionError, match=words):
        section.sessions() if name == "sessions" else section.annotation(name)
    (finding,) = [
        f for f in check_section(section, CheckSettings(repair=True), Job()).left
        if f.where == f"annotations/{name}.csv"
    ]  # fmt: skip
    assert re.search(words, finding.what)
    assert "left alone" in finding.advice


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b'a,b\n"'])
def test_a_file_that_is_no_table_is_named(section, content):
    (section.path / "annotations" / "sessions.csv").write_bytes(content)
    with pytest.raises(SectionError, match=r"sessions\.csv"):
        section.sessions()


def test_an_area_lies_in_its_session_and_drifts_with_it(section):
    area = {"session": "area 1", "row0": 0, "row1": 50, "col0": 0, "col1": 40, "role": "val"}
    table = pd.concat([SESSIONS, pd.DataFrame([area | {"within": "1"}])])
    section.annotate("sessions", table)
    assert [one.within for one in section.sessions()] == ["", "", "1"]
    assert [one.session for one in section.measured_sessions()] == ["1", "Süd"]
    section.annotate("sessions", table.assign(row1=[50, 100, 60]))
    found = check_section(section, CheckSettings(), Job()).findings
    words = "session area 1 does not lie within session 1"
    assert any(words in one.what for one in found)


@pytest.mark.parametrize(("row0", "row1", "words"), [(0, 101, "leaves"), (60, 50, "has no pixel")])
def test_a_session_must_lie_in_the_section(section, row0, row1, words):
    section.annotate("sessions", SESSIONS.assign(row0=row0, row1=row1))
    left = check_section(section, CheckSettings(), Job()).left
    assert any(words in finding.what for finding in left)


@pytest.mark.parametrize("content", [None, b"", b"PAR1 half"])
def test_a_damaged_table_of_a_product_is_named(section, content):
    with section.draft("epma", section.recipe("import", Settings(), []), Job()) as draft:
        if content is not None:
            (draft.path / "analyses.parquet").write_bytes(content)
    with pytest.raises(SectionError, match=r"epma/analyses\.parquet is missing or damaged.*check"):
        section.table("epma", "analyses")
