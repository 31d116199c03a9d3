"""What the makers of instruments write into or beside an image, with its units."""

from __future__ import annotations

import math
import os
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings, strategies as st

from napari_olivine.errors import InputError
from napari_olivine.readers.base.image import Acquisition, Image
from napari_olivine.readers.formats import open_images
from napari_olivine.readers.formats.detector_names import signal_of_channel, signal_of_detector
from napari_olivine.readers.formats.metadata import (
    fei,
    hitachi,
    jeol_sem,
    ome,
    phenom,
    quantities,
    tescan,
    zeiss,
)
from napari_olivine.readers.formats.metadata.embedded import EmbeddedMetadata

FIELD = np.arange(884 * 102, dtype=np.uint32).reshape(884, 102).astype(np.uint8)


def with_bar(rows: int) -> np.ndarray:
    """The field with an information bar of some rows below."""
    return np.vstack([FIELD, np.full((rows, FIELD.shape[1]), 255, np.uint8)])


def only(file: Path) -> Image:
    (image,) = open_images(file)
    return image


def approximately(value: Acquisition, **expected: object) -> None:
    for name, wanted in expected.items():
        got = getattr(value, name)
        same = wanted if isinstance(wanted, str | datetime) else pytest.approx(wanted, rel=1e-6)
        assert got == same, name


# --- ZEISS ----------------------------------------------------------------------------------

CZ_SEM = "\r\n".join(
    [
        "0", "0", "0", "1.6e-09", "0",
        "DP_DETECTOR_CHANNEL", "Signal A = HDAsB",
        "DP_IMAGE_STORE", "Store resolution = 102 * 884",
        "DP_DWELL_TIME", "Dwell Time = 800 ns",
        "DP_SCAN_ROT", "Scan Rot = On",
        "SV_SERIAL_NUMBER", "Serial No. = SIGMA HD-42",
        "AP_SCANROTATION", "Scan Rotation = 90.0 deg",
        "AP_IMAGE_PIXEL_SIZE", "Image Pixel Size = 558.2 nm",
        "AP_STAGE_AT_X", "Stage at X = 56.1234 mm",
        "AP_STAGE_AT_Y", "Stage at Y = -1.25 mm",
        "AP_ACTUALKV", "EHT = 15.00 kV",
        "AP_IPROBE", "I Probe = 500 pA",
        "AP_DATE", "Date :22 Jan 2026",
        "AP_TIME", "Time :21:48:36",
    ]
)  # fmt: skip


def write(file: Path, pixels: np.ndarray, code: int, text: str | bytes, **more) -> Path:
    kind, value = (2, text) if isinstance(text, str) else (7, text)
    tifffile.imwrite(file, pixels, metadata=None, extratags=[(code, kind, 0, value, True)], **more)
    return file


def test_zeiss(tmp_path):
    image = only(write(tmp_path / "a.tif", FIELD, 34118, CZ_SEM))
    assert (image.signal, image.shape) == ("BSE", (884, 102))
    approximately(
        image.acquisition,
        instrument="ZEISS SIGMA HD-42",
        pixel_size_um=0.5582,
        stage_um=(56_123.4, -1_250.0),
        rotation_deg=90.0,
        accelerating_voltage_kv=15.0,
        probe_current_na=0.5,
        dwell_time_us=0.8,
        detector="HDAsB",
        taken=datetime(2026, 1, 22, 21, 48, 36),
    )


@pytest.mark.parametrize(
    ("line", "size_um"),
    [
        ("558.2 pm", 0.0005582), ("1.25 µm", 1.25), ("1.25 um", 1.25), ("0.002 mm", 2.0),
        ("1.25 furlongs", None), ("-3 nm", None), ("nan nm", None), ("1e300 nm", None),
    ],
)  # fmt: skip
def test_units_of_zeiss(tmp_path, line, size_um):
    text = CZ_SEM.replace("558.2 nm", line).replace("1.6e-09", "0")
    file = tmp_path / "a.tif"
    tifffile.imwrite(
        file, FIELD, metadata=None, extratags=[(34118, 2, 0, text.encode("latin-1"), True)]
    )
    size = only(file).acquisition.pixel_size_um
    assert size == (pytest.approx(size_um) if size_um else None)


