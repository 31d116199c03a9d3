"""What a network saw in training, by grey and texture, and how far cells of a section are from it.

A cell's distance is that of Mahalanobis from the cells of the training sessions, as Lee et al.
(2018, arXiv 1807.03888) find images that are unlike those of a training, there by features of the
network, here by measures of grey and texture: they are known before the network runs.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_olivine.networks.cell_measures import CELL_PX, MEASURES

Floats = NDArray[np.float64]

LEAST_CELLS = 24
"""With fewer cells, which overlap by half, nothing is said of a training (ours)."""

QUANTILE = 0.9
"""Part of the validation session's cells that lies within the limit; chosen on phantoms of the
seeds 101 to 103."""

SHRINKAGE = 0.1
"""Weight of uncorrelated measures in their correlation, which few cells tell badly (ours)."""

LEAST_SD = 0.05
"""Added to the standard deviation of each measure, in spreads of grey or logarithms (ours)."""

LEAST_LIMIT = 1.0
"""Cells all alike leave this distance, a standard deviation of one measure (ours)."""

MOST_WORDS = 3
"""Differences that are named."""

DIGITS = 5
"""Significant digits of the numbers of a card."""


class Appearance(BaseModel):
    """What the training sessions of a network look like, part of its card.

    `mean` and `covariance` are those of the `measures` of their cells
    (`napari_olivine.networks.cell_measures`). `limit` is a distance: a cell beyond is unlike the
    training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    measures: tuple[str, ...]
    cell_px: int
    training_cells: int
    validation_cells: int
    limit: float = Field(gt=0)
    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        count = len(self.measures)
        sides = {len(self.mean), len(self.covariance), *(len(row) for row in self.covariance)}
        if sides != {count}:
            raise ValueError(f"mean and covariance are not those of {count} measures")
        return self

    @classmethod
    def learn(cls, training: Floats, validation: Floats) -> Self | None:
        """Describe the cells of a training.

        Parameters
        ----------
        training, validation
            Measures of cells of the sessions for training and for validation, shape (cells,
            measures). The latter set the limit, the former where there are few of the latter.

        Returns
        -------
        Appearance or None
            `None` where there are too few cells to tell.
        """
        if len(training) < LEAST_CELLS:
            return None
        plain = cls(
            measures=MEASURES,
            cell_px=CELL_PX,
            training_cells=len(training),
            validation_cells=len(validation),
            limit=1.0,
            mean=_rounded(training.mean(axis=0)),
            covariance=tuple(_rounded(row) for row in np.cov(training, rowvar=False)),
        )
        judges = validation if len(validation) >= LEAST_CELLS else training
        limit = max(float(np.quantile(plain.distances(judges), QUANTILE)), LEAST_LIMIT)
        return plain.model_copy(update={"limit": float(f"{limit:.{DIGITS}g}")})

    @property
    def usable(self) -> bool:
        """Whether cells are still measured as they were when this was written."""
        return self.measures == MEASURES and self.cell_px == CELL_PX

    def distances(self, cells: Floats) -> Floats:
        """Tell how unlike the training cells are.

        Parameters
        ----------
        cells
            Measures, shape (..., measures); NaN where nothing was measured.

        Returns
        -------
        ndarray, shape (...)
            Distance as a part of the limit: above 1 unlike the training; NaN stays.
        """
        covariance = np.array(self.covariance)
        sd = np.sqrt(np.diag(covariance)) + LEAST_SD
        correlation = covariance / np.outer(sd, sd)
        correlation = (1 - SHRINKAGE) * correlation + SHRINKAGE * np.eye(len(sd))
        values, vectors = np.linalg.eigh(correlation)
        turned = (cells - np.array(self.mean)) / sd @ (vectors / np.sqrt(values))
        return np.asarray(np.sqrt((turned**2).sum(axis=-1)) / self.limit)

    def differences(self, cells: Floats) -> list[str]:
        """Say in which manner cells differ from the training, what differs most first.

        Parameters
        ----------
        cells
            Measures, shape (cells, measures).

        Returns
        -------
        list of str
            E.g. ``["more contrast", "finer texture"]``; empty where no mean is off by a
            standard deviation of the training's cells.
        """
        mean, covariance = np.array(self.mean), np.array(self.covariance)
        off = cells.mean(axis=0) - mean
        found = []
        for weights, words in LOOKS:
            spread = max(float(weights @ covariance @ weights), 0.0) ** 0.5 + LEAST_SD
            size = float(weights @ off / spread)
            if abs(size) > 1:
                found.append((abs(size), words[int(size > 0)]))
        return [words for _, words in sorted(found, reverse=True)][:MOST_WORDS]


def _weights(**parts: float) -> Floats:
    """Return the weight of each measure whose name begins with a word."""
    found = np.zeros(len(MEASURES))
    for number, name in enumerate(MEASURES):
        found[number] = sum(
            w for word, w in parts.items() if name.replace(" ", "_").startswith(word)
        )
    return found


LOOKS = (
    (_weights(median=1), ("darker", "brighter")),
    (
        _weights(dark_end=1),
        ("more dark resin or holes", "less dark resin or holes"),
    ),
    (_weights(sd_4=1, floor_4=1, sd_8=1, floor_8=1), ("less contrast", "more contrast")),
    (_weights(floor_1=1), ("less noise, or blurred", "more noise, or finer details")),
    (_weights(sd_4=1, sd_8=1, sd_1=-1, sd_2=-1), ("finer texture", "coarser texture")),
    (_weights(skew=1), ("its details are darker", "its details are brighter")),
)
"""What a person sees of a difference: measures put together, and words for less and more."""


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple(float(f"{value:.{DIGITS}g}") for value in values)
