"""From connected regions to crystals: touching ones parted, the parts of cracked ones joined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals import CrystalsSettings, Images, Labels, write_arrays
from napari_olivine.crystals.instances.label_regions import strips_of
from napari_olivine.crystals.instances.merging import (
    BridgingSettings,
    Gap,
    decisions as gap_table,
    gap_window,
    joined_ids,
    judge_gap,
    near_pairs,
)
from napari_olivine.crystals.instances.splitting import (
    Cut,
    PartingSettings,
    decisions as cut_table,
    is_notched,
    part_region,
)
from napari_olivine.crystals.measure import (
    WINDOW_BYTES,
    block_name,
    crystal_blocks,
    crystal_windows,
    sides_on_edge,
)
from napari_olivine.job import Job
from napari_olivine.section import Draft, Raster, write_table

LARGEST_PX = 4_000_000
"""Pixels of the box of a region that is parted, at most: the step must stop within two seconds."""

BOX = ["row0", "row1", "col0", "col1"]


@dataclass(frozen=True)
class Parted:
    """One region that was cut.

    Parameters
    ----------
    region
        Its id; its largest part keeps it.
    row0, col0
        First row and column of its window in the section.
    parts
        1, 2, ... for the parts, 0 elsewhere, shape (rows, columns).
    first_new
        Id of part 2; those of the next ones follow.
    """

    region: int
    row0: int
    col0: int
    parts: NDArray[np.uint16]
    first_new: int = 0


class Regions:
    """Ids of regions on disk, with the cuts that have been made since.

    Parameters
    ----------
    raster
        Ids of the connected regions.
    parted
        Regions that are cut.
    """

    def __init__(self, raster: Labels, parted: Sequence[Parted]) -> None:
        self._raster, self._parted = raster, parted
        self._boxes = np.array(
            [
                (p.row0, p.row0 + p.parts.shape[0], p.col0, p.col0 + p.parts.shape[1])
                for p in parted
            ],
            np.int64,
        ).reshape(-1, 4)

    def read(self, rows: slice, columns: slice) -> NDArray[np.uint32]:
        """Read a window of ids."""
        labels = self._raster.read(rows, columns)
        row0, row1, col0, col1 = self._boxes.T
        here = (row0 < rows.stop) & (row1 > rows.start)
        here &= (col0 < columns.stop) & (col1 > columns.start)
        for place in np.flatnonzero(here).tolist():
            one, box = self._parted[place], self._boxes[place]
            down = slice(max(box[0], rows.start), min(box[1], rows.stop))
            right = slice(max(box[2], columns.start), min(box[3], columns.stop))
            part = one.parts[
                down.start - box[0] : down.stop - box[0], right.start - box[2] : right.stop - box[2]
            ]
            window = labels[
                down.start - rows.start : down.stop - rows.start,
                right.start - columns.start : right.stop - columns.start,
            ]
            new = (part > 1) & (window == one.region)
            window[new] = one.first_new + part[new] - 2
        return np.asarray(labels, np.uint32)


def resolve_instances(
    images: Images,
    table: pd.DataFrame,
    labels: Raster,
    draft: Draft,
    settings: CrystalsSettings,
    job: Job,
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Decide which regions are one crystal, and write the ids of the crystals.

    Parameters
    ----------
    images
        Ids of the connected regions, BSE and mg#.
    table
        Regions, as from :func:`~napari_olivine.crystals.instances.label_regions.number_regions`.
    labels
        Image of the crystals' ids to be written, with its overviews.
    draft
        Draft of the product; blocks that are done are not repeated.
    settings
        Which cracks are bridged, and whether touching crystals are parted.
    job
        Running job.

    Returns
    -------
    table
        Crystals, numbered in reading order, with the same columns.
    decisions
        ``cuts`` and ``gaps`` that were judged, with the ids of the crystals on both sides, their
        evidence and what was decided; rows and columns are those of the section.
    """
    parted: list[Parted] = []
    cuts = cut_table([]).assign(region=pd.Series(dtype=np.int64))
    if settings.part_touching and len(table):
        parted, cuts = _part(images, table, draft, job)
        table, parted = _with_parts(table, parted, images.shape[1])
    regions = Regions(images.labels, parted)
    gaps = gap_table([])
    if settings.bridge_um and len(table):
        gaps = _judge_gaps(regions, images, table, draft, settings, job)
    table, final = _joined(table, gaps)
    strips = {("settle", rows.start, rows.stop): rows for rows in strips_of(labels, job)}
    for name in draft.pending(strips, "Numbering crystals"):
        rows = strips[name]
        labels.write(rows.start, 0, final[regions.read(rows, slice(0, labels.shape[1]))])
    labels.build_pyramid(job)
    first_new = cuts["region"].map({p.region: p.first_new for p in parted}).to_numpy(np.float64)
    for side in ("a", "b"):
        part = cuts[side].to_numpy(np.int64)
        ids = np.where(part > 1, first_new + part - 2, cuts["region"].to_numpy(np.float64))
        cuts[side] = final[ids.astype(np.int64)]
        gaps[side] = final[gaps[side].to_numpy(np.int64)]
    return table, {"cuts": cuts.drop(columns="region"), "gaps": gaps}


