"""The probability of olivine as a dask array: computed where and when somebody looks."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_olivine.inference.segment import check_fits, find_model
from napari_olivine.inference.settings import SegmentSettings
from napari_olivine.job import Job
from napari_olivine.networks import read_card
from napari_olivine.section import Section

if TYPE_CHECKING:
    import dask.array as da


def probability_dask(
    section: Section, settings: SegmentSettings | None = None, job: Job | None = None
) -> da.Array:
    """Offer a model's probability of olivine over a section without computing it.

    Each block is the middle of one window, half an overlap away from the window's edges; nothing
    is blended and nothing is kept. ``probability_dask(section)[2000:3000, 500:900].compute()``
    runs the network on the few windows that it needs.

    Parameters
    ----------
    section
        Section with ``images``.
    settings
        Model, window and overlap; the rest is not used.
    job
        Its device is used.

    Returns
    -------
    dask array of float32, shape of the section, values 0-1

    Raises
    ------
    SectionError, InputError
        If the model is missing or does not fit the section.
    """
    import dask.array as da
    import torch

    from napari_olivine.networks.device import autocast, choose_device
    from napari_olivine.networks.files import load_model
    from napari_olivine.networks.greys import LevelledGrey, normalise

    settings, job = settings or SegmentSettings(), job or Job()
    _, folder = find_model(section, settings.model)
    check_fits(read_card(folder), folder, section)
    device = choose_device(job.device)
    network, card = load_model(folder, device)
    grey = LevelledGrey(section, card.normalisation, job)
    margin = settings.overlap_px // 2
    lock = Lock()  # the network uses every core by itself; two at once would only need more memory

    def block(block_info: Any = None) -> NDArray[np.float32]:
        (top, bottom), (left, right) = block_info[None]["array-location"]
        rows, columns = bottom - top, right - left
        window = grey.read(top - margin, left - margin, rows + 2 * margin, columns + 2 * margin)
        image = torch.from_numpy(normalise(window, card.normalisation)[None]).to(device)
        with lock, torch.inference_mode(), autocast(device):
            logits = network(image.contiguous(memory_format=torch.channels_last))[0, 0]
        values: NDArray[np.float32] = logits.float().sigmoid().cpu().numpy()
        return values[margin : margin + rows, margin : margin + columns]

    side = settings.window_px - 2 * margin
    # dask has no annotations for these two.
    chunks = da.core.normalize_chunks((side, side), section.shape)  # type: ignore[no-untyped-call]
    lazy: da.Array = da.map_blocks(  # type: ignore[no-untyped-call]
        block, chunks=chunks, dtype=np.float32, meta=np.empty((0, 0), np.float32)
    )
    return lazy
