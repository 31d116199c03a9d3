"""Active learning: from the reviewed crystals, which of the others are misclassified."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.review.criterion import numbers
from napari_olivine.review.queue import reviewed
from napari_olivine.review.uncertainty import CRITERIA

LEAST = 3
"""Reviewed crystals of either kind below which only the rules count (ours)."""

RULES_WORTH = 20.0
"""Weight of the rules, in reviewed crystals (ours): it fades as more are reviewed."""

RULES_CRYSTALS = 400
"""Crystals that the rules label, at most."""

FOLDS = 5
"""Folds of the cross-validation, at most."""

STEPS = 64
"""Quantile bins of a measurement that the trees split between."""

MEASUREMENTS = [
    "area_um2", "mg_q05", "mg_q50", "mg_q95", "mg_difference", "core_rim_ratio", "centre_outer",
    "mantle_excess", "coherence", "patchiness", "asymmetry", "slenderness", "zone_probability",
    "p_unzoned", "p_patchy", "aspect_ratio", "circularity", "solidity", "rounding",
    "hole_fraction", "crack_fraction", "mean_probability", "agreement", "boundary_grey_step",
    "boundary_contrast", "boundary_probability_step", "edge_contact", "gap_contact",
]  # fmt: skip
"""Columns of the table that are features: properties of the crystal, not its position."""


@dataclass(frozen=True)
class _Bins:
    """Quantile bins of the measurements.

    Trees need no more, and scikit-learn takes half a second to find bins of weighted samples.
    """

    columns: tuple[int, ...]
    edges: tuple[NDArray[np.float64], ...]

    @classmethod
    def between(cls, measured: pd.DataFrame) -> _Bins:
        """Find the bins of the columns with any known value."""
        found = {}
        for place, values in enumerate(measured.to_numpy(np.float64).T):
            values = values[np.isfinite(values)]
            if values.size:
                edges = np.unique(np.quantile(values, np.linspace(0, 1, STEPS + 1)[1:-1]))
                found[place] = edges
        return cls(tuple(found), tuple(found.values()))

    def of(self, measured: pd.DataFrame) -> NDArray[np.float64]:
        """Bin of each value, NaN where it is unknown; shape (crystals, columns)."""
        values = measured.to_numpy(np.float64)[:, list(self.columns)]
        bins = [
            np.searchsorted(e, v, side="right") for e, v in zip(self.edges, values.T, strict=True)
        ]
        return np.where(np.isnan(values), np.nan, np.stack(bins, axis=1))


@dataclass(frozen=True)
class MisclassificationModel:
    """Model of the probability that a crystal is misclassified, and how good it is."""

    answers: int
    """Reviewed crystals that it was fitted to."""
    wrong: int
    """Misclassified ones among them."""
    auc: float | None = None
    """Area under the ROC curve, cross-validated: the probability that a misclassified crystal ranks
    above a right one. Where the most uncertain crystals were reviewed first, these are harder to
    separate than the rest. None where not measured."""
    auc_se: float | None = None
    """Its standard error."""
    _model: Any = field(default=None, repr=False)
    _bins: _Bins | None = field(default=None, repr=False)

    @property
    def by_rules_alone(self) -> bool:
        """Whether too few crystals were reviewed to learn from."""
        return self._model is None

    def misclassified(self, features: pd.DataFrame) -> pd.Series:
        """Probability that each crystal is misclassified, 0 to 1, by id.

        Parameters
        ----------
        features
            From :func:`learning_features`. With too few reviewed crystals it is the rules' doubt.
        """
        if self._bins is None or not len(features):
            return features["doubt"].rename("misclassified")
        found = self._model.predict_proba(self._bins.of(features))[:, 1]
        return pd.Series(found, features.index, name="misclassified")

    def describe(self) -> str:
        """Describe the model to the reviewer."""
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


def learning_features(table: pd.DataFrame, uncertainty: pd.DataFrame) -> pd.DataFrame:
    """Gather the features of each crystal.

    Parameters
    ----------
    table
        Crystals; measurements may be missing or empty.
    uncertainty
        From :func:`~napari_olivine.review.rate_uncertainty` of the same table.

    Returns
    -------
    pandas.DataFrame
        float, one row a crystal, its id as the index: the rules' ``doubt`` and its grounds,
        then :data:`MEASUREMENTS`.
    """
    columns = {name: numbers(uncertainty, name) for name in ("doubt", *CRITERIA)}
    columns |= {name: numbers(table, name) for name in MEASUREMENTS}
    return pd.DataFrame(columns, index=pd.Index(table["id"].to_numpy(np.int64), name="id"))


def review_outcomes(before: pd.DataFrame, now: pd.DataFrame) -> pd.Series:
    """Label the reviewed crystals as misclassified or right.

    A crystal was misclassified if it was rejected, its outline corrected (also by a merge or a
    split that took it away), or its class changed; it was right if it was accepted, or its class
    confirmed.

    Parameters
    ----------
    before
        Crystals as the program made them, before any correction.
    now
        The same with the columns of the review, after all edits.

    Returns
    -------
    pandas.Series
        True for misclassified, by id, of the crystals in `before` that were reviewed.
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


