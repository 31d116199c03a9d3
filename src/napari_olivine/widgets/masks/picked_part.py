"""The part of the Phase masks dock where an olivine is picked, and what speaks against it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_olivine.errors import OlivineError
from napari_olivine.history import HistoryStep
from napari_olivine.masks import MINERAL, Picked, Rule, Spot, doubts, pick, relative_to
from napari_olivine.section import Section
from napari_olivine.widgets.common import (
    Background,
    Connections,
    fit_rows,
    in_words,
    push_button,
    readable,
    row_layout,
    single_shot,
    small_table,
    wrapped,
)
from napari_olivine.widgets.editing import WindowUndo, bring_into_view
from napari_olivine.widgets.masks.escape import escape_key
from napari_olivine.widgets.masks.picked_layer import PickedLayer
from napari_olivine.widgets.masks.picked_spots import PickedSpots
from napari_olivine.widgets.state import OpenSection

DOUBT = "#e69f00"

HINT = (
    "Click on olivine that you are sure of, or drag a ring inside a crystal; once more adds "
    "another spot. Esc ends it."
)

AROUND_UM = 100.0
"""Room around a spot that is brought into view."""


class PickedPart(QWidget):
    """Spots that a person picks, what the maps hold there, and the limits that follow.

    Parameters
    ----------
    session
        Open section of the viewer.
    connections
        Connections of the dock.
    rule
        Returns the rule of the dock with its relative conditions, and whether it is one for
        olivine.
    """

    changed = Signal()
    """Spots were added, moved or taken away."""

    def __init__(
        self,
        session: OpenSection,
        connections: Connections,
        rule: Callable[[], tuple[Rule, bool]],
    ) -> None:
        super().__init__()
        self._session, self._rule = session, rule
        self.spots = PickedSpots()
        self.held: list[Picked] | None = None
        self.layer = PickedLayer(session)
        self._background = Background()
        self._background.done.connect(self._on_read)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.button = push_button(
            "Pick an olivine",
            self._on_button,
            f"Make limits relative to it. {HINT}",
            checkable=True,
        )
        self.delete_button = push_button("Delete", self.delete, "Take the chosen spot away")
        self.undo_button = push_button("Undo")
        column.addLayout(row_layout(self.button, self.delete_button, self.undo_button))
        self.hint = wrapped(HINT)
        self.table = self._make_table()
        self.limits, self.note = wrapped(selectable=True), wrapped()
        for one in (self.hint, self.table, self.limits, self.note):
            column.addWidget(one)
        self.hint.hide()
        self._escape = escape_key(session, connections, self.rest)
        self._look_at_active = single_shot(self, 0, self._on_active)
        for signal, slot in (
            (self.layer.drawn, self._on_drawn),
            (self.layer.moved, self._on_moved),
            (self.layer.removed, self._on_removed),
            (self.layer.selected, self._on_selected),
            (session.history.moved, self._on_history),
            (session.viewer.layers.selection.events.active, self._look_at_active_soon),
        ):
            connections.connect(signal, slot)
        connections.on_close(self._look_at_active.stop)
        connections.on_close(self._background.stop)
        connections.on_close(self.layer.remove)
        connections.on_close(lambda: session.history.forget("spot"))
        WindowUndo.of(session).follow(self.undo_button, connections)
        self.read()

    def _make_table(self) -> QTableWidget:
        table = small_table(("Spot", "x, y in µm", "It holds"), QHeaderView.ResizeMode.Stretch)
        resize = table.horizontalHeader().setSectionResizeMode
        for narrow in (0, 1):
            resize(narrow, QHeaderView.ResizeMode.ResizeToContents)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.itemSelectionChanged.connect(self._on_row)
        return table

    # ------------------------------------------------------------------ showing

    def read(self) -> None:
        """Begin with the spots by which the section's mask was made, if there are any."""
        section, history = self._session.section, self._session.history
        self.button.setChecked(False)
        self.layer.remove()
        history.forget("spot")
        self.spots = PickedSpots(_of_mask(section), history)
        self.spots.changed.connect(self._on_edited)
        self._on_edited()

    def texts(self) -> tuple[str, ...]:
        """Return the spots as the setting has them."""
        return self.spots.texts

    def show_rule(self) -> None:
        """Show what the limits of the rule are by the spots, and what speaks against these."""
        limits, against = "", []
        if self.held:
            try:
                rule, olivine = self._rule()
                if set(rule.signals) <= set(self.held[0].levels):
                    relative = rule.relative
                    rule = relative_to(self.held, rule)
                    limits = f"By the picked spots: {rule.text}" if relative else ""
                    against = doubts(self.held, rule, olivine=olivine)
            except OlivineError as error:
                against = [in_words(error, "mask")]
        self.limits.setText(limits)
        self.limits.setVisible(bool(limits))
        self.note.setStyleSheet(f"color: {readable(DOUBT, self)}")
        self.note.setText("\n".join(f"{self._by_number(one).rstrip('.')}." for one in against))
        self.note.setVisible(bool(against))

    def _by_number(self, words: str) -> str:
        """Call each spot by its number in the table."""
        for place, text in enumerate(self.spots.texts):
            words = words.replace(f"The spot {text} ", f"Spot {place + 1} ")
        return words

    def _on_edited(self) -> None:
        section = self._session.section
        self.held = None
        self.button.setEnabled(section is not None)
        self.delete_button.setEnabled(bool(len(self.spots)))
        self.table.setVisible(bool(len(self.spots)))
        self.table.setRowCount(len(self.spots))
        for row, spot in enumerate(self.spots.spots):
            for column, text in enumerate((str(row + 1), f"{spot.x_um:.0f}, {spot.y_um:.0f}", "")):
                item = QTableWidgetItem(text)
                item.setToolTip(f"As the command line takes it: {spot}")
                self.table.setItem(row, column, item)
        fit_rows(self.table)
        if self.layer.there or len(self.spots):
            self.layer.show(self.spots, self._chosen())
            if self.button.isChecked():
                self.layer.pick_mode()
        self.show_rule()
        if section is not None and len(self.spots):
            texts = self.spots.texts
            self._background.want([(texts, lambda: _held(section, texts))])
        self.changed.emit()

    def _on_read(self, texts: Any, held: list[Picked | OlivineError] | None) -> None:
        if texts != self.spots.texts or held is None:
            return
        for row, one in enumerate(held):
            words = one.words if isinstance(one, Picked) else in_words(one, "mask")
            item = QTableWidgetItem(words)
            item.setToolTip(
                f"{words}: means a pixel of {one.pixels}" if isinstance(one, Picked) else words
            )
            self.table.setItem(row, 2, item)
        self.held = [one for one in held if isinstance(one, Picked)]
        self.show_rule()

    # ------------------------------------------------------------------ what the person does

    def rest(self) -> None:
        """End picking."""
        self.button.setChecked(False)

    def delete(self) -> None:
        """Take the chosen spot away; the last one where none is chosen."""
        if len(self.spots):
            chosen = self._chosen()
            self.spots.remove([len(self.spots) - 1 if chosen is None else chosen])

    def _on_button(self, picking: bool) -> None:
        self.hint.setVisible(picking)
        self._escape.setEnabled(picking)
        if picking and self._session.section is not None:
            self.layer.show(self.spots)
            self.layer.pick_mode()
        elif self.layer.rest():
            self._session.prefer_bse()
            if not len(self.spots):
                self.layer.remove()

    def _look_at_active_soon(self, _event: Any) -> None:
        self._look_at_active.start()  # a layer that is being made is active for a moment

    def _on_active(self) -> None:
        """End picking when the mouse works on another layer."""
        if self._session.viewer.layers.selection.active is not self.layer.layer:
            self.rest()

    def _chosen(self) -> int | None:
        rows = [index.row() for index in self.table.selectionModel().selectedRows()]
        return rows[0] if rows and rows[0] < len(self.spots) else None

    def _on_row(self) -> None:
        chosen = self._chosen()
        if chosen is not None and self.layer.there:
            self.layer.mark({chosen})
            self._bring_into_view(self.spots.spots[chosen])

    def _bring_into_view(self, spot: Spot) -> None:
        around = (-AROUND_UM, AROUND_UM)
        y_um, x_um = ([middle + side for side in around] for middle in (spot.y_um, spot.x_um))
        bring_into_view(self._session, (y_um[0], y_um[1]), (x_um[0], x_um[1]), whole=False)

    def _on_drawn(self, spot: Spot) -> None:
        self.spots.add(spot)

    def _on_moved(self, spots: dict[int, Spot]) -> None:
        self.spots.move(spots)

    def _on_removed(self, places: list[int]) -> None:
        self.spots.remove(places)

    def _on_selected(self, place: int) -> None:
        if not self.button.isChecked():
            self.table.selectRow(place)

    def _on_history(self, step: HistoryStep) -> None:
        target = step.command.target
        if target.kind == "spot" and str(target.name).isdigit():
            self._bring_into_view(self.spots.spots[int(target.name)])


def _held(section: Section, texts: Sequence[str]) -> list[Picked | OlivineError]:
    telling = [signal for signal in MINERAL if signal in section.record.signals]
    signals = list(dict.fromkeys([*telling, *section.record.signals]))  # own rules may read any
    held: list[Picked | OlivineError] = []
    for text in texts:
        try:
            held.append(pick(section, Spot.parse(text), signals))
        except OlivineError as error:
            held.append(error)
    return held


def _of_mask(section: Section | None) -> tuple[str, ...]:
    product = section.product("mask") if section is not None else None
    return tuple(product.recipe.settings.get("reference", ())) if product is not None else ()
