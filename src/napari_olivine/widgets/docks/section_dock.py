"""The Section dock: open or import a section, see what is made, set the sessions' roles."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from qtpy.QtCore import QPoint, QTimer
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget
from typing_extensions import override

from napari_olivine.errors import InputError, OlivineError
from napari_olivine.registry import STEPS
from napari_olivine.widgets import get_reader
from napari_olivine.widgets.common import (
    LINK,
    Problem,
    choose_folder,
    heading,
    memory_budget,
    preload_soon,
    push_button,
    readable,
    row_layout,
    wrapped,
)
from napari_olivine.widgets.dock_base import StepDock, open_all_docks, open_dock
from napari_olivine.widgets.regions import RegionsPart
from napari_olivine.widgets.section import (
    CheckPart,
    ImportPart,
    LevellingPart,
    ProductsTree,
    RecentMenu,
    recent_sections,
    remember_section,
)
from napari_olivine.widgets.sessions import AreasPart, SessionsPart
from napari_olivine.widgets.state import (
    Composite,
    CompositeBar,
    dock_of,
    next_rerun,
    next_step,
    stale_products,
    stale_steps,
    title_of,
    verb_of,
)


class SectionDock(StepDock):
    """Open a section or import an instrument's folder as one."""

    step = "import"
    also = ("level", "check", "areas")
    products = ()  # all of them stand in the tree
    settings_open = False
    explanation = (
        "A section is one folder that holds images, analyses and everything made from them."
    )

    @override
    def build(self) -> None:
        self.setAcceptDrops(True)
        preload_soon()
        self.open_button = push_button(
            "Open...", self.choose_section, "Open the folder of a section; dropping it works too"
        )
        self.refresh_button = push_button(
            "Look again",
            self.look_again,
            "Show what was changed outside this window, e.g. by the command line",
        )
        self.check_button = push_button(
            "Check", self.check, "Read everything in the section: is it whole?"
        )
        self.import_button = push_button(
            "Import...",
            lambda: self.import_part.set_expanded(True),
            "Make a section from an instrument's folder: the form at the end of this dock",
        )
        self.recent_button = push_button("Recent", None, "Sections that were opened last")
        self.recent = RecentMenu()
        self.recent.chosen.connect(self.open)
        self.recent_button.setMenu(self.recent)
        self.docks_button = push_button(
            "All docks", self.open_all_docks, "Open every dock, arranged as in the last window"
        )
        for row in (
            (self.open_button, self.recent_button, self.import_button),
            (self.refresh_button, self.check_button, self.docks_button),
        ):
            self.body.addLayout(row_layout(*row))
        self.title = wrapped("No section is open.", rich=True)
        self.body.addWidget(self.title)
        self.next = wrapped(rich=True)
        self.next.linkActivated.connect(self._go_to)
        self.body.addWidget(self.next)
        self.update_button = push_button("Bring up to date", self.bring_up_to_date)
        self.body.addWidget(self.update_button)
        self._updating: list[str] = []
        self.findings = CheckPart()
        self.findings.repair.connect(self.repair)
        self.body.addWidget(self.findings)
        self.composite = CompositeBar(Composite.of(self.session), self.connections)
        self.tree = ProductsTree(self.session, self.connections)
        self.tree_heading = heading("What there is (tick to show)")
        self.body.addWidget(self.tree_heading)
        self.body.addWidget(self.tree)
        self.body.addWidget(self.composite)
        self.sessions = SessionsPart(self.session, self.connections)
        self.sessions.failed.connect(self._on_sessions_failed)
        self.body.addWidget(self.sessions)
        self.areas = AreasPart(self.session, self.sessions, self.connections)
        self.areas.wanted.connect(self.suggest_areas)
        self.body.addWidget(self.areas)
        self.regions = RegionsPart(self.session, self.connections)
        self.regions.failed.connect(self.show_error)
        self.body.addWidget(self.regions)
        self.levelling = LevellingPart(self.session, self.connections)
        self.levelling.wanted.connect(self.level)
        self.levelling.button.setVisible("level" in STEPS)
        self.body.addWidget(self.levelling)
        self._add_import()

    def _add_import(self) -> None:
        self.import_part = ImportPart("Import an instrument's folder")
        self.import_part.failed.connect(self._on_look_failed)
        self.import_part.toggled.connect(self._show_import)
        self.connections.on_close(self.import_part.stop)
        self.source, self.destination = self.import_part.source, self.import_part.destination
        self.recognised = self.import_part.recognised
        self.body.addWidget(self.import_part)

    @override
    def _add_form(self) -> None:
        super()._add_form()
        self.force.hide()
        self.import_part.use_form(self.form)
        self.settings_part.set_expanded(False)

    @override
    def _add_run_bar(self, outer: QVBoxLayout) -> None:
        super()._add_run_bar(outer)
        self._show_import(self.session.section is None)
        if self.session.section is None:
            self.import_part.set_expanded(True)
        else:
            self.on_section_opened()

    def _show_import(self, shown: bool) -> None:
        if shown and self.session.section is not None:
            QTimer.singleShot(0, self._scroll_to_import)
        for part in (self.settings_part, self.run_button, self.cancel_button):
            part.setVisible(shown)

    def _scroll_to_import(self) -> None:
        with suppress(RuntimeError):
            top = self.import_part.mapTo(self.scroll_area.widget(), QPoint(0, 0)).y()
            self.scroll_area.verticalScrollBar().setValue(top)

    # ------------------------------------------------------------------ opening

    @override
    def dragEnterEvent(self, a0: Any) -> None:
        if a0 is not None and _dropped(a0) is not None:
            a0.acceptProposedAction()

    @override
    def dropEvent(self, a0: Any) -> None:
        path = _dropped(a0)
        if path is None:
            return
        if get_reader(str(path)) is not None:
            self.open(path)
        else:  # an instrument's
            self.import_part.set_expanded(True)
            self.source.edit.setText(str(path))
            self.recognise()

    def choose_section(self) -> None:
        """Let the person choose a section's folder, and open it."""
        folder = choose_folder(self, "Open a section", beside=next(iter(recent_sections()), ""))
        if folder:
            self.open(folder)

    def open(self, folder: Path | str) -> None:
        """Open a section; a problem is shown in the dock."""
        self.hide_error()
        try:
            self.session.open(folder, deferred_layers=True)
        except OlivineError as error:
            self.show_error(error)

    def open_all_docks(self) -> None:
        """Open every dock, arranged as in the last window that had all of them."""
        open_all_docks(self.session.viewer)

    def look_again(self) -> None:
        """Show what was changed outside this window."""
        self.hide_error()
        try:
            self.session.refresh()
        except OlivineError as error:
            self.show_error(error)
        self.on_section_opened()

    @override
    def on_section_opened(self) -> None:
        section = self.session.section
        if section is None:
            return
        remember_section(section.path)
        rows, columns = section.shape
        size = section.pixel_size_um
        self.title.setText(
            f"<b>{section.record.name}</b><br>{columns * size / 1000:.2f} x "
            f"{rows * size / 1000:.2f} mm, {columns} x {rows} px of {size:g} µm"
        )
        self.title.setToolTip(str(section.path))
        finished = all(section.product(name) is not None for name in ("images", "epma"))
        if finished:
            self.scroll_area.verticalScrollBar().setValue(0)
        else:
            self.import_part.resume(section)
        self.import_part.set_expanded(not finished)
        self._show_import(not finished)
        self._show_next()

    @override
    def on_product_changed(self, product: str) -> None:
        self._show_next()

    @override
    def _on_annotations_changed(self, name: str) -> None:
        super()._on_annotations_changed(name)
        self._show_next()

    def _show_next(self) -> None:
        if self.session.section is not None:
            todo = next_step(self.session.section)
            self.next.setText(
                f"Next: <b>{todo.text}</b> &rarr; "
                f"<a style='color:{readable(LINK, self)}' href='{todo.step}'>{todo.dock}</a>"
            )

    @override
    def on_theme(self) -> None:
        super().on_theme()
        self._show_next()
        self.sessions.fill()

    def _go_to(self, step: str) -> None:
        open_dock(self.session.viewer, dock_of(step), step)

    @override
    def button_of(self, step: str) -> QPushButton | None:
        if step == self.step:
            self.import_part.set_expanded(True)
        if step == "areas":
            self.areas.set_expanded(True)
        buttons = {
            "level": self.levelling.button,
            "check": self.check_button,
            "areas": self.areas.suggest_button,
        }
        return buttons.get(step, self.run_button)

    @override
    def field_of(self, setting: str, step: str) -> QWidget | None:
        if step == self.step:
            self.import_part.set_expanded(True)
        if step == "areas" and setting in self.areas.form.editors:
            self.areas.set_expanded(True)
            field: QWidget = self.areas.form.editors[setting].native
            return field
        return super().field_of(setting, step)

    # ------------------------------------------------------------------ up to date

    def bring_up_to_date(self) -> None:
        """Run every step whose products are out of date, one after the other."""
        self.hide_error()
        self._updating = []
        self._update_next()

    def _update_next(self) -> None:
        section = self.session.section
        rerun = next_rerun(section) if section is not None else None
        if rerun is None or rerun.product in self._updating:
            tried, self._updating = bool(self._updating), []
            old = stale_products(section) if section is not None else []
            if old:
                self.show_error(
                    f"{', '.join(title_of(one, section) for one in old)} cannot be made anew with "
                    "the old settings: a click on its state below leads to its dock."
                )
            elif tried:
                self.run_bar.say("Everything is up to date.")
            self.show_state()
            return
        assert section is not None
        self._updating.append(rerun.product)
        options = [*rerun.options, *memory_budget().options()]
        self.start(rerun.step, [*rerun.arguments, str(section.path)], rerun.settings, options)

    @override
    def _mine(self) -> bool:
        return super()._mine() or bool(self._updating)

    @override
    def _on_cancelled(self, step: str) -> None:
        super()._on_cancelled(step)
        self._updating = []

    def _show_update(self) -> None:
        section = self.session.section
        steps = stale_steps(section) if section is not None else []
        self.update_button.setVisible(bool(steps) or bool(self._updating))
        self.update_button.setEnabled(not self.session.jobs.running)
        words = [verb_of(step) for step in steps]
        if self._updating:
            self.update_button.setText(f"{words[0] if words else 'Ready'}...")
        else:
            self.update_button.setText("Bring up to date")
        self.update_button.setToolTip(
            f"With the settings of last time, in this order: {', '.join(words)}"
        )

    def _on_sessions_failed(self, why: Problem) -> None:
        if why:
            self.show_error(why)
        else:
            self.hide_error()

    @override
    def on_front(self, front: bool) -> None:
        if not front:
            self.sessions.rest()
            self.areas.rest()
            self.regions.rest()

    # ------------------------------------------------------------------ checking, levelling

    def level(self) -> None:
        """Bring the grey of all sessions to one scale."""
        self._start("level")

    def suggest_areas(self) -> None:
        """Look for areas to train on or to measure; they are shown, and change nothing."""
        try:
            settings = self.areas.form.values()
        except OlivineError as error:
            self.show_error(error, "areas")
            return
        self.areas.begin()
        self._start("areas", **settings.model_dump())

    def check(self) -> None:
        """Look whether everything in the section is whole."""
        self.findings.begin()
        self._start("check")

    def repair(self) -> None:
        """Mend what the check found."""
        self.findings.begin()
        self._start("check", repair=True)

    def _start(self, step: str, **settings: Any) -> None:
        self.hide_error()
        try:
            path = self.session.require().path
        except OlivineError as error:
            self.show_error(error)
            return
        options = memory_budget().options()
        self.start(step, [str(path)], STEPS[step].settings(**settings), options)

    @override
    def show_state(self) -> None:
        super().show_state()
        self.state.hide()  # all of them stand in the tree, and the title says what is open
        free = not self.session.jobs.running and self.session.section is not None
        self.check_button.setEnabled(free)
        self.refresh_button.setEnabled(self.session.section is not None)
        for part in (self.next, self.tree_heading, self.tree):
            part.setVisible(self.session.section is not None)
        self.levelling.button.setEnabled(free)
        self.areas.suggest_button.setEnabled(free)
        self._show_update()
        importing = self.import_part.expanded
        mine = self.session.jobs.running and self._mine()
        self.cancel_button.setVisible(mine or importing)

    @override
    def on_event(self, event: dict[str, Any]) -> None:
        if event.get("event") == "finding":
            self.findings.add(event)
        self.areas.hear(event)

    @override
    def _on_warning(self, warning: OlivineError) -> None:
        if self.session.jobs.step != "check":  # its findings are listed as a whole
            super()._on_warning(warning)

    @override
    def _on_failed(self, step: str, why: OlivineError) -> None:
        """Show what a check found as a list; to find damage is no error of the check."""
        if step == "check" and self.findings.findings:
            self.run_bar.end("The section is damaged.")
            self.findings.end()
        else:
            super()._on_failed(step, why)
        self._updating = []

    # ------------------------------------------------------------------ importing

    def recognise(self) -> None:
        """Look what the source holds, and show it; nothing is written."""
        self.hide_error()
        self.import_part.recognise()

    def _on_look_failed(self, why: Problem) -> None:
        if not self.session.jobs.running:
            self.run_bar.say("")  # how the last step ended is no word on this folder
        if why:
            self.show_error(why)
            self.settings_part.set_expanded(True)  # what the files do not say is set there
        else:
            self.hide_error()

    @override
    def arguments(self) -> list[str]:
        source, destination = self.source.path(), self.destination.path()
        if source is None or destination is None:
            raise InputError("Choose the folder to import from and the new folder to import to.")
        return [str(source), str(destination)]

    @override
    def on_finished(self) -> None:
        if self._updating:
            QTimer.singleShot(0, self._update_next)  # when every dock has seen the end of this one
            return
        if self.session.jobs.step == "check":
            self.findings.end()
        if self.session.jobs.step == "areas":
            self.areas.end()
        if self.session.jobs.step == "level":
            self.levelling.show_levelled(True)
        if self.session.jobs.step != self.step:
            return
        destination = self.destination.path()
        if destination is not None:
            warnings = self._warnings
            self.open(destination)
            if warnings:  # opening took the messages of the section before away
                self.show_error("\n".join(warnings[:6]))


def _dropped(event: Any) -> Path | None:
    """Return the one folder or file that is dropped, `None` if it is something else.

    A section or a mosaic is dropped by its ``section.json`` too.
    """
    urls = event.mimeData().urls()
    if len(urls) != 1 or not urls[0].isLocalFile():
        return None
    path = Path(urls[0].toLocalFile())
    path = path.parent if path.name == "section.json" else path
    return path if path.exists() else None
