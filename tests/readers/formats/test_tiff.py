"""TIFF files: pixels, colours, pages, and files that are damaged or made to harm."""

from __future__ import annotations

import io
import resource
import struct
import time
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings, strategies as st

from napari_olivine.errors import InputError
from napari_olivine.readers.base.image import Image, Unreadable
from napari_olivine.readers.formats import open_images
from napari_olivine.readers.formats.tiff import images as tiff_format, rows

DATA = Path(__file__).parents[4] / "shared" / "data"

RAMP = (np.arange(70 * 50, dtype=np.uint32).reshape(70, 50) * 7) % 251


def whole(image: Image) -> np.ndarray:
    return image.load(0, image.shape[0])


def only(file: Path) -> Image:
    (image,) = open_images(file)
    return image


def in_strips(image: Image, height: int) -> np.ndarray:
    rows = image.shape[0]
    return np.vstack(
        [image.load(start, min(rows, start + height)) for start in range(0, rows, height)]
    )


# --- pixels ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "f2", "f4", "f8", ">u2", ">f4"])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"rowsperstrip": 7},
        {"compression": "zlib"},
        {"compression": "zlib", "rowsperstrip": 9, "predictor": True},
        {"compression": "lzw", "tile": (32, 16)},
        {"compression": "zstd", "tile": (16, 64)},
        {"compression": "packbits"},
        {"compression": "lzma", "rowsperstrip": 70},
        {"tile": (32, 32)},
        {"bigtiff": True},
        {"bigtiff": True, "compression": "zlib", "tile": (16, 16)},
    ],
    ids=str,
)
def test_every_way_to_keep_pixels_gives_the_same_rows(tmp_path, dtype, how):
    kind = np.dtype(dtype)
    if how.get("predictor") and kind.kind == "f":
        how = how | {"predictor": 3}
    values = RAMP.astype(kind)
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, values, photometric="minisblack", **how)
    image = only(file)
    assert (image.shape, image.dtype) == ((70, 50), kind.newbyteorder("="))
    for height in (70, 1, 13):
        read = in_strips(image, height)
        assert read.dtype == image.dtype
        np.testing.assert_array_equal(read, values)
    np.testing.assert_array_equal(image.load(33, 35), values[33:35])
    assert image.load(20, 20).shape == (0, 50)


@pytest.mark.parametrize("codec", ["jpeg", "jpeg2000"])
def test_lossy_pictures_inside_a_tiff(tmp_path, codec):
    smooth = np.add.outer(np.arange(64), np.arange(48)).astype(np.uint8)
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, smooth, compression=codec, tile=(32, 32))
    assert np.abs(in_strips(only(file), 20).astype(int) - smooth).max() <= 4


def test_counts_with_a_sign_are_read_unsigned_unless_one_is_below_zero(tmp_path):
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, RAMP.astype(np.int16))
    image = only(file)
    assert image.dtype == np.uint16
    np.testing.assert_array_equal(whole(image), RAMP)
    below = RAMP.astype(np.int16)
    below[60, 3] = -2
    tifffile.imwrite(file, below)
    with pytest.raises(InputError, match=r"values below zero \(-2\)"):
        open_images(file)


def test_rows_are_read_without_decoding_the_rest(tmp_path, monkeypatch):
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, RAMP.astype(np.uint8), compression="zlib", rowsperstrip=10)
    image = only(file)
    decoded = []
    piece = rows._piece
    monkeypatch.setattr(rows, "_piece", lambda p, n: decoded.append(n) or piece(p, n))
    image.load(25, 31)
    assert decoded == [2, 3]


def test_an_image_of_one_strip_is_decoded_once_when_read_from_top_to_end(tmp_path, monkeypatch):
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, RAMP.astype(np.uint8), compression="zlib", rowsperstrip=70)
    image = only(file)
    decoded = []
    piece = rows._piece
    monkeypatch.setattr(rows, "_piece", lambda p, n: decoded.append(n) or piece(p, n))
    np.testing.assert_array_equal(in_strips(image, 9), RAMP)
    assert decoded == [0]
    assert image.load._band is None, "nothing stays in memory behind the last row"


