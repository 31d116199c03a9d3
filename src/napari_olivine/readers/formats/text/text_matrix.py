"""Rows of numbers in a text file: found once, then read from any row on.

Parsing a map of text costs far more than reading it, so the numbers of a block are put one to a
line and read as a single column, which the parser of pandas does several times faster than rows
of cells. Only the place of each row in the file is kept.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.readers.base import Unreadable

BLOCK_BYTES = 4 << 20
"""Text that is parsed at once; its numbers need about ten times as much memory."""

LONGEST_LINE = 32 << 20
"""A longer line is no row of a map, bytes."""

NEWLINE, RETURN = 10, 13


@dataclass(frozen=True)
class NumberRows:
    """Places of the rows of numbers in a text file.

    Parameters
    ----------
    file
        The file.
    offsets
        Byte at which each row begins, and at the end the byte behind the last row, shape
        (rows + 1,).
    columns
        Numbers in a row, without those that are left out.
    dtype
        Smallest unsigned type that holds all numbers; 32 bit float where they are not whole or
        some are negative.
    separator
        What stands between the numbers; `None` for any white space.
    numbered
        Whether each row begins with its own number, which is left out.
    lines
        Lines of the file that make a row.
    state
        Size and time of the file when the rows were found.
    """

    file: Path
    offsets: NDArray[np.int64]
    columns: int
    dtype: np.dtype[Any]
    separator: str | None
    numbered: bool
    lines: int
    state: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.offsets) - 1, self.columns

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows `start` up to, not including, `stop`.

        Raises
        ------
        Unreadable
            If the file has changed since its rows were found.
        """
        rows = np.empty((stop - start, self.columns), self.dtype)
        done = start
        while done < stop:
            limit = (
                int(np.searchsorted(self.offsets, self.offsets[done] + BLOCK_BYTES, "right")) - 1
            )
            until = min(max(limit, done + 1), stop)
            text = self._text(int(self.offsets[done]), int(self.offsets[until]))
            numbers = _parse(text, self.separator)
            width = self.columns + self.numbered
            if numbers is None or numbers.size != (until - done) * width:
                raise Unreadable(f"{self.file} has changed while it was read; import it again.")
            block = numbers.reshape(until - done, width)[:, int(self.numbered) :]
            rows[done - start : until - start] = block
            done = until
        return rows

    def _text(self, begin: int, end: int) -> bytes:
        try:
            with self.file.open("rb") as stream:
                if _state(stream.fileno()) != self.state:
                    raise Unreadable(f"{self.file} has changed while it was read; import it again.")
                stream.seek(begin)
                return stream.read(end - begin)
        except OSError as error:
            raise Unreadable(f"{self.file} cannot be read ({error}).") from error


def find_rows(
    file: Path,
    begin: int = 0,
    rows: int | None = None,
    columns: int | None = None,
    *,
    numbered: bool = False,
    lines: int = 1,
    signed: bool = False,
) -> NumberRows:
    """Go once through the rows of numbers of a file.

    Parameters
    ----------
    file
        The file.
    begin
        Byte at which the first row begins.
    rows
        Rows to take; `None` for all up to the end of the file.
    columns
        Numbers in a row that are expected; `None` as in the first row.
    numbered
        Whether each row begins with its own number.
    lines
        Lines of the file that make a row; with more than one, each holds one number.
    signed
        Whether numbers below zero may stand there: quantities after a background was taken off.

    Returns
    -------
    found
        Place and type of the rows; kept for the next call while the file stays the same.

    Raises
    ------
    Unreadable
        If the file is missing, or ends before `rows`.
    InputError
        If it holds what is no number, rows of different lengths, or negative numbers.
    """
    try:
        state = file.stat()
    except OSError as error:
        raise Unreadable(f"{file} cannot be read ({error}).") from error
    return _find_rows(
        file, (state.st_size, state.st_mtime_ns), begin, rows, columns, numbered, lines, signed
    )


