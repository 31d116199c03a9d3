"""The part of the Crystals dock that writes the catalogue."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices

from napari_olivine.catalogue.web import PAGE
from napari_olivine.crystals import OLIVINE
from napari_olivine.errors import InputError
from napari_olivine.registry import STEPS
from napari_olivine.section import Section, image_name
from napari_olivine.settings import Settings
from napari_olivine.widgets.common import (
    Collapsible,
    FolderEdit,
    SettingsForm,
    push_button,
    wrapped,
)


class ExportPart(Collapsible):
    """Folder, settings and button of the export; the dock starts the step."""

    def __init__(self) -> None:
        super().__init__("Export the catalogue", expanded=False)
        self.folder = FolderEdit("New folder of the catalogue")
        self.form = SettingsForm(STEPS["export"].settings, hidden=("phase",), step="export")
        self.export_button = push_button("Export", tooltip="Write the catalogue to the folder")
        self.open_button = push_button(
            "Open the folder", self._open, "Show the catalogue in the file manager"
        )
        self.map_button = push_button(
            "Open the web map", self._open_map, "Show the map of the crystals in the browser"
        )
        self._written = Path()
        self._offer(nothing=True)
        for part in (
            wrapped("Tables, pictures of the phenocrysts, plots and a methods text go to"),
            self.folder,
            self.form,
            self.export_button,
            self.open_button,
            self.map_button,
        ):
            self.inside.addWidget(part)

    def suggest(self, section: Section, phase: str = OLIVINE) -> None:
        """Suggest a folder beside the section, another one for each phase."""
        of = "" if phase == OLIVINE else f"-{image_name(phase)}"
        name = f"{section.path.name}-catalogue{of}"
        self.folder.edit.setText(str(section.path.parent / name))
        self._offer(nothing=True)

    def written(self) -> None:
        """Offer to open the folder that was just written, and the web map in it."""
        self._written = self.folder.path() or Path()
        self._offer()

    def _offer(self, nothing: bool = False) -> None:
        self.open_button.setHidden(nothing)
        self.map_button.setHidden(nothing or not (self._written / PAGE).is_file())

    def _open(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._written)))

    def _open_map(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._written / PAGE)))

    def settings(self, phase: str = OLIVINE) -> Settings:
        """Return the settings on the form, for the crystals of a phase."""
        return self.form.values().model_copy(update={"phase": phase})

    def arguments(self, section: Section) -> list[str]:
        """Return the arguments of the command: section and folder.

        Raises
        ------
        InputError
            If no folder is chosen.
        """
        folder = self.folder.path()
        if folder is None:
            raise InputError("Choose the folder that the catalogue is to be written to.")
        return [str(section.path), str(folder.absolute())]
