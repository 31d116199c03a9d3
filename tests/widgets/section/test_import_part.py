"""The import in the Section dock: what is seen of a folder, its tiles, what is corrected."""

from __future__ import annotations

import shutil
import tempfile
import threading
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile
from qtpy.QtCore import Qt

from napari_olivine.readers import ImportSettings, read_source
from napari_olivine.section import Section
from napari_olivine.widgets.section.source_scanner import SourceScanner
from napari_olivine.widgets.section.tile_map import COLOURS, TileMap, TileStates, tile_states
from napari_olivine.widgets.state.open_section import OpenSection

LEFT = Qt.MouseButton.LeftButton
GRID, TILE = (3, 4), (40, 60)


@cache
def tile_folder() -> Path:
    """BSE and two maps in 3 x 4 tiles named by row and column, without a description."""
    folder = Path(tempfile.mkdtemp(prefix="olivine-tiles-")) / "thin section 7"
    rng = np.random.default_rng(5)
    for signal in ("BSE", "Mg", "Fe"):
        (folder / signal).mkdir(parents=True)
        for row in range(GRID[0]):
            for column in range(GRID[1]):
                image = rng.integers(20, 200, TILE, dtype=np.uint8)
                tifffile.imwrite(folder / signal / f"r{row:02d}_c{column:02d}.tif", image)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(tile_folder(), tmp_path / "thin section 7"))


def damage(folder: Path) -> None:
    """One tile is gone, one there twice, one cut short."""
    (folder / "BSE" / "r01_c01.tif").unlink()
    shutil.copy(folder / "BSE" / "r02_c03.tif", folder / "BSE" / "r02_c03 (1).tif")
    cut = folder / "Mg" / "r00_c02.tif"
    cut.write_bytes(cut.read_bytes()[:500])


class TestTileStates:
    def states(self, folder: Path) -> TileStates:
        source = read_source(folder, ImportSettings(pixel_size_um=1.0))
        return tile_states(source.layout, source.findings())

    def test_whole_mosaic(self) -> None:
        states = self.states(tile_folder())
        assert (states.grid, states.tile_shape) == (GRID, TILE)
        assert states.count() == {"there": 12}
        assert states.path == []  # rows and columns in the names, no running number

    def test_missing_doubled_and_cut_short(self, folder: Path) -> None:
        damage(folder)
        states = self.states(folder)
        assert states.states == {(1, 1): "missing", (2, 3): "doubled", (0, 2): "unusable"}
        assert states.describe((1, 1)) == "row 2, column 2, no tile"
        assert "r02_c03" in states.describe((2, 3))
        assert "claimed by two tiles" in states.describe((2, 3))

    def test_tile_of_a_longer_name_is_not_meant(self) -> None:
        table = pd.DataFrame({"grid_row": [0, 0], "grid_col": [0, 1]})
        layout = SimpleNamespace(
            tiles=SimpleNamespace(table=table, tile_shape=(4, 4)),
            names=["T_1", "T_10"],
            gaps=[],
            remarks=[],
            grid=(1, 2),
            mirrored=None,
        )
        found = tile_states(layout, ["/a/b/T_10.tif is truncated; copy it again."])
        assert found.states == {(0, 1): "unusable"}

    def test_serpentine_is_the_way_that_the_numbers_go(self) -> None:
        cells = [(0, 0), (0, 1), (0, 2), (1, 2), (1, 1), (1, 0)]
        table = pd.DataFrame(cells, columns=["grid_row", "grid_col"])
        layout = SimpleNamespace(
            tiles=SimpleNamespace(table=table, tile_shape=(4, 4)),
            names=[f"KLV7/KLV7_Field_{k}" for k in (8, 9, 10, 11, 12, 100)],
            gaps=[],
            remarks=[],
            grid=(2, 3),
            mirrored=(True, False),
        )
        assert tile_states(layout).path == cells