# --- colours --------------------------------------------------------------------------------


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_equal_colours_are_grey(tmp_path, planar):
    values = np.repeat(RAMP.astype(np.uint8)[..., None], 3, axis=2)
    file = tmp_path / "a.tif"
    stored = values if planar == "contig" else np.moveaxis(values, 2, 0)
    tifffile.imwrite(file, stored, photometric="rgb", planarconfig=planar, compression="zlib")
    image = only(file)
    assert "equal" in image.remarks[0]
    np.testing.assert_array_equal(in_strips(image, 11), RAMP)


def test_a_picture_with_text_in_colour_is_refused(tmp_path):
    values = np.repeat(RAMP.astype(np.uint8)[..., None], 3, axis=2)
    values[40, 10:15, 1] ^= 255
    tifffile.imwrite(tmp_path / "Mg.tif", values, photometric="rgb")
    with pytest.raises(InputError, match=r"Mg\.tif is a colour image \(0\.143 % of its pixels"):
        open_images(tmp_path / "Mg.tif")


def test_colour_far_down_a_large_picture_is_refused_when_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(tiff_format, "PROBED_WHOLE", 100)
    monkeypatch.setattr(tiff_format, "PROBED_ROWS", 5)
    values = np.repeat(RAMP.astype(np.uint8)[..., None], 3, axis=2)
    values[20, 10, 1] ^= 255
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", rowsperstrip=5)
    image = only(tmp_path / "a.tif")
    image.load(0, 20)
    with pytest.raises(InputError, match="colour image"):
        image.load(18, 22)


def grey_table(bits: int = 8) -> np.ndarray:
    return np.repeat((np.arange(1 << bits, dtype=np.uint32) * 257)[None], 3, axis=0).astype("u2")


def test_a_grey_colour_table_is_looked_up(tmp_path):
    table = grey_table()[:, ::-1]
    tifffile.imwrite(
        tmp_path / "a.tif", RAMP.astype(np.uint8), photometric="palette", colormap=table
    )
    image = only(tmp_path / "a.tif")
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(whole(image), 255 - RAMP)


def test_entries_in_colour_count_only_where_a_pixel_uses_them(tmp_path):
    table = grey_table()
    table[:, 254] = (65535, 0, 0)  # marks that SmartSEM draws
    values = RAMP.astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="palette", colormap=table)
    np.testing.assert_array_equal(whole(only(tmp_path / "a.tif")), RAMP)
    values[3, 3] = 254
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="palette", colormap=table)
    with pytest.raises(InputError, match="colour image"):
        open_images(tmp_path / "a.tif")


def test_false_colours_are_refused(tmp_path):
    table = np.random.default_rng(1).integers(0, 65535, (3, 256)).astype(np.uint16)
    tifffile.imwrite(
        tmp_path / "a.tif", RAMP.astype(np.uint8), photometric="palette", colormap=table
    )
    with pytest.raises(InputError, match="its colour table is no scale of grey"):
        open_images(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("values", "how", "told"),
    [
        (np.zeros((9, 8), np.float32), {"photometric": "miniswhite"}, "stores white as 0"),
        (np.zeros((9, 8), bool), {}, "has pixels of type bool"),
        (np.zeros((9, 8), np.complex64), {}, "has pixels of type complex64"),
        (np.zeros((5, 9, 8), np.uint8), {"photometric": "minisblack"}, "is a stack of images"),
        (
            np.zeros((9, 8, 5), np.uint8),
            {"photometric": "minisblack", "planarconfig": "contig"},
            "is a stack of images",
        ),
        (np.zeros((9, 8, 4), np.uint8), {"photometric": "separated"}, "is a colour image"),
        (np.zeros((9, 8), np.uint8), {"compression": "jpegxl"}, "is compressed by"),
    ],
)
def test_what_is_no_grey_image_is_refused(tmp_path, values, how, told):
    tifffile.imwrite(tmp_path / "a.tif", values, **how)
    with pytest.raises(InputError, match=told):
        open_images(tmp_path / "a.tif")


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535)])
def test_white_stored_as_0_is_turned_round_and_told(tmp_path, dtype, white, compression):
    stored = RAMP.astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="miniswhite", compression=compression)
    image = only(tmp_path / "a.tif")
    np.testing.assert_array_equal(whole(image), white - stored)
    assert whole(image).dtype == image.dtype == dtype
    assert image.remarks == ("it stores white as 0 and is turned round",)


