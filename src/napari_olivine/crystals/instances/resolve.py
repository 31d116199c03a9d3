"""From connected regions to crystals: touching ones are split, fragments of cracked ones merged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals import CrystalsSettings, Images
from napari_olivine.crystals.instances.label_regions import strips_of
from napari_olivine.crystals.instances.large_regions import part_large
from napari_olivine.crystals.instances.merging import (
    Gap,
    MergingSettings,
    gap_window,
    judge_gap,
    merged_ids,
    near_pairs,
)
from napari_olivine.crystals.instances.parting import Parted, decisions_table, part_region
from napari_olivine.crystals.instances.split_labels import (
    SplitLabels,
    SplitRegion,
    load_splits,
    save_splits,
)
from napari_olivine.crystals.measure import (
    WINDOW_BYTES,
    block_name,
    crystal_blocks,
    crystal_windows,
    extent,
    sides_on_edge,
)
from napari_olivine.job import Job
from napari_olivine.section import Draft, Raster, write_table

LARGEST_PX = 4_000_000
"""Pixels of the box of a region that is split, at most: the step must stop within two seconds."""

JOIN_IN_NETWORK_FROM = 0.8
"""Probability from which parts of crystals in contact are joined: a film of melt or plagioclase
between two grains looks as a crack does (ours; chosen on the cumulates 1 to 8)."""

BOX = ["row0", "row1", "col0", "col1"]


def resolve_instances(
    images: Images,
    table: pd.DataFrame,
    labels: Raster,
    draft: Draft,
    settings: CrystalsSettings,
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Split touching crystals, merge fragments, and write the ids of the crystals.

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
        Which cracks are bridged, and whether touching crystals are split.

    Returns
    -------
    table
        Crystals, numbered in reading order, with the same columns.
    decisions
        ``cuts`` and ``gaps`` that were judged, with the ids of the crystals on both sides, the
        evidence and the decision; rows and columns are those of the section.
    """
    splits: list[SplitRegion] = []
    last_region = int(table["id"].max()) if len(table) else 0
    cuts, contacts = no_cuts(), decisions_table([], [])
    if settings.part_touching and len(table):
        labels_of_grains, table, contacts = part_large(images, table, _is_large(table), draft)
        images = replace(images, labels=labels_of_grains)
        splits, cuts = _split(images, table, draft)
        table, splits = _with_splits(table, splits, images.shape[1])
    regions = SplitLabels(images.labels, splits)
    gaps = Gap.table([])
    if settings.bridge_um and len(table):
        parted = {one.region for one in splits}
        parted |= set(table.loc[table["id"] > last_region, "id"].tolist())
        gaps = _judge_gaps(regions, images, table, parted, draft, settings)
    table, final = _merge(table, gaps)
    strips = {("settle", rows.start, rows.stop): rows for rows in strips_of(labels, draft.job)}
    for name in draft.pending(strips, "Numbering crystals"):
        rows = strips[name]
        labels.write(rows.start, 0, final[regions.read(rows, slice(0, labels.shape[1]))])
    labels.build_pyramid(draft.job)
    first_new = cuts["region"].map({p.region: p.first_new for p in splits}).to_numpy(np.float64)
    for side in ("a", "b"):
        part = cuts[side].to_numpy(np.int64)
        ids = np.where(part > 1, first_new + part - 2, cuts["region"].to_numpy(np.float64))
        cuts[side] = final[ids.astype(np.int64)]
        contacts[side] = final[contacts[side].to_numpy(np.int64)]
        gaps[side] = final[gaps[side].to_numpy(np.int64)]
    full = [one for one in (cuts.drop(columns="region"), contacts) if len(one)] or [contacts]
    return table, {"cuts": pd.concat(full, ignore_index=True), "gaps": gaps}


