"""The review as a spreadsheet: written, filled by a colleague, read back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from napari_olivine.cli import main
from napari_olivine.crystals.edits import CrystalStore
from napari_olivine.errors import InputError, SectionError
from napari_olivine.job import Job
from napari_olivine.review.command import ReviewSettings, review_section
from napari_olivine.section import Section
from tests.crystals.edits.test_edits import found, section  # noqa: F401


def write(section: Section, file: Path, **settings: Any) -> pd.DataFrame:  # noqa: F811
    review_section(section, ReviewSettings(export=file, **settings))
    if file.suffix == ".csv":
        return pd.read_csv(file, dtype=str, keep_default_na=False)
    return pd.read_excel(file, dtype=str, keep_default_na=False, engine="openpyxl")


def fill(sheet: pd.DataFrame, file: Path, **cells: dict[int, str]) -> None:
    """Fill cells by column and crystal."""
    for column, values in cells.items():
        for crystal, text in values.items():
            sheet.loc[sheet["id"] == str(crystal), column] = text
    if file.suffix == ".csv":
        sheet.to_csv(file, index=False)
    else:
        sheet.to_excel(file, index=False)


def read(section: Section, file: Path, told: Callable[[Any], Any] = print) -> pd.DataFrame:  # noqa: F811
    review_section(section, ReviewSettings(import_=file, who="Ada"), Job(listen=told))
    return section.table("crystals", "crystals").set_index("id")


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_what_a_colleague_fills_in_is_carried_out(
    section: Section,  # noqa: F811
    tmp_path: Path,
    ending: str,
) -> None:
    file = tmp_path / f"sheet.{ending}"
    sheet = write(section, file)
    assert sorted(sheet["id"], key=int) == ["1", "2", "3", "4", "5"]
    assert sheet["doubt"].astype(float).is_monotonic_decreasing
    assert sheet["because"].str.len().min() > 5
    fill(
        sheet, file, verdict={1: "accepted", 2: "Rejected"}, note={1: "rim lost, µ"},
        merge_with={3: "4"}, reviewer={1: "Grace"}, kind={2: "xenocryst"},
    )  # fmt: skip
    load = pd.read_csv if ending == "csv" else partial(pd.read_excel, engine="openpyxl")
    sheet = load(file, dtype=str)
    fill(sheet, file, **{"class": {1: "mg rich mantle"}})
    events: list[Any] = []
    table = read(section, file, events.append)
    assert table.loc[1, ["verdict", "reviewed_class", "note", "reviewer"]].tolist() == [
        "accepted", "mg_rich_mantle", "rim lost, µ", "Grace",
    ]  # fmt: skip
    assert table.loc[2, ["verdict", "kind", "reviewer"]].tolist() == [
        "rejected", "xenocryst", "Ada",
    ]  # fmt: skip
    assert len(table) == 4
    assert any("6 edits of 3 crystals" in e.get("message", "") for e in events)
    # The same sheet again changes nothing more: its merged crystal is told to be gone.
    with pytest.raises(InputError, match="no crystal"):
        read(section, file)
    assert CrystalStore(section, write=False).journal.last == 6


def test_an_untouched_sheet_changes_nothing(section: Section, tmp_path: Path) -> None:  # noqa: F811
    file = tmp_path / "sheet.csv"
    write(section, file)
    before = section.table("crystals", "crystals").set_index("id")
    pd.testing.assert_frame_equal(read(section, file), before)


def test_the_workbook_offers_the_choices(section: Section, tmp_path: Path) -> None:  # noqa: F811
    write(section, tmp_path / "sheet.xlsx", most=3)
    page = openpyxl.load_workbook(tmp_path / "sheet.xlsx").active
    assert page.max_row == 4
    offered = [rule.formula1 for rule in page.data_validations.dataValidation]
    assert '"accepted,rejected"' in offered
    assert any("fe_rich_mantle" in formula for formula in offered)


def test_sizes_and_open_ones_alone_are_written(section: Section, tmp_path: Path) -> None:  # noqa: F811
    file = tmp_path / "sheet.csv"
    small = write(section, file, sizes="phenocrysts")
    assert set(small["size_class"]) == {"phenocryst"}
    fill(small, file, verdict={int(small["id"][0]): "accepted"})
    read(section, file)
    assert small["id"][0] not in write(section, file, open_only=True)["id"].tolist()


@pytest.mark.parametrize(
    ("column", "crystal", "text", "told"),
    [
        ("verdict", 1, "maybe", "row .: verdict 'maybe' is none of accepted, rejected"),
        ("class", 2, "odd", "class 'odd' is none of unzoned"),
        ("kind", 2, "none of these", "is what a classifier says"),
        ("merge_with", 2, "77", "there is no crystal 77"),
        ("merge_with", 2, "x", "merge_with 'x' is no number"),
        ("id", 3, "1.5", "id '1.5' is no number"),
        ("id", 3, "99", "there is no crystal 99"),
        ("x_um", 3, "7", "have changed since the sheet was written"),
    ],
)
def test_wrong_cells_are_named_and_nothing_changes(
    section: Section,  # noqa: F811
    tmp_path: Path,
    column: str,
    crystal: int,
    text: str,
    told: str,
) -> None:
    file = tmp_path / "sheet.csv"
    sheet = write(section, file)
    fill(sheet, file, verdict={1: "accepted", 2: "rejected"})
    fill(sheet, file, **{column: {crystal: text}})
    with pytest.raises(InputError, match=told):
        read(section, file)
    assert section.table("crystals", "crystals")["verdict"].eq("").all()


def test_files_that_are_no_sheet_are_told(section: Section, tmp_path: Path) -> None:  # noqa: F811
    with pytest.raises(InputError, match="There is no file"):
        read(section, tmp_path / "none.csv")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="no columns 'id' and 'verdict'"):
        read(section, tmp_path / "other.csv")
    with pytest.raises(InputError, match=r"must end in \.xlsx or \.csv"):
        write(section, tmp_path / "sheet.doc")
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".sheet")] == []


def test_a_sheet_is_not_read_while_somebody_edits(section: Section, tmp_path: Path) -> None:  # noqa: F811
    file = tmp_path / "sheet.csv"
    write(section, file)
    store = CrystalStore(section)
    with pytest.raises(SectionError, match="edited elsewhere"):
        read(section, file)
    store.close()


def test_the_command_tells_how_far_it_is(
    section: Section,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "sheet.csv"
    assert main(["review", str(section.path), "--export", str(file), "--most", "2"]) == 0
    sheet = pd.read_csv(file, dtype=str, keep_default_na=False)
    fill(sheet, file, verdict={int(sheet["id"][0]): "rejected"})
    assert main(["review", str(section.path), "--import", str(file)]) == 0
    out = capsys.readouterr().out
    assert "1 of 5 crystals are reviewed" in out
    assert "1 rejected" in out
