"""The whole road by clicking on a field so small that its images have one level of detail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_olivine.section import Section
from napari_olivine.widgets.state.open_section import OpenSection

pytestmark = [pytest.mark.gui, pytest.mark.slow]

SHAPE = (96, 120)
PIXEL_MM = 0.005


def make_zoned_olivine(folder: Path) -> None:
    """Write the maps of one zoned olivine in glass, and a traverse of spots across it."""
    random = np.random.default_rng(3)
    row, column = np.indices(SHAPE)
    distance = np.hypot((row - 48) / 34, (column - 60) / 44)
    olivine = distance < 1
    mg_number = np.where(olivine, 0.90 - 0.12 * distance**2, 0.3)
    grey = np.where(olivine, 3000 - 1600 * mg_number, 1000) + random.normal(0, 3, SHAPE)
    counts = {
        "Cp": grey,
        "Mg": random.poisson(np.where(olivine, 900 * mg_number, 40)),
        "Fe": random.poisson(np.where(olivine, 900 * (1 - mg_number), 60)),
        "Si": random.poisson(np.where(olivine, 400, 500)),
        "Ca": random.poisson(np.where(olivine, 4, 120)),
        "Al": random.poisson(np.where(olivine, 2, 150)),
    }
    folder.mkdir()
    for name, image in counts.items():
        np.savetxt(folder / f"{name}.txt", image.astype(int), fmt="%d", delimiter="\t")
    right, top = -36 - (SHAPE[1] - 1) * PIXEL_MM, 33 - (SHAPE[0] - 1) * PIXEL_MM
    spots = "".join(
        f"{_oxides(mg_number[48, k])} {-36 - k * PIXEL_MM} {top + 48 * PIXEL_MM}\n"
        for k in range(20, 100, 4)
    )
    (folder / "Standards.txt").write_text(
        f"##### XMAPTOOLS STANDARD FILE\n\n>1 corners\n-36.0 {right} 33.0 {top}\n\n"
        f">2 oxides\nSiO2 MgO FeO X Y\n\n>3 analyses\n{spots}"
    )


def _oxides(mg_number: float) -> str:
    formula = {"SiO2": 60.084, "MgO": 2 * mg_number * 40.304, "FeO": 2 * (1 - mg_number) * 71.844}
    total = sum(formula.values())
    return " ".join(f"{100 * mass / total:.3f}" for mass in formula.values())


def test_from_files_to_crystals_and_open_again(
    make_napari_viewer: Any, qtbot: Any, tmp_path: Path
) -> None:
    make_zoned_olivine(tmp_path / "field")
    viewer = make_napari_viewer(show=True)
    session = OpenSection.of(viewer)

    def run(widget: Any) -> None:
        qtbot.waitUntil(widget.run_button.isEnabled)
        with qtbot.waitSignal(session.jobs.ended, timeout=60_000):
            qtbot.mouseClick(widget.run_button, Qt.MouseButton.LeftButton)
        qtbot.wait(100)
        assert not widget.run_bar.error_box.isVisible(), widget.run_bar.error_text.text()

    def dock(name: str) -> Any:
        return viewer.window.add_plugin_dock_widget("napari-olivine", name)[1]

    widget = dock("Section")
    widget.source.edit.setText(str(tmp_path / "field"))
    widget.source.edit.editingFinished.emit()

    def checked() -> bool:
        found = widget.import_part._last
        return found is not None and found.checked

    qtbot.waitUntil(checked, timeout=20_000)
    widget.destination.edit.setText(str(tmp_path / "section"))
    run(widget)
    qtbot.waitUntil(lambda: "Al" in viewer.layers, timeout=20_000)
    assert len(Section(tmp_path / "section").raster("images", "BSE").levels) == 1
    for name, layer in (
        ("Phase masks", "Mask: olivine"),
        ("EPMA profiles", "mg#"),
        ("Crystals", "Crystals"),
    ):
        run(dock(name))
        assert viewer.layers[layer].visible
    shown = np.asarray(viewer.layers["Crystals"].data)
    assert shown[48, 60] and not shown[2, 2]
    assert np.asarray(viewer.layers["mg#"].data)[48, 60] == pytest.approx(0.90, abs=0.01)

    layers = [layer.name for layer in viewer.layers if layer.name != "EPMA spots"]
    again = make_napari_viewer(show=True)
    again.open(str(tmp_path / "section"), plugin="napari-olivine")
    qtbot.waitUntil(lambda: set(layers) <= {layer.name for layer in again.layers}, timeout=20_000)