@pytest.mark.gui
class TestTileMap:
    def test_colours_by_state_and_the_file_under_the_mouse(self, qtbot: Any) -> None:
        cells = {(row, column): f"t{row}{column}" for row in range(3) for column in range(4)}
        del cells[1, 1]
        tiles = TileStates(GRID, TILE, cells, {(1, 1): "missing", (2, 0): "unusable"})
        shown = TileMap()
        qtbot.addWidget(shown)
        shown.resize(200, 10)
        shown.show_tiles(tiles)
        shown.show()
        picture = shown.grab().toImage()
        for cell, state in (((1, 1), "missing"), ((2, 0), "unusable"), ((0, 0), "there")):
            place = shown.centre_of(cell)
            x, y = round(place.x()) + 8, round(place.y()) + 5  # beside the middle
            assert picture.pixelColor(x, y).name() == COLOURS[state]
            assert shown.place_at(x, y) == cell
        assert shown.place_at(199, 5) is None

    def test_nine_thousand_tiles_are_drawn_at_once(self, qtbot: Any) -> None:
        cells = {(row, column): f"{row}_{column}" for row in range(112) for column in range(81)}
        shown = TileMap()
        qtbot.addWidget(shown)
        shown.resize(320, 10)
        shown.show_tiles(TileStates((112, 81), (338, 512), cells, mirrored=(True, True)))
        assert shown.height() <= 200
        assert not shown.grab().isNull()


