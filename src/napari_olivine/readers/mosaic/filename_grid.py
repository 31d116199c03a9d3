"""Places of tiles by the numbers in their names: ``r00_c01``, ``x3_y2``, ``Tile_001-002``.

Numbers that say something else are left out: those that are the same in every name, dates and
times, and numbers with a unit (15kV, 500x).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Cells = NDArray[np.int64]
Kind = Literal["labelled", "pair", "number"]
Order = Literal["rows", "rows serpentine", "columns", "columns serpentine"]

ORDERS: tuple[Order, ...] = ("rows", "rows serpentine", "columns", "columns serpentine")

FULLEST = 0.25
"""Share of a grid's places that must be taken for its two numbers to be believed."""

ALIKE = 0.6
"""Share of the names that must be built alike."""

LONGEST = 15
"""Digits of a number; longer ones are checksums or times."""

_NUMBER = re.compile(r"\d+")
_COPY = re.compile(r"^(?P<name>.*\S)\s*(\(\d+\)| - copy( \(\d+\))?|~\d+)$", re.IGNORECASE)
_DATE = re.compile(r"(?<!\d)(19|20)\d\d([-_.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])(?!\d)")
_TIME = re.compile(r"(?<!\d)([01]\d|2[0-3])([-_.:h]?)[0-5]\d([-_.:m]?)[0-5]\d(?!\d)")
_UNIT = re.compile(
    r"^\s?(kv|kev|ev|x(?=[\W_]|$)|um|µm|μm|nm|mm|ns|us|µs|ms|pa|na|deg|bit)(?![a-z])"
)
_ROW = re.compile(r"(?:^|[^a-z])(r|row|y|iy|line)[\s_\-=.#(]*$")
_COLUMN = re.compile(r"(?:^|[^a-z])(c|col|column|x|ix)[\s_\-=.#(]*$")
_MAGNIFICATION = re.compile(r"(mag|kv|wd|hv|dwell)[\s_\-=.]*$")


@dataclass(frozen=True)
class Reading:
    """One way to read the names.

    Parameters
    ----------
    words
        The pattern and order in words.
    cells
        Gives row and column of each matched name, shape (names, 2).
    """

    words: str
    cells: Callable[[], Cells]


@dataclass(frozen=True)
class Names:
    """What the numbers in the names of a mosaic's tiles may mean.

    Parameters
    ----------
    matched
        Which names hold the place of a tile, in the order given; the others do not.
    kind
        ``"labelled"`` (row and column are called so), ``"pair"`` (two numbers), ``"number"`` (a
        running number).
    readings
        The ways to read them, the most usual first.
    sure
        Whether the first reading is the only sensible one.
    """

    matched: list[int]
    kind: Kind
    readings: list[Reading]
    sure: bool


def read_names(
    names: Sequence[str],
    *,
    order: Order | None = None,
    columns: int | None = None,
    tile_shape: tuple[int, int] = (1, 1),
) -> Names | None:
    """List the ways to read places from names.

    Parameters
    ----------
    names
        Names (paths without suffix) of the tiles of one signal.
    order
        Order of running numbers from the top left corner; `None` to guess.
    columns
        Tiles in a row, for running numbers; `None` to guess.
    tile_shape
        Rows and columns of a tile, which help to guess.

    Returns
    -------
    Names or None
        `None` if the names hold no places.
    """
    if len(names) < 2:
        return None
    plain = _without_copies(names)
    for cleaned in _cleaned(plain):
        matched, texts, numbers = _alike(cleaned)
        if len(matched) < max(2, ALIKE * len(names)):
            continue
        found = _labelled(texts, numbers)
        if found is not None:
            return Names(matched, "labelled", found, len(found) == 1)
        usable = _usable(texts, numbers)
        found = _pair(numbers, usable)
        if found is not None:
            return Names(matched, "pair", found, False)
        running = _running(numbers, usable)
        if running is not None:
            readings = list(_numbered(running, order, columns, tile_shape))
            return Names(matched, "number", readings, len(readings) == 1)
    return None


