"""The Crystals dock: colours, columns, gallery, histogram, and what an edit leaves as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from qtpy.QtCore import QSettings, Qt

from napari_olivine.job import Job
from napari_olivine.section import Section, create_raster
from napari_olivine.settings import Settings
from napari_olivine.widgets.common.background import Background
from napari_olivine.widgets.crystals.column_menu import ColumnMenu
from napari_olivine.widgets.crystals.cutouts import Sources, cut_out, field_of, scale_bar_um
from napari_olivine.widgets.crystals.gallery import CrystalGallery
from napari_olivine.widgets.crystals.gallery_tile import SIDE
from napari_olivine.widgets.crystals.histogram import HistogramPart, mg_histogram
from napari_olivine.widgets.crystals.layer import outline_data
from napari_olivine.widgets.crystals.table_model import CrystalModel
from napari_olivine.widgets.docks.crystals_dock import CrystalsDock
from napari_olivine.widgets.state.open_section import OpenSection
from tests.helpers.sections import make_section
from tests.helpers.shared_window import close_docks, settle

pytestmark = pytest.mark.gui

LEFT = Qt.MouseButton.LeftButton

PIXEL_UM = 1.5

CORE, RIM, BORDER = 0.90, 0.80, 4
"""mg# of the inner and outer half of every crystal, and pixels that count for neither."""

RADII = (60, 40, 30, 25, 20, 18, 16, 14, 12, 10, 9, 8)


def save(section: Section, product: str, images: dict[str, NDArray[Any]], **tables: Any) -> None:
    """Store a product as a step does."""
    settings = Settings()
    recipe = section.recipe(product, settings, [])
    recipe.settings["border_px"] = BORDER
    with section.draft(product, recipe, Job()) as draft:
        for name, image in images.items():
            how = "mode" if image.dtype == np.uint32 else "nanmean"
            fill = 0 if image.dtype == np.uint32 else np.nan
            out = create_raster(
                draft.path / name, image.shape, image.dtype, PIXEL_UM, reduction=how, fill=fill
            )
            out.write(0, 0, image)
            out.build_pyramid(Job())
        for name, table in tables.items():
            table.to_parquet(draft.path / f"{name}.parquet")