@pytest.mark.gui
class TestSourceScanner:
    def test_another_folder_stops_the_first(
        self, qtbot: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        begun, ended = threading.Event(), threading.Event()

        def slow(path: Path, settings: Any, job: Any) -> Any:
            if path.name != "slow":
                return read_source(path, settings, job)
            begun.set()
            try:
                while True:  # 9,000 headers on a network drive
                    job.check()
            finally:
                ended.set()

        monkeypatch.setattr("napari_olivine.readers.read_source", slow)
        scanner = SourceScanner()
        told: list[Any] = []
        scanner.found.connect(told.append)
        scanner.scan(tmp_path / "slow", ImportSettings())
        assert begun.wait(5)
        scanner.scan(tile_folder(), ImportSettings(pixel_size_um=2.0))
        assert ended.wait(5)
        qtbot.waitUntil(lambda: len(told) == 2, timeout=10_000)
        assert {result.path for result in told} == {tile_folder()}
        assert [result.checked for result in told] == [False, True]


def look(qtbot: Any, widget: Any, folder: Path) -> Any:
    part = widget.import_part
    widget.source.edit.setText(str(folder))
    widget.source.edit.editingFinished.emit()
    wait(qtbot, part)
    return part


def wait(qtbot: Any, part: Any) -> None:
    done = lambda: part._last is not None and (part._last.checked or part._last.error)  # noqa: E731
    qtbot.waitUntil(lambda: bool(done()) and not part._again.isActive(), timeout=20_000)


@pytest.mark.gui
class TestLooking:
    """What is seen before the import; no section is opened, and all tests share a window."""

    @pytest.fixture
    def widget(self, class_viewer: Any) -> Any:
        widget = class_viewer.window.add_plugin_dock_widget("napari-olivine", "Section")[1]
        yield widget
        widget.import_part.stop()
        class_viewer.window.remove_dock_widget(widget)

    def test_pixel_size_is_asked_for_and_then_all_is_shown(
        self, qtbot: Any, widget: Any, folder: Path
    ) -> None:
        part = look(qtbot, widget, folder)
        assert "pixel" in widget.run_bar.error_text.text()
        assert widget.settings_part.expanded  # where it is set
        widget.form.editors["pixel_size_um"].value = 1.5
        part._last = None
        wait(qtbot, part)
        assert not widget.run_bar.error_box.isVisible()
        assert "240 x 120 px of 1.5 µm (set by hand)" in part.recognised.text()
        assert part.tiles.tiles.count() == {"there": 12}
        assert "nothing is wrong" in part.problems.text()
        assert [part.signals.item(k, 1).text() for k in range(3)] == ["BSE", "Fe", "Mg"]
        assert part.signals.item(0, 2).text() == "12"

    def test_sizes_that_contradict_each_other_are_asked_with_what_follows(
        self, qtbot: Any, widget: Any, tmp_path: Path
    ) -> None:
        tifffile.imwrite(tmp_path / "BSE.tif", np.arange(3072, dtype=np.uint16).reshape(48, 64))
        (tmp_path / "BSE.txt").write_text(
            "$CM_FIELD_OF_VIEW 64um 48um\n$$SM_MICRON_BAR 20\n$$SM_MICRON_MARKER 50um\n"
        )
        part = look(qtbot, widget, tmp_path)
        assert part.pixel_size.isVisible() and not widget.run_bar.error_box.isVisible()
        assert [radio.text() for radio in part.pixel_size.choices] == ["1 µm", "2.5 µm"]
        part._last = None
        part.pixel_size.choices[1].click()
        wait(qtbot, part)
        assert "64 x 48 px of 2.5 µm (set by hand), 0.16 x 0.12 mm" in part.recognised.text()
        assert part.pixel_size.choices[1].isChecked(), "the answer can be changed"

    def test_a_setting_belongs_to_the_source_that_it_was_made_for(
        self, qtbot: Any, widget: Any, folder: Path, tmp_path: Path
    ) -> None:
        other = Path(shutil.copytree(folder, tmp_path / "another section"))
        part, pixel_size = look(qtbot, widget, folder), widget.form.editors["pixel_size_um"]
        pixel_size.value = 1.5
        part._last = None
        wait(qtbot, part)
        for source, size in ((other, None), (folder, 1.5)):
            edit = widget.source.edit
            edit.setFocus()
            edit.selectAll()
            qtbot.keyClicks(edit, str(source))
            qtbot.keyClick(edit, Qt.Key.Key_Return)
            wait(qtbot, part)
            assert pixel_size.value == size
            assert bool(part.error) is (size is None), "it is asked for anew"
        assert widget.destination.path() == folder.parent / "thin section 7-section"

    def test_signals_are_left_out_renamed_and_made_bse(
        self, qtbot: Any, widget: Any, tmp_path: Path
    ) -> None:
        folder = tmp_path / "maps"
        folder.mkdir()
        for k, name in enumerate(("Chan 1", "Elem 2", "Fe")):
            image = np.random.default_rng(k).integers(0, 200, (50, 60), dtype=np.uint8)
            tifffile.imwrite(folder / f"{name}.tif", image)
        widget.form.editors["pixel_size_um"].value = 1.0
        part = look(qtbot, widget, folder)
        assert "backscatter" in widget.run_bar.error_text.text()
        widget.form.editors["bse"].value = "Chan 1"
        part._last = None
        wait(qtbot, part)
        names = [part.signals.item(k, 1).text() for k in range(part.signals.rowCount())]
        assert names == ["BSE", "Fe", "Elem 2"]
        part._last = None
        part.signals.item(2, 1).setText("Mg")
        wait(qtbot, part)
        assert widget.form.editors["rename"].value == "Elem 2=Mg"
        assert sorted(part._last.source.signals) == ["BSE", "Fe", "Mg"]
        part._last = None
        row = next(k for k in range(3) if part.signals.item(k, 1).text() == "Fe")
        part.signals.item(row, 0).setCheckState(Qt.CheckState.Unchecked)
        wait(qtbot, part)
        assert sorted(part._last.source.signals) == ["BSE", "Mg"]
        assert part.signals.rowCount() == 3  # Fe can be ticked again

    @pytest.mark.parametrize("name", ["epma", "WDS"])
    def test_columns_can_be_named_in_every_folder_of_tables(
        self, qtbot: Any, widget: Any, folder: Path, name: str
    ) -> None:
        """Also while they are not understood, when nothing else of the source is known."""
        (folder / name).mkdir()
        (folder / name / "odd.csv").write_text(TABLE)
        widget.form.editors["pixel_size_um"].value = 1.5
        part = look(qtbot, widget, folder)
        assert "Columns of EPMA tables..." in widget.run_bar.error_text.text()
        assert part.columns.isVisible()
        part.columns.click()
        assert part.mapper.path == folder / name / "odd.csv"
        part.mapper.close()

    def test_message_names_the_setting_as_the_form_does(
        self, qtbot: Any, widget: Any, folder: Path
    ) -> None:
        look(qtbot, widget, folder)
        assert "“Pixel size”" in widget.run_bar.error_text.text()
        assert "--" not in widget.run_bar.error_text.text()

    def test_roles_of_the_sessions_are_told(self, qtbot: Any, widget: Any, folder: Path) -> None:
        (folder / "sessions.csv").write_text(
            "session,first_row,last_row,first_col,last_col,role\n"
            "a,0,2,0,1,train\nb,0,2,2,2,val\nc,0,2,3,3,none\n"
        )
        widget.form.editors["pixel_size_um"].value = 1.5
        part = look(qtbot, widget, folder)
        assert "Sessions: 3 (1 train, 1 val, 1 none)" in part.recognised.text()
        assert "EPMA: none" in part.recognised.text()

    def test_one_file_can_be_dropped(self, widget: Any, tmp_path: Path) -> None:
        from qtpy.QtCore import QMimeData, QPointF, QUrl
        from qtpy.QtGui import QDropEvent

        file = tmp_path / "map.h5oina"
        file.write_bytes(b"no hdf5")
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(file))])
        nothing = Qt.KeyboardModifier.NoModifier
        widget.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, LEFT, nothing))
        assert widget.source.path() == file
        assert widget.import_part.expanded
        widget.import_part.stop()


