"""Outlines of crystals in the EPMA profiles dock: draw them, change them, see what is wrong."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QInputDialog
from typing_extensions import override

from napari_olivine.errors import EditError
from napari_olivine.section import OUTLINE_COLUMNS, OUTLINES
from napari_olivine.widgets.common import (
    Connections,
    combo,
    fill_combo,
    push_button,
    row_layout,
    wrapped,
)
from napari_olivine.widgets.editing import Corners, PolygonsPart
from napari_olivine.widgets.outlines.outline_edits import OutlineEdits
from napari_olivine.widgets.outlines.outline_layer import LOOKS, OutlineLayer
from napari_olivine.widgets.state import OpenSection

EXPLANATION = (
    "Without a mask, or in place of one: outline the crystals of your traverses. What lies inside "
    "is the mineral. Click the corners, and double-click the last one."
)


class OutlinesPart(PolygonsPart[OutlineEdits, OutlineLayer]):
    """Outlines of the open section; each edit is stored at once.

    Parameters
    ----------
    session
        Open section of the viewer.
    connections
        Connections of the dock.
    """

    title = "Crystal outlines"
    annotation, columns, model = OUTLINES, OUTLINE_COLUMNS, OutlineEdits

    def __init__(self, session: OpenSection, connections: Connections) -> None:
        super().__init__(session, connections, OutlineLayer(session))
        self._faults: dict[str, str] = {}
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
                ("Load...", self.load, "Take the polygons of a GeoJSON file, e.g. of QuPath"),
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
        self.listen()

    @override
    def fill(self) -> None:
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
        self.set_title(f"{self.title}: {len(names)}" if names else self.title)
        self._faults = {}
        if edits is not None and section is not None:
            self._faults = edits.faults(section.shape, section.pixel_size_um)
            if names or self.shapes.there:
                self.show_shapes()
        words = "; ".join(f"{name} {fault}" for name, fault in self._faults.items())
        self.note.setText(f"{words}: move its corners (Change), or delete it." if words else "")
        self.note.setVisible(bool(words))

    @override
    def show_shapes(self) -> None:
        if self.edits is not None:
            self.shapes.show(self.edits, self._faults, self.current)

    @override
    def mark(self) -> None:
        self.shapes.mark({self.current})
        self.chosen.setCurrentText(self.current)

    def choose(self, name: str) -> None:
        """Make an outline the chosen one, and mark it on the image; the view stays."""
        self.current = name
        self.fill()

    def draw(self) -> None:
        """Let the person draw an outline corner by corner."""
        self.show_layer()
        self.shapes.begin()

    def draw_freehand(self) -> None:
        """Let the person draw an outline in one go."""
        self.show_layer()
        self.shapes.begin(freehand=True)

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

    @override
    def add(self, corners: Corners) -> None:
        if self.edits is not None:
            self.edits.add(corners)

    @override
    def take(self, file: Path) -> None:
        from napari_olivine.polygons import read_geojson

        section = self._session.section
        if self.edits is None or section is None:
            return
        polygons, others = read_geojson(file, "outlines", "outline")
        self.choose_last()
        size = section.pixel_size_um
        self.edits.take([(one.name, one.rings[0][:, ::-1] * size) for one in polygons], str(file))
        if words := _lost(sum(len(one.rings) - 1 for one in polygons), others):
            self.failed.emit(f"{file}: {words}.")


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
