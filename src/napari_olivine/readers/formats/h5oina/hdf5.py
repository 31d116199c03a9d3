"""Datasets of an HDF5 file that nobody vouches for.

Links are not followed, for they may lead out of the file, and sizes are checked before values are
read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError, first_line
from napari_olivine.readers.base import Unreadable

LARGEST_CHUNK = 256 << 20
"""A chunk is unpacked as a whole: a larger one is refused, bytes."""

LARGEST_RATIO = 1100
"""Deflate packs nothing more tightly than about 1030 to 1."""

MOST = 20_000
"""Slices, groups or datasets in one place; more are no acquisition."""


@contextmanager
def open_file(file: Path) -> Iterator[h5py.File]:
    """Open a file; any error of HDF5 counts as damage."""
    try:
        with h5py.File(file, "r", locking=False) as root:
            yield root
    except InputError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise Unreadable(f"{file} is truncated or damaged ({first_line(error)}).") from error


def member(group: h5py.Group, name: str) -> Any:
    """Return a member of a group, `None` if it is missing or a link."""
    link = group.get(name, getlink=True)
    return group[name] if isinstance(link, h5py.HardLink) else None


def members(group: h5py.Group, kind: type) -> list[tuple[str, Any]]:
    """Return the members of a group that are of a kind (`h5py.Group`, `h5py.Dataset`), by name."""
    if len(group) > MOST:
        raise Unreadable(
            f"{group.file.filename} is damaged: {group.name} has {len(group)} members."
        )
    found = [(name, member(group, name)) for name in group]
    return [(name, one) for name, one in found if isinstance(one, kind)]


def is_image(file: Path, dataset: h5py.Dataset, shape: tuple[int, int]) -> bool:
    """Tell whether a dataset is a grey image that can be read.

    Parameters
    ----------
    file
        For the messages.
    dataset
        The dataset.
    shape
        Rows and columns that the header says.

    Returns
    -------
    is_image
        False where it holds no grey values.

    Raises
    ------
    Unreadable
        If it is not as large as its header says, or reaches out of the file.
    """
    kind = dataset.dtype.kind
    if kind not in "uif" or dataset.dtype.itemsize > 8 or h5py.check_enum_dtype(dataset.dtype):
        return False
    cells = shape[0] * shape[1]
    if dataset.shape not in ((cells,), (cells, 1), shape):
        raise Unreadable(
            f"{file} is damaged: {dataset.name} has the shape {dataset.shape}, its header says "
            f"{shape[0]} x {shape[1]} cells (rows x columns)."
        )
    if dataset.external or dataset.is_virtual:
        raise Unreadable(f"{file}: {dataset.name} keeps its values in another file; export again.")
    held = dataset.id.get_storage_size()
    if cells * dataset.dtype.itemsize > LARGEST_RATIO * max(held, 1):
        raise Unreadable(
            f"{file} is damaged: {dataset.name} should hold {cells} values and has {held} bytes."
        )
    if dataset.chunks and math.prod(dataset.chunks) * dataset.dtype.itemsize > LARGEST_CHUNK:
        raise Unreadable(f"{file}: {dataset.name} is packed in pieces too large to read.")
    return True


def read_rows(dataset: h5py.Dataset, shape: tuple[int, int], start: int, stop: int) -> NDArray[Any]:
    """Read rows of an image that is kept as a matrix or as a vector.

    Parameters
    ----------
    dataset
        One that `is_image`.
    shape
        Rows and columns of the image.
    start, stop
        First row, and the one behind the last.

    Returns
    -------
    rows
        Shape (stop - start, columns).
    """
    if dataset.shape == shape and dataset.ndim == 2:
        return np.asarray(dataset[start:stop])
    values = np.asarray(dataset[start * shape[1] : stop * shape[1]])
    return values.reshape(stop - start, shape[1])


def number_in(group: h5py.Group, name: str) -> float | None:
    """Return the one finite number of a dataset, `None` if there is none."""
    return as_number(_single(group, name))


def text_in(group: h5py.Group, name: str) -> str:
    """Return the one text of a dataset, empty if there is none."""
    return as_text(_single(group, name))


def as_number(value: Any) -> float | None:
    """Return the first number of a value or an attribute, `None` if it is not finite or none."""
    try:
        number = float(np.asarray(value).ravel()[0])
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def as_text(value: Any) -> str:
    """Return the first text of a value or an attribute; empty if there is none."""
    if value is None:
        return ""
    cells = np.asarray(value, dtype=object).ravel()
    cell = cells[0] if cells.size else ""
    text = cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)
    return text.strip()


def _single(group: h5py.Group, name: str) -> Any:
    dataset = member(group, name)
    if not isinstance(dataset, h5py.Dataset) or dataset.size != 1 or dataset.external:
        return None
    return dataset[()]