def _without_copies(names: Sequence[str]) -> list[str]:
    """Call ``tile_3 (1)`` and ``tile_3 - Copy`` what they are a copy of, if that is there."""
    there = set(names)
    found = [(name, _COPY.match(name)) for name in names]
    return [match["name"] if match and match["name"] in there else name for name, match in found]


def _cleaned(names: list[str]) -> Iterator[list[str]]:
    """Yield the names without dates and times, without dates, and as they are."""
    dateless = [_DATE.sub("@", name) for name in names]
    timeless = [_TIME.sub("@", name) for name in dateless]
    if any("@" in name for name in timeless) and all("@" in name for name in timeless):
        yield timeless
    if dateless != names:
        yield dateless
    yield list(names)


def _alike(names: list[str]) -> tuple[list[int], list[str], NDArray[np.int64]]:
    """Find the names that are built alike: which, their texts between the numbers, the numbers."""
    texts = [tuple(part.lower() for part in _NUMBER.split(name)) for name in names]
    usual, _ = Counter(texts).most_common(1)[0]
    matched = [at for at, text in enumerate(texts) if text == usual]
    if len(matched) < max(2, ALIKE * len(names)):  # folders may differ, the file's name seldom
        ends = [_from_last_folder(text) for text in texts]
        usual, _ = Counter(ends).most_common(1)[0]
        matched = [at for at, text in enumerate(ends) if text == usual]
    count = len(usual) - 1
    rows = []
    for at in matched:
        digits = _NUMBER.findall(names[at])
        digits = digits[len(digits) - count :]
        rows.append([int(d) if len(d) <= LONGEST else 0 for d in digits])
    return matched, list(usual), np.array(rows, np.int64).reshape(len(matched), count)


def _from_last_folder(text: tuple[str, ...]) -> tuple[str, ...]:
    for at in range(len(text) - 1, -1, -1):
        if "/" in text[at]:
            return (text[at].rsplit("/", 1)[1], *text[at + 1 :])
    return text


def _usable(texts: list[str], numbers: NDArray[np.int64]) -> list[int]:
    """Numbers that vary and carry no unit."""
    return [
        at
        for at in range(numbers.shape[1])
        if (numbers[:, at] != numbers[0, at]).any()
        and not _UNIT.match(texts[at + 1])
        and not _MAGNIFICATION.search(texts[at])
    ]


def _labelled(texts: list[str], numbers: NDArray[np.int64]) -> list[Reading] | None:
    """Rows and columns that are called so (r, row, y, ... and c, col, x, ...)."""
    rows = [at for at in range(numbers.shape[1]) if _ROW.search(texts[at])]
    columns = [at for at in range(numbers.shape[1]) if _COLUMN.search(texts[at])]
    if not rows or not columns:
        return None
    row, column = rows[-1], columns[-1]
    label_row, label_column = _ROW.search(texts[row]), _COLUMN.search(texts[column])
    assert label_row and label_column
    words = f"rows and columns by {label_row[1]} and {label_column[1]} in the names"
    cells = np.stack([_counted(numbers[:, row]), _counted(numbers[:, column])], axis=1)
    if _fullness(cells) < FULLEST / 10:
        return None
    if label_row[1] in ("y", "iy"):  # coordinates may run any way, rows and columns do not
        return list(_flipped(words, cells))
    return [Reading(words, lambda: cells)]


def _pair(numbers: NDArray[np.int64], usable: list[int]) -> list[Reading] | None:
    """Two numbers that fill a grid, row first or column first."""
    best: tuple[float, int, int] | None = None
    for place, one in enumerate(usable):
        for other in usable[place + 1 :]:
            cells = np.stack([_counted(numbers[:, one]), _counted(numbers[:, other])], axis=1)
            unique = len(np.unique(cells, axis=0)) / len(cells)
            full = _fullness(cells)
            if unique >= 0.8 and full >= FULLEST and (best is None or full >= best[0]):
                best = (full, one, other)
    if best is None:
        return None
    alone = max((_alone(numbers[:, at]) for at in usable), default=0.0)
    if alone > best[0]:  # the other number is that of a session
        return None
    cells = np.stack([_counted(numbers[:, at]) for at in best[1:]], axis=1)
    turned = np.ascontiguousarray(cells[:, ::-1])
    return [
        reading
        for pair in zip(
            _flipped("row and column by the two numbers in the names", cells),
            _flipped("column and row by the two numbers in the names", turned),
            strict=True,
        )
        for reading in pair
    ]


