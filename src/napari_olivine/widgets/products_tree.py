"""The list of what a section holds: how each product stands, and whether it is shown."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QAbstractScrollArea,
    QHeaderView,
    QSizePolicy,
    QTreeWidget,
    QTreeWidgetItem,
)

from napari_olivine.widgets.layers import KEY, PRODUCTS, images_of, layer_name
from napari_olivine.widgets.links import Links
from napari_olivine.widgets.session import SectionSession
from napari_olivine.widgets.step_dock import DOT
from napari_olivine.widgets.steps import products_of, state_of, title_of

ROW_HEIGHT = 20

STYLE = f"""
QTreeWidget::item {{ height: {ROW_HEIGHT}px; }}
QTreeWidget::indicator {{ width: 10px; height: 10px; border: 1px solid #8a8f98; }}
QTreeWidget::indicator:checked {{ background: #2fae7b; }}
"""


class ProductsTree(QTreeWidget):
    """Products of the open section; a tick shows or hides an image.

    Parameters
    ----------
    session
        Session of the viewer.
    links
        Connections of the dock.
    """

    def __init__(self, session: SectionSession, links: Links) -> None:
        super().__init__()
        self._session = session
        self._filling = False
        self.setHeaderLabels(["Product", "State"])
        self.setRootIsDecorated(False)
        self.setIndentation(14)
        self.setUniformRowHeights(True)
        self.setStyleSheet(STYLE)
        self.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.header().setStretchLastSection(True)
        self.setSizeAdjustPolicy(QAbstractScrollArea.SizeAdjustPolicy.AdjustToContents)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.itemChanged.connect(self._on_ticked)
        links.connect(session.section_opened, self._on_section_opened)
        links.connect(session.product_changed, self._on_changed)
        links.connect(session.annotations_changed, self._on_changed)
        links.connect(session.viewer.layers.events.inserted, self._on_layers)
        links.connect(session.viewer.layers.events.removed, self._on_layers)
        self.fill()

    def fill(self) -> None:
        """Show the products as they stand now."""
        section = self._session.section
        if section is None:
            self.setFixedHeight(3 * ROW_HEIGHT)
            return
        self._filling = True
        self.clear()
        for product in products_of(section):
            state = state_of(section, product)
            sign, colour = DOT[state.state]
            item = QTreeWidgetItem([title_of(product), f"{sign} {state.text.split(', made')[0]}"])
            item.setForeground(1, QColor(colour))
            item.setToolTip(1, state.text)
            self.addTopLevelItem(item)
            images = images_of(section, product) if product in PRODUCTS else []
            if len(images) == 1:
                self._tickable(item, product, images[0])
            else:
                for name in images:
                    child = QTreeWidgetItem([layer_name(product, name), ""])
                    self._tickable(child, product, name)
                    item.addChild(child)
        self.expandAll()
        rows = sum(1 + self.topLevelItem(i).childCount() for i in range(self.topLevelItemCount()))
        self.setFixedHeight(self.header().sizeHint().height() + rows * ROW_HEIGHT + 6)
        self._filling = False

    def _tickable(self, item: QTreeWidgetItem, product: str, name: str) -> None:
        layer = self._session.layer(product, name)
        shown = layer is not None and layer.visible
        item.setData(0, Qt.ItemDataRole.UserRole, (product, name))
        item.setCheckState(0, Qt.CheckState.Checked if shown else Qt.CheckState.Unchecked)
        if layer is not None:
            layer.events.visible.connect(self._on_visible)

    def _on_ticked(self, item: QTreeWidgetItem, column: int) -> None:
        place = item.data(0, Qt.ItemDataRole.UserRole)
        if self._filling or column != 0 or not place:
            return
        shown = item.checkState(0) == Qt.CheckState.Checked
        layer = self._session.layer(*place)
        if layer is not None:
            layer.visible = shown
        elif shown:
            self._session.show(*place, visible=True)

    def _on_visible(self, event: Any) -> None:
        mark = event.source.metadata.get(KEY)
        for item in self._items():
            if mark and item.data(0, Qt.ItemDataRole.UserRole) == (mark["product"], mark["name"]):
                self._filling = True
                state = Qt.CheckState.Checked if event.source.visible else Qt.CheckState.Unchecked
                item.setCheckState(0, state)
                self._filling = False

    def _items(self) -> list[QTreeWidgetItem]:
        tops = [self.topLevelItem(i) for i in range(self.topLevelItemCount())]
        return tops + [top.child(i) for top in tops for i in range(top.childCount())]

    def _on_section_opened(self, _section: Any) -> None:
        self.fill()

    def _on_changed(self, _name: str) -> None:
        self.fill()

    def _on_layers(self, event: Any) -> None:
        mark = getattr(event.value, "metadata", {}).get(KEY)
        if mark and mark["product"] in PRODUCTS:
            self.fill()
