"""The classifiers by name: a row each, from which the commands read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

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
    compared
        Whether ``recognise compare`` takes it where nobody names any: it trains within seconds.
    """

    name: str
    title: str
    path: str
    options: Mapping[str, Any] = field(default_factory=dict)
    compared: bool = True

    @property
    def kind(self) -> type[Classifier]:
        """Class of the classifier."""
        module, name = self.path.split(":")
        kind: type[Classifier] = getattr(import_module(module), name)
        return kind


_ROWS: tuple[ClassifierRow, ...] = ()

CLASSIFIERS: dict[str, ClassifierRow] = {row.name: row for row in _ROWS}
"""Every classifier, in the order of a comparison."""


def make_classifier(name: str) -> Classifier:
    """Make a classifier that has learned nothing yet.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    row = _row(name)
    return row.kind(name=row.name, **row.options)  # type: ignore[call-arg]


def load_classifier(folder: Path) -> Classifier:
    """Read a stored classifier, whichever it is.

    Raises
    ------
    InputError
        If the folder holds none, or a damaged one.
    """
    card = ModelCard.read(folder)
    return _row(card.classifier).kind.load(folder)


def _row(name: str) -> ClassifierRow:
    if name not in CLASSIFIERS:
        raise InputError(
            f"There is no classifier {name!r}; there are {', '.join(CLASSIFIERS)}.",
            setting="classifier",
        )
    return CLASSIFIERS[name]
