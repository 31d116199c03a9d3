"""Maps as text: plain rows of numbers, Cameca PeakSight, JEOL microprobes."""

from __future__ import annotations

import shutil
import tracemalloc
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from napari_olivine.errors import InputError
from napari_olivine.readers.base.image import Unreadable
from napari_olivine.readers.formats.registry import HEAD, format_of, open_images
from napari_olivine.readers.formats.text import cameca_map, jeol_map, text_map, text_matrix
from tests.helpers.sources import make_text_maps

COUNTS = np.random.default_rng(0).integers(0, 4000, (7, 9))


def only(file: Path):
    (image,) = open_images(file)
    return image


def write(file: Path, counts=COUNTS, separator: str = ",", trail: str = "", head: str = "") -> Path:
    rows = (separator.join(f"{cell:g}" for cell in row) + trail for row in counts)
    file.write_text(head + "\n".join(rows) + "\n", encoding="utf-8")
    return file


# --- plain maps ---


@pytest.mark.parametrize("separator", ["\t", " ", ",", ";", "   ", ", "])
@pytest.mark.parametrize("trail", ["", "{separator}"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_separator_and_end_of_line(tmp_path, separator, trail, end):
    file = write(tmp_path / "Mg.csv", separator=separator, trail=trail.format(separator=separator))
    file.write_bytes(file.read_bytes().replace(b"\n", end.encode()))
    image = only(file)
    assert (image.shape, image.dtype, image.signal) == ((7, 9), np.uint16, "")
    np.testing.assert_array_equal(image.load(2, 5), COUNTS[2:5])


@pytest.mark.parametrize("separator", ["\t", ";", " "])
def test_decimal_commas(tmp_path, separator):
    file = write(tmp_path / "Mg.txt", COUNTS + 0.5, separator)
    file.write_text(file.read_text().replace(".", ","))
    np.testing.assert_allclose(only(file).load(0, 7), COUNTS + 0.5)


@pytest.mark.parametrize("before", ["\ufeff", "\n\n", "  ", "\ufeff\r\n"])
def test_what_stands_before_the_first_number(tmp_path, before):
    np.testing.assert_array_equal(only(write(tmp_path / "Mg.csv", head=before)).load(0, 7), COUNTS)


def test_quoted_numbers_and_blank_lines(tmp_path):
    file = tmp_path / "Mg.csv"
    file.write_text('"1","2"\n\n"3","4"\n\n\n')
    np.testing.assert_array_equal(only(file).load(0, 2), [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("numbers", "dtype"),
    [
        ("0 255", "uint8"),
        ("0 256", "uint16"),
        ("0 65536", "uint32"),
        ("1.0 2.0", "uint8"),
        ("1.5 2", "float32"),
        ("1e10 2", "float32"),
        ("83.0000\t84.0000", "uint8"),
        ("1.2e+003 4E2", "uint16"),
    ],
)
def test_the_smallest_type_that_holds_the_counts(tmp_path, numbers, dtype):
    file = tmp_path / "Mg.txt"
    file.write_text(numbers + "\n")
    assert only(file).dtype == dtype


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("1 2 x", "is no map of numbers (row 2 holds 'x')"),
        ("1 2", "row 2 has 2 numbers where 3 are expected; is the file cut short?"),
        ("1 2 3 4", "row 2 has 4 numbers where 3 are expected"),
        ("1 2 nan", "row 2, number 3 is not finite"),
        ("1 2 inf", "row 2, number 3 is not finite"),
        ("1 2 1e999", "row 2, number 3 is not finite"),
        ("1 2 -3", "holds negative numbers (-3)"),
        ("1 2 0x1F", "row 2 holds '0x1F'"),
        ("1 2 \0", "is no map of numbers"),
    ],
)
def test_what_is_no_count_is_named(tmp_path, line, told):
    file = tmp_path / "Mg.txt"
    file.write_text(f"1 2 3\n{line}\n1 2 3\n")
    with pytest.raises(InputError) as error:
        text_map.open_images(file)
    assert "Mg.txt" in str(error.value)
    assert told in str(error.value)


@pytest.mark.parametrize("line", ["1,,3", ",2,3", "1,2 3", "1,2,,", " ,2,3"])
def test_an_empty_cell_is_no_count(tmp_path, line):
    file = tmp_path / "Mg.csv"
    file.write_text(f"1,2,3\n{line}\n1,2,3\n")
    with pytest.raises(InputError, match="row 2 has an empty cell or a space in one"):
        only(file)


def test_rows_are_read_from_any_block_on(tmp_path, monkeypatch):
    monkeypatch.setattr(text_matrix, "BLOCK_BYTES", 100)
    counts = np.random.default_rng(1).integers(0, 70000, (57, 11))
    image = only(write(tmp_path / "Fe.csv", counts))
    assert image.dtype == np.uint32
    for start, stop in [(0, 57), (0, 1), (56, 57), (13, 41), (20, 20)]:
        np.testing.assert_array_equal(image.load(start, stop), counts[start:stop])


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    counts=st.integers(1, 6).flatmap(
        lambda columns: st.lists(
            st.lists(st.floats(0, 1e6, width=32), min_size=columns + 1, max_size=columns + 1),
            min_size=1,
            max_size=6,
        )
    ),
    separator=st.sampled_from([",", ";", "\t", " "]),
)
def test_numbers_are_what_the_text_says(tmp_path, counts, separator):
    file = tmp_path / "map.csv"
    file.write_text("\n".join(separator.join(map(repr, row)) for row in counts))
    image = only(file)
    np.testing.assert_allclose(image.load(0, len(counts)), np.float32(counts), rtol=1e-6)


