"""From an edit to the change that it makes, before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals import (
    CrystalsSettings,
    Images,
    Labels,
    complete,
    measure_crystals,
    without_spelling,
)
from napari_olivine.crystals.edits.change import CRYSTALS, Change, Patch, Row, Rows, by_id, rows_of
from napari_olivine.crystals.edits.commands import (
    Classify,
    Edit,
    GiveKind,
    Judge,
    Merge,
    Note,
    Redraw,
    Split,
)
from napari_olivine.crystals.edits.cuts import cut_along, cut_around, loose_pieces
from napari_olivine.crystals.instances import BOX
from napari_olivine.crystals.measure import add_surroundings
from napari_olivine.crystals.zoning import PAPER_CLASSES
from napari_olivine.errors import EditError
from napari_olivine.job import Job
from napari_olivine.section import Section

LARGEST_PX = 64_000_000
"""Pixels of the rectangle around the crystals of one edit, at most."""


@dataclass(frozen=True)
class Planner:
    """Works out changes; writes nothing.

    Parameters
    ----------
    section
        Section of the crystals.
    images
        Labels, and the images on which crystals are measured.
    settings
        Settings that the crystals were found with.
    vesicle_grey
        Grey below which a pixel is a vesicle, for the rock around crystals.
    job
        Memory and seed for measuring.
    """

    section: Section
    images: Images
    settings: CrystalsSettings
    vesicle_grey: float | None
    job: Job

    def plan(self, edit: Edit, tables: Mapping[str, pd.DataFrame], who: str, at: str) -> Change:
        """Work out the change that an edit makes.

        Parameters
        ----------
        edit
            The edit.
        tables
            Tables of the product, by name, with ``id`` as index.
        who, at
            The person, and the time (ISO 8601).

        Raises
        ------
        EditError
            If the edit cannot be carried out.
        """
        table = tables[CRYSTALS]
        for crystal in edit.crystals:
            if crystal not in table.index:
                raise EditError(f"There is no crystal {crystal}.")
        looked = {"reviewer": who, "reviewed_at": at}
        if isinstance(edit, Judge):
            return _set(table, edit.crystals, {"verdict": edit.verdict} | looked)
        if isinstance(edit, Note):
            return _set(table, edit.crystals, {"note": edit.text} | looked)
        if isinstance(edit, GiveKind):
            _refuse_other_spelling(edit.kind, table["kind"])
            return _set(table, edit.crystals, {"kind": edit.kind} | looked)
        if isinstance(edit, Classify):
            return self._classify(edit, table, looked)
        box = self._box(edit, table)
        before = self.images.labels.read(slice(box[0], box[1]), slice(box[2], box[3]))
        before = before.astype(np.uint32)
        after = before.copy()
        if isinstance(edit, Merge):
            keeper = int(table.loc[list(edit.crystals)].sort_values("area_px")["id"].to_numpy()[-1])
            after[np.isin(before, edit.crystals)] = keeper
        elif isinstance(edit, Split):
            parts = self._parts(edit, before == edit.crystals[0], box)
            first = _next_id(table)
            new = parts > 1
            after[new] = first + parts[new] - 2
        else:
            self._redraw(edit, before, after, box, table)
        patch = Patch.of(int(box[0]), int(box[2]), before, after)
        if patch is None:
            raise EditError("That changes nothing: these pixels are the crystal already.")
        other = patch.before != patch.after
        ids = np.unique(np.concatenate([patch.before[other], patch.after[other]]))
        ids = np.union1d(ids[ids > 0], list(edit.crystals)).astype(np.int64)
        return self._measured(edit, ids, patch, after, box, tables, looked)

    # ------------------------------------------------------------------ classes

    def _classify(self, edit: Classify, table: pd.DataFrame, looked: dict[str, str]) -> Change:
        columns = classed(edit.zone_class) | looked
        before: list[Row] = []
        after: list[Row] = []
        for crystal in edit.crystals:
            large = table.at[crystal, "size_class"] == "phenocryst"
            values = columns | {
                "mantled": bool(large and edit.zone_class.endswith("mantle")),
                "zoning_class": PAPER_CLASSES[edit.zone_class] if large else "",
            }
            before += rows_of(table, [crystal], ["id", *values])
            after.append({"id": crystal, **values})
        return Change({CRYSTALS: Rows(before, after)})

    # ------------------------------------------------------------------ pixels

    def _box(self, edit: Merge | Split | Redraw, table: pd.DataFrame) -> NDArray[np.int64]:
        """Rectangle that holds every crystal that an edit may touch, whole."""
        boxes = table.loc[list(edit.crystals), BOX].to_numpy(np.int64)
        if isinstance(edit, Redraw):
            drawn = edit.drawn
            row1, col1 = drawn.row0 + drawn.rows, drawn.col0 + drawn.columns
            height, width = self.section.shape
            if drawn.level or row1 > height or col1 > width:
                raise EditError("What was drawn does not lie in the section.")
            own = [[drawn.row0, row1, drawn.col0, col1]]
            under = self.images.labels.read(slice(drawn.row0, row1), slice(drawn.col0, col1))
            taken = table.index.intersection(np.unique(under[drawn.mask]).tolist())
            neighbours = table.loc[taken.tolist(), BOX].to_numpy(np.int64)
            boxes = np.concatenate([boxes, own, neighbours])
        box = np.array(
            [boxes[:, 0].min(), boxes[:, 1].max(), boxes[:, 2].min(), boxes[:, 3].max()], np.int64
        )
        if (box[1] - box[0]) * (box[3] - box[2]) > LARGEST_PX:
            raise EditError("The crystals are too large, or too far apart, to be edited by hand.")
        return box

    def _parts(
        self, edit: Split, mask: NDArray[np.bool_], box: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        pixel_um = self.section.pixel_size_um
        least_px = self.settings.min_area_um2 / pixel_um**2
        corner = box[[0, 2]]
        if edit.lines:
            lines = [np.asarray(line, np.float64) - corner for line in edit.lines]
            return cut_along(mask, lines, least_px, self.settings.bridge_um / pixel_um)
        if edit.markers:
            return cut_around(mask, np.asarray(edit.markers, np.float64) - corner)
        return loose_pieces(mask, least_px)

    def _redraw(
        self,
        edit: Redraw,
        before: NDArray[np.uint32],
        after: NDArray[np.uint32],
        box: NDArray[np.int64],
        table: pd.DataFrame,
    ) -> None:
        mask = edit.drawn.mask
        if not mask.any():
            raise EditError("Nothing is drawn.", remedy="Reject the crystal if there is none.")
        crystal = edit.crystals[0] if edit.crystals else _next_id(table)
        after[before == crystal] = 0
        row, column = edit.drawn.row0 - int(box[0]), edit.drawn.col0 - int(box[2])
        after[row : row + mask.shape[0], column : column + mask.shape[1]][mask] = crystal

    def _measured(
        self,
        edit: Merge | Split | Redraw,
        ids: NDArray[np.int64],
        patch: Patch,
        after: NDArray[np.uint32],
        box: NDArray[np.int64],
        tables: Mapping[str, pd.DataFrame],
        looked: dict[str, str],
    ) -> Change:
        table = tables[CRYSTALS]
        places = _places(after, ids, box)
        if places.empty:
            raise EditError("No pixel of the crystal would be left.", remedy="Reject it instead.")
        images = replace(self.images, labels=PatchedLabels(self.images.labels, patch))
        measured = measure_crystals(
            places, images, self.settings, self.job, vesicle_grey=self.vesicle_grey
        )
        found = places.merge(measured.crystals, on="id", validate="one_to_one")
        if self.settings.surroundings_um and images.grey is not None:
            found = add_surroundings(
                images.grey, images.tiles, found, self.settings.surroundings_um, self.vesicle_grey
            )
        found = complete(self.section, found, self.settings)
        found = by_id(found).reindex(columns=table.columns)
        for crystal in found.index:
            if crystal not in table.index:
                continue
            found.at[crystal, "note"] = str(table.at[crystal, "note"])
            found.at[crystal, "kind"] = _kept_kind(edit, int(crystal), table)
            by_hand = str(table.at[crystal, "reviewed_class"])
            if by_hand and isinstance(edit, Redraw):
                for name, value in classed(by_hand).items():
                    found.at[crystal, name] = value
        found = found.assign(corrected=True, **looked)
        curves, holes = by_id(measured.profiles), by_id(measured.inclusions)
        known = tables["inclusions"]
        old = known["id"][known["host"].isin(ids.tolist())].tolist()
        rows = {
            CRYSTALS: Rows(rows_of(table, ids), rows_of(found, _first(edit, found.index))),
            "profiles": Rows(rows_of(tables["profiles"], ids), rows_of(curves, curves.index)),
            "inclusions": Rows(rows_of(known, old), rows_of(holes, holes.index)),
        }
        return Change({name: r for name, r in rows.items() if r.before or r.after}, patch)


class PatchedLabels:
    """Labels as they will be after a change.

    Parameters
    ----------
    labels
        Labels before.
    patch
        The change.
    """

    def __init__(self, labels: Labels, patch: Patch) -> None:
        self._labels, self._patch = labels, patch
        self.shape, self.pixel_size_um = labels.shape, labels.pixel_size_um
        self.level_shapes = labels.level_shapes

    def read(self, rows: slice, columns: slice, level: int = 0) -> NDArray[Any]:
        """Read a window; overviews take every second, fourth, ... pixel of the patch.

        Parameters
        ----------
        rows, columns
            The window, px of its level.
        level
            Level of the pyramid.
        """
        window = self._labels.read(rows, columns, level)
        step = 1 << level
        row0, col0 = -(-self._patch.row0 // step), -(-self._patch.col0 // step)
        after = self._patch.after[
            row0 * step - self._patch.row0 :: step, col0 * step - self._patch.col0 :: step
        ]
        row1, col1 = row0 + after.shape[0], col0 + after.shape[1]
        top, bottom = max(row0, rows.start), min(row1, rows.start + window.shape[0])
        left, right = max(col0, columns.start), min(col1, columns.start + window.shape[1])
        if top < bottom and left < right:
            window = window.copy()
            window[
                top - rows.start : bottom - rows.start, left - columns.start : right - columns.start
            ] = after[top - row0 : bottom - row0, left - col0 : right - col0]
        return window


def classed(zone_class: str) -> Row:
    """Return the columns that hold a class that a person set."""
    return {
        "zone_class": zone_class,
        "zone_second": "",
        "zone_probability": 1.0,
        "zone_because": "set by hand",
        "reviewed_class": zone_class,
    }


def _refuse_other_spelling(kind: str, given: pd.Series) -> None:
    """Refuse a name that differs from a known one in capitals or spaces alone.

    Raises
    ------
    EditError
        If it does; a classifier would learn two kinds.
    """
    for known in given.unique():
        if known != kind and without_spelling(known) == without_spelling(kind):
            raise EditError(
                f"There is a kind {known!r} already, which differs from {kind!r} in its spelling "
                "alone.",
                remedy="Give it the same name.",
            )


def _kept_kind(edit: Merge | Split | Redraw, crystal: int, table: pd.DataFrame) -> str:
    """Return the kind of a crystal whose pixels have changed.

    One that is redrawn, or that lost pixels to it, is what it was. Merged ones keep the kind that
    they agree in. The parts of a split one may be of different kinds, and have none.
    """
    if isinstance(edit, Redraw):
        return str(table.at[crystal, "kind"])
    kinds = set(table.loc[list(edit.crystals), "kind"]) - {""}
    return str(kinds.pop()) if isinstance(edit, Merge) and len(kinds) == 1 else ""


def _set(table: pd.DataFrame, crystals: Iterable[int], values: Row) -> Change:
    before = rows_of(table, crystals, ["id", *values])
    return Change({CRYSTALS: Rows(before, [{"id": row["id"], **values} for row in before])})


def _next_id(table: pd.DataFrame) -> int:
    return int(table.index.max()) + 1 if len(table) else 1


def _first(edit: Edit, ids: Iterable[int]) -> list[int]:
    """Put the crystal that the edit is about before its new parts and its neighbours."""
    return sorted(ids, key=lambda crystal: (crystal not in edit.crystals, crystal))


def _places(
    labels: NDArray[np.uint32], ids: NDArray[np.int64], box: NDArray[np.int64]
) -> pd.DataFrame:
    """Box, centroid and area of crystals in a window."""
    rows: list[Row] = []
    for crystal in ids.tolist():
        down, right = np.nonzero(labels == crystal)
        if len(down):
            down, right = down + int(box[0]), right + int(box[2])
            rows.append({
                "id": crystal, "row": down.mean(), "col": right.mean(), "area_px": len(down),
                "row0": down.min(), "row1": down.max() + 1,
                "col0": right.min(), "col1": right.max() + 1,
            })  # fmt: skip
    table = pd.DataFrame(rows)
    return table.astype({"id": np.uint32}) if len(table) else table
