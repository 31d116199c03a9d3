"""Which values and colours masks have, and where one stands that no class has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.labelled.classes import EVERYTHING_ELSE, MOST_CLASSES, UNNAMED, LabelClasses
from napari_olivine.labelled.label_image import LabelImage
from napari_olivine.labelled.label_keys import KEYS, Keys, words_of
from napari_olivine.readers.base import raise_if_any

ROWS_PX = 4 << 20
"""Pixels of a mask that are looked at together."""

MANY = MOST_CLASSES
"""Distinct values or colours from which they cannot be classes."""

MOST_PLACES = 255
"""Keys that have a place in a table of bytes; masks with more are sorted."""


@dataclass(frozen=True)
class Survey:
    """What all masks have.

    Parameters
    ----------
    counts
        Pixels of every key that there is.
    """

    counts: Counter[int]

    def shares(self, classes: LabelClasses) -> dict[str, float]:
        """Return the share of each named class in all labels, per cent."""
        codes = classes.codes()
        pixels: Counter[int] = Counter()
        for key, count in self.counts.items():
            pixels[int(codes[key])] += count
        total = max(1, sum(self.counts.values()))
        return {
            one.name: 100 * pixels[code] / total for code, one in enumerate(classes.named, start=1)
        }


def survey(
    masks: Sequence[LabelImage], classes: LabelClasses | None, job: Job, *, refuse: bool = True
) -> Survey:
    """Go through all masks once.

    Parameters
    ----------
    masks
        The masks.
    classes
        The classes; `None` to find what there is.
    job
        Running job.
    refuse
        Whether every pixel must have a class.

    Returns
    -------
    Survey
        Counts of what was found.

    Raises
    ------
    InputError
        If a mask has what no class has, with its file, colour, count and place; or, without
        classes, so many values that they cannot be classes.
    """
    codes = classes.codes() if classes is not None and refuse else None
    count = _KeyCounter()
    counts: Counter[int] = Counter()
    problems: list[str] = []
    for number, mask in enumerate(masks):
        job.progress(number, len(masks), "Looking at the masks")
        of_mask, unnamed = _count(mask, codes, count, job)
        counts.update(of_mask)
        problems += unnamed
        if classes is None and len(counts) > MANY:
            raise _too_many(mask, counts)
    job.progress(len(masks), len(masks), "Looking at the masks")
    raise_if_any(
        problems,
        "Masks have values or colours that no class has ({setting:others} as ignore leaves them "
        f"without a label; a class with the value {EVERYTHING_ELSE} takes them)",
        setting="others",
        file=problems[0].partition(": ")[0] if problems else "",
    )
    return Survey(counts)


def _count(
    mask: LabelImage, codes: NDArray[np.uint8] | None, count: _KeyCounter, job: Job
) -> tuple[Counter[int], list[str]]:
    """Count the keys of a mask; tell those that no class has, with the place of the first pixel."""
    counts: Counter[int] = Counter()
    unnamed: Counter[int] = Counter()
    first: dict[int, tuple[int, int]] = {}
    step = max(1, ROWS_PX // mask.shape[1])
    for start in range(0, mask.shape[0], step):
        job.check()
        keys = mask.keys(start, min(start + step, mask.shape[0]))
        found = count(keys)
        counts.update(found)
        if codes is None:
            continue
        for key in found:
            if codes[key] == UNNAMED and (key in first or len(first) < MANY):
                unnamed[key] += found[key]
                if key not in first:
                    row, column = np.argwhere(keys == key)[0]
                    first[key] = start + int(row), int(column)
    return counts, [
        f"{mask.file}: {words_of(key)}, {unnamed[key]} pixels, the first in row {row}, column "
        f"{column}"
        for key, (row, column) in sorted(first.items(), key=lambda one: -unnamed[one[0]])
    ]


class _KeyCounter:
    """Counts keys by looking up the place of each among those that were met before."""

    def __init__(self) -> None:
        self._place = np.zeros(KEYS, np.uint8)  # 0 for keys that were not met
        self._keys: list[int] = []

    def __call__(self, keys: Keys) -> dict[int, int]:
        """Return how often each key occurs in an image."""
        places = self._place[keys]
        if not places.all():
            new = np.unique(keys[places == 0])
            if len(self._keys) + len(new) > MOST_PLACES:
                found, numbers = np.unique(keys, return_counts=True)
                return dict(zip(found.tolist(), numbers.tolist(), strict=True))
            self._place[new] = len(self._keys) + 1 + np.arange(len(new), dtype=np.uint8)
            self._keys += new.tolist()
            places = self._place[keys]
        counts = np.bincount(places.ravel(), minlength=len(self._keys) + 1)[1:]
        return {key: int(n) for key, n in zip(self._keys, counts, strict=True) if n}


def _too_many(mask: LabelImage, counts: Counter[int]) -> InputError:
    grey = sum(n for key, n in counts.items() if words_of(key).isdecimal())
    share = 100 * grey / max(1, sum(counts.values()))
    why = (
        f"{share:.0f} % of the pixels are grey: where classes are drawn in colour over the image, "
        f"name these colours in {{setting:classes}}, and give the rest the value {EVERYTHING_ELSE}."
    )
    return InputError(
        f"{mask.file}: the masks have {len(counts)} values and more, which cannot be classes.",
        remedy=why
        if 0 < share < 100
        else "Name them in {setting:classes}; a map that was "
        "smoothed or saved as JPEG has to be exported anew.",
        file=mask.file,
        setting="classes",
    )
