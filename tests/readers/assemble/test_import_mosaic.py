"""Folders of tiles as instruments leave them become sections: by stage tags, overlaps and names."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings, import_section, read_source
from napari_olivine.readers.assemble import tables
from napari_olivine.readers.discover import find_tables
from napari_olivine.section import Section
from napari_olivine.section.tiles import Tiles
from tests.helpers.mosaics import MARGIN, TILE, cut_tile, section_of_grains

OVERLAP = 30
GRID = (4, 5)
PIXEL_UM = 0.5
STAGE_ERROR_PX = 6.0


def zeiss(x_um: float, y_um: float) -> str:
    """Return the text of ZEISS' tag 34118 for a stage position."""
    return (
        "0\r\n0\r\nAP_IMAGE_PIXEL_SIZE\r\nImage Pixel Size = 500.0 nm\r\n"
        f"AP_STAGE_AT_X\r\nStage at X = {x_um / 1000:.6f} mm\r\n"
        f"AP_STAGE_AT_Y\r\nStage at Y = {y_um / 1000:.6f} mm\r\n"
        "AP_ACTUALKV\r\nEHT = 15.00 kV\r\nDP_DETECTOR_CHANNEL\r\nSignal A = HDBSD\r\n"
    )


class Mosaic:
    """Tiles written by a ZEISS whose stage counts x against the columns and errs by some pixels."""

    def __init__(self, folder: Path, *, tagged: bool = True, error_px: float = STAGE_ERROR_PX):
        rng = np.random.default_rng(5)
        self.folder = folder
        step = np.array(TILE) - OVERLAP
        size = step * (np.array(GRID) - 1) + TILE + 2 * MARGIN
        self.grey = section_of_grains(int(size[0]), int(size[1]), seed=2)
        cells = np.indices(GRID).reshape(2, -1).T
        planned = cells * step + MARGIN
        self.places = planned + rng.normal(0, error_px, planned.shape).clip(-14, 14)
        self.files: list[Path] = []
        for number, (place, plan) in enumerate(zip(self.places, planned, strict=True)):
            file = folder / f"Field_{number:06d}_BSE.tif"
            file.parent.mkdir(parents=True, exist_ok=True)
            tile = cut_tile(self.grey, place, rng)
            y, x = (plan + (np.array(TILE) - 1) / 2) * PIXEL_UM
            text = zeiss(40_000 - x, 10_000 + y).encode("latin-1")
            tags = [(34118, 2, 0, text, True)] if tagged else []
            tifffile.imwrite(file, tile, metadata=None, extratags=tags)
            self.files.append(file)

    def errors_px(self, tiles: Tiles) -> NDArray[np.float64]:
        """Deviation of each tile from the truth, the same shift of all taken off."""
        table = tiles.table.sort_values("name")
        away = table[["y_px", "x_px"]].to_numpy() - self.places
        return away - away.mean(axis=0)


@pytest.fixture(scope="module")
def mosaic(tmp_path_factory: pytest.TempPathFactory) -> Mosaic:
    return Mosaic(tmp_path_factory.mktemp("zeiss") / "tiles")


@pytest.fixture(scope="module")
def section(mosaic: Mosaic, tmp_path_factory: pytest.TempPathFactory) -> Section:
    return import_section(mosaic.folder, tmp_path_factory.mktemp("sections") / "s")


def test_a_folder_of_tagged_tiles_is_recognised(mosaic: Mosaic) -> None:
    source = read_source(mosaic.folder)
    assert (source.form, source.pixel_size_um, source.tile_shape) == ("tiles", 0.5, TILE)
    assert "ZEISS" in source.instrument
    assert source.accelerating_voltage_kv == 15
    assert source.layout is not None
    assert source.layout.how == "stage"
    assert source.layout.mirrored == (False, True)
    assert source.layout.grid == GRID
    assert source.findings() == []


def test_overlaps_put_every_tile_where_it_belongs(mosaic: Mosaic, section: Section) -> None:
    tiles = section.tiles()
    assert tiles is not None
    errors = mosaic.errors_px(tiles)
    assert np.sqrt((errors**2).mean()) < 0.3
    bounds = tiles.bounds
    assert section.shape == (bounds[:, 1].max(), bounds[:, 3].max())


