"""TIFF, BigTIFF and OME-TIFF: the grey images in a file and what the instrument says of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.readers.base import Acquisition, Image, Unreadable
from napari_olivine.readers.formats import (
    PAGE,
    ToGrey,
    colour_error,
    first_sample,
    from_equal_colours,
    from_palette,
    is_known,
    signal_of_channel,
    signal_of_detector,
    turned_round,
    without_sign,
)
from napari_olivine.readers.formats.metadata import (
    EmbeddedMetadata,
    contradictions,
    ome,
    preferred,
    read_embedded,
    read_of_page,
    resolution_of,
    stated,
)
from napari_olivine.readers.formats.tiff.rows import BROKEN, PageRows, check_extent
from napari_olivine.readers.formats.tiff.tag_check import VARIANTS, check_tags

SUFFIXES = (".tif", ".tiff", ".btf", ".tf8")

PROBED_ROWS, PROBED_WHOLE = 64, 4 << 20
"""An image of up to so many pixels is looked at as a whole for colours and signs when it is opened,
a larger one at so many rows of its top, middle and end; every row is when it is read."""

REDUCED, MASK = 1, 4
"""Bits of a page's NewSubfileType: a preview or pyramid level; a transparency mask."""

PAGE_NAME, DESCRIPTION = 285, 270

SAVE_APART = "Save one file per signal and place."

MOST_NAMELESS = 4
"""So many pages without names may be the detectors of one scan; more are a stack of something."""


def holds_several(file: Path) -> bool:
    """Tell whether a TIFF has pages beside the first, which may be images of their own."""
    return check_tags(file) > 1


def recognises(file: Path, head: bytes) -> bool:
    """Recognise a TIFF by its first bytes; a damaged one by its name."""
    return head.startswith(tuple(VARIANTS)) or file.suffix.lower() in SUFFIXES


def open_images(file: Path) -> list[Image]:
    """Return the grey images of a TIFF, one a signal; the pixels are not read.

    Pages that are previews, pyramid levels or masks are left out. An information bar below the
    image is cut off where the metadata say how high it is.

    Raises
    ------
    Unreadable
        If the file is missing, truncated or damaged.
    InputError
        If it holds colours, a stack without names, or pixels that are no grey values.
    """
    if not file.is_file():  # a pipe or a device would block
        raise Unreadable(f"{file} is missing")
    try:
        check_tags(file)
        with tifffile.TiffFile(file) as tiff:
            images = _images(file, tiff)
    except BROKEN as error:
        raise Unreadable(f"{file} is truncated, damaged or no TIFF ({error})") from error
    return images


def _images(file: Path, tiff: tifffile.TiffFile) -> list[Image]:
    pages = _full_pages(tiff)
    described = _text(pages[0], DESCRIPTION)
    planes = ome.read_description(described, file) if described else None
    names = _names(file, pages, planes, described)
    images = [_image(file, page, names[page.index], planes) for page in pages]
    for image, page in zip(images, pages, strict=True):
        _probe(image, page)
    return images


def _full_pages(tiff: tifffile.TiffFile) -> list[Any]:
    """Return the pages of the largest size, in their order."""
    found: list[Any] = [tiff.pages.first]
    while True:
        try:
            found.append(tiff.pages[len(found)])
        except IndexError:
            break
    if len(found) == 1:
        return found
    whole = [page for page in found if not int(page.subfiletype) & (REDUCED | MASK)] or found[:1]
    size = max(page.imagelength * page.imagewidth for page in whole)
    return [page for page in whole if page.imagelength * page.imagewidth == size]


