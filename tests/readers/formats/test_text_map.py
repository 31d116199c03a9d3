"""Text maps and the standard file of XMapTools."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy.ndimage import map_coordinates, uniform_filter

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings, read_source
from napari_olivine.readers.formats import open_images
from napari_olivine.readers.formats.text.xmaptools import is_standard_file, read_standards
from tests.helpers.sources import make_text_maps


def test_maps_with_standards(tmp_path):
    maps = make_text_maps(tmp_path)
    source = read_source(tmp_path)
    source.check()
    assert (source.form, source.shape, source.tile_shape) == ("text map", (40, 30), None)
    assert source.pixel_size_um == pytest.approx(5)
    assert list(source.signals) == ["BSE", "Ca", "Mg"]
    types = {name: signal.dtype for name, signal in source.signals.items()}
    assert types == {"BSE": np.uint16, "Ca": np.uint16, "Mg": np.uint8}
    for name, key in (("BSE", "Cp"), ("Ca", "Ca"), ("Mg", "Mg")):
        np.testing.assert_array_equal(source.signals[name].read(7, 31, Job()), maps[key][7:31])


def test_spots_lie_where_the_corners_say(tmp_path):
    make_text_maps(tmp_path)
    source = read_source(tmp_path)
    np.testing.assert_allclose(source.analyses["x_um"], [50, 0], atol=1e-6)
    np.testing.assert_allclose(source.analyses["y_um"], [15, 0], atol=1e-6)
    assert source.analyses["MgO"].tolist() == [45, 40]
    assert source.analyses["Total"].tolist() == [99, 99]
    assert source.placements[["profile", "kind", "use"]].to_numpy().tolist() == [
        ["spots", "spots", "calibrate"]
    ]


def test_the_pixel_size_must_be_known(tmp_path):
    make_text_maps(tmp_path)
    (tmp_path / "Standards.txt").unlink()
    with pytest.raises(InputError, match="how large a pixel is. Give the setting 'pixel_size_um'"):
        read_source(tmp_path)
    source = read_source(tmp_path, ImportSettings(pixel_size_um=3))
    assert source.pixel_size_um == 3
    assert len(source.analyses) == 0
    assert len(source.placements) == 0


@pytest.mark.parametrize("separator", ["\t", " ", ",", ";"])
@pytest.mark.parametrize("trail", ["", "{separator}"])
def test_separators(tmp_path, separator, trail):
    file = tmp_path / "Mg K series.csv"
    trail = trail.format(separator=separator)
    file.write_text("\n".join(separator.join(row) + trail for row in ("123", "456")) + "\n\n")
    (image,) = open_images(file)
    assert image.shape == (2, 3)
    np.testing.assert_array_equal(image.load(0, 2), [[1, 2, 3], [4, 5, 6]])


@pytest.mark.parametrize(
    ("numbers", "dtype"),
    [
        ("0 255", "uint8"),
        ("0 256", "uint16"),
        ("0 65536", "uint32"),
        ("1.0 2.0", "uint8"),
        ("1.5 2", "float32"),
        ("1e10 2", "float32"),
    ],
)
def test_the_smallest_type_that_holds_the_counts(tmp_path, numbers, dtype):
    file = tmp_path / "Mg.txt"
    file.write_text(numbers + "\n")
    assert open_images(file)[0].dtype == dtype


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("1 2 x", "is no map of numbers"),
        ("1 2", "is no map of numbers"),
        ("1 2 3 4", "is no map of numbers"),
        ("1 2 nan", "row 2, number 3 is not finite"),
        ("1 2 -3", "holds negative numbers"),
    ],
)
def test_a_map_that_cannot_be_read_is_named(tmp_path, line, told):
    maps = make_text_maps(tmp_path, (3, 3))
    rows = [" ".join(map(str, row)) for row in maps["Mg"]]
    (tmp_path / "Mg.txt").write_text("\n".join([rows[0], line, rows[2]]))
    with pytest.raises(InputError) as error:
        read_source(tmp_path).check()
    assert "Mg.txt" in str(error.value)
    assert told in str(error.value)


def test_a_map_of_another_size_is_not_aligned(tmp_path):
    make_text_maps(tmp_path)
    np.savetxt(tmp_path / "Mg.txt", np.ones((39, 30)), fmt="%d")
    with pytest.raises(InputError) as error:
        read_source(tmp_path)
    assert "Mg.txt is not aligned with BSE: it has 39 x 30 px, BSE has 40 x 30 px" in str(
        error.value
    )
    read_source(tmp_path, ImportSettings(signals=("Ca",)))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("X Y", "Y X", "must end with X Y"),
        ("MgO", "NiO", "has no MgO"),
        ("39 40 20", "39 40", "analysis 2 has 4 numbers, but >2 names 5"),
        ("33.0 ", "31.0 ", "only square pixels can be used"),
        ("-36.0 ", "left ", "block >1 needs the four numbers"),
    ],
)
def test_a_standard_file_that_cannot_be_used_is_named(tmp_path, old, new, told):
    make_text_maps(tmp_path)
    file = tmp_path / "Standards.txt"
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(InputError) as error:
        read_source(tmp_path)
    assert "Standards.txt" in str(error.value)
    assert told in str(error.value)


def test_spots_of_a_real_map_meet_its_grey(shared_data):
    """mg# of the chloritoid spots against BSE, mean of 3 x 3 px: only the right flip fits."""
    source = read_source(shared_data / "chloritoid")
    assert source.shape == (324, 288)
    assert source.pixel_size_um == pytest.approx(5.0, rel=0.01)
    grey = uniform_filter(source.signals["BSE"].read(0, 324, Job()).astype(float), 3)
    spots = source.analyses[source.analyses["SiO2"] < 40]  # the last one is phengite
    mg, fe = spots["MgO"] / 40.304, spots["FeO"] / 71.844
    places = [spots["y_um"] / source.pixel_size_um, spots["x_um"] / source.pixel_size_um]

    def r2(image):
        sampled = map_coordinates(image, places, order=1)
        return np.corrcoef(sampled, mg / (mg + fe))[0, 1] ** 2

    assert r2(grey) > 0.95
    assert r2(grey[::-1]) < 0.7
    assert r2(grey[:, ::-1]) < 0.7


