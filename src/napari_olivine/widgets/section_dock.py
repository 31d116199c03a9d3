"""The Section dock: open or import a section, see what is made, set the sessions' roles."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
)
from typing_extensions import override

from napari_olivine.errors import InputError, OlivineError
from napari_olivine.widgets.composite import CompositeBar
from napari_olivine.widgets.folder_edit import FolderEdit
from napari_olivine.widgets.open_dock import open_dock
from napari_olivine.widgets.parts import Folding, heading, wrapped
from napari_olivine.widgets.products_tree import ProductsTree
from napari_olivine.widgets.reader import get_reader
from napari_olivine.widgets.sessions_table import SessionsPart
from napari_olivine.widgets.step_dock import StepDock
from napari_olivine.widgets.steps import next_step

LINK = "#7ab8ff"
"""Colour of a link, readable on napari's dark and light grounds."""


class SectionDock(StepDock):
    """Open a section or import an instrument's folder as one."""

    step = "import"
    settings_open = False
    explanation = (
        "A section is one folder that holds images, analyses and everything made from them."
    )

    @override
    def build(self) -> None:
        self.setAcceptDrops(True)
        self.title = wrapped("No section is open.")
        self.title.setTextFormat(Qt.TextFormat.RichText)
        self.open_button = QPushButton("Open...")
        self.open_button.setToolTip("Open the folder of a section; dropping it works too")
        self.open_button.clicked.connect(self.choose_section)
        self.refresh_button = QPushButton("Look again")
        self.refresh_button.setToolTip(
            "Show what was changed outside this window, e.g. by the command line"
        )
        self.refresh_button.clicked.connect(self.look_again)
        row = QHBoxLayout()
        row.addWidget(self.open_button)
        row.addWidget(self.refresh_button)
        self.body.addLayout(row)
        self.body.addWidget(self.title)
        self.next = wrapped("")
        self.next.setTextFormat(Qt.TextFormat.RichText)
        self.next.linkActivated.connect(self._open_dock)
        self.body.addWidget(self.next)
        self.composite = CompositeBar(self.session.composite, self.links)
        self.tree = ProductsTree(self.session, self.links)
        self.body.addWidget(heading("What there is (tick to show)"))
        self.body.addWidget(self.tree)
        self.body.addWidget(self.composite)
        self.sessions = SessionsPart(self.session, self.links)
        self.sessions.failed.connect(self._on_sessions_failed)
        self.body.addWidget(self.sessions)
        self._add_import()

    def _add_import(self) -> None:
        self._looking_into: Path | None = None
        self.links.when_cut(partial(setattr, self, "_looking_into", None))
        self.source = FolderEdit("Folder of the instrument")
        self.source.edit.editingFinished.connect(self.recognise)
        self.recognised = wrapped("Choose the folder with the tiles or maps and the EPMA tables.")
        self.recognised.setTextFormat(Qt.TextFormat.RichText)
        self.destination = FolderEdit("New folder of the section")
        self.import_part = Folding("Import an instrument's folder", opened=False)
        for part in (QLabel("From"), self.source, self.recognised, QLabel("To"), self.destination):
            self.import_part.inside.addWidget(part)
        self.import_part.toggled.connect(self._show_import)
        self.body.addWidget(self.import_part)

    @override
    def _add_form(self) -> None:
        super()._add_form()
        self.force.hide()
        self.settings_part.unfold(False)

    @override
    def _add_run_bar(self, outer: QVBoxLayout) -> None:
        super()._add_run_bar(outer)
        self._show_import(self.session.section is None)
        if self.session.section is None:
            self.import_part.unfold(True)
        else:
            self.on_section_opened()

    def _show_import(self, shown: bool) -> None:
        for part in (self.settings_part, self.run_button, self.cancel_button):
            part.setVisible(shown)

    # ------------------------------------------------------------------ opening

    @override
    def dragEnterEvent(self, a0: Any) -> None:
        if a0 is not None and _dropped_folder(a0) is not None:
            a0.acceptProposedAction()

    @override
    def dropEvent(self, a0: Any) -> None:
        folder = _dropped_folder(a0)
        if folder is None:
            return
        if get_reader(str(folder)) is not None:
            self.open(folder)
        else:  # an instrument's
            self.import_part.unfold(True)
            self.source.edit.setText(str(folder))
            self.recognise()

    def choose_section(self) -> None:
        """Let the person choose a section's folder, and open it."""
        folder = QFileDialog.getExistingDirectory(self, "Open a section")
        if folder:
            self.open(folder)

    def open(self, folder: Path | str) -> None:
        """Open a section; a problem is shown in the dock."""
        self.hide_error()
        try:
            self.session.open(folder)
        except OlivineError as error:
            self.show_error(str(error))

    def look_again(self) -> None:
        """Show what was changed outside this window."""
        self.hide_error()
        try:
            self.session.refresh()
        except OlivineError as error:
            self.show_error(str(error))
        self.on_section_opened()

    @override
    def on_section_opened(self) -> None:
        section = self.session.section
        if section is None:
            return
        rows, columns = section.shape
        size = section.pixel_size_um
        self.title.setText(
            f"<b>{section.record.name}</b><br>{columns * size / 1000:.2f} x "
            f"{rows * size / 1000:.2f} mm, {columns} x {rows} px of {size:g} µm"
        )
        self.title.setToolTip(str(section.path))
        self.import_part.unfold(False)
        self._show_import(False)
        self._show_next()

        # napari makes the layer that it adds last the active one.
        QTimer.singleShot(0, self._prefer_bse)

    def _prefer_bse(self) -> None:
        with suppress(RuntimeError):  # the window was closed meanwhile
            self.session.prefer_bse()

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
                f"<a style='color:{LINK}' href='{todo.dock}'>{todo.dock}</a>"
            )

    def _open_dock(self, name: str) -> None:
        open_dock(self.session.viewer, name)

    def _on_sessions_failed(self, why: str) -> None:
        if why:
            self.show_error(why)
        else:
            self.hide_error()

    @override
    def on_front(self, front: bool) -> None:
        if not front:
            self.sessions.rest()

    # ------------------------------------------------------------------ importing

    def recognise(self) -> None:
        """Look in a thread what the source folder holds, and show it; nothing is written."""
        from napari.qt.threading import create_worker

        folder = self.source.path()
        if folder is None:
            return
        self.hide_error()
        try:
            settings = self.form.values()
        except OlivineError as error:
            self.show_error(str(error))
            return
        self.recognised.setText(f"Looking into {folder.name}...")
        self._looking_into = folder
        worker = create_worker(_look_into, folder, settings, _start_thread=False)
        worker.returned.connect(partial(self._on_recognised, folder))
        worker.start()

    def _on_recognised(self, folder: Path, found: Any) -> None:
        if folder != self._looking_into:
            return  # another folder was chosen meanwhile, or the dock was closed
        if isinstance(found, str):
            self.recognised.setText("Nothing that can be imported.")
            self.show_error(found)
            return
        self.recognised.setText(describe(found))
        if self.destination.path() is None:
            self.destination.edit.setText(str(folder.parent / f"{folder.name}-section"))

    @override
    def arguments(self) -> list[str]:
        source, destination = self.source.path(), self.destination.path()
        if source is None or destination is None:
            raise InputError("Choose the folder to import from and the new folder to import to.")
        return [str(source), str(destination)]

    @override
    def on_finished(self) -> None:
        destination = self.destination.path()
        if destination is not None:
            self.open(destination)


