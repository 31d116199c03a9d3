"""One signal of a mosaic: its tiles put together, overlaps blended, gaps left empty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.readers.base import Image, Unreadable, usual_pixel_size_um
from napari_olivine.readers.mosaic.layout import Layout
from napari_olivine.readers.signals import SAME_PIXEL, ImageRef
from napari_olivine.section import Tiles

THREADS = 2
"""Tiles that are decoded at once; the disk and the compression of the section are slower."""

BATCH = 16
"""Tiles between two looks at whether to stop."""

BLENDING_BYTES = 16
"""Bytes that blending takes for each pixel of a strip, at most."""

BLENDED_AT_ONCE = 128 << 20
"""Bytes in which strips are blended: more memory makes it slower, not faster."""

Rectangle = tuple[int, int, int, int]
"""First row, end of rows, first column, end of columns."""


class TileMosaic:
    """One signal of a mosaic.

    Tiles are placed at whole pixels, so that where one tile lies alone its values are those that
    were measured. Where tiles overlap, the value is their mean weighted by `Tiles.weight`, rounded
    to the type of the image. Pixels of no tile are 0.

    Parameters
    ----------
    name
        Name of the signal.
    layout
        Where the tiles lie.
    refs
        Image of each tile by its name in the layout; a tile without an image is missing.
    skip_missing
        Leave out tiles that cannot be used: missing, unreadable, doubled, of another size, type
        or pixel size.
    lost
        What is wrong with images that have no place in the layout, in sentences.
    """

    def __init__(
        self,
        name: str,
        layout: Layout,
        refs: Mapping[str, ImageRef],
        *,
        skip_missing: bool,
        lost: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.tile_shape = layout.tiles.tile_shape
        self.missing: list[str] = []
        height, width = self.tile_shape
        one = Tiles.of_grid((1, 1), self.tile_shape)
        self._weight = one.weight(0, np.arange(height), np.arange(width))  # that of every tile
        self._images: dict[int, Image] = {}
        self._refs = [refs.get(tile) for tile in layout.names]
        self.files = [ref.file for ref in self._refs if ref is not None]
        self._doubled = [refs[tile].file for tile in layout.doubled if tile in refs]
        self._skip_missing = skip_missing
        self._lost = list(lost)
        self._dtype: np.dtype[Any] | None = None
        self._pixel_size_um: float | None = None
        self._left_out: set[int] = set()
        self._lay(layout)

    def _lay(self, layout: Layout) -> None:
        self.layout = layout
        self.shape = layout.shape
        self._bounds = layout.tiles.bounds
        self._overlap = layout.tiles.overlap
        height, width = self.tile_shape
        self._alone = np.tile(np.array([0, height, 0, width]), (len(self._bounds), 1))
        if self._overlap:
            self._alone = _alone(self._bounds, self.tile_shape)
        self._kept: dict[int, NDArray[Any]] = {}

    def over(self, layout: Layout) -> TileMosaic:
        """Return the same tiles in the places of another layout of BSE's tiles.

        What was found out about the images (`check`) is kept.
        """
        names = self.layout.names
        own = layout if len(names) == len(layout.names) else layout.only(names)
        if own.tiles.tile_shape != self.tile_shape:
            own = own.coarser(self.tile_shape)
        assert own.names == names, "a layout of other tiles"
        moved = copy(self)
        moved._lay(own)
        return moved

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a pixel, that of most tiles (of the first few, until all were checked)."""
        if self._dtype is None:
            opened = (image for ref in self._refs if ref and (image := ref.try_open()))
            dtypes = [image.dtype for image in islice(opened, 3)]
            if not dtypes:
                raise InputError(f"No tile of {self.name} can be read, e.g. {self._example}.")
            self._dtype = Counter(dtypes).most_common(1)[0][0]
        return self._dtype

    def check(self, job: Job) -> list[str]:
        """Look at the header of every tile; return what is wrong."""
        results = list(self._open_all(job))
        images = [one for one in results if isinstance(one, Image)]
        if not images:
            first = f", e.g. {results[0]}" if results else ""
            return [f"{self.name}: none of its tiles can be read{first}"]
        self._dtype = Counter(image.dtype for image in images).most_common(1)[0][0]
        self._pixel_size_um = usual_pixel_size_um(images)
        if another_size := self._another_size(images):
            return [another_size]
        wrong: dict[int, str] = {}
        for tile, result in enumerate(results):
            if problem := self._judge(result):
                wrong[tile] = problem
            elif isinstance(result, Image):  # it need not be opened again to be read
                self._images[tile] = result
        doubled = [f"{file} claims the place of another tile" for file in self._doubled]
        doubled += self._lost
        if not self._skip_missing:
            return [*wrong.values(), *doubled]
        self._left_out = set(wrong)
        self.missing += [one for one in (*wrong.values(), *doubled) if one not in self.missing]
        return []

    def read(self, start: int, stop: int, job: Job) -> NDArray[Any]:
        """Put the tiles of some rows together, shape (stop - start, columns).

        Parameters
        ----------
        start, stop
            First row of the section, and the one behind the last.
        job
            Running job.
        """
        if not self._overlap:
            return self._read(start, stop, job, blend=False)
        budget = min(job.memory_bytes // 8, BLENDED_AT_ONCE)
        high = max(64, budget // (BLENDING_BYTES * self.shape[1]))
        parts = [
            self._read(first, min(first + high, stop), job, blend=True)
            for first in range(start, stop, high)
        ]
        return parts[0] if len(parts) == 1 else np.vstack(parts)

    def tile(self, tile: int) -> NDArray[Any] | None:
        """Return the pixels of one tile by its number in the layout, `None` if it is left out."""
        return self._rows_of(tile, 0, self.shape[0], 1 << 62)[1]

    def _read(self, start: int, stop: int, job: Job, *, blend: bool) -> NDArray[Any]:
        bounds = self._bounds
        here = np.flatnonzero((bounds[:, 0] < stop) & (bounds[:, 1] > start))
        strip = _Strip(start, stop, self.shape[1], self.dtype, blend=blend)
        budget = job.memory_bytes // 4
        still: dict[int, NDArray[Any]] = {}
        with ThreadPoolExecutor(THREADS) as pool:
            for begin in range(0, len(here), BATCH):
                job.check()
                batch = here[begin : begin + BATCH]
                parts = pool.map(lambda tile: self._rows_of(int(tile), start, stop, budget), batch)
                for tile, (top, pixels) in zip(batch, parts, strict=True):
                    if pixels is None:
                        continue
                    row0, row1, col0, _ = bounds[tile]
                    # A tile that the strip's edge cuts is needed again by the next strip.
                    whole = top == row0 and len(pixels) == row1 - row0
                    if row1 > stop and whole and (len(still) + 1) * pixels.nbytes < budget:
                        still[int(tile)] = pixels
                    at = (top, int(col0))
                    strip.add(
                        at, pixels, self._weight[top - row0 :], self._alone_from(int(tile), top)
                    )
        self._kept = still
        return strip.finished()

    def _alone_from(self, tile: int, top: int) -> Rectangle:
        """Return the rectangle that a tile has alone, counted from the row `top` of the section."""
        row0, row1, col0, col1 = (int(v) for v in self._alone[tile])
        cut = top - int(self._bounds[tile, 0])
        return max(row0 - cut, 0), max(row1 - cut, 0), col0, col1

    def _rows_of(
        self, tile: int, start: int, stop: int, budget: int
    ) -> tuple[int, NDArray[Any] | None]:
        """Return the rows of a tile that a strip needs (or all of them) and their first row."""
        row0, row1 = (int(row) for row in self._bounds[tile, :2])
        if tile in self._kept:
            return row0, self._kept[tile]
        height, width = self.tile_shape
        whole = height * width * self.dtype.itemsize * THREADS < budget
        first, last = (0, height) if whole else (max(start - row0, 0), min(stop, row1) - row0)
        if tile in self._left_out:
            return row0 + first, None
        try:
            image = self._images.get(tile) or self._judged(tile)
            pixels = np.asarray(image.load(first, last))
            if pixels.shape != (last - first, width):
                raise Unreadable(
                    f"{image.file} holds fewer pixels than its header says", file=image.file
                )
        except InputError as error:
            if not self._skip_missing:
                raise
            self._left_out.add(tile)
            if str(error) not in self.missing:
                self.missing.append(str(error))
            return row0 + first, None
        return row0 + first, pixels

    def _judged(self, tile: int) -> Image:
        image = self._open(tile)
        if wrong := self._judge(image):
            raise InputError(wrong, file=image.file, tile=self.layout.names[tile])
        return image

    def _open(self, tile: int) -> Image:
        ref = self._refs[tile]
        if ref is None:
            name = self.layout.names[tile]
            raise Unreadable(f"{self.name} has no tile {name}", tile=name)
        return ref.open()

    def _open_all(self, job: Job) -> Iterator[Image | InputError]:
        # One after the other: threads would wait for each other, not for the disk.
        for tile in range(len(self._refs)):
            if tile % 64 == 0:
                job.check()
            try:
                yield self._open(tile)
            except InputError as error:
                yield error

    def _judge(self, result: Image | InputError) -> str:
        """Say what is wrong with a tile, nothing if it can be used."""
        if isinstance(result, InputError):
            return str(result)
        if result.shape != self.tile_shape:
            return f"{result.file} is {_by(result.shape)} px, expected {_by(self.tile_shape)}"
        if result.dtype != self.dtype:
            return (
                f"{result.file} is of type {result.dtype}, the other tiles of {self.name} of type "
                f"{self.dtype}"
            )
        size, usual = result.acquisition.pixel_size_um, self._pixel_size_um
        if size and usual and abs(size - usual) > SAME_PIXEL * usual:
            return (
                f"{result.file} has pixels of {size:.4g} um, the other tiles of {self.name} of "
                f"{usual:.4g} um"
            )
        return ""

    def _another_size(self, images: list[Image]) -> str:
        """Say so if all tiles are of another size than the layout's."""
        usual = Counter(image.shape for image in images).most_common(1)[0][0]
        if usual == self.tile_shape:
            return ""
        if self.layout.how != "described":
            return (
                f"{self.name} is not aligned with the section: its tiles are {_by(usual)} px, "
                f"those that the layout was made of {_by(self.tile_shape)}. Export every signal "
                "with the same size and binning"
            )
        rows, columns = (n * side for n, side in zip(self.layout.grid, usual, strict=True))
        return (
            f"{self.name} is not aligned with the section: its tiles are {_by(usual)} px, "
            f"the mosaic {_by((rows, columns))}; section.json says {_by(self.tile_shape)}, "
            f"{_by(self.shape)}. Export every signal with the same size and binning"
        )

    @property
    def _example(self) -> str:
        return str(self.files[0]) if self.files else "nothing is there"


class _Strip:
    """Rows of the section that tiles are laid into, those that share pixels blended."""

    def __init__(
        self, start: int, stop: int, columns: int, dtype: np.dtype[Any], *, blend: bool
    ) -> None:
        self.start, self.stop, self.columns = start, stop, columns
        self.pixels = np.zeros((stop - start, columns), dtype)
        # Weights are whole numbers to 32, so that a value times its weight, divided by it again,
        # is the value: of 16 bits in single precision, of more in double.
        small = dtype.kind in "ui" and dtype.itemsize <= 2
        kind = np.float32 if small else np.float64
        shape = self.pixels.shape if blend else (0, 0)
        self.blend = blend
        self.blended: list[tuple[slice, slice]] = []
        self.sum, self.weight = np.zeros(shape, kind), np.zeros(shape, np.float32)

    def add(
        self,
        at: tuple[int, int],
        pixels: NDArray[Any],
        weight: NDArray[np.float32],
        alone: Rectangle,
    ) -> None:
        """Lay (a part of) a tile into the strip.

        Parameters
        ----------
        at
            Row and column of its first pixel in the section.
        pixels, weight
            Its pixels and their weights.
        alone
            The rectangle of it that no other tile reaches, counted from its first pixel.
        """
        (top, left), (height, width) = at, pixels.shape
        row0, row1, col0, col1 = alone
        self._paste(pixels, top, left, alone)
        if not self.blend:
            return
        for around in (
            (0, row0, 0, width),
            (row1, height, 0, width),
            (row0, row1, 0, col0),
            (row0, row1, col1, width),
        ):
            self._weigh(pixels, weight, top, left, around)

    def _paste(self, pixels: NDArray[Any], top: int, left: int, part: Rectangle) -> None:
        rows, columns, place = self._places(top, left, part)
        self.pixels[place] = pixels[rows, columns]

    def _weigh(
        self,
        pixels: NDArray[Any],
        weight: NDArray[np.float32],
        top: int,
        left: int,
        part: Rectangle,
    ) -> None:
        rows, columns, place = self._places(top, left, part)
        grey, share = pixels[rows, columns], weight[rows, columns]
        if not grey.size:
            return
        if grey.dtype.kind == "f":  # a pixel that was not measured says nothing
            measured = np.isfinite(grey)
            np.copyto(self.pixels[place], grey, where=~measured)
            share = share * measured
            grey = np.where(measured, grey, 0)
        self.sum[place] += np.multiply(share, grey, dtype=self.sum.dtype)
        self.weight[place] += share
        self.blended.append(place)

    def _places(
        self, top: int, left: int, part: Rectangle
    ) -> tuple[slice, slice, tuple[slice, slice]]:
        """Return rows and columns of a part of a tile within the strip, and its place there."""
        row0, row1, col0, col1 = part
        first = min(max(row0, self.start - top), row1)
        last = max(min(row1, self.stop - top), first)
        place = (
            slice(top + first - self.start, top + last - self.start),
            slice(left + col0, left + col1),
        )
        return slice(first, last), slice(col0, col1), place

    def finished(self) -> NDArray[Any]:
        """Return the strip."""
        whole = self.pixels.dtype.kind in "ui"
        for place in self.blended:  # twice where parts of two tiles meet, to the same result
            weight = self.weight[place]
            covered = weight > 0
            mean = self.sum[place] / np.where(covered, weight, 1)
            grey = np.rint(mean) if whole else mean
            np.copyto(self.pixels[place], grey, where=covered, casting="unsafe")
        return self.pixels


def _alone(bounds: NDArray[np.int64], tile_shape: tuple[int, int]) -> NDArray[np.int64]:
    """Find a rectangle of each tile that no other tile reaches: row0, row1, col0, col1 in it."""
    height, width = tile_shape
    alone = np.tile(np.array([0, height, 0, width]), (len(bounds), 1))
    corners = bounds[:, [0, 2]]
    reach = float(np.hypot(height, width))
    for one, other in cKDTree(corners).query_pairs(reach, output_type="ndarray").tolist():
        for tile, next_to in ((one, other), (other, one)):
            down, right = (int(d) for d in corners[next_to] - corners[tile])
            if abs(down) >= height or abs(right) >= width:
                continue
            row0, row1, col0, col1 = (int(v) for v in alone[tile])
            cuts = [  # above, below, left of or right of the other tile
                (row0, min(row1, max(down, row0)), col0, col1),
                (max(row0, min(down + height, row1)), row1, col0, col1),
                (row0, row1, col0, min(col1, max(right, col0))),
                (row0, row1, max(col0, min(right + width, col1)), col1),
            ]
            alone[tile] = max(cuts, key=lambda cut: (cut[1] - cut[0]) * (cut[3] - cut[2]))
    return alone


def _by(shape: tuple[int, int]) -> str:
    return f"{shape[0]} x {shape[1]}"
