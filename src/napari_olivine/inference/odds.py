"""How the log odds of a network are to be read on a section: a slope and an offset.

Networks are surer than they are right, and their threshold is a matter of taste. Before their
probability is joined with other evidence it is calibrated by a logistic regression of the mask on
the network's log odds (Platt 1999; Guo et al. 2017, arXiv 1706.04599). This is done on the pixels
whose counts are not sure, most of them along outlines: a network that knows every mineral may draw
poor outlines, and it is there that it decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_olivine.inference.encoding import FULL
from napari_olivine.inference.evidence import SURE, MapEvidence
from napari_olivine.inference.models import OLIVINE
from napari_olivine.inference.windows import CELL
from napari_olivine.job import Job
from napari_olivine.section import Block, Raster, Role, Section, blocks, with_role

MOST_CELLS = 64
"""Blocks of 1024 px from which a network is calibrated at most; they lie evenly spread."""

ROLES: tuple[Role, ...] = ("val", "train")
"""Sessions by which a network is calibrated: those it was chosen on, else those it learned."""

LIKE_FEW = 100.0
"""Weight of slope 1 and offset 0, in pixels: they count where the mask has hardly any pixels."""

ROUNDS = 50
CLOSE = 1e-9


def _as_olivine(codes: range) -> NDArray[np.float64]:
    """Return how much of a pixel of each code counts as other and as olivine, shape (2, 256)."""
    shares = np.zeros((2, 256))
    shares[1, codes] = np.array(codes) / SURE
    shares[0, codes] = 1 - shares[1, codes]
    return shares


UNSURE_PIXELS = _as_olivine(range(1, SURE))
SURE_PIXELS = _as_olivine(range(0, SURE + 1, SURE))
"""Pixels by which a network is calibrated: those of unsure counts, or the others by a mask that
does not tell how sure it is."""


@dataclass(frozen=True)
class NetworkOdds:
    """Calibration of a network on a section.

    Parameters
    ----------
    slope, offset
        Log odds of the mask are ``slope * logit + offset``.
    sessions
        Names of the sessions by whose pixels it was found.
    pixels
        How many pixels that were.
    """

    slope: float
    offset: float
    sessions: tuple[str, ...] = ()
    pixels: int = 0

    def of(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the calibrated log odds."""
        return self.slope * logits + self.offset


def stored_logits() -> NDArray[np.float64]:
    """Return the log odds of each stored probability; the ends are half a step from 0 and 1."""
    stored = np.clip(np.arange(FULL + 1, dtype=np.float64), 0.5, FULL - 0.5)
    return np.log(stored / (FULL - stored))


def fit_odds(counts: NDArray[np.float64]) -> NetworkOdds:
    """Fit slope and offset by logistic regression on counts of pixels.

    Parameters
    ----------
    counts
        Shape (2, 256): pixels that are other and olivine, by stored probability. A pixel counts as
        either by the share that the counts give it.

    Returns
    -------
    NetworkOdds
        With a slope that is not negative: a network that is wrong more often than right says
        nothing.
    """
    logits = stored_logits()
    design = np.stack([logits, np.ones_like(logits)], 1)
    usual = np.array([1.0, 0.0])
    found = usual.copy()
    every = counts.sum(0)
    for _ in range(ROUNDS):
        probability = 1 / (1 + np.exp(-np.clip(design @ found, -50, 50)))
        slope = design.T @ (every * probability - counts[1]) + LIKE_FEW * (found - usual)
        weight = every * probability * (1 - probability)
        curvature = design.T @ (weight[:, np.newaxis] * design) + LIKE_FEW * np.eye(2)
        step = np.linalg.solve(curvature, slope)
        found = found - step * min(1.0, 1 / max(np.abs(step).max(), 1e-12))
        if np.abs(step).max() < CLOSE:
            break
    return NetworkOdds(max(float(found[0]), 0.0), float(found[1]), pixels=round(counts.sum()))


def calibrated_odds(section: Section, maps: MapEvidence, job: Job) -> NetworkOdds:
    """Calibrate the probability of a section by what its maps say.

    Parameters
    ----------
    section
        The section.
    maps
        Evidence of its maps.
    job
        Running job.

    Returns
    -------
    NetworkOdds
        By the sessions for validation where the mask knows pixels of them, else those for training,
        else by the whole mask.
    """
    probability = section.raster("probability", OLIVINE)
    sessions = section.sessions() if section.fingerprint("annotations/sessions") else []
    for role in ROLES:
        of_role = with_role(sessions, role)
        counts = _counted([one.window for one in of_role], probability, maps, job)
        if counts.any():
            names = tuple(one.session for one in of_role)
            return replace(fit_odds(counts), sessions=names)
    whole = (slice(0, section.shape[0]), slice(0, section.shape[1]))
    return fit_odds(_counted([whole], probability, maps, job))


def _counted(
    windows: Sequence[Block], probability: Raster, maps: MapEvidence, job: Job
) -> NDArray[np.float64]:
    """Count pixels by stored probability, as other and as olivine, in some blocks of windows."""
    parts = [
        (
            slice(window[0].start + rows.start, window[0].start + rows.stop),
            slice(window[1].start + columns.start, window[1].start + columns.stop),
        )
        for window in windows
        for rows, columns in blocks(
            (window[0].stop - window[0].start, window[1].stop - window[1].start), CELL, CELL
        )
    ]
    chosen = np.unique(np.linspace(0, len(parts) - 1, min(len(parts), MOST_CELLS)).astype(int))
    counts = np.zeros((2, FULL + 1))
    shares = UNSURE_PIXELS if maps.graded else SURE_PIXELS
    for number in chosen if parts else ():
        job.check()
        codes, stored = maps.codes(*parts[number]), probability.read(*parts[number])
        pairs = codes.ravel().astype(np.intp) * (FULL + 1) + stored.ravel()
        counts += shares @ np.bincount(pairs, minlength=256 * (FULL + 1)).reshape(256, FULL + 1)
    return counts
