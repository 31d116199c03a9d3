"""The headers of a mosaic's tiles: one image a place, and what they say of their acquisition."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers.base import BSE, Acquisition, Image, usual_pixel_size
from napari_olivine.readers.discover import NAMED
from napari_olivine.readers.signals import ImageRef

THREADS = 2

BATCH = 256
"""Headers between two reports of progress."""


@dataclass(frozen=True)
class TileHeaders:
    """Tiles of one signal whose headers were read.

    Parameters
    ----------
    images
        Image of each tile by its name.
    wrong
        What is wrong with images that are no tile of `images`, in sentences.
    signal
        The signal that they show.
    """

    images: dict[str, Image]
    wrong: list[str]
    signal: str = BSE

    @property
    def acquisition(self) -> Acquisition:
        """What the tiles say alike of their acquisition; the most common size of a pixel."""
        every = [image.acquisition for image in self.images.values()]
        same = {
            name: getattr(every[0], name)
            for name in ("instrument", "detector", "accelerating_voltage_kv", "dwell_time_us")
            if len({getattr(one, name) for one in every}) == 1
        }
        size_um, source = usual_pixel_size(self.images.values())
        return Acquisition(
            pixel_size_um=size_um,
            pixel_source=source,
            pixel_sizes=next(
                (one.pixel_sizes for one in every if one.pixel_size_um == size_um), ()
            ),
            taken=min((one.taken for one in every if one.taken), default=None),
            **same,
        )

    def opened(self, image: ImageRef) -> ImageRef:
        """Return an image of a tile with its header, if that is known."""
        known = self.images.get(image.place)
        return replace(image, image=known) if known and known.file == image.file else image

    @property
    def remarks(self) -> list[str]:
        """What was done to the tiles when they were opened, in sentences."""
        counts = Counter(remark for image in self.images.values() for remark in image.remarks)
        return [f"{count} tiles of {self.signal}: {remark}" for remark, count in counts.items()]


def read_headers(folder: Path, parts: list[ImageRef], job: Job, signal: str = BSE) -> TileHeaders:
    """Read the headers of the tiles of one signal.

    Parameters
    ----------
    folder
        Where they were found, for errors.
    parts
        Its images; of several that claim one place the first is taken.
    job
        Running job.
    signal
        Its name.

    Returns
    -------
    TileHeaders
        The tiles, and what is wrong with the other images.

    Raises
    ------
    InputError
        If all images are of one place.
    """
    kept: dict[str, ImageRef] = {}
    twins = []
    for part in parts:
        first = kept.setdefault(part.place, part)
        if first is not part:
            twins.append(f"{part.file} claims the place of {first.file.name}")
    if len(kept) == 1 < len(parts):
        listed = ", ".join(part.file.name for part in parts[:NAMED])
        raise InputError(
            f"{folder} holds {len(parts)} images of {signal} ({listed}) of one field",
            remedy="Leave one of them in the folder.",
            file=folder,
        )
    images, unreadable = _open_all(list(kept.values()), job)
    return TileHeaders(images, unreadable + twins, signal)


def _open_all(parts: list[ImageRef], job: Job) -> tuple[dict[str, Image], list[str]]:
    """Open the images of tiles, by their places; say what is wrong with those that fail."""
    images: dict[str, Image] = {}
    unreadable: list[str] = []

    def open_one(part: ImageRef) -> Image | InputError:
        try:
            return part.open()
        except InputError as error:
            return error

    with ThreadPoolExecutor(THREADS) as pool:
        for begin in range(0, len(parts), BATCH):
            job.progress(begin, len(parts), "Reading the headers of the tiles")
            batch = parts[begin : begin + BATCH]
            for part, opened in zip(batch, pool.map(open_one, batch), strict=True):
                if isinstance(opened, InputError):
                    unreadable.append(str(opened))
                else:
                    images[part.place] = opened
    return images, unreadable
