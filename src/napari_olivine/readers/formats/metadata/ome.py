"""OME-XML: pixel size, positions and channels of an OME-TIFF."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from xml.etree.ElementTree import Element

from napari_olivine.readers.base import Acquisition
from napari_olivine.readers.formats.metadata.pixel_size import preferred, stated
from napari_olivine.readers.formats.metadata.quantities import (
    LENGTHS_UM,
    in_units,
    iso_moment,
    stage_um,
)
from napari_olivine.readers.formats.metadata.safe_xml import parse

MOST_PLANES = 4096
"""Planes of one file that are read; the others are left out."""


@dataclass(frozen=True)
class OmePlane:
    """One page of an OME-TIFF.

    Parameters
    ----------
    name
        Name of the channel, or of the image where it has one channel without a name.
    acquisition
        Pixel size, position and date.
    is_section
        Whether it is one of a stack of depths or times.
    """

    name: str
    acquisition: Acquisition
    is_section: bool = False


def read_description(description: str, file: Path) -> dict[int, OmePlane] | None:
    """Return what the XML says of each page by its number; `None` if it is no OME-XML.

    Files that the XML names are not opened: pages of other files are left out.
    """
    if "<OME" not in description[:2000]:
        return None
    root = parse(description)
    if root is None or root.tag != "OME":
        return None
    planes: dict[int, OmePlane] = {}
    left = MOST_PLANES
    for image in root.findall("Image")[:MOST_PLANES]:
        pixels = image.find("Pixels")
        if pixels is not None and left > 0:
            left -= _add_planes(planes, image, pixels, file, left)
    return planes


def _add_planes(
    planes: dict[int, OmePlane], image: Element, pixels: Element, file: Path, most: int
) -> int:
    """Add up to so many planes of an image; return how many were looked at."""
    channels = pixels.findall("Channel")
    depth = _whole(pixels.get("SizeZ"), 1) * _whole(pixels.get("SizeT"), 1)
    count = min(max(1, _whole(pixels.get("SizeC"), 1)), MOST_PLANES)
    names = [(channel.get("Name") or "").strip()[:200] for channel in channels]
    names += [""] * (count - len(names))
    if count == 1 and not names[0]:
        names[0] = (image.get("Name") or "").strip()[:200]
    places = {_whole(plane.get("TheC"), 0): plane for plane in reversed(pixels.findall("Plane"))}
    looked_at = 0
    for channel, page in islice(_pages(pixels, count, len(planes), file), most):
        looked_at += 1
        if page not in planes:
            acquisition = _acquisition(image, pixels, places.get(channel))
            planes[page] = OmePlane(names[channel], acquisition, is_section=depth > 1)
    return looked_at


def _pages(pixels: Element, count: int, first: int, file: Path) -> Iterator[tuple[int, int]]:
    """Channel and page of each plane that lies in this file."""
    blocks = pixels.findall("TiffData")
    if not blocks:
        yield from ((channel, first + channel) for channel in range(count))
    for block in blocks[:MOST_PLANES]:
        uuid = block.find("UUID")
        name = uuid.get("FileName") if uuid is not None else None
        if name and name != file.name and len(blocks) > 1:
            continue
        channel = _whole(block.get("FirstC"), 0)
        page = _whole(block.get("IFD"), 0)
        alone = 1 if block.get("IFD") is not None else count
        here = min(_whole(block.get("PlaneCount"), alone), count - channel)
        yield from ((channel + step, page + step) for step in range(here))


def _acquisition(image: Element, pixels: Element, plane: Element | None) -> Acquisition:
    size_um = _length_um(pixels, "PhysicalSizeX", "µm")
    stage = None
    if plane is not None:
        # Without a unit the position counts in the writer's own frame, which may be anything.
        stage = stage_um(_length_um(plane, "PositionX", None), _length_um(plane, "PositionY", None))
    taken = image.findtext("AcquisitionDate") or image.findtext("AcquiredDate") or ""
    sizes = stated((size_um, "PhysicalSizeX of OME"))
    return Acquisition(**preferred(sizes), stage_um=stage, taken=iso_moment(taken))


def _length_um(element: Element, name: str, default: str | None) -> float | None:
    unit = element.get(f"{name}Unit") or default
    return in_units(f"{element.get(name, '')} {unit or ''}", LENGTHS_UM)


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else default
