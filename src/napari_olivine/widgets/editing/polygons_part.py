"""A part of a dock in which polygons are drawn; each edit is stored in the section at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from qtpy.QtCore import Signal

from napari_olivine.errors import OlivineError
from napari_olivine.history import History, HistoryStep
from napari_olivine.section import Section
from napari_olivine.widgets.common import Collapsible, Connections, choose_file
from napari_olivine.widgets.editing.camera import bring_into_view, extent_of, zoom_to
from napari_olivine.widgets.editing.polygons_view import Corners, PolygonsView
from napari_olivine.widgets.state import OpenSection

if TYPE_CHECKING:
    import pandas as pd


class PolygonEdits(Protocol):
    """Polygons that a person edits, a subclass of :class:`~napari_olivine.history.EditedTable`."""

    target_kind: ClassVar[Any]
    table: pd.DataFrame

    @property
    def changed(self) -> Any:
        """Signal after every edit."""

    @property
    def names(self) -> list[str]:
        """Names of the polygons."""

    @staticmethod
    def ordered(table: pd.DataFrame) -> pd.DataFrame:
        """Return a table as the model keeps it."""

    def corners(self, key: Any) -> Corners:
        """Return the corners of an outline or hole."""

    def move(self, moved: Mapping[Any, Corners]) -> None:
        """Give outlines and holes other corners."""

    def remove(self, keys: Sequence[Any]) -> None:
        """Take outlines and holes away."""


Edits = TypeVar("Edits", bound=PolygonEdits)
View = TypeVar("View", bound=PolygonsView)


class PolygonsPart(Collapsible, Generic[Edits, View]):
    """Polygons of the open section.

    A subclass makes its widgets and then calls :meth:`listen`.

    Parameters
    ----------
    session
        Open section of the viewer.
    connections
        Connections of the dock.
    shapes
        Layer that shows the polygons.
    """

    failed = Signal(object)
    """Why polygons could not be read or stored."""

    title: ClassVar[str]
    """What stands above the part."""
    annotation: ClassVar[str]
    """Annotation of the section in which the polygons stand."""
    columns: ClassVar[Sequence[str]]
    """Columns of the annotation."""
    model: ClassVar[Any]
    """Class of the edits: made of a table and a history."""

    def __init__(self, session: OpenSection, connections: Connections, shapes: View) -> None:
        super().__init__(self.title, expanded=False)
        self._session = session
        self._connections = connections
        self.shapes = shapes
        self.edits: Edits | None = None
        self.current = ""

    # ------------------------------------------------------------------ for subclasses

    def fill(self) -> None:
        """Show the polygons, on the images and in words."""
        raise NotImplementedError

    def show_shapes(self) -> None:
        """Show the polygons on the images."""
        raise NotImplementedError

    def add(self, corners: Corners) -> None:
        """Take a polygon that was drawn."""
        raise NotImplementedError

    def take(self, file: Path) -> None:
        """Take the polygons of a GeoJSON file."""
        raise NotImplementedError

    def key(self, name: str) -> Any:
        """Return what the layer calls the outline of a polygon."""
        return name

    def name(self, key: Any) -> str:
        """Return the polygon to which an outline or hole of the layer belongs."""
        return str(key)

    def mark(self) -> None:
        """Mark the chosen polygon, which was clicked."""
        raise NotImplementedError

    def listen(self) -> None:
        """Follow the section, the history and the layer, and show what is there."""
        session, kind = self._session, self.model.target_kind
        for signal, slot in (
            (session.section_opened, self._on_section_opened),
            (session.annotations_changed, self._on_annotations_changed),
            (session.history.moved, self._on_history),
            (self.shapes.drawn, self._on_drawn),
            (self.shapes.moved, self._on_moved),
            (self.shapes.removed, self._on_removed),
            (self.shapes.selected, self._on_selected),
        ):
            self._connections.connect(signal, slot)
        self._connections.on_close(self.shapes.remove)
        self._connections.on_close(lambda: session.history.forget(kind))
        self.read()

    # ------------------------------------------------------------------ showing

    def read(self) -> None:
        """Read the polygons as they are stored; earlier edits of them cannot be taken back."""
        section, history = self._session.section, self._session.history
        history.forget(self.model.target_kind)
        self.shapes.remove()
        self.edits = None
        if section is not None:
            try:
                self.edits = self._make(section, history)
            except OlivineError as error:
                self.failed.emit(error)
        if self.edits is not None and self.edits.names:
            self.set_expanded(True)
        self.fill()

    def rest(self) -> None:
        """Leave drawing: another dock comes to the front."""
        self.shapes.rest()

    def zoom(self) -> None:
        """Show the chosen polygon."""
        if self.edits is not None and self.current in self.edits.names:
            zoom_to(self._session, *extent_of(self.edits.corners(self.key(self.current))))

    def bring_into_view(self) -> None:
        """Move the camera to the chosen polygon unless it is in view."""
        if self.edits is not None and self.current in self.edits.names:
            corners = self.edits.corners(self.key(self.current))
            bring_into_view(self._session, *extent_of(corners))

    # ------------------------------------------------------------------ editing

    def change(self) -> None:
        """Let the person move corners."""
        self.show_layer()
        self.shapes.change_mode()

    def load(self) -> None:
        """Let the person choose a GeoJSON file, and take its polygons."""
        kinds = "GeoJSON (*.geojson *.json);;All files (*)"
        file = choose_file(self, f"Load: {self.title.lower()}", kinds)
        if file and self.edits is not None and self._session.section is not None:
            try:
                self.take(Path(file))
            except OlivineError as error:
                self.failed.emit(error)

    def show_layer(self) -> None:
        """Make the layer unless it is there."""
        if self.edits is not None and not self.shapes.there:
            self.show_shapes()

    def choose_last(self) -> None:
        """Choose the polygon that the next edit adds."""
        self.current = ""

    def _on_drawn(self, corners: Corners) -> None:
        if self.edits is not None:
            self.choose_last()
            self.add(corners)
            if self.shapes.drawing:  # not where it was finished because another dock came in front
                self.shapes.change_mode()

    def _on_moved(self, moved: dict[Any, Corners]) -> None:
        if self.edits is not None:
            self.current = self.name(next(iter(moved)))
            self.edits.move(moved)

    def _on_removed(self, keys: list[Any]) -> None:
        if self.edits is not None:
            self.edits.remove(keys)

    def _on_selected(self, key: Any) -> None:
        name = self.name(key)
        if self.edits is not None and name in self.edits.names and name != self.current:
            self.current = name
            self.mark()

    def _on_edited(self) -> None:
        """Store the polygons, also wrong ones: they are described, and the steps refuse them."""
        if self.edits is None:
            return
        try:
            self._session.annotate(self.annotation, self.edits.table)
        except (OlivineError, OSError) as error:
            self.failed.emit(error)
        self.fill()

    # ------------------------------------------------------------------ listening

    def _on_history(self, step: HistoryStep) -> None:
        """Choose the polygon whose edit was taken back or done again, and show it."""
        target, edits = step.command.target, self.edits
        mine = target.kind == self.model.target_kind
        if mine and edits is not None and target.name in edits.names:
            self.current = str(target.name)
            self.fill()
            self.bring_into_view()

    def _on_section_opened(self, _section: Any) -> None:
        self.current = ""
        self.read()

    def _on_annotations_changed(self, name: str) -> None:
        """Follow a change from elsewhere; one's own is here already."""
        section = self._session.section
        if name != self.annotation or section is None:
            return
        stored = self._stored(section)
        if self.edits is None or not self.edits.table.equals(self.edits.ordered(stored)):
            self.read()

    def _make(self, section: Section, history: History) -> Edits:
        edits: Edits = self.model(self._stored(section), history)
        edits.changed.connect(self._on_edited)
        return edits

    def _stored(self, section: Section) -> pd.DataFrame:
        import pandas as pd

        if not section.has_annotation(self.annotation):
            return pd.DataFrame(columns=[*self.columns])
        return section.annotation(self.annotation)
