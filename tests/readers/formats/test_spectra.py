"""Spectrum images of Bruker, JEOL and EDAX, and the element maps that are made of them."""

from __future__ import annotations

import struct
import subprocess
import sys
import tracemalloc
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_olivine.errors import InputError
from napari_olivine.readers.base.image import Unreadable
from napari_olivine.readers.formats.decoder_process import Worker
from napari_olivine.readers.formats.registry import format_of, open_images
from napari_olivine.readers.formats.spectra import decoder, hyperspectral
from napari_olivine.readers.formats.spectra.xray_windows import (
    DEFAULT_ELEMENTS,
    LINES_EV,
    choose_line,
    fwhm_ev,
    windows,
)

ROWS, COLUMNS, CHANNELS, EV = 3, 4, 1000, 10.0
needs_rosetta = pytest.mark.skipif(
    not hyperspectral.find_spec("rsciio"), reason="the extra 'vendor' is not installed"
)


def lines_of(counts: dict[str, np.ndarray], seed: int = 0) -> np.ndarray:
    """Spectra of given counts in each element's K line, drawn as a detector widens them."""
    random = np.random.default_rng(seed)
    cube = np.zeros((ROWS, COLUMNS, CHANNELS), np.uint16)
    for element, wanted in counts.items():
        for place, number in np.ndenumerate(wanted):
            energies = random.normal(
                LINES_EV[element]["K"], fwhm_ev(LINES_EV[element]["K"]) / 2.3548, number
            )
            cube[place] += np.bincount(
                np.rint(energies / EV).astype(int), minlength=CHANNELS
            ).astype(np.uint16)
    return cube


# --- windows ---


def test_a_window_holds_its_line_and_not_its_neighbours():
    """Two widths hold 98.1 % of a line: erf(2.3548 / sqrt 2)."""
    counts = np.full((ROWS, COLUMNS), 20_000)
    for element in ("Na", "Mg", "Al", "Si", "Ca", "Fe"):
        cube = lines_of({element: counts})
        for window in windows(("Na", "Mg", "Al", "Si", "Ca", "Fe"), (), 15, 0, EV, CHANNELS):
            got = cube[..., window.first : window.last].sum(axis=-1, dtype=np.int64)
            if window.element == element:
                np.testing.assert_allclose(got, 0.981 * counts, rtol=0.012)
            else:
                assert got.max() < 0.002 * counts.max()


@pytest.mark.parametrize("offset", [-472.25, 0.0, 100.0])
@pytest.mark.parametrize("scale", [5.0, 9.999, 20.0])
def test_windows_lie_around_the_line_by_the_calibrated_axis(offset, scale):
    found = windows((), (), 20, offset, scale, 4096)
    assert [window.element for window in found] == list(DEFAULT_ELEMENTS)
    for window in found:
        energy, half = LINES_EV[window.element]["K"], 0.0
        half = fwhm_ev(energy)
        middles = offset + scale * np.arange(window.first, window.last)
        assert middles[0] - scale / 2 <= energy - half <= middles[0] + scale / 2
        assert middles[-1] - scale / 2 <= energy + half <= middles[-1] + scale / 2


@pytest.mark.parametrize(
    ("element", "beam_kv", "named", "line"),
    [
        ("Fe", 15, None, "K"),
        ("Fe", 5, None, "L"),
        ("Fe", 7, None, "L"),  # 7 keV is too little for the K line at 6.4
        ("Fe", 15, "L", "L"),
        ("Mg", None, None, "K"),
        ("Ce", 20, "L", "L"),
        ("Ce", 20, "K", "L"),
        ("Th", 20, "M", "M"),
        ("Mg", 1, None, None),
        ("Xx", 20, None, None),
    ],
)
def test_the_line_that_the_beam_excites(element, beam_kv, named, line):
    assert choose_line(element, beam_kv, named) == line


def test_what_lies_off_the_channels_is_left_out():
    assert [one.element for one in windows((), (), 20, 0, EV, 500)] == [
        "Mg", "Ca", "Al", "Si", "Na", "K", "Ti", "P", "S",
    ]  # fmt: skip
    assert windows(("C",), (), 20, 300, EV, 500) == []


def test_widths_of_lines():
    """Mn Ka as a maker states it; Mg Ka about 73 eV, Ni Ka about 144 eV."""
    assert fwhm_ev(5898.75) == 130
    assert fwhm_ev(1253.6) == pytest.approx(72.7, abs=0.5)
    assert fwhm_ev(7478) == pytest.approx(144.4, abs=0.5)


