"""The crystals that a person outlined by hand: what lies inside is the mineral.

Of single crystals there are often no element maps, and no grey tells a crystal from a glass or a
neighbour of the same grey. A person sees it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from napari_olivine.calibration.phase import OUTLINE, create_outline
from napari_olivine.calibration.settings import CalibrateSettings
from napari_olivine.errors import InputError
from napari_olivine.job import Job
from napari_olivine.polygons import Polygon, fault_of, pixels_inside, read_geojson
from napari_olivine.section import (
    OUTLINES,
    Product,
    Section,
    block_side,
    blocks,
    fingerprint_of_bytes,
)
from napari_olivine.settings import Settings

METHOD = 1


@dataclass(frozen=True)
class DrawnOutlines:
    """Outlines drawn by hand.

    Parameters
    ----------
    polygons
        The outlines.
    file
        Where they stand.
    inputs
        Annotations of the section that they come from.
    extra
        Fingerprint of a file from elsewhere, as `Section.recipe` takes it.
    """

    polygons: Sequence[Polygon]
    file: Path
    inputs: tuple[str, ...]
    extra: dict[str, str]


def polygons_of(table: pd.DataFrame, pixel_size_um: float) -> list[Polygon]:
    """Return the outlines of the annotation ``outlines``.

    Parameters
    ----------
    table
        A row a corner: outline, x_um, y_um.
    pixel_size_um
        Side of a pixel, um.
    """
    return [
        Polygon(str(name), (rows[["y_um", "x_um"]].to_numpy(float) / pixel_size_um,))
        for name, rows in table.groupby("outline", sort=False)
    ]


def drawn_outlines(section: Section, settings: CalibrateSettings, job: Job) -> DrawnOutlines:
    """Read the outlines of the section, or of the file that the settings name.

    Parameters
    ----------
    section
        Section whose crystals are outlined.
    settings
        Settings of the step.
    job
        Running job, which is warned of objects that are no polygons.

    Returns
    -------
    DrawnOutlines
        At least one outline; each can be used.

    Raises
    ------
    InputError
        If there are none, or one of them crosses itself, lies outside the image or encloses no
        pixel; names it.
    """
    file = settings.outlines
    inputs: tuple[str, ...] = (f"annotations/{OUTLINES}",)
    extra: dict[str, str] = {}
    if file is not None:
        polygons, other = read_geojson(file, "outlines", "outline")
        inputs, extra = (), {"source outlines": fingerprint_of_bytes(file.read_bytes())}
        if other:
            job.warn(f"{file}: {other} of its objects are no polygons and left out.")
    else:
        file = section.path / "annotations" / f"{OUTLINES}.csv"
        polygons = []
        if section.has_annotation(OUTLINES):
            polygons = polygons_of(section.annotation(OUTLINES), section.pixel_size_um)
    if not polygons:
        raise InputError(
            f"No crystal of {section.path} is outlined by hand.",
            remedy="Draw one in the EPMA profiles dock, give a file as {setting:outlines}, or "
            "set {setting:phase_from} to 'auto'.",
            setting="phase_from",
            file=file,
        )
    faults = [(one.name, fault_of(one, section.shape)) for one in polygons]
    if words := [f"{name} {fault}" for name, fault in faults if fault]:
        size = f"{section.shape[1]} x {section.shape[0]} pixels of {section.pixel_size_um:g} um"
        raise InputError(
            f"{file}: {'; '.join(words)}. The image has {size}.",
            remedy="Move its corners in the EPMA profiles dock, or delete it there."
            if settings.outlines is None
            else "Correct it where it was drawn, and export it again; coordinates are pixels.",
            setting="outlines" if settings.outlines is not None else "",
            file=file,
        )
    return DrawnOutlines(polygons, file, inputs, extra)


def fill_outlines(section: Section, drawn: DrawnOutlines, job: Job) -> Product:
    """Make the product ``outline``: image ``olivine``, 1 inside the outlines.

    Parameters
    ----------
    section
        Section with images.
    drawn
        Outlines drawn by hand.
    job
        Running job.

    Returns
    -------
    Product
        ``outline``.
    """
    recipe = section.recipe(
        "outline by hand", Settings(), ["images", *drawn.inputs], method=METHOD, extra=drawn.extra
    )
    if done := section.finished(OUTLINE, recipe, job):
        return done
    with section.draft(OUTLINE, recipe, job) as draft:
        out = create_outline(draft, section, "crystals outlined by hand")
        side = block_side(job, 4)
        for rows, columns in draft.pending(blocks(section.shape, side, side), "Outlines"):
            job.check()
            inside = pixels_inside(drawn.polygons, rows, columns)
            if inside is not None:
                out.write(rows.start, columns.start, inside.astype(np.uint8))
        out.build_pyramid(job)
        draft.notes |= {"source": "drawn", "outlines": len(drawn.polygons)}
    return section.require(OUTLINE)
