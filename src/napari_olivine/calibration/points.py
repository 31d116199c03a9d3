"""One table of all microprobe points: composition, place, grey, and flags of bad analyses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.calibration.grey import CalibrationGrey
from napari_olivine.calibration.outliers import artefacts, fill_along
from napari_olivine.calibration.phase import Phase
from napari_olivine.calibration.registration import RefinedTraverse, refine_traverse
from napari_olivine.calibration.settings import CalibrateSettings
from napari_olivine.calibration.stoichiometry import (
    cations,
    flags,
    mg_number,
    require_oxides,
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

LARGEST_WINDOW = 4_000_000
"""Pixels up to which all points of a profile are read in one window."""


@dataclass
class Points:
    """Microprobe points on the image.

    Parameters
    ----------
    table
        One row a point; see `collect_points`.
    lines
        Placement and registration of each profile, as JSON values.
    """

    table: pd.DataFrame
    lines: dict[str, dict[str, Any]] = field(default_factory=dict)


def collect_points(
    section: Section, grey: CalibrationGrey, phase: Phase, settings: CalibrateSettings, job: Job
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
    reader = _Reader(section, grey, phase, settings, job)
    tables = []
    for done, placement in enumerate(placements.to_dict("records")):
        job.progress(done, len(placements), "Reading profiles")
        name = str(placement["profile"])
        rows = analyses[analyses["profile"] == name].sort_values("point").reset_index(drop=True)
        table = _composition(rows, settings)
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
    phase: Phase
    settings: CalibrateSettings
    job: Job

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
            distance = _distances(table)
            placed["placed_um"] = list(line)
            measured = np.isfinite(table["distance_um"]).all()
            spacing = self.settings.spacing if measured else "line"
            if self.settings.refine_placement:
                result = self._refine(table, distance, line)
                placed["registration"] = {
                    "accepted": result.accepted,
                    "shift_um": [round(v, 2) for v in result.shift_um],
                    "correlation_placed": round(result.correlation_before, 4),
                    "correlation_refined": round(result.correlation_after, 4),
                    "reason": result.reason,
                }
                if result.accepted:
                    line, spacing = result.line, "line"
            placed["line_um"] = [round(v, 3) for v in line]
            x, y = line_positions(distance, line, spacing)
            width, height = ((side - 1) * pixel for side in self.section.shape[::-1])
            x, y = x.clip(0, width), y.clip(0, height)
        table["x_um"], table["y_um"] = x, y
        table["row"], table["col"] = y / pixel, x / pixel
        return placed

    def _refine(self, table: pd.DataFrame, distance: Floats, line: Line) -> RefinedTraverse:
        pixel, settings = self.section.pixel_size_um, self.settings
        good = table["good"].to_numpy(bool)
        margin = int(np.ceil(settings.largest_shift_um / pixel)) + 4
        x, y = line_positions(distance, line, "line")
        window = window_around(y / pixel, x / pixel, margin, self.section.shape)
        reason = "" if good.sum() >= 2 else "no usable points"
        if np.prod([side.stop - side.start for side in window]) > LARGEST_WINDOW:
            reason = "the line is too long to refine"
        if reason:
            return RefinedTraverse(line, False, (0.0, 0.0), 0.0, 0.0, reason)
        return refine_traverse(
            self._patch(*window),
            distance,
            np.where(good, table["mg_epma"].to_numpy(float), np.nan),
            line,
            pixel,
            placed_within_um=settings.placed_within_um,
            largest_shift_um=settings.largest_shift_um,
            sigma_px=spot_px(settings, pixel),
        )

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
        mineral = self.phase.raster.read(rows, columns) == 1
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
            mineral = self.phase.raster.read(
                slice(top, min(self.section.shape[0], row + NEAR_PX + 1)),
                slice(left, min(self.section.shape[1], column + NEAR_PX + 1)),
            )
            on[k] = mineral[row - top, column - left] == 1
            near[k] = bool((mineral == 1).any())
        return on, near


def _distances(table: pd.DataFrame) -> Floats:
    """Distances along the profile, or the points' numbers where the microprobe gave none."""
    distance = table["distance_um"].to_numpy(float)
    if np.isfinite(distance).all() and np.ptp(distance) > 0:
        return distance
    return np.arange(len(table), dtype=float)
