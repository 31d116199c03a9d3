"""Oxford Instruments' .h5oina, read in a process of its own (`h5oina_content` says how).

The HDF5 library trusts a file: a damaged one can keep it for ever, and a window with it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.readers.base import Acquisition, Image
from napari_olivine.readers.formats import Worker

SIGNATURE = b"\x89HDF\r\n\x1a\n"
SUFFIXES = (".h5oina", ".h5", ".hdf5", ".hdf")

SECONDS = 120.0
"""Time after which a file counts as damaged."""

_WORKER = Worker("napari_olivine.readers.formats.h5oina.worker")


def recognises(file: Path, head: bytes) -> bool:
    """Tell an HDF5 file that holds slices after the specification."""
    if not head.startswith(SIGNATURE) or file.suffix.lower() not in SUFFIXES:
        return False
    if file.suffix.lower() == ".h5oina":  # a damaged one is told when it is opened
        return True
    try:
        return bool(_ask(file, "recognise"))
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
    images = []
    for number, told in enumerate(_ask(file, "images")):
        said = told["acquisition"]
        said["taken"] = datetime.fromisoformat(said["taken"]) if said["taken"] else None
        said["stage_um"] = tuple(said["stage_um"]) if said["stage_um"] else None
        images.append(
            Image(
                file,
                (told["shape"][0], told["shape"][1]),
                np.dtype(told["dtype"]),
                _loader(file, number),
                told["signal"],
                Acquisition(**said),
            )
        )
    return images


def montage_fields(file: Path) -> pd.DataFrame:
    """Where the fields of a montage lie in it.

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
    return pd.DataFrame(_ask(file, "fields"))


def _loader(file: Path, number: int) -> Callable[[int, int], NDArray[Any]]:
    def load(start: int, stop: int) -> NDArray[Any]:
        with TemporaryDirectory(prefix="napari-olivine-rows-") as folder:
            out = Path(folder) / "rows.npy"
            _ask(file, "rows", number=number, start=start, stop=stop, out=str(out))
            rows: NDArray[Any] = np.load(out)
            return rows

    return load


def _ask(file: Path, what: str, **more: Any) -> Any:
    return _WORKER.ask({"do": what, "file": str(file.resolve()), **more}, SECONDS)
