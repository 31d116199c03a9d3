"""Spectrum images of Bruker (.bcf), JEOL (.pts, .asw, .img, .map) and EDAX (.spd).

Read by RosettaSciIO, an optional extra, in a process of its own (`spectra.decoder`): the electron
images as they are, and a map of counts for each element that the file names or, where it names
none, for those of common minerals (`xray_windows`). The maps are made when the first of them
is read and kept in a temporary folder until the program ends.
"""

from __future__ import annotations

import shutil
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.readers.base import Acquisition, Image, Unreadable, signal_of
from napari_olivine.readers.formats import Message, Missing, Worker, signal_of_detector
from napari_olivine.readers.formats.metadata import iso_moment, square_pixel_um

SECONDS = {"describe": 180.0, "maps": 1800.0}
"""Time after which a file counts as damaged."""


@dataclass(frozen=True)
class Maker:
    """Files of a maker.

    Parameters
    ----------
    name
        Maker and format, in words.
    kind
        What the decoder calls it.
    export
        How to do without.
    """

    name: str
    kind: str
    export: str


BRUKER = Maker(
    "Bruker .bcf",
    "bruker",
    "export from Esprit the electron image and each element map as 16 bit grey TIFF or as text",
)
JEOL = Maker(
    "JEOL Analysis Station",
    "jeol",
    "export from Analysis Station the electron image and each element map as TIFF or as CSV",
)
EDAX = Maker(
    "EDAX .spd",
    "edax",
    "export from TEAM or Genesis the electron image and each element map as TIFF or as CSV",
)


def maker_of(file: Path, head: bytes) -> Maker | None:
    """Recognise the maker by the first bytes; for some the name's ending must fit too."""
    ending = file.suffix.lower()
    if head.startswith(b"AAMVHFSS"):
        return BRUKER
    if head.startswith(b"MAPSPECTRA_DATA"):
        return EDAX
    first = int.from_bytes(head[:4], "little") if len(head) >= 16 else -1
    if (ending == ".pts" and first == 304) or (ending in (".img", ".map") and first == 52):
        return JEOL
    return JEOL if ending == ".asw" and first == 0 else None


def recognises(file: Path, head: bytes) -> bool:
    """Tell whether a file is a spectrum image of one of the makers."""
    return maker_of(file, head) is not None


def open_images(file: Path) -> list[Image]:
    """Return the electron images and the element maps of a file.

    Raises
    ------
    Unreadable
        If the file is truncated or damaged.
    InputError
        If RosettaSciIO is not installed, the file holds no image, is too large, or its pixels are
        oblong.
    """
    try:
        with file.open("rb") as stream:
            maker = maker_of(file, stream.read(64))
    except OSError as error:
        raise Unreadable(f"{file} cannot be read ({error}).") from error
    if maker is None:
        raise InputError(f"{file} is no spectrum image of Bruker, JEOL or EDAX.")
    if find_spec("rsciio") is None:
        raise InputError(
            f"{file} is a {maker.name} file. It is read by RosettaSciIO, which is not installed "
            f"with this program because of its licence (GPL-3): pip install "
            f"'napari-olivine[vendor]'. Or {maker.export}."
        )
    cube = _Cube(file.resolve(), maker)
    answer = cube.ask("describe")
    cube.arrays = answer["arrays"]
    described: list[Message] = answer["images"]
    largest = max(
        (tuple(one["shape"]) for one in described if "element" in one), default=None
    ) or max((tuple(one["shape"]) for one in described), default=None)
    images = []
    seen: dict[str, int] = {}
    for one in described:
        if tuple(one["shape"]) != largest:  # an overview of another field
            continue
        signal = one.get("element") or signal_of(one["title"]) or signal_of_detector(one["title"])
        seen[signal] = seen.get(signal, 0) + 1
        if seen[signal] > 1:  # at the same place: no tile of a mosaic
            signal = f"{signal} {seen[signal]}".strip()
        images.append(_image(file, cube, one, signal))
    if not images:
        raise InputError(f"{file} holds no image and no map of spectra; {maker.export}.")
    return images


def _image(file: Path, cube: _Cube, one: Message, signal: str) -> Image:
    rows, columns = (int(side) for side in one["shape"])
    load: Callable[[int, int], NDArray[Any]]
    dtype: np.dtype[Any] = np.dtype(np.uint32)
    if "element" in one:
        element = one["element"]

        def load(start: int, stop: int) -> NDArray[Any]:
            return cube.map_of(element)[start:stop].copy()
    else:
        array = cube.array(one["array"])
        dtype = array.dtype.newbyteorder("=") if array.dtype.kind == "u" else np.dtype("f4")

        def load(start: int, stop: int) -> NDArray[Any]:
            return cube.array(one["array"])[start:stop].astype(dtype)

    return Image(file, (rows, columns), dtype, load, signal, _acquisition(file, cube.maker, one))


def _acquisition(file: Path, maker: Maker, one: Message) -> Acquisition:
    size_um = None
    if one["pixel_um"]:
        along_y, along_x = one["pixel_um"]
        if maker is JEOL:  # states the width alone, of which the library takes the height too
            along_y = along_x
        size_um = square_pixel_um(file, along_x, along_y) if along_x > 0 else None
    x, y = one["stage_um"]
    return Acquisition(
        instrument=maker.name.split()[0],
        pixel_size_um=size_um,
        pixel_source=f"the spectra of {maker.name.split()[0]}" if size_um else "",
        stage_um=None if x is None or y is None else (x, y),
        accelerating_voltage_kv=one["kv"] or None,
        detector=one["title"],
        taken=iso_moment(one["taken"]),
    )


@dataclass
class _Cube:
    """A file and the arrays that were made of it."""

    file: Path
    maker: Maker
    arrays: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.folder = Path(mkdtemp(prefix="napari-olivine-spectra-"))
        # It goes with the last of its images, at the latest with the process.
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def ask(self, function: str) -> Message:
        """Ask the decoder of this file; its errors are raised."""
        more = {"kind": self.maker.kind, "folder": str(self.folder)}
        try:
            answer: Message = _WORKER.ask(function, self.file, SECONDS[function], **more)
        except Missing as missing:
            raise InputError(
                f"{self.file} needs {missing} to be read: pip install 'napari-olivine[vendor]'. "
                f"Or {self.maker.export}."
            ) from missing
        return answer

    def map_of(self, element: str) -> NDArray[Any]:
        """Return the map of an element; nothing of it is in memory."""
        with self.lock:
            if not self.arrays:
                self.arrays = self.ask("maps")
        if element not in self.arrays:
            raise Unreadable(f"{self.file} has changed while it was read; import it again.")
        return self.array(self.arrays[element])

    def array(self, name: str) -> NDArray[Any]:
        """Return an array that the decoder has written; nothing of it is in memory."""
        try:
            array: NDArray[Any] = np.load(self.folder / name, mmap_mode="r")
        except (OSError, ValueError) as error:
            raise Unreadable(f"{self.file} could not be unpacked ({error}).") from error
        return array


_WORKER = Worker("napari_olivine.readers.formats.spectra.decoder")
