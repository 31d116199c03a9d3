"""Check of the small files of a product: tables, records, weights of networks."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
from pyarrow import ArrowException

from napari_olivine.job import Job
from napari_olivine.section import RECORD, SUBMAP_COLUMNS, TILE_COLUMNS, Product, checksum

COLUMNS = {
    "epma/analyses.parquet": ("profile", "point", "x_um", "y_um"),
    "crystals/crystals.parquet": ("id", "x_um", "y_um", "area_um2", "size_class", "zoning_class"),
    "calibration/profiles.parquet": ("profile", "point", "x_um", "y_um"),
    "images/tiles.parquet": TILE_COLUMNS,
    "images/fields.parquet": SUBMAP_COLUMNS,
}
"""Columns that each table must have."""

MUST_HAVE = {
    "epma": ("analyses.parquet",),
    "crystals": ("crystals.parquet",),
    "calibration": ("calibration.json", "profiles.parquet"),
    "models": ("card.json", "weights.safetensors"),
}
"""Files without which a product is not whole, for records that do not name all of theirs."""


DESCRIPTION = "/zarr.json"
"""End of the names of files that describe the pixels of an image."""


def check_files(product: Product, folder: Path, job: Job) -> Iterator[str]:
    """Check the files of a product, except its images.

    Parameters
    ----------
    product
        Its record, which names every file with its checksum; older ones do not.
    folder
        Its folder.
    job
        Running job.

    Returns
    -------
    iterator of str
        Each damage, a sentence without its full stop.
    """
    small = [name for name in product.files if not name.endswith(DESCRIPTION)]
    for name in small if product.files else MUST_HAVE.get(product.name.split("/")[0], ()):
        if not (folder / name).is_file():
            yield f"{name} is missing"
    for file in sorted(folder.iterdir()):
        job.check()
        if not file.is_file() or file.name[0] == ".":  # the operating system's
            continue
        if problem := _read(file, f"{product.name}/{file.name}", job):
            yield f"{file.name} {problem}"
    yield from _changed(product, folder, small, job)


def image_folders(product: Product) -> set[str]:
    """Return the names of the images that a product had when its record was written."""
    return {name.partition("/")[0] for name in product.files if name.endswith(DESCRIPTION)}


def check_description(product: Product, image: Path, job: Job) -> Iterator[str]:
    """Check the files that describe the pixels of an image.

    Parameters
    ----------
    product
        Product that holds the image.
    image
        Folder of the image.
    job
        Running job.

    Returns
    -------
    iterator of str
        Each file that is not as it was written, a sentence without its full stop.
    """
    names = [
        name
        for name in product.files
        if name.endswith(DESCRIPTION) and name.startswith(f"{image.name}/")
    ]
    yield from _changed(product, image.parent, names, job)


def _changed(product: Product, folder: Path, names: list[str], job: Job) -> Iterator[str]:
    written = (folder / RECORD).stat().st_mtime_ns
    for name in names:
        job.check()
        file = folder / name
        # Edits write their tables before the record, and may be stopped in between.
        edited = product.name == "crystals" and file.stat().st_mtime_ns > written
        if not edited and checksum(file) != product.files[name]:
            yield f"{name} is not as it was written: its checksum differs"


def _read(file: Path, name: str, job: Job) -> str:
    """Read a whole file; return its damage, empty if there is none."""
    try:
        if file.suffix == ".parquet":
            return _read_table(file, COLUMNS.get(name, ()), job)
        if file.suffix == ".json":
            json.loads(file.read_text(encoding="utf-8"))
        elif file.suffix == ".csv":
            pd.read_csv(file)
        elif file.suffix == ".safetensors":
            return _read_weights(file)
    except (OSError, ValueError, ArrowException, struct.error) as error:
        return f"cannot be read ({error})"
    return ""


def _read_table(file: Path, columns: tuple[str, ...], job: Job) -> str:
    with pq.ParquetFile(file) as table:
        if lost := [name for name in columns if name not in table.schema_arrow.names]:
            return f"lacks the column {', '.join(lost)}"
        for _ in table.iter_batches(65_536):
            job.check()
    return ""


def _read_weights(file: Path) -> str:
    """Compare a safetensors file's length with the length in its header."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        if length > size - 8:
            return "is truncated"
        header = json.loads(stream.read(length))
    ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
    if 8 + length + max(ends, default=0) != size:
        return "is truncated"
    return ""
