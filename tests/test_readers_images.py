"""One TIFF per signal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings, read_source
from napari_olivine.readers.signals import signal_names
from tests.sources import PROFILE, make_images

TWO_UM = {"resolution": (5000, 5000), "resolutionunit": "CENTIMETER"}


def test_images_with_their_resolution(tmp_path):
    images = make_images(tmp_path, **TWO_UM)
    source = read_source(tmp_path)
    source.check()
    assert (source.form, source.shape, source.pixel_size_um) == ("images", (40, 30), 2.0)
    for name, expected in images.items():
        assert source.signals[name].dtype == expected.dtype
        np.testing.assert_array_equal(source.signals[name].read(0, 25, Job()), expected[:25])
        np.testing.assert_array_equal(source.signals[name].read(25, 40, Job()), expected[25:])


@pytest.mark.parametrize("tags", [{}, {"compression": "zlib"}, {"tile": (16, 16)}])
def test_images_larger_than_the_memory_are_read_in_strips(tmp_path, tags):
    images = make_images(tmp_path, **tags)
    source = read_source(tmp_path, ImportSettings(pixel_size_um=1))
    for name, expected in images.items():
        read = source.signals[name].read(11, 37, Job(memory_bytes=1000))
        np.testing.assert_array_equal(read, expected[11:37])


@pytest.mark.parametrize(
    ("tags", "size_um"),
    [
        ({"resolution": (12700, 12700), "resolutionunit": "INCH"}, 2.0),
        ({"resolution": (4, 4), "metadata": {"unit": "micron"}, "imagej": True}, 0.25),
        ({"resolution": (0.004, 0.004), "metadata": {"unit": "nm"}, "imagej": True}, 0.25),
    ],
)
def test_resolutions(tmp_path, tags, size_um):
    make_images(tmp_path, **tags)
    assert read_source(tmp_path).pixel_size_um == pytest.approx(size_um, rel=1e-3)


@pytest.mark.parametrize("dpi", [72, 96, 100, 300, 600])
def test_a_printing_resolution_is_no_pixel_size(tmp_path, dpi):
    make_images(tmp_path, resolution=(dpi, dpi), resolutionunit="INCH")
    with pytest.raises(InputError, match="give --pixel-size-um"):
        read_source(tmp_path)
    assert read_source(tmp_path, ImportSettings(pixel_size_um=2)).pixel_size_um == 2


def test_resolutions_that_differ_are_told(tmp_path):
    images = make_images(tmp_path, **TWO_UM)
    tifffile.imwrite(tmp_path / "Mg.tif", images["Mg"], resolution=(2500, 2500), resolutionunit=3)
    assert "do not agree on the size of a pixel" in read_source(tmp_path).problems[0]
    assert read_source(tmp_path, ImportSettings(pixel_size_um=2)).problems == []


def test_a_map_of_another_size_is_not_aligned(tmp_path):
    make_images(tmp_path, **TWO_UM)
    tifffile.imwrite(tmp_path / "Mg.tif", np.ones((20, 15), np.uint8))
    with pytest.raises(InputError, match=r"Mg\.tif is not aligned.*20 x 15 px, BSE has 40 x 30 px"):
        read_source(tmp_path)


def test_colour_and_truncated_images_are_named_together(tmp_path):
    make_images(tmp_path, **TWO_UM)
    tifffile.imwrite(tmp_path / "Mg.tif", np.ones((40, 30, 3), np.uint8), photometric="rgb")
    file = tmp_path / "BSE.tif"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InputError) as error:
        read_source(tmp_path)
    assert "Mg.tif is a colour image" in str(error.value)
    assert "BSE.tif is truncated" in str(error.value)


def test_the_backscatter_image_is_needed(tmp_path):
    make_images(tmp_path, **TWO_UM)
    (tmp_path / "BSE.tif").unlink()
    with pytest.raises(InputError, match="which signal is the backscatter image"):
        read_source(tmp_path)


def test_names(tmp_path):
    images = make_images(tmp_path, **TWO_UM)
    for name, new in (("BSE", "MORB 7_BSE"), ("Mg", "MORB 7_Mg Ka1")):
        (tmp_path / f"{name}.tif").rename(tmp_path / f"{new}.tif")
    source = read_source(tmp_path)
    assert list(source.signals) == ["BSE", "Mg"]
    tifffile.imwrite(tmp_path / "MORB 7_Mg.tif", images["Mg"])
    with pytest.raises(InputError, match="are both of 'Mg'"):
        read_source(tmp_path)


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("Mg K series", "Mg"),
        ("Fe Ka1", "Fe"),
        ("SiK", "Si"),
        ("8bit_Ca", "Ca"),
        ("K", "K"),
        ("CL", "CL"),
        ("Cp", "Cp"),
        ("mask", "mask"),
        ("scan-COMPO", "COMPO"),
    ],
)
def test_signals_by_the_names_of_files(stem, name):
    assert list(signal_names([Path(f"{stem}.tif")])) == [name]


def test_other_images_are_left_out_by_naming_the_signals(tmp_path):
    make_images(tmp_path, **TWO_UM)
    tifffile.imwrite(tmp_path / "overview.tif", np.ones((9, 9, 3), np.uint8), photometric="rgb")
    with pytest.raises(InputError, match=r"--signals(.|\n)*overview\.tif is a colour image"):
        read_source(tmp_path)
    assert list(read_source(tmp_path, ImportSettings(signals=("Mg",))).signals) == ["BSE", "Mg"]


def test_tables_beside_the_images(tmp_path):
    make_images(tmp_path, **TWO_UM)
    (tmp_path / "epma").mkdir()
    (tmp_path / "epma" / "core-rim.csv").write_text(PROFILE)
    (tmp_path / "epma" / "spots.csv").write_text("x_um,y_um,MgO,FeO\n10,20,47,12\n")
    (tmp_path / "sessions.csv").write_text("session,row0,row1,col0,col1,role\nA,0,40,0,30,train\n")
    source = read_source(tmp_path)
    assert source.sessions["session"].tolist() == ["A"]
    assert source.analyses["profile"].tolist() == ["core-rim", "core-rim", "spots"]
    assert source.placements[["profile", "kind"]].to_numpy().tolist() == [["spots", "spots"]]
    assert source.problems == [
        "EPMA profile 'core-rim' has no placement yet: draw it before calibrating"
    ]


def test_real_element_maps_of_a_chondrite(shared_data, tmp_path):
    for element in ("Mg", "Fe", "Si"):
        file = shared_data / "semarkona" / "obj1" / f"obj1_32bt_{element}.tif"
        (tmp_path / file.name).write_bytes(file.read_bytes())
    bse = shared_data / "semarkona" / "obj1" / "obj1_8bt_BSE.tif"
    (tmp_path / bse.name).write_bytes(bse.read_bytes())
    with pytest.raises(InputError, match="give --pixel-size-um"):  # they say 100 dpi
        read_source(tmp_path)
    source = read_source(tmp_path, ImportSettings(pixel_size_um=1))
    assert source.shape == (512, 512)
    assert {name: signal.dtype for name, signal in source.signals.items()} == {
        "BSE": np.uint8,
        "Fe": np.uint32,
        "Mg": np.uint32,
        "Si": np.uint32,
    }