def test_twelve_bits_a_pixel_are_read_as_they_are(tmp_path):
    """In 16 bits each, or packed three bytes for two pixels, as some cameras write them."""
    values = np.random.default_rng(3).integers(0, 4096, (6, 10)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "wide.tif", values)
    np.testing.assert_array_equal(whole(only(tmp_path / "wide.tif")), values)
    bits = np.unpackbits(values.astype(">u2").view(np.uint8).reshape(6, 10, 2), axis=-1)[..., 4:]
    data = np.packbits(bits.reshape(6, -1), axis=1).tobytes()
    tags = {256: 10, 257: 6, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: 6, 279: len(data)}
    entries = b"".join(struct.pack("<HHII", code, 4, 1, value) for code, value in tags.items())
    head = b"II*\0" + struct.pack("<I", 8 + len(data))
    ifd = struct.pack("<H", len(tags)) + entries + bytes(4)
    (tmp_path / "packed.tif").write_bytes(head + data + ifd)
    packed = only(tmp_path / "packed.tif")
    assert packed.dtype == np.uint16
    np.testing.assert_array_equal(whole(packed), values)


# --- pages ----------------------------------------------------------------------------------


def test_previews_and_pyramid_levels_are_left_out(tmp_path):
    values = RAMP.astype(np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(values[::4, ::4], subfiletype=1)
        writer.write(values, subifds=1, tile=(16, 16))
        writer.write(values[::2, ::2], subfiletype=1, tile=(16, 16))
        writer.write(np.zeros((20, 20, 3), np.uint8), photometric="rgb")
    np.testing.assert_array_equal(whole(only(tmp_path / "a.tif")), values)


def test_pages_with_names_are_one_image_a_signal(tmp_path):
    """Element stacks of Bruker and Oxford name each page (PageName)."""
    signals = {"BSE": 1, "Mg K": 2, "Fe Ka1": 3, "Al K series": 4}
    with tifffile.TiffWriter(tmp_path / "stack.tif") as writer:
        for name, factor in signals.items():
            page = (RAMP * factor).astype(np.uint16)
            writer.write(page, metadata=None, extratags=[(285, 2, 0, name, True)])
    images = open_images(tmp_path / "stack.tif")
    assert [image.signal for image in images] == ["BSE", "Mg", "Fe", "Al"]
    for image, factor in zip(images, signals.values(), strict=True):
        np.testing.assert_array_equal(in_strips(image, 40), RAMP * factor)


def test_labels_of_imagej_name_the_signals(tmp_path):
    stack = np.stack([RAMP, RAMP + 1]).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, metadata={"Labels": ["Mg", "Si K"]})
    images = open_images(tmp_path / "a.tif")
    assert [image.signal for image in images] == ["Mg", "Si"]
    np.testing.assert_array_equal(whole(images[1]), RAMP + 1)


def test_channels_of_an_ome_tiff_are_one_image_a_signal(tmp_path):
    stack = np.stack([RAMP, RAMP * 2, RAMP * 3]).astype(np.uint16)
    tifffile.imwrite(
        tmp_path / "a.ome.tif",
        stack,
        photometric="minisblack",
        metadata={
            "axes": "CYX",
            "Channel": {"Name": ["BSE", "Mg K", "phase map"]},
            "PhysicalSizeX": 250.0,
            "PhysicalSizeXUnit": "nm",
            "Plane": {
                "PositionX": [1.5, 1.5, 1.5],
                "PositionXUnit": ["mm"] * 3,
                "PositionY": [-2.0, -2.0, -2.0],
                "PositionYUnit": ["mm"] * 3,
            },
        },
    )
    images = open_images(tmp_path / "a.ome.tif")
    assert [image.signal for image in images] == ["BSE", "Mg", "phase map"]
    for factor, image in enumerate(images, 1):
        assert image.acquisition.pixel_size_um == pytest.approx(0.25)
        assert image.acquisition.stage_um == pytest.approx((1500, -2000))
        np.testing.assert_array_equal(whole(image), RAMP * factor)


def test_depths_of_an_ome_tiff_are_no_signals(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.ome.tif",
        np.zeros((3, 9, 8), np.uint8),
        photometric="minisblack",
        metadata={"axes": "ZYX"},
    )
    with pytest.raises(InputError, match="stack of depths or times"):
        open_images(tmp_path / "a.ome.tif")


# --- real files -----------------------------------------------------------------------------