# --- EDAX ---


def write_spd(folder: Path, cube: np.ndarray, name: str = "map", **header: Any) -> Path:
    """Write an .spd with its .spc and .ipr after the file specification of EDAX."""
    from rsciio.edax import _api as edax

    rows, columns, channels = cube.shape
    spd = np.zeros(1, edax.get_spd_dtype_list())
    spd["tag"] = np.frombuffer(b"MAPSPECTRA_DATA\0", np.int8)
    values = {
        "version": 1, "nSpectra": rows * columns, "nPoints": columns, "nLines": rows,
        "nChannels": channels, "countBytes": cube.itemsize, "dataOffset": spd.nbytes, "nFrames": 1,
    }  # fmt: skip
    for key, value in (values | header).items():
        spd[key] = value
    spd["fName"] = np.frombuffer(f"{name}_Img.bmp".encode().ljust(120, b"\0"), np.int8)
    file = folder / f"{name}.spd"
    file.write_bytes(spd.tobytes() + cube.tobytes())
    spc = np.zeros(1, edax.get_spc_dtype_list(load_all=True))
    for key, value in {"fVersion": 0.61, "evPerChan": EV, "startEnergy": 0, "kV": 15}.items():
        spc[key] = value
    (folder / f"{name}.spc").write_bytes(spc.tobytes() + bytes(4096 * 4))
    ipr = np.zeros(1, edax.get_ipr_dtype_list())
    for key, value in {"version": 333, "mppX": 2.5, "mppY": 2.5}.items():
        ipr[key] = value
    (folder / f"{name}_Img.ipr").write_bytes(ipr.tobytes())
    return file


@needs_rosetta
def test_element_maps_of_edax(tmp_path):
    truth = {
        "Mg": np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS) * 100,
        "Fe": np.full((ROWS, COLUMNS), 500),
    }
    cube = lines_of(truth)
    file = write_spd(tmp_path, cube)
    found = format_of(file)
    assert (found.name, found.container) == ("Bruker, JEOL or EDAX spectra", True)
    images = {image.signal: image for image in open_images(file)}
    assert set(images) == set(DEFAULT_ELEMENTS)
    mg = images["Mg"]
    assert (mg.shape, mg.dtype, mg.acquisition.pixel_size_um) == ((ROWS, COLUMNS), np.uint32, 2.5)
    assert (mg.acquisition.instrument, mg.acquisition.accelerating_voltage_kv) == ("EDAX", 15)
    for window in windows((), (), 15, 0, EV, CHANNELS):
        exact = cube[..., window.first : window.last].sum(axis=-1)
        np.testing.assert_array_equal(images[window.element].load(0, ROWS), exact)
    np.testing.assert_allclose(mg.load(0, ROWS), 0.981 * truth["Mg"], atol=12)
    np.testing.assert_array_equal(mg.load(1, 2), mg.load(0, ROWS)[1:2])


@needs_rosetta
def test_edax_without_its_calibration_is_told(tmp_path):
    file = write_spd(tmp_path, lines_of({}))
    (tmp_path / "map.spc").unlink()
    with pytest.raises(InputError, match=r"keep the .spc file of the same name beside the .spd"):
        open_images(file)


@needs_rosetta
@pytest.mark.parametrize(
    "header",
    [
        {"nPoints": 10**9, "nLines": 10**9},
        {"nPoints": -4},
        {"nPoints": 0},
        {"nPoints": 40_000, "nLines": 40_000},
        {"countBytes": 3},
        {"nChannels": 10**9},
        {"dataOffset": 10**9},
    ],
)
def test_an_edax_header_that_does_not_fit_is_told(tmp_path, header):
    file = write_spd(tmp_path, lines_of({}), **header)
    with pytest.raises(InputError, match=r"map\.spd"):
        for image in open_images(file):
            image.load(0, 1)


# --- JEOL ---


