"""Levelling of the grey of all sessions: start it, show it, read its quality."""

from __future__ import annotations

import json
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QHeaderView,
    QTableWidgetItem,
    QWidget,
)

from napari_olivine.section import Section
from napari_olivine.widgets.common import (
    Connections,
    column_layout,
    fit_rows,
    push_button,
    row_layout,
    small_table,
    wrapped,
)
from napari_olivine.widgets.layers import LEVELLED
from napari_olivine.widgets.state import OpenSection

HEADS = ("Session", "Gain", "Offset", "Seams", "levelled")


class LevellingPart(QWidget):
    """A button that levels the grey, a tick that shows it, and a table of its results.

    Parameters
    ----------
    session
        Open section of the viewer.
    connections
        Connections of the dock.
    """

    wanted = Signal()
    """The person asks for the levelling."""

    def __init__(self, session: OpenSection, connections: Connections) -> None:
        super().__init__()
        self._session = session
        self.button = push_button(
            "Level the grey",
            self.wanted.emit,
            "Bring the BSE grey of all sessions and tiles to one scale; "
            "the images stay as they are",
        )
        self.tick = QCheckBox("Show BSE levelled")
        self.tick.clicked.connect(self.show_levelled)
        self.table = small_table(HEADS, QHeaderView.ResizeMode.Stretch)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setToolTip(
            "grey = gain x common grey + offset. Seams: step of the grey to the neighbouring "
            "sessions, root mean square, as measured and levelled"
        )
        self.about = wrapped()
        row = row_layout(self.button, self.tick, wide=self.tick)
        column_layout(self, row, self.table, self.about)
        connections.connect(session.section_opened, self._on_changed)
        connections.connect(session.product_changed, self._on_changed)
        connections.connect(session.viewer.layers.events.inserted, self._on_layers)
        self._watched: set[Any] = set()
        self.fill()

    def fill(self) -> None:
        """Show the results of the levelling."""
        section = self._session.section
        self.setVisible(section is not None)
        report = report_of(section) if section is not None else None
        self.table.setVisible(report is not None)
        self.about.setVisible(report is not None)
        self.tick.setEnabled(report is not None)
        self.show_tick()
        if report is None:
            return
        sessions = report["sessions"]
        self.table.setRowCount(len(sessions))
        for row, (name, one) in enumerate(sessions.items()):
            before, after = steps_of(report, name)
            is_reference = name == report["reference"]
            texts = (
                f"{name} (ref.)" if is_reference else name,
                f"{one['gain']:.4f}",
                f"{one['offset']:.2f}",
                f"{before:.2f}" if before is not None else "",
                f"{after:.2f}" if after is not None else "",
            )
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                item.setToolTip(_in_words(name, one, is_reference=is_reference))
                self.table.setItem(row, column, item)
        fit_rows(self.table)
        product = section.product("levelling") if section is not None else None
        warnings = product.notes.get("warnings", []) if product is not None else []
        self.about.setText("\n".join(str(text) for text in warnings))
        self.about.setVisible(bool(warnings))

    def show_levelled(self, on: bool) -> None:
        """Show the levelled image instead of the raw one, or the other way round."""
        levelled, raw = self._layers()
        if levelled is None and on:
            levelled = self._session.show(*LEVELLED, visible=True)
        if levelled is not None:
            levelled.visible = on
        if raw is not None:
            raw.visible = not on
        self.show_tick()

    def show_tick(self) -> None:
        """Tick the box if the levelled image is shown."""
        levelled, _ = self._layers()
        if levelled is not None and levelled not in self._watched:
            self._watched = {levelled}
            levelled.events.visible.connect(self._on_layers)
        self.tick.setChecked(levelled is not None and bool(levelled.visible))

    def _layers(self) -> tuple[Any, Any]:
        return self._session.layer(*LEVELLED), self._session.layer("images", "BSE")

    def _on_changed(self, _what: Any) -> None:
        self.fill()

    def _on_layers(self, _event: Any) -> None:
        self.show_tick()


def report_of(section: Section) -> dict[str, Any] | None:
    """Read the report of the levelling, `None` if there is none."""
    product = section.product("levelling")
    if product is None:
        return None
    try:
        report = json.loads((product.path / "levelling.json").read_text())
        return report if {"sessions", "seams", "reference"} <= set(report) else None
    except (OSError, ValueError, TypeError):
        return None


def steps_of(report: dict[str, Any], session: str) -> tuple[float | None, float | None]:
    """Step of the grey at the seams to other sessions, RMS, before and after the levelling."""
    here = [
        one
        for border, one in report["seams"].items()
        if session in (names := border.split(" | ")) and len(set(names)) > 1
    ]
    total = sum(one["seams"] for one in here)
    if not total:
        return None, None
    before, after = (
        (sum(one["seams"] * one[f"rms_{when}_grey"] ** 2 for one in here) / total) ** 0.5
        for when in ("before", "after")
    )
    return before, after


def _in_words(name: str, values: dict[str, Any], *, is_reference: bool) -> str:
    if is_reference:
        return f"Session {name} is the reference"
    sources = ", ".join(values.get("sources", {})) or "nothing: its grey keeps its scale"
    return (
        f"Session {name}: gain {values['gain']:.4f} ± {values.get('gain_error', 0):.4f}, offset "
        f"{values['offset']:.2f} ± {values.get('offset_error', 0):.2f} grey, tied by {sources}"
    )
