"""The import in the Section dock: what was recognised, and corrections to it."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QHeaderView,
    QLabel,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
)

from napari_olivine.errors import OlivineError
from napari_olivine.readers.discover import TABLE_FOLDERS
from napari_olivine.section import Section, lie_apart
from napari_olivine.settings import Settings
from napari_olivine.widgets.common import (
    Collapsible,
    FolderEdit,
    Problem,
    SettingsForm,
    fit_rows,
    in_words,
    push_button,
    readable,
    single_shot,
    small_table,
    wrapped,
)
from napari_olivine.widgets.section.pixel_size_part import PixelSizePart
from napari_olivine.widgets.section.source_scanner import ScanResult, SourceScanner
from napari_olivine.widgets.section.tile_map import TileMap
from napari_olivine.widgets.state import count_noun

PROBLEM_COLOUR = "#e69f00"

MOST_FIELDS = 6
"""Maps of parts that are listed; the rest are counted."""

LISTED = 12
"""Problems that are listed; the rest are counted."""

TAKE, NAME, FILES, KIND = range(4)
"""Columns of the signals."""


class ImportPart(Collapsible):
    """Choose an instrument's folder, see what is in it, correct it.

    Parameters
    ----------
    title
        Title of the part.
    """

    failed = Signal(object)
    """Why nothing was recognised; empty when something was."""

    def __init__(self, title: str) -> None:
        super().__init__(title, expanded=False)
        self.form: SettingsForm | None = None
        self._filling = False
        self._last: ScanResult | None = None
        self._scanned: Path | None = None
        self._others: list[str] = []
        self._kept: dict[Path, Settings] = {}
        self.scanner = SourceScanner()
        self.scanner.found.connect(self._on_found)
        self.scanner.progress.connect(self._on_progress)
        self.source = FolderEdit("Folder or file of the instrument", files=True)
        self.source.edit.editingFinished.connect(self.recognise)
        self.recognised = wrapped(
            "Choose the folder with the tiles or maps and the EPMA tables.", rich=True
        )
        self.pixel_size = PixelSizePart()
        self.pixel_size.chosen.connect(self._on_pixel_size)
        self.pixel_size.measure.connect(self.measure_scale_bar)
        self.scale_bar_button = push_button(
            "Measure a scale bar...", self.measure_scale_bar, "Check or set the size of a pixel"
        )
        self.signals = self._make_signals()
        self.tiles = TileMap()
        self.problems = wrapped(rich=True, selectable=True)
        self.go_on = QCheckBox("Go on without them; their places stay empty")
        self.go_on.toggled.connect(self._on_go_on)
        self.columns = push_button(
            "Columns of EPMA tables...",
            self.map_columns,
            "Say what the columns of a table hold that is not recognised",
        )
        self.destination = FolderEdit("New folder of the section")
        parts = (
            QLabel("From"), self.source, self.recognised, self.pixel_size, self.signals,
            self.tiles, self.problems, self.go_on, self.columns, self.scale_bar_button,
            QLabel("To"), self.destination,
        )  # fmt: skip
        for part in parts:
            self.inside.addWidget(part)
        self._again = single_shot(self, 700, self.recognise)
        self._show(None)

    def _make_signals(self) -> QTableWidget:
        titles = ("", "Signal", "Files", "Values")
        table = small_table(titles, QHeaderView.ResizeMode.ResizeToContents)
        table.horizontalHeader().setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        table.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        table.itemChanged.connect(self._on_signal_changed)
        return table

    def use_form(self, form: SettingsForm) -> None:
        """Scan again whenever the settings of the import change."""
        self.form = form
        form.changed.connect(self._on_form_changed)

    def stop(self) -> None:
        """Stop scanning: the dock was closed."""
        self._again.stop()
        self.scanner.stop()

    def resume(self, section: Section) -> None:
        """Go on with an import that was stopped; not with one of labelled images."""
        if lie_apart(section):
            return
        source = section.record.source
        self.source.edit.setText(source)
        if source and Path(source).exists():
            self._change_source(Path(source))
            self.destination.edit.setText(str(section.path))
            self.recognise()
        else:
            self.destination.edit.setText(str(section.path))

    @property
    def error(self) -> Problem:
        """Why the folder cannot be imported, empty if it can."""
        return self._last.error if self._last is not None else ""

    # ------------------------------------------------------------------ scanning

    def recognise(self) -> None:
        """Scan the source in a thread, and show the result; nothing is written."""
        self._again.stop()
        path = self.source.path()
        if path is None or self.form is None:
            return
        self._change_source(path)
        try:
            settings = self._kept[path] = self.form.values()
        except OlivineError as error:
            self._on_found(ScanResult(path, error=error))
            return
        self.recognised.setText(f"Looking into {escape(path.name)}...")
        self.scanner.scan(path, settings)

    def _change_source(self, path: Path) -> None:
        """Give a source its own settings and destination: a pixel size belongs to its images."""
        if path == self._scanned or self.form is None:
            return
        if self._scanned is not None:
            self._filling = True
            self.form.set_values(self._kept.get(path) or self.form.model())
            self.destination.edit.clear()
            self._filling = False
        self._scanned, self._last, self._others = path, None, []
        self.pixel_size.close_question()
        self._show(None)

    def _on_progress(self, done: float, total: float, message: str) -> None:
        name = self.source.path()
        share = f" {done / total:.0%}" if total else ""
        if name is not None and (self._last is None or self._last.source is None):
            self.recognised.setText(f"Looking into {escape(name.name)}... {escape(message)}{share}")
        elif self._last is not None and not self._last.checked:
            self.problems.setText(f"{escape(message)}...{share}")

    def _on_found(self, result: ScanResult) -> None:
        self._last = result
        self._show(result)
        asked = self._ask_pixel_size(result)
        self.failed.emit("" if asked else result.error)
        if result.source is not None and self.destination.path() is None:
            folder = result.path if result.path.is_dir() else result.path.with_suffix("")
            self.destination.edit.setText(str(folder.parent / f"{folder.name}-section"))

    def _ask_pixel_size(self, result: ScanResult) -> bool:
        """Ask for the size of a pixel where only the person can tell it; tell whether it did.

        The choices stay until another source is looked into, so that the answer can be changed.
        """
        error = result.error
        if not self.pixel_size.choices and result.source is not None:
            self.pixel_size.close_question()  # it is answered
        if not isinstance(error, OlivineError) or error.facts.setting != "pixel_size_um":
            return False
        self.pixel_size.ask(error.facts.choices)
        self.recognised.setText("How large a pixel is must be known first.")
        return bool(error.facts.choices)

    # ------------------------------------------------------------------ showing

    def _show(self, result: ScanResult | None) -> None:
        source = result.source if result is not None else None
        self.tiles.show_tiles(result.tiles if result is not None else None)
        self._show_signals(source)
        self.go_on.hide()
        self.problems.setVisible(source is not None)
        folder = self._epma_folder()
        self.columns.setVisible(folder is not None)
        self.scale_bar_button.setVisible(source is not None and not self.pixel_size.choices)
        if result is None:
            return
        if source is None:
            self.recognised.setText("It cannot be imported as it is: see the message below.")
            return
        self.recognised.setText(describe(source, result.tiles, self._pixel_size_set()))
        wrong = [*result.wrong, *(text for text in source.problems if text not in result.wrong)]
        lines = [escape(in_words(text, "import")) for text in wrong[:LISTED]]
        if len(wrong) > LISTED:
            lines.append(f"... and {len(wrong) - LISTED} more")
        colour = readable(PROBLEM_COLOUR, self)
        text = "<br>".join(f"<span style='color:{colour}'>{line}</span>" for line in lines)
        if result.checked and not wrong:
            text = "Every file was looked at: nothing is missing, nothing is wrong."
        elif not result.checked:
            text += ("<br>" if text else "") + "Looking at every file..."
        self.problems.setText(text)
        self._filling = True
        skip = bool(self.form is not None and self.form.editors["skip_missing"].value)
        self.go_on.setVisible(bool(result.wrong) or (skip and bool(source.problems)))
        self.go_on.setChecked(skip)
        self._filling = False

    def _show_signals(self, source: Any) -> None:
        self.signals.setVisible(source is not None)
        if source is None:
            return
        self._filling = True
        found = list(source.signals)
        names = [*found, *(name for name in self._others if name not in found)]
        self._others = [name for name in names if name != "BSE"]
        self.signals.setRowCount(len(names))
        for row, name in enumerate(names):
            signal = source.signals.get(name)
            tick = QTableWidgetItem()
            flags = Qt.ItemFlag.ItemIsEnabled
            if name != "BSE":
                flags |= Qt.ItemFlag.ItemIsUserCheckable
                tick.setToolTip("Untick to leave this signal out")
            tick.setFlags(flags)
            tick.setCheckState(Qt.CheckState.Checked if signal else Qt.CheckState.Unchecked)
            title = QTableWidgetItem(name)
            title.setData(Qt.ItemDataRole.UserRole, name)
            title.setToolTip("Double click to give it another name, e.g. Mg, or BSE")
            kind = kind_in_words(signal.dtype) if signal is not None else ""
            files = str(len(signal.files)) if signal is not None else ""
            for column, item in ((TAKE, tick), (NAME, title)):
                self.signals.setItem(row, column, item)
            for column, text in ((FILES, files), (KIND, kind)):
                item = QTableWidgetItem(text)
                item.setFlags(Qt.ItemFlag.ItemIsEnabled)
                self.signals.setItem(row, column, item)
        fit_rows(self.signals)
        self._filling = False

    def _pixel_size_set(self) -> bool:
        return bool(self.form is not None and self.form.editors["pixel_size_um"].value)

    # ------------------------------------------------------------------ correcting

    def _on_form_changed(self) -> None:
        if not self._filling and self.source.path() is not None and self.isVisible():
            self._again.start()

    def _on_pixel_size(self, size_um: float) -> None:
        if self.form is not None:
            self.form.editors["pixel_size_um"].value = size_um

    def _on_go_on(self, on: bool) -> None:
        if not self._filling and self.form is not None:
            self.form.editors["skip_missing"].value = on

    def _on_signal_changed(self, item: QTableWidgetItem) -> None:
        if self._filling or self.form is None:
            return
        if item.column() == TAKE:
            table = self.signals
            ticked = [
                str(table.item(row, NAME).data(Qt.ItemDataRole.UserRole))
                for row in range(table.rowCount())
                if table.item(row, TAKE).checkState() == Qt.CheckState.Checked
            ]
            wanted = [name for name in ticked if name != "BSE"]
            everything = len(wanted) == len(self._others)
            # Without any map the BSE image alone is named.
            value = "" if everything else ", ".join(wanted or ["BSE"])
            self.form.editors["signals"].value = value
        elif item.column() == NAME:
            old, new = str(item.data(Qt.ItemDataRole.UserRole)), item.text().strip()
            if new and new != old:
                if new == "BSE":
                    self.form.editors["bse"].value = old
                else:
                    self._rename(old, new)

    def _rename(self, old: str, new: str) -> None:
        assert self.form is not None
        pairs = [part for part in self.form.editors["rename"].value.split(",") if "=" in part]
        names = {key.strip(): name.strip() for key, name in (pair.split("=", 1) for pair in pairs)}
        first = next((key for key, name in names.items() if name == old), old)
        names[first] = new
        self._others = [name for name in self._others if name != old]
        self.form.editors["rename"].value = ", ".join(f"{k}={n}" for k, n in names.items())

    def _epma_folder(self) -> Path | None:
        """Folder of the EPMA tables, also of those that were not understood."""
        path = self.source.path()
        source = self._last.source if self._last is not None else None
        if source is not None and source.tables.folder is not None:
            return source.tables.folder
        try:
            inside = sorted(path.iterdir()) if path is not None and path.is_dir() else []
        except OSError:
            return None
        folders = [one for one in inside if one.name.lower() in TABLE_FOLDERS and one.is_dir()]
        return folders[0] if folders else None

    def measure_scale_bar(self) -> None:
        """Let the person draw a line along the scale bar of an image."""
        from napari_olivine.readers import ImportSettings
        from napari_olivine.widgets.section.scale_bar import ScaleBarWindow

        path = self.source.path()
        if path is None or self.form is None:
            return
        try:
            settings = self.form.values()
        except OlivineError:
            settings = ImportSettings()
        assert isinstance(settings, ImportSettings)
        self.scale_bar = ScaleBarWindow(path, settings, self)
        self.scale_bar.measured.connect(self._on_pixel_size)
        self.scale_bar.show()

    def map_columns(self) -> None:
        """Let the person name the columns of an EPMA table."""
        from napari_olivine.widgets.section.column_mapper import ColumnMapper

        folder = self._epma_folder()
        if folder is None:
            return
        self.mapper = ColumnMapper(folder, self)
        self.mapper.saved.connect(self.recognise)
        self.mapper.show()


def kind_in_words(dtype: Any) -> str:
    """Say what the values of an image are, e.g. ``"whole, 8 bit"``."""
    kind = np.dtype(dtype)
    return f"{'decimal' if kind.kind == 'f' else 'whole'}, {8 * kind.itemsize} bit"


def describe(source: Any, tiles: Any = None, pixel_size_set: bool = False) -> str:
    """Describe in a few lines what was recognised in a folder.

    Parameters
    ----------
    source
        What was recognised (`napari_olivine.readers.Source`).
    tiles
        Tiles of a mosaic, `None` without tiles.
    pixel_size_set
        Whether the pixel size is the person's, not that of the files.

    Returns
    -------
    str
        HTML.
    """
    rows, columns = source.shape
    size = source.pixel_size_um
    source_of_size = getattr(source, "pixel_source", "")
    by = " (set by hand)" if pixel_size_set else f" (by {source_of_size})" * bool(source_of_size)
    profiles = source.analyses["profile"].nunique() if len(source.analyses) else 0
    lines = [
        f"<b>{escape(source.name)}</b>: {escape(source.form)}, {columns} x {rows} px of "
        f"{size:.6g} µm{escape(by)}, {columns * size / 1000:.2f} x {rows * size / 1000:.2f} mm",
    ]
    if instrument := getattr(source, "instrument", ""):
        lines.append(f"Instrument: {escape(instrument)}")
    lines.append(f"Signals: {escape(', '.join(source.signals))}")
    layout = getattr(source, "layout", None)
    if layout is not None:
        words = escape(layout.words)
        lines.append(f"Tiles: {words[:1].lower()}{words[1:]}")
        if layout.mirrored is not None and any(layout.mirrored):
            axes = [name for name, on in zip("yx", layout.mirrored, strict=True) if on]
            lines.append(f"Stage axis {' and '.join(axes)} runs against the images")
    if tiles is not None:
        states = {k: n for k, n in sorted(tiles.count().items()) if k != "there"}
        if states:
            lines.append(f"Places: {', '.join(f'{n} {k}' for k, n in states.items())}")
    lines += _fields_in_words(source.submaps)
    lines.append(f"Sessions: {_sessions_in_words(source.sessions)}")
    points = count_noun(len(source.analyses), "point")
    epma = f"{count_noun(profiles, 'profile')}, {points}, {len(source.placements)} placed"
    lines.append(f"EPMA: {epma if profiles else 'none'}")
    return "<br>".join(lines)


def _fields_in_words(fields: Any) -> list[str]:
    """Describe the maps of a part of the section, and how their places are known so far."""
    known = {"stage": "about where the stage says", "hand": "about where fields.csv says"}
    lines = [
        f"Part {escape(one.name)}: {', '.join(one.maps)}, {one.shape[1]} x {one.shape[0]} px of "
        f"{one.pixel_size_um:.4g} µm, {known.get(one.how, 'to be found on the BSE image')}"
        for one in fields[:MOST_FIELDS]
    ]
    if len(fields) > MOST_FIELDS:
        lines.append(f"... and {len(fields) - MOST_FIELDS} more parts")
    return lines


def _sessions_in_words(sessions: Any) -> str:
    """Count the sessions and name their roles: ``4 (1 train, 1 val, 2 none)``."""
    count = sessions["role"].value_counts(sort=False)
    roles = ", ".join(f"{n} {role}" for role, n in count.items())
    return f"{len(sessions)} ({roles})" if len(sessions) > 1 else f"one, {roles[2:]}"
