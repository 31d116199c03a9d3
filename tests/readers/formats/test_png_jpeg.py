"""PNG, BMP and JPEG pictures of instruments."""

from __future__ import annotations

import io
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from napari_olivine.errors import InputError
from napari_olivine.readers.base.image import Image, Unreadable
from napari_olivine.readers.formats import format_of, open_images

DATA = Path(__file__).parents[4] / "shared" / "data"

RAMP = ((np.arange(70 * 50, dtype=np.uint32).reshape(70, 50) * 7) % 251).astype(np.uint8)


def save(file: Path, pixels: np.ndarray, **how) -> Path:
    PIL.Image.fromarray(pixels).save(file, **how)
    return file


def only(file: Path) -> Image:
    (image,) = open_images(file)
    return image


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.PNG", "unnamed"])
def test_grey_pictures_keep_their_values(tmp_path, name):
    kind = "png" if name == "unnamed" else name[2:].lower()
    image = only(save(tmp_path / name, RAMP, format=kind))
    assert (image.shape, image.dtype, image.remarks) == ((70, 50), np.uint8, ())
    strips = [image.load(start, min(70, start + 9)) for start in range(0, 70, 9)]
    np.testing.assert_array_equal(np.vstack(strips), RAMP)
    assert image.load._whole is None, "nothing stays in memory behind the last row"


def test_16_bit_png(tmp_path):
    values = RAMP.astype(np.uint16) * 255
    image = only(save(tmp_path / "a.png", values))
    assert image.dtype == np.uint16
    np.testing.assert_array_equal(image.load(0, 70), values)


def test_jpeg_is_read_and_said_to_have_changed_the_grey(tmp_path):
    smooth = np.add.outer(np.arange(64), np.arange(48)).astype(np.uint8)
    image = only(save(tmp_path / "a.jpg", smooth, quality=95))
    assert np.abs(image.load(0, 64).astype(int) - smooth).max() <= 4
    assert "JPEG has changed its grey values" in image.remarks[0]


@pytest.mark.parametrize("name", ["a.png", "a.bmp"])
def test_equal_colours_are_grey_and_coloured_text_is_refused(tmp_path, name):
    colours = np.repeat(RAMP[..., None], 3, axis=2)
    image = only(save(tmp_path / name, colours))
    np.testing.assert_array_equal(image.load(3, 60), RAMP[3:60])
    colours[60, 30:40] = (255, 255, 0)
    with pytest.raises(InputError, match=r"is a colour image \(0\.286 % of its pixels"):
        open_images(save(tmp_path / name, colours))


def test_palettes(tmp_path):
    picture = PIL.Image.fromarray(RAMP, "L").convert("P")
    picture.save(tmp_path / "a.png")
    np.testing.assert_array_equal(only(tmp_path / "a.png").load(0, 70), RAMP)
    picture.putpalette(np.random.default_rng(1).integers(0, 255, 768).tolist())
    picture.save(tmp_path / "b.png")
    with pytest.raises(InputError, match="its colour table is no scale of grey"):
        open_images(tmp_path / "b.png")


@pytest.mark.parametrize(
    ("mode", "name", "told"),
    [
        ("1", "a.png", "has pixels of type bool"),
        ("CMYK", "a.jpg", "is a colour image"),
    ],
)
def test_what_is_no_grey_picture_is_refused(tmp_path, mode, name, told):
    PIL.Image.new(mode, (9, 8)).save(tmp_path / name)
    with pytest.raises(InputError, match=told):
        open_images(tmp_path / name)


def chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content)) + kind + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )  # fmt: skip


def bare_png(width: int, height: int, bits: int, colour: int, data: bytes, *more: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            *more,
            chunk(b"IDAT", data),
            chunk(b"IEND", b""),
        ]
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (bare_png(2**31 - 1, 2**31 - 1, 8, 0, zlib.compress(bytes(99))), "too many pixels"),
        (bare_png(60_000, 60_000, 8, 0, zlib.compress(bytes(99))), "too many pixels"),
        (bare_png(9, 8, 8, 0, zlib.compress(bytes(20))), "truncated or damaged"),
        (bare_png(9, 8, 16, 2, zlib.compress(bytes(99))), "16 bit with colours"),
        (
            bare_png(
                9, 8, 8, 0, zlib.compress(bytes(99)),
                chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 26))),
            ),
            "truncated, damaged or no picture",
        ),
    ],
    ids=["vast", "large", "short", "16 bit colour", "text bomb"],
)  # fmt: skip
def test_pictures_made_to_harm(tmp_path, content, told):
    (tmp_path / "a.png").write_bytes(content)
    began = time.process_time()
    with pytest.raises(InputError, match=told):
        only(tmp_path / "a.png").load(0, 8)
    assert time.process_time() - began < 2


