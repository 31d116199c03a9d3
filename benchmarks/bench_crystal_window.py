"""Times of the Crystals dock with 22,000 crystals: colours, sorting, selecting, editing, gallery.

Run ``xvfb-run -a -s "-screen 0 1600x1000x24" python benchmarks/bench_crystal_window.py FOLDER``. A
section of noisy BSE, mg# and round crystals is made in FOLDER first (a minute and more), unless
``--section`` names one with crystals; it is deleted afterwards unless ``--keep`` is given. The
window is 1600 x 1000; times run until the screen shows the finished picture.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
from bench_window import Gaps, Window, memory_mb, peak_mb

ROWS, COLUMNS = 110, 200
"""Crystals below and beside each other."""

STRIP = 1024

GOALS = {"recolour": 0.3, "sort": 0.1, "select": 0.3}


# ---------------------------------------------------------------------- the section


def make_section(folder: Path, cell: int) -> None:
    """Store a section with a crystal in each cell of a grid, as the steps would."""
    from napari_olivine.crystals.table import COLUMNS as NAMES
    from napari_olivine.job import Job
    from napari_olivine.section import Section, SectionRecord, create_raster
    from napari_olivine.settings import Settings

    began = time.perf_counter()
    rng = np.random.default_rng(1)
    shape = (ROWS * cell, COLUMNS * cell)
    record = SectionRecord(name="crystals", pixel_size_um=1.0, shape=shape, signals=["BSE"])
    section = Section.create(folder, record)
    radius = np.clip(rng.lognormal(np.log(cell / 12), 0.6, (ROWS, COLUMNS)), 3, cell / 2 - 2)
    y, x = np.mgrid[:cell, :cell] - (cell - 1) / 2
    distance = np.hypot(y, x).astype(np.float32)
    noise = rng.normal(0, 1, (STRIP, 4096)).astype(np.float32)
    noise = np.tile(noise, (1, -(-shape[1] // 4096)))[:, : shape[1]]

    def store(product: str, name: str, dtype: str, reduction: str, strip: Any) -> None:
        recipe = section.recipe(product, Settings(), [], extra={"source": "a benchmark"})
        with section.draft(product, recipe, Job()) as draft:
            out = create_raster(draft.path / name, shape, dtype, 1.0, reduction=reduction)
            for row in range(0, shape[0], STRIP):
                out.write(row, 0, strip(row, min(STRIP, shape[0] - row)).astype(dtype))
            out.build_pyramid(Job())
            if product == "crystals":
                table(NAMES).to_parquet(draft.path / "crystals.parquet")
        print(f"made {name} after {time.perf_counter() - began:.0f} s", flush=True)

    def depth(row: int, height: int) -> Any:
        """Distance to the outline, positive inside, of some rows of the section."""
        cells = range(row // cell, -(-(row + height) // cell))
        bands = [
            (radius[k][:, None, None] - distance).transpose(1, 0, 2).reshape(cell, -1)
            for k in cells
        ]
        return np.vstack(bands)[row - cells[0] * cell :][:height]

    def labels(row: int, height: int) -> Any:
        cells = (np.arange(row, row + height) // cell)[:, None] * COLUMNS
        ids = 1 + cells + (np.arange(shape[1]) // cell)[None]
        return np.where(depth(row, height) > 0, ids, 0)

    def grey(row: int, height: int) -> Any:
        inside = np.clip(depth(row, height), 0, 20)
        return np.clip(90 + 40 * (inside > 0) - inside + 3 * noise[:height], 0, 255)

    def mg(row: int, height: int) -> Any:
        inside = depth(row, height)
        value = 0.8 + 0.004 * np.clip(inside, 0, 20) + 0.005 * noise[:height]
        return np.where(inside > 0, value, np.nan)

    def table(names: list[str]) -> pd.DataFrame:
        ids = np.arange(1, ROWS * COLUMNS + 1)
        row, column = (ids - 1) // COLUMNS * cell, (ids - 1) % COLUMNS * cell
        side = np.ceil(cell / 2 - radius.ravel()).astype(int)
        found = pd.DataFrame({name: rng.normal(0, 1, len(ids)) for name in names})
        found = found.assign(
            id=ids.astype(np.uint32), x_um=column + cell / 2, y_um=row + cell / 2,
            row0=row + side, row1=row + cell - side, col0=column + side, col1=column + cell - side,
            area_um2=np.pi * radius.ravel() ** 2, area_px=(np.pi * radius.ravel() ** 2).astype(int),
            mg_core=rng.normal(0.85, 0.03, len(ids)), mg_rim=rng.normal(0.82, 0.03, len(ids)),
            mg_mean=rng.normal(0.83, 0.03, len(ids)), touches_edge=False,
        )  # fmt: skip
        sizes = pd.cut(found["area_um2"], [0, 300, 1500, 1e9], labels=False)
        found["size_class"] = np.array(["microlite", "microphenocryst", "phenocryst"])[sizes]
        kinds = np.array(["normal", "reversed", "none"])[rng.integers(0, 3, len(ids))]
        found["zoning_class"] = np.where(found["size_class"] == "phenocryst", kinds, "")
        zones = np.array(["unzoned", "normal", "reversed", "fe_rich_mantle", "patchy", ""])
        found["zone_class"] = zones[rng.integers(0, 6, len(ids))]
        found["habit"] = np.array(["euhedral", "rounded", ""])[rng.integers(0, 3, len(ids))]
        for name in (
            "verdict",
            "reviewed_class",
            "note",
            "reviewer",
            "reviewed_at",
            "zone_second",
            "zone_because",
        ):
            found[name] = ""
        found["session"] = "1"
        return found.assign(fragment=False, off_centre=False, mantled=False, corrected=False)

    store("images", "BSE", "uint8", "mean", grey)
    store("mg", "mg", "float32", "nanmean", mg)
    store("crystals", "crystals", "uint32", "mode", labels)


# ---------------------------------------------------------------------- the window


def measure(path: Path, screenshot: Path | None) -> None:
    """Go about in the dock; prints a table."""
    from vispy.gloo import gl

    window = Window()
    viewer = window.viewer
    viewer.window.resize(1600, 1000)
    rows: list[tuple[str, str, str]] = []

    def drawn(action: Callable[[], Any], moves: bool = False) -> float:
        began = time.perf_counter()
        action()
        window.app.processEvents()  # paints, as Qt does it for a person
        while not all(layer.loaded for layer in viewer.layers if layer.visible):
            window.app.processEvents()
        if moves:  # napari reads what has come into view while it draws, for the next drawing
            window.draw()
        window.canvas.makeCurrent()
        gl.glFinish()
        took = time.perf_counter() - began
        then = window.picture()
        window.settle(0.3)
        window.draw()
        change = float((then != window.picture()).any(axis=2).mean())
        if change > 0.01:
            sys.exit(f"the picture was not finished: {change:.0%} of it changed later")
        return took

    def tell(name: str, times: list[float], goal: float | None = None) -> None:
        words = f"{median(times):.3f} / {max(times):.3f}"
        rows.append((name, words, f"{goal:g}" if goal else ""))
        print(f"{name}: {words} s", flush=True)

    viewer.open(str(path), plugin="napari-olivine")
    window.draw()
    added: list[Any] = []

    def add() -> None:
        added.append(
            viewer.window.add_plugin_dock_widget("napari-olivine", "Crystals", tabify=True)[1]
        )

    tell("opening the dock, s", [drawn(add)])
    dock = added[0]
    model, view, camera = dock.model, dock.view, viewer.scene.camera
    count = len(model.table)
    viewer.reset_view()
    window.settle(1.0)
    whole = camera.zoom
    names = (
        "mg_core",
        "area_um2",
        "zone_class",
        "class",
        "mg_mean",
        "habit",
        "aspect_ratio",
        "class",
    )
    for zoom, words in ((whole, "whole section"), (0.25, "1:4")):
        camera.zoom = zoom
        window.settle(1.0)
        times = [drawn(lambda name=name: dock.colours.choose(name)) for name in names]
        tell(f"recolour by a column, {words}, s", times, GOALS["recolour"])
    tell("areas to outlines, 1:4, s", [drawn(lambda: dock.colours.outlines.setChecked(True))])
    tell("recolour outlines, 1:4, s", [drawn(lambda n=n: dock.colours.choose(n)) for n in names])
    tell("outlines to areas, 1:4, s", [drawn(lambda: dock.colours.outlines.setChecked(False))])

    def sort(name: str, order: Any) -> float:
        began = time.perf_counter()
        view.sortByColumn(model.names.index(name), order)
        view.viewport().repaint()
        return time.perf_counter() - began

    from qtpy.QtCore import Qt

    orders = (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder)
    columns = ("mg_core", "area_um2", "zone_class", "touches_edge", "id")
    tell("sort, s", [sort(name, order) for name in columns for order in orders], GOALS["sort"])

    def keep(text: str) -> float:
        began = time.perf_counter()
        dock.filter.setText(text)
        view.viewport().repaint()
        return time.perf_counter() - began

    texts = (
        "pheno",
        "phenocryst mg_core>0.85",
        "zone_class=fe_rich_mantle",
        "verdict!=rejected",
        "",
    )
    tell("filter, s", [keep(text) for text in texts])

    rng = np.random.default_rng(3)
    picked = rng.choice(model.ids, 20, replace=False).tolist()
    window.settle(1.0)
    tell(
        "select to centred view, s",
        [drawn(lambda k=k: dock._go_to(k), True) for k in picked],
        GOALS["select"],
    )

    def edit(crystal: int) -> None:
        table = model.table.copy()
        table.loc[table["id"] == crystal, "verdict"] = "rejected"
        dock.show_table(table, model.profiles)

    tell("one crystal rejected to redrawn, s", [drawn(lambda k=k: edit(k)) for k in picked[:6]])

    sheet = dock.gallery.sheet
    dock.tabs.setCurrentIndex(1)
    window.settle(2.0)
    bar = sheet.verticalScrollBar()
    gaps, filled = [], []
    for value in rng.integers(0, bar.maximum(), 12).tolist():
        watch, began = Gaps(), time.perf_counter()
        bar.setValue(value)
        window.settle(0.02)
        while sheet.making and time.perf_counter() - began < 10:
            window.settle(0.005)
        filled.append(time.perf_counter() - began)
        gaps.append(watch.longest())
    tell(f"gallery: {len(sheet.in_view())} cut-outs made after a jump, s", filled)
    tell("gallery: longest freeze meanwhile, s", gaps, 0.1)
    rows.append(("memory now / peak, MB", f"{memory_mb():.0f} / {peak_mb():.0f}", ""))
    if screenshot is not None:
        viewer.window._qt_window.grab().save(str(screenshot))
    rasters = viewer.layers["Crystals"].data[0].shape
    print(f"\n{count} crystals in {rasters} px; load {os.getloadavg()[0]:.1f}\n")
    print("| | median / worst | goal |\n| --- | --- | --- |")
    print("\n".join(f"| {name} | {words} | {goal} |" for name, words, goal in rows), flush=True)
    viewer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="where to make the section")
    parser.add_argument("--section", type=Path, help="one that is there already")
    parser.add_argument("--cell", type=int, default=256, help="px from crystal to crystal")
    parser.add_argument("--screenshot", type=Path)
    parser.add_argument("--keep", action="store_true", help="do not delete the section")
    options = parser.parse_args()
    if (options.folder is None) == (options.section is None):
        sys.exit("give either a folder to make the section in, or --section")
    path = options.section or options.folder / "section"
    if options.section is None:  # in a process of its own: its memory is not the window's
        making = multiprocessing.get_context("spawn").Process(
            target=make_section, args=(path, options.cell)
        )
        making.start()
        making.join()
        if making.exitcode:
            sys.exit("the section could not be made")
    try:
        measure(path, options.screenshot)
    finally:
        if options.section is None and not options.keep:
            shutil.rmtree(path)


if __name__ == "__main__":
    main()
