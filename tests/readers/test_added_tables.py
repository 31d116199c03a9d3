"""EPMA tables that are added to a section from anywhere."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from napari_olivine.cli import main
from napari_olivine.errors import InputError
from napari_olivine.job import Event, Job
from napari_olivine.readers import AddTablesSettings, ImportSettings, add_tables, import_section
from napari_olivine.section import Section
from tests.helpers.epma_tables import OLIVINE, OXIDES, total
from tests.helpers.sources import make_images

HEAD = ["Point", "Distance", *OXIDES, "Total"]


def write_table(file: Path, shift: float = 0.0, **more: list[float]) -> Path:
    """A traverse of four analyses, MgO and SiO2 shifted against each other."""
    rows = [
        [k + 1, 5.0 * k, row[0] - shift, *row[1:3], row[3] + shift, row[4], total(row)]
        for k, row in enumerate(OLIVINE)
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=HEAD).assign(**more).to_csv(file, index=False)
    return file


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    make_images(folder)
    write_table(folder / "epma" / "ol1.csv")
    return folder


@pytest.fixture
def section(source: Path, tmp_path: Path) -> Section:
    section = import_section(source, tmp_path / "section", ImportSettings(pixel_size_um=1.0))
    placed = pd.DataFrame([["ol1", "line", 1.0, 2.0, 30.0, 2.0, "test"]])
    placed.columns = ["profile", "kind", "x0_um", "y0_um", "x1_um", "y1_um", "use"]
    section.annotate("placements", placed)
    return section


def profiles(section: Section) -> list[str]:
    return list(section.table("epma", "analyses")["profile"].unique())


def add(section: Section, *tables: Path) -> list[str]:
    """Add tables, and return what a person is told."""
    events: list[Event] = []
    add_tables(section, AddTablesSettings(tables=tables), Job(listen=events.append))
    return [event["message"] for event in events if "message" in event]


def test_a_table_from_anywhere_stays_after_a_new_import(
    source: Path, section: Section, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, lines = section.fingerprint("epma"), section.annotation("placements")
    table = write_table(tmp_path / "usb stick" / "ol2.csv", 0.5)
    assert main(["add-tables", str(section.path), "--tables", str(table)]) == 0
    table.unlink()
    assert profiles(section) == ["ol1", "ol2"]
    assert section.fingerprint("epma") != before
    pd.testing.assert_frame_equal(section.annotation("placements"), lines)
    added = section.fingerprint("epma")
    capsys.readouterr()
    assert main(["import", str(source), str(section.path), "--pixel-size-um", "1"]) == 0
    assert "epma is up to date" in capsys.readouterr().out
    write_table(source / "epma" / "ol3.csv", 1.0)  # and one more in the source
    assert main(["import", str(source), str(section.path), "--pixel-size-um", "1"]) == 0
    assert profiles(section) == ["ol1", "ol3", "ol2"]
    assert section.fingerprint("epma") != added
    pd.testing.assert_frame_equal(section.annotation("placements"), lines)


def test_spots_calibrate_and_a_name_that_is_taken_is_told_apart(
    section: Section, tmp_path: Path
) -> None:
    spots = write_table(tmp_path / "new" / "ol1.csv", 0.5, X_um=[1, 2, 3, 4.0], Y_um=[5, 6, 7, 8.0])
    told = add(section, spots)
    assert any("the added one is called 'ol1 (added)'" in words for words in told)
    assert profiles(section) == ["ol1", "ol1 (added)"]
    kinds = section.annotation("placements").set_index("profile")["kind"]
    assert dict(kinds) == {"ol1": "line", "ol1 (added)": "spots"}
    again = add(section, write_table(spots, 0.8, X_um=[1, 2, 3, 4.0], Y_um=[5, 6, 7, 8.0]))
    assert any("takes its place" in words for words in again)
    assert profiles(section) == ["ol1", "ol1 (added)"]
    analyses = section.table("epma", "analyses")
    assert analyses["MgO"].iloc[-1] == pytest.approx(OLIVINE[-1][3] + 0.8)


def test_what_cannot_be_added_is_named_and_changes_nothing(
    source: Path, section: Section, tmp_path: Path
) -> None:
    before = section.fingerprint("epma")
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n1,2\n3,4\n")
    for table, words in (
        (bad, r"bad\.csv"),
        (tmp_path / "none.csv", r"There is no table .*none\.csv"),
        (source / "epma" / "ol1.csv", r"has all 4 analyses of .*source/epma/ol1\.csv"),
    ):
        with pytest.raises(InputError, match=words) as error:
            add(section, table)
        assert "work" not in str(error.value)
        assert error.value.facts.file == str(table)
    assert section.fingerprint("epma") == before
    assert not (section.path / "annotations" / "epma").exists()


def test_an_added_table_is_taken_away_again_with_its_lines(
    section: Section, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, lines = section.fingerprint("epma"), section.annotation("placements")
    for name in ("ol2.csv", "ol3.csv"):
        write_table(tmp_path / "new" / name, 0.5)
    (tmp_path / "new" / "columns.toml").write_text(
        '[[table]]\nfile = "ol2.csv"\nskip_columns = [1]\n'
    )
    add(section, tmp_path / "new" / "ol2.csv", tmp_path / "new" / "ol3.csv")
    assert profiles(section) == ["ol1", "ol2", "ol3"]
    row = lines.assign(profile="ol2")
    section.annotate("placements", pd.concat([lines, row], ignore_index=True))
    command = ["add-tables", str(section.path), "--remove"]
    assert main([*command, "ol2.csv"]) == 0
    assert profiles(section) == ["ol1", "ol3"]
    assert list(section.annotation("placements")["profile"]) == ["ol1"]
    assert not (section.path / "annotations" / "epma" / "columns.toml").exists()
    assert main([*command, "ol2.csv"]) == 1
    assert "there are ol3.csv" in capsys.readouterr().err
    assert main([*command, "ol3.csv"]) == 0
    assert section.fingerprint("epma") == before, "as if nothing had ever been added"
