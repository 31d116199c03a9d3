"""One TIFF per signal."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings, read_source
from tests.helpers.sources import PROFILE, make_images

FALSE_COLOURS = np.random.default_rng(0).integers(0, 255, (40, 30, 3)).astype(np.uint8)

TWO_UM = {"resolution": (5000, 5000), "resolutionunit": "CENTIMETER"}


def test_images_with_their_resolution(tmp_path):
    images = make_images(tmp_path, **TWO_UM)
    source = read_source(tmp_path)
    source.check()
    assert (source.form, source.shape, source.pixel_size_um) == ("TIFF", (40, 30), 2.0)
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
    with pytest.raises(InputError, match="Give the setting 'pixel_size_um'"):
        read_source(tmp_path)
    assert read_source(tmp_path, ImportSettings(pixel_size_um=2)).pixel_size_um == 2


def test_resolutions_that_differ_are_told(tmp_path):
    images = make_images(tmp_path, **TWO_UM)
    tifffile.imwrite(tmp_path / "Mg.tif", images["Mg"], resolution=(2500, 2500), resolutionunit=3)
    assert "do not agree on the size of a pixel" in read_source(tmp_path).problems[0]
    assert read_source(tmp_path, ImportSettings(pixel_size_um=2)).problems == []


def test_a_coarser_map_of_the_same_field_is_repeated(tmp_path):
    make_images(tmp_path, **TWO_UM)
    counts = np.arange(300, dtype=np.uint16).reshape(20, 15)
    tifffile.imwrite(tmp_path / "Mg.tif", counts)
    source = read_source(tmp_path)
    assert source.signals["Mg"].shape == (40, 30)
    whole = np.repeat(np.repeat(counts, 2, axis=0), 2, axis=1)
    np.testing.assert_array_equal(source.signals["Mg"].read(7, 33, Job()), whole[7:33])
    assert "Mg has 20 x 15 px for the same field as BSE" in source.problems[0]


@pytest.mark.parametrize("shape", [(20, 16), (80, 60)])  # another shape; finer than BSE
def test_a_map_of_another_field_is_not_aligned(tmp_path, shape):
    make_images(tmp_path, **TWO_UM)
    tifffile.imwrite(tmp_path / "Mg.tif", np.ones(shape, np.uint8))
    with pytest.raises(
        InputError, match=rf"Mg\.tif is not aligned.*{shape[0]} x {shape[1]} px, BSE has 40 x 30 px"
    ):
        read_source(tmp_path)


def test_colour_and_truncated_images_are_named_together(tmp_path):
    make_images(tmp_path, **TWO_UM)
    tifffile.imwrite(tmp_path / "Mg.tif", FALSE_COLOURS, photometric="rgb")
    file = tmp_path / "BSE.tif"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InputError) as error:
        read_source(tmp_path)
    assert "Mg.tif is a colour image" in str(error.value)
    assert "BSE.tif is truncated" in str(error.value)


def test_the_backscatter_image_is_asked_for_where_one_image_is_no_map(tmp_path):
    make_images(tmp_path, **TWO_UM)
    (tmp_path / "BSE.tif").rename(tmp_path / "SE.tif")
    with pytest.raises(InputError, match="which signal is the backscatter image"):
        read_source(tmp_path)


def test_names(tmp_path):
    images = make_images(tmp_path, **TWO_UM)
    for name, new in (("BSE", "MORB 7_BSE"), ("Mg", "MORB 7_Mg Ka1")):
        (tmp_path / f"{name}.tif").rename(tmp_path / f"{new}.tif")
    source = read_source(tmp_path)
    assert list(source.signals) == ["BSE", "Mg"]
    tifffile.imwrite(tmp_path / "MORB 7_Mg.tif", images["Mg"])
    with pytest.raises(InputError, match="Mg has 2 images"):
        read_source(tmp_path)


def test_other_pictures_are_left_out_and_told(tmp_path):
    make_images(tmp_path, **TWO_UM)
    tifffile.imwrite(tmp_path / "slide.tif", FALSE_COLOURS, photometric="rgb")
    tifffile.imwrite(tmp_path / "part.tif", np.ones((9, 9), np.uint8))
    source = read_source(tmp_path)
    assert list(source.signals) == ["BSE", "Mg"]
    told = "\n".join(source.problems)
    assert "slide.tif is a colour image" in told
    assert "part.tif is not aligned with BSE" in told


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
    with pytest.raises(InputError, match="Give the setting 'pixel_size_um'"):  # they say 100 dpi
        read_source(tmp_path)
    source = read_source(tmp_path, ImportSettings(pixel_size_um=1))
    assert source.shape == (512, 512)
    assert {name: signal.dtype for name, signal in source.signals.items()} == {
        "BSE": np.uint8,
        "Fe": np.uint32,
        "Mg": np.uint32,
        "Si": np.uint32,
    }
