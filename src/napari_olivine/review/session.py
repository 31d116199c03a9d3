"""A person's review of the crystals of a section: the queue, and the edits of the reviewer."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import pandas as pd

from napari_olivine.crystals import KIND, recognised_kinds, with_recognised
from napari_olivine.crystals.edits import Change, CrystalStore, Edit, Entry
from napari_olivine.job import Job
from napari_olivine.review.learning import (
    MisclassificationModel,
    fit_misclassification,
    learning_features,
    review_outcomes,
)
from napari_olivine.review.queue import ReviewQueue
from napari_olivine.review.uncertainty import rate_uncertainty
from napari_olivine.section import Section

PERSONS = (KIND, "verdict")
"""Columns of a person that tell which kinds are no olivine."""


class Review:
    """Crystals open for edits, ordered by uncertainty, the most uncertain first.

    Parameters
    ----------
    section
        Section with crystals.
    write
        Whether edits are wanted; :attr:`store` tells whether they are possible.
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
        uncertainty = self._rate(found)
        self._features = learning_features(found, uncertainty)
        self.uncertainty = uncertainty.set_index("id")
        self.queue = ReviewQueue(self.store.table, self.uncertainty["doubt"])
        self.learned = MisclassificationModel(0, 0)
        self.ranking = self.uncertainty["doubt"]

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
        """Redo an edit that was undone; see :meth:`CrystalStore.redo`."""
        entry, change = self.store.redo()
        self.queue.sync(self.store.table)
        return entry, change

    def because(self, crystal: int) -> str:
        """Describe why a crystal was uncertain before it was corrected."""
        return str(self.uncertainty["because"].get(crystal, "drawn by hand"))

    # ------------------------------------------------------------------ ordering

    def restrict(
        self, *, sizes: Collection[str] | None = None, chosen: Iterable[int] | None = None
    ) -> None:
        """Restrict the queue to some size classes, or to some crystals."""
        self.queue.restrict(sizes=sizes, chosen=chosen)

    def learn(self, table: pd.DataFrame | None = None) -> tuple[MisclassificationModel, pd.Series]:
        """Learn from the reviewed crystals; slow, changes nothing, may run in another thread.

        Parameters
        ----------
        table
            Crystals with the review; the current ones if not given.

        Returns
        -------
        learned, doubt
            For :meth:`rank`.
        """
        now = self.store.table if table is None else table
        learned = fit_misclassification(
            self._features, review_outcomes(self._found, now), seed=self.job.seed
        )
        if learned.by_rules_alone:
            return learned, self.uncertainty["doubt"]
        new = now[~now["id"].isin(self._features.index)]
        features = pd.concat([self._features, learning_features(new, self._rate(new))])
        return learned, learned.misclassified(features)

    def rank(self, learned: MisclassificationModel, doubt: pd.Series) -> None:
        """Order the unreviewed crystals by new probabilities."""
        self.learned, self.ranking = learned, doubt
        self.queue.rank(doubt)

    def close(self) -> None:
        """Write the table and let others edit."""
        self.store.close()

    # ------------------------------------------------------------------ inside

    def _rate(self, table: pd.DataFrame) -> pd.DataFrame:
        now, ids = self.store.table, table["id"]
        known = {name: now[name].reindex(ids).to_numpy() for name in PERSONS if name in now}
        table = with_recognised(table.assign(**known), recognised_kinds(self.section))
        opinion = table.set_index("id")["agreement"] if "agreement" in table else None
        cuts, gaps = self._decisions
        return rate_uncertainty(table, cuts, gaps, second_opinion=opinion, settings=self.settings)


def _decisions(folder: Path, name: str) -> pd.DataFrame | None:
    file = folder / f"{name}.parquet"
    return pd.read_parquet(file) if file.exists() else None
