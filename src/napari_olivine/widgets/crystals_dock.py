"""The Crystals dock: find the crystals, go through them in table and image."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pandas as pd
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QLineEdit, QTableView
from typing_extensions import override

from napari_olivine.crystals.classes import CLASS_COLOURS, crystal_classes
from napari_olivine.errors import InputError, OlivineError
from napari_olivine.widgets.crystal_colours import colour_map
from napari_olivine.widgets.crystal_layer import (
    OUTLINE,
    crystal_at,
    outline_data,
    picker,
)
from napari_olivine.widgets.crystal_model import CrystalModel
from napari_olivine.widgets.crystal_summary import CrystalSummary
from napari_olivine.widgets.export_part import ExportPart
from napari_olivine.widgets.layers import KEY
from napari_olivine.widgets.parts import wrapped
from napari_olivine.widgets.radial_part import RadialPart
from napari_olivine.widgets.step_dock import StepDock


class CrystalsDock(StepDock):
    """Table of crystals, linked both ways to the crystals on the canvas."""

    step = "crystals"
    settings_open = False
    also = ("export",)
    fills = True
    products = ("crystals",)
    explanation = "Connected olivine becomes crystals with size, mg# and zoning."

    @override
    def build(self) -> None:
        self.legend = wrapped("")
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Filter: phenocryst reversed area>20000")
        self.filter.setClearButtonEnabled(True)
        self.filter.setToolTip(
            "Words begin a class (phenocryst, reversed), a number is an id, conditions compare a "
            "column: area_um2>20000, mg_core<=0.85, session=2, touches_edge=no. like=12 shows the "
            "crystals whose radial profiles are the most like that of crystal 12. The heads of the "
            "columns tell their names."
        )
        self.filter.textChanged.connect(self._on_filter)
        self.model = CrystalModel()
        self.view = QTableView()
        self.view.setModel(self.model)
        self.view.setSortingEnabled(True)
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.view.verticalHeader().hide()
        self.view.verticalHeader().setDefaultSectionSize(22)
        self.view.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.view.setMinimumHeight(260)
        self.view.selectionModel().currentRowChanged.connect(self._on_row)
        self.count = wrapped("")
        self.summary = CrystalSummary()
        self.radial = RadialPart()
        self.radial.asked.connect(lambda crystal: self.filter.setText(f"like={crystal}"))
        parts = (self.legend, self.filter, self.view, self.count, self.summary, self.radial)
        for part in parts:
            self.body.addWidget(part, 1 if part is self.view else 0)
        self._syncing = False
        viewer = self.session.viewer
        on_press = picker(self.pick)
        viewer.mouse_drag_callbacks.append(on_press)
        self.links.when_cut(lambda: viewer.mouse_drag_callbacks.remove(on_press))
        self.links.when_cut(lambda: self._outline(None))
        self.links.connect(viewer.layers.events.inserted, self._on_layer_inserted)
        self.links.connect(self.session.selection_changed, self._on_selected)
        self.fill()

    @override
    def _add_form(self) -> None:
        super()._add_form()
        self.export = ExportPart()
        self.export.export_button.clicked.connect(self.run_export)
        self.export.toggled.connect(lambda _opened: QTimer.singleShot(50, self._show_export))
        self.body.addWidget(self.export)
        if self.session.section is not None:
            self.export.suggest(self.session.section)

    def _show_export(self) -> None:
        with suppress(RuntimeError):  # closed meanwhile
            if self.export.opened:
                self.scroll_area.ensureWidgetVisible(self.export.export_button)

    def run_export(self) -> None:
        """Write the catalogue."""
        self.hide_error()
        try:
            section = self.session.require()
            arguments, settings = self.export.arguments(section), self.export.settings()
        except OlivineError as error:
            self.show_error(str(error))
            return
        self.start("export", arguments, settings)

    @override
    def show_state(self) -> None:
        super().show_state()
        self.export.export_button.setEnabled(self.run_button.isEnabled())

    @override
    def on_finished(self) -> None:
        if self.session.jobs.step == "export":
            self.run_bar.say(f"The catalogue is in {self.export.folder.path()}")

    def fill(self) -> None:
        """Show the crystals of the open section."""
        section = self.session.section
        table, profiles = pd.DataFrame({"id": pd.Series(dtype="int64")}), None
        if section is not None and section.product("crystals") is not None:
            table = section.table("crystals", "crystals")
            with suppress(OSError):  # made before there were any
                profiles = section.table("crystals", "profiles")
        self.model.set_table(table, profiles)
        if "area_um2" in self.model.names:
            down = Qt.SortOrder.DescendingOrder
            self.view.sortByColumn(self.model.names.index("area_um2"), down)
        self.view.resizeColumnsToContents()
        self._on_filter(self.filter.text())
        self._show_legend(table)
        self._colour()
        self._on_selected(self.session.selected)

    # ------------------------------------------------------------------ selecting

    def pick(self, y_um: float, x_um: float) -> None:
        """Select the crystal at a place of the section, or none."""
        layer = self.session.layer("crystals", "crystals")
        section = self.session.section
        if section is None or layer is None or not layer.visible:
            return
        try:
            self.session.select(crystal_at(section, y_um, x_um))
        except OlivineError as error:
            self.show_error(str(error))

    def _on_row(self, current: Any, _previous: Any) -> None:
        if self._syncing or not current.isValid():
            return
        crystal = self.model.id_at(current.row())
        self.session.select(crystal)
        self._centre(crystal)

    def _on_selected(self, crystal: int) -> None:
        record = self.model.record(crystal)
        self._syncing = True
        row = self.model.row_of(crystal)
        if row >= 0:
            self.view.selectRow(row)
            self.view.scrollTo(
                self.model.index(row, 0), QAbstractItemView.ScrollHint.PositionAtCenter
            )
        else:
            self.view.clearSelection()
        self._syncing = False
        self._outline(record)
        self.summary.show_crystal(self.session.section, record)
        self.radial.show_crystal(record, self.model.profiles)

    def _centre(self, crystal: int) -> None:
        """Move the view to a crystal, and closer if it is small on the screen."""
        record, section = self.model.record(crystal), self.session.section
        if record is None or section is None:
            return
        camera = self.session.viewer.scene.camera
        side = max(record["row1"] - record["row0"], record["col1"] - record["col0"])
        side_um = float(side) * section.pixel_size_um
        camera.center = (0.0, float(record["y_um"]), float(record["x_um"]))
        camera.zoom = min(max(camera.zoom, 120 / side_um), 400 / side_um)

    def _outline(self, record: dict[str, Any] | None) -> None:
        layers, section = self.session.viewer.layers, self.session.section
        if record is None or section is None or "row0" not in record:
            if OUTLINE in layers:
                layers.remove(OUTLINE)
            return
        data, look = outline_data(section, record)
        if OUTLINE in layers:
            # Moving the layer takes a fifth of the time of adding another.
            layer: Any = layers[OUTLINE]
            layer.data = data
            layer.scale, layer.translate = look["scale"], look["translate"]
            return
        active = layers.selection.active
        layer = self.session.viewer.add_labels(data, **look)
        layer.contour = 2
        layer.editable = False
        if active is not None and active in layers:
            layers.selection.active = active

    # ------------------------------------------------------------------ showing

    def _colour(self) -> None:
        layer = self.session.layer("crystals", "crystals")
        if layer is not None and "size_class" in self.model.table.columns:
            layer.colormap = colour_map(self.model.table)

    def _show_legend(self, table: pd.DataFrame) -> None:
        if "size_class" not in table.columns:
            self.legend.setText("")
            return
        counts = crystal_classes(table).value_counts()
        words = {"normal": "normal", "reversed": "reversed", "none": "unzoned"}
        parts = [
            f"<span style='color:{colour}'>■</span> {words.get(name, name)} {counts[name]}"
            for name, colour in CLASS_COLOURS.items()
            if counts.get(name, 0)
        ]
        unbroken = [part.replace("> ", ">&nbsp;") for part in parts]
        self.legend.setText("&nbsp;&nbsp; ".join(unbroken))

    def _on_filter(self, text: str) -> None:
        before = self.model.names
        try:
            self.model.keep(text)
            if self.model.names != before:
                self.view.resizeColumnsToContents()
            self.count.setText(f"{self.model.rowCount()} of {len(self.model.table)} crystals")
        except InputError as error:
            self.count.setText(str(error))
        self._select_row_quietly()

    def _select_row_quietly(self) -> None:
        row = self.model.row_of(self.session.selected)
        if row >= 0:
            self._syncing = True
            self.view.selectRow(row)
            self._syncing = False

    def _on_layer_inserted(self, event: Any) -> None:
        mark = event.value.metadata.get(KEY)
        if mark and mark["product"] == "crystals":
            self._colour()

    @override
    def on_section_opened(self) -> None:
        self.export.suggest(self.session.require())
        self.fill()

    @override
    def on_product_changed(self, product: str) -> None:
        if product == "crystals":
            self.session.select(0)
            self.fill()
