"""What the answers of a person tell about the crystals that nobody has looked at yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.review.criterion import column
from napari_olivine.review.queue import reviewed
from napari_olivine.review.uncertainty import CRITERIA

LEAST = 3
"""Answers of either kind below which the rules' doubt stands alone (ours)."""

RULES_WORTH = 20.0
"""Answers that the opinion of the rules is worth (ours): it fades as more come in."""

RULES_CRYSTALS = 400
"""Crystals on which the rules are asked, at most."""

FOLDS = 5
"""Parts of the answers, each judged once by what was learned from the others, at most."""

STEPS = 64
"""Steps of a measurement that the trees tell apart, each with as many crystals."""

MEASUREMENTS = [
    "area_um2", "mg_q05", "mg_q50", "mg_q95", "mg_difference", "core_rim_ratio", "centre_outer",
    "mantle_excess", "coherence", "patchiness", "asymmetry", "slenderness", "zone_probability",
    "p_unzoned", "p_patchy", "aspect_ratio", "circularity", "solidity", "rounding",
    "hole_fraction", "crack_fraction", "mean_probability", "agreement", "boundary_grey_step",
    "boundary_contrast", "boundary_probability_step", "edge_contact", "gap_contact",
]  # fmt: skip
"""Columns of the table that are learned from: what a crystal is like, not where it lies."""


@dataclass(frozen=True)
class _Steps:
    """Measurements in steps of equal numbers of crystals.

    Trees need no more, and scikit-learn takes half a second to find such steps when the answers
    are weighted.
    """

    columns: tuple[int, ...]
    edges: tuple[NDArray[np.float64], ...]

    @classmethod
    def between(cls, measured: pd.DataFrame) -> _Steps:
        """Find the steps of the columns of which something is known."""
        found = {}
        for place, values in enumerate(measured.to_numpy(np.float64).T):
            values = values[np.isfinite(values)]
            if values.size:
                edges = np.unique(np.quantile(values, np.linspace(0, 1, STEPS + 1)[1:-1]))
                found[place] = edges
        return cls(tuple(found), tuple(found.values()))

    def of(self, measured: pd.DataFrame) -> NDArray[np.float64]:
        """Step of each value, NaN where it is unknown; shape (crystals, columns)."""
        values = measured.to_numpy(np.float64)[:, list(self.columns)]
        steps = [
            np.searchsorted(e, v, side="right") for e, v in zip(self.edges, values.T, strict=True)
        ]
        return np.where(np.isnan(values), np.nan, np.stack(steps, axis=1))


@dataclass(frozen=True)
class Learned:
    """What was learned, and how good it is."""

    answers: int
    """Crystals that were learned from."""
    wrong: int
    """Of them, misclassified ones."""
    auc: float | None = None
    """Area under the ROC curve of answers that were left out when learning (cross-validated): the
    chance that a misclassified crystal ranks above a right one. Where the most doubtful were
    answered first, these are harder to tell apart than the rest. None where not measured."""
    auc_se: float | None = None
    """Its standard error (Hanley and McNeil 1982)."""
    _model: Any = field(default=None, repr=False)
    _steps: _Steps | None = field(default=None, repr=False)

    @property
    def by_rules_alone(self) -> bool:
        """Whether there were too few answers to learn from."""
        return self._model is None

    def misclassified(self, measured: pd.DataFrame) -> pd.Series:
        """Probability that each crystal is misclassified, 0 to 1, by id.

        Parameters
        ----------
        measured
            From :func:`measurements`. With too few answers it is the rules' doubt.
        """
        if self._steps is None or not len(measured):
            return measured["doubt"].rename("misclassified")
        found = self._model.predict_proba(self._steps.of(measured))[:, 1]
        return pd.Series(found, measured.index, name="misclassified")

    def in_words(self) -> str:
        """Say it to the person who gave the answers."""
        right = self.answers - self.wrong
        given = f"{self.answers} answers ({self.wrong} wrong, {right} right)"
        if self.by_rules_alone:
            return f"Ordered by rules alone: {given}, {LEAST} of each kind are needed to learn."
        if self.auc is None:
            return f"Learned from {given}."
        return (
            f"Learned from {given}: of a wrong and a right one among them the program finds the "
            f"wrong one in {100 * self.auc:.0f} +- {100 * (self.auc_se or 0):.0f} % of cases (50 % "
            "is guessing)."
        )


def measurements(table: pd.DataFrame, doubted: pd.DataFrame) -> pd.DataFrame:
    """Gather what is learned from.

    Parameters
    ----------
    table
        Crystals; measurements may be missing or empty.
    doubted
        From :func:`~napari_olivine.review.doubts` of the same table.

    Returns
    -------
    pandas.DataFrame
        float, one row a crystal, its id as the index: the rules' ``doubt`` and its grounds,
        then :data:`MEASUREMENTS`.
    """
    columns = {name: column(doubted, name) for name in ("doubt", *CRITERIA)}
    columns |= {name: column(table, name) for name in MEASUREMENTS}
    return pd.DataFrame(columns, index=pd.Index(table["id"].to_numpy(np.int64), name="id"))