def tree(values: dict[str, Any]) -> bytes:
    """Write values as JEOL's Analysis Station does: marks, names, types and values."""
    out = b""
    for name, value in values.items():
        key = name.encode() + b"\0"
        out += b"\x01" + struct.pack("<i", len(key)) + key
        if isinstance(value, dict):
            out += struct.pack("<ii", 0, 0) + tree(value)
        else:
            if isinstance(value, str):
                kind, raw = 12, value.encode() + b"\0"
            elif isinstance(value, np.ndarray):
                kind, raw = {"uint8": 6, "int32": 8}[str(value.dtype)], value.tobytes()
            elif isinstance(value, int):
                kind, raw = 3, struct.pack("<i", value)
            else:
                kind, raw = 5, struct.pack("<d", value)
            out += struct.pack("<ii", kind, len(raw)) + raw
        out += b"\xff"
    return out


def write_img(file: Path, image: np.ndarray, title: str = "BEC") -> Path:
    rows, columns = image.shape
    body = tree(
        {
            "Instrument": {"ScanSize": 125.0, "Mag": 500.0, "AccV": 15.0},
            "Image": {
                "Created": 44000.5,
                "Title": title,
                "Size": np.array([columns, rows], np.int32),
                "Bits": image,
            },
        }
    )
    head = struct.pack("<I", 52) + b"JED-2200:IMG".ljust(32, b"\0") + struct.pack("<III", 0, 0, 48)
    file.write_bytes(head.ljust(60, b"\0") + body + b"\xff")
    return file


def write_pts(
    file: Path,
    photons: dict[tuple[int, int], list[int]],
    side: int = 4,
    said: str = "",
) -> Path:
    """Write the channels of the photons of each pixel (row, column), one frame."""
    page = {
        "PARAMPAGE0_SEM": {
            "ScanSize": 125.0, "DirAng": 0.0, "DetT": "SDD", "ElevAng": 30.0, "MnKaRES": 130.0,
        },
        "PARAMPAGE1_EDXRF": {"Tpl": {"T1": {"DigZ": 0.0}}},
    }  # fmt: skip
    header = tree(
        {
            "PTTD Param": {"Params": page},
            "PTTD Data": {
                "AnalyzableMap MeasData": {
                    "Meas Cond": {"Pixels": said or f"{side}x{side}", "Tpl": "T1"},
                    "MeasCond": {"Mag": 500.0, "AccKV": 15.0},
                    "Doc": {
                        "CoefA": EV / 1000, "CoefB": 0.0, "DwellTime(msec)": 1.0, "Sweep": 1,
                        "RealTime": 1.0,
                    },
                }
            },
        }
    )  # fmt: skip
    step = 4096 // side
    words: list[int] = []
    for row in range(side):
        for column in range(side):
            words += [0x9000 + row * step, 0x8000 + column * step, 0xA000 + 100 * row + column]
            words += [0xB000 + channel for channel in photons.get((row, column), [])]
    begin = 304
    data = begin + 12 + len(header) + 1
    head = struct.pack("<I", 304) + b"JED-2200".ljust(8, b"\0")
    head += struct.pack("<IIIIII", 0, 0, begin, len(header), data, 2 * len(words))
    head += bytes(128 + 132) + struct.pack("<d", 44000.5)
    whole = head.ljust(begin + 12, b"\0") + header + b"\xff"
    file.write_bytes(whole + np.array(words, "<u2").tobytes())
    return file


@needs_rosetta
def test_electron_images_of_jeol(tmp_path):
    grey = np.random.default_rng(0).integers(0, 255, (6, 5)).astype(np.uint8)
    (image,) = open_images(write_img(tmp_path / "View001.img", grey))
    assert (image.signal, image.shape, image.dtype) == ("BSE", (6, 5), np.uint8)
    np.testing.assert_array_equal(image.load(2, 4), grey[2:4])
    assert image.acquisition.pixel_size_um == pytest.approx(125 / 500 * 1000 / 5)
    assert image.acquisition.accelerating_voltage_kv == 15
    assert image.acquisition.taken == datetime(2020, 6, 18, 12)


@needs_rosetta
def test_element_maps_of_jeol(tmp_path):
    pytest.importorskip("numba")
    photons = {(1, 2): [125] * 7 + [640] * 3, (3, 0): [126], (0, 0): [300]}
    images = {
        image.signal: image for image in open_images(write_pts(tmp_path / "View001.pts", photons))
    }
    assert set(images) == {"SEM", *DEFAULT_ELEMENTS}
    expected = np.zeros((4, 4))
    expected[1, 2], expected[3, 0] = 7, 1
    np.testing.assert_array_equal(images["Mg"].load(0, 4), expected)
    assert images["Fe"].load(1, 2)[0, 2] == 3
    assert images["Fe"].load(0, 4).sum() == 3
    np.testing.assert_array_equal(
        images["SEM"].load(0, 4), 100 * np.arange(4)[:, None] + np.arange(4)
    )
    assert images["Mg"].acquisition.pixel_size_um == pytest.approx(125 / 500 * 1000 / 4)


