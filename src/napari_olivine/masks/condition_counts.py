"""How many pixels each condition of a rule leaves: why a mask is empty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

import numpy as np

from napari_olivine.job import Job
from napari_olivine.masks.applying import conditions_of
from napari_olivine.masks.coverage import Coverage
from napari_olivine.masks.rules import Rule
from napari_olivine.masks.sampling import read_wide
from napari_olivine.section import Raster, block_side, blocks


@dataclass(frozen=True)
class ConditionCounts:
    """Measured pixels that each condition of a rule leaves.

    Parameters
    ----------
    measured
        Number of measured pixels.
    counts
        Number that each condition leaves, by its text.
    together
        Number that the rule leaves.
    """

    measured: int
    counts: dict[str, int]
    together: int

    @property
    def words(self) -> str:
        """All of it, as a clause of a sentence."""
        each = ", ".join(f"{text} leaves {count:,}" for text, count in self.counts.items())
        return f"of {self.measured:,} measured pixels {each}; all together {self.together:,}"


def count_conditions(
    rule: Rule, maps: Mapping[str, Raster], coverage: Coverage, smoothing_px: float, job: Job
) -> ConditionCounts:
    """Count the pixels that each condition leaves.

    Parameters
    ----------
    rule
        The rule.
    maps
        Maps of the rule by their signals.
    coverage
        Where they were measured.
    smoothing_px
        See `napari_olivine.masks.applying.phase_of`.
    job
        Running job.

    Returns
    -------
    ConditionCounts
        Counts over the whole section.
    """
    shape = next(iter(maps.values())).shape
    side = block_side(job, 4 * (len(maps) + 6) + len(rule.conditions))
    counts = dict.fromkeys((condition.text for condition in rule.conditions), 0)
    measured = together = 0
    for rows, columns in blocks(shape, side, side):
        job.check()
        wide = read_wide(maps, rows, columns, ceil(4 * smoothing_px))
        there = coverage.measured(rows, columns)
        held = [one[wide.inner] & there for one in conditions_of(rule, wide.values, smoothing_px)]
        for condition, one in zip(rule.conditions, held, strict=True):
            counts[condition.text] += int(np.count_nonzero(one))
        together += int(np.count_nonzero(rule.of(held) & there))
        measured += int(np.count_nonzero(there))
    return ConditionCounts(measured, counts, together)