def _running(numbers: NDArray[np.int64], usable: list[int]) -> NDArray[np.int64] | None:
    """Find the running number and count it from 0."""
    best = max(usable, key=lambda at: (_alone(numbers[:, at]), at), default=None)
    if best is None or _alone(numbers[:, best]) < FULLEST:
        return None
    return _counted(numbers[:, best])


def _numbered(
    numbers: NDArray[np.int64],
    order: Order | None,
    columns: int | None,
    tile_shape: tuple[int, int],
) -> Iterator[Reading]:
    """Yield the ways in which numbered tiles may follow each other."""
    count = int(numbers.max()) + 1
    corners = (
        ((False, False),) if order else ((False, False), (False, True), (True, False), (True, True))
    )
    for up, left in corners:
        for width in [columns] if columns else _widths(count, tile_shape):
            for one in [order] if order else ORDERS:
                yield _order(numbers, count, one, width, up, left)


def _order(
    numbers: NDArray[np.int64], count: int, order: Order, width: int, up: bool, left: bool
) -> Reading:
    height = -(-count // width)
    line = width if order.startswith("rows") else height

    def cells() -> Cells:
        major, minor = np.divmod(numbers, line)
        if order.endswith("serpentine"):
            minor = np.where(major % 2 == 1, line - 1 - minor, minor)
        row, column = (major, minor) if order.startswith("rows") else (minor, major)
        row = height - 1 - row if up else row
        column = int(column.max()) - column if left else column
        return np.stack([row, column], axis=1)

    corner = f"{'bottom' if up else 'top'} {'right' if left else 'left'}"
    turning = ", turning at each end" if order.endswith("serpentine") else ""
    along = "rows" if order.startswith("rows") else "columns"
    words = f"numbered along {along} of {line}{turning}, from the {corner}"
    return Reading(words, cells)


def _widths(count: int, tile_shape: tuple[int, int]) -> list[int]:
    """Possible numbers of columns, the one that makes the section 1.4 times as wide first."""
    whole = [width for width in range(1, count + 1) if count % width == 0]
    root = math.sqrt(count)
    if len(whole) <= 4:  # the last row may be incomplete
        whole += range(max(2, int(root / 2)), min(count, int(2 * root) + 1))
    aspect = tile_shape[1] / tile_shape[0]

    def oddness(width: int) -> float:
        return abs(math.log(width * width / count * aspect / 1.4))

    near = [width for width in set(whole) if width in (1, count) or 1 / 8 < width**2 / count < 8]
    return sorted(near, key=lambda width: (width in (1, count) and count > 3, oddness(width)))


def _flipped(words: str, cells: Cells) -> Iterator[Reading]:
    """Yield a reading as it is, and with rows or columns or both counted backwards."""
    last = cells.max(axis=0)
    for up, left in ((False, False), (True, False), (False, True), (True, True)):
        back = np.array([up, left])

        def turned(back: NDArray[np.bool_] = back) -> Cells:
            return np.where(back, last - cells, cells)

        flipped = " and ".join(n for n, is_back in (("rows", up), ("columns", left)) if is_back)
        yield Reading(words + (f", {flipped} backwards" if flipped else ""), turned)


def _counted(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count values from 0 in steps of their greatest common distance (x0, x1200, x2400, ...)."""
    away = values - values.min()
    step = int(np.gcd.reduce(away)) or 1
    return np.asarray(away // step, np.int64)


def _fullness(cells: Cells) -> float:
    places = float(np.prod((cells.max(axis=0) + 1).astype(float)))
    return len(np.unique(cells, axis=0)) / places


def _alone(values: NDArray[np.int64]) -> float:
    """How densely a number runs, 0 if it repeats."""
    counted = _counted(values)
    if len(np.unique(counted)) < 0.95 * len(counted):
        return 0.0
    return len(counted) / float(counted.max() + 1)