def test_the_nameless_value_of_zeiss_gives_the_pixel_size_more_exactly():
    tag = {"": (0, 0, 0, 5.000123e-07), "ap_image_pixel_size": ("Image Pixel Size", 500.0, "nm")}
    told = zeiss.read_tag(tag, (768, 1024))
    assert told.acquisition.pixel_size_um == pytest.approx(0.5000123, rel=1e-9)
    other = zeiss.read_tag(tag, (1536, 2048))  # says half as much: not the same, not believed
    assert other.acquisition.pixel_size_um == 0.5


def test_zeiss_images_have_a_grey_colour_table(tmp_path):
    table = np.repeat((np.arange(256) * 257).astype(np.uint16)[None], 3, axis=0)
    file = write(tmp_path / "a.tif", FIELD, 34118, CZ_SEM, photometric="palette", colormap=table)
    image = only(file)
    np.testing.assert_array_equal(image.load(0, 884), FIELD)
    assert image.acquisition.accelerating_voltage_kv == 15


# --- FEI and Thermo Fisher --------------------------------------------------------------------

FEI = """[User]
Date=25/04/2024
Time=11:48:12 AM
[System]
SystemType=Quanta FEG
[Beam]
HV=20000
Beam=EBeam
Scan=EScan
[EBeam]
HV=20000
HFW=0.000102
BeamCurrent=4.5e-009
ScanRotation=1.5707963267948966
[Scan]
Dwelltime=3e-006
PixelWidth=1e-006
PixelHeight=1e-006
[Stage]
StageX=0.0012345
StageY=-0.02
StageR=0.1
[Image]
ResolutionX=102
ResolutionY=884
[Detectors]
Number=1
Name=CBS
Mode=All
[PrivateFei]
DatabarHeight=59
"""


@pytest.mark.parametrize("code", [34680, 34682])
def test_fei_with_its_data_bar_cut_off(tmp_path, code):
    image = only(write(tmp_path / "a.tif", with_bar(59), code, FEI.replace("\n", "\r\n")))
    assert (image.signal, image.shape) == ("BSE", (884, 102))
    assert image.remarks == ("the lowest 59 rows are an information bar and are left out",)
    np.testing.assert_array_equal(image.load(0, 884), FIELD)
    np.testing.assert_array_equal(image.load(880, 884), FIELD[880:])
    approximately(
        image.acquisition,
        instrument="FEI Quanta FEG",
        pixel_size_um=1.0,
        stage_um=(1_234.5, -20_000.0),
        rotation_deg=90.0,
        accelerating_voltage_kv=20.0,
        probe_current_na=4.5,
        dwell_time_us=3.0,
        detector="CBS",
        taken=datetime(2024, 4, 25, 11, 48, 12),
    )


def test_fei_without_the_scan_has_the_width_of_the_field(tmp_path):
    text = FEI.replace("PixelWidth", "Other")
    image = only(write(tmp_path / "a.tif", with_bar(59), 34682, text))
    assert image.acquisition.pixel_size_um == pytest.approx(1.0)


def test_fei_image_that_was_enlarged_since_has_no_pixel_size_and_keeps_its_rows(tmp_path):
    enlarged = np.repeat(with_bar(59), 2, axis=1)
    image = only(write(tmp_path / "a.tif", enlarged, 34682, FEI))
    assert image.acquisition.pixel_size_um is None
    assert image.shape == enlarged.shape


def test_relief_of_a_backscatter_detector_is_not_bse(tmp_path):
    text = FEI.replace("Mode=All", "Mode=A-B")
    assert only(write(tmp_path / "a.tif", with_bar(59), 34682, text)).signal == "CBS topography"


@pytest.mark.parametrize("date", ["04/05/2024", "99/99/2024", ""])
def test_a_date_that_may_be_two_days_says_nothing(tmp_path, date):
    text = FEI.replace("25/04/2024", date)
    assert only(write(tmp_path / "a.tif", with_bar(59), 34682, text)).acquisition.taken is None


# --- Phenom -----------------------------------------------------------------------------------

PHENOM = """<?xml version="1.0" encoding="UTF-8"?>
<FeiImage version="3.0"><time>2023-05-16T10:11:12+02:00</time><databarHeight>61</databarHeight>
<pixelWidth unit="nm">263.5</pixelWidth><pixelHeight unit="nm">263.5</pixelHeight>
<samplePosition unit="m"><x>-0.0015</x><y>0.002</y></samplePosition>
<instrument><type>Phenom-ProX</type></instrument>
<acquisition><scan><dwellTime unit="ns">500</dwellTime><rotation>0</rotation>
<detector>bsdAll</detector><highVoltage unit="kV">-15</highVoltage></scan></acquisition>
</FeiImage>"""