@needs_rosetta
@pytest.mark.parametrize("said", ["4096x4096", "100000x100000", "0x4", "-4x4", "many"])
def test_a_jeol_header_that_asks_for_any_memory_is_told(tmp_path, said):
    pytest.importorskip("numba")
    file = write_pts(tmp_path / "View001.pts", {}, said=said)
    with pytest.raises(InputError, match=r"View001\.pts"):
        open_images(file)


@needs_rosetta
def test_a_list_of_jeol_that_names_files_outside_its_folder_is_refused(tmp_path):
    write_img(tmp_path / "secret.img", np.ones((3, 3), np.uint8))
    folder = tmp_path / "set"
    folder.mkdir()
    view = {"ViewData": {"0": {"Filename": "..\\secret.img"}}}
    body = tree({"SampleInfo": {"0": {"ViewInfo": {"0": view}}}})
    file = folder / "set.asw"
    file.write_bytes(bytes(12) + body + b"\xff" + bytes(16))
    with pytest.raises(InputError, match="names a file outside its folder"):
        open_images(file)
    write_img(folder / "own.img", np.ones((3, 3), np.uint8))
    view["ViewData"]["0"]["Filename"] = "own.img"
    file.write_bytes(
        bytes(12) + tree({"SampleInfo": {"0": {"ViewInfo": {"0": view}}}}) + b"\xff" + bytes(16)
    )
    assert open_images(file)[0].shape == (3, 3)


# --- Bruker, real files ---


@needs_rosetta
@pytest.mark.parametrize(
    ("name", "size_um", "shape", "signals"),
    [
        (
            "30x30_instructively_packed_16bit_compressed.bcf",
            1.667,
            (30, 30),
            "BSE Al C Ca Ce Fe Gd K Mg Na Nd O P Si Sm Th Ti",
        ),
        (
            "P45_the_default_job.bcf",
            8.737,
            (75, 100),
            "BSE SE Mg Fe Ca Al Si Na K Ti Cr Mn Ni P S",
        ),
    ],
)
def test_real_files_of_bruker(shared_data, name, size_um, shape, signals):
    images = open_images(shared_data / "bruker_bcf" / name)
    assert [image.signal for image in images] == signals.split()
    assert {image.shape for image in images} == {shape}
    said = images[0].acquisition
    assert said.pixel_size_um == pytest.approx(size_um, abs=1e-3)
    assert said.accelerating_voltage_kv == 20
    assert images[0].dtype == np.uint16


@needs_rosetta
def test_maps_of_a_real_file_are_sums_of_its_spectra(shared_data):
    from rsciio.bruker import file_reader

    file = shared_data / "bruker_bcf" / "30x30_instructively_packed_16bit_compressed.bcf"
    cube = file_reader(str(file))[-1]
    energies = 1000 * (
        cube["axes"][-1]["offset"] + cube["axes"][-1]["scale"] * np.arange(cube["data"].shape[-1])
    )
    images = {image.signal: image for image in open_images(file)}
    spectrum = cube["data"].sum(axis=(0, 1), dtype=np.int64)
    for element in ("Mg", "Al", "Si", "P", "Ca", "Ti", "Fe"):
        energy = LINES_EV[element]["K"]
        inside = np.abs(energies - energy) <= fwhm_ev(energy)
        counts = images[element].load(0, 30)
        exact = cube["data"][..., inside].sum(axis=-1, dtype=np.int64)
        edge = 2 * cube["data"].max(axis=-1).astype(np.int64)  # a channel more at either end
        assert (np.abs(counts - exact) <= edge).all()
        # The file names these elements: each has its peak in the middle of its window.
        peak = energies[inside][spectrum[inside].argmax()]
        assert abs(peak - energy) < 0.3 * fwhm_ev(energy)


