"""The estimate of a section's levelling from its images, overlaps and standards."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.levelling.histogram_peaks import histogram_tie_points
from napari_olivine.levelling.histograms import TileGreys
from napari_olivine.levelling.materials import Materials, find_materials, material_tie_points
from napari_olivine.levelling.mosaic import Mosaic
from napari_olivine.levelling.result import Estimate, Levelling, SessionScales, plane_grey
from napari_olivine.levelling.sampling import GreySamples, sample_grey
from napari_olivine.levelling.scales import TILE_GREY, Priors, Scales, solve_session_scales
from napari_olivine.levelling.seams import (
    Seam,
    Steps,
    border_tie_points,
    overlap_tie_points,
    seams_of,
    steps_of_overlaps,
    steps_of_seams,
)
from napari_olivine.levelling.settings import LevelSettings
from napari_olivine.levelling.shading import (
    Shading,
    find_shading,
    multiplicative_share,
    steps_of_cells,
    tile_planes,
)
from napari_olivine.levelling.standards import standard_tie_points
from napari_olivine.levelling.tie_points import TiePoints
from napari_olivine.section import Raster

Floats = NDArray[np.float64]


def estimate(
    raster: Raster,
    maps: Mapping[str, Raster],
    mosaic: Mosaic,
    reference: int,
    settings: LevelSettings,
    job: Job,
    *,
    standards: pd.DataFrame | None = None,
    overlaps: pd.DataFrame | None = None,
) -> Estimate:
    """Find scales and backgrounds.

    Parameters
    ----------
    raster
        BSE image.
    maps
        Element maps; may be none.
    mosaic
        Tiles and sessions.
    reference
        Place of the reference session.
    settings
        Which sources count, and what is likely beforehand.
    job
        Running job.
    standards
        Columns standard, session, grey, error.
    overlaps
        Comparison of overlapping tiles, as the import leaves it.

    Returns
    -------
    Estimate
        The levelling, its errors, and the samples that it comes from.
    """
    samples = sample_grey(raster, maps if settings.phases else {}, mosaic, job)
    job.progress(0, 4, "Comparing the tiles")
    if overlaps is not None and not (settings.overlaps and len(overlaps)):
        overlaps = None
    work = _Estimator(samples, mosaic, settings, standards, overlaps, job)
    if settings.backgrounds:
        work.planes_within_sessions()
    job.progress(1, 4, "Comparing the sessions")
    work.tie(reference)
    job.progress(2, 4, "Backgrounds of the tiles")
    if settings.backgrounds and mosaic.real:
        work.planes_on_common_scale()
        work.tie(reference)
    job.progress(3, 4, "Shading")
    work.find_shadings()
    tied, sources = work.tied, work.each_source(reference)
    levelling = Levelling(mosaic, tied.gain, tied.offset, work.planes, work.shading)
    greys, peaks = work.greys(reference), work.peaks()
    return Estimate(levelling, tied, sources, samples, work.seams, greys, peaks)


class _Estimator:
    """The state of an estimate between its rounds."""

    def __init__(
        self,
        samples: GreySamples,
        mosaic: Mosaic,
        settings: LevelSettings,
        standards: pd.DataFrame | None,
        overlaps: pd.DataFrame | None,
        job: Job,
    ) -> None:
        self.samples, self.mosaic, self.settings = samples, mosaic, settings
        self.standards, self.overlaps, self.job = standards, overlaps, job
        self.count, self.tiles = len(mosaic.sessions), len(mosaic)
        self.unit = samples.unit
        self.session = mosaic.session_of_tile[samples.tile]
        self.seams = seams_of(samples, mosaic, job)
        self.planes = np.zeros((self.tiles, 3))
        self.shading: list[Shading | None] = [None] * self.count
        self.tied = _untied(self.count, self._priors())
        self.parts: dict[str, TiePoints] = {}
        self.materials: Materials | None = None
        self.material_grey = np.full(0, np.nan)
        inside = self.session >= 0
        chosen = samples.grey[inside] if inside.any() else samples.grey
        self.pivot = float(np.median(chosen)) if chosen.size else 128.0 * self.unit

    def planes_within_sessions(self) -> None:
        """Slopes from the seams inside of sessions, whose scale need not be known."""
        session = self.mosaic.session_of_tile
        inside = [s for s in self.seams if session[s.before] == session[s.after]]
        self._planes(inside, Steps.joined([]), np.zeros(self.tiles, bool))

    def planes_on_common_scale(self) -> None:
        """Slopes and levels from all seams and from what materials are off by."""
        cells = Steps.joined([])
        known = np.zeros(self.tiles, bool)
        off, used = self._off_materials()
        if used.size:
            x, y = self._places()[used].T
            tile = self.samples.tile[used].astype(np.int64)
            cells = steps_of_cells(tile, x, y, off, self.tiles, self.unit)
            known[cells.after] = True
        self._planes(self.seams, cells, known)

    def _planes(self, seams: list[Seam], cells: Steps, known: NDArray[np.bool_]) -> None:
        gain, offset = self._of_tile(self.tied.gain, 1.0), self._of_tile(self.tied.offset, 0.0)
        parts = [cells]
        if self.settings.seams:
            parts.append(steps_of_seams(seams, gain, offset, self.unit, self.job))
        if self.overlaps is not None:
            session = self.mosaic.session_of_tile
            a, b = self.overlaps["tile_a"], self.overlaps["tile_b"]
            inside = self.overlaps[session[a] == session[b]]
            parts.append(steps_of_overlaps(inside, self.mosaic, gain, offset, self.unit))
        planes = tile_planes(Steps.joined(parts), self.tiles, known, self.unit, self.job)
        session = self.mosaic.session_of_tile
        for one in range(self.count):
            # What all tiles of a session have in common is the session's.
            if (session == one).any():
                planes[session == one, 0] -= _common(planes[session == one, 0], self.unit)
        self.planes = planes

    def tie(self, reference: int) -> None:
        """Find the sessions' scales from every source."""
        self.parts = self._tie_points()
        joined = TiePoints.joined(list(self.parts.values()))
        scales = solve_session_scales(joined, self.count, self.pivot, self._priors(), self.job)
        self.tied = _relative_to(scales, joined, reference, self._priors())
        self.material_grey = np.full(0, np.nan)
        if "phases" in self.parts and self.materials is not None:
            seen = np.unique(self.parts["phases"].shared().material)
            grey = np.full(self.materials.classes, np.nan)
            in_reference = scales.gain[reference] * (scales.material[seen] - self.pivot)
            grey[seen] = in_reference + scales.centre[reference]
            self.material_grey = grey

    def each_source(self, reference: int) -> dict[str, SessionScales]:
        """Scales from every source by itself."""
        found = {}
        for name, part in self.parts.items():
            scales = solve_session_scales(part, self.count, self.pivot, self._priors(), self.job)
            found[name] = _relative_to(scales, part, reference, self._priors())
        return found

    def find_shadings(self) -> None:
        """Find what all tiles of a session share."""
        kind = self.settings.shading
        if kind == "off" or not self.mosaic.real:
            return
        off, used = self._off_materials()
        spots = self.samples
        if not used.size:
            off, used = self._off_medians()
        on_scale = self._on_scale()
        tile, at = spots.tile[used].astype(np.int64), self._places()[used]
        off = off - self._background(tile, at)
        session, x, y = self.session[used], at[:, 0], at[:, 1]
        factors = []
        for one in range(self.count):
            self.job.check()
            here = session == one
            shading = find_shading(tile[here], x[here], y[here], off[here], self.unit)
            self.shading[one] = shading
            if shading is not None and shading.significant:
                grey = on_scale[used][here]
                factors.append(multiplicative_share(shading, x[here], y[here], off[here], grey))
        if kind == "auto":
            # One instrument shades all its sessions in the same way.
            weight = sum(w for _, w in factors)
            grows = sum(f * w for f, w in factors) / weight if weight > 0 else 0.0
            kind = "multiply" if grows > 0.5 else "add"
        if kind == "multiply":
            middle = float(np.median(on_scale[used])) if used.size else self.pivot
            self.shading = [one and one.multiplied(middle) for one in self.shading]

    def peaks(self) -> list[tuple[float, list[int], int]]:
        """Peaks of the histograms that sessions share: grey in the reference, sessions, tiles."""
        if "histograms" not in self.parts:
            return []
        seen, found = self.parts["histograms"].shared(), []
        grey = (seen.grey - self.tied.offset[seen.session]) / self.tied.gain[seen.session]
        for one in np.unique(seen.material):
            here = seen.material == one
            sessions = np.unique(seen.session[here]).tolist()
            found.append((float(np.median(grey[here])), sessions, int(here.sum())))
        return found

    def greys(self, reference: int) -> tuple[float, float, float]:
        """Dark, middle and bright grey of the reference."""
        here = self.samples.grey[self.session == reference]
        if not here.size:
            here = self.samples.grey if self.samples.grey.size else np.array([self.pivot])
        low, middle, high = np.percentile(here, [1, 50, 99])
        return float(low), float(middle), float(high)

    def _tie_points(self) -> dict[str, TiePoints]:
        """TiePoints of each source; materials known by X-rays first."""
        settings, session = self.settings, self.mosaic.session_of_tile
        parts: dict[str, TiePoints] = {}
        grey = self._without_background()
        if settings.phases and self.count > 1:
            if self.materials is None:
                self.materials = find_materials(self.samples, grey, self.session, self.job)
            if self.materials.classes:
                seen = material_tie_points(
                    self.samples, self.materials, grey, session, self.unit, self.job
                )
                if len(seen.shared()):
                    parts["phases"] = seen
        if self.standards is not None and len(self.standards):
            names = [one.session for one in self.mosaic.sessions]
            error = settings.standard_error_grey * self.unit
            parts["standards"] = standard_tie_points(self.standards, names, error)
        if self.overlaps is not None:
            parts["overlaps"] = overlap_tie_points(self.overlaps, session, self.unit)
        if settings.seams:
            surface = self._raw_background
            parts["seams"] = border_tie_points(
                *(self.seams, surface, session, self.unit, self.samples.limits, self.job)
            )
        if settings.phases and self.count > 1:
            groups = parts["phases"].groups(self.count) if "phases" in parts else None
            loose = groups is None or np.unique(groups).size > 1
            if loose:
                inside = self.session >= 0
                tile = self.samples.tile[inside].astype(np.int64)
                parts["histograms"] = histogram_tie_points(
                    TileGreys.of_spots(grey[inside], tile, session, self.unit),
                    TiePoints.joined(list(parts.values())),
                    self.count,
                    self.pivot,
                    self._priors(),
                    self.unit,
                    self.samples.limits,
                    self.job,
                )
        return {name: part for name, part in parts.items() if len(part.shared())}

    def _off_materials(self) -> tuple[Floats, NDArray[np.int64]]:
        """Give the common grey of spots above their material's, backgrounds not taken off."""
        if self.materials is None or not np.isfinite(self.material_grey).any():
            return np.zeros(0), np.zeros(0, np.int64)
        label = self.materials.label
        material = np.append(self.material_grey, np.nan)[label]
        used = np.flatnonzero(np.isfinite(material) & (self.session >= 0))
        off = self._on_scale()[used] - material[used] - self.materials.shift[used]
        return off, used

    def _off_medians(self) -> tuple[Floats, NDArray[np.int64]]:
        """Give the common grey of spots above the median of their tile."""
        used = np.flatnonzero(self.session >= 0)
        grey = self._on_scale()[used]
        medians = pd.Series(grey).groupby(self.samples.tile[used]).transform("median")
        return grey - medians.to_numpy(), used

    def _on_scale(self) -> Floats:
        tile = self.samples.tile
        gain, offset = self._of_tile(self.tied.gain, 1.0), self._of_tile(self.tied.offset, 0.0)
        return np.asarray((self.samples.grey - offset[tile]) / gain[tile])

    def _without_background(self) -> Floats:
        tile = self.samples.tile.astype(np.int64)
        return np.asarray(self.samples.grey - self._raw_background(tile, self._places()))

    def _places(self) -> Floats:
        return np.stack([self.samples.x, self.samples.y], axis=1).astype(np.float64)

    def _background(self, tile: NDArray[np.int64], at: Floats) -> Floats:
        return plane_grey(self.planes[tile], at)

    def _raw_background(self, tile: NDArray[np.int64], at: Floats) -> Floats:
        return np.asarray(self._background(tile, at) * self._of_tile(self.tied.gain, 1.0)[tile])

    def _of_tile(self, values: Floats, otherwise: float) -> Floats:
        return np.append(values, otherwise)[self.mosaic.session_of_tile]

    def _priors(self) -> Priors:
        return Priors(
            self.settings.gain_prior_percent / 100,
            self.settings.offset_prior_grey * self.unit,
            TILE_GREY * self.unit,
        )