@lru_cache(maxsize=64)
def _find_rows(
    file: Path,
    state: tuple[int, int],
    begin: int,
    rows: int | None,
    columns: int | None,
    numbered: bool,
    lines: int,
    signed: bool,
) -> NumberRows:
    separator: str | None = None
    offsets: list[NDArray[np.int64]] = []
    found = 0
    width = 0 if columns is None else columns + numbered
    wanted = None if rows is None else rows * lines
    end = begin
    whole, largest, least = True, 0.0, 0.0
    for place, block in _blocks(file, begin):
        if not block.strip():
            continue
        if not offsets:
            separator = separator_of(_first_line(block))
        starts, counts = _cells(file, block, separator, found)
        if wanted is not None and found + len(starts) > wanted:
            starts, counts = starts[: wanted - found + 1], counts[: wanted - found]
            block = block[: starts[-1]]
            starts = starts[:-1]
        if not len(starts):
            continue
        width = width or int(counts[0])
        wrong = np.flatnonzero(counts != width)
        if wrong.size:
            raise _ragged(file, found + int(wrong[0]), int(counts[wrong[0]]), width, numbered)
        numbers = _parse(block, separator)
        if numbers is None or numbers.size != len(starts) * width:
            raise InputError(_what_is_no_number(file, block, separator, found))
        table = numbers.reshape(-1, width)[:, int(numbered) :]
        _require_counts(file, table, found, signed)
        least = min(least, float(table.min(initial=0)))
        whole = whole and bool((table == np.round(table)).all())
        largest = max(largest, float(table.max(initial=0)))
        offsets.append((place + starts)[(-found) % lines :: lines])
        found += len(starts)
        end = place + len(block)
        if found == wanted:
            break
    if not found:
        raise Unreadable(f"{file} holds no numbers.")
    if wanted is not None and found < wanted:
        raise Unreadable(
            f"{file} is cut short: {wanted} lines of numbers are expected, it has {found}."
        )
    if found % lines:
        raise Unreadable(f"{file} is cut short: its {found} numbers do not fill rows of {lines}.")
    if not whole or least < 0 or largest > np.iinfo(np.uint32).max:
        dtype = np.dtype(np.float32)
    else:
        dtype = np.min_scalar_type(int(largest))
    return NumberRows(
        file=file,
        offsets=np.append(np.concatenate(offsets), np.int64(end)),
        columns=(width - numbered) * lines,
        dtype=dtype,
        separator=separator,
        numbered=numbered,
        lines=lines,
        state=state,
    )


def _require_counts(file: Path, table: NDArray[np.float64], before: int, signed: bool) -> None:
    """Refuse numbers that are negative or not finite; `before` rows stand before the table."""
    if not np.isfinite(table).all():
        row, column = np.argwhere(~np.isfinite(table))[0]
        raise InputError(
            f"{file}: row {before + row + 1}, number {column + 1} is not finite.",
            row=int(before + row + 1),
        )
    if not signed and table.size and table.min() < 0:
        raise InputError(
            f"{file} holds negative numbers ({table.min():g}); counts expected.",
            remedy="If they are wt%, say so in the name of the file or of its folder (Mg wt%.csv).",
            file=file,
        )


def separator_of(line: bytes) -> str | None:
    """Return the separator of a line of numbers; `None` for any white space.

    A comma is a decimal comma where semicolons, tabs or spaces separate.
    """
    text = line.strip()
    if b";" in text:
        return ";"
    if b"\t" in text or b"," not in text:
        return None
    cells = text.split()
    if len(cells) > 1 and all(re.fullmatch(rb"[+-]?\d+(,\d+)?", cell) for cell in cells):
        return None
    return ","


def numbers_of(line: bytes) -> list[float] | None:
    """Return the numbers of a line, `None` if it holds anything else or nothing."""
    parsed = _parse(line, separator_of(line))
    return None if parsed is None or not parsed.size else [float(cell) for cell in parsed]


