"""The report of the EPMA tables in the profiles dock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from napari_olivine.readers.epma import report_source
from napari_olivine.widgets.traverses import TablesReport

pytestmark = pytest.mark.gui


def report(folder: Path, step: float) -> Any:
    rows = [f"{step * k},{47 - k},{12 + k},{9000 + 10 * k},-700" for k in range(8)]
    file = folder / "line.csv"
    file.write_text("\n".join(["Distance (um),MgO,FeO,X (um),Y (um)", *rows]))
    return report_source(file)


def test_a_profile_is_a_row_with_the_notes_beneath(qtbot: Any, tmp_path: Path) -> None:
    part = TablesReport()
    qtbot.addWidget(part)
    part.show_report(report(tmp_path, 2.0))
    cells = [part.table.item(0, column).text() for column in range(5)]
    assert cells == ["line", "8 of 8", "70.0", "14.0", "70.0"]
    assert "gives a length of 14.00 um" in part.notes.text()
    assert part.expanded, "two lengths differ: somebody should look"
    assert "1 profile, 8 analyses" in part.button.text()


def test_it_stays_closed_where_nothing_is_to_be_looked_at(qtbot: Any, tmp_path: Path) -> None:
    part = TablesReport()
    qtbot.addWidget(part)
    part.show_report(report(tmp_path, 10.0))
    assert not part.expanded
    part.show_report(None)
    assert part.isHidden()
