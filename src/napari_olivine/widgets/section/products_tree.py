"""The tree of the images and results of a section, with their state and ticks to show them."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QAbstractScrollArea,
    QHeaderView,
    QSizePolicy,
    QTreeWidget,
    QTreeWidgetItem,
)

from napari_olivine.registry import has_layers
from napari_olivine.section import Section
from napari_olivine.widgets.common import Connections, readable, single_shot
from napari_olivine.widgets.dock_base import DOT, open_dock
from napari_olivine.widgets.layers import LAYER_KEY, LEVELLED, colour_of, image_names, layer_name
from napari_olivine.widgets.state import (
    OpenSection,
    analyses_in_words,
    dock_of,
    products_of,
    state_of,
    step_to_run_first,
    title_of,
    verb_of,
)

ROW_HEIGHT = 20
MANY_MAPS = 9
"""From this number on, element maps are collapsed at first."""

PLACE = Qt.ItemDataRole.UserRole
"""Product and name of the image that a row shows or hides."""
STEP = Qt.ItemDataRole.UserRole + 1
"""Step that makes the row's product; a click leads to its button."""

STYLE = f"""
QTreeWidget::item {{ height: {ROW_HEIGHT}px; }}
QTreeWidget::indicator {{ width: 10px; height: 10px; border: 1px solid #8a8f98; }}
QTreeWidget::indicator:checked {{ background: #2fae7b; }}
QTreeWidget::indicator:indeterminate {{ background: #1d5c45; }}
"""

Place = tuple[str, str]


