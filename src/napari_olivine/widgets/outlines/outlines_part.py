"""Outlines of crystals in the EPMA profiles dock: draw them, change them, see what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QInputDialog

from napari_olivine.errors import EditError, OlivineError
from napari_olivine.history import HistoryStep
from napari_olivine.section import OUTLINE_COLUMNS, OUTLINES, Section
from napari_olivine.widgets.common import (
    Collapsible,
    Connections,
    choose_file,
    combo,
    fill_combo,
    push_button,
    row_layout,
    wrapped,
)
from napari_olivine.widgets.editing import bring_into_view, extent_of, zoom_to
from napari_olivine.widgets.outlines.outline_edits import Corners, OutlineEdits
from napari_olivine.widgets.outlines.outline_layer import LOOKS, OutlineLayer
from napari_olivine.widgets.state import OpenSection

EXPLANATION = (
    "Without a mask, or in place of one: outline the crystals of your traverses. What lies inside "
    "is the mineral. Click the corners, and double-click the last one."
)


class OutlinesPart(Collapsible):
    """Outlines of the open section; each edit is stored at once.

    Parameters
    ----------
    session
        Open section of the viewer.
    connections
        Connections of the dock.
    """

    failed = Signal(object)
    """Why outlines could not be read or stored."""

    def __init__(self, session: OpenSection, connections: Connections) -> None:
        super().__init__("Crystal outlines", expanded=False)
        self._session = session
        self.edits: OutlineEdits | None = None
        self.current = ""
        self.shapes = OutlineLayer(session)
        self.inside.addWidget(wrapped(EXPLANATION))
        self.chosen = combo()
        self.chosen.setToolTip("The outline that Zoom, Rename and Delete are about")
        self.chosen.textActivated.connect(self.choose)
        self.tools = {
            name: push_button(name, slot, tip)
            for name, slot, tip in (
                ("Draw outline", self.draw, "Click its corners; a double click is the last one"),
                ("Freehand", self.draw_freehand, "Draw round the crystal with the button held"),
                ("Change", self.change, "Drag the corners of outlines"),
                ("Zoom", self.zoom, "Show the chosen outline"),
                (
                    "Load...",
                    self.load,
                    "Take the polygons of a GeoJSON file, e.g. of QuPath",
                ),
                ("Rename...", self.rename, "Give the chosen outline another name"),
                ("Delete outline", self.delete, "Take the chosen outline away"),
            )
        }
        draw, freehand, change, zoom, load, rename, delete = self.tools.values()
        self.inside.addLayout(row_layout(draw, freehand, load, change))
        self.inside.addWidget(self.chosen)
        self.inside.addLayout(row_layout(zoom, rename, delete))
        self.note = wrapped()
        self.note.setStyleSheet(f"color: {LOOKS['wrong']}")
        self.inside.addWidget(self.note)
        for signal, slot in (
            (session.section_opened, self._on_section_opened),
            (session.annotations_changed, self._on_annotations_changed),
            (session.history.moved, self._on_history),
            (self.shapes.drawn, self._on_drawn),
            (self.shapes.moved, self._on_moved),
            (self.shapes.removed, self._on_removed),
            (self.shapes.selected, self._on_selected),
        ):
            connections.connect(signal, slot)
        connections.on_close(self.shapes.remove)
        connections.on_close(lambda: session.history.forget("outline"))
        self.read()

    # ------------------------------------------------------------------ showing

    def read(self) -> None:
        """Read the outlines as they are stored; earlier edits of them cannot be taken back."""
        section, history = self._session.section, self._session.history
        history.forget("outline")
        self.shapes.remove()
        self.edits = None
        if section is not None:
            try:
                self.edits = OutlineEdits(_stored(section), history)
                self.edits.changed.connect(self._on_edited)
            except OlivineError as error:
                self.failed.emit(error)
        if self.edits is not None and self.edits.names:
            self.set_expanded(True)
        self.fill()

    def fill(self) -> None:
        """Show the outlines, on the images and in words."""
        edits, section = self.edits, self._session.section
        names = edits.names if edits is not None else []
        for tool in self.tools.values():
            tool.setEnabled(edits is not None)
        if self.current not in names:
            self.current = names[-1] if names else ""
        fill_combo(self.chosen, names, self.current)
        of_one = (self.tools[name] for name in ("Change", "Zoom", "Rename...", "Delete outline"))
        for widget in (self.chosen, *of_one):
            widget.setEnabled(bool(names))
        self.set_title(f"Crystal outlines: {len(names)}" if names else "Crystal outlines")
        faults: dict[str, str] = {}
        if edits is not None and section is not None:
            faults = edits.faults(section.shape, section.pixel_size_um)
            if names or self.shapes.there:
                self.shapes.show(edits, faults, self.current)
        words = "; ".join(f"{name} {fault}" for name, fault in faults.items())
        self.note.setText(f"{words}: move its corners (Change), or delete it." if words else "")
        self.note.setVisible(bool(words))

    def choose(self, name: str) -> None:
        """Make an outline the chosen one, and mark it on the image; the view stays."""
        self.current = name
        self.fill()

    def rest(self) -> None:
        """Leave drawing: another dock comes to the front."""
        self.shapes.rest()

    # ------------------------------------------------------------------ editing

    def draw(self) -> None:
        """Let the person draw an outline corner by corner."""
        self._begin()
        self.shapes.draw_mode()

    def draw_freehand(self) -> None:
        """Let the person draw an outline in one go."""
        self._begin()
        self.shapes.draw_mode(freehand=True)

    def change(self) -> None:
        """Let the person move corners."""
        self._begin()
        self.shapes.change_mode()

    def delete(self) -> None:
        """Take the chosen outline away."""
        if self.edits is not None and self.current in self.edits.names:
            self.edits.remove([self.current])

    def rename(self) -> None:
        """Ask for another name of the chosen outline."""
        if self.edits is None or self.current not in self.edits.names:
            return
        before = self.current
        new, given = QInputDialog.getText(self, "Rename outline", "Name", text=before)
        if not given:
            return
        self.current = new.strip()
        try:
            self.edits.rename(before, new)
        except EditError as error:
            self.current = before
            self.failed.emit(error)

    def load(self) -> None:
        """Let the person choose a GeoJSON file, and take its outlines."""
        file = choose_file(self, "Load outlines", "GeoJSON (*.geojson *.json);;All files (*)")
        section = self._session.section
        if not file or self.edits is None or section is None:
            return
        from napari_olivine.polygons import read_geojson

        try:
            polygons, others = read_geojson(Path(file), "outlines", "outline")
        except OlivineError as error:
            self.failed.emit(error)
            return
        self.current = ""  # the last one
        size = section.pixel_size_um
        self.edits.take([(one.name, one.rings[0][:, ::-1] * size) for one in polygons], file)
        if words := _lost(sum(len(one.rings) - 1 for one in polygons), others):
            self.failed.emit(f"{file}: {words}.")

    def zoom(self) -> None:
        """Show the chosen outline."""
        if self.edits is not None and self.current in self.edits.names:
            zoom_to(self._session, *extent_of(self.edits.corners(self.current)))

    def _begin(self) -> None:
        if self.edits is not None and not self.shapes.there:
            self.shapes.show(self.edits, (), self.current)

    def _on_drawn(self, corners: Corners) -> None:
        if self.edits is not None:
            self.current = ""  # the last one, which is the new one
            self.edits.add(corners)
            if self.shapes.drawing:  # not where it was finished because another dock came in front
                self.shapes.change_mode()

    def _on_moved(self, moved: dict[str, Corners]) -> None:
        if self.edits is not None:
            self.current = next(iter(moved))
            self.edits.move(moved)

    def _on_removed(self, names: list[str]) -> None:
        if self.edits is not None:
            self.edits.remove(names)

    def _on_selected(self, name: str) -> None:
        if name != self.current:
            self.current = name
            self.shapes.mark({name})
            self.chosen.setCurrentText(name)

    def _on_edited(self) -> None:
        """Store the outlines, also wrong ones: they are described, and calibrate refuses them."""
        if self.edits is None:
            return
        try:
            self._session.annotate(OUTLINES, self.edits.table)
        except (OlivineError, OSError) as error:
            self.failed.emit(error)
        self.fill()

    # ------------------------------------------------------------------ listening

    def _on_history(self, step: HistoryStep) -> None:
        """Choose the outline whose edit was taken back or done again, and show it."""
        target, edits = step.command.target, self.edits
        if target.kind == "outline" and edits is not None and target.name in edits.names:
            self.choose(str(target.name))
            bring_into_view(self._session, *extent_of(edits.corners(self.current)))

    def _on_section_opened(self, _section: Any) -> None:
        self.current = ""
        self.read()

    def _on_annotations_changed(self, name: str) -> None:
        """Follow a change from elsewhere; one's own is here already."""
        section = self._session.section
        if name != OUTLINES or section is None:
            return
        if self.edits is None or not self.edits.table.equals(self.edits.ordered(_stored(section))):
            self.read()


def _lost(holes: int, others: int) -> str:
    """Say what of a file cannot be an outline here."""
    said = []
    if holes:
        noun = "hole is" if holes == 1 else "holes are"
        said.append(f"{holes} {noun} filled; {{setting:outlines}} takes a file with its holes")
    if others:
        noun = "object that is no polygon is" if others == 1 else "objects that are no polygons are"
        said.append(f"{others} {noun} left out")
    return ". ".join(said)


def _stored(section: Section) -> pd.DataFrame:
    if not section.has_annotation(OUTLINES):
        return pd.DataFrame(columns=[*OUTLINE_COLUMNS])
    return section.annotation(OUTLINES)
