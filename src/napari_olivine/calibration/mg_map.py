"""The map of mg#: every pixel of the mineral through the calibration law."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from napari_olivine.calibration.grey import CalibrationGrey
from napari_olivine.calibration.outliers import HALO, artefacts
from napari_olivine.calibration.phase import Phase
from napari_olivine.calibration.regression import Calibration
from napari_olivine.calibration.settings import CalibrateSettings
from napari_olivine.job import Job
from napari_olivine.section import CHUNK, Draft, Section, blocks, create_raster, session_index


def draw_mg(
    draft: Draft,
    section: Section,
    grey: CalibrationGrey,
    phase: Phase,
    law: Calibration,
    settings: CalibrateSettings,
) -> None:
    """Draw the map block by block; blocks that an earlier run finished are left as they are.

    Parameters
    ----------
    draft
        The product that the image ``mg`` goes into.
    section, grey, phase, law
        Section, BSE grey, pixels of the mineral, and the fitted law.
    settings
        Smoothing, outliers and limits.
    """
    out = create_raster(
        draft.path / "mg",
        section.shape,
        "float32",
        section.pixel_size_um,
        reduction="nanmean",
        fill=float("nan"),
        origin="mg#",
    )
    for rows, columns in draft.pending(blocks(section.shape, CHUNK, CHUNK), "Mapping mg#"):
        block = mg_block(rows, columns, section.shape, grey, phase, law, settings, draft.job)
        if np.isfinite(block).any():
            out.write(rows.start, columns.start, block)
    out.build_pyramid(draft.job)


def mg_block(
    rows: slice,
    columns: slice,
    shape: tuple[int, int],
    grey: CalibrationGrey,
    phase: Phase,
    law: Calibration,
    settings: CalibrateSettings,
    job: Job,
) -> NDArray[np.float32]:
    """Compute mg# of one block from the pixels of the mineral in it and in a halo around it.

    Parameters
    ----------
    rows, columns
        The block.
    shape
        Rows and columns of the section.
    grey, phase, law
        BSE grey, pixels of the mineral, and the fitted law.
    settings
        Smoothing, outliers and limits.
    job
        Running job; checked between the parts of the work.

    Returns
    -------
    NDArray
        mg#, shape of the block; NaN off the mineral and on artefacts.
    """
    sigma = settings.smooth_um / grey.raster.pixel_size_um
    halo = HALO + int(np.ceil(3 * sigma))
    top, left = max(0, rows.start - halo), max(0, columns.start - halo)
    wide = (
        slice(top, min(shape[0], rows.stop + halo)),
        slice(left, min(shape[1], columns.stop + halo)),
    )
    inner = (
        slice(rows.start - top, rows.stop - top),
        slice(columns.start - left, columns.stop - left),
    )
    on = phase.pixels(*wide)
    if not on[inner].any():
        return np.full((rows.stop - rows.start, columns.stop - columns.start), np.nan, np.float32)
    image = grey.window(*wide)
    session = session_index(
        grey.sessions,
        np.arange(wide[0].start, wide[0].stop)[:, None],
        np.arange(wide[1].start, wide[1].stop)[None, :],
    )
    mg = law.mg(image, session)
    lowest = 0.0 if settings.mineral == "other" else settings.lowest_mg
    kept = on & (mg >= lowest) & (mg <= settings.highest_mg)
    if settings.filter_map:
        kept &= ~artefacts(
            image,
            kept,
            neighbors=settings.lof_neighbors,
            threshold=settings.lof_threshold,
            check=job.check,
        )
    job.check()
    if sigma > 0:
        mg, share = _smooth_within(mg, kept, sigma)
        kept = on & (kept | (share >= LEAST_SHARE))
    return np.where(kept, mg, np.float32(np.nan))[inner]


LEAST_SHARE = 0.3
"""Share of good neighbours, by weight, whose mean fills a pixel of an artefact."""


def _smooth_within(
    mg: NDArray[np.float32], kept: NDArray[np.bool_], sigma_px: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Gaussian mean over the kept pixels alone, and the share of these."""
    values = gaussian_filter(np.where(kept, mg, np.float32(0)), sigma_px, truncate=3.0)
    share = gaussian_filter(kept.astype(np.float32), sigma_px, truncate=3.0)
    return np.asarray(values / np.maximum(share, np.float32(1e-6)), np.float32), share
