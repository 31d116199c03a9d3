"""Regions too large for one window are parted into grains block by block.

Each block is parted together with a halo around it. Two blocks that meet see the strip of both
halos twice: grains on both sides of the seam that cover the same pixels there are one grain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from napari_olivine.crystals import Images, Labels, SizesOfSource
from napari_olivine.crystals.instances.components import NEVER
from napari_olivine.crystals.instances.contacts import Contact, part_contacts
from napari_olivine.crystals.instances.label_regions import strips_of
from napari_olivine.crystals.instances.parting import decisions_table
from napari_olivine.section import Draft, Raster, blocks, create_raster, write_arrays, write_table

SIDE_PX, HALO_PX = 1024, 256
"""Rows and columns of a block, and of the halo around it (ours): larger than most grains."""

SAME = 0.5
"""Share of the pixels of the larger of two grains, in the strip that two blocks see, from which
they are one (ours): if a share of the smaller were enough, a grain that one block left whole would
join all that another block parted."""

Window = tuple[slice, slice]


class PartedLabels(SizesOfSource):
    """Ids of regions, with grains in place of the large ones.

    Parameters
    ----------
    regions
        Ids of the connected regions.
    grains
        Ids of grains at full resolution, 0 where the regions hold.
    """

    def __init__(self, regions: Labels, grains: Raster) -> None:
        super().__init__(regions)
        self.regions, self.grains = regions, grains

    def read(self, rows: slice, columns: slice, level: int = 0) -> NDArray[Any]:
        """Read a window of a level; in coarser ones the large regions are whole.

        Parameters
        ----------
        rows, columns
            Window in pixels of that level.
        level
            Level of the pyramid, 0 for full resolution.

        Returns
        -------
        ndarray, shape (rows, columns)
            Ids of regions and grains.
        """
        ids = self.regions.read(rows, columns, level)
        if level:
            return np.asarray(ids)
        grains = self.grains.read(rows, columns)
        return np.where(grains > 0, grains, ids)


def part_large(
    images: Images, table: pd.DataFrame, large: NDArray[np.bool_], draft: Draft
) -> tuple[Labels, pd.DataFrame, pd.DataFrame]:
    """Part the large regions of a section into grains.

    Parameters
    ----------
    images
        Ids of the connected regions, BSE and mg#.
    table
        Regions, as from :func:`~napari_olivine.crystals.instances.label_regions.number_regions`.
    large
        Which of them are large, shape (regions,).
    draft
        Draft of the product; blocks that are done are not repeated.

    Returns
    -------
    labels
        Ids of regions and grains.
    table
        Regions and grains, with the same columns.
    contacts
        The borders that were judged; ``a`` and ``b`` are ids of grains.
    """
    if not large.any():
        return images.labels, table, decisions_table([], [])
    ids = table.loc[large, "id"].to_numpy(np.int64)
    places = {_name(core): core for core in _cores(images.shape, table[large])}
    for name in draft.pending(list(places), "Parting large regions"):
        parts, contacts = _part_block(images, ids, places[name], draft)
        write_arrays({"parts": parts}, _file(draft, name))
        write_table(decisions_table(contacts, []), _file(draft, name).with_suffix(".parquet"))
    joined = _Joined(draft, list(places.values()), images.shape)
    grains = _write(images, joined, draft, int(table["id"].max()) + 1)
    found = joined.table(int(table["id"].max()) + 1)
    every = pd.concat([table[~large], found[table.columns]], ignore_index=True)
    labels = PartedLabels(images.labels, grains)
    return labels, every.astype(table.dtypes.to_dict()), joined.contacts(int(table["id"].max()) + 1)


def _cores(shape: tuple[int, int], large: pd.DataFrame) -> Iterator[Window]:
    """Blocks into which a large region may reach."""
    for rows, columns in blocks(shape, SIDE_PX, SIDE_PX):
        here = (large["row0"] < rows.stop) & (large["row1"] > rows.start)
        here &= (large["col0"] < columns.stop) & (large["col1"] > columns.start)
        if here.any():
            yield rows, columns


def _place(core: Window) -> tuple[int, int]:
    """First row and column of a block; slices cannot be looked up."""
    return core[0].start, core[1].start


def _name(core: Window) -> str:
    return f"grains-{core[0].start}-{core[1].start}"


def _file(draft: Draft, name: str) -> Path:
    return draft.path / "parts" / f"{name}.npz"


def _around(core: Window, shape: tuple[int, int]) -> Window:
    rows, columns = (
        slice(max(side.start - HALO_PX, 0), min(side.stop + HALO_PX, size))
        for side, size in zip(core, shape, strict=True)
    )
    return rows, columns


def _within(inner: Window, outer: Window) -> Window:
    rows, columns = (
        slice(one.start - two.start, one.stop - two.start)
        for one, two in zip(inner, outer, strict=True)
    )
    return rows, columns


def _part_block(
    images: Images, ids: NDArray[np.int64], core: Window, draft: Draft
) -> tuple[NDArray[np.int32], list[Contact]]:
    """Part what lies in a block and its halo; tell the contacts that begin in the block."""
    window = _around(core, images.shape)
    region = np.isin(images.labels.read(*window), ids)
    if not region[_within(core, window)].any():
        return np.zeros(region.shape, np.int32), []
    grey, mg = (
        None if image is None else image.read(*window) for image in (images.grey, images.mg)
    )
    parts, contacts = part_contacts(
        region, images.labels.pixel_size_um, grey=grey, mg=mg, check=draft.job.check
    )
    row, column = window[0].start, window[1].start
    moved = [
        replace(
            one, row0=one.row0 + row, col0=one.col0 + column,
            row1=one.row1 + row, col1=one.col1 + column,
        )
        for one in contacts
    ]  # fmt: skip
    rows, columns = core
    return parts, [
        one for one in moved
        if rows.start <= (one.row0 + one.row1) / 2 < rows.stop
        and columns.start <= (one.col0 + one.col1) / 2 < columns.stop
    ]  # fmt: skip


class _Joined:
    """Grains of all blocks, those joined that two blocks see as one."""

    def __init__(self, draft: Draft, cores: list[Window], shape: tuple[int, int]) -> None:
        self._draft, self.cores, self._shape = draft, cores, shape
        self._offset: dict[tuple[int, int], int] = {}
        edges: list[NDArray[np.int64]] = [np.zeros((0, 2), np.int64)]
        measured: list[pd.DataFrame] = []
        total = 0
        starts = {_place(core): core for core in cores}
        for core in cores:
            draft.job.check()
            parts = self._read(core)
            self._offset[_place(core)] = total
            measured.append(_measure(parts[_within(core, _around(core, shape))], core, shape[1]))
            total += int(parts.max(initial=0)) + 1
            for before in ((-SIDE_PX, 0), (0, -SIDE_PX)):
                other = starts.get((core[0].start + before[0], core[1].start + before[1]))
                if other is not None:
                    pairs = self._same(core, parts, other)
                    here, there = self._offset[_place(core)], self._offset[_place(other)]
                    edges.append(pairs + np.array([here, there]))
        pair = np.concatenate(edges)
        graph = coo_array((np.ones(len(pair), np.int8), tuple(pair.T)), (total, total))
        _, self._group = connected_components(graph, directed=False)
        rows = [
            one.assign(part=one["part"] + self._offset[_place(core)])
            for core, one in zip(cores, measured, strict=True)
        ]
        self._rows = pd.concat(rows, ignore_index=True)
        self._rows["group"] = self._group[self._rows["part"].to_numpy(np.int64)]
        left = np.unique(self._rows["group"])
        self._number = np.full(int(self._group.max(initial=0)) + 1, -1)
        self._number[left] = np.arange(len(left))

    def _read(self, core: Window) -> NDArray[np.int32]:
        with np.load(_file(self._draft, _name(core))) as arrays:
            return np.asarray(arrays["parts"])

    def _same(self, core: Window, parts: NDArray[np.int32], other: Window) -> NDArray[np.int64]:
        """Pairs of parts of two blocks that cover the same pixels of what both see."""
        mine, theirs = _around(core, self._shape), _around(other, self._shape)
        rows, columns = (
            slice(max(one.start, two.start), min(one.stop, two.stop))
            for one, two in zip(mine, theirs, strict=True)
        )
        a = parts[_within((rows, columns), mine)].astype(np.int64).ravel()
        b = self._read(other)[_within((rows, columns), theirs)].astype(np.int64).ravel()
        there = (a > 0) & (b > 0)
        a, b = a[there], b[there]
        most = int(b.max(initial=0)) + 1
        pair, pixels = np.unique(a * most + b, return_counts=True)
        one, two = pair // most, pair % most
        larger = np.maximum(np.bincount(a)[one], np.bincount(b)[two]) if len(pair) else pixels
        return np.asarray(np.stack([one, two], axis=1)[pixels > SAME * larger], np.int64)

    def ids(self, core: Window, first: int) -> NDArray[np.uint32]:
        """Ids of the grains in a block, without its halo."""
        parts = self._read(core)[_within(core, _around(core, self._shape))]
        numbers = self._number[
            self._group[self._offset[_place(core)] :][: int(parts.max(initial=0)) + 1]
        ]
        return np.where(parts > 0, numbers[parts] + first, 0).astype(np.uint32)

    def table(self, first: int) -> pd.DataFrame:
        """Area, centroid, box and first pixel of each grain."""
        how = {"area_px": "sum", "row": "sum", "col": "sum", "first": "min"}
        how |= {"row0": "min", "row1": "max", "col0": "min", "col1": "max"}
        grains = self._rows.groupby("group").agg(how)
        for name in ("row", "col"):
            grains[name] /= grains["area_px"]
        grains.insert(0, "id", np.arange(len(grains)) + first)
        return grains.reset_index(drop=True)

    def contacts(self, first: int) -> pd.DataFrame:
        """Contacts of all blocks, between ids of grains."""
        tables = []
        for core in self.cores:
            table = pd.read_parquet(_file(self._draft, _name(core)).with_suffix(".parquet"))
            for side in ("a", "b"):
                group = self._group[table[side].to_numpy(np.int64) + self._offset[_place(core)]]
                table[side] = self._number[group] + first
            table["kept"] &= table["a"] != table["b"]  # another block saw one grain there
            tables.append(table[(table[["a", "b"]] >= first).all(axis=1)])
        full = [table for table in tables if len(table)]
        return pd.concat(full, ignore_index=True) if full else decisions_table([], [])


def _measure(parts: NDArray[np.int32], core: Window, columns: int) -> pd.DataFrame:
    """Measure the parts of a block: sums, from which whole grains are measured."""
    row, column = np.nonzero(parts)
    of = parts[row, column]
    row, column = row + core[0].start, column + core[1].start
    there, place = np.unique(of, return_inverse=True)
    count = len(there)
    box = np.tile(np.array([NEVER, -1, NEVER, -1]), (count, 1))
    first = np.full(count, NEVER)
    np.minimum.at(first, place, row * columns + column)
    for side, values in ((0, row), (2, column)):
        np.minimum.at(box[:, side], place, values)
        np.maximum.at(box[:, side + 1], place, values + 1)
    table = pd.DataFrame({"part": there, "area_px": np.bincount(place, minlength=count)})
    table["row"] = np.bincount(place, weights=row, minlength=count)
    table["col"] = np.bincount(place, weights=column, minlength=count)
    table[["row0", "row1", "col0", "col1"]] = box
    table["first"] = first
    return table


def _write(images: Images, joined: _Joined, draft: Draft, first: int) -> Raster:
    """Write the ids of the grains strip by strip; where no large region lies nothing is written."""
    grains = create_raster(
        draft.path / "parts" / "grains", images.shape, "uint32", images.labels.pixel_size_um,
        reduction="mode",
    )  # fmt: skip
    for rows in strips_of(images.labels, draft.job):
        draft.job.check()
        strip: NDArray[np.uint32] | None = None
        for core in joined.cores:
            low, high = max(core[0].start, rows.start), min(core[0].stop, rows.stop)
            if low >= high:
                continue
            if strip is None:
                strip = np.zeros((rows.stop - rows.start, images.shape[1]), np.uint32)
            ids = joined.ids(core, first)[low - core[0].start : high - core[0].start]
            strip[low - rows.start : high - rows.start, core[1]] = ids
        if strip is not None:
            grains.write(rows.start, 0, strip)
    return grains