def test_a_file_that_changes_is_told(tmp_path):
    image = only(write(tmp_path / "Mg.csv"))
    write(tmp_path / "Mg.csv", COUNTS[:6])
    with pytest.raises(Unreadable, match="has changed while it was read"):
        image.load(0, 6)
    (tmp_path / "Mg.csv").unlink()
    with pytest.raises(Unreadable, match="cannot be read"):
        image.load(0, 6)


def test_a_large_map_needs_little_memory(tmp_path):
    file = tmp_path / "Mg.csv"
    row = b",".join(b"%d" % n for n in range(3000)) + b"\n"
    with file.open("wb") as stream:
        for _ in range(1500):
            stream.write(row)  # 21 MB of text, 36 MB of numbers as float64
    tracemalloc.start()
    image = only(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert image.shape == (1500, 3000)
    assert peak < 100e6
    assert (image.load(1499, 1500) == np.arange(3000)).all()


def test_a_line_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(text_matrix, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(text_matrix, "LONGEST_LINE", 10_000)
    file = tmp_path / "Mg.csv"
    file.write_text("1," * 20_000)
    with pytest.raises(InputError, match="is no map of numbers"):
        only(file)


# --- headers ---


@pytest.mark.parametrize(
    ("head", "signal", "size"),
    [
        ("Mg K series\n", "Mg", None),
        ('"Map Data 3"\n"Fe Ka1"\nPixel size: 2.5 um\n\n', "Fe", 2.5),
        ("Element,Ca\nWidth,9\nHeight,7\nPixel size (µm),0.75\nMap counts\n", "Ca", 0.75),
        ("Image: BSE\nStep size = 500 nm\n", "BSE", 0.5),
    ],
)
def test_a_header_says_signal_and_pixel_size(tmp_path, head, signal, size):
    image = only(write(tmp_path / "export 7.csv", head=head))
    assert (image.signal, image.acquisition.pixel_size_um) == (signal, size)
    np.testing.assert_array_equal(image.load(0, 7), COUNTS)


@pytest.mark.parametrize(
    "text",
    [
        "point,distance_um,SiO2,FeO,MgO,CaO,Total,x,y\n" + "1,2,3,4,5,6,7,8,9\n" * 9,
        "Map of points\nA,B,C,D,E,F,G,H,I\n" + "1,2,3,4,5,6,7,8,9\n" * 9,
        "session,row0,row1\na,1,2\n",
        ">1 corners\n1 2 3 4 5 6 7 8 9\n",
        "Dear colleague,\nhere are 3 maps.\n",
        "",
        "12\n13\n",
        "\0\0\0",
        "Mg K series\n",
    ],
)
def test_tables_and_letters_are_no_maps(tmp_path, text):
    file = tmp_path / "file.csv"
    file.write_text(text)
    assert format_of(file) is None
    with pytest.raises(InputError, match="is no map of numbers"):
        text_map.open_images(file)


# --- standard file of XMapTools ---


def test_standards_say_pixel_size_and_centre(tmp_path):
    maps = make_text_maps(tmp_path)
    image = only(tmp_path / "Mg.txt")
    assert image.acquisition.pixel_size_um == pytest.approx(5)
    assert image.acquisition.stage_um == pytest.approx((-36000 - 72.5, 33000 - 97.5))
    assert image.files == (tmp_path / "Standards.txt",)
    np.testing.assert_array_equal(image.load(0, 40), maps["Mg"])
    assert format_of(tmp_path / "Standards.txt") is None
    assert format_of(tmp_path / "Classification.txt") is None


def test_corners_of_another_map_say_nothing(tmp_path):
    make_text_maps(tmp_path)
    np.savetxt(tmp_path / "Fe.txt", np.ones((40, 60)), fmt="%d")
    assert only(tmp_path / "Fe.txt").acquisition.pixel_size_um is None


# --- Cameca PeakSight ---

CAMECA = """FileName :  run7.impDat (Current dataset : 1)
Signal(s) Used : Vs1 BSE Z, Ca Ka, Mg Ka
Column Conditions : Cond 1 : 15keV 278.8nA , Cond 2 : 15keV 280.9nA \n\t, Cond 1 : Ca Ka
\t, Cond 2 : Mg Ka, Vs1 BSE Z
Date : Sep-15-2021
DataSet Comment : caf\xe9 3 \xb5m
Analysis Date : Tuesday, September 14, 2021 6:57:42 AM
Analysis Parameters : \t
Sp\tElements\tXtal\tPosition\tBias\tGain\tDtime\tBlin\tWind\tMode\t
Sp1\tCa Ka\t\tPET\t38388\t1304\t1031\t3\t560\t \tInte
Peak Position :  Sp1 38388,  Sp2 46363
Start :  X = -1748 Y = -29677 Z = 14
Stop :
Dwell Time : 0.07 Sec
Acquisition type :  Stage Grid
Step Number : 9
Line Number : 7
Beam Size : N/A
Step Size : 4.000

Y Unit : cts
"""


def cameca(file: Path, head: str = CAMECA, image: str = "Mg Ka", numbered: bool = False) -> Path:
    rows = [[f"{cell:.4f}" for cell in row] for row in COUNTS]
    if numbered:
        rows = [[str(n + 1), *row] for n, row in enumerate(rows)]
        rows.insert(0, ["", *map(str, range(1, 10))])
    named = f"Image  : {image}\n" if image else ""
    table = "\n".join("\t".join(row) + "\t" for row in rows)
    file.write_bytes(f"{head}{named}\n{table}\n".encode("latin-1"))
    return file


@pytest.mark.parametrize("numbered", [False, True])
def test_both_types_of_peaksight_maps(tmp_path, numbered):
    file = cameca(tmp_path / "run7_Mg Ka.txt", numbered=numbered)
    assert format_of(file).name == "Cameca PeakSight map"
    image = only(file)
    assert (image.signal, image.shape, image.dtype) == ("Mg", (7, 9), np.uint16)
    np.testing.assert_array_equal(image.load(0, 7), COUNTS)
    np.testing.assert_array_equal(image.load(3, 5), COUNTS[3:5])
    said = image.acquisition
    assert (said.instrument, said.pixel_size_um, said.stage_um) == ("Cameca", 4, (-1748, -29677))
    assert (said.accelerating_voltage_kv, said.probe_current_na) == (15, 280.9)
    assert said.dwell_time_us == pytest.approx(70_000)
    assert said.taken == datetime(2021, 9, 14, 6, 57, 42)


@pytest.mark.parametrize(
    ("image", "signal"), [("BSE Z", "BSE"), ("K  Ka", "K"), ("Si Ka Eds", "Si"), ("", "")]
)
def test_names_of_peaksight_images(tmp_path, image, signal):
    assert only(cameca(tmp_path / "map.txt", image=image)).signal == signal


def test_the_least_header_that_peaksight_writes(tmp_path):
    head = (
        "Start :  X = 15702 Y = -24236 Z = 240\nStep Number : 9\nLine Number : 7\n\nY Unit : cts\n"
    )
    image = only(cameca(tmp_path / "map.txt", head, "Ca Ka"))
    assert (image.signal, image.acquisition.stage_um) == ("Ca", (15702, -24236))
    assert image.acquisition.pixel_size_um is None
    np.testing.assert_array_equal(image.load(0, 7), COUNTS)


def test_several_images_in_one_peaksight_file(tmp_path):
    first, second = cameca(tmp_path / "a.txt"), cameca(tmp_path / "b.txt", "", "Ca Ka")
    both = tmp_path / "both.txt"
    both.write_bytes(first.read_bytes() + b"\nY Unit : cts\n" + second.read_bytes())
    images = open_images(both)
    assert [image.signal for image in images] == ["Mg", "Ca"]
    for image in images:
        np.testing.assert_array_equal(image.load(0, 7), COUNTS)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("Line Number : 7", "Line Number : 8", "is cut short: 8 lines of numbers are expected"),
        ("Line Number : 7", "Line Number : 999999999", "is cut short"),
        ("Line Number : 7", "Line Number : many", "says Line Number : many; a whole number"),
        ("Line Number : 7", "Line Number : 0", "says Line Number : 0"),
        ("Line Number : 7", "Line Number : 99999999999999", "a whole number is expected"),
        ("Step Number : 9", "Step Number : 8", "row 1 has 9 numbers where 8 are expected"),
        ("Step Number : 9", "Step Number : 999999999", "row 1 has 9 numbers"),
    ],
)
def test_a_peaksight_header_that_does_not_fit_is_told(tmp_path, old, new, told):
    file = cameca(tmp_path / "map.txt", CAMECA.replace(old, new))
    with pytest.raises(InputError, match="map.txt") as error:
        only(file)
    assert told in str(error.value)


