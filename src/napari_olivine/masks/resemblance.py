"""Pixels that no rule takes, given to the mineral that their counts resemble most.

A rule that is strict enough to be sure leaves pixels, and between some minerals no limit separates.
What the rules are sure of, and what a person painted, then shows what each mineral looks like: a
Gaussian mixture or a random forest learns it. Square roots of counts have the same noise
everywhere, so that a distance means the same for every mineral.

References
----------
Square roots of Poisson counts: Anscombe (1948), doi 10.1093/biomet/35.3-4.246. Random forests:
Breiman (2001), doi 10.1023/A:1010933404324.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_olivine.masks.patches import go_on
from napari_olivine.masks.sampling import Wide

Method = Literal["mixture", "forest"]

SIGMA_PX = 1.0
"""Smoothing of the counts, as that of the rules."""

REACH_PX = 4
"""Pixels around a pixel that its values depend on."""

SURE_PERCENT = 95
"""Certainty from which a pixel shows what its mineral looks like."""

WITHIN_PX = 2
"""Distance from an outline from which it does: nearer ones are mixed."""

FEWEST, MOST = 200, 4000
"""Pixels that a mineral needs to be known, and those that are looked at of it."""

COMPONENTS = 3
"""Most Gaussian components of a mineral; as many as the Bayesian information criterion wants."""

LEAST_PROBABILITY = 0.9
"""Probability from which a pixel is given to a mineral."""

TYPICAL_PERCENT = 0.5
"""Pixels of a mineral that look less like it than those that may be given to it, per cent."""

TREES, LEAF = 60, 5

AT_ONCE = 1 << 17
"""Pixels that are looked at together."""


@dataclass(frozen=True)
class KnownPixels:
    """Pixels whose mineral is known.

    Parameters
    ----------
    values
        float32, shape (pixels, signals), see `features_of`.
    codes
        uint8, code of the mineral of each, shape (pixels,).
    """

    values: NDArray[np.float32]
    codes: NDArray[np.uint8]

    def pixels(self) -> dict[int, int]:
        """Return the number of pixels of each code."""
        codes, counts = np.unique(self.codes, return_counts=True)
        return {int(code): int(count) for code, count in zip(codes, counts, strict=True)}


@dataclass(frozen=True)
class Resemblance:
    """What minerals look like.

    Parameters
    ----------
    method
        See `learn_resemblance`.
    signals
        Maps that it looks at.
    codes
        Codes of the minerals, shape (minerals,).
    models
        A Gaussian mixture a mineral, or the forest.
    log_share
        Logarithm of the share of each mineral, shape (minerals,); of a mixture.
    typical
        Least log density that is typical of each mineral, shape (minerals,); of a mixture.
    """

    method: Method
    signals: Sequence[str]
    codes: NDArray[np.uint8]
    models: Sequence[Any]
    log_share: NDArray[np.float64]
    typical: NDArray[np.float64]

    def settle(
        self, wide: Wide, there: NDArray[np.bool_], check: Callable[[], None] = go_on
    ) -> NDArray[np.uint8]:
        """Return the mineral of some pixels.

        Parameters
        ----------
        wide
            The maps.
        there
            Pixels to look at, shape of the maps.
        check
            Called again and again; what it raises stops the work.

        Returns
        -------
        ndarray
            uint8, code of the mineral of each of these pixels, row by row; 0 where none is probable
            enough, or all look different.
        """
        places = np.flatnonzero(there)
        found = np.zeros(len(places), np.uint8)
        if len(places):
            features = features_of(wide.values, self.signals)
            for start in range(0, len(places), AT_ONCE):
                check()
                part = slice(start, start + AT_ONCE)
                found[part] = self.code_of(features[:, places[part]].T)
        return found

    def code_of(self, values: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the codes of pixels by their values, shape (pixels, signals)."""
        if self.method == "forest":
            probability = np.asarray(self.models[0].predict_proba(values))
            best = probability.argmax(axis=1)
            sure = probability[np.arange(len(best)), best] >= LEAST_PROBABILITY
        else:
            density = np.stack([model.score_samples(values) for model in self.models], axis=1)
            joint = density + self.log_share
            best = joint.argmax(axis=1)
            each = np.arange(len(best)), best
            evidence = np.logaddexp.reduce(joint, axis=1)
            sure = joint[each] - evidence >= np.log(LEAST_PROBABILITY)
            sure &= density[each] >= self.typical[best]
        return np.where(sure, self.codes[best], 0).astype(np.uint8)


