"""The change that an edit makes: pixels of the labels and rows of the tables, with its inverse."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.section import Raster, sync, write_arrays

CRYSTALS = "crystals"
TABLES = (CRYSTALS, "profiles", "inclusions")
"""Tables of the crystals product that edits change; each has a column ``id``."""

Row = dict[str, Any]
"""Values of a crystal by column, ``id`` among them."""


@dataclass(frozen=True)
class Patch:
    """Ids in a rectangle before and after, shape (rows, columns), uint32."""

    row0: int
    col0: int
    before: NDArray[np.uint32]
    after: NDArray[np.uint32]

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of full resolution."""
        rows, columns = self.after.shape
        return slice(self.row0, self.row0 + rows), slice(self.col0, self.col0 + columns)

    @classmethod
    def of(
        cls, row0: int, col0: int, before: NDArray[np.uint32], after: NDArray[np.uint32]
    ) -> Patch | None:
        """Keep the smallest rectangle that holds every difference.

        Parameters
        ----------
        row0, col0
            First row and column of the arrays, px of full resolution.
        before, after
            Ids before and after, shape (rows, columns).

        Returns
        -------
        Patch or None
            `None` if nothing differs.
        """
        rows, columns = (np.flatnonzero((before != after).any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            return None
        inside = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return cls(
            row0 + int(rows[0]), col0 + int(columns[0]), before[inside].copy(), after[inside].copy()
        )

    def write(self, labels: Raster) -> None:
        """Write the ids after the edit, in every level."""
        labels.write(self.row0, self.col0, self.after)
        rows, columns = self.window
        for level in range(1, len(labels.levels)):
            rows, columns = (slice(w.start // 2, -(-w.stop // 2)) for w in (rows, columns))
            labels.write(rows.start, columns.start, labels.reduced(level, rows, columns), level)


@dataclass(frozen=True)
class Rows:
    """Rows of a table before and after.

    A row in both gets the values in `after`, which may be some columns only. A row in `before`
    alone vanishes, a row in `after` alone appears; these have every column.
    """

    before: list[Row]
    after: list[Row]


@dataclass(frozen=True)
class Change:
    """One edit as it was carried out.

    Parameters
    ----------
    rows
        Changed rows of each table, by its name in :data:`TABLES`.
    patch
        Changed pixels, `None` if there are none.
    """

    rows: dict[str, Rows]
    patch: Patch | None = None

    def inverse(self) -> Change:
        """Return the change that takes this one back."""
        patch = self.patch
        if patch is not None:
            patch = Patch(patch.row0, patch.col0, patch.after, patch.before)
        return Change({name: Rows(r.after, r.before) for name, r in self.rows.items()}, patch)

    @property
    def crystals(self) -> list[int]:
        """Ids of the crystals afterwards, the one to look at first."""
        return [row["id"] for row in self.rows[CRYSTALS].after]


def replace_rows(table: pd.DataFrame, rows: Rows) -> pd.DataFrame:
    """Carry out a change of rows; carried out twice it gives the same as once.

    Parameters
    ----------
    table
        Table with ``id`` as column and as index.
    rows
        Rows before and after.

    Returns
    -------
    pandas.DataFrame
        Another table, ordered by ``id``.
    """
    there = {row["id"] for row in rows.after}
    gone = [row["id"] for row in rows.before if row["id"] not in there]
    table = table.drop(index=table.index.intersection(gone))
    known = [row for row in rows.after if row["id"] in table.index]
    changed = {row["id"] for row in rows.before}
    # Rows that an older version kept lack the texts that a person can give since.
    empty = {name: "" for name in table.columns if pd.api.types.is_string_dtype(table[name])}
    new = [
        empty | row
        for row in rows.after
        if row["id"] not in table.index and row["id"] not in changed
    ]
    for row in known:
        for name, value in row.items():
            table.at[row["id"], name] = np.nan if value is None else value
    if new:
        added = pd.DataFrame(new, columns=table.columns).astype(table.dtypes.to_dict())
        table = pd.concat([table, by_id(added)]).sort_index()
    return table


def by_id(table: pd.DataFrame) -> pd.DataFrame:
    """Give a table its ids as index, and keep the column."""
    return table.set_index("id", drop=False).rename_axis(index=None)


def rows_of(table: pd.DataFrame, ids: Iterable[int], columns: list[str] | None = None) -> list[Row]:
    """Return rows of a table as plain values.

    Parameters
    ----------
    table
        Table with ``id`` as index.
    ids
        Rows to return; those that are not in the table are left out.
    columns
        Columns to return; all if not given.

    Returns
    -------
    list of dict
        One a row; ``None`` for a value that is missing.
    """
    wanted = table.loc[table.index.intersection(list(ids)), columns or list(table.columns)]
    return [
        {str(name): _plain(value) for name, value in row.items()}
        for row in wanted.to_dict("records")
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


# ---------------------------------------------------------------------- on disk


class Changes:
    """The changes that made the crystals of a product what they are, by the number of the edit.

    Parameters
    ----------
    folder
        Folder in the product.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self._file = folder / "changes.jsonl"
        self._lines: dict[int, dict[str, Any]] = {}
        if self._file.exists():
            for line in self._file.read_text(encoding="utf-8").splitlines():
                with suppress(ValueError):  # cut off by a crash: the change is worked out again
                    record = json.loads(line)
                    self._lines[int(record["n"])] = record

    def keep(self, n: int, change: Change, missing: str = "") -> None:
        """Write the change of an edit.

        Parameters
        ----------
        n
            Number of the edit in the journal.
        change
            The change.
        missing
            The part of the edit that could not be carried out, in words.
        """
        if change.patch is not None:
            patch = change.patch
            arrays = {"place": np.array([patch.row0, patch.col0])}
            arrays |= {"before": patch.before, "after": patch.after}
            write_arrays(arrays, self._pixels(n))
        self._append(
            {
                "n": n,
                "missing": missing,
                "pixels": change.patch is not None,
                "rows": {name: [rows.before, rows.after] for name, rows in change.rows.items()},
            }
        )

    def set_aside(self, n: int, reason: str) -> None:
        """Note why edit `n` could not be carried out."""
        self._append({"n": n, "aside": reason})

    def aside(self, n: int) -> str:
        """Return why edit `n` was not wholly carried out; empty if it was, or was not tried."""
        record = self._lines.get(n, {})
        return str(record.get("aside") or record.get("missing", ""))

    def get(self, n: int) -> Change | None:
        """Return the change of edit `n`, `None` if there is none."""
        record = self._lines.get(n)
        if record is None or "aside" in record:
            return None
        patch = None
        if record["pixels"]:
            with np.load(self._pixels(n)) as arrays:
                row0, col0 = (int(value) for value in arrays["place"])
                patch = Patch(row0, col0, arrays["before"], arrays["after"])
        return Change({name: Rows(*rows) for name, rows in record["rows"].items()}, patch)

    def _pixels(self, n: int) -> Path:
        return self.folder / f"{n:06d}.npz"

    def _append(self, record: dict[str, Any]) -> None:
        with self._file.open("a", encoding="utf-8") as stream:
            if stream.tell() and not self._ends_a_line():
                stream.write("\n")
            stream.write(json.dumps(record) + "\n")
            sync(stream)
        self._lines[record["n"]] = record

    def _ends_a_line(self) -> bool:
        with self._file.open("rb") as stream:
            stream.seek(-1, 2)
            return stream.read(1) == b"\n"
