"""Metadata of an image file: the vendors' modules are asked one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from napari_olivine.readers.base import Acquisition
from napari_olivine.readers.formats.metadata.pixel_size import PixelSizes, preferred


@dataclass(frozen=True)
class EmbeddedMetadata:
    """Metadata that a vendor's program wrote into or beside an image.

    Parameters
    ----------
    acquisition
        How it was taken.
    sizes
        Every statement of how large a pixel is, the most trusted first.
    scanned
        Rows and columns of the scanned field; an image that is larger has an information bar drawn
        below (or beside) it. `None` where nothing is said.
    files
        Files beside the image that say so.
    refused
        Why the image cannot be used, in words that go on from "FILE ..."; empty if it can.
    """

    acquisition: Acquisition = field(default_factory=Acquisition)
    sizes: PixelSizes = ()
    scanned: tuple[int, int] | None = None
    files: tuple[Path, ...] = ()
    refused: str = ""

    def shown(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Return the rows and columns without the bar.

        A size that does not fit into the image is not believed: it was cut or enlarged since.
        """
        if self.scanned is None:
            return shape
        rows, columns = self.scanned
        return (rows, columns) if columns == shape[1] and shape[0] // 2 < rows < shape[0] else shape

    def remarks(self, shape: tuple[int, int]) -> list[str]:
        """Report an information bar, and that the image was enlarged or cut, if it was."""
        bar = shape[0] - self.shown(shape)[0]
        found = [f"the lowest {bar} rows are an information bar and are left out"] if bar else []
        if self.is_resized(shape):
            assert self.scanned is not None
            found.append(
                f"it is {shape[1]} px wide, but {self.scanned[1]} px were scanned: it was enlarged "
                "or cut, so the size of a pixel that stands in it is not used"
            )
        return found

    def is_resized(self, shape: tuple[int, int]) -> bool:
        """Tell whether an image was enlarged or cut after it was taken."""
        return self.scanned is not None and self.scanned[1] != shape[1]


Shape = tuple[int, int]
ROOM = "napari_olivine.readers.formats.metadata"

EMBEDDED: dict[int, str] = {
    34118: "zeiss", 34680: "fei", 34682: "fei", 34683: "phenom", 50431: "tescan",
}  # fmt: skip
"""Private tag of a TIFF and the module that reads it."""

MOST_BYTES = 4 << 20
"""Bytes of a private tag; longer ones are not read. Real ones have a few thousand, TESCAN's has a
preview as well."""

BESIDE = ("tescan", "jeol_sem", "hitachi")
"""Modules that read a file beside the image."""


def read_embedded(page: Any, shape: Shape) -> EmbeddedMetadata | None:
    """Read the private tags of a TIFF's page; `None` if no maker left any.

    Parameters
    ----------
    page
        Page of a TIFF, as tifffile gives it.
    shape
        Rows and columns of the page.
    """
    for code, maker in EMBEDDED.items():
        tag = page.tags.get(code)
        if tag is None or tag.count > MOST_BYTES:
            continue
        if (found := import_module(f"{ROOM}.{maker}").read_tag(tag.value, shape)) is not None:
            return _of_shape(found, shape)
    return None


def read_of_page(page: Any, file: Path, shape: Shape) -> EmbeddedMetadata:
    """Read the private tags of a TIFF's page and the file beside it, if there are any.

    The tags go before the file beside; its size of a pixel is one more statement.

    Parameters
    ----------
    page
        Page of a TIFF, as tifffile gives it.
    file
        The TIFF.
    shape
        Rows and columns of the page.

    Returns
    -------
    EmbeddedMetadata
        Empty if no maker left anything.
    """
    embedded, beside = read_embedded(page, shape), read_beside(file, shape)
    if embedded is None or beside is None:
        return embedded or beside or EmbeddedMetadata()
    return replace(
        embedded,
        sizes=embedded.sizes + beside.sizes,
        files=embedded.files + beside.files,
        refused=embedded.refused or beside.refused,
    )


def read_beside(file: Path, shape: Shape) -> EmbeddedMetadata | None:
    """Read what a maker's program wrote beside an image; `None` if there is nothing.

    Parameters
    ----------
    file
        The image.
    shape
        Its rows and columns.
    """
    for maker in BESIDE:
        if (found := import_module(f"{ROOM}.{maker}").read_beside(file, shape)) is not None:
            return _of_shape(found, shape)
    return None


def _of_shape(found: EmbeddedMetadata, shape: Shape) -> EmbeddedMetadata:
    """Leave out the pixel size of an image that was enlarged or cut after it was taken."""
    if not found.is_resized(shape):
        return found
    return replace(found, sizes=(), acquisition=replace(found.acquisition, **preferred(())))