def test_a_peaksight_file_without_a_table_is_told(tmp_path):
    file = tmp_path / "map.txt"
    file.write_text(CAMECA)
    with pytest.raises(Unreadable, match="ends before its table of numbers"):
        only(file)
    file.write_text(CAMECA + "Comment : x\n" * 100_000)
    with pytest.raises(InputError, match="without a table of numbers in its first 1 MB"):
        only(file)


def test_peaksight_spots_are_no_map(tmp_path):
    file = tmp_path / "spots.csv"
    file.write_text(
        "FileName :  run7.qtiDat\nSignal(s) Used : Na Ka\n\nDataSet/Point\tNa2O\tMgO\n"
        "1 / 1 . \t0.74\t7.0\n"
    )
    assert format_of(file) is None


# --- JEOL ---

WINDOWS = """$SEM_DATA_VERSION 1
$XM_DATA_PROBE_CURRENT 1.201e-008
$XM_ANALYSIS_ACQ_DATE 2015/03/31 22:46:53
$XM_ANALYSIS_INSTRUMENT JXA8530
$XM_EC_ACCEL_VOLT 15.0
$XM_ELEM_NAME%0 Ti
$XM_ELEM_WDS_CRYSTAL_NAME%0 PETH
$XM_AP_SA_PIXELS%0 9 7
$XM_AP_SA_PIXEL_SIZE%0 0.50 0.50 50.00
$XM_AP_SA_DWELL_TIME%0 5.0
$XM_AP_SA_ROTATION_ANGLE%0 0.0
$XM_AP_SA_STAGE_POS%0_0 16.5407 19.9220 11.0355
$XM_AP_SA_STAGE_POS%0_1 16.9907 19.5220 11.0355
$XM_AP_COMMENT%0
"""


