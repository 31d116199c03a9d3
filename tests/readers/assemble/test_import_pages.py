"""Files of several pages of one size: each page is the image of another detector."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings, Source, read_source

SE, BSE = (np.full((40, 60), grey, np.uint8) for grey in (50, 200))
SIZE = ImportSettings(pixel_size_um=1)


def fei(detector: str) -> str:
    return f"[System]\r\nType=SEM\r\n[Detectors]\r\nNumber=1\r\nName={detector}\r\n"


def pages(file: Path, *tags: tuple[int, str] | None) -> None:
    """Write the SE page, then the BSE page, each with a tag of its own."""
    file.parent.mkdir(exist_ok=True)
    with tifffile.TiffWriter(file) as writer:
        for pixels, tag in zip((SE, BSE), tags, strict=True):
            more = [(tag[0], 2, 0, tag[1], True)] if tag else []
            writer.write(pixels, metadata=None, extratags=more)


def grey(source: Source, signal: str) -> int:
    return int(source.signals[signal].read(0, 1, Job())[0, 0])


@pytest.mark.parametrize(
    "tags",
    [
        ((34682, fei("ETD")), (34682, fei("CBS"))),
        ((285, "SE"), (285, "BSE")),
        ((270, "Secondary electrons: ETD"), (270, "BSE")),
    ],
)
@pytest.mark.parametrize("name", ["sample.tif", "sample BSE.tif"])
def test_pages_are_told_apart_by_what_they_say(tmp_path, tags, name) -> None:
    pages(tmp_path / "a" / name, *tags)
    source = read_source(tmp_path / "a", SIZE)
    assert len(source.signals) == 2
    assert grey(source, "BSE") == 200
    assert {grey(source, signal) for signal in source.signals} == {50, 200}


@pytest.mark.parametrize(
    ("name", "page"), [("sample.tif", "page 2"), ("sample BSE.tif", "BSE page 2")]
)
def test_pages_that_say_nothing_are_asked_for(tmp_path, name, page) -> None:
    pages(tmp_path / "a" / name, None, None)
    with pytest.raises(InputError, match=f"which signal is the backscatter image.*{page}") as told:
        read_source(tmp_path / "a", SIZE)
    assert told.value.facts.setting == "bse"
    chosen = read_source(tmp_path / "a", SIZE.model_copy(update={"bse": page}))
    assert grey(chosen, "BSE") == 200


def test_a_preview_page_leaves_the_name_of_the_file(tmp_path) -> None:
    (tmp_path / "a").mkdir()
    with tifffile.TiffWriter(tmp_path / "a" / "BSE.tif") as writer:
        writer.write(BSE)
        writer.write(BSE[::4, ::4], subfiletype=1)
    source = read_source(tmp_path / "a", SIZE)
    assert list(source.signals) == ["BSE"]


def test_a_described_tile_of_several_pages_is_refused(tmp_path) -> None:
    pages(tmp_path / "tiles" / "BSE.tif", (285, "SE"), (285, "BSE"))
    described = {
        "pixel_size_um": 1, "tile_shape": [40, 60], "grid": [1, 1], "signals": ["BSE"],
        "tile_pattern": "tiles/{signal}.tif",
    }  # fmt: skip
    (tmp_path / "section.json").write_text(json.dumps(described))
    assert "it holds SE, BSE" in " ".join(read_source(tmp_path, SIZE).findings())
