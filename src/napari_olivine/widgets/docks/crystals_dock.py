"""The Crystals dock: find the crystals, go through them in table and image."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QLabel, QLineEdit, QPushButton, QTabWidget, QWidget
from superqt import QElidingLabel
from typing_extensions import override

from napari_olivine.crystals import (
    KINDS,
    OLIVINE,
    crystals_there,
    phase_of_product,
    phases_told,
    product_of_phase,
    recognised_kinds,
    with_recognised,
)
from napari_olivine.errors import InputError, OlivineError
from napari_olivine.registry import OTHER_CRYSTALS
from napari_olivine.section import Section
from napari_olivine.settings import Settings
from napari_olivine.widgets.common import combo, fill_combo, form_layout, in_words, row_layout
from napari_olivine.widgets.crystals import (
    ColourPart,
    ColumnMenu,
    CrystalModel,
    CrystalTableView,
    ExportPart,
    GalleryPart,
    Outlines,
    SelectedCrystalPart,
    centre_on,
    crystal_at,
    picker,
    show_outline,
)
from napari_olivine.widgets.dock_base import StepDock
from napari_olivine.widgets.layers import LAYER_KEY, look_up, version_mark


class CrystalsDock(StepDock):
    """Table of crystals, linked both ways to the crystals on the canvas."""

    step = "crystals"
    settings_open = False
    hidden = ("phase",)
    also = ("export",)
    fills = True
    explanation = (
        "Connected olivine becomes crystals with size, mg# and zoning; of another phase it is size "
        "and shape."
    )

    @override
    def build(self) -> None:
        self.phase = combo()
        self.phase.setToolTip("Phase whose crystals are shown, found and exported")
        self.phase.currentTextChanged.connect(self._on_phase)
        self.phase_row = QWidget()
        self.phase_row.setLayout(form_layout(("Phase", self.phase)))
        self.body.addWidget(self.phase_row)
        self.colours = ColourPart()
        self.colours.changed.connect(self._colour)
        self.legend = self.colours.legend
        self.model = CrystalModel()
        self.view = CrystalTableView(self.model)
        self.view.chosen.connect(self._go_to)
        self.columns = ColumnMenu(self.view, self.model)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Filter: phenocryst reversed area>20000")
        self.filter.setClearButtonEnabled(True)
        self.filter.setToolTip(FILTER_HELP)
        self.filter.textChanged.connect(self._on_filter)
        self.gallery = GalleryPart(self.model)
        self.gallery.sheet.chosen.connect(self._go_to)
        self.tabs = QTabWidget()
        self.tabs.addTab(self.view, "Table")
        self.tabs.addTab(self.gallery, "Gallery")
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.setMinimumHeight(230)
        self.tally = QLabel()
        self.tabs.setCornerWidget(self.tally)
        self.problem = QElidingLabel("")
        self.problem.setFixedHeight(self.problem.fontMetrics().height())  # the table stays
        self.selected_part = SelectedCrystalPart()
        self.summary, self.radial = self.selected_part.summary, self.selected_part.radial
        self.histogram = self.selected_part.histogram
        self.radial.similar_wanted.connect(lambda crystal: self.filter.setText(f"like={crystal}"))
        self.body.addWidget(self.colours)
        self.body.addLayout(row_layout(self.filter, self.columns.button, wide=self.filter))
        self.body.addWidget(self.problem)
        self.body.addWidget(self.tabs, 1)
        self.body.addWidget(self.selected_part)
        self._made = ""
        self._kinds: pd.DataFrame | None = None
        self._outlines = Outlines()
        self._painted: tuple[Any, ...] = (None, None, None, None)
        viewer = self.session.viewer
        on_press = picker(self.pick)
        viewer.mouse_drag_callbacks.append(on_press)
        self.connections.on_close(lambda: viewer.mouse_drag_callbacks.remove(on_press))
        self.connections.on_close(lambda: show_outline(self.session, None))
        self.connections.on_close(self._undim)
        self.connections.on_close(self.gallery.sheet.stop)
        self.connections.on_close(self.selected_part.stop)
        self.connections.connect(viewer.layers.events.inserted, self._on_layer_inserted)
        self.connections.connect(self.session.selection_changed, self._on_selected)
        self.connections.connect(self.session.crystals_edited, self._on_edited)
        self.connections.connect(self.session.crystals_chosen, self._on_crystals_chosen)
        self._fill_phases()
        self.fill()

    @override
    def _add_form(self) -> None:
        super()._add_form()
        self.export = ExportPart()
        self.export.export_button.clicked.connect(self.run_export)
        self.export.toggled.connect(lambda _opened: QTimer.singleShot(50, self._show_export))
        self.body.addWidget(self.export)
        if self.session.section is not None:
            self.export.suggest(self.session.section, self._phase_shown())

    @override
    def settings(self) -> Settings:
        return self.form.values().model_copy(update={"phase": self._phase_shown()})

    @override
    def _shown_products(self) -> tuple[str, ...]:
        return (self.session.crystals,)

    @override
    def button_of(self, step: str) -> QPushButton | None:
        if step != "export":
            return super().button_of(step)
        self.export.set_expanded(True)
        return self.export.export_button

    @override
    def field_of(self, setting: str, step: str) -> QWidget | None:
        if step != "export" or setting not in self.export.form.editors:
            return super().field_of(setting, step)
        field: QWidget = self.export.form.editors[setting].native
        return field

    def _show_export(self) -> None:
        with suppress(RuntimeError):  # closed meanwhile
            if self.export.expanded:
                self.scroll_area.ensureWidgetVisible(self.export.export_button)

    def run_export(self) -> None:
        """Write the catalogue."""
        self.hide_error()
        try:
            section = self.session.require()
            arguments = self.export.arguments(section)
            settings = self.export.settings(self._phase_shown())
        except OlivineError as error:
            self.show_error(error)
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
            self.export.written()

    def fill(self) -> None:
        """Show the crystals of the open section, the largest first."""
        section, product = self.session.section, self.session.crystals
        self._made = version_mark(section, product) if section is not None else ""
        self._kinds = _kinds_of(section, product)
        self.gallery.set_section(section, product)
        self.histogram.set_section(section if product == "crystals" else None)
        self._show_stored()
        if self.model.sorted_by is None:
            self.view.sort_by("area_um2", down=True)
            self.view.scroll_to(self.session.selected)
        self.view.resizeColumnsToContents()

    def _show_stored(self) -> None:
        """Show the crystals as the section stores them, with the kinds that were recognised."""
        table, profiles = _tables(self.session.section, self.session.crystals)
        self.show_table(with_recognised(table, self._kinds), profiles)

    def show_table(self, table: pd.DataFrame, profiles: pd.DataFrame | None) -> None:
        """Show the crystals after some were edited.

        Order, filter, columns, selection and scroll position stay.

        Parameters
        ----------
        table, profiles
            As the section stores them.
        """
        crystal = self.session.selected
        with self.view.staying(crystal):
            self.model.set_table(table, profiles)
        self._tell(self.model.problem)
        self.colours.set_table(table)
        self._colour()
        if crystal and self.model.record(crystal) is None:
            self.session.select(0)
        else:
            self._show_selected(crystal)

    # ------------------------------------------------------------------ phases

    def _phase_shown(self) -> str:
        """Return the phase whose crystals are shown."""
        return phase_of_product(self.session.crystals)

    def _fill_phases(self) -> None:
        """Offer the phases that the section tells, and those whose crystals it has."""
        section = self.session.section
        phases = [OLIVINE]
        if section is not None:
            told = phases_told(section)
            phases += [name for names in told.values() for name in names]
            phases += crystals_there(section)
        phases = list(dict.fromkeys([*phases, self._phase_shown()]))
        fill_combo(self.phase, phases, self._phase_shown())
        self.phase_row.setVisible(len(phases) > 1)

    def _on_phase(self, phase: str) -> None:
        if phase:
            self.session.look_at_crystals(product_of_phase(phase))

    def _on_crystals_chosen(self, product: str) -> None:
        """Show the crystals of another phase, in the table and on the image."""
        section = self.session.section
        self._fill_phases()
        for layer in self.session.viewer.layers:
            mark = layer.metadata.get(LAYER_KEY)
            if mark and mark["name"] == "crystals":
                layer.visible = mark["product"] == product
        self._painted = (None, None, None, None)
        self.fill()
        self.show_state()
        if section is not None:
            self.export.suggest(section, self._phase_shown())

    def _on_edited(self, table: pd.DataFrame, profiles: pd.DataFrame | None) -> None:
        if self.session.crystals == "crystals":  # edits by hand are of olivine alone
            self.show_table(with_recognised(table, self._kinds), profiles)

    # ------------------------------------------------------------------ selecting

    def pick(self, y_um: float, x_um: float) -> None:
        """Select the crystal at a place of the section, or none."""
        layer = self.session.layer(self.session.crystals, "crystals")
        section = self.session.section
        if section is None or layer is None or not layer.visible:
            return
        try:
            self.session.select(crystal_at(section, y_um, x_um, self.session.crystals))
        except OlivineError as error:
            self.show_error(error)

    def _go_to(self, crystal: int) -> None:
        self.session.select(crystal)
        record = self.model.record(crystal)
        if record is not None:
            centre_on(self.session, record)

    def _on_selected(self, crystal: int) -> None:
        self.view.mark(crystal)
        self._show_selected(crystal)
        self.view.scroll_to(crystal)

    def _show_selected(self, crystal: int) -> None:
        record = self.model.record(crystal)
        self.gallery.sheet.show_selected(crystal)
        show_outline(self.session, record, self.session.crystals)
        self.selected_part.show_crystal(self.session.section, record, self.model.profiles)

    # ------------------------------------------------------------------ showing

    def _colour(self) -> None:
        self.gallery.sheet.set_colours(self.model.ids, self.colours.colouring.colours)
        self._paint(self.model.shown)

    def _paint(self, shown: NDArray[np.bool_]) -> None:
        """Show the crystals on the image in their colours, those not `shown` dimmed."""
        layer = self.session.layer(self.session.crystals, "crystals")
        if layer is None:
            return
        self._outlines.show(layer, self.colours.outlines.isChecked())
        ids, colouring = self.model.ids, self.colours.colouring
        now = ids, colouring.colours, shown
        painted, *before = self._painted
        if painted is not layer or not all(map(np.array_equal, before, now)):
            layer.colormap = look_up(ids, colouring, shown)
            self._painted = layer, *now

    def _undim(self) -> None:
        """Show all crystals again: the filter goes with the dock."""
        self._paint(np.ones(len(self.model.ids), bool))

    def _on_filter(self, text: str) -> None:
        before = self.model.names
        try:
            self.model.keep(text)
        except InputError as error:
            self._tell(in_words(error))
            return
        if self.model.names != before:
            self.view.resizeColumnsToContents()
        self._tell()
        self._paint(self.model.shown)
        self.view.mark(self.session.selected)

    def _tell(self, problem: str = "") -> None:
        """Tell how many crystals are shown, or what is wrong with the filter."""
        self.tally.setText(f"{self.model.rowCount():,} of {len(self.model.table):,} crystals")
        self.problem.setText(problem)
        self.problem.setToolTip(problem)
        self.view.mark_order()

    def _on_layer_inserted(self, event: Any) -> None:
        mark = event.value.metadata.get(LAYER_KEY)
        if mark and (mark["product"], mark["name"]) == (self.session.crystals, "crystals"):
            self._colour()

    @override
    def on_section_opened(self) -> None:
        self.export.suggest(self.session.require())
        self._fill_phases()
        self.fill()

    @override
    def on_product_changed(self, product: str) -> None:
        section = self.session.section
        if product in ("segmentation", "mask") or product.startswith(OTHER_CRYSTALS):
            self._fill_phases()
        if product == self.session.crystals and section is not None:
            if version_mark(section, product) == self._made != "":  # edited by a person
                self._show_stored()
                return
            self.session.select(0)
            self.fill()
        elif product == KINDS:
            self._kinds = _kinds_of(section, self.session.crystals)
            self._show_stored()
        elif product in ("images", "mg"):
            self.gallery.set_section(section, self.session.crystals)
            self.histogram.set_section(section if self._phase_shown() == OLIVINE else None)


FILTER_HELP = (
    "Words begin a class (phenocryst, reversed, rejected), a number is an id, conditions compare a "
    "column: area_um2>20000, mg_core<=0.85, session=2, touches_edge=no, verdict!=rejected, "
    "zone_class=fe_rich_mantle, note~crack (contains). like=12 shows the crystals whose radial "
    "profiles are the most like that of crystal 12. The heads of the columns tell their names. "
    "What is left out is dimmed on the image."
)


def _kinds_of(section: Section | None, product: str) -> pd.DataFrame | None:
    """Read what a classifier recognised the crystals as; of olivine alone."""
    return recognised_kinds(section) if section is not None and product == "crystals" else None


def _tables(section: Section | None, product_name: str) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Read the crystals and their profiles; an empty table where there are none."""
    product = section.product(product_name) if section is not None else None
    if section is None or product is None:
        return pd.DataFrame({"id": pd.Series(dtype="int64")}), None
    profiles = None
    if (product.path / "profiles.parquet").exists():  # there were none at first
        profiles = section.table(product_name, "profiles")
    return section.table(product_name, "crystals"), profiles