@pytest.fixture(scope="module")
def made_section(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve round crystals with a core rich in Mg, one with a hole."""
    shape = (600, 800)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, np.uint32)
    mg = np.full(shape, np.nan, np.float32)
    grey = np.full(shape, 60, np.uint8)
    records = []
    for k, radius in enumerate(RADII):
        row, column = 100 + 200 * (k // 4), 100 + 200 * (k % 4)
        depth = radius - np.hypot(rows - row, columns - column)
        inside = depth > 0
        if k == 1:  # a hole does not make a rim
            inside &= np.hypot(rows - row, columns - column) > 6
        labels[inside] = k + 1
        core = inside & (depth > radius / 2)
        mg[inside], mg[core] = RIM, CORE
        grey[inside], grey[core] = 140, 110
        box = np.nonzero(inside)
        records.append(
            {
                "id": k + 1, "x_um": PIXEL_UM * column, "y_um": PIXEL_UM * row,
                "row0": box[0].min(), "row1": box[0].max() + 1,
                "col0": box[1].min(), "col1": box[1].max() + 1,
                "area_px": inside.sum(), "area_um2": PIXEL_UM**2 * inside.sum(),
                "size_class": "phenocryst" if radius > 28 else "microphenocryst",
                "zoning_class": "normal" if radius > 28 else "",
                "zone_class": "normal", "zone_probability": 1.0, "mg_mean": 0.82,
                "mg_core": CORE if k != 5 else np.nan, "mg_rim": RIM, "circularity": 1 - k / 100,
                "verdict": "", "note": "",
            }
        )  # fmt: skip
    section = make_section(tmp_path_factory.mktemp("crystals") / "section", {"BSE": grey})
    save(section, "mg", {"mg": mg})
    save(section, "crystals", {"crystals": labels}, crystals=pd.DataFrame(records))
    return section.path


@pytest.fixture
def section(made_section: Path) -> Section:
    return Section(made_section)


@pytest.fixture
def table(section: Section) -> pd.DataFrame:
    return section.table("crystals", "crystals")


@pytest.fixture(autouse=True)
def preferences(tmp_path: Path) -> None:
    """What a person prefers is not touched by tests."""
    scope = QSettings.Scope.UserScope
    QSettings.setPath(QSettings.Format.IniFormat, scope, str(tmp_path / "preferences"))


def record_of(table: pd.DataFrame, crystal: int) -> dict[str, Any]:
    return dict(table[table["id"] == crystal].iloc[0])


# ---------------------------------------------------------------------- histogram


class TestHistogram:
    def rasters(self, section: Section) -> tuple[Any, Any]:
        return section.raster("crystals", "crystals"), section.raster("mg", "mg")

    def test_areas_of_core_and_rim(self, section: Section, table: pd.DataFrame) -> None:
        found = mg_histogram(*self.rasters(section), record_of(table, 1), BORDER)
        assert found is not None
        middles = (found.edges[1:] + found.edges[:-1]) / 2
        share = found.percent[middles > (CORE + RIM) / 2].sum()
        radius = RADII[0]
        assert found.percent.sum() == pytest.approx(100)
        assert share == pytest.approx(100 * (radius / 2) ** 2 / (radius - BORDER) ** 2, rel=0.03)
        assert found.pixels == pytest.approx(np.pi * (radius - BORDER) ** 2, rel=0.02)

    def test_a_hole_is_no_outline(self, section: Section, table: pd.DataFrame) -> None:
        found = mg_histogram(*self.rasters(section), record_of(table, 2), BORDER)
        assert found is not None
        expected = np.pi * ((RADII[1] - BORDER) ** 2 - 6**2)
        assert found.pixels == pytest.approx(expected, rel=0.02)

    def test_nothing_inside_the_border(self, section: Section, table: pd.DataFrame) -> None:
        assert mg_histogram(*self.rasters(section), record_of(table, 12), 30) is None

    def test_large_crystals_at_a_coarser_level(
        self, section: Section, table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("napari_olivine.widgets.crystals.histogram.LARGEST_PX", 4000)
        found = mg_histogram(*self.rasters(section), record_of(table, 1), BORDER)
        assert found is not None
        assert found.level == 1
        assert 4 * found.pixels == pytest.approx(np.pi * (RADII[0] - BORDER) ** 2, rel=0.05)

    def test_medians_are_marked(self, qtbot: Any, section: Section, table: pd.DataFrame) -> None:
        part = HistogramPart()
        qtbot.addWidget(part)
        part.set_section(section)
        part.show_crystal(record_of(table, 1))
        part.show_crystal(record_of(table, 3))  # asked for before the first was made
        qtbot.waitUntil(lambda: part.crystal == 3, timeout=5000)
        marks = {curve.name: curve.x[0] for curve in part.plot.curves if curve.name}
        assert marks == {"core": CORE, "rim": RIM}
        part.show_crystal(record_of(table, 6))
        qtbot.waitUntil(lambda: part.crystal == 6, timeout=5000)
        assert [curve.name for curve in part.plot.curves] == ["", "rim"]
        part.show_crystal(record_of(table.assign(mg_mean=np.nan), 1))
        assert part.isHidden()
        part.stop()


# ---------------------------------------------------------------------- cut-outs


class TestCutOuts:
    def cut(self, section: Section, record: dict[str, Any], picture: Any, field: float) -> Any:
        return cut_out(Sources.of(section), record, picture, SIDE, field).astype(int)

    def test_crystal_is_in_the_middle_at_its_scale(
        self, section: Section, table: pd.DataFrame
    ) -> None:
        for crystal, field in ((1, 200.0), (12, 40.0), (1, 480.0)):
            found = self.cut(section, record_of(table, crystal), "BSE with outline", field)
            yellow = (found[..., 0] > 200) & (found[..., 2] < 90)
            rows, columns = np.nonzero(yellow)
            size = 2 * RADII[crystal - 1] / field * SIDE
            assert np.ptp(rows) == pytest.approx(size, abs=3)
            assert np.ptp(columns) == pytest.approx(size, abs=3)
            assert rows.mean() == pytest.approx(SIDE / 2, abs=2)

    def test_beyond_the_section_is_black(self, section: Section, table: pd.DataFrame) -> None:
        found = self.cut(section, record_of(table, 1), "BSE", 600.0)
        assert (found[:30] == 0).all()
        assert found[SIDE // 2 :].max() > 0

    def test_zoning_is_seen_in_grey_and_mg(self, section: Section, table: pd.DataFrame) -> None:
        record, middle = record_of(table, 1), SIDE // 2
        grey = self.cut(section, record, "BSE", field_of(record))
        near_rim = int(middle - 0.42 * SIDE / 1.25 * 0.9)
        assert grey[near_rim, middle, 0] - grey[middle, middle, 0] > 60
        mg = self.cut(section, record, "mg#", field_of(record))
        core, rim = mg[middle, middle], mg[near_rim, middle]
        assert core[0] > core[2], "viridis: yellow is rich in Mg"
        assert rim[2] > rim[0]
        assert mg[2, 2].max() < 100, "the surroundings are dim"

    @pytest.mark.parametrize("field", [12.0, 75.0, 100.0, 480.0, 1999.0])
    def test_scale_bar_is_a_round_length(self, field: float) -> None:
        length = scale_bar_um(field)
        assert 0.15 * field <= length <= 0.4 * field * 1.001
        assert float(f"{length:.0e}"[0]) in (1, 2, 5)


# ---------------------------------------------------------------------- gallery


class TestGallery:
    @pytest.fixture
    def gallery(self, qtbot: Any, section: Section, table: pd.DataFrame) -> Any:
        model = CrystalModel()
        model.set_table(table)
        gallery = CrystalGallery(model)
        qtbot.addWidget(gallery)
        gallery.resize(3 * (SIDE + 10) + 20, 150)
        gallery.set_section(section)
        gallery.show()
        qtbot.waitExposed(gallery)
        yield gallery
        gallery.stop()

    def ids(self, gallery: Any) -> list[int]:
        """Crystals that have cut-outs, in the order of their making."""
        return [int(name[2]) for name in gallery.cut_outs]

    def test_only_what_is_in_view_is_made(self, qtbot: Any, gallery: Any) -> None:
        view = list(gallery.in_view())
        assert len(view) < len(RADII)
        qtbot.waitUntil(lambda: len(gallery.cut_outs) == len(view), timeout=5000)
        qtbot.wait(100)
        assert sorted(self.ids(gallery)) == [row + 1 for row in view]
        gallery.verticalScrollBar().setValue(gallery.verticalScrollBar().maximum())
        qtbot.waitUntil(lambda: 12 in self.ids(gallery), timeout=5000)

    def test_memory_is_bounded(
        self, qtbot: Any, gallery: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        kept = len(gallery.in_view())
        monkeypatch.setattr("napari_olivine.widgets.crystals.gallery.KEPT", kept)
        bar = gallery.verticalScrollBar()
        for value in (bar.maximum(), 0, bar.maximum()):
            bar.setValue(value)
            qtbot.wait(150)
            assert len(gallery.cut_outs) <= kept

    def test_order_and_filter_are_those_of_the_table(self, qtbot: Any, gallery: Any) -> None:
        gallery.model.sort(gallery.model.names.index("area_um2"), Qt.SortOrder.AscendingOrder)
        chosen: list[int] = []
        gallery.chosen.connect(chosen.append)
        qtbot.mouseClick(gallery.viewport(), LEFT, pos=gallery.cell(1).center())
        assert chosen == [11]
        gallery.model.keep("phenocryst")
        qtbot.mouseClick(gallery.viewport(), LEFT, pos=gallery.cell(0).center())
        assert chosen == [11, 3]
        assert gallery.row_at(gallery.cell(2).center()) == 2
        assert gallery.row_at(gallery.cell(3).center()) == -1, "there are three"

    def test_arrow_keys(self, qtbot: Any, gallery: Any) -> None:
        across = gallery.across
        gallery.show_selected(1)
        chosen: list[int] = []
        gallery.chosen.connect(chosen.append)
        for key in (
            Qt.Key.Key_Right,
            Qt.Key.Key_Down,
            Qt.Key.Key_Left,
            Qt.Key.Key_Up,
            Qt.Key.Key_Up,
        ):
            qtbot.keyClick(gallery, key)
        assert chosen == [2, 2 + across, 1 + across, 1], "there is nothing above the first row"
        qtbot.keyClick(gallery, Qt.Key.Key_End)
        assert chosen[-1] == 12
        assert len(RADII) - 1 in gallery.in_view()

    def test_one_scale_for_all(self, qtbot: Any, gallery: Any) -> None:
        gallery.show_same_scale(True)
        largest = field_of(gallery.model.record(1))
        assert largest > 2 * RADII[0]

        def at_one_scale() -> set[int]:
            return {int(name[2]) for name in gallery.cut_outs if name[1] == largest}

        view = {row + 1 for row in gallery.in_view()}
        qtbot.waitUntil(lambda: at_one_scale() == view, timeout=5000)
        gallery.model.keep("microphenocryst")  # the largest of these fills its cut-out
        smaller = field_of(gallery.model.record(4))
        qtbot.waitUntil(lambda: any(name[1] == smaller for name in gallery.cut_outs), timeout=5000)

    def test_changed_outline_is_cut_out_anew(
        self, qtbot: Any, gallery: Any, table: pd.DataFrame
    ) -> None:
        qtbot.waitUntil(lambda: 1 in self.ids(gallery), timeout=5000)
        before = self.ids(gallery).count(1)
        edited = table.copy()
        edited.loc[0, "area_px"] -= 7
        gallery.model.set_table(edited)
        qtbot.waitUntil(lambda: self.ids(gallery).count(1) == before + 1, timeout=5000)


def test_work_that_is_no_longer_wanted_is_left(qtbot: Any) -> None:
    import threading

    background, gate, begun, done = Background(), threading.Event(), threading.Event(), []
    background.done.connect(lambda name, result: done.append((name, result)))

    def first() -> str:
        begun.set()
        gate.wait(5)
        return "first"

    def broken() -> None:
        raise OSError("the disk is gone")

    background.want([("a", first), ("b", lambda: "never")])
    assert begun.wait(5)
    background.want([("c", broken), ("d", lambda: threading.current_thread().name)])
    gate.set()
    qtbot.waitUntil(lambda: len(done) == 3, timeout=5000)
    assert done[:2] == [("a", "first"), ("c", None)]
    assert done[2][1] != threading.main_thread().name
    background.want([("e", lambda: 5)])
    qtbot.waitUntil(lambda: done[-1] == ("e", 5), timeout=5000)
    background.stop()


# ---------------------------------------------------------------------- columns


def test_columns_are_chosen_and_remembered(qtbot: Any, table: pd.DataFrame) -> None:
    from qtpy.QtWidgets import QTableView

    def one() -> tuple[Any, Any]:
        model, view = CrystalModel(), QTableView()
        qtbot.addWidget(view)
        view.setModel(model)
        menu = ColumnMenu(view, model)
        model.set_table(table)
        return view, menu

    view, menu = one()
    assert "circularity" not in menu.shown()
    actions = {
        a.text(): a for part in menu.menu().actions() if part.menu() for a in part.menu().actions()
    }
    assert len(actions) == len(menu.model.names)
    actions["Circularity"].trigger()
    actions["mg# rim"].trigger()
    assert "circularity" in menu.shown()
    assert view.isColumnHidden(menu.model.names.index("mg_rim"))
    menu.model.set_table(table.drop(columns="id").assign(id=table["id"], new_column=1.0))
    assert "circularity" in menu.shown()
    assert "new_column" not in menu.shown()
    view, menu = one()  # another window
    assert "circularity" in menu.shown()
    assert "mg_rim" not in menu.shown()
    menu.reset()
    assert "circularity" not in menu.shown()
    for name in list(menu.shown()):
        menu.show(name, False)
    assert len(menu.shown()) == 1, "the heads stay, or nothing could be brought back"


# ---------------------------------------------------------------------- the dock


@pytest.fixture(scope="module")
def viewer(module_viewer: Any, made_section: Path) -> Any:
    OpenSection.of(module_viewer).open(made_section)
    return module_viewer


@pytest.fixture
def dock(viewer: Any) -> Iterator[CrystalsDock]:
    widget = viewer.window.add_plugin_dock_widget("napari-olivine", "Crystals")[1]
    settle(viewer)
    yield widget
    widget.session.select(0)
    close_docks(viewer)


def test_colours_by_any_column_and_outlines(
    qtbot: Any, viewer: Any, dock: Any, table: pd.DataFrame
) -> None:
    layer = viewer.layers["Crystals"]
    filled = layer.opacity
    dock.colours.choose("area_um2")
    colours = layer.colormap.map(np.arange(4))
    assert not np.allclose(colours[1], colours[2])
    assert dock.colours.bar.isVisible()
    assert not dock.colours.legend.isVisible()
    qtbot.mouseClick(dock.colours.outlines, LEFT)
    assert layer.contour > 0
    assert layer.opacity == 1.0
    again = dock.session.show("crystals", "crystals")  # as after a step
    assert again is not layer
    assert again.contour > 0
    np.testing.assert_allclose(again.colormap.map(3), colours[3])
    dock.colours.outlines.setChecked(False)
    assert (again.contour, again.opacity) == (0, pytest.approx(filled))
    dock.colours.choose("zone_class")
    assert "normal&nbsp;zoning&nbsp;12" in dock.legend.text()
    assert not dock.colours.bar.isVisible()


def test_what_the_filter_leaves_out_is_dimmed_on_the_image(
    qtbot: Any, viewer: Any, dock: Any
) -> None:
    def opacities() -> list[float]:
        return viewer.layers["Crystals"].colormap.map([1, 12])[:, 3].tolist()

    qtbot.keyClicks(dock.filter, "pheno")
    assert opacities() == [1, pytest.approx(0.11, abs=0.01)]
    dock.colours.choose("mg_core")
    assert opacities()[1] < 0.2
    qtbot.keyClicks(dock.filter, " x<")  # means nothing yet
    assert opacities()[1] < 0.2
    dock.filter.clear()
    assert opacities() == [1, 1]
    qtbot.keyClicks(dock.filter, "microph")
    assert opacities()[0] < 0.2
    viewer.window.remove_dock_widget(dock)
    assert opacities() == [1, 1], "the filter goes with the dock"


def test_an_edit_moves_nothing(qtbot: Any, viewer: Any, dock: Any, table: pd.DataFrame) -> None:
    model, view = dock.model, dock.view
    assert model.id_at(0) == 1, "the largest is first"
    many = pd.concat([table.assign(id=table["id"] + 12 * k) for k in range(40)], ignore_index=True)
    dock.show_table(many, None)
    view.sortByColumn(model.names.index("circularity"), Qt.SortOrder.AscendingOrder)
    dock.filter.setText("verdict!=rejected")
    crystal = model.id_at(200)
    dock.session.select(crystal)
    qtbot.wait(50)
    top = view.verticalScrollBar().value()
    assert top > 0
    edited = many.copy()
    edited.loc[edited["id"].isin([model.id_at(row) for row in (0, 1, 250)]), "verdict"] = "rejected"
    dock.session.edited(edited.set_index("id", drop=False), None)
    assert dock.filter.text() == "verdict!=rejected"
    assert model.rowCount() == len(many) - 3
    assert model.row_of(crystal) == 198
    assert view.verticalScrollBar().value() == top - 2, "the crystal stays at its place"
    (index,) = view.selectionModel().selectedRows()
    assert index.row() == 198
    assert dock.session.selected == crystal
    header = view.horizontalHeader()
    assert model.names[header.sortIndicatorSection()] == "circularity"
    rejected = int(edited.query("verdict != ''")["id"].iloc[0])
    assert 0 < viewer.layers["Crystals"].colormap.map(rejected)[3] < 0.4
    dock.session.edited(edited[edited["id"] != crystal], None)
    assert dock.session.selected == 0, "it was merged into another"
    dock.session.select(4)
    dock.session.product_changed.emit("crystals")  # the table was written
    assert dock.session.selected == 4
    dock._made = "another run"
    dock.session.product_changed.emit("crystals")
    assert dock.session.selected == 0, "4 is another crystal now"


@pytest.mark.parametrize("crystal", [1, 2, 12])
def test_outline_lies_on_its_crystal(section: Section, table: pd.DataFrame, crystal: int) -> None:
    """Also where the pixels of a small crystal are drawn as several."""
    mask, look = outline_data(section, record_of(table, crystal))
    assert max(mask.shape) >= 100
    row, column = record_of(table, crystal)["y_um"], record_of(table, crystal)["x_um"]
    rows, columns = np.nonzero(mask)
    places = [k * look["scale"][0] + first for k, first in zip(
        (rows.mean(), columns.mean()), look["translate"], strict=True
    )]  # fmt: skip
    assert places == pytest.approx([row, column], abs=0.02 * PIXEL_UM)
    area = mask.sum() * look["scale"][0] ** 2
    assert area == pytest.approx(record_of(table, crystal)["area_um2"])


def test_gallery_table_and_canvas_are_linked(qtbot: Any, viewer: Any, dock: Any) -> None:
    dock.tabs.setCurrentIndex(1)
    sheet = dock.gallery.sheet
    qtbot.waitUntil(lambda: len(sheet.cut_outs) >= 3, timeout=5000)
    qtbot.mouseClick(sheet.viewport(), LEFT, pos=sheet.cell(1).center())
    assert dock.session.selected == 2
    (index,) = dock.view.selectionModel().selectedRows()
    assert dock.model.id_at(index.row()) == 2
    record = dock.model.record(2)
    assert viewer.scene.camera.center[1:] == pytest.approx((record["y_um"], record["x_um"]))
    qtbot.waitUntil(lambda: dock.histogram.crystal == 2, timeout=5000)
    assert dock.histogram.isVisible()
    dock.session.select(12)
    assert sheet.selected == 12
    assert sheet.model.row_of(12) in sheet.in_view()