@pytest.mark.gui
class TestImport:
    @pytest.fixture
    def widget(self, make_napari_viewer: Any) -> Any:
        viewer = make_napari_viewer(show=True)
        viewer.window.resize(1200, 760)
        yield viewer.window.add_plugin_dock_widget("napari-olivine", "Section")[1]
        OpenSection.of(viewer).jobs.stop_now()

    def test_unusable_tiles_are_listed_and_left_out_on_request(
        self, qtbot: Any, widget: Any, folder: Path, tmp_path: Path
    ) -> None:
        damage(folder)
        widget.form.editors["pixel_size_um"].value = 1.5
        part = look(qtbot, widget, folder)
        assert "r02_c03 (1)" in part.problems.text()
        assert "there is no tile in row 2, column 2" in part.problems.text()
        assert part.go_on.isVisibleTo(part)
        assert not part.go_on.isChecked()
        part._last = None
        part.go_on.click()
        wait(qtbot, part)
        widget.destination.edit.setText(str(tmp_path / "new"))
        with qtbot.waitSignal(widget.session.jobs.ended, timeout=60_000):
            qtbot.mouseClick(widget.run_button, LEFT)
        qtbot.waitUntil(lambda: widget.session.section is not None, timeout=5000)
        bse = Section(tmp_path / "new").raster("images", "BSE")
        assert bse.read(slice(40, 80), slice(60, 120)).max() == 0  # the gap
        assert bse.read(slice(0, 40), slice(0, 60)).min() >= 20

    def test_maps_without_bse_are_imported_and_looked_at(
        self, qtbot: Any, widget: Any, tmp_path: Path
    ) -> None:
        folder = tmp_path / "maps"
        folder.mkdir()
        for k, name in enumerate(("Fe", "Mg")):
            image = np.random.default_rng(k).integers(0, 200, (50, 60), dtype=np.uint8)
            tifffile.imwrite(folder / f"{name}.tif", image)
        widget.form.editors["pixel_size_um"].value = 1.0
        part = look(qtbot, widget, folder)
        assert "no BSE image, only maps" in part.problems.text()
        assert [part.signals.item(k, 1).text() for k in range(2)] == ["Fe", "Mg"]
        widget.destination.edit.setText(str(tmp_path / "new"))
        with qtbot.waitSignal(widget.session.jobs.ended, timeout=60_000):
            qtbot.mouseClick(widget.run_button, LEFT)
        layers = widget.session.viewer.layers
        qtbot.waitUntil(lambda: {"Fe", "Mg"} <= {one.name for one in layers}, timeout=10_000)
        assert [one.name for one in layers if one.visible] == ["Fe"]
        assert "make a reference mask" in widget.next.text()

    def test_import_that_was_stopped_is_gone_on_with(
        self, qtbot: Any, widget: Any, folder: Path, tmp_path: Path
    ) -> None:
        from napari_olivine.errors import Cancelled
        from napari_olivine.job import Job
        from napari_olivine.readers import import_section

        job = Job()
        job.listen = lambda event: job.cancel.set() if "pyramids" in str(event) else None
        with pytest.raises(Cancelled):
            import_section(folder, tmp_path / "new", ImportSettings(pixel_size_um=1.5), job)
        widget.form.editors["pixel_size_um"].value = 1.5
        widget.open(tmp_path / "new")
        assert "the import was not finished" in widget.next.text()
        assert widget.run_button.isVisible()
        assert widget.source.path() == folder
        wait(qtbot, widget.import_part)
        with qtbot.waitSignal(widget.session.jobs.ended, timeout=60_000):
            qtbot.mouseClick(widget.run_button, LEFT)
        qtbot.waitUntil(lambda: "BSE" in widget.session.viewer.layers, timeout=10_000)
        assert "make a reference mask" in widget.next.text()
        assert not widget.import_part.expanded


TABLE = """Report of 12 March;;;;;;
Pt;Kat 1;Kat 2;Kat 3;Strecke;Bemerkung;S
1;45,2;12,1;40,3;0;rim;97,6
2;46,2;11,1;40,5;5;;97,8
3;47,2;10,1;40,6;10;;97,9
4;48,0;9,6;40,8;15;crack;98,4
"""


