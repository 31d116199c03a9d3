"""The part of the Phase masks dock that shows what the rule takes in the view."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QCheckBox, QHeaderView, QTableWidgetItem, QWidget

from napari_olivine.errors import OlivineError
from napari_olivine.masks import Reading, RulePreview, area_words
from napari_olivine.widgets.common import (
    Connections,
    column_layout,
    fit_rows,
    in_words,
    readable,
    reserve_lines,
    single_shot,
    small_table,
    wrapped,
)
from napari_olivine.widgets.masks.live_rule import LiveRule
from napari_olivine.widgets.masks.view_overlay import TAKEN, ViewOverlay
from napari_olivine.widgets.state import OpenSection

NAME = "Rule preview"

MET, NOT_MET = "#2fae7b", "#d55e00"

ONE_LINE = 5
"""Elements whose values are read in one line of the dock."""

TICK_MS = 30
"""Pause between two readings under the mouse."""

TAKES, LEAVES = "✓ takes it", "✗ leaves it"

READING = "Reading the maps..."


class PreviewPart(QWidget):
    """Switches the preview on, and lists the conditions: their share of the view, and the cursor's.

    Parameters
    ----------
    session
        Open section of the viewer.
    connections
        Connections of the dock.
    live
        The rule in the view.
    """

    def __init__(self, session: OpenSection, connections: Connections, live: LiveRule) -> None:
        super().__init__()
        self._session, self._live = session, live
        self._cursor: tuple[float, float] | None = None
        self._front = True
        self.overlay = ViewOverlay(session, NAME, TAKEN)
        self.box = QCheckBox("Preview what the rule takes")
        self.box.setToolTip(
            "Show it on the part of the section in view, while you type, pan and zoom"
        )
        self.box.toggled.connect(self._on_box)
        self.table = small_table(("Condition", "In view", "At the mouse"), _STRETCH)
        for column, widest in ((1, " 100.0 % "), (2, f" {LEAVES} ")):  # no width that flickers
            self.table.horizontalHeader().setSectionResizeMode(column, _FIXED)
            title = f" {self.table.horizontalHeaderItem(column).text()} "
            advance = self.table.fontMetrics().horizontalAdvance
            self.table.setColumnWidth(column, 10 + max(advance(widest), advance(title)))
        self.levels, self.note = wrapped(), wrapped()
        column_layout(self, self.box, self.table, self.levels, self.note)
        self._read_soon = single_shot(self, TICK_MS, self._show_reading)
        viewer = session.viewer
        viewer.mouse_move_callbacks.append(self._on_mouse)
        connections.on_close(lambda: viewer.mouse_move_callbacks.remove(self._on_mouse))
        connections.on_close(self._read_soon.stop)
        connections.on_close(self.overlay.remove)
        for signal, slot in (
            (live.changed, self._on_changed),
            (live.failed, self._on_failed),
            (live.slow, lambda: self._say(READING)),
            (session.result_comes, lambda: self.box.setChecked(False)),
            (viewer.layers.events.removed, self._on_removed),
        ):
            connections.connect(signal, slot)
        self._on_changed()

    def set_front(self, front: bool) -> None:
        """Follow only while the dock is in front of the others."""
        self._front = front
        self._live.follow(NAME, front and self.box.isChecked())

    def _on_box(self, on: bool) -> None:
        self._live.follow(NAME, on and self._front)
        self._on_changed()

    def _on_changed(self) -> None:
        """Show another preview, or none."""
        preview = self._live.preview
        if self.box.isChecked() and preview is not None:
            self.overlay.show(preview.taken, preview.maps)
        elif self.box.isChecked() and self._front:
            self.overlay.blank()
        else:
            self.overlay.remove()
        following = self._live.following
        for part in (self.table, self.levels, self.note):
            part.setVisible(following)
        if preview is not None:
            reserve_lines(self.levels, 1 + (len(preview.maps.values) > ONE_LINE))
            self._show_shares(preview)
            self._show_reading()
            self._say(_in_words(preview))
        else:
            self.table.setRowCount(0)
            fit_rows(self.table)
            self.levels.setText("")
            self._say("")

    def _show_shares(self, preview: RulePreview) -> None:
        shares = preview.shares
        self.table.setRowCount(len(shares))
        for row, share in enumerate(shares):
            percent = "" if math.isnan(share.percent) else f"{share.percent:.1f} %"
            self._write(row, 0, share.text or "the rule")
            self._write(row, 1, percent).setTextAlignment(_RIGHT)
        fit_rows(self.table)

    def _show_reading(self) -> None:
        """Show what is under the mouse."""
        preview, reading = self._live.preview, None
        if preview is None:
            return
        if self._cursor is not None:
            reading = preview.reading(*self._cursor)
        self.levels.setText(_levels(reading))
        for row in range(self.table.rowCount()):
            met, text = _verdict(reading, row)
            item = self._write(row, 2, text)
            item.setTextAlignment(_RIGHT)
            item.setForeground(QColor(readable(MET if met else NOT_MET, self)))

    def _write(self, row: int, column: int, text: str) -> QTableWidgetItem:
        """Write into a cell without making it anew, which would flicker."""
        item = self.table.item(row, column)
        if item is None:
            item = QTableWidgetItem()
            self.table.setItem(row, column, item)
        if item.text() != text:
            item.setText(text)
            item.setToolTip(text)
        return item

    def _on_mouse(self, _viewer: Any, event: Any) -> None:
        section = self._session.section
        if section is None or not self._live.following:
            return
        row, column = (float(value) / section.pixel_size_um for value in event.position[-2:])
        self._cursor = row, column
        if not self._read_soon.isActive():
            self._read_soon.start()

    def _on_failed(self, error: OlivineError) -> None:
        self._say(in_words(error, "mask"))

    def _on_removed(self, event: Any) -> None:
        if event.value is self.overlay.layer:
            self.overlay.layer = None
            self.box.setChecked(False)

    def _say(self, text: str) -> None:
        self.note.setText(text)


_STRETCH = QHeaderView.ResizeMode.Stretch
_FIXED = QHeaderView.ResizeMode.Fixed
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def _in_words(preview: RulePreview) -> str:
    """Say what is shown, and how it differs from the mask."""
    side = preview.maps.factor
    means = f" on means of {side} x {side} px" if side > 1 else ""
    if preview.is_mask:
        mask = "the mask is made at full resolution" if side > 1 else "the mask is the same"
    else:
        mask = "the mask puts its outlines at half of the signal"
    if sizes := area_words(preview.rule.area_um2):
        mask = f"only the mask knows areas ({' and '.join(sizes)} um²)"
    return f"The plain rule{means}; {mask}."


def _levels(reading: Reading | None) -> str:
    if reading is None:
        return ""
    return ", ".join(f"{signal} {_number(value)}" for signal, value in reading.levels.items())


def _verdict(reading: Reading | None, row: int) -> tuple[bool, str]:
    """Return the verdict of a row of the table, the rule's in the last row."""
    if reading is None:
        return False, ""
    if row >= len(reading.verdicts):
        return reading.taken, TAKES if reading.taken else LEAVES
    verdict = reading.verdicts[row]
    return verdict.met, f"{'✓' if verdict.met else '✗'} {_number(verdict.value)}"


def _number(value: float) -> str:
    if not np.isfinite(value):
        return "∞"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
