"""Dialects of the texts that microscopes write beside an image, met in public code and files."""

from __future__ import annotations

import itertools
import os
import resource
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_olivine.errors import InputError
from napari_olivine.readers.base.image import Image, Unreadable
from napari_olivine.readers.epma import read_profile
from napari_olivine.readers.formats import open_images
from napari_olivine.readers.formats.text.xmaptools import is_standard_file
from napari_olivine.readers.sessions.session_tables import read_sessions

FIELD = np.arange(96 * 128, dtype=np.uint32).reshape(96, 128).astype(np.uint8)
BANNER = np.vstack([FIELD, np.full((20, 128), 255, np.uint8)])

NEW_JEOL = """$CM_FORMAT TIF
$CM_DATE 2023/05/04
$CM_TIME 12:01:02
$CM_INSTRUMENT JSM-IT800
$CM_ACCEL_VOLT 15.00
$CM_SIGNAL BED-C
$CM_IMAGE_SIZE 128 96
$CM_FIELD_OF_VIEW 256.0µm 192.0µm
$CM_STAGE_POSITION 12.345 -6.789 10.1 0.0 0.0 0
$SM_PNU_HEIGHT 20
$SM_MICRON_BAR 50
$SM_MICRON_MARKER 100µm
$SM_SCAN_ROTATION 90.0
"""

HITACHI = """[SemImageFile]
InstructName=TM4000
DataSize=128x96
PixelSize=1000
SignalName=BSE
StagePositionX={x}
StagePositionY={y}
"""

TESCAN = "[MAIN]\nPixelSizeX=1.0e-06\nImageStripSize=20\n[SEM]\nDetector=BSE\nStageX=0.0123\n"


def beside(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Image:
    """Write an image with a banner of 20 rows and a text beside it, and open it."""
    file = folder / "a.tif"
    tifffile.imwrite(file, BANNER, metadata=None)
    (folder / name).write_bytes(text.encode(encoding))
    (image,) = open_images(file)
    return image


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp932"])
def test_a_new_jeol_gives_the_size_without_its_banner(tmp_path, encoding):
    text = NEW_JEOL.replace("µ", "μ") if encoding == "cp932" else NEW_JEOL
    image = beside(tmp_path, "a.txt", text, encoding)
    np.testing.assert_array_equal(image.load(0, 96), FIELD)
    assert image.shape == FIELD.shape
    assert image.remarks == ("the lowest 20 rows are an information bar and are left out",)
    assert image.signal == "BSE"
    assert image.acquisition.pixel_size_um == pytest.approx(2.0)
    assert image.acquisition.stage_um == pytest.approx((12_345.0, -6_789.0))


@pytest.mark.parametrize(
    ("field", "size_um"),
    [
        ("256.0µm 192.0µm", 2.0), ("256.0 µm 192.0 µm", 2.0), ("256.0 192.0", 2.0),
        ("256,0 192,0", 2.0), ("1.28mm 0.96mm", 10.0), ("1.28 mm 0.96 mm", 10.0),
        ("640nm 480nm", 0.005),
    ],
)  # fmt: skip
def test_the_field_of_view_of_jeol_keeps_its_unit(tmp_path, field, size_um):
    image = beside(tmp_path, "a.txt", NEW_JEOL.replace("256.0µm 192.0µm", field))
    assert image.acquisition.pixel_size_um == pytest.approx(size_um)


def test_tabs_and_lone_signs_among_the_lines_of_jeol(tmp_path):
    image = beside(tmp_path, "a.txt", "$\n$$\n" + NEW_JEOL.replace(" ", "\t", 20))
    assert image.shape == FIELD.shape
    assert image.acquisition.accelerating_voltage_kv == 15


@pytest.mark.parametrize("name", ["a-tif.hdr", "a-TIF.hdr", "a.hdr", "a.HDR", "a.tif.hdr"])
def test_names_of_the_header_of_tescan(tmp_path, name):
    image = beside(tmp_path, name, TESCAN)
    assert (image.signal, image.shape) == ("BSE", FIELD.shape)
    assert image.acquisition.pixel_size_um == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("unit", "size_um"),
    [("micron", 0.5), ("Microns", 0.5), ("micrometer", 0.5), ("\\u00B5m", 0.5), ("nm", 0.0005),
     ("pixel", None), ("furlong", None)],
)  # fmt: skip
def test_units_that_people_type_into_imagej(tmp_path, unit, size_um):
    tifffile.imwrite(
        tmp_path / "a.tif", FIELD, imagej=True, resolution=(2, 2), metadata={"unit": unit}
    )
    (image,) = open_images(tmp_path / "a.tif")
    assert image.acquisition.pixel_size_um == (pytest.approx(size_um) if size_um else None)


# --- the unit of Hitachi's stage --------------------------------------------------------------