def _is_large(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which regions are too large for one window."""
    row0, row1, col0, col1 = table[BOX].to_numpy(np.int64).T
    return np.asarray((row1 - row0) * (col1 - col0) > LARGEST_PX)


def no_decisions() -> dict[str, pd.DataFrame]:
    """Return empty tables ``cuts`` and ``gaps``."""
    return {"cuts": decisions_table([], []), "gaps": Gap.table([])}


# ---------------------------------------------------------------------- touching crystals


def _split(
    images: Images, table: pd.DataFrame, draft: Draft
) -> tuple[list[SplitRegion], pd.DataFrame]:
    blocks = dict(crystal_blocks(table, images.shape, draft.job))
    for name in draft.pending([f"part {name}" for name in blocks], "Parting crystals"):
        found, cuts = _split_block(images, blocks[name.removeprefix("part ")], draft.job)
        save_splits(draft.path / "parts" / f"{name}.npz", found)
        write_table(cuts, draft.path / "parts" / f"{name}.parquet")
    files = [draft.path / "parts" / f"part {name}.npz" for name in blocks]
    cuts = pd.concat([pd.read_parquet(file.with_suffix(".parquet")) for file in files])
    return [one for file in files for one in load_splits(file)], cuts.reset_index(drop=True)


def _split_block(
    images: Images, table: pd.DataFrame, job: Job
) -> tuple[list[SplitRegion], pd.DataFrame]:
    pixel_um = images.labels.pixel_size_um
    splits: list[SplitRegion] = []
    tables: list[pd.DataFrame] = [no_cuts()]
    too_large = 0
    for region, box, window in crystal_windows(table, images, job):
        if window.level or (box[1] - box[0]) * (box[3] - box[2]) > LARGEST_PX:
            too_large += 1
            continue
        found = part_region(
            window.labels == region, pixel_um, grey=window.grey, mg=window.mg,
            on_edge=sides_on_edge(box, images.shape), check=job.check,
        )  # fmt: skip
        if found is None:
            continue
        if found.parts.max() > 1:
            parts = found.parts.astype(np.uint16)
            splits.append(SplitRegion(region, window.row0, window.col0, parts))
        tables.append(_in_section(found, region, window.row0, window.col0))
    if too_large:
        words = "region of olivine is" if too_large == 1 else "regions of olivine are"
        job.warn(
            f"{too_large} {words} too large to be parted. If that is no single crystal, the phase "
            "holds more than olivine: look at it, or choose another threshold; if it is, give more "
            "with {setting:memory}.",
            setting="memory",
        )
    full = [one for one in tables if len(one)] or tables[:1]
    return splits, pd.concat(full, ignore_index=True)


def no_cuts() -> pd.DataFrame:
    """Return an empty table of cuts of regions."""
    return decisions_table([], []).assign(region=pd.Series(dtype=np.int64))


def _in_section(found: Parted, region: int, row0: int, col0: int) -> pd.DataFrame:
    table = decisions_table(found.contacts, found.cuts)
    table[["row0", "row1"]] += row0
    table[["col0", "col1"]] += col0
    return table.assign(region=np.full(len(table), region, np.int64))


def _with_splits(
    table: pd.DataFrame, splits: Sequence[SplitRegion], columns: int
) -> tuple[pd.DataFrame, list[SplitRegion]]:
    """Give the parts rows and ids of their own."""
    rows: list[dict[str, float]] = []
    named: list[SplitRegion] = []
    new = int(table["id"].max()) + 1
    for one in splits:
        named.append(replace(one, first_new=new))
        for part in range(1, int(one.parts.max()) + 1):
            mask = one.parts == part
            first_row, first_column = divmod(int(mask.argmax()), mask.shape[1])
            first = (first_row + one.row0) * columns + first_column + one.col0
            number = one.region if part == 1 else new
            new += part > 1
            rows.append({"id": number, **extent(mask, one.row0, one.col0), "first": first})
    if not rows:
        return table, named
    whole = table[~table["id"].isin({one.region for one in splits})]
    every = pd.concat([whole, pd.DataFrame(rows)[table.columns]], ignore_index=True)
    return every.astype(table.dtypes.to_dict()), named


# ---------------------------------------------------------------------- cracked crystals


def _judge_gaps(
    regions: SplitLabels,
    images: Images,
    table: pd.DataFrame,
    parted: Set[int],
    draft: Draft,
    settings: CrystalsSettings,
) -> pd.DataFrame:
    """Judge the gaps between neighbours; `parted` are ids of crystals that were in contact."""
    how = MergingSettings(reach_um=settings.bridge_um)
    in_network = how.model_copy(update={"join_from": JOIN_IN_NETWORK_FROM})
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
        for place, (rows, columns), read in _gap_windows(regions, images, windows, some, draft.job):
            a, b = (int(ids[k]) for k in pairs[place])
            here = in_network if a in parted or b in parted else how
            gap = judge_gap(read[0], a, b, pixel_um, here, grey=read[1], mg=read[2])
            if gap is not None:
                found.append(replace(gap, row=gap.row + rows.start, col=gap.col + columns.start))
        write_table(Gap.table(found), draft.path / "parts" / f"{name}.parquet")
    files = [draft.path / "parts" / f"join {name}.parquet" for name in groups]
    every = [pd.read_parquet(file) for file in files]
    return pd.concat(every).reset_index(drop=True) if every else Gap.table([])


Read = tuple[NDArray[np.uint32], NDArray[np.generic] | None, NDArray[np.float32] | None]


def _gap_windows(
    regions: SplitLabels,
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


def _merge(table: pd.DataFrame, gaps: pd.DataFrame) -> tuple[pd.DataFrame, NDArray[np.uint32]]:
    """Merge the fragments of each crystal; number the crystals in reading order.

    Returns
    -------
    table
        Crystals.
    final
        Id of the crystal by that of the region.
    """
    ids = table["id"].to_numpy(np.int64)
    root = merged_ids(ids, gaps)
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