def no_decisions() -> dict[str, pd.DataFrame]:
    """Return ``cuts`` and ``gaps`` where nothing was to be decided."""
    return {"cuts": cut_table([]), "gaps": gap_table([])}


# ---------------------------------------------------------------------- touching crystals


def _part(
    images: Images, table: pd.DataFrame, draft: Draft, job: Job
) -> tuple[list[Parted], pd.DataFrame]:
    blocks = dict(crystal_blocks(table, images.shape, job))
    for name in draft.pending([f"part {name}" for name in blocks], "Parting crystals"):
        found, cuts = _part_block(images, blocks[name.removeprefix("part ")], job)
        _save(draft.path / "parts" / f"{name}.npz", found)
        write_table(cuts, draft.path / "parts" / f"{name}.parquet")
    files = [draft.path / "parts" / f"part {name}.npz" for name in blocks]
    cuts = pd.concat([pd.read_parquet(file.with_suffix(".parquet")) for file in files])
    return [one for file in files for one in _load(file)], cuts.reset_index(drop=True)


def _part_block(images: Images, table: pd.DataFrame, job: Job) -> tuple[list[Parted], pd.DataFrame]:
    pixel_um, how = images.labels.pixel_size_um, PartingSettings()
    parted: list[Parted] = []
    regions: list[int] = []
    cuts: list[Cut] = []
    too_large = 0
    for region, box, window in crystal_windows(table, images, job):
        if window.level or window.labels.size > LARGEST_PX:
            too_large += 1
            continue
        mask = window.labels == region
        if not is_notched(mask, pixel_um, how):
            continue
        on_edge = sides_on_edge(box, images.shape)
        parts, found = part_region(
            mask, pixel_um, how, grey=window.grey, mg=window.mg, on_edge=on_edge
        )
        if parts.max() > 1:
            parted.append(Parted(region, window.row0, window.col0, parts.astype(np.uint16)))
        regions += [region] * len(found)
        cuts += [
            replace(
                cut,
                row0=cut.row0 + window.row0, row1=cut.row1 + window.row0,
                col0=cut.col0 + window.col0, col1=cut.col1 + window.col0,
            )
            for cut in found
        ]  # fmt: skip
    if too_large:
        words = "region of olivine is" if too_large == 1 else "regions of olivine are"
        job.warn(
            f"{too_large} {words} too large to be parted. If that is no single crystal, the phase "
            "holds more than olivine: look at it, or choose another threshold; if it is, give more "
            "with --memory."
        )
    return parted, cut_table(cuts).assign(region=np.array(regions, np.int64))


def _with_parts(
    table: pd.DataFrame, parted: Sequence[Parted], columns: int
) -> tuple[pd.DataFrame, list[Parted]]:
    """Give the parts rows and ids of their own."""
    rows: list[dict[str, float]] = []
    named: list[Parted] = []
    new = int(table["id"].max()) + 1
    for one in parted:
        named.append(replace(one, first_new=new))
        for part in range(1, int(one.parts.max()) + 1):
            down, right = np.nonzero(one.parts == part)
            down, right = down + one.row0, right + one.col0
            number = one.region if part == 1 else new
            new += part > 1
            rows.append({
                "id": number, "area_px": len(down), "row": down.mean(), "col": right.mean(),
                "row0": down.min(), "row1": down.max() + 1,
                "col0": right.min(), "col1": right.max() + 1,
                "first": int(down[0]) * columns + int(right[0]),
            })  # fmt: skip
    if not rows:
        return table, named
    whole = table[~table["id"].isin({one.region for one in parted})]
    every = pd.concat([whole, pd.DataFrame(rows)[table.columns]], ignore_index=True)
    return every.astype(table.dtypes.to_dict()), named


# ---------------------------------------------------------------------- cracked crystals


