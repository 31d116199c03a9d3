"""The selected crystal: its cut-out and its numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QHBoxLayout, QLabel, QWidget

from napari_olivine.crystals import COUNTED_SHARE, REGION_SHARE
from napari_olivine.section import Raster, Section
from napari_olivine.widgets.common import Background, wrapped
from napari_olivine.widgets.crystals.radial_part import words_of

SIDE = 132
"""Side of the cut-out on the screen."""


class CrystalSummary(QWidget):
    """Cut-out and numbers of one crystal."""

    def __init__(self) -> None:
        super().__init__()
        self.picture = QLabel()
        self.picture.setFixedSize(SIDE, SIDE)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.text = wrapped("Click a crystal, or choose a row.", rich=True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.picture)
        row.addWidget(self.text, 1)
        self.setFixedHeight(SIDE + 4)
        self._crystal = 0
        self._background = Background()
        self._background.done.connect(self._on_done)

    def stop(self) -> None:
        """Stop making the cut-out."""
        self._background.stop()

    def show_crystal(self, section: Section | None, record: dict[str, Any] | None) -> None:
        """Show a crystal by its row of the table, or none."""
        if section is None or record is None or "row0" not in record:
            self._crystal = 0
            self._background.want([])
            self.picture.clear()
            self.picture.hide()
            self.text.setText("Click a crystal, or choose a row.")
            return
        self.picture.show()
        self.text.setText(_numbers(record))
        self._crystal = int(record["id"])
        if "BSE" in section.record.signals:
            raster = section.raster("images", "BSE")
            self._background.want([(self._crystal, lambda: cut_out(raster, record))])

    def _on_done(self, crystal: int, grey: NDArray[np.uint8] | None) -> None:
        if crystal != self._crystal:
            return
        if grey is None:
            self.picture.clear()
        else:
            self.picture.setPixmap(_pixmap(grey))


def cut_out(raster: Raster, record: dict[str, Any]) -> NDArray[np.uint8]:
    """Cut a crystal out of an image, stretched to 0-255, shape about (132, 132) at most."""
    rows = int(record["row0"]), int(record["row1"])
    columns = int(record["col0"]), int(record["col1"])
    side = max(rows[1] - rows[0], columns[1] - columns[0])
    margin = max(3, side // 10)
    level = 0
    while side >> level > 2 * SIDE and level + 1 < len(raster.levels):
        level += 1
    window = [
        slice(max(0, (low - margin) >> level), ((high + margin) >> level) + 1)
        for low, high in (rows, columns)
    ]
    grey = raster.read(window[0], window[1], level).astype(np.float32)
    low, high = np.percentile(grey, (0.5, 99.5))
    return np.clip((grey - low) / max(high - low, 1e-6) * 255, 0, 255).astype(np.uint8)


def _pixmap(grey: NDArray[np.uint8]) -> QPixmap:
    rows, columns = grey.shape
    image = QImage(grey.tobytes(), columns, rows, columns, QImage.Format.Format_Grayscale8)
    return QPixmap.fromImage(image.copy()).scaled(
        SIDE,
        SIDE,
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )


def _numbers(record: dict[str, Any]) -> str:
    def number(name: str, pattern: str) -> str:
        value = record.get(name)
        return pattern.format(value) if value is not None and np.isfinite(value) else "-"

    kind = words_of(record)
    spread = record.get("mg_difference_se")
    known = spread is not None and np.isfinite(spread) and spread >= 5e-5
    error = f" ± {spread:.4f}" if known else ""
    of_olivine = (
        f"mg# core {number('mg_core', '{:.3f}')}, rim {number('mg_rim', '{:.3f}')}",
        f"core - rim {number('mg_difference', '{:+.4f}')}{error}",
    )
    lines = [
        f"<b>Crystal {record['id']}</b>",
        f"{record.get('size_class', '')}{', ' + kind if kind else ''}",
        f"{number('area_um2', '{:,.0f}')} µm², "
        f"{number('major_axis_um', '{:.0f}')} x {number('minor_axis_um', '{:.0f}')} µm",
        *(of_olivine if "mg_core" in record else ()),
        f"at {number('x_um', '{:.0f}')}, {number('y_um', '{:.0f}')} µm",
    ]
    share = record.get(REGION_SHARE, 1.0)
    if share < COUNTED_SHARE:
        lines.append(f"does not count: {share:.0%} of it lies in the region of study")
    elif record.get("touches_edge"):
        cut_by = "region of study's" if share < 1 else "section's"
        lines.append(f"cut by the {cut_by} edge")
    return "<br>".join(lines)