def real(*parts: str) -> list[Path]:
    files = sorted(DATA.joinpath(*parts[:-1]).glob(parts[-1]))
    if not files:
        pytest.skip(f"{DATA.joinpath(*parts)} is missing")
    return files


def test_the_real_palette_images_of_iceland_are_grey():
    for file in real("iceland", "*.[tT][iI][fF]"):
        image = only(file)
        grey = whole(image)
        assert grey.dtype == np.uint8 and grey.shape == image.shape
        with tifffile.TiffFile(file) as tiff:
            page = tiff.pages.first
            looked_up = page.colormap[0][page.asarray()] >> 8
        np.testing.assert_array_equal(grey, looked_up)


def test_the_real_counts_of_semarkona_keep_their_values():
    for file in real("semarkona", "obj1", "obj1_32bt_*.tif"):
        image = only(file)
        assert image.dtype == np.uint32 and image.acquisition.pixel_size_um is None
        np.testing.assert_array_equal(in_strips(image, 100), tifffile.imread(file))


def test_the_real_pictures_of_the_superalloy_are_grey_and_their_masks_are_colours():
    for file in real("superalloy", "Super1", "test", "*.tif"):
        np.testing.assert_array_equal(whole(only(file)), tifffile.imread(file)[..., 1])
    for file in real("superalloy", "Super1", "test_annot", "*.tif"):
        with pytest.raises(InputError, match="colour image"):
            open_images(file)


# --- files that are damaged or made to harm ---------------------------------------------------


def read_all(file: Path) -> None:
    """Read everything of a file that can be asked for; only an `InputError` may come of it."""
    try:
        for image in open_images(file):
            image.load(0, min(64, image.shape[0]))
            image.load(max(0, image.shape[0] - 3), image.shape[0])
    except InputError:
        pass


def sample(**how) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, RAMP.astype(np.uint16), **how)
    return stream.getvalue()


SAMPLES = [
    sample(),
    sample(compression="zlib", tile=(16, 16)),
    sample(compression="lzw", rowsperstrip=8, bigtiff=True),
    sample(imagej=True, metadata={"unit": "um"}),
    sample(ome=True, metadata={"axes": "YX", "PhysicalSizeX": 0.5}),
    sample(extratags=[(34682, 2, 0, "[Scan]\nPixelWidth=1e-7\n[Stage]\nStageX=1e-3\n", True)]),
]


@pytest.mark.parametrize("number", range(len(SAMPLES)))
def test_a_file_truncated_anywhere_is_refused(tmp_path, number):
    content = SAMPLES[number]
    file = tmp_path / "a.tif"
    for length in [*range(40), *range(40, len(content), max(1, len(content) // 60))]:
        file.write_bytes(content[:length])
        read_all(file)
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(Unreadable, match="truncated"):
        whole(only(file))


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    number=st.sampled_from(range(len(SAMPLES))),
    changes=st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), min_size=1, max_size=12),
)
def test_bytes_changed_at_random_never_do_more_than_refuse(tmp_path, number, changes):
    content = bytearray(SAMPLES[number])
    for place, value in changes:
        content[place % len(content)] = value
    (tmp_path / "a.tif").write_bytes(content)
    read_all(tmp_path / "a.tif")


def bare_tiff(rows: int, columns: int, compression: int, strip: bytes, *more) -> bytes:
    """A TIFF of one strip whose header says what the test wants it to say."""
    tags = [
        (256, 4, 1, columns), (257, 4, 1, rows), (258, 3, 1, 8), (259, 3, 1, compression),
        (262, 3, 1, 1), (273, 4, 1, -1), (277, 3, 1, 1), (278, 4, 1, rows), (279, 4, 1, len(strip)),
    ]  # fmt: skip
    replaced = {tag[0]: tag for tag in more}
    tags = sorted([tag for tag in tags if tag[0] not in replaced] + list(more))
    start = 8 + 2 + 12 * len(tags) + 4
    out = b"II*\0" + struct.pack("<IH", 8, len(tags))
    for code, kind, count, value in tags:
        out += struct.pack("<HHII", code, kind, count, start if value == -1 else value)
    return out + struct.pack("<I", 0) + strip