def test_a_picture_of_gigabytes_with_few_pixels_is_refused(tmp_path):
    file = save(tmp_path / "a.png", RAMP)
    with file.open("r+b") as stream:
        stream.truncate(1 << 32)  # a hole: it takes no room on the disk
    with pytest.raises(Unreadable, match="longer than its pixels can be"):
        open_images(file)


def encoded(kind: str) -> bytes:
    stream = io.BytesIO()
    PIL.Image.fromarray(RAMP).save(stream, kind)
    return stream.getvalue()


ENCODED = {kind: encoded(kind) for kind in ("png", "jpeg", "bmp")}


@pytest.mark.parametrize("kind", ENCODED)
def test_a_truncated_picture_is_refused_when_it_is_opened(tmp_path, kind):
    content = ENCODED[kind]
    file = tmp_path / f"a.{kind}"
    for length in [*range(40), *range(40, len(content) - 20, 97)]:
        file.write_bytes(content[:length])
        with pytest.raises(InputError):
            open_images(file)
    assert format_of(file) is not None


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    kind=st.sampled_from(sorted(ENCODED)),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=9),
)
def test_bytes_changed_at_random_never_do_more_than_refuse(tmp_path, kind, changes):
    content = bytearray(ENCODED[kind])
    for place, value in changes:
        content[place % len(content)] = value
    file = tmp_path / f"a.{kind}"
    file.write_bytes(content)
    try:
        for image in open_images(file):
            image.load(0, image.shape[0])
    except InputError:
        pass


def test_texts_that_begin_like_a_bitmap_are_none(tmp_path):
    (tmp_path / "BMG.txt").write_text("BM 1 2 3\n" * 20)
    found = format_of(tmp_path / "BMG.txt")
    assert found is None or found.name != "PNG, BMP or JPEG picture"


def test_what_jeol_and_tescan_write_beside_a_picture(tmp_path):
    save(tmp_path / "a.bmp", RAMP)
    (tmp_path / "a.txt").write_text(
        "$CM_SIGNAL COMPO\n$CM_FULL_SIZE 50 60\n$$SM_MICRON_BAR 20\n$$SM_MICRON_MARKER 10um\n"
    )
    image = only(tmp_path / "a.bmp")
    assert (image.signal, image.shape, image.acquisition.pixel_size_um) == ("BSE", (60, 50), 0.5)
    np.testing.assert_array_equal(image.load(0, 60), RAMP[:60])
    save(tmp_path / "b.png", RAMP)
    (tmp_path / "b-png.hdr").write_text("[MAIN]\nPixelSizeX=2e-6\nImageStripSize=8\nHV=20000\n")
    image = only(tmp_path / "b.png")
    assert (image.shape, image.acquisition.pixel_size_um) == ((62, 50), pytest.approx(2.0))
    assert image.acquisition.accelerating_voltage_kv == pytest.approx(20)


@pytest.mark.parametrize(("dpi", "size_um"), [(12_700, 2.0), (300, None), (72, None)])
def test_resolutions(tmp_path, dpi, size_um):
    size = only(save(tmp_path / "a.png", RAMP, dpi=(dpi, dpi))).acquisition.pixel_size_um
    assert size == (pytest.approx(size_um, rel=1e-3) if size_um else None)


def test_a_picture_that_changes_between_opening_and_reading_is_noticed(tmp_path):
    image = only(save(tmp_path / "a.png", RAMP))
    save(tmp_path / "a.png", RAMP[:40])
    with pytest.raises(Unreadable, match="it has changed since it was opened"):
        image.load(0, 70)


def test_the_real_maps_of_the_peridotite_are_grey_jpegs():
    files = sorted((DATA / "peridotite").glob("[124]-*.jpg"))
    if not files:
        pytest.skip(f"{DATA / 'peridotite'} is missing")
    for file in files:
        image = only(file)
        assert (image.shape, image.dtype) == ((1024, 750), np.uint8)
        np.testing.assert_array_equal(image.load(0, 1024), np.asarray(PIL.Image.open(file)))
    with pytest.raises(InputError, match="colour image"):
        open_images(DATA / "peridotite" / "05_mode.jpg")
