"""The shown columns of the crystal table, stored in the person's settings."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, QPoint, Qt
from qtpy.QtGui import QAction, QMouseEvent
from qtpy.QtWidgets import QMenu, QTableView
from typing_extensions import override

from napari_olivine.widgets.common import push_button, stored_preferences
from napari_olivine.widgets.crystals.table_model import CrystalModel
from napari_olivine.widgets.layers import place_in_menu, usual_of


class ColumnMenu(QObject):
    """Shows and hides columns, by a button or a right click on the header.

    Parameters
    ----------
    view, model
        The table.
    """

    def __init__(self, view: QTableView, model: CrystalModel) -> None:
        super().__init__(view)
        self.view, self.model = view, model
        self.button = push_button(
            "Columns", self._open_below, "Choose the columns; so does a right click on their heads"
        )
        header = view.horizontalHeader()
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(
            lambda place: self.menu().popup(header.mapToGlobal(place))
        )
        self._chosen = _remembered()
        self._names: list[str] = []
        model.modelReset.connect(self.apply)
        self.apply()

    def shown(self) -> list[str]:
        """Return the columns that are shown, from left to right."""
        return [name for name in self.model.names if self.is_shown(name)]

    def is_shown(self, name: str) -> bool:
        """Whether a column is shown: as chosen, else as usual."""
        return self._chosen.get(name, name in self._usual)

    def show(self, name: str, shown: bool) -> None:
        """Show or hide a column."""
        if not shown and self.shown() == [name]:
            return  # without any column there is no head to bring them back
        self._chosen[name] = shown
        _remember(self._chosen)
        self.apply()
        if shown and name in self.model.names:
            column = self.model.names.index(name)
            self.view.resizeColumnToContents(column)
            self.view.scrollTo(self.model.index(max(self.view.rowAt(0), 0), column))

    def reset(self) -> None:
        """Show the usual columns."""
        self._chosen = {}
        _remember({})
        self.apply()
        self.view.resizeColumnsToContents()

    def apply(self) -> None:
        """Hide the columns that are not chosen; a new table shows all of them."""
        self._usual = usual_of(self.model.table)
        for column, name in enumerate(self.model.names):
            hidden = not self.is_shown(name)
            if self.view.isColumnHidden(column) != hidden:
                self.view.setColumnHidden(column, hidden)

    def menu(self) -> QMenu:
        """Make the menu of columns, by groups."""
        menu = _StayingMenu("Columns", self.view)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setToolTipsVisible(True)
        groups: dict[str, QMenu] = {}
        columns = [self.model.column(name) for name in self.model.names]
        for column in sorted(columns, key=lambda column: place_in_menu(column.group)):
            name = column.name
            if column.group not in groups:
                groups[column.group] = _StayingMenu(column.group, menu)
                groups[column.group].setToolTipsVisible(True)
                menu.addMenu(groups[column.group])
            action = QAction(column.title, groups[column.group])
            action.setCheckable(True)
            action.setChecked(self.is_shown(name))
            action.setToolTip(f"{column.explanation}; {name} in the filter")
            action.toggled.connect(lambda on, name=name: self.show(name, on))
            groups[column.group].addAction(action)
        menu.addSeparator()
        usual = QAction("Usual columns", menu)
        usual.triggered.connect(self.reset)
        menu.addAction(usual)
        return menu

    def _open_below(self) -> None:
        self.menu().popup(self.button.mapToGlobal(QPoint(0, self.button.height())))


class _StayingMenu(QMenu):
    """A menu that stays open while columns are ticked."""

    @override
    def mouseReleaseEvent(self, a0: QMouseEvent | None) -> None:
        action = self.activeAction()
        if action is not None and action.isCheckable():
            action.trigger()
        else:
            super().mouseReleaseEvent(a0)


def _remembered() -> dict[str, bool]:
    settings = stored_preferences()
    found: dict[str, bool] = {}
    for key, shown in (("shown", True), ("hidden", False)):
        names: Any = settings.value(f"crystals/columns/{key}", "")
        found |= dict.fromkeys(str(names or "").split(), shown)
    return found


def _remember(chosen: dict[str, bool]) -> None:
    settings = stored_preferences()
    for key, shown in (("shown", True), ("hidden", False)):
        names = [name for name, on in chosen.items() if on is shown]
        settings.setValue(f"crystals/columns/{key}", " ".join(names))
    settings.sync()