def fit_misclassification(
    features: pd.DataFrame, wrong: pd.Series, *, seed: int = 0, validate: bool = True
) -> MisclassificationModel:
    """Fit a model of misclassification to reviewed crystals.

    Gradient boosting of small trees (histogram version of scikit-learn) on the measurements and the
    rules' doubt. The rules take part as reviewed crystals (ours): some crystals count both as
    wrong, with the doubt as weight, and as right, with the rest. So few reviewed crystals change
    the order of the queue a little, and many outweigh the rules.

    Parameters
    ----------
    features
        From :func:`learning_features`, of the crystals as they were when they were reviewed; the
        rules label some of all crystals.
    wrong
        From :func:`review_outcomes`.
    seed
        Of the crystals that the rules label, and of the folds.
    validate
        Whether to measure the area under the ROC curve, which takes some five times as long.

    Returns
    -------
    MisclassificationModel
        Of the rules alone where too few crystals were reviewed.

    References
    ----------
    Friedman, J. H. (2001). Greedy function approximation: a gradient boosting machine. Annals of
    Statistics 29, 1189-1232. doi 10.1214/aos/1013203451
    Hanley, J. A. and McNeil, B. J. (1982). The meaning and use of the area under a receiver
    operating characteristic (ROC) curve. Radiology 143, 29-36. doi 10.1148/radiology.143.1.7063747
    """
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    wrong = wrong[wrong.index.isin(features.index)].astype(bool)
    known = features.index.get_indexer(wrong.index)
    truth = wrong.to_numpy()
    counted = MisclassificationModel(len(truth), int(truth.sum()))
    fewer = min(counted.wrong, counted.answers - counted.wrong)
    if fewer < LEAST:
        return counted
    bins = _Bins.between(features)
    values = bins.of(features)
    doubt = features["doubt"].to_numpy(np.float64)
    labelled = np.random.default_rng(seed).permutation(len(values))[:RULES_CRYSTALS]
    model = _fit(values[known], truth, values[labelled], doubt[labelled], seed)
    auc = error = None
    if validate:
        judged = np.zeros(len(truth))
        folds = StratifiedKFold(min(FOLDS, fewer), shuffle=True, random_state=seed)
        for others, fold in folds.split(known, truth):
            one = _fit(
                values[known[others]], truth[others], values[labelled], doubt[labelled], seed
            )
            judged[fold] = one.predict_proba(values[known[fold]])[:, 1]
        auc = float(roc_auc_score(truth, judged))
        error = _auc_error(auc, counted.wrong, counted.answers - counted.wrong)
    return MisclassificationModel(counted.answers, counted.wrong, auc, error, model, bins)


def _auc_error(auc: float, wrong: int, right: int) -> float:
    """Return the standard error of an area under a ROC curve (Hanley and McNeil 1982, eq. 1)."""
    two_wrong, two_right = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc)
    variance += (wrong - 1) * (two_wrong - auc**2) + (right - 1) * (two_right - auc**2)
    return float(np.sqrt(max(variance, 0) / (wrong * right)))


def _fit(
    values: NDArray[np.float64],
    wrong: NDArray[np.bool_],
    labelled: NDArray[np.float64],
    doubt: NDArray[np.float64],
    seed: int,
) -> Any:
    """Fit to reviewed crystals, and to the labels of the rules for some crystals."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        learning_rate=0.1, max_iter=40, max_leaf_nodes=5, min_samples_leaf=5,
        l2_regularization=1.0, early_stopping=False, random_state=seed,
    )  # fmt: skip
    share = RULES_WORTH / len(labelled)
    every = np.concatenate([values, labelled, labelled])
    # A column without any known value cannot be binned.
    every[0, np.isnan(every).all(axis=0)] = 0
    return model.fit(
        every,
        np.concatenate([wrong, np.ones(len(labelled), bool), np.zeros(len(labelled), bool)]),
        sample_weight=np.concatenate([np.ones(len(values)), share * doubt, share * (1 - doubt)]),
    )