def test_a_map_of_jeol_on_windows(tmp_path):
    file = write(tmp_path / "data001.csv")
    (tmp_path / "data001.cnd").write_text(WINDOWS)
    assert format_of(file).name == "JEOL microprobe map"
    image = only(file)
    assert (image.signal, image.shape) == ("Ti", (7, 9))
    np.testing.assert_array_equal(image.load(1, 7), COUNTS[1:])
    said = image.acquisition
    assert (said.instrument, said.detector) == ("JEOL JXA8530", "PETH")
    assert (said.pixel_size_um, said.dwell_time_us, said.rotation_deg) == (0.5, 5000, 0)
    assert said.stage_um == pytest.approx((16540.7, 19922.0))
    assert said.probe_current_na == pytest.approx(12.01)
    assert said.accelerating_voltage_kv == 15
    assert said.taken == datetime(2015, 3, 31, 22, 46, 53)
    assert image.files == (tmp_path / "data001.cnd",)


def test_maps_of_other_names_have_the_conditions_of_their_folder(tmp_path):
    """XMapTools and others export ``Mg.txt`` beside ``data001.cnd``, for all maps of one shape."""
    file, other = write(tmp_path / "Mg.txt"), write(tmp_path / "coarse.txt", COUNTS[:5])
    (tmp_path / "data001.cnd").write_text(WINDOWS)
    said = only(file).acquisition
    assert (said.pixel_size_um, said.pixel_source) == (0.5, "the step in data001.cnd")
    assert said.stage_um == pytest.approx((16540.7, 19922.0))
    assert (said.accelerating_voltage_kv, said.detector) == (15, "")
    assert only(other).acquisition.pixel_size_um is None
    (tmp_path / "data002.cnd").write_text(WINDOWS.replace("0.50 0.50", "0.70 0.70"))
    (remark,) = only(file).remarks
    assert "0.5 um wide by the step in data001.cnd" in remark
    assert "0.7 um by the step in data002.cnd" in remark


