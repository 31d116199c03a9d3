"""The score step: every product of a section against a known truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals import counted, phases_told
from napari_olivine.crystals.edits import bring_up_to_date
from napari_olivine.errors import SectionError
from napari_olivine.job import Job
from napari_olivine.regions import study_region
from napari_olivine.scoring.boundaries import WIDTH_PX, BoundaryCounts
from napari_olivine.scoring.label_truth import OLIVINE_CODE as LABEL_CODE, LabelTruth
from napari_olivine.scoring.matching import Overlaps, score_crystals, score_zoning
from napari_olivine.scoring.other_phases import OtherPhases, stale_products
from napari_olivine.scoring.pixels import MgErrors, PhaseCounts
from napari_olivine.scoring.results import Scores, SessionScores
from napari_olivine.scoring.settings import ScoreSettings
from napari_olivine.scoring.sizes import RegionOverlaps, score_sizes
from napari_olivine.scoring.truth import Truth
from napari_olivine.section import (
    Section,
    Session,
    blocks,
    session_index,
    strip_height,
    with_role,
)

OLIVINE = 1
REGIONS = ("mask", "segmentation", "joint")
"""Products with an image of olivine, whose connected regions are compared with true crystals."""

FINAL = "final"
"""The pixels of the crystals that count."""

PRODUCTS = ("mask", "segmentation", "joint", "mg", "calibration", "crystals")

BY_LABELS = ("segmentation", "joint")
"""Those that labels of pixels can score."""

UNKNOWN = 255
"""Code of pixels that the truth says nothing of."""

NO_CODE = -1

OPTIONAL = ("joint",)
"""Products that are not missed: they are made only where they can be."""


def score_section(
    section: Section,
    truth: Path | None = None,
    settings: ScoreSettings | None = None,
    job: Job | None = None,
) -> Scores:
    """Compare a section with its known truth, or one of labelled images with its own labels.

    Outside the region of study nothing counts. Of phases other than olivine pixels are scored.

    Everything is read strip by strip. Products that the section lacks are left out and named
    in ``missing``; products that are out of date are scored, with a warning.

    Parameters
    ----------
    section
        Section with any products.
    truth
        Folder with ``phase.tif`` (codes), ``mg.tif`` (mg# x 10000, 0 off olivine),
        ``crystals.tif`` (ids, 0 for none) and ``crystals.csv`` (id, kind); phases other than
        olivine are named in ``phases.csv`` (code, name). If `None`, the labels of a section of
        labelled images: only what a network segmented is scored then.
    settings
        See :class:`ScoreSettings`; the defaults if not given.
    job
        Running job.

    Returns
    -------
    Scores
        `None` for products that the section lacks.

    Raises
    ------
    InputError
        If the truth lacks a file, or is that of a section of another shape, or the region of study
        cannot be used; if there is none, and the mask of the section was made by rules.
    """
    settings, job = settings or ScoreSettings(), job or Job()
    known = LabelTruth(section) if truth is None else Truth(Path(truth), section)
    products: tuple[str, ...] = PRODUCTS
    if isinstance(known, LabelTruth):
        products = BY_LABELS
        job.say(
            f"Against the labels of the section: olivine is {known.target}; other phases are "
            "scored in the sessions with the role test, if there are any."
        )
        codes_of_labels = {"olivine_code": LABEL_CODE, "orthopyroxene_code": NO_CODE}
        settings = settings.model_copy(update=codes_of_labels)
    states = {product: section.state(product) for product in products}
    there = [product for product, state in states.items() if state != "missing"]
    codes = settings.named_codes() or known.codes()
    if not codes and any(phases_told(section).values()):
        job.say(
            "Phases other than olivine are not scored: the truth has no phases.csv that names "
            "their codes. Give them by {setting:phase_codes}."
        )
    for product in (*there, *stale_products(section, list(codes))):
        if states.get(product, "stale") == "stale":
            job.warn(f"{product} of {section.path} is out of date; it is scored as it is.")
    if "crystals" in there:
        bring_up_to_date(section, job)
    sessions = section.sessions() if section.fingerprint("annotations/sessions") else []
    own = ("mask",) if isinstance(known, LabelTruth) else ()
    gathered = _Counted(section, there, sessions, OtherPhases(section, codes, without=own))
    strips = list(blocks(section.shape, strip_height(job, section.shape[1] * 96)))
    for done, (rows, columns) in enumerate(strips):
        job.progress(done, len(strips), "Scoring")
        gathered.add(known, rows, columns, settings)
    job.progress(len(strips), len(strips), "Scoring")
    missing = [name for name in products if name not in (*there, *OPTIONAL)]
    return gathered.scores(known, settings, missing)


NO_CRYSTALS = pd.DataFrame({"id": pd.Series(dtype=np.int64)})


class _Counted:
    """Counts of all products, gathered strip by strip."""

    def __init__(
        self, section: Section, there: list[str], sessions: list[Session], others: OtherPhases
    ) -> None:
        self.section, self.there, self.sessions = section, there, sessions
        self.others = others
        self.region = study_region(section)
        groups = len(sessions) + 1
        sources = {name: name for name in REGIONS} | {FINAL: "crystals"}
        self.phases = {
            name: PhaseCounts(groups) for name, product in sources.items() if product in there
        }
        self.boundaries = {name: BoundaryCounts() for name in self.phases}
        compared = REGIONS if "joint" in there else REGIONS[:1]
        self.regions = {name: RegionOverlaps() for name in compared if name in there}
        self.mg = MgErrors(groups) if "mg" in there else None
        self.overlaps = Overlaps() if "crystals" in there else None
        self.table = section.table("crystals", "crystals") if "crystals" in there else NO_CRYSTALS
        self.left_out = np.setdiff1d(self.table["id"], counted(self.table)["id"])

    def add(
        self, truth: Truth | LabelTruth, rows: slice, columns: slice, settings: ScoreSettings
    ) -> None:
        """Count one strip."""
        group = 1 + session_index(
            self.sessions,
            np.arange(rows.start, rows.stop)[:, np.newaxis],
            np.arange(columns.stop)[np.newaxis],
        )
        studied = np.ones(group.shape, bool)
        if self.region is not None:
            studied = self.region.pixels(rows, columns)
        phase = truth.phase(rows)
        studied &= phase != UNKNOWN
        olivine = phase == settings.olivine_code
        opx = phase == settings.orthopyroxene_code
        last = rows.stop == self.section.shape[0]
        wide = slice(
            max(rows.start - WIDTH_PX, 0), min(rows.stop + WIDTH_PX, self.section.shape[0])
        )
        inner = (slice(rows.start - wide.start, rows.stop - wide.start), slice(None))
        near, told = olivine, studied
        if self.phases:
            phase_near = truth.phase(wide)
            near, told = phase_near == settings.olivine_code, phase_near != UNKNOWN
        for name, counts in self.phases.items():
            predicted = self._predicted(name, wide, columns) & told
            if self.region is not None:
                predicted &= self.region.pixels(wide, columns)
                near &= self.region.pixels(wide, columns)
            self.boundaries[name].add(near, predicted, inner)
            predicted = predicted[inner]
            counts.add(group[studied], olivine[studied], opx[studied], predicted[studied])
            if name in self.regions:
                assert isinstance(truth, Truth)  # labels are of pixels alone
                regions = self.regions[name]
                regions.add(truth.crystals(rows), predicted, studied, rows.start, last=last)
        apart = studied
        if isinstance(truth, LabelTruth) and with_role(self.sessions, "test"):
            places = [k for k, one in enumerate(self.sessions, 1) if one.role == "test"]
            apart = studied & np.isin(group, places)
        self.others.add(phase, rows, columns, apart)
        if self.mg is not None:
            assert isinstance(truth, Truth)
            mg = self.section.raster("mg", "mg").read(rows, columns)
            self.mg.add(group[studied], mg[studied], truth.mg(rows)[studied])
        if self.overlaps is not None:
            assert isinstance(truth, Truth)
            labels = self._crystals(rows, columns)
            first = rows.start == 0
            self.overlaps.add(truth.crystals(rows), labels, studied, first=first, last=last)

    def _predicted(self, name: str, rows: slice, columns: slice) -> NDArray[np.bool_]:
        """Return the olivine pixels of a product."""
        if name == FINAL:
            return np.asarray(self._crystals(rows, columns) > 0)
        image = self.section.raster(name, "olivine").read(rows, columns)
        return np.asarray(image == OLIVINE)

    def _crystals(self, rows: slice, columns: slice) -> NDArray[Any]:
        """Return the labels of the crystals that count."""
        labels = self.section.raster("crystals", "crystals").read(rows, columns)
        if len(self.left_out):
            labels = np.where(np.isin(labels, self.left_out), 0, labels)
        return labels

    def scores(
        self, truth: Truth | LabelTruth, settings: ScoreSettings, missing: list[str]
    ) -> Scores:
        """Turn the counts into scores."""
        area_um2 = self.section.pixel_size_um**2
        whole: dict[str, Any] = {
            name: counts.scores().model_copy(update={"boundary_iou": self.boundaries[name].iou})
            for name, counts in self.phases.items()
        }
        for name, regions in self.regions.items():
            sizes = score_sizes(*regions.joined(), area_um2, settings.found_iou)
            whole[f"{name}_sizes"] = sizes
        if self.mg is not None:
            whole["mg"] = self.mg.scores()
        if "calibration" in self.there:
            whole["traverses"] = traverse_scores(self.section)
        if self.overlaps is not None:
            assert isinstance(truth, Truth)
            table = counted(self.table)
            kinds = truth.kinds(self.overlaps.true_crystals().index)
            whole["crystals"] = score_crystals(self.overlaps, table, area_um2, settings)
            whole["crystal_sizes"] = score_sizes(self.overlaps, table, area_um2, settings.found_iou)
            whole["zoning"] = score_zoning(self.overlaps, table, kinds, area_um2, settings)
        return Scores(
            section=self.section.record.name,
            sessions=[self._session(place) for place in range(len(self.sessions))],
            other_phases=self.others.scores(),
            missing=[f"{name}: the section has none" for name in missing],
            **whole,
        )

    def _session(self, place: int) -> SessionScores:
        session = self.sessions[place]
        parts: dict[str, Any] = {
            name: counts.scores(place + 1) for name, counts in self.phases.items()
        }
        if self.mg is not None:
            parts["mg"] = self.mg.scores(place + 1)
        return SessionScores(session=session.session, role=session.role, **parts)


def traverse_scores(section: Section) -> dict[str, dict[str, Any]]:
    """Scores of the calibration and test traverses, as the calibration wrote them.

    Raises
    ------
    SectionError
        If the calibration's record is damaged.
    """
    file = section.require("calibration", stale_ok=True).path / "calibration.json"
    try:
        scores = json.loads(file.read_text())["scores"]
        found = {
            f"{use}, {kind}": dict(scores[use][kind])
            for use in ("calibrate", "test")
            for kind in ("filtered", "raw")
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SectionError(
            f"{file} is damaged.",
            remedy="Run {step:calibrate} with {setting:force}.",
            file=file,
            step="calibrate",
        ) from error
    return {name: values for name, values in found.items() if values.get("points")}
