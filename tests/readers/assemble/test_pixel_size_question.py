"""The size of a pixel is asked where measured sources contradict each other, and only there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_olivine.cli import main
from napari_olivine.errors import InputError
from napari_olivine.readers import ImportSettings, read_source

FIELD = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64).astype(np.uint8)
JEOL = "$CM_FIELD_OF_VIEW {field}um\n$$SM_MICRON_BAR 200\n$$SM_MICRON_MARKER {bar}um\n"
TESCAN = "[MAIN]\nDevice=TS\n[SEM]\nPixelSizeX={um}e-6\nPixelSizeY={um}e-6\n"


def folder_of(tmp_path: Path, field_um: float, bar_um: float) -> Path:
    """An image of 64 columns with a field of view and a micron bar of 200 px."""
    folder = tmp_path / "source"
    folder.mkdir()
    tifffile.imwrite(folder / "BSE.tif", FIELD)
    (folder / "BSE.txt").write_text(JEOL.format(field=field_um, bar=bar_um))
    return folder


@pytest.mark.parametrize(("bar_um", "asked"), [(200, False), (203, False), (206, True)])
def test_measured_sizes_that_differ_by_more_than_two_per_cent_are_asked(
    tmp_path: Path, bar_um: float, asked: bool
) -> None:
    folder = folder_of(tmp_path, 64, bar_um)
    if not asked:
        assert read_source(folder).pixel_size_um == 1
        return
    with pytest.raises(InputError) as raised:
        read_source(folder)
    facts = raised.value.facts
    assert (facts.setting, facts.file) == ("pixel_size_um", str(folder))
    first, second = facts.choices
    assert (first.value, second.value) == ("1", "1.03")
    assert first.words == (
        "1 um by CM_FIELD_OF_VIEW of JEOL over 64 columns: the image is then 0.064 x 0.048 mm"
    )
    assert all(choice.words in raised.value.text for choice in facts.choices)
    again = InputError.of_event(raised.value.as_event())
    assert again.facts.choices == facts.choices


def test_the_answer_is_taken_and_not_asked_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_of(tmp_path, 64, 400)
    assert main(["import", str(folder), str(tmp_path / "section")]) == 1
    said = capsys.readouterr().err
    assert "give --pixel-size-um, one of these or what you measured" in said
    assert not (tmp_path / "section").exists()
    assert read_source(folder, ImportSettings(pixel_size_um=2)).pixel_size_um == 2


def test_tiles_are_asked_before_they_are_placed(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    for row in range(2):
        for column in range(2):
            name = f"BSE_r{row}_c{column}"
            tifffile.imwrite(folder / f"{name}.tif", FIELD)
            (folder / f"{name}.txt").write_text(JEOL.format(field=64, bar=400))
    with pytest.raises(InputError, match=r"a tile is then 0.128 x 0.096 mm") as raised:
        read_source(folder)
    assert len(raised.value.facts.choices) == 2
    assert read_source(folder, ImportSettings(pixel_size_um=2)).tile_shape == (48, 64)


def test_signals_of_one_field_are_asked(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    for signal, um in (("BSE", 1.0), ("Mg", 1.5)):
        tifffile.imwrite(folder / f"{signal}.tif", FIELD)
        (folder / f"{signal}.hdr").write_text(TESCAN.format(um=um))
    with pytest.raises(InputError) as raised:
        read_source(folder)
    assert [choice.value for choice in raised.value.facts.choices] == ["1", "1.5"]
    assert "PixelSizeX of TESCAN (of Mg)" in raised.value.text


@pytest.mark.parametrize("measured_by", ["BSE", "Mg"])
def test_a_resolution_in_dots_an_inch_is_overruled_and_told(
    tmp_path: Path, measured_by: str
) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    for signal in ("BSE", "Mg"):
        dots = {"resolution": (5000, 5000), "resolutionunit": "CENTIMETER"}  # 2 um
        tifffile.imwrite(folder / f"{signal}.tif", FIELD, **({} if signal == "Mg" else dots))
    (folder / f"{measured_by}.hdr").write_text(TESCAN.format(um=1))
    source = read_source(folder)
    assert source.pixel_size_um == 1
    assert any("2 um by the resolution alone" in one or "BSE 2" in one for one in source.problems)