def test_phenom(tmp_path):
    image = only(write(tmp_path / "a.tiff", with_bar(61), 34683, PHENOM))
    assert (image.signal, image.shape) == ("BSE", (884, 102))
    approximately(
        image.acquisition,
        instrument="Phenom-ProX",
        pixel_size_um=0.2635,
        stage_um=(-1_500.0, 2_000.0),
        rotation_deg=0.0,
        accelerating_voltage_kv=15.0,
        dwell_time_us=0.5,
        detector="bsdAll",
        taken=datetime(2023, 5, 16, 10, 11, 12),
    )


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "UTF-16", "utf-8"])
def test_the_encoding_that_a_text_declares_is_that_of_before_it_was_decoded(encoding):
    micro = PHENOM.replace('"nm">263.5', '"\u00b5m">0.2635')
    text = f'<?xml version="1.0" encoding="{encoding}"?>' + micro[micro.index("<FeiImage") :]
    found = phenom.read_tag(text, (945, 102))
    assert found is not None and found.acquisition.pixel_size_um == 0.2635


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY a "aaaaaaaaaa">'
    + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True)
    )
    + "]><{0}>&j;</{0}>"
)
OUTSIDE = '<!DOCTYPE OME [<!ENTITY x SYSTEM "file:///etc/passwd">]><{0}><Image Name="&x;"/></{0}>'


@pytest.mark.parametrize("xml", [BOMB, OUTSIDE])
def test_xml_that_blows_up_or_points_elsewhere_is_not_read(tmp_path, xml):
    began = time.process_time()
    assert phenom.read_tag(xml.replace("{0}", "FeiImage"), (9, 9)) is None
    assert not ome.read_description(xml.replace("{0}", "OME"), tmp_path / "a.tif")
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, FIELD, description=xml.replace("{0}", "OME"), metadata=None)
    assert only(file).signal == ""
    assert time.process_time() - began < 2


def test_files_that_an_ome_xml_names_are_never_opened(tmp_path):
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        '<Pixels DimensionOrder="XYCZT" SizeX="102" SizeY="884" SizeC="2" SizeZ="1" SizeT="1" '
        'Type="uint8"><Channel Name="Mg"/><Channel Name="Fe"/>'
        '<TiffData IFD="0" FirstC="0"><UUID FileName="../../secret.tif">urn:uuid:1</UUID>'
        "</TiffData>"
        '<TiffData IFD="0" FirstC="1"><UUID FileName="a.ome.tif">urn:uuid:2</UUID></TiffData>'
        "</Pixels></Image></OME>"
    )
    planes = ome.read_description(xml, tmp_path / "a.ome.tif")
    assert {page: plane.name for page, plane in planes.items()} == {0: "Fe"}
    tifffile.imwrite(tmp_path / "a.ome.tif", FIELD, description=xml, metadata=None)
    assert only(tmp_path / "a.ome.tif").signal == "Fe"


def test_an_ome_position_without_a_unit_is_in_nobodys_frame(tmp_path):
    metadata = {"axes": "YX", "Plane": {"PositionX": [5.0], "PositionY": [6.0]}}
    tifffile.imwrite(tmp_path / "a.ome.tif", FIELD, metadata=metadata)
    assert only(tmp_path / "a.ome.tif").acquisition.stage_um is None


# --- TESCAN -----------------------------------------------------------------------------------

HDR = """[MAIN]
AccFrames=1
Date=2019-05-21
Device=TIMA3 LMH
ImageStripSize=80
Magnification=300
PixelSizeX=7.5e-07
PixelSizeY=7.5e-07
Time=13:45:12
ViewFieldsCountX=1
[SEM]
BeamCurrent=5.2e-09
Detector=BSE
DwellTime=3.2e-06
HV=25000.0
ScanRotation=12.5
StageX=0.0105
StageY=-0.00425
"""

TESCAN_SAYS = {
    "instrument": "TESCAN TIMA3 LMH",
    "pixel_size_um": 0.75,
    "stage_um": (10_500.0, -4_250.0),
    "rotation_deg": 12.5,
    "accelerating_voltage_kv": 25.0,
    "probe_current_na": 5.2,
    "dwell_time_us": 3.2,
    "detector": "BSE",
    "taken": datetime(2019, 5, 21, 13, 45, 12),
}