def hitachi_tiles(folder: Path, step_um: float, per_um: float, rows: int = 3) -> list[Image]:
    """Tiles of 128 x 96 um in even steps along x and y, in a stage of so many units per um."""
    for row, column in itertools.product(range(rows), range(4)):
        x, y = 45_000 - step_um * column, 20_000 + 0.75 * step_um * row
        stem = folder / f"r{row}_c{column}"
        tifffile.imwrite(stem.with_suffix(".tif"), FIELD)
        text = HITACHI.format(x=round(x * per_um), y=round(y * per_um))
        stem.with_suffix(".txt").write_text(text)
    return [image for file in sorted(folder.glob("*.tif")) for image in open_images(file)]


@pytest.mark.parametrize("per_um", [1000, 1])
def test_the_steps_of_the_tiles_tell_the_unit_of_the_stage(tmp_path, per_um):
    images = hitachi_tiles(tmp_path, 116, per_um)
    assert images[0].acquisition.stage_um == pytest.approx((45_000, 20_000))
    assert images[1].acquisition.stage_um == pytest.approx((45_000 - 116, 20_000))


def test_a_long_row_and_a_part_of_the_next_tell_the_unit_too(tmp_path):
    """Of the files that are looked at, some have a neighbour above them and some have none."""
    for number in range(90):
        row, column = divmod(number, 45)
        x, y = 45_000 + 116 * column, 20_000 - 77 * row
        (tmp_path / f"{number:03}.txt").write_text(HITACHI.format(x=x, y=y))
    tifffile.imwrite(tmp_path / "046.tif", FIELD)
    (image,) = open_images(tmp_path / "046.tif")
    assert image.acquisition.stage_um == pytest.approx((45_116, 19_923))


@pytest.mark.parametrize(
    ("step_um", "rows"),
    [(116, 0), (0.05, 3), (3, 3)],
)
def test_stage_positions_of_hitachi_are_nm_where_nothing_says_otherwise(tmp_path, step_um, rows):
    """One image alone, images of one place, and steps that are far from a field in either unit."""
    images = hitachi_tiles(tmp_path, step_um, 1000, rows) if rows else []
    images = images or [beside(tmp_path, "a.txt", HITACHI.format(x=45_000_000, y=20_000_000))]
    assert images[0].acquisition.stage_um == pytest.approx((45_000, 20_000))


def test_uneven_places_keep_their_nm(tmp_path):
    """Spots that lie together by chance are no tiles."""
    for number, x in enumerate([0, 50, 130, 170, 300]):
        tifffile.imwrite(tmp_path / f"{number}.tif", FIELD)
        (tmp_path / f"{number}.txt").write_text(HITACHI.format(x=x, y=7 * number))
    (image,) = open_images(tmp_path / "4.tif")
    assert image.acquisition.stage_um == pytest.approx((0.3, 0.028))


# --- made to harm -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "inside",
    [
        "<Image><Pixels SizeC='4096'>"
        + "<TiffData FirstC='0' IFD='0' PlaneCount='4096'/>" * 4096
        + "</Pixels></Image>",
        (
            "<Image><Pixels SizeC='4096'>"
            + "<TiffData FirstC='0' IFD='0' PlaneCount='4096'/>" * 20
            + "</Pixels></Image>"
        )
        * 2000,
        "<a/>" * 3_000_000,
    ],
    ids=["blocks", "images", "elements"],
)
def test_an_ome_xml_that_blows_up_is_bounded(tmp_path, inside):
    """A few bytes of XML each may claim thousands of planes, or elements that fill the memory."""
    text = f"<?xml version='1.0'?><OME>{inside}</OME>"
    tifffile.imwrite(tmp_path / "a.tif", FIELD, description=text.encode(), metadata=None)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    (image,) = open_images(tmp_path / "a.tif")
    assert time.process_time() - began < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10
    np.testing.assert_array_equal(image.load(0, 96), FIELD)


# --- no files ---------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_pipes_and_devices_are_never_waited_for(tmp_path):
    """Whoever opens a pipe that nobody writes to waits for ever; a device may never end."""
    os.mkfifo(tmp_path / "Mg.tif")
    os.mkfifo(tmp_path / "Mg.txt")
    os.symlink("/dev/zero", tmp_path / "Fe.csv")
    (tmp_path / "Ca.tif").mkdir()
    for name in ("Mg.tif", "Mg.txt", "Fe.csv", "Ca.tif"):
        with pytest.raises(Unreadable, match=f"{name} is no file that can be read"):
            open_images(tmp_path / name)
    for name in ("Mg.txt", "Fe.csv", "Ca.tif"):
        with pytest.raises(InputError, match=r"\(it is no file\)"):
            read_profile(tmp_path / name)
        with pytest.raises(InputError, match=r"\(it is no file\)"):
            read_sessions(tmp_path / name).on_section((9, 9), None)
    assert not is_standard_file(tmp_path / "Mg.txt")
    tifffile.imwrite(tmp_path / "Fe.tif", FIELD)
    for ending in (".txt", ".hdr", "-tif.hdr"):
        os.mkfifo(tmp_path / f"Fe{ending}")
    (image,) = open_images(tmp_path / "Fe.tif")
    assert image.files == ()
