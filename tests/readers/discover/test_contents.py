"""Which file is which signal of which tile, by names and folders as they are met."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings
from napari_olivine.readers.discover.contents import find_signal, read_contents, split_path
from napari_olivine.readers.discover.group_signals import group_by_signal
from napari_olivine.readers.discover.select_signals import select_signals_of


@pytest.mark.parametrize(
    ("name", "signal", "rest"),
    [
        ("BSE", "BSE", ""),
        ("Mg K series", "Mg", ""),
        ("FeKa1", "Fe", ""),
        ("x3_y2_BSE", "BSE", "x3_y2"),
        ("BSE_r00_c01", "BSE", "r00_c01"),
        ("Mg_Tile_001-002", "Mg", "Tile_001-002"),
        ("Field_000123 Ca K series", "Ca", "Field_000123"),
        ("MORB7_16bit_Mg", "Mg", "MORB7_16bit"),
    ],
)
def test_the_signal_in_a_name(name: str, signal: str, rest: str) -> None:
    assert find_signal(name) == (signal, rest)


@pytest.mark.parametrize("name", ["tile_001", "r00_c01", "2024-05-06_section", "Mg_Fe"])
def test_names_that_speak_of_no_single_signal(name: str) -> None:
    assert find_signal(name) is None


def test_a_files_name_goes_before_its_folders() -> None:
    assert split_path(("tiles", "Mg", "r00_c01")) == ("Mg", "tiles/r00_c01")
    assert split_path(("BSE", "Mg_r00_c01")) == ("Mg", "BSE/r00_c01")
    assert split_path(("maps", "overview")) == ("", "maps/overview")


def write(file: Path, dtype: str = "uint8", shape: tuple[int, int] = (8, 10)) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(file, np.ones(shape, dtype))


def grouped(folder: Path, **settings: object) -> dict[str, list[str]]:
    found = group_by_signal(read_contents(folder, Job()), ImportSettings(**settings), Job())
    return {signal: [part.place for part in parts] for signal, parts in found.signals.items()}


def test_tiles_in_a_folder_for_each_signal(tmp_path: Path) -> None:
    for signal in ("BSE", "Mg"):
        for tile in range(3):
            write(tmp_path / signal / f"tile_{tile}.tif")
    places = ["tile_0", "tile_1", "tile_2"]
    assert grouped(tmp_path) == {"BSE": places, "Mg": places}


def test_all_signals_of_a_tile_in_one_folder(tmp_path: Path) -> None:
    for tile in ("f1", "f2"):
        for signal in ("BSE", "Si Ka1"):
            write(tmp_path / tile / f"{signal}.tif")
    assert grouped(tmp_path) == {"BSE": ["f1", "f2"], "Si": ["f1", "f2"]}


def test_numbered_images_that_say_nothing_are_tiles_of_the_bse_image(tmp_path: Path) -> None:
    for tile in range(3):
        write(tmp_path / f"Image ({tile}).tif")
    assert list(grouped(tmp_path)) == ["BSE"]


def test_single_images_that_say_nothing_keep_their_name(tmp_path: Path) -> None:
    write(tmp_path / "BSE.tif")
    write(tmp_path / "overview.tif")
    assert list(grouped(tmp_path)) == ["BSE", "overview"]


def test_signals_can_be_given_another_name(tmp_path: Path) -> None:
    write(tmp_path / "map 12.tif")
    write(tmp_path / "BSE.tif")
    assert list(grouped(tmp_path, rename=("map 12=Mg",))) == ["BSE", "Mg"]
    with pytest.raises(InputError, match="OLD=NEW"):
        grouped(tmp_path, rename=("map 12",))


def test_of_twins_the_deeper_one_is_taken_and_said(tmp_path: Path) -> None:
    for bits, dtype in ((8, "uint8"), (32, "uint32")):
        write(tmp_path / f"obj1_{bits}bt_Mg.tif", dtype)
    found = group_by_signal(read_contents(tmp_path, Job()), ImportSettings(), Job())
    (part,) = found.signals["Mg"]
    assert part.open().dtype == np.uint32
    assert "obj1_8bt_Mg.tif is left out" in found.remarks[0]


def test_masks_and_previews_are_no_signals(tmp_path: Path) -> None:
    for name in ("Mg", "mask", "obj1_mask", "preview"):
        write(tmp_path / f"{name}.tif")
    contents = read_contents(tmp_path, Job())
    assert [one.signal for one in contents.images] == ["Mg"]
    assert len(contents.left_out) == 3


def test_a_real_set_with_twins_and_a_mask(shared_data: Path) -> None:
    contents = read_contents(shared_data / "semarkona" / "obj1", Job())
    found = group_by_signal(contents, ImportSettings(), Job())
    elements = {"Al", "Ca", "Cr", "Fe", "Mg", "Ni", "P", "S", "Si", "Ti"}
    assert set(found.signals) == {"BSE"} | elements
    for element in elements:
        (part,) = found.signals[element]
        assert part.open().dtype == np.uint32


def test_hidden_files_and_the_tables_of_the_microprobe_are_no_images(tmp_path: Path) -> None:
    write(tmp_path / "BSE.tif")
    write(tmp_path / ".Mg.tif")
    write(tmp_path / "EPMA" / "Fe.tif")
    contents = read_contents(tmp_path, Job())
    assert [one.signal for one in contents.images] == ["BSE"]
    assert contents.tables is not None
    assert contents.tables.path == tmp_path / "EPMA"


def test_the_backscatter_image_is_known_by_name_or_named_by_the_person(tmp_path: Path) -> None:
    assert select_signals_of(tmp_path, ["Mg", "BSE"], ImportSettings()) == {
        "BSE": "BSE",
        "Mg": "Mg",
    }
    assert select_signals_of(tmp_path, ["BSE"], ImportSettings(bse="Cp")) == {"BSE": "BSE"}
    assert select_signals_of(tmp_path, ["Mg", "x"], ImportSettings(bse="x")) == {
        "x": "BSE",
        "Mg": "Mg",
    }
    with pytest.raises(InputError, match="which signal is the backscatter image"):
        select_signals_of(tmp_path, ["Mg", "x"], ImportSettings())
    with pytest.raises(InputError, match="no signal Fe; it has Mg, BSE"):
        select_signals_of(tmp_path, ["Mg", "BSE"], ImportSettings(signals=("Fe",)))