@pytest.mark.gui
class TestColumnMapper:
    @pytest.fixture
    def mapper(self, qtbot: Any, tmp_path: Path) -> Any:
        from napari_olivine.widgets.section.column_mapper import ColumnMapper

        (tmp_path / "epma").mkdir()
        (tmp_path / "epma" / "odd.csv").write_text(TABLE)
        mapper = ColumnMapper(tmp_path / "epma")
        qtbot.addWidget(mapper)
        mapper.show()
        return mapper

    def choose(self, mapper: Any, column: int, quantity: str, unit: str = "") -> None:
        for row, text in ((0, quantity), (1, unit)):
            box = mapper.table.cellWidget(row, column)
            if text:
                box.setCurrentText(text)
                box.textActivated.emit(text)

    def test_table_that_is_not_recognised_is_read_once_its_columns_are_named(
        self, qtbot: Any, mapper: Any, tmp_path: Path
    ) -> None:
        from napari_olivine.readers.epma import read_profiles

        assert not mapper.save_button.isEnabled()
        assert "MgO" in mapper.message.text()  # what is missing
        for column, quantity in ((1, "MgO"), (2, "FeO"), (3, "SiO2")):
            self.choose(mapper, column, quantity, "wt%")
        self.choose(mapper, 4, "distance", "um")
        qtbot.waitUntil(mapper.save_button.isEnabled, timeout=3000)
        assert "4 analyses in 1 profile" in mapper.message.text()
        titles = [mapper.outcome.horizontalHeaderItem(k).text() for k in range(5)]
        assert titles[:3] == ["profile", "point", "distance_um"]
        with qtbot.waitSignal(mapper.saved, timeout=1000):
            qtbot.mouseClick(mapper.save_button, LEFT)
        analyses, _, _ = read_profiles(tmp_path / "epma")
        assert analyses["MgO"].tolist() == [45.2, 46.2, 47.2, 48.0]
        assert analyses["distance_um"].tolist() == [0, 5, 10, 15]

    def test_what_is_kept_is_shown_again_and_can_be_guessed_anew(
        self, qtbot: Any, mapper: Any, tmp_path: Path
    ) -> None:
        from napari_olivine.widgets.section.column_mapper import ColumnMapper

        for column, quantity in ((1, "MgO"), (2, "FeO")):
            self.choose(mapper, column, quantity, "wt%")
        self.choose(mapper, 4, "distance", "mm")
        qtbot.waitUntil(mapper.save_button.isEnabled, timeout=3000)
        mapper.save()
        again = ColumnMapper(tmp_path / "epma")
        qtbot.addWidget(again)
        assert again.table.cellWidget(0, 1).currentText() == "MgO"
        assert again.table.cellWidget(1, 4).currentText() == "mm"
        again.guess()
        assert again.table.cellWidget(0, 1).currentText() == "-"

    def test_a_kept_line_without_columns_shows_the_columns_that_are_found_by_it(
        self, qtbot: Any, tmp_path: Path
    ) -> None:
        from napari_olivine.widgets.section.column_mapper import ColumnMapper

        (tmp_path / "a.csv").write_text("d;MgO;FeO;MgO\n0;47;12;40\n1.250;46;13;40\n")
        (tmp_path / "columns.toml").write_text(
            '[[table]]\nfile = "a.csv"\ndecimal = ","\nskip_columns = [4]\n'
        )
        mapper = ColumnMapper(tmp_path)
        qtbot.addWidget(mapper)
        shown = [mapper.table.cellWidget(0, column).currentText() for column in range(4)]
        assert shown == ["distance", "MgO", "FeO", "-"]
        assert "1250" in mapper.message.text()

    def test_the_same_quantity_twice_is_refused_in_words(self, qtbot: Any, mapper: Any) -> None:
        for column, quantity in ((1, "MgO"), (2, "FeO"), (3, "MgO")):
            self.choose(mapper, column, quantity, "wt%")
        self.choose(mapper, 4, "distance", "um")
        qtbot.wait(400)
        mapper.save()
        assert "would both be MgO" in mapper.message.text()
        assert not (mapper.path.parent / "columns.toml").exists()

    def test_folder_without_tables(self, qtbot: Any, tmp_path: Path) -> None:
        from napari_olivine.widgets.section.column_mapper import ColumnMapper

        mapper = ColumnMapper(tmp_path)
        qtbot.addWidget(mapper)
        assert "no table" in mapper.message.text()
        assert not mapper.save_button.isEnabled()