@pytest.mark.parametrize("cell", ["nan", "inf", "1e999"])
@pytest.mark.parametrize("place", ["-36.0", "47"])
def test_a_standard_file_holds_finite_numbers(tmp_path, cell, place):
    content = ">1\n-36.0 -35.9 32.5 32.6\n>2\nSiO2 FeO MgO X Y\n>3\n40 12 47 -35.95 32.55\n"
    file = tmp_path / "Standards.txt"
    file.write_text(content)
    assert is_standard_file(file)
    assert read_standards(file).spots["MgO"].tolist() == [47]
    file.write_text(content.replace(place, cell))
    with pytest.raises(InputError, match="holds a number that is not finite"):
        read_standards(file)


def test_a_text_map_of_many_megabytes_is_not_read_to_see_that_it_is_no_standard_file(tmp_path):
    file = tmp_path / "Mg.txt"
    with file.open("wb") as stream:
        stream.write(b">1\n>2\n>3\n1 2 3\n")
        stream.truncate(1 << 30)  # a hole: it takes no room on the disk
    tracemalloc.start()
    try:
        assert not is_standard_file(file)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    with pytest.raises(InputError, match="too large for a standard file"):
        read_standards(file)


def test_a_standard_file_that_is_missing_or_a_folder_is_told(tmp_path):
    assert not is_standard_file(tmp_path / "nothing.txt")
    (tmp_path / "folder.txt").mkdir()
    assert not is_standard_file(tmp_path / "folder.txt")
    with pytest.raises(InputError, match=r"nothing\.txt cannot be read"):
        read_standards(tmp_path / "nothing.txt")