@pytest.mark.parametrize("name", ["a-tif.hdr", "a.hdr", "a-TIF.HDR"])
def test_tescan_beside_the_image(tmp_path, name):
    tifffile.imwrite(tmp_path / "a.tif", with_bar(80), metadata=None)
    (tmp_path / name).write_text(HDR)
    image = only(tmp_path / "a.tif")
    assert (image.signal, image.shape, image.files) == ("BSE", (884, 102), (tmp_path / name,))
    np.testing.assert_array_equal(image.load(0, 884), FIELD)
    approximately(image.acquisition, **TESCAN_SAYS)


def test_tescan_in_its_own_tag(tmp_path):
    parts = b"\xff\xd8preview\xff\xd9\x10\x00\x00\x00\x02\x00" + HDR.replace("\n", "\r\n").encode()
    image = only(write(tmp_path / "a.tif", with_bar(80), 50431, parts))
    assert image.shape == (884, 102)
    approximately(image.acquisition, **TESCAN_SAYS)


def test_tescan_detectors_side_by_side_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", FIELD)
    (tmp_path / "a-tif.hdr").write_text(HDR.replace("CountX=1", "CountX=2"))
    with pytest.raises(InputError, match="several detectors side by side"):
        open_images(tmp_path / "a.tif")


# --- JEOL -------------------------------------------------------------------------------------

JEOL = """$SEM_DATA_VERSION 1
$CM_LABEL JEOL
$CM_DATE 2024/03/08
$CM_TIME 10:11:12
$CM_INSTRUMENT JSM-IT500
$CM_ACCEL_VOLT 15.0
$CM_MAG 1000
$CM_SIGNAL BED-C
$CM_FULL_SIZE 102 884
$CM_STAGE_POSITION 2.044 -0.704 10.2 11.0 0.0 0
$$SM_MICRON_BAR 85
$$SM_MICRON_MARKER 100um
$$SM_SCAN_ROTATION 10.00
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp932"])
def test_jeol(tmp_path, encoding):
    tifffile.imwrite(tmp_path / "a.tif", with_bar(64), metadata=None)
    (tmp_path / "a.txt").write_text(JEOL.replace("\n", "\r\n"), encoding=encoding)
    image = only(tmp_path / "a.tif")
    assert (image.signal, image.shape, image.files) == ("BSE", (884, 102), (tmp_path / "a.txt",))
    np.testing.assert_array_equal(image.load(0, 884), FIELD)
    approximately(
        image.acquisition,
        instrument="JEOL JSM-IT500",
        pixel_size_um=120_000 / 1000 / 102,  # the photograph's width, which the bar confirms
        stage_um=(2_044.0, -704.0),
        rotation_deg=10.0,
        accelerating_voltage_kv=15.0,
        detector="BED-C",
        taken=datetime(2024, 3, 8, 10, 11, 12),
    )


@pytest.mark.parametrize(
    ("lines", "size_um"),
    [
        ("$CM_FIELD_OF_VIEW 51.0um 442.0um\n", 0.5),
        ("$CM_FIELD_OF_VIEW 51.0µm 442.0µm\n", 0.5),
        ("$CM_MAG 3000\n$$SM_MICRON_BAR 50\n$$SM_MICRON_MARKER 20um\n", 0.4),  # another photograph
        ("$$SM_MICRON_BAR 50\n$$SM_MICRON_MARKER 500nm\n", 0.01),
        ("$$SM_MICRON_BAR 0\n$$SM_MICRON_MARKER 500nm\n", None),
        ("$CM_MAG 0\n", None),
    ],
)
def test_pixel_sizes_of_jeol(tmp_path, lines, size_um):
    tifffile.imwrite(tmp_path / "a.tif", FIELD, metadata=None)
    kept = "".join(
        line + "\n" for line in JEOL.splitlines() if not line.startswith(("$CM_MAG", "$$SM_MICRON"))
    )
    (tmp_path / "a.txt").write_text(lines + kept)
    size = only(tmp_path / "a.tif").acquisition.pixel_size_um
    assert size == (pytest.approx(size_um) if size_um else None)


# --- Hitachi ----------------------------------------------------------------------------------

HITACHI = """[SemImageFile]
InstructName=SU5000
ImageName=a.tif
Date=2021/11/09
Time=16:05:33
DataSize=102x884
PixelSize=99.21875
SignalName=PDBSE(CP)
AcceleratingVoltage=15000 Volt
Magnification=1000
StagePositionX=12345678
StagePositionY=-2500000
RasterRotation=0
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp932"])
def test_hitachi(tmp_path, encoding):
    tifffile.imwrite(tmp_path / "a.tif", with_bar(76), metadata=None)
    (tmp_path / "a.txt").write_text(HITACHI, encoding=encoding)
    image = only(tmp_path / "a.tif")
    assert (image.signal, image.shape, image.files) == ("BSE", (884, 102), (tmp_path / "a.txt",))
    approximately(
        image.acquisition,
        instrument="Hitachi SU5000",
        pixel_size_um=0.09921875,
        stage_um=(12_345.678, -2_500.0),
        rotation_deg=0.0,
        accelerating_voltage_kv=15.0,
        detector="PDBSE(CP)",
        taken=datetime(2021, 11, 9, 16, 5, 33),
    )