def _common(levels: Floats, unit: float) -> float:
    """Mean of what tiles have in common, without those that are far off (charging)."""
    off = np.abs(levels - np.median(levels))
    near = off <= 3 * np.hypot(1.4826 * float(np.median(off)), TILE_GREY * unit)
    return float(levels[near].mean())


def _untied(count: int, priors: Priors) -> SessionScales:
    covariance = np.tile(np.diag([2 * priors.gain**2, 2 * priors.centre**2]), (count, 1, 1))
    return SessionScales(np.ones(count), np.zeros(count), covariance, np.zeros(count, bool))


def _relative_to(
    scales: Scales, tie_points: TiePoints, reference: int, priors: Priors
) -> SessionScales:
    """Scales against the reference; what is not tied to it keeps its own grey.

    Sessions that are tied to each other but not to the reference share the scale of the first of
    them.
    """
    count = scales.gain.size
    result = _untied(count, priors)
    groups = tie_points.shared().groups(count)
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        here = reference if groups[reference] == group else int(members[0])
        gain, offset, covariance = scales.relative(here)
        result.gain[members], result.offset[members] = gain[members], offset[members]
        if here == reference:
            result.covariance[members] = covariance[members]
            result.to_reference[members] = True
        else:
            result.covariance[members] += covariance[members]
    return result
