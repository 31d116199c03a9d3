"""One table of all microprobe points: composition, place, grey, and flags of bad analyses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.calibration.grey import CalibrationGrey
from napari_olivine.calibration.outliers import artefacts, fill_along
from napari_olivine.calibration.phase import Phase, RockPixels
from napari_olivine.calibration.placement import (
    LARGEST_WINDOW,
    PlacedLine,
    doubted_pixel_size,
    lay_line,
)
from napari_olivine.calibration.registration import RefinedTraverse, length_of
from napari_olivine.calibration.settings import CalibrateSettings
from napari_olivine.calibration.stoichiometry import (
    cations,
    flags,
    mg_number,
    require_oxides,
    total_limits,
    totals,
)
from napari_olivine.calibration.traverse import (
    Line,
    Patch,
    Sampled,
    line_positions,
    require_inside,
    sample,
    window_around,
)
from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.section import LEFT_OUT, Section, points_of, session_index

Floats = NDArray[np.float64]

NEAR_PX = 3
"""A point this close to the mineral may have been measured on it."""

LEFT_OUT_FLAG = "left out by hand"

MARGIN_PX = 32
"""Surroundings of a point from which artefacts are recognised."""


@dataclass
class Points:
    """Microprobe points on the image.

    Parameters
    ----------
    table
        One row a point; see `collect_points`.
    lines
        Placement and registration of each profile, as JSON values.
    findings
        What a person should know of the analyses and of the lines.
    """

    table: pd.DataFrame
    lines: dict[str, dict[str, Any]] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)


def collect_points(
    section: Section,
    grey: CalibrationGrey,
    phase: Phase | RockPixels,
    settings: CalibrateSettings,
    job: Job,
) -> Points:
    """Lay every profile that is not ignored on the image and read the grey of its points.

    Parameters
    ----------
    section
        Section with ``epma`` and ``annotations/placements``.
    grey
        BSE image.
    phase
        Pixels of the mineral.
    settings
        How to place, read and judge.
    job
        Running job.

    Returns
    -------
    Points
        Its table has the columns profile, kind, use, session, point, distance_um, x_um, y_um, row,
        col (pixels), grey_raw, grey_filtered, outlier, mg_epma, total_percent, cations, flags,
        good (the analysis is the mineral's), on_phase.

    Raises
    ------
    InputError
        If a table lacks MgO or FeO, a profile leaves the section, or none calibrates.
    """
    placements = section.annotation("placements")
    placements = placements[placements["use"] != "ignore"]
    if not (placements["use"] == "calibrate").any():
        raise InputError(
            f"No profile of {section.path} is set to 'calibrate'.",
            remedy="Place at least one microprobe profile on a zoned crystal and set its use "
            "(annotations/placements.csv).",
            file=section.path / "annotations" / "placements.csv",
            expected="use 'calibrate'",
        )
    analyses = section.table("epma", "analyses")
    require_oxides(analyses, placements["profile"].tolist())
    points = Points(pd.DataFrame())
    doubted = doubted_pixel_size(_length_ratios(placements, analyses), section.pixel_size_um)
    if doubted is not None:
        points.findings.append(
            f"All lines are drawn {section.pixel_size_um / doubted:.2f} times as long as they were "
            f"measured: is the pixel size of {section.pixel_size_um:g} um wrong? By the lines it "
            f"is {doubted:.4g} um. The points are spread along the lines as drawn."
        )
    reader = _Reader(section, grey, phase, settings, job, doubted is None)
    tables = []
    for done, placement in enumerate(placements.to_dict("records")):
        job.progress(done, len(placements), "Reading profiles")
        name = str(placement["profile"])
        rows = analyses[analyses["profile"] == name].sort_values("point").reset_index(drop=True)
        limited, finding = follow_totals(name, rows, settings)
        points.findings += [finding] if finding else []
        table = _composition(rows, limited)
        table.insert(0, "profile", name)
        table.insert(1, "kind", str(placement["kind"]))
        table.insert(2, "use", str(placement["use"]))
        _leave_out(table, points_of(placement.get(LEFT_OUT)), job)
        points.lines[name] = reader.place(table, rows, placement)
        reader.read_grey(table)
        tables.append(table)
    points.table = pd.concat(tables, ignore_index=True)
    places = session_index(
        grey.sessions,
        np.rint(points.table["row"].to_numpy(float)).astype(int),
        np.rint(points.table["col"].to_numpy(float)).astype(int),
    )
    names = np.array([session.session for session in grey.sessions] + [""], dtype=object)
    points.table.insert(3, "session", names[places])
    return points


def _leave_out(table: pd.DataFrame, numbers: set[int], job: Job) -> None:
    """Take the analyses of a profile out that a person has left out: they count for nothing."""
    left_out = table["point"].isin(numbers)
    words = table["flags"]
    table["flags"] = words.where(~left_out, words.where(words == "", words + "; ") + LEFT_OUT_FLAG)
    table["good"] &= ~left_out
    if unknown := numbers - set(table["point"]):
        job.warn(
            f"annotations/placements.csv leaves out analysis {', '.join(map(str, sorted(unknown)))}"
            f" of {table['profile'].iloc[0]}, which its table does not have.",
            remedy="Correct the column left_out: the analyses may have got other numbers.",
        )


def resolve_mineral(section: Section, settings: CalibrateSettings, job: Job) -> CalibrateSettings:
    """Decide for `auto` whether the analyses are of olivine: at least one of them must be.

    Parameters
    ----------
    section
        Section with ``epma``.
    settings
        Settings of the step.
    job
        Running job, which is warned if no analysis is of olivine.

    Returns
    -------
    CalibrateSettings
        With `mineral` ``"olivine"`` or ``"other"``.
    """
    if settings.mineral != "auto":
        return settings
    olivine = settings.model_copy(update={"mineral": "olivine"})
    analyses = section.table("epma", "analyses")
    if not len(analyses) or not {"MgO", "FeO"} <= set(analyses):
        return olivine
    # A low total is a crack or a poor coating, not another mineral: cations alone decide.
    any_total = {"lowest_total_percent": 0.0, "highest_total_percent": np.inf}
    by_cations = olivine.model_copy(update=any_total)
    if _composition(analyses.reset_index(drop=True), by_cations)["good"].any():
        return olivine
    job.warn(
        "None of the analyses has the cations of olivine: they are taken for "
        "another mineral and not checked. If they are olivine, look at the columns of the table."
    )
    return settings.model_copy(update={"mineral": "other"})


def follow_totals(
    profile: str, rows: pd.DataFrame, settings: CalibrateSettings
) -> tuple[CalibrateSettings, str]:
    """Let the limits on totals follow those of a whole traverse.

    Parameters
    ----------
    profile
        Name of the traverse.
    rows
        Its analyses.
    settings
        Settings of the step.

    Returns
    -------
    settings, finding
        With the limits of this traverse; what a person should know, empty if nothing.
    """
    if settings.mineral != "olivine" or not settings.totals_follow or rows.empty:
        return settings, ""
    found = total_limits(
        rows,
        (settings.lowest_total_percent, settings.highest_total_percent),
        oxygens=settings.mineral_oxygens,
    )
    if not found.moved:
        return settings, ""
    limits = {"lowest_total_percent": found.lowest, "highest_total_percent": found.highest}
    side = "low" if found.middle < settings.lowest_total_percent + 1 else "high"
    return settings.model_copy(update=limits), (
        f"{profile}: {found.outside} of {found.analyses} analyses with the cations of olivine "
        f"have totals outside {settings.lowest_total_percent:g}-"
        f"{settings.highest_total_percent:g} wt% (median {found.middle:.1f}): the totals of the "
        f"whole traverse are {side}, as from a coat or the beam current. mg# is a ratio, so they "
        f"are used, from {found.lowest:.1f} to {found.highest:.1f} wt%; 'Totals of a whole "
        "traverse' in the settings leaves them out."
    )


def spot_px(settings: CalibrateSettings, pixel_size_um: float) -> float:
    """Return the standard deviation of the spot in pixels, at least `LEAST_SPOT_PX`."""
    return max(settings.spot_um / pixel_size_um, LEAST_SPOT_PX)


LEAST_SPOT_PX = 1.0


def _composition(rows: pd.DataFrame, settings: CalibrateSettings) -> pd.DataFrame:
    words = flags(
        rows,
        oxygens=settings.mineral_oxygens,
        total_range_percent=(settings.lowest_total_percent, settings.highest_total_percent),
        olivine=settings.mineral == "olivine",
    )
    return pd.DataFrame(
        {
            "point": rows["point"],
            "distance_um": rows["distance_um"].astype(float),
            "mg_epma": mg_number(rows["MgO"], rows["FeO"]),
            "total_percent": totals(rows),
            "cations": cations(rows, settings.mineral_oxygens)["sum"],
            "flags": ["; ".join(w) for w in words],
            "good": [not w for w in words],
        }
    )


@dataclass(frozen=True)
class _Reader:
    """Lays profiles on the image and reads its grey."""

    section: Section
    grey: CalibrationGrey
    phase: Phase | RockPixels
    settings: CalibrateSettings
    job: Job
    trust_lengths: bool

    def place(
        self, table: pd.DataFrame, rows: pd.DataFrame, placement: dict[Any, Any]
    ) -> dict[str, Any]:
        """Add x_um, y_um, row, col; return the placement and registration of the profile."""
        placed: dict[str, Any] = {"kind": placement["kind"], "use": placement["use"]}
        name, pixel = str(placement["profile"]), self.section.pixel_size_um
        if placement["kind"] == "spots":
            x, y = rows["x_um"].to_numpy(float), rows["y_um"].to_numpy(float)
            require_inside(name, x, y, self.section.shape, pixel)
        else:
            line: Line = tuple(float(placement[k]) for k in ("x0_um", "y0_um", "x1_um", "y1_um"))  # type: ignore[assignment]
            ends = np.array(line).reshape(2, 2)
            require_inside(name, ends[:, 0], ends[:, 1], self.section.shape, pixel)
            length = _measured_length(table) if self.trust_lengths else float("nan")
            drawn = PlacedLine(line, _distances(table), length)
            placed["placed_um"] = list(line)
            if drawn.is_apart:
                placed["drawn_um"] = round(length_of(line), 2)
                placed["measured_um"] = round(drawn.measured_um, 2)
            good = table["good"].to_numpy(bool)
            mg = np.where(good, table["mg_epma"].to_numpy(float), np.nan)
            sigma = spot_px(self.settings, pixel)
            laid = lay_line(drawn, mg, self._patch, self.section.shape, pixel, sigma, self.settings)
            if laid.registration is not None:
                placed["registration"] = _story(laid.registration)
            placed["at_its_length"] = laid.at_its_length
            placed["line_um"] = [round(v, 3) for v in laid.line]
            x, y = line_positions(drawn.distance_um, laid.line, laid.spacing)
            width, height = ((side - 1) * pixel for side in self.section.shape[::-1])
            x, y = x.clip(0, width), y.clip(0, height)
        table["x_um"], table["y_um"] = x, y
        table["row"], table["col"] = y / pixel, x / pixel
        return placed

    def read_grey(self, table: pd.DataFrame) -> None:
        """Add grey_raw, grey_filtered, outlier, on_phase; complete flags and good."""
        rows, columns = table["row"].to_numpy(float), table["col"].to_numpy(float)
        sampled = self._sample(rows, columns)
        outlier = sampled.outlier
        filtered = sampled.filtered
        if table["kind"].iloc[0] != "spots":
            filtered = fill_along(_distances(table), filtered, outlier)
        on, near = self._on_phase(rows, columns)
        table["grey_raw"], table["grey_filtered"] = sampled.raw, filtered
        table["outlier"], table["on_phase"] = outlier, on
        for flag, where in (("outlier in grey", outlier), (f"not on {self.settings.phase}", ~near)):
            old = table["flags"]
            table["flags"] = old.where(~where, old.where(old == "", old + "; ") + flag)
        table["good"] &= near

    def _sample(self, rows: Floats, columns: Floats) -> Sampled:
        sigma = spot_px(self.settings, self.grey.raster.pixel_size_um)
        margin = MARGIN_PX + int(np.ceil(3 * sigma))
        size = (np.ptp(rows) + 2 * margin) * (np.ptp(columns) + 2 * margin)
        groups = [np.arange(rows.size)]
        if size > LARGEST_WINDOW:
            groups = [np.array([k]) for k in range(rows.size)]
        raw, filtered = np.full(rows.size, np.nan), np.full(rows.size, np.nan)
        outlier = np.zeros(rows.size, bool)
        for group in groups:
            window = window_around(rows[group], columns[group], margin, self.section.shape)
            part = sample(self._patch(*window), rows[group], columns[group], sigma_px=sigma)
            raw[group], filtered[group], outlier[group] = part.raw, part.filtered, part.outlier
        return Sampled(raw, filtered, outlier)

    def _patch(self, rows: slice, columns: slice) -> Patch:
        """Read a window and find its pixels of the mineral that are no artefacts."""
        image = self.grey.window(rows, columns)
        mineral = self.phase.pixels(rows, columns)
        bad = artefacts(
            image,
            mineral,
            neighbors=self.settings.lof_neighbors,
            threshold=self.settings.lof_threshold,
            check=self.job.check,
        )
        return Patch(image, mineral & ~bad, rows.start, columns.start)

    def _on_phase(
        self, rows: Floats, columns: Floats
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Tell whether each point lies on the mineral, and whether the mineral is near."""
        on, near = np.zeros(rows.size, bool), np.zeros(rows.size, bool)
        points = zip(np.rint(rows).astype(int), np.rint(columns).astype(int), strict=True)
        for k, (row, column) in enumerate(points):
            top, left = max(0, row - NEAR_PX), max(0, column - NEAR_PX)
            mineral = self.phase.pixels(
                slice(top, min(self.section.shape[0], row + NEAR_PX + 1)),
                slice(left, min(self.section.shape[1], column + NEAR_PX + 1)),
            )
            on[k] = mineral[row - top, column - left]
            near[k] = bool(mineral.any())
        return on, near


def _story(result: RefinedTraverse) -> dict[str, Any]:
    """Return a refinement as JSON values."""
    placed, refined = (round(v, 4) if np.isfinite(v) else None for v in result.held_out)
    return {
        "accepted": result.accepted,
        "shift_um": [round(v, 2) for v in result.shift_um],
        "correlation_placed": round(result.correlation_before, 4),
        "correlation_refined": round(result.correlation_after, 4),
        "held_out_rmse_placed": placed,
        "held_out_rmse_refined": refined,
        "reason": result.reason,
    }


def _measured_length(table: pd.DataFrame) -> float:
    """Length of a traverse by its distances, um; NaN where the microprobe gave none."""
    distance = table["distance_um"].to_numpy(float)
    known = distance.size and np.isfinite(distance).all()
    return float(np.ptp(distance)) if known else float("nan")


def _length_ratios(placements: pd.DataFrame, analyses: pd.DataFrame) -> Floats:
    """Drawn over measured length of each line, NaN where it was not measured."""
    ratios = []
    for placement in placements[placements["kind"] != "spots"].to_dict("records"):
        rows = analyses[analyses["profile"] == placement["profile"]]
        line = tuple(float(placement[k]) for k in ("x0_um", "y0_um", "x1_um", "y1_um"))
        ratios.append(PlacedLine(line, np.empty(0), _measured_length(rows)).ratio)  # type: ignore[arg-type]
    return np.array(ratios, float)


def _distances(table: pd.DataFrame) -> Floats:
    """Distances along the profile, or the points' numbers where the microprobe gave none."""
    distance = table["distance_um"].to_numpy(float)
    if np.isfinite(distance).all() and np.ptp(distance) > 0:
        return distance
    return np.arange(len(table), dtype=float)
