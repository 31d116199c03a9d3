"""What the import made of the EPMA tables: a row a profile, and what was left out and why."""

from __future__ import annotations

import numpy as np
import pandas as pd
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHeaderView, QTableWidgetItem

from napari_olivine.readers.epma import notes_of
from napari_olivine.widgets.common import Collapsible, fit_rows, small_table, wrapped

HEADINGS = {
    "Profile": "Name of the profile; the notes of its table stand below",
    "Used": "Analyses that are used, and those of the table",
    "Length": "Length that is used, µm",
    "By distance": "Length by the table's own column of distances, µm",
    "By coordinates": "Length along the coordinates of stage and beam, µm",
    "mg#": "mg# of the first and of the last analysis",
    "Total": "Smallest and largest total, wt%",
}

DIFFER = 0.03
"""Share by which two lengths of a profile differ worth a look."""


class TablesReport(Collapsible):
    """The report of an import; open from the start where something should be looked at."""

    def __init__(self) -> None:
        super().__init__("EPMA tables", expanded=False)
        self.table = small_table(list(HEADINGS), QHeaderView.ResizeMode.ResizeToContents)
        for column, words in enumerate(HEADINGS.values()):
            self.table.horizontalHeaderItem(column).setToolTip(words)
        self.notes = wrapped("", selectable=True)
        self.inside.addWidget(self.table)
        self.inside.addWidget(self.notes)
        self.hide()

    def show_report(self, report: pd.DataFrame | None) -> None:
        """Show a report.

        Parameters
        ----------
        report
            See `napari_olivine.readers.epma.report_of`; `None` where the section has none.
        """
        self.setVisible(report is not None and len(report) > 0)
        if report is None:
            return
        profiles = report[report["profile"] != ""]
        points, left_out = int(profiles["points"].sum()), int(profiles["left_out"].sum())
        noun = "profile" if len(profiles) == 1 else "profiles"
        words = f"EPMA tables: {len(profiles)} {noun}, {points - left_out} analyses"
        self.set_title(f"{words}, {left_out} left out" if left_out else words)
        self.table.setRowCount(len(profiles))
        for row, (_, profile) in enumerate(profiles.iterrows()):
            for column, text in enumerate(_cells(profile)):
                item = QTableWidgetItem(text)
                item.setFlags(Qt.ItemFlag.ItemIsEnabled)
                item.setToolTip(f"{profile['file']} {profile['sheet']}".strip())
                self.table.setItem(row, column, item)
        fit_rows(self.table)
        self.notes.setText("\n".join(_notes(report)))
        self.set_expanded(left_out > 0 or bool(_differ(profiles).any()))


def _cells(profile: pd.Series) -> tuple[str, ...]:
    lengths = ("length_um", "length_by_distance_um", "length_by_coordinates_um")
    return (
        str(profile["profile"]),
        f"{profile['used']} of {profile['points']}",
        *(_number(profile[name], "{:.1f}") for name in lengths),
        f"{_number(profile['mg_first'], '{:.3f}')} - {_number(profile['mg_last'], '{:.3f}')}",
        f"{_number(profile['total_min'], '{:.1f}')} - {_number(profile['total_max'], '{:.1f}')}",
    )


def _notes(report: pd.DataFrame) -> list[str]:
    lines = []
    for (file, sheet), part in report.groupby(["file", "sheet"], sort=False):
        lines.append(f"{file}, sheet {sheet!r}:" if sheet else f"{file}:")
        lines += [f"- {note}" for note in notes_of(part)]
    return lines


def _differ(profiles: pd.DataFrame) -> pd.Series:
    one, other = profiles["length_by_distance_um"], profiles["length_by_coordinates_um"]
    return (one - other).abs() > DIFFER * np.fmax(one, other)


def _number(value: float, pattern: str) -> str:
    return pattern.format(value) if np.isfinite(value) else "none"
