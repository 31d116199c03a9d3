"""A line for the path of a folder with a button to choose it."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QHBoxLayout, QLineEdit, QSizePolicy, QWidget

from napari_olivine.widgets.common.choosing import choose_file, choose_folder
from napari_olivine.widgets.common.controls import push_button


class FolderEdit(QWidget):
    """A line for a folder's path with a button to choose it.

    Parameters
    ----------
    title
        Shown in the empty line, and above the dialogue.
    files
        Whether a file may be chosen instead; a second button does that.
    """

    def __init__(self, title: str, *, files: bool = False) -> None:
        super().__init__()
        self._title = title
        self.edit = QLineEdit()
        self.edit.setPlaceholderText(title)
        self.edit.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.edit, 1)
        row.addWidget(push_button("Choose...", self._choose))
        if files:
            row.addWidget(push_button("File...", self._choose_file))

    def path(self) -> Path | None:
        """Return the folder, `None` if the line is empty."""
        text = self.edit.text().strip()
        return Path(text).expanduser() if text else None

    def _choose(self) -> None:
        folder = choose_folder(self, self._title)
        if folder:
            self.edit.setText(folder)
            self.edit.editingFinished.emit()

    def _choose_file(self) -> None:
        file = choose_file(self, self._title)
        if file:
            self.edit.setText(file)
            self.edit.editingFinished.emit()
