"""What minerals look like in a section, learned from what its rules and a person are sure of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.masks.corrections import NOTHING, MaskCorrections, phase_key
from napari_olivine.masks.phases import Labeller
from napari_olivine.masks.resemblance import (
    FEWEST,
    SURE_PERCENT,
    KnownPixels,
    Method,
    examples_of,
    learn_resemblance,
)
from napari_olivine.masks.sampling import Wide, read_wide, sampled_blocks
from napari_olivine.section import Raster, Section

MOST_STROKES = 40
"""Corrections whose surroundings are looked at."""


def with_resemblance(
    section: Section, labeller: Labeller, maps: Mapping[str, Raster], method: Method, job: Job
) -> tuple[Labeller, dict[str, Any]]:
    """Let a labeller give what no rule takes to the mineral that it resembles.

    Parameters
    ----------
    section
        Open section.
    labeller
        Labels blocks by rules.
    maps
        Its maps.
    method
        See `napari_olivine.masks.resemblance.learn_resemblance`.
    job
        Running job.

    Returns
    -------
    labeller : Labeller
        The same, and what minerals look like; unchanged where too little is known.
    notes : dict
        For the record of the mask: the method, and examples by mineral.
    """
    signals = [signal for signal in maps if signal != "BSE"]
    codes = [phase.code for phase in labeller.phases]
    rng = np.random.default_rng(job.seed)
    corrections = MaskCorrections(section)
    named = {phase_key(phase.name): phase.code for phase in labeller.phases[1:]}
    found: list[KnownPixels] = []
    for wide in [*sampled_blocks(maps, job), *_round_strokes(corrections, maps)]:
        job.check()
        labels = labeller.label(wide, job.check)
        said = _said(corrections, wide, codes[0], named)
        here = labels.phases, labels.certainty, said
        found.append(examples_of(wide, *here, signals, codes, rng))
    names = {phase.code: phase.name for phase in labeller.phases}
    counts = {code: sum(one.pixels().get(code, 0) for one in found) for code in codes}
    few = [names[code] for code, count in counts.items() if count < FEWEST]
    resemblance = learn_resemblance(found, method, signals, job.seed)
    if resemblance is None:
        job.warn(
            f"Fewer than two minerals have {FEWEST} pixels of which their rules are sure by "
            f"{SURE_PERCENT} %: what no rule takes stays unclassified.",
            remedy="Widen the rules of {setting:book}, or set {setting:unclassified} to leave.",
            setting="unclassified",
        )
        return labeller, {}
    if few:
        job.say(f"Too few sure pixels to learn from: {', '.join(few)}.")
    notes = {"method": method, "examples": {names[code]: n for code, n in counts.items()}}
    return replace(labeller, resemblance=resemblance), notes


def _round_strokes(corrections: MaskCorrections, maps: Mapping[str, Raster]) -> Sequence[Wide]:
    """Read the maps around what a person painted as olivine, or as another phase by its name."""
    height, width = next(iter(maps.values())).shape
    found = []
    named = [one for one in corrections.edits if one.label == "olivine" or one.phase]
    for one in named[-MOST_STROKES:]:
        row, column = (one.box[0] + one.box[1]) / 2, (one.box[2] + one.box[3]) / 2
        row, column = (
            min(max(int(place), 0), most - 1) for place, most in ((row, height), (column, width))
        )
        side = 256
        rows = slice(max(row - side, 0), min(row + side, height))
        columns = slice(max(column - side, 0), min(column + side, width))
        found.append(read_wide(maps, rows, columns, 0))
    return found


def _said(
    corrections: MaskCorrections, wide: Wide, olivine: int, named: Mapping[str, int]
) -> NDArray[np.uint8] | None:
    """Return the codes of the minerals that a person named; 0 where none."""
    if not corrections.edits:
        return None
    said = corrections.labels(wide.rows, wide.columns, named)
    said[said == NOTHING] = 0
    return np.where(said == 1, np.uint8(olivine), said)