@needs_rosetta
def test_damaged_files_of_bruker_are_told(tmp_path, shared_data):
    """Truncated and changed files, whatever the decoder makes of them."""
    whole = (shared_data / "bruker_bcf" / "P45_the_default_job.bcf").read_bytes()
    random = np.random.default_rng(3)
    file = tmp_path / "damaged.bcf"
    for place in random.integers(8, len(whole) - 5000, 8):
        file.write_bytes(whole[:place])
        with pytest.raises(InputError, match=r"damaged\.bcf is truncated or damaged"):
            open_images(file)[2].load(0, 1)
    told = 0
    for place in random.integers(8, len(whole), 5):
        file.write_bytes(whole[:place] + random.bytes(64) + whole[place + 64 :])
        try:
            for image in open_images(file):
                assert image.load(0, image.shape[0]).shape == image.shape
        except InputError as error:
            told += 1
            assert "damaged.bcf" in str(error)
    assert told >= 1


# --- without the extra, and without a decoder that survives ---


def test_without_the_extra_the_way_round_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(hyperspectral, "find_spec", lambda name: None)
    for name, head, program in (
        ("a.bcf", b"AAMVHFSS".ljust(64, b"\0"), "Esprit"),
        ("a.pts", struct.pack("<I", 304).ljust(64, b"\0"), "Analysis Station"),
        ("a.spd", b"MAPSPECTRA_DATA".ljust(64, b"\0"), "TEAM or Genesis"),
    ):
        file = tmp_path / name
        file.write_bytes(head)
        with pytest.raises(InputError) as error:
            open_images(file)
        assert "pip install 'napari-olivine[vendor]'" in str(error.value)
        assert f"export from {program}" in str(error.value)


def test_nothing_imports_the_library_before_such_a_file_is_met():
    code = (
        "import sys, napari_olivine.readers.formats.spectra.hyperspectral, napari_olivine.cli;"
        "assert not any(name.split('.')[0] == 'rsciio' for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_decoder_that_dies_or_hangs_is_damage(monkeypatch):
    worker = Worker("napari_olivine.readers.formats.spectra.decoder")
    dying = [sys.executable, "-c", "import os, sys; sys.stdin.readline(); os.abort()"]
    hanging = [sys.executable, "-c", "import time; time.sleep(60)"]
    start = subprocess.Popen
    for command, told, seconds in (
        (dying, "it cannot be unpacked", 60),
        (hanging, "no end after 2 s", 2),
    ):
        monkeypatch.setattr(
            subprocess, "Popen", lambda _, command=command, **how: start(command, **how)
        )
        with pytest.raises(Unreadable, match=rf"a.bcf is truncated or damaged \({told}"):
            worker.ask("describe", Path("a.bcf"), seconds)
    monkeypatch.setattr(subprocess, "Popen", start)
    with pytest.raises(Unreadable, match="missing.spd is truncated or damaged"):
        worker.ask("describe", Path("missing.spd"), 60, kind="edax", folder="")
    worker.end()


@needs_rosetta
def test_spectra_are_summed_in_blocks(tmp_path, monkeypatch):
    """200 MB of spectra, nearly all of them a hole in the file, in blocks of 4 MB."""
    rows, columns = 250, 400
    file = write_spd(tmp_path, lines_of({}), nPoints=columns, nLines=rows)
    with file.open("r+b") as stream:
        begin = stream.seek(0, 2) - lines_of({}).nbytes
        stream.truncate(begin + rows * columns * CHANNELS * 2)
        for row in (1, 249):
            stream.seek(begin + (row * columns + 5) * CHANNELS * 2 + 125 * 2)
            stream.write(struct.pack("<H", 77))
    (image,) = (image for image in open_images(file) if image.signal == "Mg")
    counts = image.load(0, rows)
    assert (counts[1, 5], counts[249, 5], counts.sum()) == (77, 77, 154)
    monkeypatch.setattr(decoder, "BLOCK_BYTES", 4 << 20)
    tracemalloc.start()
    (again,) = decoder._sums_of_spd(file, windows(("Mg",), (), 15, 0, EV, CHANNELS))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(again, counts)
    assert peak < 16e6


def test_other_files_are_not_ours(tmp_path):
    for name, head in (("a.pts", b"\0" * 64), ("a.img", b"text" * 9), ("a.bcf", b"PK\3\4" * 9)):
        (tmp_path / name).write_bytes(head)
        assert format_of(tmp_path / name) is None
        with pytest.raises(InputError, match="is no spectrum image"):
            hyperspectral.open_images(tmp_path / name)
    with pytest.raises(Unreadable, match="cannot be read"):
        hyperspectral.open_images(tmp_path / "missing.bcf")
