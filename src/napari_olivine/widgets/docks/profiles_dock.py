"""The EPMA profiles dock: lay the traverses on the image, and calibrate grey to mg#."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QShortcut
from typing_extensions import override

from napari_olivine.errors import InputError, OlivineError
from napari_olivine.history import HistoryStep
from napari_olivine.readers import AddTablesSettings
from napari_olivine.readers.epma import kept_report
from napari_olivine.widgets.common import Axis, Plot, combo, wrapped
from napari_olivine.widgets.dock_base import StepDock
from napari_olivine.widgets.editing import WindowUndo, bring_into_view, zoom_to
from napari_olivine.widgets.layers import overlay
from napari_olivine.widgets.outlines import OutlinesPart
from napari_olivine.widgets.section import ColumnMapper
from napari_olivine.widgets.state import analyses_in_words
from napari_olivine.widgets.traverses import (
    MEASURED,
    AddedTablesPart,
    Line,
    ProfilesTable,
    TablesReport,
    TraverseLayer,
    Traverses,
    curves_of,
    profile_to_plot,
    read_law,
    result_in_words,
    source_in_words,
    with_all_profiles,
)

SPOTS = "EPMA spots"


class ProfilesDock(StepDock):
    """Draw, drag and assign traverses; see grey and mg# along them; calibrate."""

    step = "calibrate"
    also = ("add-tables",)
    settings_open = False
    explanation = (
        "Lay each microprobe traverse on the image, then calibrate the grey to mg#. "
        "The first analysis is at the end where you begin to draw."
    )

    @override
    def build(self) -> None:
        self.traverses = Traverses(pd.DataFrame(columns=["profile", *_EMPTY]))
        self.analyses = pd.DataFrame({"profile": []})
        self.current = ""
        self._law: Any = None
        self.shapes = TraverseLayer(self.session)
        self.table = ProfilesTable()
        self.table.chosen.connect(self.choose)
        self.table.zoomed.connect(self.zoom)
        self.table.use_changed.connect(self._on_use)
        self.plot = Plot(
            Axis("Distance, µm"),
            Axis("BSE grey (reversed)", reverse=True),
            Axis("mg#", colour=MEASURED),
        )
        self.plot.empty_text = "Choose an EPMA table."
        self.plot.picked.connect(self._on_point)
        self.agreement = wrapped("")
        self.owner = combo()
        self.owner.setToolTip("Give this line to another EPMA table")
        self.owner.textActivated.connect(self._on_owner)
        self.report = TablesReport()
        self.body.addWidget(self.report)
        self.tables = AddedTablesPart(self.session, self.connections, self.add_tables)
        self.tables.columns_wanted.connect(self.name_columns)
        self.body.addWidget(self.tables)
        self.body.addWidget(self.table)
        self.body.addLayout(self._tools())
        row = QHBoxLayout()
        row.addWidget(QLabel("Line belongs to"))
        row.addWidget(self.owner, 1)
        self.body.addLayout(row)
        self.body.addWidget(self.plot)
        self.body.addWidget(self.agreement)
        self.outlines = OutlinesPart(self.session, self.connections)
        self.outlines.failed.connect(self.show_error)
        self.body.addWidget(self.outlines)
        self.source = wrapped("")
        self.source.setToolTip("Which pixels were the mineral in the calibration that is there")
        self.body.addWidget(self.source)
        self._redraw = QTimer(self)
        self._redraw.setSingleShot(True)
        self._redraw.setInterval(30)
        self._redraw.timeout.connect(self.draw)
        self.connections.on_close(self.shapes.remove)
        self.connections.on_close(self._hide_spots)
        self.connections.on_close(lambda: self.session.history.forget("traverse"))
        self.connections.connect(self.session.history.moved, self._on_history)
        self.shapes.drawn.connect(self._on_drawn)
        self.shapes.moved.connect(self._on_moved)
        self.shapes.removed.connect(self._on_removed)
        self.shapes.moving.connect(self._on_moving)
        self.shapes.selected.connect(self._on_line_selected)
        self.fill()

    def _tools(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        self.tools = {}
        draw_tip = "Draw the line of the chosen EPMA table, first analysis first"
        for name, words, action in (
            ("Zoom", "Show the chosen line (or a double click on its row)", self.zoom),
            ("Draw", draw_tip, self.draw_line),
            ("Move", "Drag the ends of a line", self.shapes.move_mode),
            ("Flip", "The profile was measured the other way", self.flip),
            ("Delete", "Take the line of the chosen EPMA table off the image (Del)", self.delete),
            ("Undo", "", None),
        ):
            button = self.tools[name] = QPushButton(name)
            button.setToolTip(words)
            button.setMinimumWidth(40)
            if action is not None:
                button.clicked.connect(action)
            row.addWidget(button)
        WindowUndo.of(self.session).follow(self.tools["Undo"], self.connections)
        self._add_delete_keys()
        return row

    def _add_delete_keys(self) -> None:
        """Delete the chosen line by key, in the table and, in every mode, on the image."""
        viewer: Any = self.session.viewer
        canvas = viewer.window._qt_viewer.canvas.native
        on_canvas = []
        for parent in (self.table, canvas):
            for key in ("Del", "Backspace"):
                shortcut = QShortcut(QKeySequence(key), parent)
                shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
                shortcut.activated.connect(self.delete)
                on_canvas += [shortcut] if parent is canvas else []

        def follow(_event: Any = None) -> None:
            active = viewer.layers.selection.active
            for shortcut in on_canvas:
                shortcut.setEnabled(active is not None and active is self.shapes.layer)

        def remove() -> None:
            for shortcut in on_canvas:
                shortcut.deleteLater()

        self.connections.connect(viewer.layers.selection.events.active, follow)
        self.connections.on_close(remove)
        follow()

    @override
    def button_of(self, step: str) -> QPushButton | None:
        return self.tables.add_button if step == "add-tables" else super().button_of(step)

    @override
    def on_front(self, front: bool) -> None:
        if not front:  # clicks are not for the lines any more
            self.shapes.rest()
            self.outlines.rest()

    # ------------------------------------------------------------------ what is shown

    def fill(self) -> None:
        """Show the profiles of the open section."""
        section, history = self.session.section, self.session.history
        self.shapes.remove()
        history.forget("traverse")
        self.report.show_report(kept_report(section) if section is not None else None)
        if section is None or section.product("epma") is None:
            self.table.setRowCount(0)
            return
        self.analyses = section.table("epma", "analyses")
        table = with_all_profiles(section.annotation("placements"), self.analyses)
        self.traverses = Traverses(table, history)
        self.traverses.changed.connect(self._on_edited)
        self._law = read_law(section)
        if self.current not in self.traverses.profiles:
            self.current = next(iter(self.traverses.profiles), "")
        self._show_spots()
        self._show_all()

    def choose(self, profile: str) -> None:
        """Make a profile the current one, and mark its line; the view stays where it is."""
        if profile == self.current:
            return
        self.current = profile
        self._show_lines()
        self._show_current()

    def zoom(self, _of: object = None) -> None:
        """Show the line or the spots of the current profile."""
        self.hide_error()
        extent = self._extent()
        if extent is None:
            self.show_error(f"{self.current} lies nowhere yet: draw its line first (Draw).")
        else:
            zoom_to(self.session, *extent)

    def _extent(self) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """First and last ordinate and abscissa of the current profile, um; `None` if unplaced."""
        line = self.traverses.line(self.current) if self.current else None
        if line is not None:
            x, y = np.array([line[0], line[2]]), np.array([line[1], line[3]])
        else:
            points = self.analyses[self.analyses["profile"] == self.current]
            if not len(points) or self.traverses.kind(self.current) != "spots":
                return None
            x, y = points["x_um"].to_numpy(float), points["y_um"].to_numpy(float)
        return (float(y.min()), float(y.max())), (float(x.min()), float(x.max()))

    def draw(self) -> None:
        """Draw grey and mg# along the current profile as it lies now."""
        section = self.session.section
        points = self.analyses[self.analyses["profile"] == self.current]
        if section is None or not len(points):
            self.plot.show_curves([])
            return
        line = self.shapes.line_on_screen(self.current)
        left_out = self.traverses.left_out(self.current)
        try:
            profile = profile_to_plot(section, points, line, self._law, left_out)
        except OlivineError as error:
            self.show_error(error)
            return
        distance = "Distance, µm" if profile.by_distance else "Analysis, counted from 0"
        self.plot.below.label = distance
        self.plot.show_curves(curves_of(profile, left_out))
        words = "" if np.isnan(profile.agreement) else f"{profile.agreement:.3f}"
        self.agreement.setText(
            f"{self.current}: mg# follows the grey with a correlation of {words}"
            if words
            else f"{self.current}: draw its line on the image (Draw)"
            if line is None and self.traverses.kind(self.current) == "line"
            else self.current
        )

    def _show_all(self) -> None:
        self.table.fill(self.traverses, self.analyses, self._scores())
        self._show_lines()
        self._show_current()

    def _show_lines(self) -> None:
        if self.traverses.lines() or any(self.traverses.kind(p) == "line" for p in self._names()):
            self.shapes.show(self.traverses, self.current)

    def _show_current(self) -> None:
        self.table.choose(self.current)
        self.owner.clear()
        line = self.traverses.line(self.current) if self.current else None
        if line is not None:
            self.owner.addItems(
                [name for name in self._names() if self.traverses.kind(name) == "line"]
            )
            self.owner.setCurrentText(self.current)
        self.owner.setEnabled(line is not None)
        self.tools["Zoom"].setEnabled(bool(self.current))
        for tool in ("Flip", "Delete"):
            self.tools[tool].setEnabled(line is not None)
        self.draw()

    def _show_spots(self) -> None:
        """Show analyses that have positions of their own."""
        self._hide_spots()
        spots = self.analyses[self.analyses[["x_um", "y_um"]].notna().all(axis=1)]
        if len(spots):
            section = self.session.require()
            self.session.viewer.add_points(
                spots[["y_um", "x_um"]].to_numpy() / section.pixel_size_um,
                size=max(5.0, max(section.shape) / 100),
                symbol="cross",
                face_color=MEASURED,
                features={"point": spots["point"].to_numpy()},
                **overlay(section, SPOTS),
            ).editable = False

    def _hide_spots(self) -> None:
        if SPOTS in self.session.viewer.layers:
            self.session.viewer.layers.remove(SPOTS)

    def _names(self) -> list[str]:
        return self.traverses.profiles

    def _scores(self) -> dict[str, float]:
        """RMSE of each profile in the last calibration."""
        section = self.session.section
        if section is None or section.product("calibration") is None:
            return {}
        try:
            report = json.loads((section.path / "calibration" / "calibration.json").read_text())
            found = {name: story["filtered"]["rmse"] for name, story in report["profiles"].items()}
        except (OSError, ValueError, KeyError):
            return {}
        return {name: value for name, value in found.items() if value is not None}

    # ------------------------------------------------------------------ what the person does

    def draw_line(self) -> None:
        """Let the person draw the line of the current profile."""
        self.hide_error()
        if not self.current:
            self.show_error("There is no EPMA table to draw a line for: import one first.")
        elif self.traverses.kind(self.current) != "line":
            self.show_error(f"{self.current} has positions of its own; it needs no line.")
        else:
            self.shapes.draw_mode()

    def add_tables(self, settings: AddTablesSettings) -> None:
        """Take EPMA tables into the section, or away again."""
        self.hide_error()
        self.start("add-tables", self.arguments(), settings)

    def name_columns(self, folder: str, file: str) -> None:
        """Let the person name the columns of an EPMA table."""
        self.mapper = ColumnMapper(Path(folder), self, file=file)
        self.mapper.saved.connect(self.tables.look_again)
        self.mapper.show()

    def flip(self) -> None:
        """Swap the ends of the current line."""
        self.traverses.flip(self.current)

    def delete(self) -> None:
        """Take the line of the current profile off the image."""
        if self.traverses.line(self.current) is not None:
            self.traverses.remove(self.current)

    def _on_history(self, step: HistoryStep) -> None:
        """Choose the traverse whose edit was taken back or done again, and show it."""
        target = step.command.target
        if target.kind == "traverse" and target.name in self._names():
            self.current = str(target.name)
            self._show_lines()
            self._show_current()
            extent = self._extent()
            if extent is not None:
                bring_into_view(self.session, *extent)

    def _on_drawn(self, line: Line) -> None:
        self.traverses.place({self.current: line})
        self.shapes.move_mode()

    def _on_moved(self, lines: dict[str, Line]) -> None:
        self.current = next(iter(lines))
        self.traverses.place(lines)

    def _on_removed(self, profiles: list[str]) -> None:
        for profile in profiles:
            self.traverses.remove(profile)

    def _on_moving(self) -> None:
        if not self._redraw.isActive():
            self._redraw.start()

    def _on_line_selected(self, profile: str) -> None:
        if profile != self.current:
            self.current = profile
            self.shapes.mark({profile})
            self._show_current()

    def _on_use(self, profile: str, use: str) -> None:
        unplaced = self.traverses.kind(profile) == "line" and not self.traverses.line(profile)
        if unplaced and use != "ignore":
            self.show_error(f"{profile} lies nowhere yet: choose it and draw its line first.")
            self._show_all()
            return
        self.traverses.set_use(profile, use)

    def _on_point(self, point: int) -> None:
        """Leave an analysis out that was clicked in the plot, or take it in again."""
        self.traverses.leave_out(self.current, point)

    def _on_owner(self, other: str) -> None:
        if other != self.current:
            before, self.current = self.current, other
            self.traverses.assign(before, other)

    def _on_edited(self) -> None:
        try:
            self.session.annotate("placements", self.traverses.to_store())
        except OlivineError as error:
            self.show_error(error)
        self._show_all()

    # ------------------------------------------------------------------ listening

    @override
    def settings(self) -> Any:
        if not any(self.traverses.use(name) == "calibrate" for name in self._names()):
            raise InputError("Set at least one traverse to 'calibrate' first.")
        return super().settings()

    @override
    def _own_products(self) -> set[str]:
        return {*super()._own_products(), "epma"}

    @override
    def show_state(self) -> None:
        super().show_state()
        self.tables.show_state()
        words = source_in_words(self.session.section)
        self.source.setText(words)
        self.source.setVisible(bool(words))

    @override
    def on_theme(self) -> None:
        super().on_theme()
        self._show_all()

    @override
    def on_section_opened(self) -> None:
        self.current = ""
        self.tables.forget_failed()
        self.fill()

    @override
    def on_product_changed(self, product: str) -> None:
        if product == "epma":
            self.fill()
        elif product == "calibration":
            self._law = read_law(self.session.require())
            self._show_all()

    @override
    def _on_annotations_changed(self, name: str) -> None:
        super()._on_annotations_changed(name)
        section = self.session.section
        if name == "placements" and section is not None and len(self.analyses):
            stored = with_all_profiles(section.annotation("placements"), self.analyses)
            stored = stored.set_index("profile").reindex(self._names()).reset_index()
            if stored["kind"].isna().any() or not self.traverses.same_as(stored):
                self.fill()  # changed outside this window

    @override
    def _on_failed(self, step: str, why: OlivineError) -> None:
        super()._on_failed(step, why)
        if step == "add-tables":
            self.tables.could_not_read(why.facts.file)

    @override
    def on_finished(self) -> None:
        section = self.session.require()
        if self.session.jobs.step != self.step:
            self.tables.forget_failed()
            self.tables.show_state()
            self.run_bar.say(f"EPMA tables: {analyses_in_words(section)}.")
            return
        product = section.product("calibration")
        if product is not None:
            self.run_bar.say(result_in_words(product.notes))


_EMPTY = ("kind", "x0_um", "y0_um", "x1_um", "y1_um", "use")
