"""Mosaics of tiles: put together exactly, and refused with the file's name."""

from __future__ import annotations

import json
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings, strategies as st

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings, read_source
from tests.helpers.sources import make_mosaic, tile_file


@settings(max_examples=25, deadline=None)
@given(
    tile_shape=st.tuples(st.integers(1, 17), st.integers(1, 17)),
    grid=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    dtype=st.sampled_from(["uint8", "uint16", "uint32", "float32"]),
    cuts=st.lists(st.floats(0, 1), max_size=3),
    seed=st.integers(0, 1000),
)
def test_any_strips_of_any_mosaic_equal_the_block_of_its_tiles(tile_shape, grid, dtype, cuts, seed):
    with tempfile.TemporaryDirectory() as folder:
        whole = make_mosaic(Path(folder), tile_shape=tile_shape, grid=grid, dtype=dtype, seed=seed)
        source = read_source(folder)
        source.check()
        rows = source.shape[0]
        edges = sorted({0, rows, *(int(cut * rows) for cut in cuts)})
        for name, expected in whole.items():
            strips = [
                source.signals[name].read(start, stop, Job()) for start, stop in pairwise(edges)
            ]
            read = np.vstack(strips)
            assert read.dtype == expected.dtype
            np.testing.assert_array_equal(read, expected)


def test_what_is_recognised(tmp_path):
    make_mosaic(tmp_path, tile_shape=(20, 30), grid=(3, 4), signals=("BSE", "Mg", "Si"))
    source = read_source(tmp_path)
    assert (source.form, source.name, source.shape) == ("tiles", "test", (60, 120))
    assert source.pixel_size_um == 0.5
    assert source.tile_shape == (20, 30)
    assert source.accelerating_voltage_kv == 15
    assert list(source.signals) == ["BSE", "Mg", "Si"]
    assert source.problems == []
    assert source.sessions.to_dict("records") == [
        {"session": "1", "row0": 0, "row1": 60, "col0": 0, "col1": 120, "role": "train"}
    ]


def test_settings_say_what_the_files_do_not(tmp_path):
    make_mosaic(tmp_path, signals=("SE", "BackSc", "Mg"), pixel_size_um=None)
    with pytest.raises(InputError, match=r"no pixel_size_um; add it or give --pixel-size-um"):
        read_source(tmp_path)
    with pytest.raises(InputError, match=r"The signals are SE, BackSc, Mg; name it with --bse"):
        read_source(tmp_path, ImportSettings(pixel_size_um=2))
    source = read_source(tmp_path, ImportSettings(pixel_size_um=2, bse="BackSc", signals=("Mg",)))
    assert source.pixel_size_um == 2
    assert list(source.signals) == ["BSE", "Mg"]
    with pytest.raises(InputError, match="has no signal Fe; it has SE, BackSc, Mg"):
        read_source(tmp_path, ImportSettings(pixel_size_um=2, bse="BackSc", signals=("Fe",)))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"tile_overlap_px": 20}, "cannot overlap by 20 px"),
        ({"grid": [100000, 100000]}, "is more than 10000000 tiles"),
        ({"grid": [0, 4]}, "must be numbers from 1"),
        ({"tile_pattern": "tiles/{signal}/{line}.tif"}, "may hold {signal}, {row} and {col}"),
        ({"pixel_size_um": -1}, "pixel_size_um: Input should be greater than 0"),
        ({"signals": "BSE"}, "signals: Input should be a valid array"),
    ],
)
def test_a_wrong_description_is_refused(tmp_path, change, told):
    make_mosaic(tmp_path)
    file = tmp_path / "section.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(InputError) as error:
        read_source(tmp_path)
    assert told in str(error.value)
    assert "section.json" in str(error.value)


def test_a_description_cut_short_is_refused(tmp_path):
    make_mosaic(tmp_path)
    file = tmp_path / "section.json"
    file.write_text(file.read_text()[:50])
    with pytest.raises(InputError, match=r"section\.json is damaged"):
        read_source(tmp_path)


def test_missing_tiles_are_all_told_and_then_counted(tmp_path):
    make_mosaic(tmp_path, grid=(5, 5))
    for row in range(5):
        for column in range(5):
            if (row, column) != (2, 2):
                tile_file(tmp_path, "BSE", row, column).unlink()
    with pytest.raises(InputError) as error:
        read_source(tmp_path).check()
    lines = str(error.value).splitlines()
    assert len(lines) == 1 + 20 + 1
    assert "r00_c00.tif is missing" in lines[1]
    assert lines[-1].strip() == "... and 4 more"


def test_missing_and_truncated_tiles_stay_black_if_wished(tmp_path):
    whole = make_mosaic(tmp_path)
    tile_file(tmp_path, "BSE", 1, 2).unlink()
    truncated = tile_file(tmp_path, "Mg", 0, 0)
    truncated.write_bytes(truncated.read_bytes()[:-200])
    source = read_source(tmp_path, ImportSettings(skip_missing=True))
    source.check()
    whole["BSE"][20:40, 60:90] = 0
    whole["Mg"][:20, :30] = 0
    for name, expected in whole.items():
        np.testing.assert_array_equal(source.signals[name].read(0, 60, Job()), expected)
        assert len(source.signals[name].missing) == 1
    assert "r01_c02.tif is missing" in source.signals["BSE"].missing[0]
    assert "r00_c00.tif is truncated" in source.signals["Mg"].missing[0]


def test_a_signal_without_any_tile_is_an_error_even_then(tmp_path):
    make_mosaic(tmp_path, grid=(1, 2))
    for column in range(2):
        tile_file(tmp_path, "Mg", 0, column).unlink()
    with pytest.raises(InputError, match="Mg: none of its tiles can be read"):
        read_source(tmp_path, ImportSettings(skip_missing=True)).check()


