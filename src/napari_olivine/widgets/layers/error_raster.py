"""A probability against the mask, worked out where somebody looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.inference import stored_threshold
from napari_olivine.section import Section

UNKNOWN = 255
"""Pixels that the mask knows nothing of."""

BOTH, EXTRA, MISSED = 1, 2, 3
"""True positive, false positive and false negative pixels."""

COLOURS = {BOTH: "#7fbf7b", EXTRA: "#d7191c", MISSED: "#2c7bb6"}
"""False positives are red, as in the publication's Figure 4."""

WORDS = {BOTH: "{phase} in both", EXTRA: "only by the network", MISSED: "only in the mask"}


def errors_of(found: NDArray[np.bool_], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Compare what was found with a mask: `BOTH`, `EXTRA`, `MISSED`, or 0.

    Parameters
    ----------
    found
        Where the network finds the phase.
    mask
        1 the phase, 0 not, 255 unknown; of the same shape.
    """
    errors = np.zeros(mask.shape, np.uint8)
    errors[found & (mask == 1)] = BOTH
    errors[found & (mask == 0)] = EXTRA
    errors[~found & (mask == 1)] = MISSED
    return errors


class ErrorLevel:
    """One level of the comparison, as napari reads it: never whole in memory.

    Parameters
    ----------
    probability, mask
        Arrays of the level.
    threshold
        Probability from which a pixel is the phase.
    """

    def __init__(self, probability: Any, mask: Any, threshold: float) -> None:
        self._probability, self._mask = probability, mask
        self.least = stored_threshold(threshold)
        self.shape: tuple[int, ...] = tuple(mask.shape)
        self.ndim = 2
        self.dtype = np.dtype(np.uint8)
        self.size = int(np.prod(self.shape))

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        found = np.asarray(self._probability[key]) >= self.least
        return errors_of(found, np.asarray(self._mask[key]))

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[Any]:
        return np.asarray(self[:, :], dtype)


class CodeLevel:
    """One level of an image of codes, as the mask of one of them: 1, 0, or 255 unknown.

    Parameters
    ----------
    codes
        Array of the level.
    code
        Code of the phase.
    """

    def __init__(self, codes: Any, code: int) -> None:
        self._codes = codes
        self._values = np.zeros(256, np.uint8)
        self._values[[code, UNKNOWN]] = 1, UNKNOWN
        self.shape: tuple[int, ...] = tuple(codes.shape)

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        found: NDArray[np.uint8] = self._values[np.asarray(self._codes[key])]
        return found


def levels_of_phase(section: Section, phase: str) -> list[Any]:
    """Return the levels of the mask of a phase other than olivine.

    Parameters
    ----------
    section
        Section whose mask tells the phase.
    phase
        Its name.
    """
    modes = section.require("mask", stale_ok=True).notes["modes"]
    (code,) = (mode["code"] for mode in modes if mode["name"] == phase)
    return [CodeLevel(level, code) for level in section.raster("mask", "phases").levels]


def error_levels(probability: Sequence[Any], mask: Sequence[Any], threshold: float) -> list[Any]:
    """Compare a probability with a mask that has the same levels.

    Parameters
    ----------
    probability, mask
        Arrays of the levels.
    threshold
        Probability from which a pixel is the phase.

    Returns
    -------
    list of ErrorLevel
        Levels for an image layer.
    """
    return [ErrorLevel(p, m, threshold) for p, m in zip(probability, mask, strict=True)]


def error_colours() -> Any:
    """Colours of the comparison."""
    from napari.utils.colormaps import DirectLabelColormap

    colours: dict[int | None, str] = {None: "transparent", 0: "transparent"}
    return DirectLabelColormap(color_dict=colours | COLOURS)