LARGE = 1 << 26


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (bare_tiff(2**31 - 1, 2**31 - 1, 8, b"x" * 99), "which no image has"),
        (bare_tiff(2**31 - 1, 2**31 - 1, 1, b"x" * 99), "which no image has"),
        (bare_tiff(100_000, 100_000, 8, zlib.compress(b"")), "are said to hold 10000000000 bytes"),
        (bare_tiff(100_000, 100_000, 1, b"x" * 99), "is truncated"),
        (bare_tiff(0, 10, 1, b"x" * 99), "is damaged|no TIFF|truncated"),
        (bare_tiff(50, 50, 8, zlib.compress(bytes(LARGE))), "truncated or damaged"),
        (bare_tiff(50, 50, 50000, imagecodecs.zstd_encode(bytes(LARGE))), "truncated or damaged"),
        (bare_tiff(50, 50, 32773, b"\x81\0" * (1 << 20)), "truncated or damaged"),
        (bare_tiff(9, 9, 1, b"x" * 81, (273, 4, 2**31, 200)), "is said to hold"),
        (bare_tiff(9, 9, 1, b"x" * 81, (279, 4, 2**32 - 1, 200)), "is said to hold"),
        (bare_tiff(9, 9, 1, b"x" * 81, (270, 2, 2**32 - 1, 200)), "is said to hold"),
        (bare_tiff(9, 9, 1, b"x" * 81, (34118, 2, 2**30, 200)), "is said to hold"),
    ],
    ids=range(12),
)
def test_headers_and_streams_made_to_fill_the_memory(tmp_path, content, told):
    file = tmp_path / "a.tif"
    file.write_bytes(content)
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(Unreadable, match=told):
        whole(only(file))
    assert time.process_time() - began < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60 << 10, "in KiB"


def test_a_jpeg_larger_than_its_strip_is_refused(tmp_path):
    jpeg = imagecodecs.jpeg_encode(np.zeros((64, 64), np.uint8))
    at = jpeg.find(b"\xff\xc0") + 5
    tall = jpeg[:at] + b"\xff\xdc\xff\xdc" + jpeg[at + 4 :]
    (tmp_path / "a.tif").write_bytes(bare_tiff(64, 64, 7, tall))
    with pytest.raises(Unreadable, match="65500 x 65500 px"):
        whole(only(tmp_path / "a.tif"))


def test_a_tag_that_the_file_really_holds_may_not_fill_the_memory(tmp_path):
    """A sparse file of 2 GB, of which 1 GB is said to be a maker's tag."""
    file = tmp_path / "a.tif"
    file.write_bytes(bare_tiff(9, 9, 1, b"x" * 81, (34118, 2, 2**30, 4096)))
    with file.open("r+b") as stream:
        stream.truncate(2**31)
    with pytest.raises(Unreadable, match="is said to hold") as error:
        open_images(file)
    assert error.value.facts.file == str(file)


def test_pages_without_end(tmp_path):
    file = tmp_path / "a.tif"
    circle = bytearray(bare_tiff(9, 9, 1, b"x" * 81))
    after = 10 + 12 * 9
    circle[after : after + 4] = struct.pack("<I", 8)
    file.write_bytes(circle)
    with pytest.raises(Unreadable, match="its pages run in a circle"):
        open_images(file)
    pages = b"".join(
        struct.pack("<HHHII", 1, 256, 3, 1, 1) + struct.pack("<I", 8 + 18 * (number + 1))
        for number in range(5000)
    )
    file.write_bytes(b"II*\0" + struct.pack("<I", 8) + pages)
    with pytest.raises(InputError, match="more than 1024 pages"):
        open_images(file)


@pytest.mark.parametrize("name", ["a.tif", "a.TIFF"])
def test_what_is_no_tiff_inside_is_named(tmp_path, name):
    for content in (b"", b"II*\0", b"no image", b"\0" * 100):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(Unreadable, match="is truncated, damaged or no TIFF"):
            open_images(tmp_path / name)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(Unreadable, match="is missing"):
        tiff_format.open_images(tmp_path / "a.tif")
    (tmp_path / "b.tif").mkdir()
    with pytest.raises(InputError):
        open_images(tmp_path / "b.tif")


def test_a_file_that_changes_between_opening_and_reading_is_noticed(tmp_path):
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, RAMP.astype(np.uint8), compression="zlib")
    image = only(file)
    tifffile.imwrite(file, RAMP[:40].astype(np.uint8), compression="zlib")
    with pytest.raises(Unreadable, match="it has changed since it was opened"):
        whole(image)