def _image(file: Path, page: Any, name: str, planes: dict[int, ome.OmePlane] | None) -> Image:
    to_grey, dtype, remark = _grey_rule(file, page)
    check_extent(file, page)
    shape = (page.imagelength, page.imagewidth)
    metadata = read_of_page(page, file, shape)
    if metadata.refused:
        raise InputError(f"{file} {metadata.refused}")
    acquisition, doubts = _acquisition(page, metadata, (planes or {}).get(page.index), shape)
    shown = metadata.shown(shape)
    remarks = ([remark] if remark else []) + metadata.remarks(shape) + doubts
    return Image(
        file=file,
        shape=shown,
        dtype=dtype,
        load=PageRows(file, page.index, page, shown, to_grey),
        signal=signal_of_channel(name) if name else signal_of_detector(acquisition.detector),
        acquisition=acquisition,
        files=metadata.files,
        remarks=tuple(remarks),
    )


def _grey_rule(file: Path, page: Any) -> tuple[ToGrey | None, np.dtype[Any], str]:
    """Return how the pixels are made grey, the type that they have then, and what to tell."""
    if page.dtype is None:
        raise Unreadable(f"{file} has pixels of a type that cannot be read")
    dtype = np.dtype(page.dtype).newbyteorder("=")
    photometric, samples = int(page.photometric), page.samplesperpixel
    if dtype.kind not in "uif":
        raise InputError(f"{file} has pixels of type {dtype}; expected 8 or 16 bit counts")
    if photometric == 0 and samples == 1 and dtype.kind == "u":
        return turned_round(page.bitspersample), dtype, "it stores white as 0 and is turned round"
    if photometric == 0:
        raise InputError(
            f"{file} stores white as 0, which turns the grey scale round.",
            remedy="Save it again with black as 0 (Edit > Invert and Image > Lookup Tables > "
            "Invert LUT in Fiji).",
        )
    if photometric == 3 and samples == 1 and dtype.kind == "u" and dtype.itemsize <= 2:
        palette = page.colormap
        if palette is None or palette.ndim != 2 or palette.shape[0] != 3:
            raise Unreadable(f"{file} is damaged: its colour table is missing")
        to_grey = from_palette(file, _whole_palette(palette, dtype))
        made = np.dtype(np.uint8) if palette.shape[1] <= 256 else np.dtype(np.uint16)
        return to_grey, made, "its grey values were looked up in its colour table"
    if photometric in (2, 6) and samples in (3, 4):
        return from_equal_colours(file), dtype, "red, green and blue are equal and taken for grey"
    if photometric != 1 and photometric != 32844:
        raise colour_error(file)
    if samples == 2 and page.extrasamples and page.planarconfig == 1:
        return first_sample, dtype, "its transparency is left out"
    if samples != 1:
        raise InputError(
            f"{file} is a stack of images, not one: a pixel has {samples} values.",
            remedy=SAVE_APART,
        )
    if dtype.kind == "i":
        return without_sign(file), np.dtype(f"u{dtype.itemsize}"), "its counts are read unsigned"
    return None, dtype, ""


def _whole_palette(palette: NDArray[np.uint16], dtype: np.dtype[Any]) -> NDArray[np.uint16]:
    """Lengthen a colour table of fewer bits, so that a stray pixel is a colour, not an error."""
    missing = 256**dtype.itemsize - palette.shape[1]
    if missing <= 0:
        return palette
    stray = np.zeros((3, missing), np.uint16)
    stray[0] = 1
    return np.concatenate([palette, stray], axis=1)


def _acquisition(
    page: Any, metadata: EmbeddedMetadata, plane: ome.OmePlane | None, shape: tuple[int, int]
) -> tuple[Acquisition, list[str]]:
    """Return what is said of the acquisition, and where the sizes of a pixel contradict."""
    acquisition, sizes = metadata.acquisition, metadata.sizes
    if plane is not None:
        theirs = plane.acquisition
        acquisition = replace(
            acquisition,
            stage_um=acquisition.stage_um or theirs.stage_um,
            taken=acquisition.taken or theirs.taken,
        )
        sizes += stated((theirs.pixel_size_um, theirs.pixel_source))
    refused = ""
    if not metadata.is_resized(shape):
        by_resolution, refused = resolution_of(page)
        sizes += by_resolution
    acquisition = replace(acquisition, **preferred(sizes))
    if not sizes:
        acquisition = replace(acquisition, pixel_source=refused)
    return acquisition, contradictions(sizes)


