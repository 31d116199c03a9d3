"""How large a pixel is: every source that states it is read, and contradictions are said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import tifffile
from hypothesis import given, strategies as st

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings, import_section, read_source
from napari_olivine.readers.base import Image
from napari_olivine.readers.formats import open_images
from napari_olivine.readers.formats.metadata import fei, jeol_sem, zeiss
from napari_olivine.readers.mosaic import arrange_tiles, register
from tests.readers.mosaic.test_stage_layout import tiles_on_stage

FIELD = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64).astype(np.uint8)
DOT_UM = {"resolution": (5000, 5000), "resolutionunit": "CENTIMETER"}  # 2 um
TESCAN = "[MAIN]\nDevice=TS\n[SEM]\nPixelSizeX={x}\nPixelSizeY={y}\n"


def only(file: Path) -> Image:
    (image,) = open_images(file)
    return image


@given(
    columns=st.integers(64, 12_288),
    screen_um=st.floats(1e-3, 50),
    own=st.booleans(),
    field=st.booleans(),
)
def test_zeiss_counts_pixels_of_a_screen_whatever_width_is_stored(columns, screen_um, own, field):
    """The field is as wide as 1024 pixels of the screen."""
    size_um = screen_um * 1024 / columns
    tag: dict[str, object] = {"ap_pixel_size": ("Pixel Size", screen_um * 1e3, "nm")}
    if own:
        tag["ap_image_pixel_size"] = ("Image Pixel Size", size_um * 1e3, "nm")
    if field:
        tag["ap_width"] = ("Width", screen_um * 1024, "um")
    found = zeiss.read_tag(tag, (10, columns))
    assert found is not None
    assert found.acquisition.pixel_size_um == pytest.approx(size_um)
    assert all(one.size_um == pytest.approx(size_um) for one in found.sizes)
    assert len(found.sizes) == 1 + own + field


@given(columns=st.integers(64, 12_288).filter(lambda n: abs(n - 1024) > 50), um=st.floats(0.01, 9))
def test_zeiss_may_count_stored_pixels_where_the_field_says_so(columns, um):
    tag = {
        "ap_pixel_size": ("Pixel Size", um * 1e3, "nm"),
        "ap_width": ("Width", um * columns, "um"),
    }
    found = zeiss.read_tag(tag, (10, columns))
    assert found is not None and found.acquisition.pixel_size_um == pytest.approx(um)


def test_the_field_width_is_a_check_of_the_pixel_size():
    tag = {"Scan": {"PixelWidth": 1e-6, "PixelHeight": 1e-6, "HorFieldsize": 2e-4}}
    found = fei.read_tag(tag, (100, 100))
    assert [one.size_um for one in found.sizes] == pytest.approx([1.0, 2.0, 1.0])


def test_the_micron_bar_is_a_check_of_the_field_of_view(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", FIELD)
    text = "$CM_FIELD_OF_VIEW 64um 48um\n$$SM_MICRON_BAR 20\n$$SM_MICRON_MARKER 10um\n"
    (tmp_path / "a.txt").write_text(text)
    image = only(tmp_path / "a.tif")
    assert image.acquisition.pixel_size_um == 1.0
    assert image.remarks[-1].startswith(
        "a pixel is 1 um wide by CM_FIELD_OF_VIEW of JEOL over 64 columns, but "
        "0.5 um by the micron bar of JEOL (10um over 20 px)"
    )
    found = jeol_sem.read_beside(tmp_path / "a.tif", (48, 64))
    assert found is not None and len(found.sizes) == 2


@pytest.mark.parametrize(("beside_um", "doubts"), [(1.0, 1), (2.0, 0), (2.01, 0)])
def test_tags_and_the_file_beside_are_compared(tmp_path, beside_um, doubts):
    """The resolution of the file is 2 um."""
    tifffile.imwrite(tmp_path / "a.tif", FIELD, **DOT_UM)
    (tmp_path / "a.hdr").write_text(TESCAN.format(x=beside_um * 1e-6, y=beside_um * 1e-6))
    image = only(tmp_path / "a.tif")
    assert image.acquisition.pixel_size_um == pytest.approx(beside_um)
    assert image.acquisition.pixel_source == "PixelSizeX of TESCAN"
    assert len(image.remarks) == doubts


def test_oblong_pixels_are_said(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", FIELD)
    (tmp_path / "a.hdr").write_text(TESCAN.format(x=1e-6, y=1.1e-6))
    (remark,) = only(tmp_path / "a.tif").remarks
    assert "1.1 um by PixelSizeY of TESCAN" in remark


@pytest.mark.parametrize("dpi", [72, 96, 150, 300, 600, 1200, 2400, 4800])
@pytest.mark.parametrize("suffix", ["tif", "png"])
def test_a_resolution_of_printing_is_no_pixel_size_and_said(tmp_path, dpi, suffix):
    folder = tmp_path / "source"
    folder.mkdir()
    if suffix == "tif":
        tifffile.imwrite(folder / "BSE.tif", FIELD, resolution=(dpi, dpi), resolutionunit="INCH")
    else:
        PIL.Image.fromarray(FIELD).save(folder / "BSE.png", dpi=(dpi, dpi))
    assert only(next(folder.iterdir())).acquisition.pixel_size_um is None
    with pytest.raises(InputError, match=rf"they state only a resolution of {dpi} dpi"):
        read_source(folder)


@given(um=st.floats(0.01, 2.6))
def test_a_resolution_of_a_microscope_is_believed_with_a_word(um):
    from napari_olivine.readers.formats.metadata import by_resolution

    sizes, refused = by_resolution(um)
    assert not refused
    assert sizes[0].size_um == um
    assert "check it against a scale bar" in sizes[0].source


def test_an_image_that_was_enlarged_says_why_it_has_no_pixel_size(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", FIELD)
    (tmp_path / "a.txt").write_text("$CM_FULL_SIZE 32 24\n$CM_FIELD_OF_VIEW 64um 48um\n")
    image = only(tmp_path / "a.tif")
    assert image.acquisition.pixel_size_um is None
    assert "64 px wide, but 32 px were scanned" in image.remarks[0]


def test_the_import_says_what_the_size_is_by_and_keeps_it(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    tifffile.imwrite(folder / "BSE.tif", FIELD)
    (folder / "BSE.hdr").write_text(TESCAN.format(x=1e-6, y=1e-6))
    said: list[dict[str, Any]] = []
    section = import_section(folder, tmp_path / "a", job=Job(listen=said.append))
    assert "A pixel is 1 um wide, by PixelSizeX of TESCAN." in [e.get("message") for e in said]
    images = section.product("images")
    assert images is not None and images.notes["pixel_size_by"] == "PixelSizeX of TESCAN"


def test_a_size_by_hand_that_contradicts_the_files_is_taken_and_said(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    tifffile.imwrite(folder / "BSE.tif", FIELD, **DOT_UM)
    source = read_source(folder, ImportSettings(pixel_size_um=1))
    assert source.pixel_size_um == 1
    assert source.problems[0].startswith(
        "a pixel is 1 um wide by the setting, which is taken, but 2 um by the resolution"
    )


@pytest.mark.parametrize(("times", "said"), [(1.0, False), (1.04, True)])
def test_stage_steps_of_overlapping_tiles_check_the_pixel_size(times, said):
    """The stage of these tiles steps by pixels of 0.5 um."""
    images = tiles_on_stage(30)
    settings = ImportSettings(pixel_size_um=0.5 * times)
    layout = arrange_tiles(images, settings)
    tiles = [images[name].load(0, images[name].shape[0]) for name in layout.names]
    moved = register(layout, tiles.__getitem__, Job()).layout
    found = [remark for remark in moved.remarks if "steps of the stage" in remark]
    assert bool(found) == said
    assert not said or "is 0.5 um wide, not 0.52 um" in found[0]


def test_tiles_that_do_not_touch_may_have_another_pixel_size():
    layout = arrange_tiles(tiles_on_stage(0), ImportSettings(pixel_size_um=0.4))
    assert any("with 0.5 um the tiles would touch" in remark for remark in layout.remarks)
