"""Oxford's .h5oina, after the published specification."""

from __future__ import annotations

import tracemalloc
from datetime import datetime
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from napari_olivine.errors import InputError
from napari_olivine.readers.base.image import Unreadable
from napari_olivine.readers.formats.h5oina import decoder, images
from napari_olivine.readers.formats.registry import format_of, open_images

ROWS, COLUMNS = 6, 8
GREY = np.random.default_rng(0).integers(0, 65536, (ROWS, COLUMNS)).astype(np.uint16)
CPS = np.random.default_rng(1).random((ROWS, COLUMNS)).astype(np.float32) * 1000


def write(
    file: Path,
    *,
    electron: dict[str, np.ndarray] | None = None,
    maps: dict[str, np.ndarray] | None = None,
    technique: str = "EDS",
    shape: tuple[int, int] = (ROWS, COLUMNS),
    slices: int = 1,
    version: str = "6.0",
) -> Path:
    """Write what AZtec exports; keys of the dictionaries are ``group/dataset``."""
    electron = {"BSE/Electron Image 1": GREY} if electron is None else electron
    maps = {"Window Integral/Mg Ka1": CPS} if maps is None else maps
    with h5py.File(file, "w") as root:
        root["Format Version"] = [version]
        root["Manufacturer"] = ["Oxford Instruments"]
        root["Index"] = [str(n + 1) for n in range(slices)]
        root["Index"].attrs["Type"] = "Single"
        for number in range(slices):
            for name, images in (("Electron Image", electron), (technique, maps)):
                if not images:
                    continue
                group = root.create_group(f"{number + 1}/{name}")
                header = group.create_group("Header")
                for key, value in {
                    "X Cells": np.int32(shape[1]),
                    "Y Cells": np.int32(shape[0]),
                    "X Step": np.float32(1.25),
                    "Y Step": np.float32(1.25),
                    "Beam Voltage": np.float32(15),
                    "Dwell Time": np.float32(10),
                    "Scan Rotation": np.float32(np.pi / 2),
                    "Stage Position/X": np.float32(12.5 + number),
                    "Stage Position/Y": np.float32(-3.25),
                    "Stage Position/Rotation": np.float32(0.1),
                }.items():
                    header[key] = [value]
                header["Acquisition Date"] = ["2023-05-04T10:20:30"]
                data = group.create_group("Data")
                for key, values in images.items():
                    data.create_dataset(key, data=values.reshape(-1, 1))
    return file


def by_signal(file: Path):
    return {image.signal: image for image in open_images(file)}


def test_electron_image_and_element_map(tmp_path):
    file = write(tmp_path / "Project 1 Map Data 1.h5oina")
    assert (format_of(file).name, format_of(file).container) == ("Oxford h5oina", True)
    images = by_signal(file)
    assert list(images) == ["BSE", "Mg"]
    assert (images["BSE"].dtype, images["Mg"].dtype) == (np.uint16, np.float32)
    np.testing.assert_array_equal(images["BSE"].load(0, ROWS), GREY)
    np.testing.assert_array_equal(images["Mg"].load(2, 5), CPS[2:5])
    said = images["BSE"].acquisition
    assert (said.instrument, said.pixel_size_um) == ("Oxford Instruments", 1.25)
    assert said.stage_um == (12500, -3250)
    assert (said.accelerating_voltage_kv, said.dwell_time_us) == (15, 10)
    assert said.rotation_deg == pytest.approx(90)
    assert said.taken == datetime(2023, 5, 4, 10, 20, 30)
    assert said.detector == "Electron Image 1"


@pytest.mark.parametrize("shape", [(-1,), (-1, 1), (ROWS, COLUMNS)])
@pytest.mark.parametrize(
    "how", [{}, {"compression": "lzf"}, {"compression": "gzip", "shuffle": True}]
)
def test_vectors_of_any_form(tmp_path, shape, how):
    file = write(tmp_path / "a.h5oina", electron={})
    with h5py.File(file, "a") as root:
        del root["1/EDS/Data/Window Integral/Mg Ka1"]
        root["1/EDS/Data/Window Integral"].create_dataset(
            "Mg Ka1", data=CPS.reshape(shape).astype(">f8"), **how
        )
    image = by_signal(file)["Mg"]
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image.load(1, 4), CPS[1:4])


