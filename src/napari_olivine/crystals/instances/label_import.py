"""Import a label image that another program made: each number becomes a crystal, unchanged."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals.instances.components import summarize_strip
from napari_olivine.crystals.instances.label_regions import strips_of
from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.section import Draft, Raster, open_tiff, write_table

LARGEST_ID = 50_000_000
"""Tables by number have to stay small."""

READ = 1 << 24
"""Bytes of the file that are hashed at a time."""


class LabelImage:
    """Numbers of crystals in a TIFF, 0 for none.

    Parameters
    ----------
    file
        8-, 16- or 32-bit whole numbers, tiled or not, with or without a pyramid.
    shape
        Rows and columns that it must have.

    Raises
    ------
    InputError
        If it cannot be read, has another shape, or holds no whole numbers.
    """

    def __init__(self, file: Path, shape: tuple[int, int]) -> None:
        self.file = file
        if not file.is_file():
            raise InputError(f"There is no label image {file}.", file=file, setting="labels")
        self._pixels = open_tiff(file, shape, "labels must lie pixel on pixel", setting="labels")
        self.dtype = np.dtype(self._pixels.dtype)
        if self.dtype.kind not in "iub":
            raise InputError(
                f"{file} holds {self.dtype} values; labels are whole numbers.",
                file=file,
                setting="labels",
                expected="whole numbers",
            )

    def read(self, rows: slice) -> NDArray[np.uint32]:
        """Read some rows.

        Raises
        ------
        InputError
            If they are damaged, or a number is negative or too large.
        """
        try:
            numbers = np.asarray(self._pixels[rows])
        except (OSError, ValueError, RuntimeError) as error:
            raise InputError(
                f"{self.file} is damaged in rows {rows.start} to {rows.stop} ({error}).",
                file=self.file,
                setting="labels",
            ) from error
        low, high = int(numbers.min(initial=0)), int(numbers.max(initial=0))
        if low < 0 or high > LARGEST_ID:
            raise InputError(
                f"{self.file} holds the number {low if low < 0 else high}; numbers of crystals are "
                f"1 to {LARGEST_ID}, and 0 is none.",
                file=self.file,
                setting="labels",
                expected=f"0 to {LARGEST_ID}",
            )
        return numbers.astype(np.uint32)

    def fingerprint(self, job: Job) -> str:
        """Short hash of the file."""
        made = hashlib.sha256()
        with self.file.open("rb") as stream:
            while part := stream.read(READ):
                job.check()
                made.update(part)
        return made.hexdigest()[:16]


def import_labels(image: LabelImage, labels: Raster, draft: Draft) -> pd.DataFrame:
    """Write the numbers of an image as crystals.

    Parameters
    ----------
    image
        Label image.
    labels
        Image of ids to be written, with its overviews.
    draft
        Draft of the product; strips that are done are not repeated.

    Returns
    -------
    pandas.DataFrame
        ``id``, ``area_px``, ``row``, ``col`` (centroid) and ``row0, row1, col0, col1``.
    """
    strips = {("import", rows.start, rows.stop): rows for rows in strips_of(labels, draft.job)}
    files = {
        name: draft.path / "parts" / f"import-{rows.start}-{rows.stop}.parquet"
        for name, rows in strips.items()
    }
    for name in draft.pending(strips, "Importing labels"):
        found = image.read(strips[name])
        labels.write(strips[name].start, 0, found)
        write_table(_summarize(found, strips[name].start), files[name])
    labels.build_pyramid(draft.job)
    parts = pd.concat([pd.read_parquet(file) for file in files.values()])
    how = {"area_px": "sum", "rows": "sum", "columns": "sum"}
    how |= {"row0": "min", "row1": "max", "col0": "min", "col1": "max"}
    table = parts.groupby("id").agg(how).reset_index().astype({"id": np.uint32})
    if len(table) == 1:
        draft.job.warn(
            f"{image.file} holds one number only: is it a mask? Then let the program find the "
            "crystals in it.",
            file=str(image.file),
        )
    return table.assign(
        row=table["rows"] / table["area_px"], col=table["columns"] / table["area_px"]
    ).drop(columns=["rows", "columns"])


def _summarize(labels: NDArray[np.uint32], row0: int) -> pd.DataFrame:
    """Measure the crystals of some rows: area, sums of rows and columns, box."""
    ids, place = np.unique(labels, return_inverse=True)
    place = place.reshape(labels.shape)
    if len(ids) and ids[0] != 0:
        ids, place = np.concatenate([[0], ids]), place + 1
    strip = summarize_strip(place.astype(np.int32), row0)
    return pd.DataFrame({
        "id": ids[1:].astype(np.int64), "area_px": strip.area,
        "rows": strip.sums[:, 0], "columns": strip.sums[:, 1],
        **dict(zip(("row0", "row1", "col0", "col1"), strip.boxes.T, strict=True)),
    })  # fmt: skip
