"""How the names of files become signals."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from napari_olivine.readers.base.signal_names import depth_of, signal_of
from napari_olivine.readers.base.vocabulary import BSE_NAMES, ELEMENTS, ONLY_K, SYMBOLS
from napari_olivine.readers.formats.detector_names import (
    is_known,
    signal_of_channel,
    signal_of_detector,
)


@pytest.mark.parametrize(
    ("name", "signal"),
    [
        # Oxford AZtec and INCA
        ("Mg K series", "Mg"),
        ("Mg K series.csv", "Mg"),
        ("O K series", "O"),
        ("K K series", "K"),
        ("Fe Ka1", "Fe"),
        ("Fe K\u03b11", "Fe"),
        ("Al K\u03b11,2", "Al"),
        ("Al Ka1_2", "Al"),
        ("K Ka1", "K"),
        ("Ba La1", "Ba"),
        ("Ce L\u03b11", "Ce"),
        ("As L\u03b11", "As"),
        ("C Ka1_2", "C"),
        ("FeKa1", "Fe"),
        ("Site 3 Map Data 7 Si Ka1", "Si"),
        # Bruker, EDAX
        ("SiK", "Si"),
        ("MgK", "Mg"),
        ("CaK.bmp", "Ca"),
        ("FeL", "Fe"),
        ("Mg-K", "Mg"),
        ("Na-KA", "Na"),
        ("Map 12 Mg", "Mg"),
        ("Map 12_Mg-MapData", "Mg"),
        ("AsB", "BSE"),
        # Cameca, JEOL
        ("Ca Ka", "Ca"),
        ("K  Ka Eds", "K"),
        ("BSE Z", "BSE"),
        ("Vs1 BSE Z", "BSE"),
        ("Ti_CH3_PETH_Ka", "Ti"),
        ("P_ch2_TAPL", "P"),
        ("COMPO", "BSE"),
        ("BSE-COMPO", "BSE"),
        ("TOPO", "TOPO"),
        ("CL", "CL"),
        ("SEI", "SE"),
        # XMapTools
        ("Cp", "BSE"),
        ("Si_sample1", "Si"),
        ("Mg", "Mg"),
        ("SiO2", "SiO2"),
        ("MgO_wt%", "MgO"),
        # people
        ("MORB7_16bit_Mg", "Mg"),
        ("obj1_8bt_BSE", "BSE"),
        ("obj1_8bt_Pho", "P"),
        ("obj1_32bt_S", "S"),
        ("obj1_8bt_Sul", "S"),
        ("standards_32bt_Al", "Al"),
        ("1-Si", "Si"),
        ("4-Fe.jpg", "Fe"),
        ("Mg_Ka", "Mg"),
        ("Mg Ka1,2", "Mg"),
        ("Mg (K)", "Mg"),
        ("Mg wt%", "Mg"),
        ("mg", "Mg"),
        ("FE", "Fe"),
        ("fe_16bit", "Fe"),
        ("BSE 1", "BSE"),
        ("BSE1", "BSE"),
        ("bse.tif", "BSE"),
        ("STAP01_13G(B)_ol18_BSE", "BSE"),
        ("section2_Mg_counts_3", "Mg"),
        ("Mg_r03_c12", "Mg"),
        ("Magnesium", "Mg"),
        ("Eisen Karte", "Fe"),
        ("carte fer", "Fe"),
        ("carte magn\u00e9sium", "Mg"),
        ("R\u00fcckstreuelektronen", "BSE"),
        ("\u00c9lectrons r\u00e9trodiffus\u00e9s", "BSE"),
        ("HDAsB", "BSE"),
        ("K", "K"),
        ("SE", "SE"),
        ("Se", "Se"),
        # no signal
        ("obj1_mask", None),
        ("mask_iron_Fe", None),
        ("mask_rutile_TiO2", None),
        ("preview", None),
        ("EDS Layered Image 1", None),
        ("Classification", None),
        ("Standards", None),
        ("Phase map Mg Fe", None),
        ("Sum Spectrum", None),
        ("Electron Image 1", None),
        ("Field_000123", None),
        ("Tile_001-002", None),
        ("r00_c00", None),
        ("S_12_03", None),
        ("P45_the_default_job", None),
        ("profile_01", None),
        ("as in no 3", None),
        ("olivine", None),
        ("", None),
        ("...", None),
    ],
)
def test_names_of_real_files(name, signal):
    assert signal_of(name) == signal


@given(
    element=st.sampled_from(list(ELEMENTS)),
    line=st.sampled_from([" K series", " Ka", " Ka1", " K\u03b11", "_Ka", " L series", " (K)"]),
    before=st.sampled_from(["", "MORB7_", "Map 3 ", "section 2 - "]),
)
def test_an_element_with_its_line_is_found_in_any_place(element, line, before):
    if " L" in line and element in ONLY_K:
        return
    assert signal_of(before + element + line) == element


@given(st.text(max_size=60))
def test_any_text_is_a_signal_or_none(name):
    signal = signal_of(name)
    assert signal is None or (0 < len(signal) <= 5 and "/" not in signal and "\\" not in signal)


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        ("MORB7_16bit_Mg", 16),
        ("obj1_8bt_Al", 8),
        ("Mg 32 bit", 32),
        ("Mg", None),
        ("Mg_800bits", None),
    ],
)
def test_depth_in_a_name(name, bits):
    assert depth_of(name) == bits


@pytest.mark.parametrize("element", sorted(SYMBOLS))
def test_files_channels_and_lines_speak_of_the_same_elements(element):
    assert signal_of_channel(element) == element
    assert signal_of_channel(f"{element} K series") == signal_of(f"{element} K series") == element
    assert is_known(f"{element} Ka1")


@pytest.mark.parametrize("name", sorted(BSE_NAMES))
def test_a_backscatter_image_is_one_in_a_file_and_on_a_detector(name):
    assert signal_of(name) == signal_of_detector(name) == "BSE"