@pytest.mark.parametrize(
    ("name", "number", "element"),
    [
        ("Mg Ka1", 12, "Mg"),
        ("Mg K series", 12, "Mg"),
        ("Channel 7", 26, "Fe"),
        ("Si K\u03b11", None, "Si"),
        ("K Ka1", None, "K"),
    ],
)
def test_an_element_is_known_by_its_number_then_its_name(tmp_path, name, number, element):
    file = write(tmp_path / "a.h5oina", maps={f"Window Integral/{name}": CPS}, technique="EDS1")
    if number:
        with h5py.File(file, "a") as root:
            root[f"1/EDS1/Data/Window Integral/{name}"].attrs["Atomic Number"] = [np.int32(number)]
    assert list(by_signal(file)) == ["BSE", element]


def test_window_integrals_come_before_peak_areas_and_k_before_l(tmp_path):
    maps = {
        "Composition/Mg": CPS,
        "Peak Area/Fe K series": CPS + 1,
        "Peak Area/Mg K series": CPS + 2,
        "Window Integral/Fe La1,2": CPS + 3,
        "Window Integral/Fe Ka1": CPS + 4,
        "Window Integral/Mg Ka1,2": CPS + 5,
        "Peak Area/Ca K series": CPS + 6,
        "Composition Sigma/Na": CPS,
        "K Ratio/Al": CPS,
    }
    images = by_signal(write(tmp_path / "a.h5oina", maps=maps))
    assert set(images) == {"BSE", "Mg", "Fe", "Ca"}
    for signal, more in (("Mg", 5), ("Fe", 4), ("Ca", 6)):
        np.testing.assert_array_equal(images[signal].load(0, ROWS), CPS + more)
    assert images["Ca"].acquisition.detector == "Peak Area: Ca K series"


def test_of_several_detectors_the_first_that_has_an_element(tmp_path):
    file = write(tmp_path / "a.h5oina", technique="EDS1")
    with h5py.File(file, "a") as root:
        root.copy("1/EDS1", root["1"], "EDS2")
        root["1/EDS2/Data/Window Integral/Mg Ka1"][...] = 0
        root["1/EDS2/Data/Window Integral/Ca Ka1"] = CPS.reshape(-1, 1)
    images = by_signal(file)
    assert list(images) == ["BSE", "Mg", "Ca"]
    np.testing.assert_array_equal(images["Mg"].load(0, ROWS), CPS)


def test_electron_images_of_one_place_are_told_apart(tmp_path):
    electron = {
        "BSE/Electron Image 1": GREY,
        "BSE/Electron Image 2": GREY + 1,
        "BSE/Mixed": GREY + 2,
        "SE/Electron Image 1": GREY,
        "FSE/Lower Left": GREY,
    }
    file = write(tmp_path / "a.h5oina", electron=electron, maps={})
    with h5py.File(file, "a") as root:
        root["1/Electron Image/Data/BSE/Mixed"].attrs["Mixing Mode"] = "Topo 1"
        root["1/Electron Image/Data/BSE/Electron Image 1"].attrs["Mixing Mode"] = "Inverted"
    images = by_signal(file)
    assert set(images) == {"BSE", "BSE 2", "TOPO", "SE", "FSE"}
    np.testing.assert_array_equal(images["BSE"].load(0, ROWS), GREY + 1)  # the other is inverted


def test_several_acquisitions_are_tiles_with_their_stage_positions(tmp_path):
    images = open_images(write(tmp_path / "a.h5oina", slices=3, maps={}))
    assert [image.signal for image in images] == ["BSE"] * 3
    assert [image.acquisition.stage_um[0] for image in images] == [12500, 13500, 14500]