def _blocks(file: Path, begin: int) -> Iterator[tuple[int, bytes]]:
    """Whole lines of a file, block after block, with the byte at which each block begins."""
    try:
        with file.open("rb") as stream:
            stream.seek(begin)
            place, rest = begin, b""
            while True:
                more = stream.read(BLOCK_BYTES)
                text = rest + more
                cut = len(text) if not more else max(text.rfind(b"\n"), text.rfind(b"\r")) + 1
                # A return at the very end may be half of a line's end.
                if more and cut == len(text) and text.endswith(b"\r"):
                    cut = max(text.rfind(b"\n"), text.rfind(b"\r", 0, -1)) + 1
                if cut:
                    if not begin and not place and text.startswith(b"\xef\xbb\xbf"):
                        yield 3, text[3:cut]
                    else:
                        yield place, text[:cut]
                place, rest = place + cut, text[cut:]
                if not more:
                    return
                if len(rest) > LONGEST_LINE:
                    raise InputError(
                        f"{file} is no map of numbers (a line of more than "
                        f"{LONGEST_LINE >> 20} MB)."
                    )
    except OSError as error:
        raise Unreadable(f"{file} cannot be read ({error}).") from error


def _first_line(block: bytes) -> bytes:
    return next((line for line in re.split(rb"[\r\n]+", block) if line.strip(b" \t,;")), b"")


def _cells(
    file: Path, block: bytes, separator: str | None, before: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First byte of each line of a block that is not blank, and its number of cells."""
    if b"\0" in block:
        raise InputError(f"{file} is no map of numbers (it is no text).")
    letters = np.frombuffer(block, np.uint8)
    ends = (letters == NEWLINE) | (letters == RETURN)
    starts = np.append(0, np.flatnonzero(ends) + 1)
    starts = starts[starts < len(letters)]
    filled = np.frombuffer(block.translate(_table(separator)), np.uint8) > ord(" ")
    first = filled.copy()
    first[1:] &= ~filled[:-1]
    counts = np.add.reduceat(first, starts, dtype=np.int64)
    held = counts > 0
    if separator:
        marks = np.add.reduceat(letters == ord(separator), starts, dtype=np.int64)
        gaps = held & ((marks > counts) | (marks < counts - 1))  # one may trail a row
        gaps |= held & (letters[starts] == ord(separator))
        mark = separator.encode()
        spaced = b" " in block or b"\t" in block
        empty = rb"%c[ \t]*%c|[\r\n][ \t]*%c" % (mark, mark, mark)
        if (spaced or mark * 2 in block) and not gaps.any() and (gap := re.search(empty, block)):
            gaps[np.searchsorted(starts, gap.end() - 1, "right") - 1] = True
        if gaps.any():
            row = before + int(np.count_nonzero(held[: np.flatnonzero(gaps)[0]])) + 1
            raise InputError(
                f"{file} is no map of numbers (row {row} has an empty cell or a space in one)."
            )
    return starts[held].astype(np.int64), counts[held]


@lru_cache
def _table(separator: str | None) -> bytes:
    """Return the translation that puts each number of a line on a line of its own."""
    table = bytearray(range(256))
    for mark in b' \t\r\n"':
        table[mark] = NEWLINE
    if separator:
        table[ord(separator)] = NEWLINE
    if separator != ",":
        table[ord(",")] = ord(".")
    return bytes(table)


def _parse(block: bytes, separator: str | None) -> NDArray[np.float64] | None:
    """Return the numbers of a block one after the other, `None` if it holds anything else."""
    try:
        column = pd.read_csv(
            io.BytesIO(block.translate(_table(separator))),
            header=None,
            names=["number"],
            dtype=np.float64,
            sep="\x01",
            quoting=csv.QUOTE_NONE,
            low_memory=False,
        )
    except ValueError:
        return None
    return column["number"].to_numpy()


def _what_is_no_number(file: Path, block: bytes, separator: str | None, before: int) -> str:
    row = before
    for line in re.split(rb"[\r\n]+", block):
        cells = line.translate(_table(separator)).split()
        row += bool(cells)
        for cell in cells:
            try:
                float(cell)
            except ValueError:
                text = cell[:40].decode("latin-1")
                return f"{file} is no map of numbers (row {row} holds {text!r})."
    return f"{file} is no map of numbers."


def _ragged(file: Path, row: int, cells: int, width: int, numbered: bool) -> InputError:
    return InputError(
        f"{file} is no map of numbers (row {row + 1} has {cells - numbered} numbers where "
        f"{width - numbered} are expected; is the file cut short?).",
        row=row + 1,
        expected=f"{width - numbered} numbers",
    )


def _state(handle: int) -> tuple[int, int]:
    state = os.fstat(handle)
    return state.st_size, state.st_mtime_ns
