"""The step: microprobe profiles and BSE grey -> a calibration, and the map of mg#."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from napari_olivine.calibration.drawn_outlines import drawn_outlines, fill_outlines
from napari_olivine.calibration.grey import CalibrationGrey, open_grey, require_levelling
from napari_olivine.calibration.metrics import FitScores, fit_scores
from napari_olivine.calibration.mg_map import draw_mg
from napari_olivine.calibration.outline import outline_crystals
from napari_olivine.calibration.phase import (
    OUTLINE,
    SOURCES,
    Phase,
    open_phase,
    open_rock,
    phase_source,
)
from napari_olivine.calibration.points import (
    LEFT_OUT_FLAG,
    Points,
    collect_points,
    resolve_mineral,
)
from napari_olivine.calibration.regression import Calibration, fit_calibration
from napari_olivine.calibration.score_table import FILE as SCORES_FILE, score_table
from napari_olivine.calibration.settings import CalibrateSettings
from napari_olivine.errors import InputError, SectionError
from napari_olivine.job import Job
from napari_olivine.section import OUTLINES, Product, Section, remove

METHOD = 4

LEVELLED_SESSION_GREY = 0.5
"""Standard deviation of the offsets of sessions after levelling, grey, at least."""

LEVELLED_GAIN = 0.005
"""Standard deviation of the gains of sessions after levelling, at least."""


def calibrate(
    section: Section,
    settings: CalibrateSettings = CalibrateSettings(),  # noqa: B008 - immutable
    job: Job | None = None,
) -> Product:
    """Calibrate the BSE grey against the microprobe, then map mg# over the mineral.

    Makes the products ``calibration`` (calibration.json, profiles.parquet, scores.csv), ``outline``
    where the crystals are outlined by hand or by their grey, and ``mg`` (image ``mg``, float32, NaN
    off the mineral). Whichever is up to date is kept.

    Parameters
    ----------
    section
        Section with images, epma, placements, sessions, and outlines drawn by hand, a mask or a
        segmentation; without these and without maps the crystals under the traverses are outlined
        by their grey.
    settings
        See :class:`CalibrateSettings`.
    job
        Running job.

    Returns
    -------
    Product
        The calibration.

    Raises
    ------
    InputError
        If a profile leaves the section, a table lacks MgO or FeO, the points cannot calibrate, or
        an outline drawn by hand cannot be used.
    SectionError
        If something the step needs is missing or out of date.
    """
    job = job or Job()
    section.require("epma")
    settings = resolve_mineral(section, settings, job)
    source = phase_source(section, settings)
    if source == "drawn":
        fill_outlines(section, drawn_outlines(section, settings, job), job)
    phase = open_phase(section, source, settings.phase) if source != OUTLINE else None
    if settings.level_grey:
        require_levelling(section, job)
    job.say(f"Which pixels are the mineral: {SOURCES[source]}.")
    product = _calibration(section, settings, phase, job)
    if phase is None:
        law, grey = read_calibration(section)
        outline_crystals(section, grey, law, job)
        phase = open_phase(section, OUTLINE, "olivine")
    _map(section, settings, phase, job)
    if phase.product != OUTLINE and section.state(OUTLINE) == "stale":
        remove(section.path / OUTLINE)  # nobody makes it again as long as there is better
    return product


def read_calibration(section: Section) -> tuple[Calibration, CalibrationGrey]:
    """Read the finished calibration: its law, and the grey that it converts.

    Raises
    ------
    SectionError
        If there is none or it is damaged.
    """
    file = section.require("calibration", stale_ok=True).path / "calibration.json"
    try:
        values = json.loads(file.read_text())
        law, levelled = Calibration.from_dict(values["law"]), bool(values["levelled"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SectionError(
            f"{file} is damaged.",
            remedy="Run {step:calibrate} with {setting:force}.",
            file=file,
            step="calibrate",
        ) from error
    if levelled:
        section.require("levelling", stale_ok=True)
    return law, open_grey(section, levelled=levelled)


def _calibration(
    section: Section, settings: CalibrateSettings, phase: Phase | None, job: Job
) -> Product:
    inputs = ["images", "epma", "annotations/placements", "annotations/sessions"]
    inputs += [phase.product] if phase is not None else []
    if settings.phase_from in ("auto", "drawn") and settings.outlines is None:
        inputs.append(f"annotations/{OUTLINES}")  # the first one that is drawn changes the phase
    inputs += ["levelling"] * settings.level_grey
    recipe = section.recipe("calibrate", settings, inputs, method=METHOD)
    if done := section.finished("calibration", recipe, job):
        return done
    with section.draft("calibration", recipe, job) as draft:
        grey = open_grey(section, levelled=settings.level_grey)
        points = collect_points(section, grey, phase or open_rock(grey), settings, job)
        law = _fit(points.table, grey, settings, "grey_filtered")
        raw_law = _fit(points.table, grey, settings, "grey_raw")
        predict(points.table, law, grey)
        raw = points.table.copy()
        raw["grey_filtered"] = raw["grey_raw"]
        predict(raw, raw_law, grey)
        report: dict[str, Any] = {
            "method": settings.model_dump(mode="json"),
            "phase_from": phase.source if phase is not None else OUTLINE,
            "law": law.as_dict(),
            "scores": {
                use: {
                    "raw": _score(raw, use=use),
                    "filtered": _score(points.table, use=use),
                    "all_points": _score(raw, use=use, all_points=True),
                }
                for use in ("calibrate", "test")
            },
            "profiles": _profiles(points, raw),
            "warnings": _warnings(points, law, grey, _off_outlines(points, phase)),
            "levelled": grey.levelled,
        }
        for warning in report["warnings"]:
            job.warn(warning)
        (draft.path / "calibration.json").write_text(json.dumps(report, indent=1) + "\n")
        points.table.to_parquet(draft.path / "profiles.parquet", index=False)
        score_table(points.table, raw).to_csv(draft.path / SCORES_FILE, index=False)
        draft.notes["calibrate"] = report["scores"]["calibrate"]["filtered"]
        draft.notes["test"] = report["scores"]["test"]["filtered"]
        draft.notes["phase_from"] = report["phase_from"]
        draft.notes["left_out"] = sum(story["left_out"] for story in report["profiles"].values())
        job.report("scores", **report["scores"])
        job.say(f"Scores of each profile and each session: calibration/{SCORES_FILE}.")
    return section.require("calibration")


def _map(section: Section, settings: CalibrateSettings, phase: Phase, job: Job) -> Product:
    inputs = ["images", "calibration", phase.product, "annotations/sessions"]
    recipe = section.recipe("map mg", settings, inputs, method=METHOD)
    if done := section.finished("mg", recipe, job):
        return done
    law, grey = read_calibration(section)
    with section.draft("mg", recipe, job) as draft:
        draw_mg(draft, section, grey, phase, law, settings)
        draft.notes["phase_from"] = phase.source
    return section.require("mg")


def _fit(
    table: pd.DataFrame, grey: CalibrationGrey, settings: CalibrateSettings, column: str
) -> Calibration:
    used = table["good"] & (table["use"] == "calibrate") & table["on_phase"]
    if column == "grey_filtered":
        used &= ~table["outlier"]
        table["fitted"] = used
    if used.sum() < LEAST_POINTS:
        raise InputError(_why_so_few(table[table["use"] == "calibrate"], int(used.sum())))
    rows = table[used]
    offset, gain = settings.offset_prior_grey, settings.gain_prior_percent / 100
    if grey.scale_errors is not None:
        gain = min(gain, max(grey.scale_errors[0], LEVELLED_GAIN))
        offset = min(offset, max(grey.scale_errors[1], LEVELLED_SESSION_GREY))
    return fit_calibration(
        rows[column],
        rows["mg_epma"],
        _places(rows, grey),
        rows["profile"],
        [session.session for session in grey.sessions],
        degree=settings.degree,
        session_terms=settings.session_terms,
        offset_prior_grey=offset,
        gain_prior=gain,
        robust=column == "grey_filtered",
    )


LEAST_POINTS = 3


def _why_so_few(table: pd.DataFrame, usable: int) -> str:
    lines = []
    for name, rows in table.groupby("profile"):
        words = rows["flags"].str.split("; ").explode()
        counts = words[words != ""].str.replace(r"[0-9.]+", "...", regex=True).value_counts()
        flags = ", ".join(f"{count} x {word}" for word, count in counts.items())
        off = int((~rows["on_phase"]).sum())
        lines.append(f"  {name}: {len(rows)} points; {flags or 'no flags'}; {off} off the mineral")
    return (
        f"Only {usable} usable points to calibrate with, {LEAST_POINTS} are needed.\n"
        + "\n".join(lines)
        + "\nCheck where these profiles are placed and the mask or outline under them, set more "
        "profiles to 'calibrate', widen the limits on totals, or set 'mineral' to 'other' if the "
        "mineral is not olivine."
    )


def predict(table: pd.DataFrame, law: Calibration, grey: CalibrationGrey) -> None:
    """Add mg_predicted, mg_sigma and residual to a table of points.

    Parameters
    ----------
    table
        Points with ``grey_filtered`` and ``session``; changed in place.
    law
        Fitted law.
    grey
        Sessions of the grey.
    """
    mg, sigma = law.predict(table["grey_filtered"], _places(table, grey))
    table["mg_predicted"] = mg
    table["mg_sigma"] = np.hypot(sigma, law.residual_sd)
    table["residual"] = mg - table["mg_epma"]


def _places(table: pd.DataFrame, grey: CalibrationGrey) -> np.ndarray[Any, Any]:
    names = {session.session: place for place, session in enumerate(grey.sessions)}
    return table["session"].map(lambda name: names.get(name, -1)).to_numpy(int)


def _score(
    table: pd.DataFrame,
    *,
    use: str | None = None,
    profile: str | None = None,
    all_points: bool = False,
) -> dict[str, float | int | None]:
    chosen = table["use"] == use if use else table["profile"] == profile
    rows = table[chosen]
    valid = None if all_points else rows["good"]
    result: FitScores = fit_scores(rows["mg_epma"], rows["mg_predicted"], rows["profile"], valid)
    return result.as_dict()


def _profiles(points: Points, raw: pd.DataFrame) -> dict[str, dict[str, Any]]:
    table = points.table
    profiles = {}
    for name, placed in points.lines.items():
        rows = table[table["profile"] == name]
        profiles[name] = placed | {
            "sessions": sorted({s for s in rows["session"] if s}),
            "points": len(rows),
            "fitted": int(rows["fitted"].sum()),
            "outliers": int(rows["outlier"].sum()),
            "left_out": int(rows["flags"].str.contains(LEFT_OUT_FLAG).sum()),
            "flagged": int((rows["flags"] != "").sum()),
            "raw": _score(raw, profile=name),
            "filtered": _score(table, profile=name),
            "all_points": _score(raw, profile=name, all_points=True),
        }
    return profiles


def _off_outlines(points: Points, phase: Phase | None) -> list[str]:
    """Return the profiles that lie outside of every crystal that a person outlined."""
    if phase is None or phase.source != "drawn":
        return []
    on = points.table.groupby("profile", sort=False)["on_phase"].any()
    return [str(name) for name in on.index[~on]]


def _warnings(
    points: Points, law: Calibration, grey: CalibrationGrey, off_outlines: Sequence[str]
) -> list[str]:
    warnings = [
        f"{name} lies outside every outline drawn by hand: it counts for nothing. Draw the outline "
        "of its crystal too."
        for name in off_outlines
    ]
    warnings += points.findings
    if law.slope(law.pivot, -1) > 0:
        warnings.append(
            "mg# rises with the grey in the fitted law, but more iron is brighter: a line lies the "
            "wrong way round or in the wrong place, or the image is inverted. Do not use this map."
        )
    if law.session_terms != "pooled" and len(law.sessions) > 1:
        without = [s for s, n in law.points_of_session.items() if n == 0]
        if without:
            levelled = " (levelled)" if grey.levelled else ""
            warnings.append(
                f"No profile calibrates session {', '.join(without)}: the common law is used "
                f"there{levelled}, with a wider error."
            )
    for name, placed in points.lines.items():
        if name in off_outlines:  # how its line fits the grey says nothing
            continue
        registration = placed.get("registration")
        if "drawn_um" in placed:
            done = (
                "Its points have their measured distances, where mg# follows the grey best along "
                "the drawn line"
                if placed.get("at_its_length")
                else "Its points are spread along the line as drawn"
            )
            warnings.append(
                f"{name} is drawn {placed['drawn_um']:.0f} um long and was measured "
                f"{placed['measured_um']:.0f} um long. {done}: look whether that is right."
            )
        if registration and not registration["accepted"]:
            warnings.append(f"{name} stays as it was placed: {registration['reason']}.")
    return warnings
