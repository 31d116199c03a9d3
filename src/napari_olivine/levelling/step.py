"""The step: the BSE grey of all sessions and tiles on one scale."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from napari_olivine.errors import InputError, SectionError
from napari_olivine.job import Job
from napari_olivine.levelling.estimate import estimate
from napari_olivine.levelling.io import write_levelling
from napari_olivine.levelling.mosaic import Mosaic
from napari_olivine.levelling.result import Estimate
from napari_olivine.levelling.settings import LevelSettings
from napari_olivine.levelling.standards import read_standards
from napari_olivine.section import Product, Raster, Section, lie_apart

METHOD = 2

OVERLAPS = "overlaps.parquet"
"""Table of the product ``images`` that compares overlapping tiles."""

DISAGREE = 3.0
"""Standard errors between two sources from which a warning is given."""

NOTHING_LEARNT = 0.8
"""Share of the prior's spread above which a gain counts as unknown."""


def level(
    section: Section, settings: LevelSettings | None = None, job: Job | None = None
) -> Product:
    """Find how the grey of every session and tile comes to the scale of one session.

    The images stay as they are: `napari_olivine.levelling.open_levelled` reads them on the common
    scale.

    Parameters
    ----------
    section
        Section with a BSE image and sessions.
    settings
        Reference, sources and what is likely beforehand.
    job
        Running job.

    Returns
    -------
    Product
        ``levelling``: levelling.json, tiles.parquet, steps.csv, histograms.csv.

    Raises
    ------
    InputError
        If the reference does not exist or the table of standards cannot be used.
    SectionError
        If the images are no parts of one picture.
    """
    settings, job = settings or LevelSettings(), job or Job()
    if lie_apart(section):
        raise SectionError(
            f"The images of {section.path} lie apart: they share no seams or sessions by which "
            "their grey could be levelled.",
            remedy="Train without it: {setting:train.align} brings each session to one grey.",
        )
    inputs = ["images", "annotations/sessions", "annotations/standards"]
    recipe = section.recipe("level", settings, inputs, method=METHOD)
    if done := section.finished("levelling", recipe, job):
        return done
    raster = section.raster("images", "BSE")
    mosaic = Mosaic.of_section(section)
    reference = _reference(mosaic, settings, section)
    standards = read_standards(section, settings)
    overlaps = _overlaps(section) if mosaic.real else None
    with section.draft("levelling", recipe, job) as draft:
        found = estimate(
            *(raster, _element_maps(section), mosaic, reference, settings, job),
            standards=standards,
            overlaps=overlaps,
        )
        report = write_levelling(draft.path, found, reference, overlaps)
        warnings = _warnings(found, reference, settings)
        for warning in warnings:
            job.warn(warning)
        for sentence in _describe(report):
            job.say(sentence)
        draft.notes["reference"] = report["reference"]
        draft.notes["sessions"] = {
            name: {key: value for key, value in values.items() if isinstance(value, int | float)}
            for name, values in report["sessions"].items()
        }
        draft.notes["seams"] = report["seams"]
        draft.notes["warnings"] = warnings
        job.report("levelling", sessions=draft.notes["sessions"], seams=report["seams"])
    return section.require("levelling")


def _reference(mosaic: Mosaic, settings: LevelSettings, section: Section) -> int:
    names = [session.session for session in mosaic.sessions]
    if not names:
        raise InputError(
            f"{section.path} has no session.",
            remedy="Draw one at least (annotations/sessions.csv).",
        )
    if settings.reference is None:
        return 0
    if settings.reference not in names:
        raise InputError(
            f"There is no session {settings.reference!r} to refer to; {section.path} has "
            f"{', '.join(names)}.",
            setting="reference",
        )
    return names.index(settings.reference)


def _element_maps(section: Section) -> dict[str, Raster]:
    names = [name for name in section.record.signals if re.fullmatch(r"[A-Z][a-z]?", name)]
    return {name: section.raster("images", name) for name in sorted(names)}


def _overlaps(section: Section) -> pd.DataFrame | None:
    file = section.require("images").path / OVERLAPS
    return pd.read_parquet(file) if file.exists() else None


def _describe(report: dict[str, Any]) -> list[str]:
    sentences = []
    for name, values in report["sessions"].items():
        if name == report["reference"]:
            sentences.append(f"Session {name} is the reference.")
            continue
        sentences.append(
            f"Session {name}: gain {values['gain']:.4f} +- {values['gain_error']:.4f}, offset "
            f"{values['offset']:+.2f} +- {values['offset_error']:.2f} grey "
            f"({', '.join(values['sources']) or 'not tied'})."
        )
    for border, values in report["seams"].items():
        sentences.append(
            f"Seams {border}: step {values['step_before_grey']:+.2f} grey before, "
            f"{values['step_after_grey']:+.2f} after."
        )
    return sentences


def _warnings(found: Estimate, reference: int, settings: LevelSettings) -> list[str]:
    mosaic, tied = found.levelling.mosaic, found.tied
    names = [session.session for session in mosaic.sessions]
    sentences = []
    outside = int((mosaic.session_of_tile < 0).sum())
    if outside and mosaic.real:
        sentences.append(f"{outside} tiles lie in no session; their grey keeps its scale.")
    prior = settings.gain_prior_percent / 100 * np.sqrt(2)
    for place, name in enumerate(names):
        if place == reference:
            continue
        if not (mosaic.session_of_tile == place).any():
            sentences.append(f"Session {name} holds no tile of its own; its grey keeps its scale.")
        elif not tied.to_reference[place]:
            sentences.append(
                f"Session {name} cannot be tied to {names[reference]}: no standard, no common "
                "border and no phase that both show. Its grey keeps its scale; note a standard's "
                "grey in annotations/standards.csv."
            )
        elif tied.gain_error[place] > NOTHING_LEARNT * prior:
            sentences.append(
                f"The gain of session {name} is not known, only its level: it shows too few "
                "phases that others show. Two standards of different grey would tell it."
            )
        sentences += _disagreements(found, place, name)
    return sentences


def _disagreements(found: Estimate, place: int, name: str) -> list[str]:
    sentences = []
    sources = [(k, v) for k, v in found.sources.items() if v.to_reference[place]]
    for number, (one, a) in enumerate(sources):
        for other, b in sources[number + 1 :]:
            for grey in (found.greys[0], found.greys[2]):
                (level_a, error_a), (level_b, error_b) = a.level(grey), b.level(grey)
                off = float(level_a[place] - level_b[place])
                error = float(np.hypot(error_a[place], error_b[place]))
                if abs(off) > DISAGREE * error and abs(off) > found.samples.unit:
                    sentences.append(
                        f"Session {name}: {one} and {other} disagree by {abs(off):.1f} grey where "
                        f"the reference has {grey:.0f} (standard error {error:.1f})."
                    )
                    break
    return sentences
