"""Classifiers of scikit-learn on features of images.

What is stored are the features of the training and the settings; loading fits again, which gives
the same classifier and runs no code of the file.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError, first_line
from napari_olivine.job import Job
from napari_olivine.recognition.classifier import ModelCard
from napari_olivine.recognition.features import FeatureKind, FeaturePlan, features_of, plan_features
from napari_olivine.recognition.images import ImageSet
from napari_olivine.recognition.known_region import KnownRegion

ARRAYS = "training.npz"
"""Features and classes of the training images."""

COMPONENTS = 64
"""Principal components of many features that a classifier by distances sees (ours)."""

Floats = NDArray[np.float32]


def _decision_tree(_: NDArray[np.intp], seed: int) -> Any:
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(min_samples_leaf=2, class_weight="balanced", random_state=seed)


def _svm(targets: NDArray[np.intp], seed: int) -> Any:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.model_selection import StratifiedKFold
    from sklearn.svm import SVC

    machine = SVC(class_weight="balanced", random_state=seed)
    fewest = int(np.bincount(targets)[np.unique(targets)].min())
    if fewest < 2:
        return _one_against_all(machine)
    folds = StratifiedKFold(min(5, fewest), shuffle=True, random_state=seed)
    return CalibratedClassifierCV(machine, ensemble=False, cv=folds)


def _one_against_all(machine: Any) -> Any:
    """Turn decisions into probabilities where a class has one image, and no fold can be made."""
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Softened(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        def fit(self, values: Floats, targets: NDArray[np.intp]) -> Self:
            machine.fit(values, targets)
            self.classes_ = machine.classes_
            return self

        def predict_proba(self, values: Floats) -> NDArray[np.float64]:
            from scipy.special import softmax

            score = machine.decision_function(values)
            both = np.stack([-score, score], 1) if score.ndim == 1 else score
            return np.asarray(softmax(both, axis=1))

    return Softened()


def _random_forest(_: NDArray[np.intp], seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(300, class_weight="balanced_subsample", random_state=seed)


def _naive_bayes(targets: NDArray[np.intp], _: int) -> Any:
    from sklearn.naive_bayes import GaussianNB

    count = len(np.unique(targets))
    # Without smoothing, features that hardly vary within a few images decide alone.
    return GaussianNB(priors=np.full(count, 1 / count), var_smoothing=1e-2)


def _adaboost(_: NDArray[np.intp], seed: int) -> Any:
    from sklearn.ensemble import AdaBoostClassifier
    from sklearn.tree import DecisionTreeClassifier

    return AdaBoostClassifier(
        DecisionTreeClassifier(max_depth=2), n_estimators=100, random_state=seed
    )


def _gradient_boosting(_: NDArray[np.intp], seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=100, max_leaf_nodes=15, min_samples_leaf=5, l2_regularization=1.0,
        early_stopping=False, class_weight="balanced", random_state=seed,
    )  # fmt: skip


def _k_nearest(targets: NDArray[np.intp], _: int) -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(min(5, len(targets)), weights="distance")


def _logistic(_: NDArray[np.intp], seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=0.03, class_weight="balanced", max_iter=2000, random_state=seed)


ALGORITHMS: dict[str, Callable[[NDArray[np.intp], int], Any]] = {
    "decision_tree": _decision_tree,
    "svm": _svm,
    "random_forest": _random_forest,
    "naive_bayes": _naive_bayes,
    "adaboost": _adaboost,
    "gradient_boosting": _gradient_boosting,
    "k_nearest": _k_nearest,
    "logistic": _logistic,
}
"""Each makes an estimator for the classes of the training and a seed."""


class ClassicalClassifier:
    """A classifier of scikit-learn on features of images.

    Parameters
    ----------
    name
        Name in the registry.
    algorithm
        One of `ALGORITHMS`.
    features
        What it sees of an image.
    encoder
        Network whose layers are features, see `deep_features.choose_encoder`.
    refused
        Share of known images that it may call none of these, see `KnownRegion`; `None` calls none
        so.
    """

    def __init__(
        self,
        name: str,
        algorithm: str,
        features: FeatureKind = "all",
        encoder: str = "auto",
        refused: float | None = None,
    ) -> None:
        self.name, self.algorithm = name, algorithm
        self.refused, self.knows_none = refused, refused is not None
        self._region: KnownRegion | None = None
        self.features, self.encoder = features, encoder
        self.classes: tuple[str, ...] = ()
        self.plan: FeaturePlan | None = None
        self.values: Floats = np.zeros((0, 0), np.float32)
        self.targets: NDArray[np.intp] = np.zeros(0, np.intp)
        self._seed = 0
        self.um_per_px: tuple[float, float] | None = None
        self._model: Any = None

    def fit(self, images: ImageSet, job: Job) -> None:
        """Learn from the labelled images; see `Classifier.fit`.

        Nothing is chosen by images of the split ``"val"``, so that they are learned from too.
        """
        images.require_classes()
        images = images.labelled()
        self.plan = plan_features(self.features, images, self.encoder, job)
        self.values = features_of(images, self.plan, job)
        self.targets = images.targets()
        self.classes, self._seed = images.classes, job.seed
        known = [one.um_per_px for one in images.images if one.um_per_px is not None]
        self.um_per_px = (min(known), max(known)) if known else None
        self._fit()

    def _fit(self) -> None:
        from sklearn.decomposition import PCA
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer, StandardScaler

        assert self.plan is not None
        steps = [SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()]
        if self.plan.kind == "all":
            # Else a thousand channels of a network would drown what was measured.
            weight = block_weights(self.plan, self.values.shape[1])
            steps.append(FunctionTransformer(weight.__mul__))
        if self.plan.is_deep and self.algorithm in ("k_nearest", "svm", "logistic"):
            most = min(COMPONENTS, *self.values.shape)
            steps.append(PCA(most, svd_solver="full"))
        estimator = ALGORITHMS[self.algorithm](self.targets, self._seed)
        self._model = make_pipeline(*steps, estimator)
        self._model.fit(self.values, self.targets)
        if self.refused is not None:
            examples = self.embedded(self.values).astype(np.float32)
            self._region = KnownRegion.of_examples(examples, self.refused)

    def probabilities(self, images: ImageSet, job: Job) -> NDArray[np.float64]:
        """Give the probability of each class; see `Classifier.probabilities`."""
        return self.of_features(self.measure(images, job))

    def measure(self, images: ImageSet, job: Job) -> Floats:
        """Compute the features of images, shape (images, features)."""
        if self.plan is None or self._model is None:
            raise RuntimeError("a classifier predicts after it has learned")
        return features_of(images, self.plan, job)

    def embedded(self, values: Floats) -> NDArray[np.float64]:
        """Return the features as the estimator sees them: standardised, and perhaps fewer."""
        return np.asarray(self._model[:-1].transform(values), np.float64)

    def of_features(self, values: Floats) -> NDArray[np.float64]:
        """Give the probability of each class for rows of features."""
        found = np.zeros((len(values), len(self.classes)))
        if len(values):
            given = self._model.predict_proba(values)
            found[:, self._model[-1].classes_] = given
        if self._region is None:
            return found
        if not len(values):
            return np.zeros((0, len(self.classes) + 1))
        return self._region.add_none(found, self.embedded(values).astype(np.float32))

    def save(self, folder: Path) -> None:
        """Write card, features and classes of the training."""
        assert self.plan is not None
        np.savez_compressed(folder / ARRAYS, values=self.values, targets=self.targets)
        counts = np.bincount(self.targets, minlength=len(self.classes)).tolist()
        ModelCard(
            classifier=self.name,
            classes=self.classes,
            counts=dict(zip(self.classes, counts, strict=True)),
            settings={"algorithm": self.algorithm, "encoder": self.encoder, "seed": self._seed}
            | {"features": self.plan.as_settings(), "refused": self.refused},
            knows_none=self.knows_none,
            um_per_px=self.um_per_px,
        ).write(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Fit again to what `save` wrote.

        Raises
        ------
        InputError
            If the files are damaged, or the features were those of other weights.
        """
        card = ModelCard.read(folder)
        file = folder / ARRAYS
        try:
            plan = FeaturePlan.of_settings(card.settings["features"])
            with np.load(file, allow_pickle=False) as arrays:
                values, targets = arrays["values"], arrays["targets"]
            refused = card.settings.get("refused")  # older models have none
            found = cls(
                card.classifier, card.settings["algorithm"], plan.kind,
                refused=None if refused is None else float(refused),
            )  # fmt: skip
            if found.algorithm not in ALGORITHMS or values.ndim != 2 or len(values) != len(targets):
                raise ValueError("it does not fit its card")
            if not len(targets) or not 0 <= int(targets.min()) <= targets.max() < len(card.classes):
                raise ValueError("it has classes that its card lacks")
            found.encoder, found._seed = card.settings["encoder"], int(card.settings["seed"])
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(
                f"{file} is missing or damaged: {first_line(error)}", file=file
            ) from error
        if plan.is_deep:
            _check_weights(plan, folder)
        found.plan, found.values, found.targets = plan, values, targets.astype(np.intp)
        found.classes, found.um_per_px = tuple(card.classes), card.um_per_px
        found._fit()
        return found


def block_weights(plan: FeaturePlan, count: int) -> NDArray[np.float64]:
    """Give measurements and the layers of a network the same weight together.

    Parameters
    ----------
    plan
        Features of the kind ``"all"``.
    count
        All features.

    Returns
    -------
    numpy.ndarray
        Factor of each standardised feature, shape (count,).
    """
    measured = plan.measured(count)
    return np.where(measured, 1.0, np.sqrt(measured.sum() / max(1, (~measured).sum())))


def _check_weights(plan: FeaturePlan, folder: Path) -> None:
    """Raise `InputError` where features of other weights would be mixed with those stored."""
    from napari_olivine.recognition.deep_features import LIGHT, weights_file

    now = weights_file(plan.encoder)
    if now.name != plan.weights:
        raise InputError(
            f"{folder} learned from what the weights {plan.weights} see, and this program has "
            f"{now.name}.",
            remedy="Train it again.",
            file=folder,
        )
    if plan.encoder != LIGHT and not now.is_file():
        raise InputError(
            f"{folder} needs the weights {now.name}, which are not in torch's cache.",
            remedy=f"Put them there as {now}.",
            file=now,
        )
