"""The crystals step: from a phase to numbered, measured and classified crystals."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_olivine.crystals.components import Strip, join_strips, label_strip, summarize_strip
from napari_olivine.crystals.measure import Images, crystal_blocks, measure_crystals
from napari_olivine.crystals.settings import SIZE_CLASSES, ZONING_CLASSES, CrystalsSettings
from napari_olivine.crystals.zoning import classify_sizes, classify_zoning, is_mantled
from napari_olivine.errors import SectionError
from napari_olivine.job import Job
from napari_olivine.section import (
    Draft,
    Product,
    Raster,
    Section,
    blocks,
    create_raster,
    session_index,
)
from napari_olivine.section.raster import CHUNK

BYTES_PER_PIXEL = 48
"""Mask, labels, positions of the olivine pixels and their sums while a strip is labelled."""

STRIP_PX = 64_000_000
"""Pixels of a strip at most, so that the step can be stopped within a second or two."""

OLIVINE = 1
"""Value of olivine in masks and segmentations."""

COLUMNS = [
    "id", "x_um", "y_um", "row0", "row1", "col0", "col1", "area_px", "area_um2", "size_class",
    "zoning_class", "mg_core", "mg_rim", "mg_mean", "mg_difference", "mg_difference_se",
    "mg_mantle_excess", "mantled", "core_rim_ratio", "mean_probability", "touches_edge", "session",
    "hole_fraction", "major_axis_um", "minor_axis_um", "eccentricity",
]  # fmt: skip
"""Columns of the table, in order."""

MEASURED = [
    "mg_core", "mg_rim", "mg_mean", "mg_difference", "mg_difference_se", "mg_mantle_excess",
    "core_rim_ratio", "mean_probability", "hole_fraction", "major_axis_px", "minor_axis_px",
]  # fmt: skip
"""Columns that measuring adds to the table."""


def find_crystals(
    section: Section,
    settings: CrystalsSettings | None = None,
    job: Job | None = None,
) -> Product:
    """Find, number, measure and classify the crystals of a section.

    Each connected region of olivine is a crystal. Makes the product ``crystals``: the raster
    ``crystals`` of ids (uint32, 0 for none), numbered in reading order, and the table of the
    same name (:data:`COLUMNS`). mg# is left empty where the section has no ``mg``, the
    probability where the crystals come from the mask.

    Parameters
    ----------
    section
        Section with ``segmentation`` or ``mask``, and ``mg`` if there is one.
    settings
        See :class:`CrystalsSettings`; the defaults if not given.
    job
        Running job; memory stays within its bound whatever the size of the section.

    Raises
    ------
    SectionError
        If there is no olivine to start from, or it is out of date.
    """
    settings, job = settings or CrystalsSettings(), job or Job()
    phase = _phase(section, settings)
    inputs = [phase]
    inputs += ["probability"] if phase == "segmentation" and _has(section, "probability") else []
    inputs += ["mg"] if _has(section, "mg") else []
    inputs += ["images"] if _has(section, "images") else []
    recipe = section.recipe("crystals", settings, [*inputs, "annotations/sessions"])
    if done := section.finished("crystals", recipe, job):
        return done
    if "mg" not in inputs and settings.zoning == "mg":
        job.warn(
            "The section has no mg# map: crystals get no mg# and no zoning class. Run "
            "'napari-olivine calibrate' first, or choose zoning by 'paper'."
        )
    with section.draft("crystals", recipe, job) as draft:
        parts = draft.path / "parts"
        if not draft.is_done("table"):
            parts.mkdir(exist_ok=True)
            labels = create_raster(
                draft.path / "crystals", section.shape, "uint32", section.pixel_size_um,
                reduction="mode", origin="crystal ids",
            )  # fmt: skip
            table = _number(section.raster(phase, "olivine"), labels, draft, settings, job)
            table = _measure(section, inputs, labels, table, draft, settings, job)
            table.to_parquet(draft.path / "crystals.parquet", index=False)
            draft.tick("table")
        draft.notes |= _summary(pd.read_parquet(draft.path / "crystals.parquet")) | {
            "phase_from": phase
        }
        shutil.rmtree(parts, ignore_errors=True)
    return section.require("crystals")


def _has(section: Section, product: str) -> bool:
    return section.state(product) != "missing"


def _phase(section: Section, settings: CrystalsSettings) -> str:
    if settings.phase_from != "auto":
        return settings.phase_from
    for product in ("segmentation", "mask"):
        if _has(section, product):
            return product
    raise SectionError(
        f"{section.path} has neither a segmentation nor a mask to take crystals from: run "
        "'napari-olivine segment' or 'napari-olivine mask' first."
    )


def _number(
    phase: Raster, labels: Raster, draft: Draft, settings: CrystalsSettings, job: Job
) -> pd.DataFrame:
    """Write the ids of all crystals; return where they are."""
    strips = [rows for rows, _ in blocks(phase.shape, _strip_height(job, phase.shape[1]))]
    # Names tell the extent: a run that goes on may have another bound on its memory.
    files = [draft.path / "parts" / f"strip-{rows.start}-{rows.stop}.npz" for rows in strips]
    places = {("find", rows.start, rows.stop): place for place, rows in enumerate(strips)}
    for part in draft.pending(places, "Finding crystals"):
        rows = strips[places[part]]
        found, top, bottom = _label(phase, rows, settings)
        summarize_strip(found, top, bottom, rows.start).save(files[places[part]])
    min_area_px = settings.min_area_um2 / phase.pixel_size_um**2
    numbers, table = join_strips(
        [Strip.load(file) for file in files],
        diagonals=settings.join_diagonals, min_area_px=min_area_px,
    )  # fmt: skip
    places = {("number", rows.start, rows.stop): place for place, rows in enumerate(strips)}
    for part in draft.pending(places, "Numbering crystals"):
        rows = strips[places[part]]
        found, _, _ = _label(phase, rows, settings)
        labels.write(rows.start, 0, numbers[places[part]][found])
    labels.build_pyramid(job)
    return table


def _strip_height(job: Job, columns: int) -> int:
    """Rows of a strip: whole chunks where the memory allows, else fewer rows."""
    rows = min(job.memory_bytes // BYTES_PER_PIXEL, STRIP_PX) // columns
    step = CHUNK if rows >= CHUNK else 64
    return int(max(step, rows // step * step))


def _label(
    phase: Raster, rows: slice, settings: CrystalsSettings
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Label one strip, the same way each time it is asked for."""
    everything = slice(0, phase.shape[1])
    radius = round(settings.bridge_um / phase.pixel_size_um / 2 + 0.25) if settings.bridge_um else 0
    if not radius:
        mask = phase.read(rows, everything) == OLIVINE
        return label_strip(mask, diagonals=settings.join_diagonals)
    # Closing sees twice its radius: with these rows around it the strip is as in the whole image.
    start = max(rows.start - 2 * radius, 0)
    mask = phase.read(slice(start, rows.stop + 2 * radius), everything) == OLIVINE
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, brush).astype(bool)
    inside = slice(rows.start - start, rows.stop - start)
    return label_strip(mask[inside], diagonals=settings.join_diagonals, bridged=closed[inside])


