"""The kinds that a classifier recognised, for a catalogue: columns of the table, and the method."""

from __future__ import annotations

from typing import Any

import pandas as pd

from napari_olivine.crystals import (
    KINDS,
    NONE_OF_THESE,
    OLIVINE,
    counted,
    recognised_kinds,
    with_recognised,
)
from napari_olivine.job import Job
from napari_olivine.section import Section


def crystals_with_kinds(section: Section, product: str, phase: str, job: Job) -> pd.DataFrame:
    """Read the table of crystals, with what a classifier recognised where that holds for them.

    Parameters
    ----------
    section
        The section.
    product
        Product of the crystals.
    phase
        Their mineral; kinds are of olivine alone.
    job
        Told where kinds are out of date and left out.

    Returns
    -------
    pandas.DataFrame
        The table, with `RECOGNISED` of ``napari_olivine.crystals`` where there are any.
    """
    table = section.table(product, "crystals")
    if phase != OLIVINE:
        return table
    kinds = recognised_kinds(section)
    if kinds is None and section.product(KINDS) is not None:
        job.warn(
            "the kinds that a classifier recognised are left out: the crystals, or what they were "
            "seen on, have changed since",
            remedy="Run {step:recognise predict} again.",
            step="recognise predict",
        )
    return with_recognised(table, kinds)


def recognised_text(section: Section) -> list[str]:
    """Tell the classifier, how good it is, and how many crystals it named.

    Parameters
    ----------
    section
        Section with crystals.

    Returns
    -------
    list of str
        Sentences; empty where nothing was recognised.
    """
    kinds, product = recognised_kinds(section), section.product(KINDS)
    if kinds is None or product is None:
        return []
    notes = product.notes
    table = with_recognised(counted(section.table("crystals", "crystals")), kinds)
    found = table["recognised_kind"].value_counts()
    named = {str(name): int(count) for name, count in found.items() if name}
    refused = named.pop(NONE_OF_THESE, 0)
    title = notes["title"].split(":")[0]
    sentences = [
        f"Kinds of crystals were recognised by a classifier ({title}) that had learned "
        f"{_listed(notes['learned'])}{_tested(notes.get('scores'))}.",
        f"It named {sum(named.values())} crystals: {_listed(named)}."
        if named
        else "It named no crystal.",
    ]
    if notes["knows_none"]:
        sentences.append(f"{refused} were unlike all that it had learned.")
    return sentences


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _tested(scores: dict[str, Any] | None) -> str:
    if scores is None:
        return "; how often it is right was not tested"
    share, low, high = (100 * scores[f"accuracy{end}"] for end in ("", "_low", "_high"))
    how = f"by {scores['folds']} folds" if scores["folds"] > 1 else "on examples kept apart"
    return (
        f"; it was right in {share:.1f} % of {scores['images']}, tested {how} "
        f"(95 %: {low:.1f} to {high:.1f} %)"
    )