def test_a_jeol_map_with_one_number_a_line(tmp_path):
    file = tmp_path / "data002.csv"
    file.write_text("\n".join(str(cell) for cell in COUNTS.ravel()))
    (tmp_path / "data002.cnd").write_text(WINDOWS)
    image = only(file)
    assert image.shape == (7, 9)
    np.testing.assert_array_equal(image.load(2, 6), COUNTS[2:6])


def test_a_map_of_jeol_on_sun(tmp_path):
    file = write(tmp_path / "1_map.txt", separator=" ")
    (tmp_path / "1.cnd").write_text("$CM_INSTRUMENT      JXA-8800\n$XM_ELEMENT         Si\n")
    (tmp_path / "0.cnd").write_text(
        "9      X-axis Step Number [1~1024]\n7\tY-axis Step Number [1~1024]\n"
        "4.0    X Step Size [um], or Beam Dots Width\n120\tDwell Time [msec]\n"
        "-20.8380 Measurement Center Position X [mm]\n16.8980  Measurement Center Position Y [mm]\n"
        "1e-07 Probe Current Avg, Before After [A]\n"
    )
    image = only(file)
    np.testing.assert_array_equal(image.load(0, 7), COUNTS)
    said = image.acquisition
    assert (image.signal, said.instrument, said.pixel_size_um) == ("Si", "JEOL JXA-8800", 4)
    assert said.stage_um == pytest.approx((-20838, 16898))
    assert said.probe_current_na == pytest.approx(100)
    assert said.dwell_time_us == pytest.approx(120_000)