def _truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-300])


def _cut_the_header(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:6])


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _make_larger(file: Path) -> None:
    tifffile.imwrite(file, np.zeros((20, 31), np.uint8))


def _make_16_bit(file: Path) -> None:
    tifffile.imwrite(file, np.zeros((20, 30), np.uint16))


def _make_colour(file: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 255, (20, 30, 3)).astype(np.uint8)
    tifffile.imwrite(file, colours, photometric="rgb")


def _make_palette(file: Path) -> None:
    colours = np.zeros((3, 256), np.uint16)
    colours[0] = np.arange(256) * 256  # shades of red
    tifffile.imwrite(file, np.zeros((20, 30), np.uint8), photometric="palette", colormap=colours)


def _make_stack(file: Path) -> None:
    tifffile.imwrite(file, np.zeros((2, 20, 30), np.uint8), photometric="minisblack")


def _turn_round(file: Path) -> None:
    tifffile.imwrite(file, np.zeros((20, 30), np.float32), photometric="miniswhite")


def _make_logical(file: Path) -> None:
    tifffile.imwrite(file, np.zeros((20, 30), bool), photometric="minisblack")


def _write_text(file: Path) -> None:
    file.write_text("no image")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (Path.unlink, "is missing"),
        (_truncate, "is truncated"),
        (_cut_the_header, "is truncated, damaged or no TIFF"),
        (_empty, "is truncated, damaged or no TIFF"),
        (_write_text, "is truncated, damaged or no TIFF"),
        (_make_larger, "is 20 x 31 px, expected 20 x 30"),
        (_make_16_bit, "is of type uint16, the other tiles of Mg of type uint8"),
        (_make_colour, "is a colour image"),
        (_make_palette, "is a colour image"),
        (_make_stack, "is a stack of images"),
        (_turn_round, "stores white as 0"),
        (_make_logical, "has pixels of type bool"),
    ],
)
def test_a_bad_tile_is_named(tmp_path, spoil, told):
    make_mosaic(tmp_path)
    file = tile_file(tmp_path, "Mg", 1, 3)
    spoil(file)
    with pytest.raises(InputError) as error:
        read_source(tmp_path).check()
    assert str(error.value).count("\n") == 1, "only the one tile is told"
    assert f"{file} {told}" in str(error.value)


@pytest.mark.parametrize("spoil", [_make_larger, _make_16_bit, _make_colour])
@pytest.mark.parametrize("checked", [True, False])
def test_tiles_of_another_kind_stay_empty_if_wished_and_are_told(tmp_path, spoil, checked):
    whole = make_mosaic(tmp_path)
    spoil(tile_file(tmp_path, "Mg", 1, 3))
    source = read_source(tmp_path, ImportSettings(skip_missing=True))
    if checked:
        source.check()
    whole["Mg"][20:40, 90:120] = 0
    np.testing.assert_array_equal(source.signals["Mg"].read(0, 60, Job()), whole["Mg"])
    assert len(source.signals["Mg"].missing) == 1
    assert "r01_c03.tif" in source.signals["Mg"].missing[0]


def test_coarser_tiles_of_the_same_field_are_repeated(tmp_path):
    make_mosaic(tmp_path, grid=(2, 2))
    random = np.random.default_rng(3)
    rows = []
    for row in range(2):
        tiles = [random.integers(1, 9, (10, 15)).astype(np.uint8) for _ in range(2)]
        for column, tile in enumerate(tiles):
            tifffile.imwrite(tile_file(tmp_path, "Mg", row, column), tile)
        rows.append(tiles)
    source = read_source(tmp_path)
    source.check()
    whole = np.repeat(np.repeat(np.block(rows), 2, axis=0), 2, axis=1)
    np.testing.assert_array_equal(source.signals["Mg"].read(3, 31, Job()), whole[3:31])
    assert "Mg has tiles of 10 x 15 px for BSE tiles of 20 x 30 px" in source.problems[0]


def test_tiles_of_another_field_are_not_aligned(tmp_path):
    make_mosaic(tmp_path, grid=(2, 2))
    for row in range(2):
        for column in range(2):
            tifffile.imwrite(tile_file(tmp_path, "Mg", row, column), np.ones((10, 20), np.uint8))
    with pytest.raises(InputError) as error:
        read_source(tmp_path)
    assert "Mg is not aligned with BSE: its tiles are 10 x 20 px" in str(error.value)
    assert "those of BSE 20 x 30 px" in str(error.value)


def test_damage_that_only_decoding_shows_names_the_file(tmp_path):
    make_mosaic(tmp_path)
    file = tile_file(tmp_path, "BSE", 2, 1)
    with tifffile.TiffFile(file) as tiff:
        start, count = tiff.pages.first.dataoffsets[0], tiff.pages.first.databytecounts[0]
    content = bytearray(file.read_bytes())
    content[start : start + count] = b"\0" * count
    file.write_bytes(content)
    source = read_source(tmp_path)
    source.check()
    with pytest.raises(InputError, match=r"r02_c01\.tif is truncated or damaged"):
        source.signals["BSE"].read(0, 60, Job())


def test_a_section_is_no_source(tmp_path):
    (tmp_path / "section.json").write_text('{"format": 1, "name": "done"}')
    with pytest.raises(InputError, match="is an imported section already; open it"):
        read_source(tmp_path)


def test_an_empty_folder_says_what_is_expected(tmp_path):
    with pytest.raises(InputError, match="holds nothing that can be imported"):
        read_source(tmp_path)
    with pytest.raises(InputError, match="is not there"):
        read_source(tmp_path / "nowhere")