def _measure(
    section: Section,
    inputs: list[str],
    labels: Raster,
    table: pd.DataFrame,
    draft: Draft,
    settings: CrystalsSettings,
    job: Job,
) -> pd.DataFrame:
    """Measure and classify the crystals in the table."""
    images = Images(
        labels,
        mg=section.raster("mg", "mg") if "mg" in inputs else None,
        grey=section.raster("images", "BSE") if "BSE" in section.record.signals else None,
        probability=(section.raster("probability", "olivine") if "probability" in inputs else None),
    )
    crystals = dict(crystal_blocks(table, labels.shape, job))
    for name in draft.pending([f"measure {name}" for name in crystals], "Measuring crystals"):
        group = crystals[name.removeprefix("measure ")]
        measured = measure_crystals(group, images, settings.border_px, job)
        measured.insert(0, "id", group["id"].to_numpy())
        _write_whole(measured, draft.path / "parts" / f"{name}.parquet")
    files = [draft.path / "parts" / f"measure {name}.parquet" for name in crystals]
    if files:
        measured = pd.concat([pd.read_parquet(file) for file in files])
        table = table.merge(measured, on="id", validate="one_to_one").sort_values("id")
    else:
        table = table.assign(**dict.fromkeys(MEASURED, pd.Series(dtype=float)))
    return _complete(section, table, settings)


def _complete(section: Section, table: pd.DataFrame, settings: CrystalsSettings) -> pd.DataFrame:
    """Add what follows from the measurements: units, classes, sessions."""
    pixel_um = section.pixel_size_um
    height, width = section.shape
    table = table.assign(
        x_um=table["col"] * pixel_um,
        y_um=table["row"] * pixel_um,
        area_um2=table["area_px"] * pixel_um**2,
        major_axis_um=table["major_axis_px"] * pixel_um,
        minor_axis_um=table["minor_axis_px"] * pixel_um,
        eccentricity=np.sqrt(1 - (table["minor_axis_px"] / table["major_axis_px"]) ** 2),
        touches_edge=(table[["row0", "col0"]] == 0).any(axis=1)
        | (table["row1"] == height)
        | (table["col1"] == width),
        session=_sessions(section, table),
    )
    table["size_class"] = classify_sizes(table["area_um2"], settings)
    table["mantled"] = is_mantled(table, settings)
    table["zoning_class"] = classify_zoning(table, settings)
    return table[COLUMNS].reset_index(drop=True)


def _sessions(section: Section, table: pd.DataFrame) -> pd.Series:
    """Session in which the centre of each crystal lies, empty for none."""
    if not section.fingerprint("annotations/sessions"):
        return pd.Series("", table.index, dtype="str")
    sessions = section.sessions()
    names = np.array([*(session.session for session in sessions), ""], dtype=object)
    rows, columns = (table[name].round().to_numpy(np.int64) for name in ("row", "col"))
    return pd.Series(names[session_index(sessions, rows, columns)], table.index, dtype="str")


def _summary(table: pd.DataFrame) -> dict[str, int]:
    sizes = {f"{name}s": int((table["size_class"] == name).sum()) for name in SIZE_CLASSES}
    zoning = {
        f"phenocrysts_{name}": int((table["zoning_class"] == name).sum()) for name in ZONING_CLASSES
    }
    return {"crystals": len(table)} | sizes | zoning


def _write_whole(table: pd.DataFrame, file: Path) -> None:
    temporary = file.with_name(f".{file.name}")
    table.to_parquet(temporary, index=False)
    temporary.replace(file)
