"""Oxford Instruments' .h5oina: electron images and element maps of an AZtec acquisition.

After the published specification (https://github.com/oinanoanalysis/h5oina, H5OINAFile.md,
versions 1 to 8): ``/<slice>/<technique>/Data`` and ``Header``, where the techniques are
``Electron Image`` and ``EDS`` (``EDS1``, ``EDS2``, ... with several detectors), and an image is a
vector of ``X Cells`` times ``Y Cells`` pixels, row by row from the top left.

Names of datasets differ between sessions and versions; they are found by their group (``BSE``,
``SE``, ``Window Integral``, ...) and by their attributes, their own name comes last. A montage
(``LAM Field ...``) is kept as AZtec put it together: one image for each signal. Where its fields
lie tells `montage_fields`. Only `h5oina_worker` runs this: HDF5 may not survive a damaged file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.readers.base import ELEMENTS, Acquisition, Image, Unreadable, signal_of
from napari_olivine.readers.formats import signal_of_detector

MAP_GROUPS = ("Window Integral", "Peak Area", "Composition")
"""Groups of element maps, the one that is nearest to counts first. An element is taken from the
first that has it."""

LINE_ORDER = "KLM"
"""Of two lines of an element the first of these is taken."""

ELECTRON_GROUPS = {"BSE": "BSE", "SE": "SE", "FSE": "FSE"}

LARGEST_CHUNK = 256 << 20
"""A chunk is unpacked as a whole: a larger one is refused, bytes."""

LARGEST_RATIO = 1100
"""Deflate packs nothing more tightly than about 1030 to 1."""

MOST = 20_000
"""Slices, groups or datasets in one place; more are no acquisition."""

BLOCK_CELLS = 1 << 22


@dataclass(frozen=True)
class _Stored:
    """A dataset that is an image: where it lies in the file and what it holds."""

    path: str
    dtype: np.dtype[Any]


def is_ours(file: Path) -> bool:
    """Tell an HDF5 file that holds slices after the specification."""
    with _opened(file) as root:
        return "Index" in root and ("Format Version" in root or "Manufacturer" in root)


def open_images(file: Path) -> list[Image]:
    """Return the electron images and the element maps of a file.

    Raises
    ------
    Unreadable
        If the file is truncated or damaged, or a vector is not as long as its header says.
    InputError
        If it holds no image, only features of a particle analysis, or oblong pixels.
    """
    with _opened(file) as root:
        images = [
            image for name in _slices(file, root) for image in _slice_images(file, root[name])
        ]
    if not images:
        raise InputError(
            f"{file} holds no electron image and no element map. Export the map data from AZtec "
            "with electron images and EDS window integrals, or as TIFF."
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
    rows: list[tuple[str, int, int, int, int, int]] = []
    with _opened(file) as root:
        for name in _slices(file, root):
            for technique, data, header in _techniques(root[name]):
                index = _hard(data, "LAM Field Index")
                if not isinstance(index, h5py.Dataset):
                    continue
                shape, _ = _frame(file, header)
                stored = _stored(file, index, shape)
                if stored is None:
                    continue
                for field, box in _boxes(file, index, shape).items():
                    rows.append((technique, field, *box))
    columns = ["technique", "field", "row0", "row1", "col0", "col1"]
    table = pd.DataFrame(rows, columns=columns)
    single = table.groupby("technique")["field"].transform("nunique") < 2
    return table[~single].reset_index(drop=True)


@contextmanager
def _opened(file: Path) -> Iterator[h5py.File]:
    """Open a file; whatever HDF5 stumbles over is told as damage."""
    try:
        with h5py.File(file, "r", locking=False) as root:
            yield root
    except InputError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Unreadable(f"{file} is truncated or damaged ({reason}).") from error


def _hard(group: h5py.Group, name: str) -> Any:
    """Member of a group; `None` if it is missing or a link, which may lead out of the file."""
    link = group.get(name, getlink=True)
    return group[name] if isinstance(link, h5py.HardLink) else None


def _members(group: h5py.Group, kind: type) -> list[tuple[str, Any]]:
    if len(group) > MOST:
        raise Unreadable(
            f"{group.file.filename} is damaged: {group.name} has {len(group)} members."
        )
    found = [(name, _hard(group, name)) for name in group]
    return [(name, member) for name, member in found if isinstance(member, kind)]


def _slices(file: Path, root: h5py.File) -> list[str]:
    groups = [name for name, _ in _members(root, h5py.Group)]
    index = _hard(root, "Index")
    kind = _text(index.attrs.get("Type")) if isinstance(index, h5py.Dataset) else ""
    if kind.lower() == "feature":
        raise InputError(
            f"{file} is a particle analysis: a small image for each feature. Export the map data "
            "of the whole area instead."
        )
    if not groups:
        raise Unreadable(f"{file} is damaged: it holds no acquisition.")
    return groups


def _techniques(slice_: h5py.Group) -> Iterator[tuple[str, h5py.Group, h5py.Group]]:
    """Name, Data and Header of the techniques that hold images, electron images first."""
    named = [name for name, _ in _members(slice_, h5py.Group)]
    electron = [name for name in named if name.lower().startswith("electron image")]
    eds = sorted(name for name in named if re.fullmatch(r"EDS\s*\d*", name))
    for name in (*electron, *eds):
        data, header = _hard(slice_[name], "Data"), _hard(slice_[name], "Header")
        if isinstance(data, h5py.Group) and isinstance(header, h5py.Group):
            yield name, data, header


def _slice_images(file: Path, slice_: h5py.Group) -> list[Image]:
    images: list[Image] = []
    taken: set[str] = set()
    for technique, data, header in _techniques(slice_):
        electron = not technique.startswith("EDS")
        found = _electron_images(data) if electron else _element_maps(data)
        if not found:
            continue
        shape, size_um = _frame(file, header)
        if min(shape) < 2:  # a line scan
            continue
        acquisition = _acquisition(header, size_um)
        for signal, detector, dataset in found:
            stored = _stored(file, dataset, shape)
            if stored is None or (not electron and signal in taken):
                continue
            taken.add(signal)
            images.append(
                Image(
                    file,
                    shape,
                    _dtype_of(stored.dtype),
                    _loader(file, stored, shape),
                    signal,
                    replace(acquisition, detector=detector),
                )
            )
    return images


def _electron_images(data: h5py.Group) -> list[tuple[str, str, h5py.Dataset]]:
    """Signal, detector and dataset of each electron image; the second BSE is ``BSE 2``."""
    found: list[tuple[str, str, h5py.Dataset]] = []
    for group_name, group in _members(data, h5py.Group):
        known = ELECTRON_GROUPS.get(group_name.upper())
        if known is None:
            continue
        for name, dataset in _members(group, h5py.Dataset):
            mixing = _text(dataset.attrs.get("Mixing Mode")).lower()
            topography = mixing.startswith("topo") or "topo" in name.lower()
            found.append(("TOPO" if topography else known, name, dataset))
    for name, dataset in _members(data, h5py.Dataset):
        if not name.startswith("LAM ") and (signal := signal_of_detector(name)) in ELECTRON_GROUPS:
            found.append((signal, name, dataset))
    # An image that was mixed as it should be comes before one that was not.
    found.sort(key=lambda one: _text(one[2].attrs.get("Mixing Mode")).lower() == "inverted")
    return _numbered(found)


def _numbered(
    found: list[tuple[str, str, h5py.Dataset]],
) -> list[tuple[str, str, h5py.Dataset]]:
    """Give images of one detector at one place names of their own: they are no tiles."""
    seen: dict[str, int] = {}
    numbered = []
    for signal, name, dataset in found:
        seen[signal] = seen.get(signal, 0) + 1
        label = signal if seen[signal] == 1 else f"{signal} {seen[signal]}"
        numbered.append((label, name, dataset))
    return numbered


def _element_maps(data: h5py.Group) -> list[tuple[str, str, h5py.Dataset]]:
    """Element, name and dataset of each map; of several of an element the best."""
    best: dict[str, tuple[tuple[int, int], str, h5py.Dataset]] = {}
    for order, group_name in enumerate(MAP_GROUPS):
        group = _hard(data, group_name)
        if not isinstance(group, h5py.Group):
            continue
        for name, dataset in _members(group, h5py.Dataset):
            element = _element(name, dataset)
            if element is None:
                continue
            line = _text(dataset.attrs.get("X-ray Line")) or name.split(" ")[-1]
            rank = (order, LINE_ORDER.find(line[:1]) % 4)
            if element not in best or rank < best[element][0]:
                best[element] = (rank, f"{group_name}: {name}", dataset)
    return [(element, name, dataset) for element, (_, name, dataset) in best.items()]


def _element(name: str, dataset: h5py.Dataset) -> str | None:
    number = _number(dataset.attrs.get("Atomic Number"))
    if number is not None and int(number) in ATOMIC_NUMBERS:
        return ATOMIC_NUMBERS[int(number)]
    signal = signal_of(name)
    return signal if signal in ELEMENTS else None


def _frame(file: Path, header: h5py.Group) -> tuple[tuple[int, int], float | None]:
    """Rows and columns, and side of a pixel in um."""
    sides = [_value(header, key) for key in ("Y Cells", "X Cells")]
    if not all(side is not None and side == int(side) and 1 <= side < 1e9 for side in sides):
        raise Unreadable(
            f"{file} is damaged: {header.name} says {sides[1]} x {sides[0]} cells (X x Y)."
        )
    rows, columns = (int(side or 0) for side in sides)
    along_x, along_y = _value(header, "X Step"), _value(header, "Y Step")
    if not along_x or along_x < 0 or not along_y:
        return (rows, columns), None
    if abs(along_x - along_y) > 0.02 * along_x:
        raise InputError(
            f"{file}: pixels are {along_x:g} um wide and {along_y:g} um high; only square pixels "
            "can be used. Export with equal steps along x and y."
        )
    return (rows, columns), along_x


def _stored(file: Path, dataset: h5py.Dataset, shape: tuple[int, int]) -> _Stored | None:
    """Judge a dataset; `None` if it is no grey image.

    Raises
    ------
    Unreadable
        If it is not as large as its header says, or reaches out of the file.
    """
    kind = dataset.dtype.kind
    if kind not in "uif" or dataset.dtype.itemsize > 8 or h5py.check_enum_dtype(dataset.dtype):
        return None
    cells = shape[0] * shape[1]
    if dataset.shape not in ((cells,), (cells, 1), shape):
        raise Unreadable(
            f"{file} is damaged: {dataset.name} has the shape {dataset.shape}, its header says "
            f"{shape[0]} x {shape[1]} cells (rows x columns)."
        )
    if dataset.external or dataset.is_virtual:
        raise Unreadable(f"{file}: {dataset.name} keeps its values in another file; export again.")
    bytes_ = cells * dataset.dtype.itemsize
    if bytes_ > LARGEST_RATIO * max(dataset.id.get_storage_size(), 1):
        raise Unreadable(
            f"{file} is damaged: {dataset.name} should hold {cells} values and has "
            f"{dataset.id.get_storage_size()} bytes."
        )
    if dataset.chunks and math.prod(dataset.chunks) * dataset.dtype.itemsize > LARGEST_CHUNK:
        raise Unreadable(f"{file}: {dataset.name} is packed in pieces too large to read.")
    return _Stored(dataset.name, dataset.dtype)


def _dtype_of(stored: np.dtype[Any]) -> np.dtype[Any]:
    """Unsigned for all integers; 32 bit for all floats."""
    if stored.kind == "f":
        return np.dtype(np.float32)
    return np.dtype(f"u{stored.itemsize}")


def _loader(
    file: Path, stored: _Stored, shape: tuple[int, int]
) -> Callable[[int, int], NDArray[Any]]:
    def load(start: int, stop: int) -> NDArray[Any]:
        with _opened(file) as root:
            values = _rows(root[stored.path], shape, start, stop)
        if stored.dtype.kind == "i" and values.size and values.min() < 0:
            raise InputError(f"{file}: {stored.path} holds negative numbers; counts expected.")
        return values.astype(_dtype_of(stored.dtype), copy=False)

    return load


def _rows(dataset: h5py.Dataset, shape: tuple[int, int], start: int, stop: int) -> NDArray[Any]:
    if dataset.shape == shape and dataset.ndim == 2:
        return np.asarray(dataset[start:stop])
    values = np.asarray(dataset[start * shape[1] : stop * shape[1]])
    return values.reshape(stop - start, shape[1])


def _boxes(
    file: Path, index: h5py.Dataset, shape: tuple[int, int]
) -> dict[int, tuple[int, int, int, int]]:
    """Rows and columns (half open) between which each field's pixels lie."""
    boxes: dict[int, tuple[int, int, int, int]] = {}
    height = max(1, BLOCK_CELLS // shape[1])
    for start in range(0, shape[0], height):
        block = _rows(index, shape, start, min(start + height, shape[0])).astype(np.int64)
        fields, inverse = np.unique(block, return_inverse=True)
        if len(boxes) + len(fields) > MOST:
            raise Unreadable(f"{file} is damaged: a montage of more than {MOST} fields.")
        lowest = np.full((len(fields), 2), np.iinfo(np.int64).max)
        highest = np.full((len(fields), 2), -1)
        height_, width = block.shape
        for axis, place in enumerate((np.arange(height_)[:, None], np.arange(width)[None])):
            places = np.broadcast_to(place, block.shape)
            np.minimum.at(lowest[:, axis], inverse.ravel(), places.ravel())
            np.maximum.at(highest[:, axis], inverse.ravel(), places.ravel())
        for field, low, high in zip(fields.tolist(), lowest, highest, strict=True):
            box = (start + low[0], start + high[0] + 1, low[1], high[1] + 1)
            known = boxes.get(field, box)
            boxes[field] = (
                int(min(known[0], box[0])),
                int(max(known[1], box[1])),
                int(min(known[2], box[2])),
                int(max(known[3], box[3])),
            )
    return boxes


def _acquisition(header: h5py.Group, size_um: float | None) -> Acquisition:
    stage = _hard(header, "Stage Position")
    at = stage if isinstance(stage, h5py.Group) else None
    x, y, turned = (_value(at, key) if at else None for key in ("X", "Y", "Rotation"))
    scan = _value(header, "Scan Rotation")
    rotation = turned if scan is None else scan
    return Acquisition(
        instrument="Oxford Instruments",
        pixel_size_um=size_um,
        stage_um=None if x is None or y is None else (x * 1000, y * 1000),
        rotation_deg=None if rotation is None else math.degrees(rotation),
        accelerating_voltage_kv=_value(header, "Beam Voltage") or None,
        dwell_time_us=_value(header, "Dwell Time") or None,
        taken=_date(_word(header, "Acquisition Date")),
    )


def _value(group: h5py.Group, key: str) -> float | None:
    """Return the one finite number of a dataset, `None` if there is none."""
    dataset = _hard(group, key)
    if not isinstance(dataset, h5py.Dataset) or dataset.size != 1 or dataset.external:
        return None
    return _number(dataset[()])


def _word(group: h5py.Group, key: str) -> str:
    dataset = _hard(group, key)
    if not isinstance(dataset, h5py.Dataset) or dataset.size != 1 or dataset.external:
        return ""
    return _text(dataset[()])


def _number(value: Any) -> float | None:
    try:
        number = float(np.asarray(value).ravel()[0])
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _text(value: Any) -> str:
    if value is None:
        return ""
    cells = np.asarray(value, dtype=object).ravel()
    cell = cells[0] if cells.size else ""
    text = cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)
    return text.strip()


def _date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


ATOMIC_NUMBERS = dict(
    enumerate(
        (
            "H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne", "Na", "Mg", "Al", "Si", "P", "S",
            "Cl", "Ar", "K", "Ca", "Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga",
            "Ge", "As", "Se", "Br", "Kr", "Rb", "Sr", "Y", "Zr", "Nb", "Mo", "Tc", "Ru", "Rh",
            "Pd", "Ag", "Cd", "In", "Sn", "Sb", "Te", "I", "Xe", "Cs", "Ba", "La", "Ce", "Pr",
            "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Hf", "Ta",
            "W", "Re", "Os", "Ir", "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po", "At", "Rn", "Fr",
            "Ra", "Ac", "Th", "Pa", "U",
        ),
        1,
    )
)  # fmt: skip
"""Symbol of each element by its atomic number."""