@pytest.mark.parametrize(
    ("line", "stage"),
    [("12.5 mm", (12_500.0, 12_500.0)), ("12500 um", (12_500.0, 12_500.0)), ("far", None)],
)
def test_a_unit_that_hitachi_writes_is_kept(tmp_path, line, stage):
    text = HITACHI.replace("12345678", line).replace("-2500000", line)
    tifffile.imwrite(tmp_path / "a.tif", FIELD)
    (tmp_path / "a.txt").write_text(text)
    got = only(tmp_path / "a.tif").acquisition.stage_um
    assert got == (pytest.approx(stage) if stage else None)


# --- files beside an image that are not what they seem --------------------------------------------


def test_a_text_map_beside_an_image_is_not_taken_for_its_metadata(tmp_path):
    tifffile.imwrite(tmp_path / "Mg.tif", FIELD, metadata=None)
    np.savetxt(tmp_path / "Mg.txt", FIELD[:5], fmt="%d")
    image = only(tmp_path / "Mg.tif")
    assert (image.files, image.acquisition) == ((), Acquisition())


def test_a_name_that_the_text_names_is_never_opened(tmp_path):
    (tmp_path / "x").mkdir()
    tifffile.imwrite(tmp_path / "x" / "a.tif", FIELD)
    (tmp_path / "x" / "a.txt").write_text(HITACHI.replace("a.tif", "../../../etc/passwd"))
    image = only(tmp_path / "x" / "a.tif")
    assert image.file == tmp_path / "x" / "a.tif"
    assert image.files == (tmp_path / "x" / "a.txt",)


