"""A block of an image in patches that stay in the processor's cache, on two threads.

An array of a whole block is written to memory and read back in every pass over it, which takes
several times as long as the sums themselves. NumPy and OpenCV release Python's lock, so two
threads share the patches; each writes its own pixels, and the result is the same as of one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import NamedTuple, TypeVar

from napari_olivine.section import Block, blocks

ROWS, COLUMNS = 64, 1024
"""Of a patch: a float32 array of it takes 256 KiB, a quarter of the cache of a core."""

THREADS = 2

FEWEST = 5
"""Items from which a second thread is worth its start."""

Item = TypeVar("Item")


class Patch(NamedTuple):
    """A part of a block.

    Parameters
    ----------
    place
        Its pixels in the block.
    wide
        The same with a halo, cut to the block.
    inner
        Its pixels in `wide`.
    """

    place: Block
    wide: Block
    inner: Block


@lru_cache(64)
def patches(
    shape: tuple[int, ...], halo: int = 0, rows: int = ROWS, columns: int = COLUMNS
) -> tuple[Patch, ...]:
    """Cut a block into patches.

    Parameters
    ----------
    shape
        Rows and columns of the block.
    halo
        Pixels around each patch that its result depends on.
    rows, columns
        Of a patch; larger ones where the halo is wide.

    Returns
    -------
    tuple of Patch
        From top left to bottom right.
    """
    found = []
    for place in blocks(shape, rows, columns):
        wide = tuple(
            slice(max(one.start - halo, 0), min(one.stop + halo, side))
            for one, side in zip(place, shape, strict=True)
        )
        inner = tuple(
            slice(one.start - around.start, one.stop - around.start)
            for one, around in zip(place, wide, strict=True)
        )
        found.append(Patch(place, (wide[0], wide[1]), (inner[0], inner[1])))
    return tuple(found)


def go_on() -> None:
    """Let the work go on, where nobody can stop it."""


def each(
    work: Callable[[Item], object], items: Iterable[Item], check: Callable[[], None] = go_on
) -> None:
    """Do some work for each item, two at a time.

    Parameters
    ----------
    work
        What is done; it may not depend on the order of the items.
    items
        The items.
    check
        Called before each item, from any thread; what it raises stops the work.
    """
    waiting = deque(items)
    threads = min(THREADS, len(waiting) // FEWEST + 1)

    def go() -> None:
        while waiting:
            try:
                item = waiting.popleft()
            except IndexError:  # the other thread was faster
                return
            try:
                check()
                work(item)
            except BaseException:
                waiting.clear()
                raise

    if threads == 1:
        go()
        return
    with ThreadPoolExecutor(threads) as pool:
        for thread in [pool.submit(go) for _ in range(threads)]:
            thread.result()
