"""Text maps as they lie in people's folders: headers, codes and lists that are no maps."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from napari_olivine.errors import InputError
from napari_olivine.readers.formats.registry import format_of, open_images

COUNTS = np.random.default_rng(1).poisson(30, (40, 50))


def only(file: Path):
    (image,) = open_images(file)
    return image


def rows_of(counts=COUNTS, separator: str = "\t") -> str:
    return "\n".join(separator.join(str(cell) for cell in row) for row in counts) + "\n"


# --- headers ---


@pytest.mark.parametrize(
    ("header", "size_um"),
    [
        ("Map: Mg K\u03b11\nWidth (µm): 100\nWidth (pixels): 50\n", 2.0),
        ("Mg K series\nResolution width: 50 pixels\nImage width: 100 µm\n", 2.0),
        ("Mg map\nField width = 0.1 mm\n", 2.0),
        ("Mg map\nPixel size: 3 um\nImage width: 100 um\n", 3.0),  # the pixel's own goes first
        ("Mg map\nBeam width: 1 um\n", None),
        ("Mg map\nImage width: 50 pixels\n", None),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_the_width_of_the_map_gives_its_pixels(tmp_path, header, size_um, encoding):
    file = tmp_path / "map.txt"
    file.write_bytes((header + rows_of()).encode(encoding, "replace"))
    image = only(file)
    assert image.signal == "Mg"
    np.testing.assert_array_equal(image.load(0, 40), COUNTS)
    size = image.acquisition.pixel_size_um
    assert size == (pytest.approx(size_um) if size_um else None)


@pytest.mark.parametrize("header", ["", "Mg K series\n"])
def test_unicode_text_is_refused_with_what_to_do(tmp_path, header):
    """As Excel saves it: every other byte is zero."""
    file = tmp_path / "Mg.txt"
    file.write_bytes((header + rows_of()).encode("utf-16"))
    with pytest.raises(InputError, match="is written in UTF-16 .* Save it as plain text"):
        open_images(file)


def test_unicode_text_of_other_kind_is_no_map(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_bytes("Olivine of 2021, see the notebook\n".encode("utf-16"))
    assert format_of(file) is None


def test_a_list_of_places_and_counts_is_no_map(tmp_path):
    places = [(c, r, COUNTS[r, c]) for r in range(40) for c in range(50)]
    file = tmp_path / "Mg.txt"
    file.write_text(rows_of(places))
    with pytest.raises(InputError, match="list of 2000 x 3 numbers, not a map"):
        open_images(file)


# --- JEOL ---

BEAM_SCAN = """$SEM_DATA_VERSION 1
$XM_EC_ACCEL_VOLT 15.0
$XM_ELEM_NAME%0 Si
$XM_AP_TYPE%0 2
$XM_AP_BSA_MAGNIFICATION%0 500
$XM_AP_BSA_PIXELS%0 50 40
$XM_AP_BSA_SCAN_COEFFICIENT%0 1.0
$XM_AP_BSA_STAGE_POS%0 -19.2155 -17.7800 10.8760
"""

WHOLE = """15.0\t\t\tEOS Acc. Voltage [kV]
{scan}\t\t\tStage[S] or Beam[B] Scan
20.8380\t\t\tMeasurement Center Position X [mm]
16.8980\t\t\tMeasurement Center Position Y [mm]
50\t\t\tX-axis Step Number [1~1024]
40\t\t\tY-axis Step Number [1~1024]
4.00\t\t\tX Step Size [um], or Beam Dots Width
F       \t\tElement Name No.1-Seq.1 **********
TAP             \t\tCrystal Name
Mg      \t\tElement Name No.2-Seq.1 **********
LIFH            \t\tCrystal Name
"""


def test_a_beam_scan_of_jeol_has_its_pixels_by_the_magnification(tmp_path):
    """A field of 120 mm / 500 = 240 um over 50 pixels."""
    (tmp_path / "data001.csv").write_text(rows_of(separator=","))
    (tmp_path / "data001.cnd").write_text(BEAM_SCAN)
    image = only(tmp_path / "data001.csv")
    assert (image.signal, image.acquisition.pixel_size_um) == ("Si", pytest.approx(4.8))
    assert image.acquisition.stage_um == pytest.approx((-19_215.5, -17_780.0))
    assert "follows from the magnification" in image.remarks[0]
    other = BEAM_SCAN.replace("COEFFICIENT%0 1.0", "COEFFICIENT%0 0.5")
    (tmp_path / "data001.cnd").write_text(other)
    assert only(tmp_path / "data001.csv").acquisition.pixel_size_um is None


def test_maps_of_a_sun_with_one_file_of_conditions_for_all(tmp_path):
    """The second element of the list belongs to the map of number 2."""
    (tmp_path / "0.cnd").write_text(WHOLE.format(scan="S"))
    (tmp_path / "2_map.txt").write_text(rows_of(separator=" "))
    image = only(tmp_path / "2_map.txt")
    assert (image.signal, image.acquisition.pixel_size_um) == ("Mg", 4)
    assert image.acquisition.stage_um == pytest.approx((20_838, 16_898))
    assert image.acquisition.detector == "LIFH"
    assert image.acquisition.accelerating_voltage_kv == 15
    np.testing.assert_array_equal(image.load(0, 40), COUNTS)


def test_the_dots_of_a_beam_scan_are_no_micrometres(tmp_path):
    (tmp_path / "0.cnd").write_text(WHOLE.format(scan="B"))
    (tmp_path / "2_map.txt").write_text(rows_of(separator=" "))
    image = only(tmp_path / "2_map.txt")
    assert (image.signal, image.acquisition.pixel_size_um) == ("Mg", None)


def test_a_number_that_the_list_lacks_is_a_plain_text_map(tmp_path):
    (tmp_path / "0.cnd").write_text(WHOLE.format(scan="S"))
    (tmp_path / "3_map.txt").write_text(rows_of())
    assert format_of(tmp_path / "3_map.txt").name == "text map"


# --- made to harm ---

CAMECA = (
    "FileName :  run7.impDat (Current dataset : 1)\n{harm}\nStep Number : 50\nLine Number : 40\n"
    "Step Size : 2.0\nImage : Mg Ka\n"
)


@pytest.mark.parametrize("harm", ["A" + " " * 900_000 + "B", "A : x" + " " * 900_000 + "y"])
def test_long_lines_of_spaces_do_not_keep_the_reader_of_cameca(tmp_path, harm):
    """An expression that tries every length of the spaces would need days."""
    (tmp_path / "a.txt").write_text(CAMECA.format(harm=harm) + rows_of())
    began = time.process_time()
    image = only(tmp_path / "a.txt")
    assert time.process_time() - began < 5
    assert (image.signal, image.acquisition.pixel_size_um) == ("Mg", 2)
    np.testing.assert_array_equal(image.load(0, 40), COUNTS)


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("data001.cnd", "$A" + " " * 900_000 + "\n"),
        ("data001.cnd", "$" + "A" * 900_000 + "\n"),
        ("0.cnd", "\n" * 900_000),
        ("0.cnd", "x " * 450_000 + "\n"),
    ],
)
def test_long_blanks_do_not_keep_the_reader_of_jeol(tmp_path, name, harm):
    map_name = "data001.csv" if name == "data001.cnd" else "2_map.txt"
    (tmp_path / map_name).write_text(rows_of(separator=" "))
    conditions = BEAM_SCAN if name == "data001.cnd" else WHOLE.format(scan="S")
    (tmp_path / name).write_text(harm + conditions)
    began = time.process_time()
    image = only(tmp_path / map_name)
    assert time.process_time() - began < 5
    assert image.signal == ("Si" if name == "data001.cnd" else "Mg")
