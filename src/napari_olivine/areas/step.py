"""The step `areas`: which tiles to train on or to measure, and why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_olivine.areas.cells import Grid, grid_of, looked_at_names
from napari_olivine.areas.pieces import TARGET, Pieces, count_pieces
from napari_olivine.areas.reasons import reason, summary
from napari_olivine.areas.selection import Objective, Pick, select, smallest
from napari_olivine.areas.settings import AreasSettings
from napari_olivine.areas.suggestion import Area, Suggestion, sessions_with_areas
from napari_olivine.areas.textures import Textures, measure_textures
from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.regions import study_region
from napari_olivine.section import Section

PARTS = 3
"""By the grey, each cell is cut into so many parts along a side: a crystal is smaller than a tile.
On the phantoms 101 to 103 six tiles then show 10.7 of 12 kinds of crystals, without 8.7."""

LEAST_ROCK = 0.3
"""A cell with less rock in the region of study is not worth its time (ours)."""

LEAST_MEASURED = 0.5
"""A cell of which the mask knows less does not show what is in it (ours)."""

USUAL_SHARE = 20.0
"""Share of the cells that is suggested by the grey, per cent (ours)."""


def suggest_areas(
    section: Section, settings: AreasSettings | None = None, job: Job | None = None
) -> Suggestion:
    """Suggest which parts of a section to train on, or to measure.

    Only overviews are read. Nothing changes unless the settings say so.

    Parameters
    ----------
    section
        Section with images; its mask, if it has one, tells the crystals.
    settings
        See :class:`AreasSettings`.
    job
        Running job; each area is reported as the event ``area``.

    Returns
    -------
    Suggestion
        The areas, none of which touches a session for test.

    Raises
    ------
    InputError
        If nothing can be chosen, or there is neither BSE nor a mask.
    """
    settings, job = settings or AreasSettings(), job or Job()
    section.require("images")
    by_mask = settings.by == "mask" or (
        settings.by == "auto" and section.state("mask") != "missing"
    )
    if by_mask and section.state("mask") == "stale":
        job.warn("The mask is out of date; it is taken as it is.", remedy="Run {step:mask} again.")
    grid = grid_of(section, settings.sessions)
    region = study_region(section)
    none = np.zeros((len(grid), 0))
    pieces = (
        count_pieces(section, grid, region, job)
        if by_mask
        else Pieces([], none, np.ones(len(grid)), NO_CODES)
    )
    has_bse = "BSE" in section.record.signals
    if not has_bse and not by_mask:
        section.raster("images", "BSE")  # says what is missing
    side = 1 if by_mask else PARTS
    textures = measure_textures(section, grid, region, job, side) if has_bse else _no_textures(grid)
    free = np.array([cell.open for cell in grid.cells]) & (textures.rock >= LEAST_ROCK)
    if by_mask:
        free &= pieces.measured >= LEAST_MEASURED
    _require_some(grid, free, section, settings)
    objective, kinds = _objective(pieces, textures, free)
    picks = _picks(objective, free, settings, by_mask=by_mask)
    found = _suggestion(grid, objective, kinds, textures, picks, free)
    _tell(found, job)
    if settings.apply:
        _apply(section, found, job)
    return found


def _no_textures(grid: Grid) -> Textures:
    """Every cell of maps alone looks like itself only."""
    count = len(grid)
    return Textures(np.eye(count), np.ones(count), np.ones(count), np.arange(count), [""] * count)


def _require_some(
    grid: Grid, free: NDArray[np.bool_], section: Section, settings: AreasSettings
) -> None:
    if free.any():
        return
    outside = sum(not cell.open for cell in grid.cells)
    raise InputError(
        f"No {grid.unit} of {section.path} can be chosen: {outside} of {len(grid)} lie in sessions "
        "for test, in such that are not looked at, or across a border of sessions; the others are "
        "resin, outside the region of study, or not measured.",
        remedy="Look at the roles of the sessions and at {setting:sessions}."
        if settings.sessions or outside
        else "Look at the region of study.",
        setting="sessions",
    )


def _objective(
    pieces: Pieces, textures: Textures, free: NDArray[np.bool_]
) -> tuple[Objective, list[str]]:
    """Return what sets are worth by those kinds that can be chosen at all."""
    counts = np.where(free[:, None], pieces.counts, 0)
    there = np.flatnonzero(counts.sum(axis=0) >= LEAST_KIND)
    weights = np.where(free[textures.cells], textures.weights, 0)
    is_target = pieces.codes[there] == TARGET
    return (
        Objective(counts[:, there], textures.likeness, weights, _importance(is_target)),
        [pieces.kinds[kind] for kind in there],
    )


def _importance(is_target: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Let the mineral of the mask count as much as all others: it is what a network learns.

    On the phantoms 101 to 105 a sixth of the training session then shows 0.29 of the olivine, by
    size class, instead of 0.15, and as many kinds of crystals.
    """
    groups = [group for group in (is_target, ~is_target) if group.any()]
    return np.asarray(sum(group / group.sum() / len(groups) for group in groups), np.float64)