def test_a_text_of_gigabytes_is_read_in_part(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", FIELD)
    with (tmp_path / "a.txt").open("wb") as stream:
        stream.write(HITACHI.encode() + b"Note=" + b"x" * 300_000)
        stream.truncate(1 << 30)  # a hole: it takes no room on the disk
    began = time.process_time()
    assert only(tmp_path / "a.tif").acquisition.instrument == "Hitachi SU5000"
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("name", ["a.txt", "a.hdr", "a-tif.hdr"])
@pytest.mark.parametrize("content", [bytes(range(256)) * 40, b"", b"[SemImageFile]\0\1$CM_\0"])
def test_a_binary_file_beside_an_image_says_nothing(tmp_path, name, content):
    tifffile.imwrite(tmp_path / "a.tif", FIELD, metadata=None)
    (tmp_path / name).write_bytes(content)
    assert only(tmp_path / "a.tif").acquisition == Acquisition()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_or_a_folder_beside_an_image_is_left_alone(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", FIELD, metadata=None)
    os.mkfifo(tmp_path / "a.txt")
    (tmp_path / "a.hdr").mkdir()
    assert only(tmp_path / "a.tif").acquisition == Acquisition()


# --- resolution, names, numbers -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "size_um"),
    [
        ({"resolution": (12700, 12700), "resolutionunit": "INCH"}, 2.0),
        ({"resolution": (5000, 5000), "resolutionunit": "CENTIMETER"}, 2.0),
        ({"resolution": (4, 4), "metadata": {"unit": "micron"}, "imagej": True}, 0.25),
        ({"resolution": (4, 4), "metadata": {"unit": "um"}, "imagej": True}, 0.25),
        ({"resolution": (4, 4), "metadata": {"unit": "\\u00B5m"}, "imagej": True}, 0.25),
        ({"resolution": (0.004, 0.004), "metadata": {"unit": "nm"}, "imagej": True}, 0.25),
        ({"resolution": (300, 300), "resolutionunit": "INCH"}, None),
        ({"resolution": (600, 600), "resolutionunit": "INCH"}, None),
        ({"resolution": (1, 1), "resolutionunit": "NONE"}, None),
        ({}, None),
    ],
)
def test_resolutions(tmp_path, tags, size_um):
    tifffile.imwrite(tmp_path / "a.tif", FIELD, **tags)
    size = only(tmp_path / "a.tif").acquisition.pixel_size_um
    assert size == (pytest.approx(size_um, rel=1e-3) if size_um else None)


@pytest.mark.parametrize(
    "name",
    [
        "BSD", "BSE", "BSED", "CBS", "vCD", "ABS", "COMPO", "QBSD", "4QBSD", "NTS BSD", "HDAsB",
        "AsB", "PDBSE", "PDBSE(CP)", "LBE", "LE-BSE", "BED-C", "RBED-C", "BEC", "LABE", "bsdAll",
        "DBS",
    ],
)  # fmt: skip
def test_backscatter_detectors(name):
    assert signal_of_detector(name) == "BSE"


@pytest.mark.parametrize(
    "name", ["SE", "SE2", "ETD", "TLD", "InLens", "SED", "SEI", "BSE-TOPO", ""]
)
def test_other_detectors_keep_their_name(name):
    assert signal_of_detector(name) == name


@pytest.mark.parametrize(
    ("name", "signal"),
    [
        ("Mg", "Mg"), ("Mg K", "Mg"), ("Mg Ka1", "Mg"), ("Fe K\u03b11", "Fe"), ("SiK", "Si"),
        ("Ca K series", "Ca"), ("K", "K"), ("O Ka", "O"), ("FeLa1", "Fe"), ("BSE", "BSE"),
        ("CL", "CL"), ("Cp", "BSE"), ("Xx K", "Xx K"), ("olivine", "olivine"),
    ],
)  # fmt: skip
def test_channels(name, signal):
    assert signal_of_channel(name) == signal


words = st.one_of(
    st.text(max_size=40), st.floats().map(str), st.integers().map(str), st.just("1e999 µm")
)


@settings(max_examples=80, deadline=None)
@given(values=st.lists(words, min_size=25, max_size=25))
def test_whatever_stands_in_the_metadata_units_stay_sane(values):
    """No text makes a reader fail, or say a pixel size, position or voltage that cannot be."""
    told: list[EmbeddedMetadata | None] = []
    filling = iter(values * 3)
    czsem = {
        key: ("name", next(filling), next(filling))
        for key in ("ap_image_pixel_size", "ap_stage_at_x", "ap_stage_at_y", "ap_actualkv",
                    "dp_image_store", "dp_dwell_time", "ap_date", "ap_time", "ap_scanrotation")
    }  # fmt: skip
    told.append(zeiss.read_tag(czsem, (90, 80)))
    sections = {
        "Scan": {"PixelWidth": next(filling), "Dwelltime": next(filling)},
        "Stage": {"StageX": next(filling), "StageY": next(filling)},
        "Image": {"ResolutionX": next(filling), "ResolutionY": next(filling)},
        "Beam": {"HV": next(filling), "Beam": next(filling)},
        "PrivateFei": {"DatabarHeight": next(filling), "TimeOfCreation": next(filling)},
    }
    told.append(fei.read_tag(sections, (90, 80)))
    told.append(
        tescan._metadata(
            {line.split("=")[0]: next(filling) for line in HDR.splitlines()}, (90, 80), ()
        )
    )
    for one in told:
        assert one is not None
        acquisition = one.acquisition
        size = acquisition.pixel_size_um
        assert size is None or quantities.SMALLEST_PIXEL_UM <= size <= quantities.LARGEST_PIXEL_UM
        for number in (*(acquisition.stage_um or ()), acquisition.accelerating_voltage_kv or 1.0):
            assert math.isfinite(number)
        rows, columns = one.shown((90, 80))
        assert 45 < rows <= 90 and columns == 80


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=300), date=words, clock=words)
def test_whatever_stands_in_a_text_beside_an_image(tmp_path_factory, text, date, clock):
    folder = tmp_path_factory.mktemp("beside")
    image = folder / "a.tif"
    for name, begin in (
        ("a.txt", "$CM_MAG "),
        ("a.txt", "[SemImageFile]\nDataSize="),
        ("a.hdr", "PixelSizeX="),
    ):
        (folder / name).write_text(begin + text, encoding="utf-8", errors="replace")
        for module in (jeol_sem, hitachi, tescan):
            module.read_beside(image, (90, 80))
    quantities.moment(date, clock)
    phenom.read_tag(f"<FeiImage>{text}</FeiImage>", (9, 9))
    ome.read_description(f"<OME>{text}</OME>", image)
