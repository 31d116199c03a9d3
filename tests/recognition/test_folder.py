"""A folder of images: which class, split and scale each has, and what is refused."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_olivine.errors import InputError
from napari_olivine.job import Event, Job
from napari_olivine.recognition.folder import images_of_folder
from tests.helpers.textures import texture


def save(file: Path, pixels: np.ndarray | None = None) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(texture("dots", 0) if pixels is None else pixels).save(file)
    return file


def test_a_folder_is_a_class_and_images_beside_them_have_none(tmp_path: Path) -> None:
    for name in ("augite/a.png", "augite/deeper/b.jpg", "olivine/c.bmp", "d.png"):
        save(tmp_path / name)
    (tmp_path / "olivine" / "notes.txt").write_text("no image")
    found = images_of_folder(tmp_path, Job())
    assert found.classes == ("augite", "olivine")
    assert {one.name: one.label for one in found.images} == {
        "augite/a.png": "augite", "augite/deeper/b.jpg": "augite", "olivine/c.bmp": "olivine",
        "d.png": None,
    }  # fmt: skip
    assert found.counts() == {"augite": 2, "olivine": 1}
    assert all(one.split is None for one in found.images)


def test_folders_of_a_split(tmp_path: Path) -> None:
    for name in ("train/a/1.png", "validation/a/2.png", "test/a/3.png", "train/b/4.png"):
        save(tmp_path / name)
    found = images_of_folder(tmp_path, Job())
    assert [(one.label, one.split) for one in found.images] == [
        ("a", "test"), ("a", "train"), ("b", "train"), ("a", "val"),
    ]  # fmt: skip


def test_a_table_goes_before_folders_and_names(tmp_path: Path) -> None:
    save(tmp_path / "x" / "one_2um_per_px.png")
    save(tmp_path / "x" / "two.png")
    save(tmp_path / "x" / "not in the table.png")
    (tmp_path / "labels.csv").write_text(
        "file;class;um_per_px;source\n"
        "x/one_2um_per_px.png;hopper;0,5;thin section 3\n"
        "x/two.png;;;\n"
    )
    one, two = images_of_folder(tmp_path, Job()).images
    assert (one.label, one.um_per_px, one.source) == ("hopper", 0.5, "thin section 3")
    assert (two.label, two.um_per_px, two.source) == (None, None, "x/two.png")


def test_scale_of_the_file_goes_before_its_name_and_a_contradiction_is_said(tmp_path: Path) -> None:
    grey = texture("dots", 0)
    (tmp_path / "a").mkdir()
    tifffile.imwrite(
        tmp_path / "a" / "x_3um_per_px.tif", grey, imagej=True, resolution=(2, 2),
        metadata={"unit": "um"},
    )  # fmt: skip
    save(tmp_path / "a" / "y-4px_per_um.png")
    events: list[Event] = []
    found = images_of_folder(tmp_path, Job(listen=events.append))
    assert [one.um_per_px for one in found.images] == [0.5, 0.25]
    warned = [event["message"] for event in events if event["event"] == "warning"]
    assert len(warned) == 1
    assert "x_3um_per_px.tif" in warned[0]
    hidden = images_of_folder(tmp_path, Job(), scale="hidden")
    assert [one.um_per_px for one in hidden.images] == [None, None]


def test_pixels_are_from_0_to_1_with_one_channel_or_three(tmp_path: Path) -> None:
    grey = texture("dots", 0)
    save(tmp_path / "a" / "1 grey.png", grey)
    save(tmp_path / "a" / "2 grey as colours.png", np.stack([grey] * 3, axis=2))
    save(tmp_path / "a" / "3 colours.png", np.stack([grey, grey, 255 - grey], axis=2))
    tifffile.imwrite(tmp_path / "a" / "4 deep.tif", grey.astype(np.uint16) * 257)
    tifffile.imwrite(tmp_path / "a" / "5 white is 0.tif", 255 - grey, photometric="miniswhite")
    read = [one.read() for one in images_of_folder(tmp_path, Job()).images]
    assert [one.shape[2] for one in read] == [1, 1, 3, 1, 1]
    assert all(one.dtype == np.float32 for one in read)
    for place in (0, 1, 3, 4):
        assert read[place][..., 0] == pytest.approx(grey / 255, abs=1e-6)


def test_a_truncated_image_is_named_when_it_is_read(tmp_path: Path) -> None:
    file = save(tmp_path / "a" / "cut.png")
    file.write_bytes(file.read_bytes()[:-400])
    (image,) = images_of_folder(tmp_path, Job()).images
    with pytest.raises(InputError, match=r"cut\.png is truncated, damaged"):
        image.read()


def test_what_is_no_image_is_named_when_it_is_opened(tmp_path: Path) -> None:
    save(tmp_path / "a" / "good.png")
    (tmp_path / "a" / "bad.png").write_bytes(b"not an image")
    with pytest.raises(InputError, match=r"bad\.png is truncated, damaged or no image"):
        images_of_folder(tmp_path, Job())


def huge_png(side: int) -> bytes:
    """A PNG of some hundred bytes whose header promises side x side pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        sum_ = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + sum_

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [12_000, 60_000])
def test_an_enormous_image_is_refused_before_it_is_decoded(tmp_path: Path, side: int) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "bomb.png").write_bytes(huge_png(side))
    with pytest.raises(InputError, match=r"bomb\.png has .* pixels; .* at most 100 million"):
        images_of_folder(tmp_path, Job())


def test_a_missing_scale_is_an_error_where_one_is_asked_for(tmp_path: Path) -> None:
    save(tmp_path / "a" / "known_2um_per_px.png")
    save(tmp_path / "a" / "unknown.png")
    with pytest.raises(InputError, match=r"how large a pixel is:\n  a/unknown\.png\n?.*table"):
        images_of_folder(tmp_path, Job(), scale="given")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("gone.png,a\n", "there is no image gone.png"),
        ("x.png,a\n,b\n", "have no file"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path: Path, rows: str, said: str) -> None:
    save(tmp_path / "x.png")
    (tmp_path / "labels.csv").write_text("file,class\n" + rows)
    with pytest.raises(InputError, match=said):
        images_of_folder(tmp_path, Job())


def test_rows_of_two_people_who_disagree_leave_the_image_without_a_class(tmp_path: Path) -> None:
    for name in ("x.png", "y.png"):
        save(tmp_path / name)
    (tmp_path / "labels.csv").write_text(
        "file,class,person\nx.png,olivine,A\nx.png,augite,B\ny.png,augite,A\ny.png,augite,B\n"
    )
    events: list[Event] = []
    found = images_of_folder(tmp_path, Job(listen=events.append))
    assert [one.label for one in found.images] == [None, "augite"]
    (warned,) = [event["message"] for event in events if event["event"] == "warning"]
    assert "x.png: augite or olivine" in warned


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no images"):
        images_of_folder(tmp_path, Job())
