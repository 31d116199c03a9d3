"""Run a network over a section, a row of windows at a time, in constant memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from napari_olivine.errors import InputError
from napari_olivine.inference.settings import SegmentSettings
from napari_olivine.inference.windows import Axis, Strip, make_axis
from napari_olivine.job import Job
from napari_olivine.networks.build import Network
from napari_olivine.networks.device import autocast, choose_device, stoppable
from napari_olivine.networks.files import load_model
from napari_olivine.networks.greys import LevelledGrey, normalise
from napari_olivine.section import Draft, Raster, Section
from napari_olivine.section.raster import CHUNK


def predict_into(
    raster: Raster,
    section: Section,
    folder: Path,
    settings: SegmentSettings,
    draft: Draft,
    job: Job,
) -> None:
    """Fill a raster with the probability of olivine (uint8, 255 is 1.0).

    Whole rows of chunks are written as soon as no further window adds to them, and noted in the
    draft, so that a stopped run goes on at the next one.

    Parameters
    ----------
    raster
        Empty, of the section's shape.
    section
        Section with ``images``.
    folder
        Model folder.
    settings
        Windows and blending.
    draft
        Keeps which strips are finished.
    job
        Running job.

    Raises
    ------
    InputError
        If one row of windows does not fit in the job's memory.
    """
    rows, columns = (
        make_axis(length, settings.window_px, settings.overlap_px, settings.blend)
        for length in section.shape
    )
    if Strip.bytes(rows, columns) > job.memory_bytes:
        need = Strip.bytes(rows, columns) / 1e9
        raise InputError(
            f"A row of windows over this section needs {need:.1f} GB: give more memory or a "
            "smaller window_px."
        )
    first = _first_missing(section.shape[0], draft)
    if first == section.shape[0]:
        return
    device = choose_device(job.device)
    network, card = load_model(folder, device)
    grey = LevelledGrey(section, card.normalisation, job)
    strip = Strip(rows, columns, first)
    # Rows that windows have filled wait in here until they are a whole row of chunks.
    waiting: list[NDArray[np.uint8]] = []
    written, taken = first, first
    total = len(rows.starts) * len(columns.starts)
    with torch.inference_mode(), stoppable(network, job), autocast(device):
        for k, start in enumerate(rows.starts):
            if start + rows.window <= first:
                continue
            for j in range(0, len(columns.starts), settings.batch):
                job.progress(k * len(columns.starts) + j, total, "Segmenting")
                lefts = columns.starts[j : j + settings.batch]
                for left, values in zip(
                    lefts, _predict(network, grey, start, lefts, rows, columns, device), strict=True
                ):
                    strip.add(start, left, values)
            last = k + 1 == len(rows.starts)
            stop = section.shape[0] if last else max(taken, min(rows.starts[k + 1], rows.length))
            if stop > taken:
                waiting.append(np.rint(strip.take(stop) * 255).astype(np.uint8))
                taken = stop
            whole = taken if last else taken // CHUNK * CHUNK
            if whole > written:
                block = np.concatenate(waiting)
                raster.write(written, 0, block[: whole - written])
                waiting = [block[whole - written :]]
                for row in range(written, whole, CHUNK):
                    draft.tick(_part(row))
                written = whole
    job.progress(total, total, "Segmenting")


def _predict(
    network: Network,
    grey: LevelledGrey,
    top: int,
    lefts: list[int],
    rows: Axis,
    columns: Axis,
    device: torch.device,
) -> NDArray[np.float32]:
    images = np.stack(
        [
            normalise(grey.read(top, left, rows.window, columns.window), grey.normalisation)
            for left in lefts
        ]
    )
    batch = torch.from_numpy(images).to(device, memory_format=torch.channels_last)
    probability: NDArray[np.float32] = network(batch)[:, 0].float().sigmoid().cpu().numpy()
    return probability


def _part(row: int) -> str:
    return f"rows from {row}"


def _first_missing(rows: int, draft: Draft) -> int:
    """First row that no earlier run has written."""
    starts = range(0, rows, CHUNK)
    return next((row for row in starts if not draft.is_done(_part(row))), rows)