class ProductsTree(QTreeWidget):
    """Images and results of the open section.

    The tick of an image shows or hides it; the tick of a group hides all that is shown in it, and
    shows it again. A double click shows an image alone in its group. A click on the state of what
    is missing or out of date opens the dock that mends it.

    Parameters
    ----------
    session
        Open section of the viewer.
    connections
        Connections of the dock.
    """

    def __init__(self, session: OpenSection, connections: Connections) -> None:
        super().__init__()
        self._session = session
        self._filling = False
        self._hidden: dict[str, list[Place]] = {}
        self._folded: dict[str, bool] = {}
        self.setHeaderLabels(["Product", "State"])
        self.setIndentation(14)
        self.setUniformRowHeights(True)
        self.setExpandsOnDoubleClick(False)
        self.setMouseTracking(True)
        self.setStyleSheet(STYLE)
        self.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.header().setStretchLastSection(True)
        self.setSizeAdjustPolicy(QAbstractScrollArea.SizeAdjustPolicy.AdjustToContents)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.itemChanged.connect(self._on_ticked)
        self.itemClicked.connect(self._on_clicked)
        self.itemEntered.connect(self._on_entered)
        self.itemDoubleClicked.connect(self._on_double_clicked)
        self.itemExpanded.connect(lambda item: self._on_folded(item, False))
        self.itemCollapsed.connect(lambda item: self._on_folded(item, True))
        self._soon = single_shot(self, 0, self.fill)
        connections.on_close(self._stop_listening)
        connections.connect(session.section_opened, self._on_section_opened)
        connections.connect(session.product_changed, self._on_changed)
        connections.connect(session.annotations_changed, self._on_changed)
        connections.connect(session.viewer.events.theme, self._on_theme)
        connections.connect(session.viewer.layers.events.inserted, self._on_layers)
        connections.connect(session.viewer.layers.events.removed, self._on_layers)
        self.fill()

    # ------------------------------------------------------------------ filling

    def fill(self) -> None:
        """Show the products as they stand now."""
        self._soon.stop()
        section = self._session.section
        self._filling = True
        self.clear()
        if section is not None:
            self._fill_images(section)
            results = [
                name
                for name in products_of(section)
                if name not in ELSEWHERE and (name not in OPTIONAL or section.product(name))
            ]
            self.addTopLevelItem(self._product_row(section, "epma"))
            group = self._group("Results")
            for product in results:
                row = self._product_row(section, product)
                group.addChild(row)
                images = image_names(section, product) if has_layers(product) else []
                if len(images) == 1:
                    self._tickable(row, (product, images[0]))
                for name in images if len(images) > 1 else ():
                    self._image_row(row, (product, name))
            self._fill_marks()
            for item in self._items():
                item.setExpanded(not self._folded.get(item.text(0), False))
        self._show_groups()
        self._filling = False
        self._fit()

    def _fill_images(self, section: Section) -> None:
        top = self._product_row(section, "images")
        self.addTopLevelItem(top)
        names = image_names(section, "images")
        maps = [name for name in names if not name.startswith("BSE")]
        for name in names:
            if name not in maps:
                self._image_row(top, ("images", name))
        if section.product(LEVELLED[0]) is not None:
            row = self._product_row(section, LEVELLED[0])
            top.addChild(row)
            if image_names(section, LEVELLED[0]):
                self._tickable(row, LEVELLED)
        if not maps:
            return
        group = QTreeWidgetItem([MAPS, ""])
        top.addChild(group)
        for name in maps:
            row = self._image_row(group, ("images", name))
            row.setIcon(0, _swatch(colour_of(name, section.record.signals)))
        self._folded.setdefault(MAPS, len(maps) >= MANY_MAPS)

    def _fill_marks(self) -> None:
        marks = [layer.metadata.get(LAYER_KEY) for layer in self._session.viewer.layers]
        names = [mark["name"] for mark in marks if mark and mark["product"] == "overlay"]
        if names:
            group = self._group("Drawn on the images")
            for name in reversed(names):
                self._image_row(group, ("overlay", name))

    def _group(self, title: str) -> QTreeWidgetItem:
        item = QTreeWidgetItem([title, ""])
        self.addTopLevelItem(item)
        return item

    def _product_row(self, section: Section, product: str) -> QTreeWidgetItem:
        state = state_of(section, product)
        sign, colour = DOT[state.state]
        text = state.text.split(", made")[0]
        if product == "epma" and state.state == "fresh":
            text = analyses_in_words(section)
        item = QTreeWidgetItem([title_of(product, section), f"{sign} {text}"])
        item.setForeground(1, QColor(readable(colour, self)))
        item.setToolTip(1, state.text)
        step = step_to_run_first(section, product)
        if state.state != "fresh":
            font = item.font(1)
            font.setUnderline(True)
            item.setFont(1, font)
            item.setData(1, STEP, step)
            item.setToolTip(1, f"{state.text}\nClick: {verb_of(step)}, in the dock {dock_of(step)}")
        return item

    def _image_row(self, parent: QTreeWidgetItem, place: Place) -> QTreeWidgetItem:
        text = place[1] if place[0] == "overlay" else layer_name(*place, self._session.section)
        item = QTreeWidgetItem([text, ""])
        parent.addChild(item)
        self._tickable(item, place)
        return item

    def _tickable(self, item: QTreeWidgetItem, place: Place) -> None:
        layer = self._session.layer(*place)
        shown = layer is not None and layer.visible
        item.setData(0, PLACE, place)
        item.setCheckState(0, Qt.CheckState.Checked if shown else Qt.CheckState.Unchecked)
        item.setToolTip(0, "Tick: show it. Double click: show it alone in its group")
        if layer is not None:
            layer.events.visible.connect(self._on_visible)

    def _show_groups(self) -> None:
        """Tick each group whose images are all shown, half if only some are."""
        for item in self._items():
            leaves = [leaf for leaf in _leaves(item) if leaf is not item]
            if not leaves:
                continue
            ticks = {leaf.checkState(0) == Qt.CheckState.Checked for leaf in leaves}
            some = Qt.CheckState.PartiallyChecked if True in ticks else Qt.CheckState.Unchecked
            item.setCheckState(0, Qt.CheckState.Checked if ticks == {True} else some)

    def _fit(self) -> None:
        """Take as much room as the rows need."""
        rows = sum(all(up.isExpanded() for up in _above(item)) for item in self._items())
        self.setFixedHeight(self.header().sizeHint().height() + max(rows, 2) * ROW_HEIGHT + 6)

    # ------------------------------------------------------------------ ticks

    def _on_ticked(self, item: QTreeWidgetItem, column: int) -> None:
        if self._filling or column != 0:
            return
        place = item.data(0, PLACE)
        if place:
            self._show(tuple(place), item.checkState(0) == Qt.CheckState.Checked)
        else:
            self._switch_group(item)
        self._refresh_ticks()

    def _switch_group(self, item: QTreeWidgetItem) -> None:
        """Hide what is shown of a group, or show again what was hidden."""
        places = [tuple(leaf.data(0, PLACE)) for leaf in _leaves(item)]
        shown = [place for place in places if self._visible(place)]
        if shown:
            self._hidden[item.text(0)] = shown
        back = [place for place in self._hidden.get(item.text(0), []) if place in places]
        if not back:
            back = places if item.text(0) == MAPS else places[:1]
        for place in shown or back:
            self._show(place, not shown)

    def _show(self, place: Place, shown: bool) -> None:
        layer = self._session.layer(*place)
        if layer is not None:
            layer.visible = shown
        elif shown:
            layer = self._session.show(*place, visible=True)
            layer.events.visible.connect(self._on_visible)

    def _visible(self, place: Place) -> bool:
        layer = self._session.layer(*place)
        return layer is not None and bool(layer.visible)

    def _on_double_clicked(self, item: QTreeWidgetItem, column: int) -> None:
        place = item.data(0, PLACE)
        if column != 0 or not place:
            return
        top = _above(item)[-1] if _above(item) else item
        for leaf in _leaves(top):
            self._show(tuple(leaf.data(0, PLACE)), leaf is item)
        layer = self._session.layer(*place)
        if layer is not None:
            self._session.viewer.layers.selection.active = layer
        self._refresh_ticks()

    def _on_visible(self, _event: Any) -> None:
        if not self._filling:
            self._refresh_ticks()

    def _refresh_ticks(self) -> None:
        self._filling = True
        for item in self._items():
            place = item.data(0, PLACE)
            if place:
                shown = self._visible(tuple(place))
                item.setCheckState(0, Qt.CheckState.Checked if shown else Qt.CheckState.Unchecked)
        self._show_groups()
        self._filling = False

    # ------------------------------------------------------------------ state

    def _on_clicked(self, item: QTreeWidgetItem, column: int) -> None:
        step = item.data(1, STEP)
        if column == 1 and step:
            open_dock(self._session.viewer, dock_of(step), step)

    def _on_entered(self, item: QTreeWidgetItem, column: int) -> None:
        link = column == 1 and item.data(1, STEP)
        shape = Qt.CursorShape.PointingHandCursor if link else Qt.CursorShape.ArrowCursor
        self.viewport().setCursor(shape)

    def _on_folded(self, item: QTreeWidgetItem, folded: bool) -> None:
        if not self._filling:
            self._folded[item.text(0)] = folded
            self._fit()

    # ------------------------------------------------------------------ listening

    def _items(self) -> list[QTreeWidgetItem]:
        """Every row, from top to bottom."""
        tops = [self.topLevelItem(i) for i in range(self.topLevelItemCount())]
        return [item for top in tops for item in _down(top)]

    def _stop_listening(self) -> None:
        self._soon.stop()
        for layer in self._session.viewer.layers:
            layer.events.visible.disconnect(self._on_visible)

    def _on_section_opened(self, _section: Any) -> None:
        self._hidden.clear()
        self.fill()

    def _on_changed(self, _name: str) -> None:
        self.fill()

    def _on_theme(self, _event: Any) -> None:
        self._soon.start()

    def _on_layers(self, event: Any) -> None:
        if getattr(event.value, "metadata", {}).get(LAYER_KEY):
            self._soon.start()


MAPS = "Element maps"
ELSEWHERE = ("images", "levelling", "epma")
"""Products that do not stand among the results."""
OPTIONAL = ("corrections",)
"""Results that stand there only once they are made."""


def _down(item: QTreeWidgetItem) -> list[QTreeWidgetItem]:
    children = [item.child(i) for i in range(item.childCount())]
    return [item, *(below for child in children for below in _down(child))]


def _leaves(item: QTreeWidgetItem) -> list[QTreeWidgetItem]:
    """Rows at and below a row that show an image."""
    return [below for below in _down(item) if below.data(0, PLACE)]


def _above(item: QTreeWidgetItem) -> list[QTreeWidgetItem]:
    found: list[QTreeWidgetItem] = []
    up = item.parent()
    while up is not None:
        found.append(up)
        up = up.parent()
    return found


def _swatch(colour: str) -> QIcon:
    picture = QPixmap(10, 10)
    picture.fill(QColor(colour))
    return QIcon(picture)