def features_of(maps: Mapping[str, NDArray[Any]], signals: Sequence[str]) -> NDArray[np.float32]:
    """Return what is looked at: square roots of smoothed counts.

    Parameters
    ----------
    maps
        Arrays of one shape by their signals.
    signals
        Which of them.

    Returns
    -------
    ndarray
        float32, shape (signals, pixels).
    """
    found = np.empty((len(signals), next(iter(maps.values())).size), np.float32)
    for number, signal in enumerate(signals):
        image = maps[signal].astype(np.float32)
        cv2.GaussianBlur(image, (0, 0), SIGMA_PX, dst=image, borderType=cv2.BORDER_REFLECT_101)
        found[number] = np.sqrt(np.maximum(image, 0) + 0.375).ravel()
    return found


def examples_of(
    wide: Wide,
    phases: NDArray[np.uint8],
    certainty: NDArray[np.uint8],
    said: NDArray[np.uint8] | None,
    signals: Sequence[str],
    codes: Sequence[int],
    rng: np.random.Generator,
) -> KnownPixels:
    """Take pixels of which the rules are sure, or a person was.

    Parameters
    ----------
    wide
        The maps of a block.
    phases, certainty
        Its labels, see `napari_olivine.masks.phases.Labels`.
    said
        Code of the mineral that a person painted, 0 where none; `None` if nothing was.
    signals
        Maps to look at.
    codes
        Codes of the minerals.
    rng
        Chooses the pixels.

    Returns
    -------
    KnownPixels
        Up to `MOST` pixels of each mineral.
    """
    square = np.ones((2 * WITHIN_PX + 1,) * 2, np.uint8)
    features = features_of(wide.values, signals)
    values, labels = [], []
    for code in codes:
        mine = (phases == code) & (certainty >= SURE_PERCENT)
        mine = cv2.erode(mine.view(np.uint8), square, borderValue=1) > 0
        if said is not None:
            mine |= said == code
        places = np.flatnonzero(mine)
        if len(places) > MOST:
            places = np.sort(rng.choice(places, MOST, replace=False))
        values.append(features[:, places].T)
        labels.append(np.full(len(places), code, np.uint8))
    return KnownPixels(np.concatenate(values), np.concatenate(labels))


def learn_resemblance(
    parts: Sequence[KnownPixels], method: Method, signals: Sequence[str], seed: int
) -> Resemblance | None:
    """Learn what minerals look like.

    Parameters
    ----------
    parts
        KnownPixels of several blocks.
    method
        ``"mixture"``: a Gaussian mixture a mineral; a pixel that looks like none of them is given
        to none. ``"forest"``: a random forest, which draws any border but has no such answer.
    signals
        Maps that the examples hold.
    seed
        Seed of what is random.

    Returns
    -------
    Resemblance or None
        `None` if fewer than two minerals have `FEWEST` examples.
    """
    values = np.concatenate([one.values for one in parts])
    labels = np.concatenate([one.codes for one in parts])
    counts = np.bincount(labels, minlength=256)
    codes = np.flatnonzero(counts >= FEWEST)
    codes = codes[codes > 0]
    if len(codes) < 2:
        return None
    rng = np.random.default_rng(seed)
    chosen = [_some(np.flatnonzero(labels == code), rng) for code in codes]
    none = np.zeros(len(codes))
    if method == "forest":
        from sklearn.ensemble import RandomForestClassifier

        which = np.concatenate(chosen)
        forest = RandomForestClassifier(
            TREES, min_samples_leaf=LEAF, class_weight="balanced", random_state=seed, n_jobs=1
        )
        forest.fit(values[which], labels[which])
        return Resemblance(method, signals, codes.astype(np.uint8), [forest], none, none)
    models = [_mixture(values[which], seed) for which in chosen]
    typical = [
        float(np.percentile(model.score_samples(values[which]), TYPICAL_PERCENT))
        for model, which in zip(models, chosen, strict=True)
    ]
    share = np.log(counts[codes] / counts[codes].sum())
    return Resemblance(
        method, signals, codes.astype(np.uint8), models, share, np.asarray(typical)
    )  # fmt: skip


def _some(places: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    return places if len(places) <= MOST else rng.choice(places, MOST, replace=False)


def _mixture(values: NDArray[np.float32], seed: int) -> Any:
    """Return the mixture with the best information criterion."""
    from sklearn.mixture import GaussianMixture

    fitted = [
        GaussianMixture(count, reg_covar=1e-3, random_state=seed).fit(values)
        for count in range(1, COMPONENTS + 1)
    ]
    return min(fitted, key=lambda one: one.bic(values))
