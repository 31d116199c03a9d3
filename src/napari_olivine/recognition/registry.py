"""The classifiers by name: a row each, from which the commands read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from napari_olivine.errors import InputError
from napari_olivine.recognition.classifier import Classifier, ModelCard


@dataclass(frozen=True)
class ClassifierRow:
    """One classifier.

    Parameters
    ----------
    name
        Name, as ``--classifier`` takes it.
    title
        One line for a person.
    path
        ``package.module:class`` of a `Classifier`; imported when somebody asks for it. It is made
        with `name` and `options` as keywords.
    options
        Further keywords.
    features
        What it can be told to see, behind its name and a colon; empty where it has no choice.
    compared
        Whether ``recognise compare`` takes it where nobody names any: it trains within seconds.
    looks
        Whether ``recognise explain`` can show where it looks.
    refuses
        Whether it can call images none of these.
    """

    name: str
    title: str
    path: str
    options: Mapping[str, Any] = field(default_factory=dict)
    features: tuple[str, ...] = ()
    compared: bool = True
    looks: bool = False
    refuses: bool = False

    @property
    def kind(self) -> type[Classifier]:
        """Class of the classifier."""
        module, name = self.path.split(":")
        kind: type[Classifier] = getattr(import_module(module), name)
        return kind


FEATURES = ("pixels", "measurements", "deep", "all")
"""What a classical classifier can see of an image, written behind its name: ``svm:pixels``."""


def _classical(name: str, algorithm: str, title: str, features: str = "all") -> ClassifierRow:
    return ClassifierRow(
        name,
        title,
        "napari_olivine.recognition.classical:ClassicalClassifier",
        {"algorithm": algorithm, "features": features},
        features=FEATURES,
        refuses=True,
    )


DEPTHS = tuple(range(2, 23, 2))
RESIDUAL_DEPTHS = (18, 34, 152)
"""Hidden layers of the networks that Dell'Aversana (2021) compares."""


def _depth(name: str, layers: int, title: str, residual: bool = False) -> ClassifierRow:
    return ClassifierRow(
        name,
        title,
        "napari_olivine.recognition.depth_study:DepthClassifier",
        {"layers": layers, "residual": residual},
        compared=False,
    )


_ROWS: tuple[ClassifierRow, ...] = (
    _classical("linear", "logistic", "logistic regression on all features: a few examples do"),
    _classical("nearest", "k_nearest", "nearest examples by what a trained network sees", "deep"),
    _classical("logistic", "logistic", "logistic regression on measurements", "measurements"),
    _classical("k_nearest", "k_nearest", "five nearest neighbours", "measurements"),
    _classical("decision_tree", "decision_tree", "decision tree", "measurements"),
    _classical("svm", "svm", "support vector machine with a radial kernel", "measurements"),
    _classical("random_forest", "random_forest", "random forest of 300 trees", "measurements"),
    _classical("naive_bayes", "naive_bayes", "naive Bayes of Gaussians", "measurements"),
    _classical("adaboost", "adaboost", "adaptive boosting of small trees", "measurements"),
    _classical("gradient_boosting", "gradient_boosting", "gradient boosting", "measurements"),
    *(_depth(f"dense_{n}", n, f"fully connected, {n} hidden layers of 200") for n in DEPTHS),
    *(_depth(f"resnet{n}", n, f"ResNet-{n} from random weights", True) for n in RESIDUAL_DEPTHS),
)

_TRANSFER = "napari_olivine.recognition.transfer:TransferClassifier"

_NETWORKS: tuple[ClassifierRow, ...] = (
    ClassifierRow(
        "triplet",
        "triplet network: looks at the magnification, knows none of these (Larmuseau et al. 2021)",
        "napari_olivine.recognition.triplet:TripletClassifier",
        compared=False,
        refuses=True,
        looks=True,
    ),
    ClassifierRow(
        "softmax",
        "the same network with a softmax and a tuned threshold",
        "napari_olivine.recognition.triplet:SoftmaxClassifier",
        compared=False,
        refuses=True,
        looks=True,
    ),
    *(
        ClassifierRow(
            f"{backbone}{name}",
            f"{title} that has seen photographs{how}",
            _TRANSFER,
            {"backbone": backbone, "schedule": schedule},
            compared=False,
            looks=True,
        )
        for backbone, title in (
            ("swin_t", "Swin transformer"),
            ("mobilenet_v2", "MobileNetV2"),
            ("resnet50", "ResNet-50"),
        )
        for name, how, schedule in (
            ("", "", "frozen first"),
            ("_published", ", with the schedule of Cai et al. (2024)", "published"),
        )
    ),
)

CLASSIFIERS: dict[str, ClassifierRow] = {row.name: row for row in (*_ROWS, *_NETWORKS)}
"""Every classifier, in the order of a comparison."""


GROUPS: dict[str, tuple[str, ...]] = {
    "light": tuple(row.name for row in _ROWS if row.compared),
    "depth": tuple(f"dense_{layers}" for layers in DEPTHS),
    "residual": tuple(f"resnet{layers}" for layers in RESIDUAL_DEPTHS),
    "table3": (
        "dense_10", "decision_tree", "svm", "random_forest", "naive_bayes", "adaboost",
    ),
}  # fmt: skip
"""Names that stand for several classifiers: those that train within seconds, and Table 2, the
curves and Table 3 of Dell'Aversana (2021)."""


def make_classifier(name: str, **options: Any) -> Classifier:
    """Make a classifier that has learned nothing yet.

    Parameters
    ----------
    name
        Name in the registry, perhaps with what it sees: ``"svm"``, ``"svm:pixels"``.
    **options
        Further keywords for its class, which go before those of the row.

    Returns
    -------
    Classifier
        The classifier.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    row, features = row_of(name)
    seen = {"features": features} if features else {}
    made: Classifier = cast(Any, row.kind)(name=name, **{**row.options, **seen, **options})
    return made


def load_classifier(folder: Path) -> Classifier:
    """Read a stored classifier, whichever it is.

    Raises
    ------
    InputError
        If the folder holds none, or a damaged one.
    """
    row, _ = row_of(ModelCard.read(folder).classifier)
    return row.kind.load(folder)


def row_of(name: str) -> tuple[ClassifierRow, str]:
    """Return the row of a classifier, and what it is told to see.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    base, _, features = name.partition(":")
    row = CLASSIFIERS.get(base)
    if row is None:
        raise InputError(
            f"There is no classifier {base!r}; there are {', '.join(CLASSIFIERS)}.",
            setting="classifier",
        )
    if features and features not in row.features:
        choice = f"it sees one of {', '.join(row.features)}" if row.features else "it has no choice"
        raise InputError(f"{base} cannot see {features!r}: {choice}.", setting="classifier")
    return row, features
