"""A person's review of the crystals of a section: what to look at next, and what was answered."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import pandas as pd

from napari_olivine.crystals.edits import Change, CrystalStore, Edit, Entry
from napari_olivine.job import Job
from napari_olivine.review.learning import Learned, answers, learn, measurements
from napari_olivine.review.queue import ReviewQueue
from napari_olivine.review.uncertainty import doubts
from napari_olivine.section import Section


class Review:
    """Crystals open for edits, in the order of how doubtful they are.

    Parameters
    ----------
    section
        Section with crystals.
    write
        Whether answers are to be given; see :attr:`store` for whether they can.
    job
        Memory and seed.

    Raises
    ------
    SectionError
        If there are no crystals, or the journal is damaged.
    """

    def __init__(self, section: Section, *, write: bool = True, job: Job | None = None) -> None:
        self.job = job or Job()
        self.store = CrystalStore(section, write=write, job=self.job)
        self.settings = self.store.settings
        self._decisions = [_decisions(self.store.folder, name) for name in ("cuts", "gaps")]
        found = self.store.found()
        self._found = found
        doubted = self._doubts(found)
        self._measured = measurements(found, doubted)
        self.doubts = doubted.set_index("id")
        self.queue = ReviewQueue(self.store.table, self.doubts["doubt"])
        self.learned = Learned(0, 0)
        self.ranking = self.doubts["doubt"]

    @property
    def table(self) -> pd.DataFrame:
        """Crystals as they are now, with ``id`` as index."""
        return self.store.table

    @property
    def section(self) -> Section:
        """Section of the crystals."""
        return self.store.section

    # ------------------------------------------------------------------ answering

    def do(self, edit: Edit, *, who: str = "") -> tuple[Entry, Change]:
        """Carry out an edit; see :meth:`CrystalStore.do`."""
        entry, change = self.store.do(edit, who=who)
        self.queue.sync(self.store.table)
        return entry, change

    def undo(self) -> tuple[Entry, Change | None]:
        """Take back the last edit; see :meth:`CrystalStore.undo`."""
        entry, change = self.store.undo()
        self.queue.sync(self.store.table)
        return entry, change

    def redo(self) -> tuple[Entry, Change | None]:
        """Do again what was taken back; see :meth:`CrystalStore.redo`."""
        entry, change = self.store.redo()
        self.queue.sync(self.store.table)
        return entry, change

    def because(self, crystal: int) -> str:
        """Tell why a crystal was to be doubted before it was corrected, if it was there then."""
        return str(self.doubts["because"].get(crystal, "drawn by hand"))

    # ------------------------------------------------------------------ ordering

    def restrict(
        self, *, sizes: Collection[str] | None = None, chosen: Iterable[int] | None = None
    ) -> None:
        """Look at some size classes, or some crystals, only."""
        self.queue.restrict(sizes=sizes, chosen=chosen)

    def study(self, table: pd.DataFrame | None = None) -> tuple[Learned, pd.Series]:
        """Learn from the answers; slow, nothing changes, fit for another thread.

        Parameters
        ----------
        table
            Crystals with the answers; those of now if not given.

        Returns
        -------
        learned, doubt
            For :meth:`rank`.
        """
        now = self.store.table if table is None else table
        learned = learn(self._measured, answers(self._found, now), seed=self.job.seed)
        if learned.by_rules_alone:
            return learned, self.doubts["doubt"]
        new = now[~now["id"].isin(self._measured.index)]
        measured = pd.concat([self._measured, measurements(new, self._doubts(new))])
        return learned, learned.misclassified(measured)

    def rank(self, learned: Learned, doubt: pd.Series) -> None:
        """Put what was not looked at yet in another order."""
        self.learned, self.ranking = learned, doubt
        self.queue.rank(doubt)

    def close(self) -> None:
        """Write the table and let others edit."""
        self.store.close()

    # ------------------------------------------------------------------ inside

    def _doubts(self, table: pd.DataFrame) -> pd.DataFrame:
        opinion = table.set_index("id")["agreement"] if "agreement" in table else None
        cuts, gaps = self._decisions
        return doubts(table, cuts, gaps, second_opinion=opinion, settings=self.settings)


def _decisions(folder: Path, name: str) -> pd.DataFrame | None:
    file = folder / f"{name}.parquet"
    return pd.read_parquet(file) if file.exists() else None
