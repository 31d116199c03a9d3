"""The review queue: unreviewed crystals, the most uncertain first."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals import outside


@dataclass(frozen=True)
class Progress:
    """Progress of a review."""

    reviewed: int
    total: int

    @property
    def share(self) -> float:
        """Reviewed part, 1 where there is nothing to review."""
        return self.reviewed / self.total if self.total else 1.0


def reviewed(table: pd.DataFrame) -> pd.Series:
    """Tell which crystals a person has judged: a verdict, a class or a correction of theirs.

    Parameters
    ----------
    table
        Columns ``verdict``, ``reviewed_class`` and ``corrected``; missing ones count as empty.
    """
    done = pd.Series(False, table.index)
    for name in ("verdict", "reviewed_class"):
        if name in table:
            done |= table[name].fillna("").astype(str) != ""
    if "corrected" in table:
        done |= table["corrected"].eq(True)
    return done


class ReviewQueue:
    """Crystals that nobody has reviewed, the most doubtful first.

    Those outside the region of study are not among them.

    Equally doubtful ones come in the order of their numbers. Nothing here is slower than
    some milliseconds for 22,000 crystals.

    Parameters
    ----------
    table
        Crystals: ``id``, the columns of the review, and ``size_class`` where the queue is to be
        restricted by it.
    doubt
        Doubt by id; crystals without one come last.
    sizes
        Size classes to look at; all if not given.
    chosen
        Ids to look at, as a filter of the table leaves them; all if not given.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        doubt: pd.Series,
        *,
        sizes: Collection[str] | None = None,
        chosen: Iterable[int] | None = None,
    ) -> None:
        self._doubt = doubt.astype(np.float64)
        self._shown: list[int] = []
        self._sizes = sizes
        self._chosen = None if chosen is None else np.fromiter(chosen, np.int64)
        self._ids = np.zeros(0, np.int64)
        self._open = self._within = np.zeros(0, bool)
        self.sync(table)

    @property
    def ids(self) -> NDArray[np.int64]:
        """Ids of the crystals to review, the most doubtful first."""
        return self._ids[self._open & self._within]

    @property
    def progress(self) -> Progress:
        """Reviewed crystals among those that the queue is restricted to."""
        total = int(self._within.sum())
        return Progress(total - int((self._open & self._within).sum()), total)

    def __len__(self) -> int:
        return int((self._open & self._within).sum())

    def next(self, after: int | None = None) -> int | None:
        """Give the crystal to look at, and remember that it was shown.

        Parameters
        ----------
        after
            Crystal that was looked at last, reviewed or not: the next less doubtful one follows,
            and behind the last one the first. The most doubtful one if not given, or gone.

        Returns
        -------
        int or None
            Its id; None where all is reviewed. `after` itself where nothing else is left.
        """
        waiting = np.flatnonzero(self._open & self._within)
        if not waiting.size:
            return None
        place = -1 if after is None else self._place(after)
        behind = waiting[np.searchsorted(waiting, place, side="right") :]
        found = int(self._ids[behind[0] if behind.size else waiting[0]])
        if not self._shown or self._shown[-1] != found:
            self._shown.append(found)
        return found

    def coming(self, after: int | None, count: int) -> list[int]:
        """Give the crystals that :meth:`next` will give, without remembering them.

        Parameters
        ----------
        after
            Crystal that is looked at.
        count
            Number of crystals at most.

        Returns
        -------
        list of int
            Their ids in order; the queue ends here and does not begin again.
        """
        waiting = np.flatnonzero(self._open & self._within)
        place = -1 if after is None else self._place(after)
        first = int(np.searchsorted(waiting, place, side="right"))
        found: list[int] = self._ids[waiting[first : first + count]].tolist()
        return found

    def previous(self, before: int | None = None) -> int | None:
        """Give the crystal that was shown before, also if it is reviewed by now.

        Parameters
        ----------
        before
            Crystal that is looked at; the one that was shown last if not given.

        Returns
        -------
        int or None
            The last one that was shown before it and still exists; None where there is none.
        """
        shown = self._shown
        if before is not None and before in shown:
            last = len(shown) - shown[::-1].index(before)
            shown = shown[: last - 1]
        elif before is None:
            shown = shown[:-1]
        return next((k for k in reversed(shown) if k != before and self._place(k) >= 0), None)

    def close(self, *ids: int) -> None:
        """Take crystals as reviewed."""
        self._open[self._places(ids)] = False

    def sync(self, table: pd.DataFrame, doubt: pd.Series | None = None) -> None:
        """Follow the table: verdicts given or taken back, crystals that vanished or appeared.

        Parameters
        ----------
        table
            Crystals as they are now.
        doubt
            Doubts by id of those that are new or whose doubt has changed; the others keep theirs.
        """
        if doubt is not None:
            kept = self._doubt[~self._doubt.index.isin(doubt.index)]
            self._doubt = pd.concat([kept, doubt.astype(np.float64)])
        table = table[~outside(table)]
        ids = table["id"].to_numpy(np.int64)
        waiting = ~reviewed(table).to_numpy()
        sizes = table["size_class"].astype(str).to_numpy() if "size_class" in table else None
        self._arrange(ids, waiting, sizes)

    def rank(self, doubt: pd.Series) -> None:
        """Put the crystals in the order of new doubts, by id; those without one come last."""
        self._doubt = doubt.astype(np.float64)
        self._arrange(self._ids, self._open, self._size_of)

    def restrict(
        self, sizes: Collection[str] | None = None, chosen: Iterable[int] | None = None
    ) -> None:
        """Look only at some size classes, or at some ids; at all if neither is given."""
        self._sizes = sizes
        self._chosen = None if chosen is None else np.fromiter(chosen, np.int64)
        self._arrange(self._ids, self._open, self._size_of)

    def _arrange(
        self,
        ids: NDArray[np.int64],
        waiting: NDArray[np.bool_],
        sizes: NDArray[np.object_] | None,
    ) -> None:
        doubt = self._doubt.reindex(ids).fillna(-1).to_numpy(np.float64)
        order = np.lexsort((ids, -doubt))
        self._ids, self._open = ids[order], waiting[order]
        self._size_of = None if sizes is None else sizes[order]
        self._by_id = np.argsort(self._ids)
        self._within = np.ones(len(ids), bool)
        if self._sizes is not None and self._size_of is not None:
            self._within &= np.isin(self._size_of.astype(str), list(self._sizes))
        if self._chosen is not None:
            self._within &= np.isin(self._ids, self._chosen)

    def _places(self, ids: Iterable[int]) -> list[int]:
        return [place for place in map(self._place, ids) if place >= 0]

    def _place(self, crystal: int) -> int:
        """Place of a crystal in the order of doubt, -1 if it is gone."""
        at = int(np.searchsorted(self._ids, crystal, sorter=self._by_id))
        if at < len(self._ids) and self._ids[self._by_id[at]] == crystal:
            return int(self._by_id[at])
        return -1