def test_the_image_is_that_of_the_section(mosaic: Mosaic, section: Section) -> None:
    tiles = section.tiles()
    assert tiles is not None
    image = section.raster("images", "BSE").read(slice(0, 9999), slice(0, 9999)).astype(float)
    shift = np.rint(np.median(mosaic.places - tiles.bounds[:, [0, 2]], axis=0)).astype(int)
    row0, row1, col0, col1 = bounds = tiles.bounds[7]
    truth = mosaic.grey[row0 + shift[0] : row1 + shift[0], col0 + shift[1] : col1 + shift[1]]
    inside = image[row0:row1, col0:col1]
    assert np.corrcoef(inside.ravel(), truth.ravel())[0, 1] > 0.97, bounds


def test_tiles_may_be_left_where_the_stage_puts_them(mosaic: Mosaic, tmp_path: Path) -> None:
    section = import_section(mosaic.folder, tmp_path / "s", ImportSettings(register_tiles=False))
    tiles = section.tiles()
    assert tiles is not None
    assert np.sqrt((mosaic.errors_px(tiles) ** 2).mean()) > 3
    assert not (section.path / "images" / "overlaps.parquet").exists()


def test_overlaps_are_kept_for_the_levelling(section: Section) -> None:
    overlaps = pd.read_parquet(section.path / "images" / "overlaps.parquet")
    assert len(overlaps) >= 31  # neighbours in rows and columns
    used = overlaps[overlaps["used"]]
    assert len(used) > 25
    assert used["gain"].median() == pytest.approx(1, abs=0.05)


def test_a_second_import_changes_nothing(mosaic: Mosaic, section: Section) -> None:
    before = section.product("images")
    again = import_section(mosaic.folder, section.path)
    assert before is not None
    assert again.product("images") == before


def test_a_stopped_import_goes_on_with_the_tiles_that_it_registered(
    mosaic: Mosaic, section: Section, tmp_path: Path
) -> None:
    job = Job()
    messages: list[str] = []

    def stop_while_importing(event: dict[str, object]) -> None:
        messages.append(str(event.get("message", "")))
        if messages[-1] == "Importing images":
            job.cancel.set()

    job.listen = stop_while_importing
    with pytest.raises(Exception, match="Stopped on request"):
        import_section(mosaic.folder, tmp_path / "s", job=job)
    assert "Registering overlaps" in messages
    later: list[str] = []
    job = Job(listen=lambda event: later.append(str(event.get("message", ""))))
    there = import_section(mosaic.folder, tmp_path / "s", job=job)
    assert "Registering overlaps" not in later
    whole = (slice(0, 9999), slice(0, 9999))
    np.testing.assert_array_equal(
        there.raster("images", "BSE").read(*whole), section.raster("images", "BSE").read(*whole)
    )