@pytest.mark.parametrize(
    ("kind", "signal"), [("COMPO", "BSE"), ("SEI", "SE"), ("TOPO", "TOPO"), ("CLI", "CL")]
)
def test_electron_images_of_jeol(tmp_path, kind, signal):
    file = write(tmp_path / "data001.csv")
    (tmp_path / "data001.cnd").write_text(WINDOWS + f"$XM_ELEM_IMS_SIGNAL_TYPE%0 {kind}\n")
    assert only(file).signal == signal


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("PIXELS%0 9 7", "PIXELS%0 9 8", "7 x 9 numbers, data001.cnd says 8 x 9"),
        ("PIXELS%0 9 7", "PIXELS%0 31622 31622", "is it cut short, or of another map?"),
        ("PIXELS%0 9 7", "PIXELS%0 -9 7", "the map has -9 x 7 points"),
        ("PIXELS%0 9 7", "PIXELS%0 1e300 7", "points"),
        ("PIXEL_SIZE%0 0.50 0.50", "PIXEL_SIZE%0 0.50 0.70", "only square pixels can be used"),
    ],
)
def test_a_jeol_condition_file_that_does_not_fit_is_told(tmp_path, old, new, told):
    file = write(tmp_path / "data001.csv")
    (tmp_path / "data001.cnd").write_text(WINDOWS.replace(old, new))
    with pytest.raises(InputError, match="data001") as error:
        only(file)
    assert told in str(error.value)


def test_an_empty_condition_file_leaves_a_plain_map(tmp_path):
    file = write(tmp_path / "data001.csv")
    (tmp_path / "data001.cnd").write_bytes(bytes(100))
    assert format_of(file).name == "text map"
    assert only(file).acquisition.pixel_size_um is None


# --- fuzzing ---


def originals(folder: Path) -> list[Path]:
    folder.mkdir()
    write(folder / "data001.csv")
    (folder / "data001.cnd").write_text(WINDOWS)
    plain = write(folder / "Mg.csv", head="Mg K series\nPixel size: 2 um\n")
    return [
        folder / "data001.csv",
        plain,
        cameca(folder / "a.txt"),
        cameca(folder / "b.txt", numbered=True),
    ]


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_files_are_told_and_nothing_else(tmp_path, data):
    folder = tmp_path / "set"
    shutil.rmtree(folder, ignore_errors=True)
    originals(folder)
    file = data.draw(st.sampled_from(sorted(folder.iterdir())))
    whole = file.read_bytes()
    how = data.draw(st.sampled_from(["cut", "change", "insert", "double"]))
    place = data.draw(st.integers(0, len(whole)))
    piece = data.draw(
        st.binary(min_size=1, max_size=12)
        | st.sampled_from([b"9" * 400, b"-", b"1e308", b"\n\n", b"\xff\xfe"])
    )
    if how == "cut":
        file.write_bytes(whole[:place])
    elif how == "change":
        file.write_bytes(whole[:place] + piece + whole[place + len(piece) :])
    elif how == "insert":
        file.write_bytes(whole[:place] + piece + whole[place:])
    else:
        file.write_bytes(whole + whole[place:])
    for one in folder.iterdir():
        for reader in (text_map, cameca_map, jeol_map):
            reader.recognises(one, one.read_bytes()[:HEAD])
            try:
                for image in reader.open_images(one):
                    rows = image.load(0, image.shape[0])
                    assert rows.shape == image.shape
                    assert rows.size < 10_000
            except InputError as error:
                assert str(one.name) in str(error) or ".cnd" in str(error)


# --- real files ---


def test_real_oxford_maps(shared_data):
    folder = shared_data / "oxford-csv"
    images = {file.stem: only(file) for file in folder.glob("*.csv")}
    assert len(images) == 10
    assert {image.shape for image in images.values()} == {(134, 179)}
    expected = np.genfromtxt(folder / "Mg K series.csv", delimiter=",")[:, :179]
    np.testing.assert_array_equal(images["Mg K series"].load(0, 134), expected)


def test_real_xmaptools_maps(shared_data):
    folder = shared_data / "chloritoid"
    maps = [file for file in sorted(folder.glob("*.txt")) if format_of(file)]
    assert [file.stem for file in maps] == [
        "Al",
        "Ca",
        "Cp",
        "Fe",
        "K",
        "Mg",
        "Mn",
        "Na",
        "Si",
        "Ti",
    ]
    image = only(folder / "Cp.txt")
    assert image.shape == (324, 288)
    assert image.acquisition.pixel_size_um == pytest.approx(5.0, rel=0.01)
    np.testing.assert_array_equal(image.load(0, 324), np.loadtxt(folder / "Cp.txt"))
