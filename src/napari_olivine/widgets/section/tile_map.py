"""A small map of the tiles of a mosaic: their state and their order."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from qtpy.QtCore import QEvent, QLineF, QPointF, QRectF, Qt
from qtpy.QtGui import QBrush, QColor, QHelpEvent, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget
from typing_extensions import override

COLOURS = {"there": "#4f8a74", "missing": "#2b2f36", "doubled": "#e69f00", "unusable": "#d5443c"}
"""Colour of a tile by its state."""

FIELD_COLOUR = "#56b4e9"
"""Outline of a map of a part of the section."""

HIGHEST = 190
"""Largest height of the map in pixels of the screen."""

LONGEST_PATH = 1500
"""More tiles than this are shown without the path from one to the next."""

_PLACE = re.compile(r"row (\d+), column (\d+) of tiles")
_WORDS = re.compile(r"[\s,;:'\"()]+")

Cell = tuple[int, int]
"""Row and column of the grid."""


@dataclass
class TileStates:
    """The tiles of a mosaic before the import.

    Parameters
    ----------
    grid
        Rows and columns of places.
    tile_shape
        Rows and columns of a tile, px.
    names
        Name of the tile at each place.
    states
        ``"missing"``, ``"doubled"`` or ``"unusable"`` of places that are not simply there.
    path
        Places in the order of a running number in the tiles' names, empty without one.
    mirrored
        Whether the stage's y and x run against rows and columns; `None` if the stage is unknown.
    fields
        Corners of maps of a part of the section, by name: shape (4, 2), rows and columns as shares
        of those of the section.
    """

    grid: tuple[int, int]
    tile_shape: tuple[int, int]
    names: dict[Cell, str]
    states: dict[Cell, str] = field(default_factory=dict)
    path: list[Cell] = field(default_factory=list)
    mirrored: tuple[bool, bool] | None = None
    fields: dict[str, Any] = field(default_factory=dict)

    def count(self) -> Counter[str]:
        """Count the places in each state."""
        return Counter(self.states.get(cell, "there") for cell in {*self.names, *self.states})

    def describe(self, cell: Cell) -> str:
        """Describe one place."""
        state = self.states.get(cell, "there" if cell in self.names else "missing")
        where = f"row {cell[0] + 1}, column {cell[1] + 1}"
        words = {"there": "", "missing": "no tile", "doubled": "claimed by two tiles"}
        text = ", ".join(part for part in (where, words.get(state, "cannot be used")) if part)
        return f"{self.names[cell]}\n{text}" if cell in self.names else text


def tile_states(layout: Any, findings: Iterable[str] = ()) -> TileStates:
    """Return the tiles of a layout and their states.

    Parameters
    ----------
    layout
        Layout of a mosaic (`napari_olivine.readers.mosaic.Layout`).
    findings
        Problems of its files, in sentences that name them.
    """
    table = layout.tiles.table
    cells = [
        (int(row), int(column))
        for row, column in zip(table["grid_row"], table["grid_col"], strict=True)
    ]
    names = dict(zip(cells, layout.names, strict=True))
    states = dict.fromkeys(layout.gaps, "missing")
    for remark in layout.remarks:
        found = _PLACE.search(remark)
        if found and "claims the place" in remark:
            states[int(found[1]) - 1, int(found[2]) - 1] = "doubled"
    named = _NamedFiles(findings)
    for cell, name in names.items():
        if cell not in states and name in named:
            states[cell] = "unusable"
    return TileStates(
        grid=layout.grid,
        tile_shape=layout.tiles.tile_shape,
        names=names,
        states=states,
        path=_path(names),
        mirrored=layout.mirrored,
    )


def with_fields(tiles: TileStates | None, source: Any) -> TileStates | None:
    """Add the maps of parts of a source whose places are known; one image counts as one tile.

    Parameters
    ----------
    tiles
        The tiles, `None` for a source without.
    source
        What was recognised (`napari_olivine.readers.Source`).
    """
    known = {one.name: one for one in source.submaps if one.place is not None}
    if not known:
        return tiles
    tiles = tiles or TileStates((1, 1), source.shape, {(0, 0): "BSE"})
    tiles.fields = {
        name: one.place.corners(one.shape) / source.shape for name, one in known.items()
    }
    return tiles


class _NamedFiles:
    """The files that sentences name, with or without their folder and ending."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._text = "\n".join(texts)
        words = {word.rstrip(".") for word in _WORDS.split(self._text)}
        files = {PurePath(word) for word in words if not {"/", "\\", "."}.isdisjoint(word)}
        self._words = words | {file.name for file in files} | {file.stem for file in files}

    def __contains__(self, name: str) -> bool:
        bare = PurePath(name).name
        if _WORDS.search(bare):  # a name of several words
            return f"{bare}." in self._text or f"{name} " in self._text
        return not {name, bare, PurePath(name).stem}.isdisjoint(self._words)


