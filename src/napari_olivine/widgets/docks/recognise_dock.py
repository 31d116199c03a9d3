"""The Recognise dock: kinds are given by one key; a classifier learns them and names the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QCheckBox
from typing_extensions import override

from napari_olivine.crystals import (
    KIND,
    KINDS,
    kind_colours,
    recognised_kinds,
    with_recognised,
)
from napari_olivine.crystals.edits import (
    Change,
    CrystalEdit,
    CrystalStore,
    give_kind,
    take_over_journal,
)
from napari_olivine.errors import OlivineError
from napari_olivine.history import HistoryStep
from napari_olivine.recognition import (
    CLASSIFIERS,
    RecognisePredictSettings,
    RecogniseTrainSettings,
)
from napari_olivine.section import Section
from napari_olivine.settings import Settings
from napari_olivine.widgets.common import Background, push_button, row_layout, single_shot, wrapped
from napari_olivine.widgets.crystals import centre_on, crystal_at, picker, show_outline
from napari_olivine.widgets.dock_base import StepDock
from napari_olivine.widgets.docks.editors import require_no_other_editor
from napari_olivine.widgets.editing import WindowUndo
from napari_olivine.widgets.layers import colour_map, look_up
from napari_olivine.widgets.recognise import MODEL, CrystalPages, LooksPart, next_to_label
from napari_olivine.widgets.review import KEYS, KindList, ReviewKeys, kind_in_words, score_in_words

FLUSH_MS = 1500
"""Pause after an edit after which the table is written: the journal has it already."""

TELL_MS = 250
"""Pause after an edit after which table and colours follow."""

AHEAD = 7
"""Crystals of those to look at next for which it is worked out beforehand where it looks."""

ON_SCREEN = (220, 420)
"""Sides of a crystal to look at, px of the screen."""


class RecogniseDock(StepDock):
    """Kinds are given by keys; what was learned of them colours all crystals."""

    step = "recognise train"
    also = ("recognise predict",)
    products = (KINDS,)
    with_seed = True
    settings_open = False
    fills = True
    stopped_text = "Cancelled; what was learned and recognised before stays."
    hidden = ("table", "examples", "class_column", "phase", "scale", "encoder")
    explanation = (
        "Give some ten crystals of each kind its key; a classifier learns them and names all "
        "others."
    )

    @override
    def build(self) -> None:
        self.store: CrystalStore | None = None
        self._kinds: pd.DataFrame | None = None
        self._table = pd.DataFrame({"id": np.zeros(0, np.int64), KIND: ""})
        self._seen: set[int] = set()
        self.start_button = push_button(
            "Start", self.toggle, "Give kinds by keys, or stop; what was given is kept"
        )
        self.next_button = push_button(
            "Next to look at  (Space)",
            self.next,
            "By turns the crystal that the classifier doubts most, and one unlike all that have a "
            "kind",
        )
        self.go_on = QCheckBox("Go on to the next after a key")
        self.told = wrapped("", rich=True)
        self.score = wrapped("")
        self.list = KindList()
        self.list.given.connect(self.give)
        self.looks = LooksPart(self.session, self.options)
        self.looks.changed.connect(self._look)
        self.pages = CrystalPages()
        self.pages.chosen.connect(self.go_to)
        self.model, self.gallery = self.pages.model, self.pages.gallery
        for part in (
            row_layout(self.start_button, self.next_button, wide=self.next_button),
            self.go_on, self.told, self.looks, self.list, self.score,
        ):  # fmt: skip
            (self.body.addLayout if hasattr(part, "addWidget") else self.body.addWidget)(part)
        self.body.addWidget(self.pages, 1)
        self._tell_later = single_shot(self, TELL_MS, self._tell_others)
        self._flush_later = single_shot(self, FLUSH_MS, self.flush)
        self._background = Background()
        self._background.done.connect(self._on_opened)
        self._follow()
        self.fill()

    def _follow(self) -> None:
        viewer, session = self.session.viewer, self.session
        actions: dict[str, Callable[[], None]] = {"Space": self.next, "0": lambda: self.give("")}
        actions |= {key: self._giver(place) for place, key in enumerate(KEYS)}
        self.keys = ReviewKeys(viewer.window._qt_window, actions)
        on_press = picker(self.pick)
        viewer.mouse_drag_callbacks.append(on_press)
        WindowUndo.of(session)
        for end in (
            lambda: viewer.mouse_drag_callbacks.remove(on_press),
            self.keys.remove, self.stop, self._background.stop, self.gallery.sheet.stop,
            self.looks.end,
            lambda: show_outline(session, None), self._usual_colours,
        ):  # fmt: skip
            self.connections.on_close(end)
        self.connections.connect(session.history.moved, self._on_history)
        self.connections.connect(session.selection_changed, lambda _crystal: self._show())
        self.connections.connect(session.crystals_edited, self._on_edited)
        for jobs in (session.jobs, self.looks.jobs):
            self.connections.connect(jobs.started, lambda _step: self.flush())

    def _giver(self, place: int) -> Callable[[], None]:
        def act() -> None:
            if place < len(self.list.names):
                self.give(self.list.names[place])

        return act

    @override
    def choices(self) -> dict[str, Any]:
        return {"classifier": list(CLASSIFIERS)}

    # ------------------------------------------------------------------ learning

    @override
    def arguments(self) -> list[str]:
        section = self.session.require()
        return [str(section.path), "--out", str(section.path / MODEL)]

    @override
    def run(self) -> None:
        self.flush()
        super().run()

    @override
    def on_finished(self) -> None:
        section = self.session.section
        if section is not None and self.session.jobs.step == self.step:
            arguments = [str(section.path / MODEL), str(section.path)]
            self.start("recognise predict", arguments, RecognisePredictSettings(), self.options())

    @override
    def settings(self) -> Settings:
        settings = self.form.values()
        assert isinstance(settings, RecogniseTrainSettings)
        return settings

    # ------------------------------------------------------------------ beginning and ending

    def toggle(self) -> None:
        """Begin to give kinds, or stop."""
        if self.store is not None:
            self.stop()
            return
        self.hide_error()
        try:
            section = self.session.require()
            section.require("crystals", stale_ok=True)
            require_no_other_editor(self.session, "Recognise")
        except OlivineError as error:
            self.show_error(error)
            return
        self.start_button.setEnabled(False)
        self._background.want([("open", lambda: _opened(section))])

    def _on_opened(self, _name: Any, store: Any) -> None:
        self.start_button.setEnabled(True)
        if not isinstance(store, CrystalStore):
            self.show_error(store or "The crystals cannot be read: check the section.")
            return
        if store.section is not self.session.section:
            store.close()
            return
        if not store.writable:
            self.show_error(
                f"These crystals are being edited elsewhere ({store.held_by}): stop it there first."
            )
            store.close()
            return
        self.store, self.session.editor = store, "Recognise"
        self.session.look_at_crystals("crystals")
        layer = self.session.layer("crystals", "crystals")
        if layer is not None:
            layer.visible = True
        take_over_journal(self.session.history, store, store.journal)
        self._changed(None)

    def stop(self) -> None:
        """Write the table and let others edit."""
        self._flush_later.stop()
        self._tell_others()
        store, self.store = self.store, None
        if store is not None:
            self.session.editor = ""
            store.close()
            self.session.noted("crystals")
            self.session.history.forget("crystal")
        self._show()

    def flush(self) -> None:
        """Write the table, which classifiers read."""
        if self.store is None:
            return
        try:
            self.store.flush()
            self.session.noted("crystals")
        except (OSError, OlivineError) as error:
            self.show_error(f"The table could not be written: {error}. The edits are safe.")

    # ------------------------------------------------------------------ giving

    def give(self, kind: str) -> None:
        """Give the selected crystal a kind; empty takes it away."""
        crystal = self.session.selected
        self.hide_error()
        if self.store is None:
            self.show_error("Press Start first.")
            return
        if self.session.crystals != "crystals" or crystal not in self.store.table.index:
            self.show_error("Click a crystal first, on the image or in the gallery.")
            return
        try:
            command = CrystalEdit(self.store, give_kind((crystal,), kind))
            self.session.history.do(command)
        except OlivineError as error:
            self.show_error(error)
            return
        self.list.know([kind])
        self._changed(command.change)
        if self.go_on.isChecked():
            self.next()

    def next(self) -> None:
        """Go to the crystal without a kind to label next, see `next_to_label`."""
        coming = next_to_label(self._table, self._kinds, self._seen)
        if not coming:
            self.told.setText("Every crystal has a kind.")
            return
        if coming[0] in self._seen:  # all were shown
            self._seen = set()
        self.go_to(coming[0])

    def go_to(self, crystal: int) -> None:
        """Show a crystal in the middle of the view."""
        self._seen.add(crystal)
        self.session.look_at_crystals("crystals")
        self.session.select(crystal)
        record = self._record(crystal)
        if record is not None:
            centre_on(self.session, record, ON_SCREEN)

    def pick(self, y_um: float, x_um: float) -> None:
        """Select the crystal at a place of the section."""
        section = self.session.section
        if section is None or self.session.crystals != "crystals" or not len(self._table):
            return
        try:
            self.session.select(crystal_at(section, y_um, x_um))
        except OlivineError as error:
            self.show_error(error)

    def _on_history(self, step: HistoryStep) -> None:
        if self.store is not None and isinstance(step.command, CrystalEdit):
            self._changed(step.command.change)
            if step.command.target.name:
                self.session.select(int(step.command.target.name))

    def _changed(self, change: Change | None) -> None:
        assert self.store is not None
        if change is not None:
            if change.patch is not None:
                self.session.redraw("crystals", "crystals")
            self._flush_later.start()
        self._table = with_recognised(self.store.table, self._kinds)
        self._tell_later.start()
        self._show()

    def _tell_others(self) -> None:
        """Show what was edited, here, in the other docks and in the colours."""
        self._tell_later.stop()
        if self.store is not None:
            self.session.edited(self.store.table, self.store.profiles)

    def _on_edited(self, table: pd.DataFrame, _profiles: Any) -> None:
        """Show the crystals after an edit of this dock or the review."""
        self._table = with_recognised(table, self._kinds)
        self._show_table()

    # ------------------------------------------------------------------ showing

    def fill(self) -> None:
        """Show the crystals of the open section as it stores them."""
        section = self.session.section
        self._kinds = None
        table = pd.DataFrame({"id": np.zeros(0, np.int64), KIND: ""})
        if section is not None and section.product("crystals") is not None:
            self._kinds = recognised_kinds(section)
            table = section.table("crystals", "crystals")
            if self.store is not None:
                table = self.store.table
            if KIND not in table:
                table = table.assign(**{KIND: ""})
        self.score.setText(score_in_words(section) if self._kinds is not None else "")
        self.score.setVisible(self._kinds is not None)
        self._table = with_recognised(table, self._kinds)
        self.pages.set_section(section if len(table) else None)
        self.looks.forget()
        self._show_table()

    def _show_table(self) -> None:
        table = self._table
        self.list.show_counts(table, kind_colours(table) if len(table) else {})
        self._colouring = self.pages.show_table(table, self._kinds)
        # Other docks that show the same edit paint the crystals by their own choice first.
        QTimer.singleShot(0, self._paint)
        self._show()

    def _paint(self) -> None:
        layer = self.session.layer("crystals", "crystals")
        if layer is not None and len(self._table):
            layer.colormap = look_up(self._table["id"].to_numpy(), self._colouring)

    def _usual_colours(self) -> None:
        layer = self.session.layer("crystals", "crystals")
        if layer is not None and len(self._table):
            layer.colormap = colour_map(self._table)

    def _show(self) -> None:
        crystal = self._selected()
        record = self._record(crystal)
        show_outline(self.session, record)
        self.pages.show_selected(crystal)
        self._look()
        self.told.setText(kind_in_words(record))
        on = self.store is not None
        self.start_button.setText("Stop" if on else "Start")
        self.keys.enable({"Space", "0", *KEYS} if on else set())

    def _look(self) -> None:
        """Show where the classifier looks at the selected crystal; the next ones are made ready."""
        crystal = self._selected()
        if not crystal or not self.looks.box.isChecked():
            self.looks.show_crystals([])
            return
        coming = next_to_label(self._table, self._kinds, {*self._seen, crystal})
        self.looks.show_crystals([crystal, *(one for one in coming[:AHEAD] if one != crystal)])

    def _selected(self) -> int:
        """Return the selected crystal of olivine, 0 for none."""
        return self.session.selected if self.session.crystals == "crystals" else 0

    def _record(self, crystal: int) -> dict[str, Any] | None:
        found = self._table[self._table["id"] == crystal] if crystal else self._table.iloc[:0]
        rows: list[dict[str, Any]] = found.to_dict("records")  # type: ignore[assignment]
        return rows[0] if rows else None

    @override
    def on_section_opened(self) -> None:
        self.stop()
        self.list.forget()
        self._seen = set()
        self.fill()

    @override
    def on_product_changed(self, product: str) -> None:
        if product == "crystals" and self.store is not None:
            self.stop()
        if product in ("crystals", KINDS, "images", "levelling"):
            self._seen = set()
            self.fill()


def _opened(section: Section) -> CrystalStore | OlivineError:
    try:
        return CrystalStore(section)
    except OlivineError as error:
        return error