def test_fields_of_a_montage(tmp_path):
    file = write(tmp_path / "a.h5oina", version="8.0")
    index = np.repeat(np.repeat([[4, 5], [6, 7]], 3, 0), 4, 1).astype(np.uint16)
    with h5py.File(file, "a") as root:
        root["1/EDS/Data/LAM Field Index"] = index.reshape(-1, 1)
        root["1/EDS/Data/LAM Field Coordinate X"] = index.reshape(-1, 1)
    assert set(by_signal(file)) == {"BSE", "Mg"}  # put together already
    fields = images.montage_fields(file)
    assert fields.to_numpy().tolist() == [
        ["EDS", 4, 0, 3, 0, 4],
        ["EDS", 5, 0, 3, 4, 8],
        ["EDS", 6, 3, 6, 0, 4],
        ["EDS", 7, 3, 6, 4, 8],
    ]
    assert len(images.montage_fields(write(tmp_path / "b.h5oina"))) == 0


def test_line_scans_and_layered_images_are_left_out(tmp_path):
    file = write(tmp_path / "a.h5oina")
    with h5py.File(file, "a") as root:
        root["1/Layered Image/EDS Layered Image 1/Data/Color"] = np.zeros((48, 3), np.uint8)
        root["1/EDS/Header/X Cells"][...] = 48
        root["1/EDS/Header/Y Cells"][...] = 1
    assert list(by_signal(file)) == ["BSE"]


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("X Cells", [np.int32(9)], r"has the shape \(48, 1\), its header says 6 x 9 cells"),
        ("X Cells", [np.int32(10**9)], "is damaged"),
        ("X Cells", [np.int32(-8)], "says -8.0 x 6.0 cells"),
        ("X Cells", [np.float64(np.nan)], "says None x 6.0 cells"),
        ("X Cells", ["many"], "says None x 6.0 cells"),
        ("Y Step", [np.float32(2)], "only square pixels can be used"),
    ],
)
def test_a_header_that_does_not_fit_is_told(tmp_path, path, value, told):
    file = write(tmp_path / "a.h5oina", maps={})
    with h5py.File(file, "a") as root:
        del root[f"1/Electron Image/Header/{path}"]
        root[f"1/Electron Image/Header/{path}"] = value
    with pytest.raises(InputError, match=told) as error:
        open_images(file)
    assert "a.h5oina" in str(error.value)


def test_what_a_header_leaves_out_stays_unknown(tmp_path):
    file = write(tmp_path / "a.h5oina", maps={})
    with h5py.File(file, "a") as root:
        header = root["1/Electron Image/Header"]
        for key in list(header):
            if "Cells" not in key:
                del header[key]
    said = by_signal(file)["BSE"].acquisition
    assert (said.pixel_size_um, said.stage_um, said.taken) == (None, None, None)


def test_a_particle_analysis_is_refused_with_advice(tmp_path):
    file = write(tmp_path / "a.h5oina")
    with h5py.File(file, "a") as root:
        root["Index"].attrs["Type"] = "Feature"
    with pytest.raises(InputError, match="particle analysis.*Export the map data"):
        open_images(file)


def test_a_file_without_images_is_told(tmp_path):
    with pytest.raises(InputError, match="holds no electron image and no element map"):
        open_images(write(tmp_path / "a.h5oina", electron={}, maps={"Live": CPS}))


def test_other_hdf5_files_are_not_ours(tmp_path):
    file = tmp_path / "a.h5"
    with h5py.File(file, "w") as root:
        root["x"] = 1
    assert format_of(file) is None


# --- bad input ---


def test_links_out_of_the_file_are_not_followed(tmp_path):
    secret = write(tmp_path / "secret.h5oina", maps={})
    file = write(tmp_path / "a.h5oina")
    with h5py.File(file, "a") as root:
        inside = "1/Electron Image/Data/BSE/Electron Image 1"
        del root[inside]
        root[inside] = h5py.ExternalLink(str(secret), inside)
        root["1/Electron Image/Data/BSE/soft"] = h5py.SoftLink("/1/EDS/Data/Window Integral/Mg Ka1")
        root["2"] = h5py.ExternalLink(str(secret), "1")
    assert list(by_signal(file)) == ["Mg"]


