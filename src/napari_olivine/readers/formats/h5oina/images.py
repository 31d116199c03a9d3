"""Oxford Instruments' .h5oina: electron images and element maps of an AZtec acquisition.

The HDF5 library trusts a file: a damaged one can keep it for ever, and a window with it. So
`h5oina.decoder` reads it in a process of its own; how the file is laid out stands there.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.readers.base import Acquisition, Image
from napari_olivine.readers.formats import Message, Worker
from napari_olivine.readers.formats.metadata import iso_moment

SIGNATURE = b"\x89HDF\r\n\x1a\n"
SUFFIXES = (".h5oina", ".h5", ".hdf5", ".hdf")

SECONDS = 120.0
"""Time after which a file counts as damaged."""

_WORKER = Worker("napari_olivine.readers.formats.h5oina.decoder")


def recognises(file: Path, head: bytes) -> bool:
    """Tell whether an HDF5 file holds slices after the specification."""
    if not head.startswith(SIGNATURE) or file.suffix.lower() not in SUFFIXES:
        return False
    if file.suffix.lower() == ".h5oina":  # a damaged one is refused when it is opened
        return True
    try:
        return bool(_WORKER.ask("is_ours", file, SECONDS))
    except InputError:
        return False


def open_images(file: Path) -> list[Image]:
    """Return the electron images and the element maps of a file.

    Raises
    ------
    Unreadable
        If the file is truncated or damaged, or a vector is not as long as its header says.
    InputError
        If it holds no image, only features of a particle analysis, or oblong pixels.
    """
    return [_image(file, described) for described in _WORKER.ask("describe", file, SECONDS)]


def montage_fields(file: Path) -> pd.DataFrame:
    """Find the fields of a montage.

    Returns
    -------
    fields
        One row a field: technique (``"EDS"``, ``"Electron Image"``), field, row0, row1, col0, col1
        (pixels, half open). Empty for a single field, and before version 8 of the format.

    Raises
    ------
    Unreadable, InputError
        As `open_images`.
    """
    return pd.DataFrame(_WORKER.ask("fields", file, SECONDS))


def _image(file: Path, described: Message) -> Image:
    values = described["acquisition"]
    values["taken"] = iso_moment(values["taken"])
    values["stage_um"] = tuple(values["stage_um"]) if values["stage_um"] else None
    rows, columns = described["shape"]
    return Image(
        file,
        (rows, columns),
        np.dtype(described["dtype"]),
        _loader(file, described["dataset"], (rows, columns)),
        described["signal"],
        Acquisition(**values),
    )


def _loader(file: Path, dataset: str, shape: tuple[int, int]) -> Callable[[int, int], NDArray[Any]]:
    def load(start: int, stop: int) -> NDArray[Any]:
        with TemporaryDirectory(prefix="napari-olivine-rows-") as folder:
            out = str(Path(folder) / "rows.npy")
            place = {"dataset": dataset, "shape": shape, "start": start, "stop": stop}
            _WORKER.ask("rows", file, SECONDS, out=out, **place)
            rows: NDArray[Any] = np.load(out)
            return rows

    return load