def _dropped_folder(event: Any) -> Path | None:
    """Return the one folder that is dropped, `None` if it is something else."""
    urls = event.mimeData().urls()
    if len(urls) != 1 or not urls[0].isLocalFile():
        return None
    path = Path(urls[0].toLocalFile())
    path = path.parent if path.name == "section.json" else path
    return path if path.is_dir() else None


def _look_into(folder: Path, settings: Any) -> Any:
    """Return what a folder holds, or in words what is wrong with it."""
    from napari_olivine.readers import read_source

    try:
        return read_source(folder, settings)
    except OlivineError as error:
        return str(error)


def describe(source: Any) -> str:
    """Tell in a few lines what was recognised in a folder."""
    rows, columns = source.shape
    profiles = source.analyses["profile"].nunique() if len(source.analyses) else 0
    lines = [
        f"<b>{source.name}</b>: {source.form}, {columns} x {rows} px of "
        f"{source.pixel_size_um:g} µm",
        f"Signals: {', '.join(source.signals)}",
        f"Sessions: {len(source.sessions)}; EPMA: {profiles} profiles, "
        f"{len(source.analyses)} points, {len(source.placements)} placed",
    ]
    lines += [f"<span style='color:#e69f00'>{problem}</span>" for problem in source.problems[:8]]
    return "<br>".join(lines)