def answers(before: pd.DataFrame, now: pd.DataFrame) -> pd.Series:
    """Read the answers of a person off the table.

    A crystal was misclassified if it was rejected, its outline corrected (also by a merge or a
    split that took it away), or its class changed; it was right if it was accepted, or its class
    confirmed.

    Parameters
    ----------
    before
        Crystals as the program made them, whose measurements are learned from: after a correction
        a crystal is what it should be.
    now
        The same with the columns of the review, after all edits.

    Returns
    -------
    pandas.Series
        True for misclassified, by id, of the crystals in `before` that were answered.
    """
    if not len(before):
        return pd.Series([], pd.Index([], dtype=np.int64, name="id"), dtype=bool, name="wrong")
    table = now.set_index("id").reindex(before["id"])
    gone = ~table.index.isin(now["id"])
    wrong = gone.copy()
    done = gone | reviewed(table).to_numpy()
    if "verdict" in table:
        wrong |= (table["verdict"] == "rejected").to_numpy()
    if "corrected" in table:
        wrong |= table["corrected"].eq(True).to_numpy()
    if "reviewed_class" in table and "zone_class" in before:
        given = table["reviewed_class"].fillna("").astype(str).to_numpy()
        wrong |= (given != "") & (given != before["zone_class"].astype(str).to_numpy())
    index = pd.Index(before["id"].to_numpy(np.int64)[done], name="id")
    return pd.Series(wrong[done], index, name="wrong")


def learn(
    measured: pd.DataFrame, wrong: pd.Series, *, seed: int = 0, validate: bool = True
) -> Learned:
    """Learn from answers which crystals are misclassified.

    Gradient boosting of small trees (Friedman 2001; histogram version of scikit-learn) on the
    measurements and the rules' doubt. The rules take part as so many answers: some crystals
    count both as wrong, with the doubt as weight, and as right, with the rest. So a few answers
    move the order of the queue a little, and many outweigh the rules.

    Parameters
    ----------
    measured
        From :func:`measurements`, of the crystals as they were when they were answered; those
        without an answer serve to ask the rules.
    wrong
        From :func:`answers`.
    seed
        Of the crystals on which the rules are asked, and of the folds.
    validate
        Whether to measure how good it is, which takes some five times as long.
    """
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    wrong = wrong[wrong.index.isin(measured.index)].astype(bool)
    known = measured.index.get_indexer(wrong.index)
    truth = wrong.to_numpy()
    counted = Learned(len(truth), int(truth.sum()))
    fewer = min(counted.wrong, counted.answers - counted.wrong)
    if fewer < LEAST:
        return counted
    steps = _Steps.between(measured)
    values = steps.of(measured)
    doubt = measured["doubt"].to_numpy(np.float64)
    asked = np.random.default_rng(seed).permutation(len(values))[:RULES_CRYSTALS]
    model = _fit(values[known], truth, values[asked], doubt[asked], seed)
    auc = error = None
    if validate:
        judged = np.zeros(len(truth))
        folds = StratifiedKFold(min(FOLDS, fewer), shuffle=True, random_state=seed)
        for others, fold in folds.split(known, truth):
            one = _fit(values[known[others]], truth[others], values[asked], doubt[asked], seed)
            judged[fold] = one.predict_proba(values[known[fold]])[:, 1]
        auc = float(roc_auc_score(truth, judged))
        error = _auc_error(auc, counted.wrong, counted.answers - counted.wrong)
    return Learned(counted.answers, counted.wrong, auc, error, model, steps)


def _auc_error(auc: float, wrong: int, right: int) -> float:
    """Tell the standard error of an area under a ROC curve (Hanley and McNeil 1982, eq. 1)."""
    two_wrong, two_right = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc)
    variance += (wrong - 1) * (two_wrong - auc**2) + (right - 1) * (two_right - auc**2)
    return float(np.sqrt(max(variance, 0) / (wrong * right)))


def _fit(
    values: NDArray[np.float64],
    wrong: NDArray[np.bool_],
    asked: NDArray[np.float64],
    doubt: NDArray[np.float64],
    seed: int,
) -> Any:
    """Learn from answers and from the rules' opinion of some crystals."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        learning_rate=0.1, max_iter=40, max_leaf_nodes=5, min_samples_leaf=5,
        l2_regularization=1.0, early_stopping=False, random_state=seed,
    )  # fmt: skip
    share = RULES_WORTH / len(asked)
    every = np.concatenate([values, asked, asked])
    # A column of which nothing is known here cannot be binned.
    every[0, np.isnan(every).all(axis=0)] = 0
    return model.fit(
        every,
        np.concatenate([wrong, np.ones(len(asked), bool), np.zeros(len(asked), bool)]),
        sample_weight=np.concatenate([np.ones(len(values)), share * doubt, share * (1 - doubt)]),
    )