def test_maps_of_a_part_at_half_resolution_lie_over_their_tiles(
    mosaic: Mosaic, tmp_path: Path
) -> None:
    folder = tmp_path / "tiles"
    folder.mkdir()
    for file in mosaic.files:
        (folder / file.name).write_bytes(file.read_bytes())
        number = int(file.stem.split("_")[1])
        if number in (6, 7, 11, 12):
            counts = np.full((TILE[0] // 2, TILE[1] // 2), number, np.uint16)
            tifffile.imwrite(folder / f"Field_{number:06d}_Mg K series.tif", counts)
    section = import_section(folder, tmp_path / "s", ImportSettings(register_tiles=False))
    tiles = section.tiles()
    assert tiles is not None
    mg = section.raster("images", "Mg").read(slice(0, 9999), slice(0, 9999))
    assert set(np.unique(mg)) >= {0, 6, 7, 11, 12}
    for number in (6, 12):
        row = tiles.table[tiles.table["name"].str.contains(f"{number:06d}")].iloc[0]
        centre = (int(row.row0 + row.row1) // 2, int(row.col0 + row.col1) // 2)
        assert mg[centre] == number
    assert (mg > 0).mean() < 0.4


def test_tiles_without_tags_are_placed_by_their_numbers(tmp_path: Path) -> None:
    mosaic = Mosaic(tmp_path / "tiles", tagged=False, error_px=0)
    settings = ImportSettings(pixel_size_um=0.5, tile_columns=GRID[1])
    source = read_source(mosaic.folder, settings)
    assert source.layout is not None
    assert source.layout.how == "names"
    assert source.layout.grid == GRID
    section = import_section(mosaic.folder, tmp_path / "s", settings)
    tiles = section.tiles()
    assert tiles is not None
    assert np.sqrt((mosaic.errors_px(tiles) ** 2).mean()) < 0.3


def test_what_is_wrong_is_listed_before_anything_is_written(mosaic: Mosaic, tmp_path: Path) -> None:
    folder = tmp_path / "tiles"
    folder.mkdir()
    for file in mosaic.files:
        (folder / file.name).write_bytes(file.read_bytes())
    truncated, deep, hole = mosaic.files[3].name, mosaic.files[8].name, mosaic.files[12].name
    (folder / truncated).write_bytes((folder / truncated).read_bytes()[:900])
    with tifffile.TiffFile(folder / deep) as tiff:
        tags = [(34118, 2, 0, zeiss(0, 0).encode(), True)]
        pixels = tiff.asarray().astype(np.uint16)
        position = tiff.pages.first.tags[34118].value
    x, y = (position[f"ap_stage_at_{axis}"][1] * 1000 for axis in "xy")
    tags = [(34118, 2, 0, zeiss(x, y).encode(), True)]
    tifffile.imwrite(folder / deep, pixels, metadata=None, extratags=tags)
    (folder / hole).unlink()
    with pytest.raises(InputError) as error:
        import_section(folder, tmp_path / "s")
    told = str(error.value)
    assert truncated in told
    assert f"{deep} is of type uint16" in told
    assert "there is no tile in row 3, column " in told
    assert not (tmp_path / "s").exists()
    section = import_section(folder, tmp_path / "s", ImportSettings(skip_missing=True))
    product = section.product("images")
    assert product is not None
    assert len(product.notes["missing_tiles"]) == 3


def test_a_tile_that_is_left_out_stays_so_when_the_others_are_registered(
    mosaic: Mosaic, tmp_path: Path
) -> None:
    folder = tmp_path / "tiles"
    folder.mkdir()
    for file in mosaic.files:
        (folder / file.name).write_bytes(file.read_bytes())
    odd = folder / mosaic.files[7].name
    odd.write_bytes(odd.read_bytes().replace(b"500.0 nm", b"250.0 nm"))
    section = import_section(folder, tmp_path / "s", ImportSettings(skip_missing=True))
    product = section.product("images")
    assert product is not None
    (missing,) = product.notes["missing_tiles"]
    assert f"{odd.name} has pixels of 0.25 um" in missing
    tiles = section.tiles()
    assert tiles is not None
    row0, row1, col0, col1 = tiles.bounds[tiles.table["name"].str.contains("000007")][0]
    inside = (slice(row0 + 40, row1 - 40), slice(col0 + 40, col1 - 40))
    assert not section.raster("images", "BSE").read(*inside).any()


def test_tables_are_read_once_although_the_tiles_move(
    mosaic: Mosaic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tiles"
    (folder / "analyses").mkdir(parents=True)
    for file in mosaic.files:
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "analyses" / "line.csv").write_text("distance_um,MgO,FeO\n0,47,12\n4,45,14\n")
    (folder / "sessions.csv").write_text(
        "session,first_row,last_row,first_col,last_col,role\nA,0,3,0,4,train\n"
    )
    read: list[str] = []

    def counted(function: Callable[[Path], Any], path: Path) -> Any:
        read.append(path.name)
        return function(path)

    for module, name in ((find_tables, "read_tables"), (tables, "read_sessions")):
        monkeypatch.setattr(module, name, partial(counted, getattr(module, name)))
    section = import_section(folder, tmp_path / "s")
    assert read == ["analyses", "sessions.csv"]
    assert section.sessions()[0].row1 == section.shape[0]


def test_sessions_of_a_registered_mosaic_may_be_given_in_tiles(
    mosaic: Mosaic, tmp_path: Path
) -> None:
    folder = tmp_path / "tiles"
    folder.mkdir()
    for file in mosaic.files:
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "sessions.csv").write_text(
        "session,first_row,last_row,first_col,last_col,role\nA,0,1,0,4,train\nB,2,3,0,4,test\n"
    )
    section = import_section(folder, tmp_path / "s")
    first, second = section.sessions()
    assert first.row1 == second.row0
    assert (second.row1, second.col1) == section.shape


def test_an_overlap_that_is_described_is_registered_too(mosaic: Mosaic, tmp_path: Path) -> None:
    folder = tmp_path / "described"
    folder.mkdir()
    for number, file in enumerate(mosaic.files):
        row, column = divmod(number, GRID[1])
        (folder / f"BSE_{row}_{column}.tif").write_bytes(file.read_bytes())
    description = {
        "pixel_size_um": 0.5,
        "tile_shape": TILE,
        "tile_overlap_px": OVERLAP,
        "grid": GRID,
        "tile_pattern": "{signal}_{row}_{col}.tif",
        "signals": ["BSE"],
    }
    (folder / "section.json").write_text(json.dumps(description))
    tiles = import_section(folder, tmp_path / "s").tiles()
    assert tiles is not None
    assert np.sqrt((mosaic.errors_px(tiles) ** 2).mean()) < 0.3


def test_analyses_with_stage_positions_find_their_place(mosaic: Mosaic, tmp_path: Path) -> None:
    folder = tmp_path / "tiles"
    (folder / "epma").mkdir(parents=True)
    for file in mosaic.files:
        (folder / file.name).write_bytes(file.read_bytes())
    stage = "DataSet/Point\tSiO2\tFeO\tMgO\tTotal\tX\tY\tDistance (um)\n"
    for point in range(5):  # along 100 um from 60, 50 um: the stage's x runs against the columns
        x, y = 40_000 - 60 - 25 * point, 10_000 + 50
        stage += f"1 / {point + 1} .\t40\t12\t47\t99\t{x}\t{y}\t{25 * point}\n"
    (folder / "epma" / "line.csv").write_text(stage)
    still = stage.splitlines()[0] + "\n"
    still += "".join(f"1 / {k} .\t40\t13\t46\t99\t{x}\t{y}\t{7 * k}\n" for k in (1, 2, 3))
    (folder / "epma" / "still.csv").write_text(still)
    away = "x stage (mm),y stage (mm),MgO,FeO\n70.1,80.2,47,12\n70.2,80.2,46,13\n"
    (folder / "epma" / "elsewhere.csv").write_text(away)
    section = import_section(folder, tmp_path / "s")
    placement = section.annotation("placements").set_index("profile").loc["line"]
    tiles = section.tiles()
    assert tiles is not None
    # Pixel 0 of the section lies where the truth has this row and column, without the margin.
    zero = np.median(mosaic.places - tiles.table.sort_values("name")[["y_px", "x_px"]], axis=0)
    expected = np.array([60, 50, 160, 50]) - np.tile(zero[::-1] * PIXEL_UM, 2)
    found = placement[["x0_um", "y0_um", "x1_um", "y1_um"]].to_numpy(float)
    np.testing.assert_allclose(found, expected, atol=STAGE_ERROR_PX * PIXEL_UM)
    assert "elsewhere" not in section.annotation("placements")["profile"].tolist()
    product = section.product("images")
    assert product is not None
    assert any("another stage" in told for told in product.notes["problems"])
    assert "still" not in section.annotation("placements")["profile"].tolist()
    assert any("stands still over" in told for told in product.notes["problems"])


def test_tiles_that_stand_here_and_there_are_no_grid_with_holes(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    grey = section_of_grains(900, 1200, seed=4)
    places = np.array([(40, 40), (90, 170), (300, 60), (260, 420), (500, 640), (620, 300)])
    for number, place in enumerate(places):
        y, x = (place + (np.array(TILE) - 1) / 2) * PIXEL_UM
        tags = [(34118, 2, 0, zeiss(40_000 + x, 10_000 + y).encode("latin-1"), True)]
        tile = cut_tile(grey, place.astype(float), rng)
        tifffile.imwrite(tmp_path / f"area {number} BSE.tif", tile, metadata=None, extratags=tags)
    source = read_source(tmp_path, ImportSettings(mirror="none"))
    assert source.layout is not None
    assert not source.layout.regular
    assert source.findings() == []
    assert len(source.layout.tiles) == len(places)
