"""The list of edits, newest first."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QListWidget, QListWidgetItem

from napari_olivine.crystals.edits import CrystalStore, Entry, describe
from napari_olivine.widgets.common import Collapsible

SHOWN = 300
"""Newest edits that are listed."""

GONE, ASIDE = "#9aa0a6", "#e69f00"


class HistoryPart(Collapsible):
    """List of edits: grey if taken back, yellow if it could not be carried out after a rerun."""

    wanted = Signal(int)
    """A crystal whose edit was double-clicked."""

    def __init__(self) -> None:
        super().__init__("Edits", expanded=False)
        self._shown: tuple[int, int] | None = None
        self.list = QListWidget()
        self.list.setMinimumHeight(44)  # in a low window it gives way
        self.list.setMaximumHeight(140)
        self.list.itemDoubleClicked.connect(self._on_item)
        self.inside.addWidget(self.list)

    def show_edits(self, store: CrystalStore | None) -> None:
        """List the edits of a journal."""
        shown = (id(store), store.journal.last) if store is not None else None
        if shown == self._shown:
            return
        self._shown = shown
        self.list.clear()
        if store is None:
            return
        undone = {entry.n for entry in store.journal.undone()}
        aside = {aside.entry.n: aside.reason for aside in store.aside()}
        active = {entry.n for entry in store.journal.active()}
        listed = [e for e in store.journal.entries if e.n in active or e.n in undone]
        for entry in listed[-SHOWN:][::-1]:
            self.list.addItem(_item(entry, entry.n in undone, aside.get(entry.n, "")))

    def _on_item(self, item: Any) -> None:
        crystal = item.data(Qt.ItemDataRole.UserRole)
        if crystal:
            self.wanted.emit(int(crystal))


def _item(entry: Entry, undone: bool, aside: str) -> QListWidgetItem:
    from qtpy.QtGui import QColor

    text = f"{entry.n}  {describe(entry.edit)}"
    if undone:
        text += "  (taken back)"
    if aside:
        text += f"  (aside: {aside})"
    item = QListWidgetItem(text)
    item.setToolTip(f"{entry.who}, {entry.at.replace('T', ' ')}" + (f"\n{aside}" if aside else ""))
    if undone or aside:
        item.setForeground(QColor(ASIDE if aside else GONE))
    crystals = getattr(entry.edit, "crystals", ())
    item.setData(Qt.ItemDataRole.UserRole, crystals[0] if crystals else 0)
    return item