def test_values_kept_in_another_file_are_refused(tmp_path):
    (tmp_path / "secret.raw").write_bytes(bytes(48))
    file = write(tmp_path / "a.h5oina", maps={})
    with h5py.File(file, "a") as root:
        group = root["1/Electron Image/Data/BSE"]
        del group["Electron Image 1"]
        group.create_dataset(
            "Electron Image 1", (48,), "u1", external=[(str(tmp_path / "secret.raw"), 0, 48)]
        )
    with pytest.raises(Unreadable, match="keeps its values in another file"):
        open_images(file)
    with h5py.File(file, "a") as root:
        group = root["1/Electron Image/Data/BSE"]
        del group["Electron Image 1"]
        layout = h5py.VirtualLayout((48,), "u1")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (48,))
        group.create_virtual_dataset("Electron Image 1", layout)
    with pytest.raises(Unreadable, match="keeps its values in another file"):
        open_images(file)


@pytest.mark.parametrize("chunks", [(1 << 20,), None])
def test_an_absurdly_large_image_is_refused_at_once(tmp_path, chunks):
    file = write(tmp_path / "a.h5oina", maps={}, shape=(100_000, 100_000))
    with h5py.File(file, "a") as root:
        group = root["1/Electron Image/Data/BSE"]
        del group["Electron Image 1"]
        group.create_dataset(
            "Electron Image 1",
            (10**10,),
            "u1",
            chunks=chunks,
            compression="gzip" if chunks else None,
        )
    tracemalloc.start()
    with pytest.raises(Unreadable, match="should hold 10000000000 values and has 0 bytes"):
        decoder.describe(file)
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()


def test_a_bomb_of_one_chunk_is_refused(tmp_path):
    file = write(tmp_path / "a.h5oina", maps={}, shape=(20_000, 20_000))
    with h5py.File(file, "a") as root:
        group = root["1/Electron Image/Data/BSE"]
        del group["Electron Image 1"]
        dataset = group.create_dataset(
            "Electron Image 1", (400_000_000,), "u1", chunks=(400_000_000,), compression="gzip"
        )
        dataset.id.write_direct_chunk((0,), b"\0" * 400_000)  # need not be true to be refused
    with pytest.raises(Unreadable, match="packed in pieces too large to read"):
        open_images(file)


@pytest.mark.parametrize(
    "values",
    [
        np.array([b"text"] * 48),
        np.zeros(48, np.complex64),
        np.zeros(48, [("a", "u1"), ("b", "u1")]),
        np.zeros((48, 3), bool),
        np.zeros(48, np.longdouble),
    ],
)
def test_what_is_no_grey_image_is_left_out(tmp_path, values):
    file = write(tmp_path / "a.h5oina")
    with h5py.File(file, "a") as root:
        root["1/Electron Image/Data/BSE/other"] = values
        root["1/EDS/Data/Window Integral/Fe Ka1"] = values
    assert list(by_signal(file)) == ["BSE", "Mg"]


def test_negative_counts_are_refused(tmp_path):
    electron = {"BSE/a": GREY.astype(np.int32) - 40_000, "SE/b": GREY.astype(np.int32)}
    images = by_signal(write(tmp_path / "a.h5oina", electron=electron, maps={}))
    assert images["SE"].dtype == np.uint32
    np.testing.assert_array_equal(images["SE"].load(0, ROWS), GREY)
    with pytest.raises(InputError, match="holds negative numbers"):
        images["BSE"].load(0, ROWS)


def test_groups_where_datasets_are_expected_and_the_reverse(tmp_path):
    file = write(tmp_path / "a.h5oina")
    with h5py.File(file, "a") as root:
        del root["1/Electron Image/Header/Stage Position"]
        root["1/Electron Image/Header/Stage Position"] = 3
        del root["1/Electron Image/Header/X Step"]
        root.create_group("1/Electron Image/Header/X Step")
        root["3"] = 5
        del root["1/EDS/Data"]
        root["1/EDS/Data"] = [1]
    assert list(by_signal(file)) == ["BSE"]


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_files_are_told_and_nothing_else(tmp_path, monkeypatch, data):
    file = write(tmp_path / "a.h5oina")
    whole = file.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        file.write_bytes(whole[:place])
    else:
        piece = data.draw(st.binary(min_size=1, max_size=8))
        file.write_bytes(whole[:place] + piece + whole[place + len(piece) :])
    monkeypatch.setattr(images, "SECONDS", 20)
    try:
        for image in images.open_images(file):
            assert image.load(0, image.shape[0]).shape == image.shape
            assert image.shape == (ROWS, COLUMNS)
    except InputError as error:
        assert "a.h5oina" in str(error)
