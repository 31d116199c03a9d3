"""The process that reads Oxford Instruments' .h5oina (`h5oina.images` asks it).

After the published specification (https://github.com/oinanoanalysis/h5oina, H5OINAFile.md,
versions 1 to 8): ``/<slice>/<technique>/Data`` and ``Header``, where the techniques are
``Electron Image`` and ``EDS`` (``EDS1``, ``EDS2``, ... with several detectors), and an image is a
vector of ``X Cells`` times ``Y Cells`` pixels, row by row from the top left.

Names of datasets differ between sessions and versions; they are found by their group (``BSE``,
``SE``, ``Window Integral``, ...) and by their attributes, their own name comes last. A montage
(``LAM Field ...``) is kept as AZtec put it together: one image for each signal. `montage_fields`
says where its fields lie.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from scipy.ndimage import find_objects

from napari_olivine.errors import InputError
from napari_olivine.readers.base import ELEMENTS, Unreadable, signal_of
from napari_olivine.readers.formats import Message, serve, signal_of_detector
from napari_olivine.readers.formats.h5oina.hdf5 import (
    MOST,
    as_number,
    as_text,
    is_image,
    member,
    members,
    number_in,
    open_file,
    read_rows,
    text_in,
)
from napari_olivine.readers.formats.metadata import square_pixel_um

MEMORY = 4 << 30
"""Memory of this process, bytes."""

MAP_GROUPS = ("Window Integral", "Peak Area", "Composition")
"""Groups of element maps, the one that is nearest to counts first. An element is taken from the
first that has it."""

LINE_ORDER = "KLM"
"""Of two lines of an element the first of these is taken."""

ELECTRON_GROUPS = {"BSE": "BSE", "SE": "SE", "FSE": "FSE"}

BLOCK_CELLS = 1 << 22


def is_ours(file: Path) -> bool:
    """Tell whether an HDF5 file holds slices after the specification."""
    with open_file(file) as root:
        return "Index" in root and ("Format Version" in root or "Manufacturer" in root)


def describe(file: Path) -> list[Message]:
    """Describe the electron images and the element maps of a file.

    Returns
    -------
    images
        Of each: signal, dataset (where it lies in the file), shape (rows, columns), dtype and
        acquisition (values of an `Acquisition`; the time as ISO text).

    Raises
    ------
    Unreadable
        If the file is truncated or damaged, or a vector is not as long as its header says.
    InputError
        If it holds no image, only features of a particle analysis, or oblong pixels.
    """
    with open_file(file) as root:
        images = [
            image for name in _slices(file, root) for image in _slice_images(file, root[name])
        ]
    if not images:
        raise InputError(
            f"{file} holds no electron image and no element map.",
            remedy="Export the map data from AZtec with electron images and EDS window integrals, "
            "or as TIFF.",
        )
    return images


def save_rows(
    file: Path, dataset: str, shape: tuple[int, int], start: int, stop: int, out: str
) -> None:
    """Save rows of an image as a ``.npy`` file.

    Parameters
    ----------
    file
        The file.
    dataset, shape
        As `describe` gave them.
    start, stop
        First row, and the one behind the last.
    out
        File to write.

    Raises
    ------
    Unreadable
        If the file is damaged.
    InputError
        If a number is negative.
    """
    with open_file(file) as root:
        rows = read_rows(root[dataset], (shape[0], shape[1]), start, stop)
    if rows.dtype.kind == "i" and rows.size and rows.min() < 0:
        raise InputError(f"{file}: {dataset} holds negative numbers; counts expected.")
    np.save(out, rows.astype(_dtype(rows.dtype), copy=False))


def montage_fields(file: Path) -> dict[str, list[Any]]:
    """Find the fields of a montage.

    Returns
    -------
    fields
        Columns of the table of `h5oina.images.montage_fields`.

    Raises
    ------
    Unreadable, InputError
        As `describe`.
    """
    rows: list[tuple[str, int, int, int, int, int]] = []
    with open_file(file) as root:
        for name in _slices(file, root):
            for technique, data, header in _techniques(root[name]):
                index = member(data, "LAM Field Index")
                if not isinstance(index, h5py.Dataset):
                    continue
                shape, _ = _frame(file, header)
                if is_image(file, index, shape):
                    boxes = _boxes(file, index, shape)
                    rows += [(technique, field, *box) for field, box in boxes.items()]
    columns = ["technique", "field", "row0", "row1", "col0", "col1"]
    table = pd.DataFrame(rows, columns=columns)
    single = table.groupby("technique")["field"].transform("nunique") < 2
    return {str(name): values.tolist() for name, values in table[~single].items()}


def _slices(file: Path, root: h5py.File) -> list[str]:
    groups = [name for name, _ in members(root, h5py.Group)]
    index = member(root, "Index")
    kind = as_text(index.attrs.get("Type")) if isinstance(index, h5py.Dataset) else ""
    if kind.lower() == "feature":
        raise InputError(
            f"{file} is a particle analysis: a small image for each feature.",
            remedy="Export the map data of the whole area instead.",
        )
    if not groups:
        raise Unreadable(f"{file} is damaged: it holds no acquisition.")
    return groups


def _techniques(slice_: h5py.Group) -> Iterator[tuple[str, h5py.Group, h5py.Group]]:
    """Name, Data and Header of the techniques that hold images, electron images first."""
    named = [name for name, _ in members(slice_, h5py.Group)]
    electron = [name for name in named if name.lower().startswith("electron image")]
    eds = sorted(name for name in named if re.fullmatch(r"EDS\s*\d*", name))
    for name in (*electron, *eds):
        data, header = member(slice_[name], "Data"), member(slice_[name], "Header")
        if isinstance(data, h5py.Group) and isinstance(header, h5py.Group):
            yield name, data, header


def _slice_images(file: Path, slice_: h5py.Group) -> list[Message]:
    images: list[Message] = []
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
            if not is_image(file, dataset, shape) or (not electron and signal in taken):
                continue
            taken.add(signal)
            images.append(
                {
                    "signal": signal,
                    "dataset": dataset.name,
                    "shape": shape,
                    "dtype": _dtype(dataset.dtype).str,
                    "acquisition": acquisition | {"detector": detector},
                }
            )
    return images


def _dtype(stored: np.dtype[Any]) -> np.dtype[Any]:
    """Unsigned for all integers; 32 bit for all floats."""
    return np.dtype(np.float32 if stored.kind == "f" else f"u{stored.itemsize}")


def _electron_images(data: h5py.Group) -> list[tuple[str, str, h5py.Dataset]]:
    """Signal, detector and dataset of each electron image; the second BSE is ``BSE 2``."""
    found: list[tuple[str, str, h5py.Dataset]] = []
    for group_name, group in members(data, h5py.Group):
        known = ELECTRON_GROUPS.get(group_name.upper())
        if known is None:
            continue
        for name, dataset in members(group, h5py.Dataset):
            mixing = as_text(dataset.attrs.get("Mixing Mode")).lower()
            topography = mixing.startswith("topo") or "topo" in name.lower()
            found.append(("TOPO" if topography else known, name, dataset))
    for name, dataset in members(data, h5py.Dataset):
        if not name.startswith("LAM ") and (signal := signal_of_detector(name)) in ELECTRON_GROUPS:
            found.append((signal, name, dataset))
    # An image that was mixed as it should be comes before one that was not.
    found.sort(key=lambda one: as_text(one[2].attrs.get("Mixing Mode")).lower() == "inverted")
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
        group = member(data, group_name)
        if not isinstance(group, h5py.Group):
            continue
        for name, dataset in members(group, h5py.Dataset):
            element = _element(name, dataset)
            if element is None:
                continue
            line = as_text(dataset.attrs.get("X-ray Line")) or name.split(" ")[-1]
            rank = (order, LINE_ORDER.find(line[:1]) % 4)
            if element not in best or rank < best[element][0]:
                best[element] = (rank, f"{group_name}: {name}", dataset)
    return [(element, name, dataset) for element, (_, name, dataset) in best.items()]


def _element(name: str, dataset: h5py.Dataset) -> str | None:
    number = as_number(dataset.attrs.get("Atomic Number"))
    if number is not None and 1 <= int(number) <= len(SYMBOLS):
        return SYMBOLS[int(number) - 1]
    signal = signal_of(name)
    return signal if signal in ELEMENTS else None


def _frame(file: Path, header: h5py.Group) -> tuple[tuple[int, int], float | None]:
    """Rows and columns, and side of a pixel in um."""
    sides = [number_in(header, key) for key in ("Y Cells", "X Cells")]
    if not all(side is not None and side == int(side) and 1 <= side < 1e9 for side in sides):
        raise Unreadable(
            f"{file} is damaged: {header.name} says {sides[1]} x {sides[0]} cells (X x Y)."
        )
    rows, columns = (int(side or 0) for side in sides)
    along_x, along_y = number_in(header, "X Step"), number_in(header, "Y Step")
    if not along_x or along_x < 0 or not along_y:
        return (rows, columns), None
    remedy = "Export with equal steps along x and y."
    return (rows, columns), square_pixel_um(file, along_x, along_y, remedy)


def _boxes(
    file: Path, index: h5py.Dataset, shape: tuple[int, int]
) -> dict[int, tuple[int, int, int, int]]:
    """Rows and columns (half open) between which each field's pixels lie."""
    boxes: dict[int, tuple[int, int, int, int]] = {}
    height = max(1, BLOCK_CELLS // shape[1])
    for start in range(0, shape[0], height):
        block = read_rows(index, shape, start, min(start + height, shape[0])).astype(np.int64)
        fields, inverse = np.unique(block, return_inverse=True)
        if len(boxes) + len(fields) > MOST:
            raise Unreadable(f"{file} is damaged: a montage of more than {MOST} fields.")
        places = find_objects(inverse.reshape(block.shape) + 1)
        for field, (down, across) in zip(fields.tolist(), places, strict=True):
            box = (start + down.start, start + down.stop, across.start, across.stop)
            known = boxes.get(field, box)
            boxes[field] = (
                min(known[0], box[0]),
                max(known[1], box[1]),
                min(known[2], box[2]),
                max(known[3], box[3]),
            )
    return boxes


def _acquisition(header: h5py.Group, size_um: float | None) -> Message:
    stage = member(header, "Stage Position")
    at = stage if isinstance(stage, h5py.Group) else None
    x, y, turned = (number_in(at, name) if at else None for name in ("X", "Y", "Rotation"))
    scan = number_in(header, "Scan Rotation")
    rotation = turned if scan is None else scan
    return {
        "instrument": "Oxford Instruments",
        "pixel_size_um": size_um,
        "pixel_source": "X Step of Oxford",
        "stage_um": None if x is None or y is None else (x * 1000, y * 1000),
        "rotation_deg": None if rotation is None else math.degrees(rotation),
        "accelerating_voltage_kv": number_in(header, "Beam Voltage") or None,
        "dwell_time_us": number_in(header, "Dwell Time") or None,
        "taken": text_in(header, "Acquisition Date"),
    }


SYMBOLS = (
    "H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne", "Na", "Mg", "Al", "Si", "P", "S", "Cl",
    "Ar", "K", "Ca", "Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As",
    "Se", "Br", "Kr", "Rb", "Sr", "Y", "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd", "In",
    "Sn", "Sb", "Te", "I", "Xe", "Cs", "Ba", "La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb",
    "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Hf", "Ta", "W", "Re", "Os", "Ir", "Pt", "Au", "Hg", "Tl",
    "Pb", "Bi", "Po", "At", "Rn", "Fr", "Ra", "Ac", "Th", "Pa", "U",
)  # fmt: skip
"""Symbols of the elements in the order of their atomic numbers, from 1."""


if __name__ == "__main__":
    serve(
        {"is_ours": is_ours, "describe": describe, "rows": save_rows, "fields": montage_fields},
        MEMORY,
    )