def _names(
    file: Path, pages: list[Any], planes: dict[int, ome.OmePlane] | None, described: str
) -> dict[int, str]:
    """Name the signal of each page; a single page may be left without.

    Raises
    ------
    InputError
        If there are several pages and they have no names of their own.
    """
    if planes and any(planes[p.index].is_section for p in pages if p.index in planes):
        raise InputError(f"{file} is a stack of depths or times, not an image.", remedy=SAVE_APART)
    if planes:
        names = [planes[p.index].name if p.index in planes else "" for p in pages]
    elif described.startswith("ImageJ="):
        names = _imagej_labels(file, pages, described)
    else:
        names = [_short(_text(p, PAGE_NAME)) or _short(_text(p, DESCRIPTION)) for p in pages]
    if len(pages) == 1:
        return {pages[0].index: names[0] if planes or is_known(names[0]) else ""}
    for tell in (names, [_detector(page) for page in pages], _numbered(pages)):
        signals = [signal_of_channel(name) for name in tell]
        if all(signals) and len(set(signals)) == len(signals):
            return {page.index: name for page, name in zip(pages, tell, strict=True)}
    raise InputError(
        f"{file} is a stack of images, not one: its {len(pages)} pages have no names of their own.",
        remedy=SAVE_APART,
    )


def _detector(page: Any) -> str:
    """Return the detector that the maker's tags of a page name."""
    found = read_embedded(page, (page.imagelength, page.imagewidth))
    return found.acquisition.detector if found is not None else ""


def _numbered(pages: list[Any]) -> list[str]:
    """Give each page a number: a person says which shows what."""
    if len(pages) > MOST_NAMELESS:
        return [""]
    return [f"{PAGE} {number}" for number in range(1, len(pages) + 1)]


def _imagej_labels(file: Path, pages: list[Any], described: str) -> list[str]:
    for line in described[:10_000].splitlines():
        key, _, value = line.partition("=")
        if key == "images" and value.isdigit() and int(value) > len(pages):
            raise InputError(
                f"{file} is a stack of images, not one: {value} images of ImageJ in {len(pages)} "
                "page.",
                remedy=f"{SAVE_APART[:-1]} (Image > Stacks > Stack to Images).",
            )
    tag = pages[0].tags.get(50839)
    if tag is None or not isinstance(tag.value, dict):
        return [""] * len(pages)
    labels = tag.value.get("Labels") or []
    labels = [labels] if isinstance(labels, str) else list(labels)
    return [_short(str(label)) for label in labels[: len(pages)]] + [""] * (
        len(pages) - len(labels)
    )


def _short(text: str) -> str:
    """Return a text that is one short line, as a page's name is; longer ones are notes."""
    lines = text.strip().splitlines()
    return (
        lines[0].strip()
        if len(lines) == 1 and len(lines[0]) <= 60 and lines[0][0] not in "{<["
        else ""
    )


def _text(page: Any, code: int) -> str:
    tag = page.tags.get(code)
    if tag is None or not isinstance(tag.value, str):
        return ""
    return str(tag.value)


def _probe(image: Image, page: Any) -> None:
    """Read a part of an image whose pixels decide whether it can be used."""
    if int(page.photometric) == 1 and page.dtype.kind != "i":
        return
    if int(page.photometric) == 3 and (page.colormap == page.colormap[0]).all():
        return
    rows = image.shape[0]
    bands: list[tuple[int, int]] = [(0, rows)]
    if rows * image.shape[1] > PROBED_WHOLE:
        middle = rows // 2
        bands = [
            (start, min(rows, start + PROBED_ROWS)) for start in (0, middle, rows - PROBED_ROWS)
        ]
    for start, stop in bands:
        image.load(max(0, start), stop)