NO_CODES = np.zeros(0, np.int64)

LEAST_KIND = 0.5
"""With less than half a crystal in all that can be chosen, a kind is but cut by its edge."""


def _picks(
    objective: Objective, free: NDArray[np.bool_], settings: AreasSettings, *, by_mask: bool
) -> list[Pick]:
    share = settings.share
    validation = settings.validation / 100
    if settings.tiles is None and share is None:
        if by_mask and objective.counts.shape[1]:
            return smallest(objective, free, settings.pieces, validation)
        share = USUAL_SHARE
    count = int(free.sum())
    number = settings.tiles or max(1, round(count * (share or 0) / 100))
    number = min(number, count)
    val = min(max(1, round(number * validation)), number - 1) if validation else 0
    return select(objective, free, number - val, val)


def _suggestion(
    grid: Grid,
    objective: Objective,
    kinds: Sequence[str],
    textures: Textures,
    picks: Sequence[Pick],
    free: NDArray[np.bool_],
) -> Suggestion:
    chosen = [pick.cell for pick in picks]
    areas = []
    for number, pick in enumerate(picks, 1):
        cell = grid.cells[pick.cell]
        before = [one.cell for one in picks[: number - 1] if one.role == pick.role]
        why = reason(objective, kinds, textures.words, chosen, before, pick.cell)
        areas.append(Area(
            f"area {number}", pick.role, cell.row0, cell.row1, cell.col0, cell.col1, cell.within,
            cell.words, why,
        ))  # fmt: skip
    words = summary(objective, kinds, picks, int(free.sum()), grid.unit)
    return Suggestion(areas, sorted(looked_at_names(grid)), words)


def _tell(found: Suggestion, job: Job) -> None:
    for one in found.areas:
        job.report(
            "area", area=one.name, role=one.role, bounds=list(one.bounds), within=one.within,
            place=one.place, why=one.why,
        )  # fmt: skip
        job.say(f"{one.name} ({one.role}), {one.place}: {one.why}.")
    job.report("areas", looked_at=list(found.looked_at), words=list(found.words))
    for sentence in found.words:
        job.say(sentence)


def _apply(section: Section, found: Suggestion, job: Job) -> None:
    import pandas as pd

    table = pd.DataFrame({"session": [], "row0": [], "row1": [], "col0": [], "col1": []})
    if section.fingerprint("annotations/sessions"):
        table = section.annotation("sessions")
    section.annotate("sessions", sessions_with_areas(table, found.areas, found.looked_at))
    changed = f"; session {', '.join(found.looked_at)} got the role none" if found.looked_at else ""
    job.say(f"{len(found.areas)} areas became sessions{changed}.")
