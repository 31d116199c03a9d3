"""One image of one signal, opened when it is needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.readers.base import Image, Unreadable
from napari_olivine.readers.formats import open_images


@dataclass(frozen=True)
class ImageRef:
    """One image of one signal.

    Parameters
    ----------
    place
        Name of the tile that it is; equal for all signals of a tile.
    file
        Its file.
    number
        Its place among the images of the file; `None` for the only one.
    image
        The image, if the file was opened already.
    """

    place: str
    file: Path
    number: int | None = None
    image: Image | None = None

    def open(self) -> Image:
        """Return the image.

        Raises
        ------
        Unreadable
            If the file is truncated or damaged.
        InputError
            If it cannot be used.
        """
        if self.image is not None:
            return self.image
        if not self.file.exists():
            raise Unreadable(
                f"{self.file} is missing: copy it, or go on without it (skip_missing)",
                file=self.file,
            )
        images = open_images(self.file)
        if self.number is None and len(images) > 1:
            listed = ", ".join(image.signal for image in images)
            raise InputError(
                f"{self.file} is a stack of images, not one: it holds {listed}.",
                remedy="Save one file per signal and place.",
                file=self.file,
            )
        if (number := self.number or 0) >= len(images):
            raise Unreadable(
                f"{self.file} holds fewer images than before ({len(images)})", file=self.file
            )
        return images[number]

    def try_open(self) -> Image | None:
        """Return the image, `None` if it cannot be opened."""
        try:
            return self.open()
        except InputError:
            return None
