"""Windows of the validation sessions that a person watches while a network learns.

They are the same over the whole training: those with the most olivine, and those with the most
pixels that are no olivine and as bright in BSE as olivine is there, by turns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_olivine.job import Job
from napari_olivine.networks import Network, OutlinesFrom, autocast, normalise, stoppable
from napari_olivine.section import write_arrays
from napari_olivine.training.guided import olivine_logit
from napari_olivine.training.samples import Crop, Samples
from napari_olivine.training.windows import IGNORE, UNKNOWN_CLASS, Window, class_of_label

MOST_SHOWN = 4
SIDE_PX = 256
MOST_CANDIDATES = 64
"""Windows among which those to show are chosen, evenly spread: 4 Mpx."""

BRIGHTNESS_OF_OLIVINE = (10, 90)
"""Percentiles of the grey of olivine between which other pixels look like it (ours)."""

CONTRAST = (1, 99)
"""Percentiles of the grey of all windows between which they are shown."""


class ShownWindows:
    """Some windows of the validation sessions of a section.

    Parameters
    ----------
    samples
        Crops of the validation windows of the section.
    olivine
        Number of olivine among the outputs of the network.
    colours
        Of the outputs, ``#rrggbb``; empty of a network of olivine alone.
    outlines
        What outlines of olivine are taken from.
    """

    def __init__(
        self, samples: Samples, olivine: int, colours: Sequence[str], outlines: OutlinesFrom
    ) -> None:
        self._samples = samples
        self._olivine = olivine
        self._colours = colours
        self._outlines: OutlinesFrom = outlines
        self.places, self._crops = choose_windows(samples)

    def write(
        self, network: Network, file: Path, step: int, device: torch.device, job: Job
    ) -> None:
        """Predict the windows and write what a person sees of them, all or nothing.

        The file has arrays by name. ``places``: first row and column of each window in the
        section, shape (windows, 2). Of shape (windows, side, side), uint8: ``bse``, its grey;
        ``probability`` of olivine from 0 to 255; ``mask``: 1 olivine, 0 none, 255 unknown; and of a
        network of phases ``phases``, the number of the most probable one. ``colours``: red, green
        and blue of the phases, shape (phases, 3). ``step``: steps of the training so far.

        Parameters
        ----------
        network
            In training or not; it is left in the mode it was in.
        file
            What is written.
        step
            Steps of the training so far.
        device
            Where to compute.
        job
            Running job.
        """
        probabilities, phases = [], []
        training = network.training
        network.eval()
        try:
            with torch.inference_mode(), stoppable(network, job), autocast(device):
                for grey, _ in self._crops:
                    image = torch.from_numpy(normalise(grey, self._samples.normalisation)[None])
                    logits = network(image.to(device, memory_format=torch.channels_last))
                    p = olivine_logit(logits, self._olivine, image, self._outlines).sigmoid()
                    probabilities.append((p * 255).round().byte().cpu().numpy())
                    phases.append(logits[0].argmax(0).byte().cpu().numpy())
        finally:
            network.train(training)
        arrays: dict[str, NDArray[Any]] = {
            "places": np.array(self.places, np.int64),
            "bse": _stretched([grey for grey, _ in self._crops]),
            "probability": np.stack(probabilities),
            "mask": np.stack([_mask_of(label) for _, label in self._crops]),
            "step": np.array(step),
        }
        if self._colours:
            rgb = [list(bytes.fromhex(colour.lstrip("#"))) for colour in self._colours]
            arrays |= {"phases": np.stack(phases), "colours": np.array(rgb, np.uint8)}
        # Windows refuses to replace a file while it is read: those of the next validation follow.
        with suppress(PermissionError):
            write_arrays(arrays, file)


def choose_windows(samples: Samples) -> tuple[list[tuple[int, int]], list[Crop]]:
    """Choose the windows that are shown.

    Parameters
    ----------
    samples
        Crops of the validation windows.

    Returns
    -------
    places
        First row and column of each in the section.
    crops
        Grey and labels of each, squares of one size.
    """
    candidates = list(_candidates(samples.windows))
    chosen = np.linspace(0, len(candidates) - 1, min(MOST_CANDIDATES, len(candidates)))
    candidates = [candidates[k] for k in chosen.round().astype(int)]
    crops = [samples.read(*candidate) for candidate in candidates]
    best = _most_telling(crops)
    return [candidates[k][1:3] for k in best], [crops[k] for k in best]


def _candidates(windows: Sequence[Window]) -> Iterator[tuple[int, int, int, int]]:
    """Cover the windows with squares: number of the window, row, column and side."""
    shorter = [min(s.stop - s.start for s in window) for window in windows]
    side = min(SIDE_PX, max(shorter))
    for place, window in enumerate(windows):
        if shorter[place] < side:
            continue
        rows, columns = (range(s.start, s.stop - side + 1, side) for s in window)
        for row in rows:
            for column in columns:
                yield place, row, column, side


def _most_telling(crops: Sequence[Crop]) -> list[int]:
    """Numbers of the crops with the most olivine and with the most that looks like it, by turns."""
    olivine = [_mask_of(label) == 1 for _, label in crops]
    greys = np.concatenate([grey[is_it] for (grey, _), is_it in zip(crops, olivine, strict=True)])
    low, high = np.percentile(greys, BRIGHTNESS_OF_OLIVINE) if len(greys) else (np.inf, np.inf)
    alike = [
        np.count_nonzero((_mask_of(label) == 0) & (grey >= low) & (grey <= high))
        for grey, label in crops
    ]
    chosen: list[int] = []
    for amount in (list(map(np.count_nonzero, olivine)), alike) * (MOST_SHOWN // 2):
        left = [number for number in range(len(crops)) if number not in chosen]
        chosen += [max(left, key=amount.__getitem__)] if left else []
    return chosen


def _mask_of(label: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn labels into a mask: 1 olivine, 0 none, 255 unknown."""
    found = class_of_label(label, 1, single=True)
    return np.where(found == UNKNOWN_CLASS, IGNORE, found).astype(np.uint8)


def _stretched(greys: Sequence[NDArray[np.float32]]) -> NDArray[np.uint8]:
    every = np.stack(greys)
    low, high = np.percentile(every, CONTRAST)
    steps = (every - low) * (255 / max(float(high - low), 1e-6))
    return np.asarray(np.clip(steps, 0, 255), np.uint8)