def _judge_gaps(
    regions: Regions,
    images: Images,
    table: pd.DataFrame,
    draft: Draft,
    settings: CrystalsSettings,
    job: Job,
) -> pd.DataFrame:
    how = BridgingSettings(reach_um=settings.bridge_um)
    pixel_um = images.labels.pixel_size_um
    large = table[table["area_px"] * pixel_um**2 >= how.least_area_um2].reset_index(drop=True)
    boxes, ids = large[BOX].to_numpy(np.int64), large["id"].to_numpy(np.int64)
    pairs = near_pairs(boxes, how.reach_um / pixel_um)
    windows = [gap_window(boxes[a], boxes[b], images.shape) for a, b in pairs]
    groups: dict[str, list[int]] = {}
    for place, (rows, columns) in enumerate(windows):
        groups.setdefault(block_name(rows.start, columns.start), []).append(place)
    for name in draft.pending([f"join {name}" for name in groups], "Joining cracked crystals"):
        found: list[Gap] = []
        some = groups[name.removeprefix("join ")]
        for place, (rows, columns), read in _gap_windows(regions, images, windows, some, job):
            a, b = (int(ids[k]) for k in pairs[place])
            gap = judge_gap(read[0], a, b, pixel_um, how, grey=read[1], mg=read[2])
            if gap is not None:
                found.append(replace(gap, row=gap.row + rows.start, col=gap.col + columns.start))
        write_table(gap_table(found), draft.path / "parts" / f"{name}.parquet")
    files = [draft.path / "parts" / f"join {name}.parquet" for name in groups]
    every = [pd.read_parquet(file) for file in files]
    return pd.concat(every).reset_index(drop=True) if every else gap_table([])


Read = tuple[NDArray[np.uint32], NDArray[np.generic] | None, NDArray[np.float32] | None]


def _gap_windows(
    regions: Regions,
    images: Images,
    windows: Sequence[tuple[slice, slice]],
    some: Sequence[int],
    job: Job,
) -> Iterator[tuple[int, tuple[slice, slice], Read]]:
    """Read windows that lie close together, all at once where the memory holds them."""

    def read(rows: slice, columns: slice) -> Read:
        grey, mg = (
            None if raster is None else raster.read(rows, columns)
            for raster in (images.grey, images.mg)
        )
        return regions.read(rows, columns), grey, mg

    top, bottom = (f(getattr(windows[k][0], e) for k in some) for f, e in ENDS)
    left, right = (f(getattr(windows[k][1], e) for k in some) for f, e in ENDS)
    together = (bottom - top) * (right - left) * 2 * WINDOW_BYTES <= job.memory_bytes
    shared = read(slice(top, bottom), slice(left, right)) if together else None
    for place in some:
        job.check()
        rows, columns = windows[place]
        if shared is None:
            yield place, (rows, columns), read(rows, columns)
            continue
        inside = (
            slice(rows.start - top, rows.stop - top),
            slice(columns.start - left, columns.stop - left),
        )
        labels, grey, mg = shared
        yield (
            place,
            (rows, columns),
            (
                labels[inside],
                None if grey is None else grey[inside],
                None if mg is None else mg[inside],
            ),
        )


ENDS = ((min, "start"), (max, "stop"))
"""How the first and the last end of several slices are found."""


def _joined(table: pd.DataFrame, gaps: pd.DataFrame) -> tuple[pd.DataFrame, NDArray[np.uint32]]:
    """Put the parts of each crystal together; number the crystals in reading order.

    Returns
    -------
    table
        Crystals.
    final
        Id of the crystal by that of the region.
    """
    ids = table["id"].to_numpy(np.int64)
    root = joined_ids(ids, gaps)
    weighted = table.assign(**{name: table[name] * table["area_px"] for name in ("row", "col")})
    how = {"area_px": "sum", "row": "sum", "col": "sum"}
    how |= {"row0": "min", "row1": "max", "col0": "min", "col1": "max", "first": "min"}
    crystals = weighted.groupby(root).agg(how).sort_values("first")
    for name in ("row", "col"):
        crystals[name] /= crystals["area_px"]
    numbers = np.arange(1, len(crystals) + 1, dtype=np.uint32)
    of_root = pd.Series(numbers, crystals.index)
    final = np.zeros(int(ids.max(initial=0)) + 1, np.uint32)
    final[ids] = of_root.reindex(root).to_numpy()
    crystals.insert(0, "id", numbers)
    return crystals.reset_index(drop=True), final


# ---------------------------------------------------------------------- on disk


def _save(file: Path, parted: Sequence[Parted]) -> None:
    write_arrays({f"{one.region} {one.row0} {one.col0}": one.parts for one in parted}, file)


def _load(file: Path) -> list[Parted]:
    found = []
    with np.load(file) as arrays:
        for name in arrays:
            region, row0, col0 = (int(word) for word in name.split())
            found.append(Parted(region, row0, col0, arrays[name]))
    return found
