"""Metadata of an image file: the vendors' modules are asked one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from napari_olivine.readers.base import Acquisition


@dataclass(frozen=True)
class EmbeddedMetadata:
    """Metadata that a vendor's program wrote into or beside an image.

    Parameters
    ----------
    acquisition
        How it was taken.
    scanned
        Rows and columns of the scanned field; an image that is larger has an information bar drawn
        below (or beside) it. `None` where nothing is said.
    files
        Files beside the image that say so.
    refused
        Why the image cannot be used, in words that go on from "FILE ..."; empty if it can.
    """

    acquisition: Acquisition = field(default_factory=Acquisition)
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
        """Report the information bar, if there is one."""
        bar = shape[0] - self.shown(shape)[0]
        return [f"the lowest {bar} rows are an information bar and are left out"] if bar else []


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
    if found.scanned is None or found.scanned[1] == shape[1]:
        return found
    return replace(found, acquisition=replace(found.acquisition, pixel_size_um=None))