def _path(names: dict[Cell, str]) -> list[Cell]:
    """Sort places by a running number in the names; rows and columns in them are no order."""
    if not 1 < len(names) <= LONGEST_PATH:
        return []
    numbers = [re.findall(r"\d+", PurePath(name).name) for name in names.values()]
    if len({len(found) for found in numbers}) > 1:
        return []
    running = [len(set(column)) > 1 for column in zip(*numbers, strict=True)]
    return sorted(names, key=lambda cell: _natural(names[cell])) if sum(running) == 1 else []


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sort tile2 before tile10."""
    parts = re.split(r"(\d+)", name)
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]


class TileMap(QWidget):
    """Draws the tiles: a cell for each, the order as a line, the stage's axes as arrows.

    Rest the mouse on a tile for its file.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tiles: TileStates | None = None
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.hide()

    def show_tiles(self, tiles: TileStates | None) -> None:
        """Show tiles, or nothing."""
        self.tiles = tiles
        self.setVisible(tiles is not None)
        self._fit()
        self.update()

    def place_at(self, x: float, y: float) -> Cell | None:
        """Return the place of the grid at a pixel of the widget."""
        if self.tiles is None:
            return None
        left, top, width, height = self._frame()
        row, column = int((y - top) // height), int((x - left) // width)
        inside = 0 <= row < self.tiles.grid[0] and 0 <= column < self.tiles.grid[1]
        return (row, column) if inside else None

    def centre_of(self, cell: Cell) -> QPointF:
        """Return the middle of a place, in pixels of the widget."""
        left, top, width, height = self._frame()
        return QPointF(left + (cell[1] + 0.5) * width, top + (cell[0] + 0.5) * height)

    # ------------------------------------------------------------------ drawing

    def _frame(self) -> tuple[float, float, float, float]:
        """Left and top of the map, width and height of a cell."""
        assert self.tiles is not None
        rows, columns = self.tiles.grid
        margin = 14.0 if self.tiles.mirrored is not None else 1.0
        ratio = self.tiles.tile_shape[0] / self.tiles.tile_shape[1]
        width = (self.width() - margin - 2) / columns
        width = min(width, (HIGHEST - margin) / (rows * ratio), 40.0)
        return margin, margin, width, width * ratio

    def _fit(self) -> None:
        if self.tiles is not None:
            _, top, _, height = self._frame()
            self.setFixedHeight(int(top + height * self.tiles.grid[0]) + 3)

    @override
    def resizeEvent(self, a0: Any) -> None:
        self._fit()
        super().resizeEvent(a0)

    @override
    def event(self, a0: QEvent | None) -> bool:
        if isinstance(a0, QHelpEvent) and self.tiles is not None:
            cell = self.place_at(a0.pos().x(), a0.pos().y())
            QToolTip.showText(a0.globalPos(), self.tiles.describe(cell) if cell else "", self)
            return True
        return bool(super().event(a0))

    @override
    def paintEvent(self, a0: Any) -> None:
        if self.tiles is None:
            return
        painter = QPainter(self)
        left, top, width, height = self._frame()
        gap = 1.0 if width > 4 else 0.0
        brushes = {state: QBrush(QColor(colour)) for state, colour in COLOURS.items()}
        for cell in {*self.tiles.names, *self.tiles.states}:
            state = self.tiles.states.get(cell, "there")
            x, y = left + cell[1] * width, top + cell[0] * height
            painter.fillRect(QRectF(x, y, width - gap, height - gap), brushes[state])
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if width > 5:
            self._draw_path(painter, self.tiles.path)
        self._draw_fields(painter)
        if self.tiles.mirrored is not None:
            self._draw_axes(painter, *self.tiles.mirrored)
        painter.end()

    def _draw_fields(self, painter: QPainter) -> None:
        """Outline the maps of parts of the section."""
        assert self.tiles is not None
        left, top, width, height = self._frame()
        size = (self.tiles.grid[1] * width, self.tiles.grid[0] * height)
        painter.setPen(QPen(QColor(FIELD_COLOUR), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for corners in self.tiles.fields.values():
            ends = [QPointF(left + c * size[0], top + r * size[1]) for r, c in corners]
            painter.drawPolygon(QPolygonF(ends))

    def _draw_path(self, painter: QPainter, path: Sequence[Cell]) -> None:
        if len(path) < 2:
            return
        painter.setPen(QPen(QColor(255, 255, 255, 150), 1.2))
        points = [self.centre_of(cell) for cell in path]
        painter.drawPolyline(QPolygonF(points))
        painter.setBrush(QColor("white"))
        painter.drawEllipse(points[0], 2.5, 2.5)
        for begin, end in itertools.pairwise(points[:3]):
            _arrow_head(painter, begin, end)
        _arrow_head(painter, points[-2], points[-1])

    def _draw_axes(self, painter: QPainter, y_mirrored: bool, x_mirrored: bool) -> None:
        """Draw the stage's axes along the upper and left edges of the map."""
        assert self.tiles is not None
        left, top, width, height = self._frame()
        right, bottom = left + width * self.tiles.grid[1], top + height * self.tiles.grid[0]
        for mirrored, begin, end, name in (
            (x_mirrored, QPointF(left, 7), QPointF(right, 7), "stage x"),
            (y_mirrored, QPointF(7, top), QPointF(7, bottom), ""),
        ):
            painter.setPen(QPen(QColor("#e69f00" if mirrored else "#9aa0a6"), 1.5))
            line = QLineF(end, begin) if mirrored else QLineF(begin, end)
            painter.drawLine(line)
            painter.setBrush(painter.pen().color())
            _arrow_head(painter, line.p1(), line.p2())
            if name and right - left > 120:
                box = QRectF(left, 0, right - left, 13)
                painter.fillRect(
                    QRectF(box.center().x() - 26, 0, 52, 13), self.palette().window().color()
                )
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, name)


def _arrow_head(painter: QPainter, begin: QPointF, end: QPointF) -> None:
    line = QLineF(end, begin)
    if line.length() < 4:
        return
    line.setLength(5)
    sides = []
    for turn in (-28, 28):
        side = QLineF(line)
        side.setAngle(line.angle() + turn)
        sides.append(side.p2())
    painter.drawPolygon(QPolygonF([end, *sides]))
